"""What derivations and claims say in formulas is true: read as numbers, on a parabola whose runs are exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.theory.formulas import Symbols, holds, relations
from tsla.theory import biased, lsr, sgd, sgd_pl, smoothing, stall, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.claims import CLAIMS, Claim
from tsla.theory.constants import Constants
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.testing.domain import constants, costly, step_sizes
from tsla.theory.testing.planted import tells_apart
from tsla.theory.testing.relations import given_to, run_of

# --- derivations


def walk(curvature: float, w: tuple[float, float], eta: float, T: int, bias: float, noise: float) -> Iterator[tuple[float, float]]:
    """E w and E w² along ``w ← w - η(∇F + bias + noise)`` on ``F = (curvature/2)w²``, before and after each step."""
    mean, square = w
    yield mean, square
    for _ in range(T):
        kept = 1 - eta * curvature
        mean, square = kept * mean - eta * bias, kept**2 * square - 2 * eta * bias * kept * mean + eta**2 * (bias**2 + noise)
        yield mean, square


def symbols(k: Constants, oracle: Any, run: dict[str, Any], curvature: float) -> Symbols:
    """All that derivations speak of, on a parabola that starts at F0; along one axis, with noise of one size and random sign."""
    L, mu, sigma2, F0 = (float(x) for x in (k.L, curvature if k.mu is None else k.mu, k.sigma2, k.F0))
    delta = 1.0 if k.delta is None else float(k.delta)
    found = None if oracle is None else oracle.moments(k.sigma2)
    eta, T, eta2, T2 = (run.get(one, run.get(other, 0)) for one, other in (("eta", "eta1"), ("T", "T1"), ("eta2", ""), ("T2", "")))
    t = run.get("theta")
    if t is None:
        t = 1 / (1 + delta) if found is None else float(found.theta_for_step(eta * L))
    smooths = "theta" in run
    bias = 0.0 if found is None else -t * float(oracle.beta2) ** 0.5  # it lets the run fall short
    noise = sigma2 if not smooths else sigma2 * ((1 - t) + t * delta**0.5) ** 2 if found is None else float(found.noise(t))
    start = (2 * F0 / curvature) ** 0.5
    path = list(walk(curvature, (start, start**2), eta, T, bias, noise))
    squares = [curvature**2 * square for _, square in path]
    second = [curvature**2 * square for _, square in walk(curvature, path[-1], eta2, T2, 0.0, sigma2)]
    w, (_, after) = start, path[1]
    g = curvature * w + (noise**0.5 if not smooths else 0)
    stepped = curvature / 2 * (w - eta * g) ** 2
    V = sigma2 * ((1 - t) + t * delta)
    kept = (1 - eta * mu) ** T
    gap = kept * F0 + V / (2 * mu)
    measured = {
        **dict.fromkeys(("F(w)", "F - F*"), F0),
        "F": F0,
        "F(w⁺)": stepped if not smooths else curvature / 2 * after,
        **dict.fromkeys(("E F(w⁺)", "E[F(w⁺) - F*]"), curvature / 2 * after),
        **dict.fromkeys(("E[F(w_T) - F*]", "E[F(w_T1) - F*]"), curvature / 2 * path[-1][1]),
        **dict.fromkeys(("‖∇F‖²", "‖∇F(w)‖²"), squares[0]),
        **{"⟨∇F, g⟩": curvature * w * g, "‖g‖²": g**2, "⟨∇F, ∇F + θb̂⟩": curvature * w * (curvature * w + bias)},
        **{"‖∇F + θb̂‖²": (curvature * w + bias) ** 2, "‖θb̂‖²": bias**2, "‖d - ∇F‖²": noise, "E‖g_LS - ∇F‖²": noise},
        **{"E‖g - ∇F‖²": sigma2, "E‖ĝ - ∇F‖²": delta * sigma2},
        "E‖∇F(w_R)‖²": float(np.mean(second[:-1] if T2 else squares[:-1])),
        "E‖∇F(w_T)‖²": squares[-1],
        "Σ E‖∇F(w_t)‖²": sum(squares[:-1]),
        **dict.fromkeys(("Σ(1-ημ)^t", "Σ(1-η1 μ)^t"), (1 - kept) / (eta * mu)),
        **{"2⟨a, a+b⟩": 2 * 3 * (3 + 4), "‖a+b‖²": 49, "‖a‖²": 9, "‖b‖²": 16},
    }
    split = {} if found is None else {"β": float(oracle.beta2) ** 0.5, "ν": float(oracle.nu2) ** 0.5, "c": 0.0, "N(θ)": noise}
    steps = {"η": eta, "η1": eta, "T": T, "T1": T, "η2": eta2, "T2": T2}
    return measured | split | steps | {"L": L, "μ": mu, "σ": sigma2**0.5, "δ": delta, "F0": F0, "θ": t, "V(θ)": V, "V": V, "gap": gap}


Case = tuple[tuple[Any, ...], dict[str, Any], Symbols]


@st.composite
def cases(draw: st.DrawFn, method: Method) -> Case:
    """A call, and a parabola of curvature μ to L, at L of which the inequalities of one step are equalities."""
    k = draw(constants(delta=st.floats(0.3, 1), noiseless=False, kappa=st.floats(1, 10)))
    run = run_of(method, draw(step_sizes(float(k.L))), draw(st.integers(1, 20)), draw(st.none() | st.floats(0.05, 1)))
    known, *oracle = given_to(method, k)
    curvature = draw(st.sampled_from([float(k.L), float(k.mu)]))
    return (known, *oracle), run, symbols(known, *(oracle or [None]), run, curvature)


def says_what_is_true(method: Method) -> None:
    """Each relation in it; where the noise is what the bounds allow, some are equalities."""

    @costly(4)
    @given(cases(method))
    def check(case: Case) -> None:
        given_, run, known = case
        for line in method.why(*given_, **run):
            for said in relations(line.text, known, line.numbers):
                assert holds(*said), (line.text, said)

    check()


METHODS = [sgd.METHOD, worst_case.SGD, lsr.METHOD, biased.MEAN, biased.GAP, two_stage.METHOD, sgd_pl.LAST_ITERATE]


def named(method: Method) -> str:
    return f"{method.claim} {'mu' if 'mu' in method.needs else ''}"


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_derivations(method: Method) -> None:
    says_what_is_true(method)


def saying(method: Method, right: str, wrong: str) -> Method:
    """Its derivation with other words."""

    def why(*given_: Any, **run: Any) -> list[Line]:
        return [Line(line.text.replace(right, wrong), *line.numbers) for line in method.why(*given_, **run)]

    return replace(method, why=why)


@pytest.mark.parametrize(
    ("method", "right", "wrong"),
    [
        (sgd.METHOD, "1 - ηL/2 >= 1/2", "1 - ηL/2 <= 1/2"),
        (sgd.METHOD, "(η/2) Σ E‖∇F(w_t)‖² <=", "(η/2) Σ E‖∇F(w_t)‖² >="),
        (sgd.METHOD, "F(w) - η(1 - ηL/2)‖∇F‖² +", "F(w) - η(1 + ηL/2)‖∇F‖² +"),
        (sgd.METHOD, "+ (L/2)η²‖g‖²", "+ (L/4)η²‖g‖²"),
        (sgd.METHOD, "at most (L/2)η²σ² = ", "at most Lη²σ² = "),
        (sgd.METHOD, "2F0/(ηT)", "F0/(ηT)"),
        (worst_case.SGD, "2 - ηL", "1 - ηL"),
        (lsr.METHOD, "V(θ) = (1-θ)σ² + θδσ²", "V(θ) = (1-θ)σ² + θδ²σ²"),
        (lsr.METHOD, "+ (η/2)‖d - ∇F‖²", "- (η/2)‖d - ∇F‖²"),
        (two_stage.METHOD, "<= 1/(η1 μ)", "<= 1/(2 η1 μ)"),
        (two_stage.METHOD, "F0 + V/(2μ)", "F0 + V/μ"),
        (biased.MEAN, "‖a‖² - ‖b‖²", "‖a‖² + ‖b‖²"),
        (biased.GAP, "2μ(F - F*) <= ‖∇F‖²", "2μ(F - F*) >= ‖∇F‖²"),
        (sgd_pl.LAST_ITERATE, "ηLσ²/(2μ) =", "ηLσ²/μ ="),
    ],
)
def test_a_false_sentence_is_found(method: Method, right: str, wrong: str) -> None:
    tells_apart(says_what_is_true, right=method, wrong=saying(method, right, wrong))


# --- claims


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
    }
    return {claim: known | symbols for claim, symbols in own.items()}


def says_what_the_code_does(claim: Claim) -> None:
    """Bounds are equal to what they are stated to be, and what holds iff something else does holds where that does."""

    premise = " for η ≤ 1/L" if " for η ≤ 1/L" in claim.statement else ": for δ < 1"

    @costly(4)
    @given(constants(delta=st.floats(0.05, 0.95) | st.floats(1.05, 3), noiseless=False), st.integers(1, 30), st.floats(0.1, 0.9))
    def check(k: Constants, T: int, part: float) -> None:
        assume(premise not in claim.statement or k.delta < 1)
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
    ],
)
def test_a_false_statement_is_found(claim: str, right: str, wrong: str) -> None:
    tells_apart(says_what_the_code_does, right=STATED[claim], wrong=stating(claim, right, wrong))
