"""What a claim says is all composed: each clause of its statement names the manifests whose conclusions it is put into words from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.theory.certificates.steps import MANIFESTS
from tsla.theory.certificates.algebra.engine.manifest import WHOLE
from tsla.theory.claims import BY_ID, Claim
from tsla.theory.testing.planted import Rejects

CLAUSES: dict[str, dict[str, tuple[str, ...]]] = {
    "C1": {"g_LS = (1-θ) g + θ ĝ": ("loss", "gradient", "direction")},
    "C2": {
        "E‖g_LS-∇F‖² ≤ V(θ) = (1-θ)σ² + θδσ²": ("lemma",),
        "V(1/(1+δ)) = 2δσ²/(1+δ)": ("at the paper's theta",),
        "V < σ² iff δ < 1": ("reduction",),
    },
    "C3": {"F(w-ηd) ≤ F(w) - (η/2)‖∇F‖² + (η/2)‖d-∇F‖² for η ≤ 1/L": ("one step",)},
    "C4": {"E‖∇F(w_R)‖² ≤ 2F0/(ηT) + ηLσ²": ("bound",), "O(1/ε⁴) samples": ("plan", "samples")},
    "C5": {"E‖∇F(w_R)‖² ≤ 2F0/(ηT) + V(θ)": ("bound",), "O(1/ε²) samples if δ = O(ε²)": ("plan", "paper's condition")},
    "C6": {"for larger δ the bound C5 never falls under V(θ)": ("floor",)},
    "C7": {"E[F(w_T1)-F*] ≤ (1-η1μ)^T1 F0 + V(θ)/(2μ)": ("bound",)},
    "C8": {
        "E‖∇F(w_R)‖² ≤ 2·gap(C7)/(η2T2) + η2Lσ²": ("second stage", "bound"),
        "T1 + ⌈8δσ²/(μη2ε²)⌉ samples": ("plan",),
    },
    "C9": {
        "at δ = ε^q the plans take: TSLA 1/ε^(4-q) with A4": ("TSLA, plain stage",),
        "of which for q > 2 stage 1 alone would do (C19)": ("TSLA, stage 1 alone",),
        "LSR 1/ε² from q = 2 on": ("LSR", "LSR reaches it", "LSR does not reach it"),
        "SGD 1/ε⁴ without A4": ("SGD",),
    },
    "C10": {"V is linear in θ": ("linear",), "for δ < 1 its minimum is δσ², at θ = 1": ("minimum", "only minimum", "value")},
    "C11": {"(1-θ)²s² + θ²ŝ² + 2θ(1-θ)c": ("expansion",), "least at θ* = (s²-c)/(s²+ŝ²-2c)": ("minimiser",)},
    "C12": {"E‖∇F(w_R)‖² ≤ 2F0/(ηT) + θ²β² + ηL N(θ)": ("bound",)},
    "C13": {"on (L/2)w² with ĝ = Lw - sign(w)√δσ": ("A3",), "LSR stays near ‖∇F‖² = θ²δσ²": ("at η = 1/L", "drift")},
    "C14": {"smoothing lowers the second moment of a batch of B iff B < (s²-N(θ))/(θ²β²)": ("critical batch size",)},
    "C15": {
        "plain SGD with A4 reaches ε² in O(1/ε²) samples": ("(b) phase 1", "(b) phase 2", "(b) phase 3", "(b) samples"),
        "TSLA's bound is nowhere below the best of that and of LSR alone": ("verdict",),
    },
    "C16": {"E‖∇F(w_R)‖² ≤ [2(F0-EF(w_T))/(ηT) + ηLσ²]/(2-ηL)": ("sum", "bound", "attained")},
    "C17": {
        "ĝ = 0 satisfies A3 too": ("zero vector, A3",),
        "smoothing counts only beyond SGD with step (1-θ)η": ("smaller step", "beyond shrinking", "sign"),
    },
    "C18": {
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + W(θ,ηL)": ("bound",),
        "W(θ°) = σ²δy/(δ+y) at θ° = y/(δ+y), y = ηL/(1-ηL)": ("W at θ°",),
        "smoothing buys (4LF0/ε²)(1/δ-1) samples": ("plan", "what smoothing buys"),
    },
    "C19": {
        "E‖∇F(w_T)‖² ≤ 2L·gap (C7, C12, C18)": ("bound", "bound, bias apart", "bound, at worst"),
        "ε² in κ log⁺(2LF0/(ε²-κV)) samples if κV < ε²": ("plan",),
    },
    "C20": {
        "E‖g-∇F‖² ≤ 2A(F-F*) + B‖∇F‖² + C: E‖∇F(w_R)‖² ≤ [2F0 ηLA/(1-(1+LAη²)^-T) + ηLC]/(2-ηL(1+B)), P(R = t) ∝ (1+LAη²)^-t": (
            "bound",
            "weights",
        )
    },
    "C21": {"v⁺ = mv+g, w⁺ = w-ηv⁺: E‖∇F(w_R)‖² ≤ [2F0/(hT) + hL(1+m)σ²]/(2-hL(1+m)/(1-m)), h = η/(1-m)": ("averaged sequence", "bound")},
    "C22": {
        "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + σ⁴/(16(τ-S)²) + ηLσ² where ‖∇F‖ ≤ S < τ": ("bound",),
        "on an instance E clip(g) = 0 at ‖∇F‖ = σ²/(4τ)": ("standstill",),
    },
}
"""In the order of the statement, with nothing but punctuation between them."""
COMPOSED = {(WHOLE[manifest.claim], manifest.name) for manifest in MANIFESTS}


def is_all_composed(claim: Claim) -> None:
    clauses = CLAUSES.get(claim.id, {})
    between = r"[,;:]? ".join(map(re.escape, clauses))
    assert re.fullmatch(between, claim.statement), f"{claim.id} says more than its clauses: {claim.statement}"
    for clause, names in clauses.items():
        for name in names:
            assert (claim.id, name) in COMPOSED, f"no manifest {name!r} of {claim.id}, which says {clause!r}"


@pytest.mark.parametrize("claim", [pytest.param(claim, id=claim.id) for claim in BY_ID.values() if not claim.of_training])
def test_a_statement_is_all_composed(claim: Claim, rejects: Rejects) -> None:
    rejects(is_all_composed, right=claim, wrong=replace(claim, statement=f"{claim.statement}; and for every μ"))


def test_a_clause_without_its_manifest_is_found(rejects: Rejects, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_composed_by(name: str) -> None:
        monkeypatch.setitem(CLAUSES, "C6", dict.fromkeys(CLAUSES["C6"], (name,)))
        is_all_composed(BY_ID["C6"])

    rejects(is_composed_by, right="floor", wrong="ceiling")
