"""What each claim states in words is what the code computes, and a false statement is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.theory.formulas import Symbols, holds, relations
from tsla.theory import (
    biased,
    clipping,
    growing_noise,
    last_iterate,
    lsr,
    momentum,
    sgd,
    sgd_pl,
    sharp,
    sharp_pl,
    smoothing,
    stall,
    two_stage,
    worst_case,
)
from tsla.theory.biased import SmoothingOracle
from tsla.theory.claims import CLAIMS, Claim
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.testing.domain import between, constants, costly
from tsla.theory.testing.planted import tells_apart


def readings(k: Constants, eta: float, T: float, t: float) -> dict[str, Symbols]:
    """For each claim what its statement speaks of, from the functions that it is about; a bound's quantity is the bound."""
    delta = k.need_delta("C2")
    half = float(delta * k.sigma2) / 2
    oracle = SmoothingOracle(beta2=half, nu2=half, c=-half / 10)
    moments = replace(oracle.moments(k.sigma2), grad2=2.0)
    gap = two_stage.stage_one(k, eta1=eta, T1=T, theta=t).total
    stages = {"eta1": eta, "T1": T, "eta2": eta, "T2": T}
    error2 = {"s": moments.s2**0.5, "ŝ": moments.shat2**0.5, "c": moments.c}
    known = {name: float(getattr(k, field)) for name, field in {"L": "L", "μ": "mu", "δ": "delta", "F0": "F0"}.items()}
    known |= {"σ": float(k.sigma2) ** 0.5, "θ": t, "V": lsr.floor(k, t), "V(θ)": lsr.floor(k, t), "β": half**0.5, "N(θ)": moments.noise(t)}
    known |= dict.fromkeys(("η", "η1", "η2"), eta) | dict.fromkeys(("T", "T1", "T2"), T)
    known |= {
        "√δ": float(delta) ** 0.5,
        "W(θ,ηL)": sum(sharp.bound(k, eta=eta, T=T, theta=t).terms[part] for part in ("smoothing", "noise")),
    }
    own: dict[str, Symbols] = {
        "C1": {"g_LS": smoothing.mix(2.0, 3.0, t), "g": 2.0, "ĝ": 3.0},
        "C2": {"E‖g_LS-∇F‖²": known["V"], "V(1/(1+δ))": smoothing.lemma_at_paper_theta(k.sigma2, delta)},
        "C3": {"F(w-ηd)": sgd.descent(1.0, 2.0, 3.0, L=k.L, eta=eta), "F(w)": 1.0, "‖∇F‖²": 2.0, "‖d-∇F‖²": 3.0},
        "C4": {"E‖∇F(w_R)‖²": sgd.bound(k, eta=eta, T=T).total},
        "C5": {"E‖∇F(w_R)‖²": lsr.bound(k, eta=eta, T=T, theta=t).total},
        "C7": {"E[F(w_T1)-F*]": gap},
        "C8": {"E‖∇F(w_R)‖²": two_stage.bound(k, **stages, theta=t).total, "gap(C7)": gap},
        "C10": {"θ": smoothing.lemma_theta(delta)},
        "C11": error2 | {"θ*": moments.theta_star},
        "C12": {"E‖∇F(w_R)‖²": biased.bound(k, oracle, eta=eta, T=T, theta=t).total},
        "C12-gap": {"E[F(w_T)-F*]": biased.gap_bound(k, oracle, eta=eta, T=T, theta=t).total},
        "C13": {"‖∇F‖²": stall.settled(k.sigma2, delta, t)},
        "C14": error2 | {"B": 7.0, "smoothing lowers the second moment of a batch of B": moments.at_batch_size(7).excess(t) < 0},
        "C15a": {"E‖∇F(w_T)‖²": sgd_pl.last_iterate_bound(k, eta=eta, T=T).total},
        "C16": {"E‖∇F(w_R)‖²": worst_case.sgd_bound(k, eta=eta, T=T).total, "EF(w_T)": 0.0},
        "C18": {"E‖∇F(w_R)‖²": sharp.bound(k, eta=eta, T=T, theta=t).total, **bought(k, eta)},
        "C18-lemma": {**dict.fromkeys(("E‖g_LS-∇F‖²", "U(θ)"), smoothing.sharp(k.sigma2, delta, t)), "g-∇F": 3.0, "ĝ-∇F": 3 * delta**0.5},
        "C18-gap": {"E[F(w_T)-F*]": sharp_pl.gap_bound(k, eta=eta, T=T, theta=t).total},
        "C19": {
            "E‖∇F(w_T)‖²": last_iterate.bound(k, eta=eta, T=T, theta=t).total,
            **{"gap (C7, C12, C18)": gap, "κ": float(k.L / k.mu), "ε": (2 * float(k.L / k.mu * known["V"])) ** 0.5},
        },
        **dict.fromkeys(("C20", "C20-lsr"), grown(k, eta, T, t)),
        "C21": with_momentum(k, eta, T, t / 2),
        "C22": clipped(k, eta, T, t),
    }
    return {claim: known | symbols for claim, symbols in own.items()}


def bought(k: Constants, eta: float) -> Symbols:
    """C18 at θ°, and what its plan saves of C4's, before it is rounded up, for a target between 0 and 2δσ²."""
    theta, *_ = sharp.why(k, eta=eta, T=1)[0].numbers
    found = sharp.bound(k, eta=eta, T=1).terms
    eps = float(k.delta * k.sigma2) ** 0.5
    saved = [4 * float(k.F0) / (float(steps(k, eps=eps).stages[0].eta) * eps**2) for steps in (sgd.steps, sharp.steps)]
    y = eta * float(k.L) / (1 - eta * float(k.L))
    return {"θ°": theta, "W(θ°)": found["smoothing"] + found["noise"], "y": y, "ε": eps, "smoothing": saved[0] - saved[1]}


