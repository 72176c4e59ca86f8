"""Every number of a derivation, recomputed at 50 digits; and what it arrives at is the bound."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.domain import constants, costly, step_sizes, thetas
from tests.claims.support.recursions import exact, smoothed_error2
from tests.planted import assert_rejects
from tsla.theory import biased, derivations, lsr, sgd, worst_case
from tsla.theory import two_stage as two_stages
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.commands.bound import BOUNDS
from tsla.theory.constants import Constants
from tsla.theory.derivations import DERIVATIONS

Derivation = Callable[..., list[str]]
Case = tuple[Bound, tuple[Any, ...], dict[str, Any]]

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")


@st.composite
def cases(draw: st.DrawFn, claim: str) -> Case:
    """A bound with its constants, its oracle where it has one, and its run."""
    k = draw(constants(delta=st.just(0.0) | st.floats(1e-3, 10)))
    eta = draw(step_sizes(float(k.L)))
    theta = draw(st.none() | thetas)
    single = {"eta": eta, "T": draw(st.integers(1, 10**6))}
    if claim == "C4":
        return sgd.bound(k, **single), (k,), single
    if claim == "C16":
        return worst_case.sgd_bound(k, **single), (k,), single
    if claim == "C5":
        return lsr.bound(k, **single, theta=theta), (k,), single | {"theta": theta}
    if claim == "C8":
        both = {"eta1": eta, "T1": draw(st.integers(0, 1000)), "eta2": draw(step_sizes(float(k.L))), "T2": single["T"], "theta": theta}
        return two_stages.bound(k, **both), (k,), both
    oracle = SmoothingOracle(beta2=draw(st.floats(0, 10)), nu2=draw(st.floats(0, 10)), c=0)
    if draw(st.booleans()):
        return biased.gap_bound(k, oracle, **single, theta=theta), (k, oracle), single | {"theta": theta}
    bare = Constants(L=k.L, sigma2=k.sigma2, F0=k.F0)
    return biased.bound(bare, oracle, **single, theta=theta), (bare, oracle), single | {"theta": theta}


def recomputed(claim: str, given_: tuple[Any, ...], run: dict[str, Any]) -> list[Any]:
    """The numbers in the order in which they are said."""
    k = given_[0]
    L, sigma2, F0 = map(exact, (k.L, k.sigma2, k.F0))
    mu = None if k.mu is None else exact(k.mu)
    eta, T, eta1, T1, eta2, T2 = (exact(run.get(name, 1)) for name in ("eta", "T", "eta1", "T1", "eta2", "T2"))
    if claim == "C4":
        lift = eta**2 * L * sigma2 / 2
        return [eta, L, eta * L, lift, T, F0, T * lift, eta * T / 2, 2 * F0 / (eta * T), eta * L * sigma2]
    if claim == "C16":
        total = 2 * F0 / (eta * T) + eta * L * sigma2
        return [2 - eta * L, T, total, total / (2 - eta * L)]
    if claim == "C12":
        return _of_biased(given_[1], L, sigma2, F0, mu, eta, T, run["theta"])
    t = 1 / (1 + exact(k.delta)) if run["theta"] is None else exact(run["theta"])
    V = smoothed_error2(k, run["theta"])
    if claim == "C5":
        plain, smoothed = (1 - t) * sigma2, t * exact(k.delta) * sigma2
        return [t, plain, smoothed, V, eta * L, T, F0, T * eta / 2 * V, eta * T / 2, 2 * F0 / (eta * T), V, V]
    kept, floor = (1 - eta1 * mu) ** T1, V / (2 * mu)
    gap = kept * F0 + floor
    stage_one = [t, V, eta1 * L, 1 - eta1 * mu, T1, kept, kept * F0, floor, gap]
    return [*stage_one, eta2 * L, eta2 * T2, 2 * gap / (eta2 * T2), eta2 * L * sigma2]


def _of_biased(oracle: SmoothingOracle, L: Any, sigma2: Any, F0: Any, mu: Any, eta: Any, T: Any, theta: float | None) -> list[Any]:
    beta2, nu2 = exact(oracle.beta2), exact(oracle.nu2)
    scale, curvature = eta * L * sigma2, beta2 + eta * L * (sigma2 + nu2)
    t = exact(theta) if theta is not None else scale / curvature if curvature > 0 else exact(0)
    bias, N = t**2 * beta2, (1 - t) ** 2 * sigma2 + t**2 * nu2
    floor = bias + eta * L * N
    lines = [t, bias, N, eta * L, bias, eta * L * N, floor]
    if mu is None:
        return [*lines, T, 2 * F0 / (eta * T), floor]
    kept = (1 - eta * mu) ** T
    return [*lines, mu, floor, T, kept, kept * F0, floor / (2 * mu)]


CLAIMS = ("C4", "C16", "C5", "C12", "C8")
every_claim = pytest.mark.parametrize("claim", CLAIMS)


@pytest.fixture
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of the call are told from those of a formula, and said to the last digit."""
    monkeypatch.setattr(derivations, "_n", lambda value: f"⟦{float(value)!r}⟧")


