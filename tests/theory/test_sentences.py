"""What derivations and claims say in formulas is true: read as numbers, on a parabola whose runs are exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.formulas import Symbols, holds, relations
from tests.theory.obligations.common import named
from tests.theory.parabola import symbols
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
    sharp_exact,
    sharp_pl,
    two_stage,
    worst_case,
)
from tsla.theory.constants import Constants
from tsla.theory.derivation import Line
from tsla.theory.growing_noise import Growth
from tsla.theory.method import Method
from tsla.theory.methods import METHODS, declared
from tsla.theory.testing.domain import between, constants, costly
from tsla.theory.testing.planted import tells_apart
from tsla.theory.testing.relations import given_to, run_of

Case = tuple[tuple[Any, ...], dict[str, Any], Symbols]


@st.composite
def cases(draw: st.DrawFn, method: Method) -> Case:
    """A call, and a parabola of curvature μ to L, at L of which the inequalities of one step are equalities."""
    k = draw(constants(delta=between(0.3, 1, 1.0), noiseless=False, kappa=between(1, 10, 1.0)))
    scale, share = draw(between(0.01, 0.999)), draw(between(0.05, 1))
    theta = draw(between(0.05, 1) if method.name == "lsr-exact" else st.none() | between(0.05, 1))  # whose best θ has no short formula
    run = run_of(method, scale / float(k.L), draw(st.integers(1, 20)), theta)
    given_ = given_to(method, k)
    if method.grows:
        t = 1 / (1 + k.delta) if theta is None else theta
        room = 1 / (1 - t + t * k.delta) if method.smooths else 2 / scale - 1
        given_ = given_[0], Growth(A=given_[1].A * share, B=0.9 * share * room)
    if "momentum" in run:
        run |= {"momentum": 0.95 * share, "eta": scale * 2 * (1 - 0.95 * share) ** 2 / (1 + 0.95 * share) / float(k.L)}
    if "clip" in run:  # no gradient along the parabola is as long as that
        steepest = float(np.sqrt(2 * k.L * k.F0 + k.sigma2))
        run |= {"steepest": steepest, "clip": (2 + share) * steepest}
    return given_, run, symbols(method, given_, run, draw(st.sampled_from([float(k.L), float(k.mu)])))


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


def says_nothing_turned_round(method: Method) -> None:
    """A >= that is an equality wherever the noise is as large as it may be is a <= turned round."""
    larger: dict[tuple[str, int], bool] = {}

    @costly(25)
    @given(cases(method))
    def check(case: Case) -> None:
        given_, run, known = case
        for line in method.why(*given_, **run):
            for i, (left, relation, right) in enumerate(relations(line.text, known, line.numbers)):
                larger[line.text, i] = larger.get((line.text, i), False) or relation != ">=" or not holds(left, "=", right)

    check()
    assert all(larger.values()), larger


DERIVED = [method for method in declared() if method.bounds]


@pytest.mark.parametrize("method", DERIVED, ids=named)
def test_derivations(method: Method) -> None:
    says_what_is_true(method)
    says_nothing_turned_round(method)


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
        (sharp.METHOD, "min(θ√δσ, ηL(1-θ)σ/(1-ηL))", "min(θ√δσ, ηL(1-θ)σ)"),
        (sharp.METHOD, "(η/2)(θ²b² +", "(η/4)(θ²b² +"),
        (sharp_pl.GAP, "W/(2μ)", "W/μ"),
        (sharp_pl.TSLA, "T1 F0 + W/(2μ)", "T1 F0 + W/μ"),
        (sharp_exact.METHOD, "2q√((1-x)²‖∇F‖²", "q√((1-x)²‖∇F‖²"),
        (sharp_exact.METHOD, "q²(1-x)⁴", "q²(1-x)²"),
        (last_iterate.METHOD, "<= 2L(F - F*)", "<= L(F - F*)"),
        (last_iterate.SPLIT, "+ (L/μ)", "+ (L/(2μ))"),
        (growing_noise.SGD, "a = LAη²", "a = LAη"),
        (growing_noise.LSR, "a = ρAη", "a = ρA"),
        (momentum.METHOD, "<= hLm‖v‖", ">= hLm‖v‖ + 1"),
        (momentum.METHOD, "hL(1+m)σ² =", "hL(1-m)σ² ="),
        (clipping.METHOD, "σ⁴/(16(τ-S)²) + ηLσ² =", "σ⁴/(4(τ-S)²) + ηLσ² ="),
    ],
)
def test_a_false_sentence_is_found(method: Method, right: str, wrong: str) -> None:
    tells_apart(says_what_is_true, right=method, wrong=saying(method, right, wrong))


def test_a_relation_turned_round_is_found() -> None:
    tells_apart(says_nothing_turned_round, right=sharp.METHOD, wrong=saying(sharp.METHOD, "b² + n² <= δσ²", "b² + n² >= δσ²"))


FAR = Constants(L=3, mu=0.5, sigma2=2, delta=0.4, F0=5)
STALLING = [method for method in METHODS.values() if not method(FAR, eps=1e-3).reachable]


def says_where_it_stalls(method: Method) -> None:
    """The floor that is named is that of the plan, however it is written."""
    plan = method(FAR, eps=1e-3)
    known = {"L": 3, "mu": 0.5, "sigma2": 2, "delta": 0.4, "V(theta)": lsr.floor(FAR)}
    said = list(relations(str(plan.why).replace("*", "·"), known))
    assert said
    for sides in said:
        assert holds(*sides), plan.why
        assert sides[0] == pytest.approx(float(np.asarray(plan.floor)), rel=1e-9)


@pytest.mark.parametrize("method", STALLING, ids=lambda method: str(method.name))
def test_why_a_plan_stalls(method: Method) -> None:
    says_where_it_stalls(method)


def test_another_floor_is_found() -> None:
    def wrong(k: Constants, *, eps: Any) -> Any:
        plan = lsr.steps(k, eps=eps)
        return replace(plan, why=str(plan.why).replace("2*delta", "delta"))

    tells_apart(says_where_it_stalls, right=lsr.METHOD, wrong=replace(lsr.METHOD, steps=wrong))