def grown(k: Constants, eta: float, T: float, t: float) -> Symbols:
    growth = Growth(A=float(k.L) * t, B=t / 3)
    found = growing_noise.sgd_bound(k, growth, eta=eta, T=T).total
    largest = 2 * growth.A * 3 + growth.B * 2 + k.sigma2
    noise = {"E‖g-∇F‖²": largest, "F-F*": 3.0, "‖∇F‖²": 2.0}
    return {"A": growth.A, "B": growth.B, "C": k.sigma2, "ρ": smoothing.lemma(1, k.delta, t), "E‖∇F(w_R)‖²": found, **noise}


def with_momentum(k: Constants, eta: float, T: float, m: float) -> Symbols:
    step = eta * (1 - m) ** 2 / (1 + m)
    h, found = step / (1 - m), momentum.bound(k, eta=step, T=T, momentum=m).total
    return {"m": m, "η": step, "h": h, "hT": h * T, "hL": h * float(k.L), "E‖∇F(w_R)‖²": found}


def clipped(k: Constants, eta: float, T: float, t: float) -> Symbols:
    """Where the slope is as large as is assumed, and that of the instance."""
    clip = float(k.sigma2) ** 0.5 * (1 + t)
    steepest = float(clipping.standstill(k.sigma2, clip)) ** 0.5
    found = clipping.bound(k, eta=eta, T=T, clip=clip, steepest=steepest).total
    return {"τ": clip, "S": steepest, "‖∇F‖": steepest, "E clip(g)": 0.0, "E‖∇F(w_R)‖²": found}


def says_what_the_code_does(claim: Claim) -> None:
    """Bounds are equal to what they are stated to be, and what holds iff something else does holds where that does."""

    premise = " for η ≤ 1/L" if " for η ≤ 1/L" in claim.statement else ": for δ < 1"

    @costly(4)
    @given(constants(delta=between(0.05, 0.95) | between(1.05, 3), noiseless=False), st.integers(1, 30), between(0.1, 0.9))
    def check(k: Constants, T: int, part: float) -> None:
        assume((premise not in claim.statement and claim.id != "C18") or k.delta < 1)
        said = readings(k, part / float(k.L), T, part)[claim.id]
        for clause in claim.statement.replace(premise, "; ").split("; "):
            if " iff " in clause:
                this, that = (_truth(side, said) for side in clause.split(" iff "))
                assert this == that, clause
            else:
                for left, relation, right in relations(clause, said):
                    assert holds(left, "=" if relation == "<=" else relation, right), (clause, left, right)
                    assert relation != ">=", f"{clause} is a bound from above"

    check()


def _truth(clause: str, known: Symbols) -> bool:
    return bool(known[clause]) if clause in known else all(holds(*said) for said in relations(clause, known))


STATED = {claim.id: claim for whole in CLAIMS for claim in (whole, *whole.parts)}
READ = [STATED[claim] for claim in readings(Constants(L=2, mu=1, sigma2=1, delta=0.5, F0=1), 0.1, 10, 0.5)]
"""The others are words: what they say has its own tests in ``tests/claims``."""


@pytest.mark.parametrize("claim", READ, ids=lambda claim: str(claim.id))
def test_statements(claim: Claim) -> None:
    says_what_the_code_does(claim)


def stating(claim: str, right: str, wrong: str) -> Claim:
    assert STATED[claim].statement.count(right) == 1
    return replace(STATED[claim], statement=STATED[claim].statement.replace(right, wrong))


@pytest.mark.parametrize(
    ("claim", "right", "wrong"),
    [
        ("C1", "(1-θ) g + θ ĝ", "θ g + (1-θ) ĝ"),
        ("C2", "σ² iff δ < 1", "σ² iff δ > 1"),
        ("C2", "2δσ²/(1+δ)", "δσ²/(1+δ)"),
        ("C3", "+ (η/2)‖d", "- (η/2)‖d"),
        ("C4", "≤ 2F0", "≥ 2F0"),
        ("C5", "2F0/(ηT)", "F0/(ηT)"),
        ("C7", "V(θ)/(2μ)", "V(θ)/(4μ)"),
        ("C8", "2·gap", "4·gap"),
        ("C10", "θ = 1", "θ = 0"),
        ("C11", "(s²-c)/", "(ŝ²-c)/"),
        ("C12", "ηL N(θ)", "N(θ)"),
        ("C12-gap", "/(2μ)", "/μ"),
        ("C13", "θ²δσ²", "θδσ²"),
        ("C14", "B < (s²", "B > (s²"),
        ("C15a", "ηL²σ²/μ", "ηLσ²/μ"),
        ("C16", "/(2-ηL)", "/(1-ηL)"),
        ("C18", "y = ηL/(1-ηL)", "y = ηL/(1+ηL)"),
        ("C18", "buys (4LF0", "buys (2LF0"),
        ("C18-lemma", "(1-θ)+θ√δ", "(1-θ)+θδ"),
        ("C18-gap", "/(2μ)", "/μ"),
        ("C19", "2L·gap", "L·gap"),
        ("C19", "κV < ε²", "κV > ε²"),
        ("C20", "[2F0", "[F0"),
        ("C20-lsr", "1-θ+θδ", "1-θ+δ"),
        ("C21", "(1+m)σ²", "(1-m)σ²"),
        ("C22", "16(τ-S)²", "4(τ-S)²"),
        ("C22", "σ²/(4τ)", "σ²/(2τ)"),
    ],
)
def test_a_false_statement_is_found(claim: str, right: str, wrong: str) -> None:
    tells_apart(says_what_the_code_does, right=STATED[claim], wrong=stating(claim, right, wrong))