def numbers_are_right(claim: str, derivation: Derivation) -> None:
    @costly(2)
    @given(cases(claim))
    def check(case: Case) -> None:
        bound, given_, run = case
        assert bound.claim == claim
        said = [float(number) for line in derivation(*given_, **run) for number in re.findall("⟦(.*?)⟧", line)]
        k = given_[0]
        tolerance = 1e-15 + 1e-14 * float(k.F0) / min(run.get("eta2", 1.0), 1.0)  # 1-ημ keeps an absolute error of 1e-16
        assert said == [pytest.approx(float(number), rel=1e-11, abs=tolerance) for number in recomputed(claim, given_, run)]

    check()


def arrives_at_the_bound(claim: str, derivation: Derivation) -> None:
    """What stands after the last = of its last equation adds up to the total, as far as six digits say."""

    @costly(2)
    @given(cases(claim))
    def check(case: Case) -> None:
        bound, given_, run = case
        *_, last = [line for line in derivation(*given_, **run) if "=" in line]
        said = [float(number) for number in NUMBER.findall(last.rpartition("=")[2])]
        assert 1 <= len(said) <= 2
        assert sum(said) == pytest.approx(float(bound.total), rel=1e-5, abs=1e-322)  # where a last digit is 5e-324

    check()


@pytest.mark.usefixtures("_marked")
@every_claim
def test_every_number(claim: str) -> None:
    numbers_are_right(claim, DERIVATIONS[claim])


SMALL = Constants(L=1, mu=1, sigma2=1, F0=1e-14, delta=1e-14)


@pytest.mark.parametrize(
    ("claim", "bound", "run"),
    [("C5", lsr.bound, {"eta": 1, "T": 100}), ("C8", two_stages.bound, {"eta1": 1, "T1": 1, "eta2": 1e-14, "T2": 10**14})],
)
def test_every_digit_at_small_delta(claim: str, bound: Callable[..., Bound], run: dict[str, float]) -> None:
    """2δσ²/(1+δ) = 2e-14 beside what is as small."""
    *_, last = [line for line in DERIVATIONS[claim](SMALL, **run, theta=None) if "=" in line]
    said = [float(number) for number in NUMBER.findall(last.rpartition("=")[2])]
    assert sum(said) == pytest.approx(float(bound(SMALL, **run).total), rel=1e-5, abs=0)


@every_claim
def test_the_last_line_is_the_bound(claim: str) -> None:
    arrives_at_the_bound(claim, DERIVATIONS[claim])


@every_claim
def test_no_other_number_depends_on_the_call(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the numbers of the call taken out, the text is the same for all calls of a kind."""
    monkeypatch.setattr(derivations, "_n", lambda value: "#")
    seen: dict[tuple[bool, bool], list[str]] = {}

    @given(cases(claim))
    def check(case: Case) -> None:
        _, given_, run = case
        kind = (run.get("theta") is None, given_[0].mu is None)
        text = DERIVATIONS[claim](*given_, **run)
        assert seen.setdefault(kind, text) == text

    check()


@pytest.mark.parametrize("claim", ["C5", "C12"])
def test_who_chose_theta(claim: str) -> None:
    k = Constants(L=10, sigma2=1, F0=1, delta=0.1)
    given_ = (k,) if claim == "C5" else (k, SmoothingOracle(beta2=1, nu2=1))
    for theta, says in ((None, ("paper's choice", "which minimises")), (0.5, ("θ = 0.5 (as given)",))):
        line = DERIVATIONS[claim](*given_, eta=0.1, T=5, theta=theta)[0]
        assert any(words in line for words in says)
        assert ("as given" in line) == (theta is not None)


def test_numbers_are_said_to_six_digits() -> None:
    line = DERIVATIONS["C4"](Constants(L=3, sigma2=1, F0=1), eta=1 / 3, T=7)[-1]
    assert NUMBER.findall(line.rpartition("=")[2]) == ["0.857143", "1"]


def test_every_bound_of_the_command_line_has_one() -> None:
    assert DERIVATIONS.keys() == set(CLAIMS)
    assert {"sgd", "lsr", "tsla"} == BOUNDS.keys()  # C4 and C16, C5 and C12, C8


# --- planted errors ---


def with_number(claim: str, index: int, factor: float) -> Derivation:
    """The right derivation with one of its numbers multiplied."""

    def wrong(*args: Any, **run: Any) -> list[str]:
        count = -1

        def changed(match: re.Match[str]) -> str:
            nonlocal count
            count += 1
            return f"⟦{float(match[1]) * factor!r}⟧" if count == index else match[0]

        return [re.sub("⟦(.*?)⟧", changed, line) for line in DERIVATIONS[claim](*args, **run)]

    return wrong


@pytest.mark.usefixtures("_marked")
@pytest.mark.parametrize(("claim", "index"), [("C4", 9), ("C16", 2), ("C5", 7), ("C12", 5), ("C8", 8)])
def test_a_wrong_number_is_found(claim: str, index: int) -> None:
    assert_rejects(lambda derivation: numbers_are_right(claim, derivation), with_number(claim, index, 1.001))


@every_claim
def test_a_derivation_that_arrives_elsewhere_is_rejected(claim: str) -> None:
    def of_half_the_noise(k: Constants, *args: Any, **run: Any) -> list[str]:
        return DERIVATIONS[claim](Constants(L=k.L, sigma2=k.sigma2 / 2, F0=k.F0, delta=k.delta, mu=k.mu), *args, **run)

    assert_rejects(lambda derivation: arrives_at_the_bound(claim, derivation), of_half_the_noise)
