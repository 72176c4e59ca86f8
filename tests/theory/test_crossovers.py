"""The largest δ at which smoothing pays, by the bounds: put back into the plans, on both sides of it, and beside a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.refusals import refuses
from tsla.theory import inversion
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.methods import METHODS
from tsla.theory.testing.domain import constants, costly, positive, with_stage
from tsla.theory.testing.planted import assert_rejects, tells_apart

Crossovers = Callable[..., dict[str, float]]
K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
SMOOTHED = [name for name, method in METHODS.items() if method.smooths]
PLAIN = [name for name in METHODS if name not in SMOOTHED]
PAIRS = [(method, baseline) for method in SMOOTHED for baseline in PLAIN]
FLOORS = {"lsr": 1, "lsr-pl": 1, "lsr-pl-last": 2 / 1.5}
"""Methods that do not reach every ε, and their floor at ``κ = 2/1.5`` in units of V."""


def samples(method: str, k: Constants, eps: float) -> float:
    return float(METHODS[method](k, eps=eps).total)


@st.composite
def targets(draw: st.DrawFn) -> tuple[Constants, float]:
    """ε² on both sides of 2σ², from far off and from nearer than ε²/μ."""
    k = draw(constants(noiseless=False, delta=st.just(0.1)))
    eps2 = float(k.sigma2) * draw(st.floats(1e-4, 1) | st.floats(0.5, 6))
    return Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, F0=eps2 / k.mu * draw(st.floats(1e-3, 10) | st.floats(1, 1e6))), float(np.sqrt(eps2))


def totals(method: str, k: Constants, delta: np.ndarray, eps: float) -> np.ndarray:
    return METHODS[method](replace(k, delta=delta), eps=eps).total


def is_the_largest_delta_that_pays(crossovers: Crossovers) -> None:
    """Ahead there, and nowhere on a grid from a billionth beyond. 0: nowhere; infinite: without end."""

    @costly(4)
    @given(targets())
    def check(problem: tuple[Constants, float]) -> None:
        k, eps = problem
        found = crossovers(k, eps=eps)
        assert set(found) == {f"{method} before {baseline}" for method, baseline in PAIRS} | {f"{method} reaches eps" for method in FLOORS}
        for method, baseline in PAIRS:
            delta, plain = found[f"{method} before {baseline}"], samples(baseline, k, eps)
            if np.isinf(delta):
                assert (totals(method, k, np.geomspace(1e6, 1e12, 3000), eps) < plain).all()
                continue
            beyond = np.geomspace(delta * (1 + 1e-9) or 1e-12, 1e6 * max(delta, 1), 3000)
            assert (totals(method, k, beyond, eps) >= plain).all()
            if delta > 0:
                assert totals(method, k, np.array([delta]), eps) < plain

    check()


def is_where_the_floor_is_the_target(crossovers: Crossovers) -> None:
    """The plan's own reach: on this side of δ it is reachable, beyond it is not. Infinite from ε² = 2σ² on, for C19 from 2κσ² on."""

    @costly(4)
    @given(positive(), st.floats(1e-6, 1.999) | st.floats(2.001, 3))
    def check(sigma2: float, target: float) -> None:
        k, eps = Constants(L=2, mu=1.5, sigma2=sigma2, F0=1), float(np.sqrt(target * sigma2))
        found = crossovers(k, eps=eps)
        for method, kappa in FLOORS.items():
            delta = found[f"{method} reaches eps"]
            assert np.isinf(delta) == (eps**2 >= 2 * kappa * sigma2)
            near = np.array([1e-9, 1, 1e9]) if np.isinf(delta) else delta * np.array([1 - 1e-6, 1 + 1e-6])
            assert list(np.isfinite(totals(method, k, near, eps))) == ([True] * 3 if np.isinf(delta) else [True, False])

    check()


@pytest.mark.parametrize("check", [is_the_largest_delta_that_pays, is_where_the_floor_is_the_target])
def test_crossovers(check: Callable[[Crossovers], None]) -> None:
    check(inversion.crossovers)


def finds_narrow_windows(crossovers: Crossovers) -> None:
    """TSLA's second stage takes j steps up to ``δ_j = jμη2ε²/(8σ²)``: if any δ pays, the largest that does is one of these.

    The windows are 0.3 to 5 % wide, in totals of some thousand and half a million steps; a little nearer there is none.
    """
    for L, F0, width in ((2e3, 0.020975, None), (2e3, 0.020977, 0.05), (2e5, 0.0209731, 0.003)):
        k, eps2 = Constants(L=L, mu=1, sigma2=1, F0=F0), 0.25
        plain = samples("sgd", k, 0.5)
        delta = np.arange(1, plain) * (eps2 / 2 / L) * eps2 / 8
        pays = delta[totals("tsla", k, delta * (1 - 1e-14), 0.5) < plain]
        found = crossovers(k, eps=0.5)["tsla before sgd"]
        assert (pays.size == 0) == (width is None)
        assert found == pytest.approx(pays[-1] if pays.size else 0, rel=1e-13, abs=0)
        assert width is None or pays[-1] / pays[0] - 1 < width


def gets_longer_or_shorter_with_delta(method: Method) -> None:
    """Each stage one of the two, which is what the search for the largest δ goes by; and once out of reach, a target stays there."""

    @costly(5)
    @given(targets())
    def check(problem: tuple[Constants, float]) -> None:
        k, eps = problem
        plan = method(replace(k, delta=np.geomspace(1e-12, 1e6, 300)), eps=eps)
        for steps in (*(stage.steps for stage in plan.stages), np.where(plan.reachable, 0.0, np.inf)):
            along = np.broadcast_to(steps, 300)
            assert (along[1:] >= along[:-1]).all() or (along[1:] <= along[:-1]).all()

    check()


@pytest.mark.parametrize("method", SMOOTHED)
def test_stages_are_monotone_in_delta(method: str) -> None:
    there_and_back = replace(METHODS[method], steps=lambda k, *, eps: with_stage(METHODS[method](k, eps=eps), 0, steps=np.abs(k.delta - 1)))
    tells_apart(gets_longer_or_shorter_with_delta, right=METHODS[method], wrong=there_and_back)


def on_a_grid(k: Constants, *, eps: float) -> dict[str, float]:
    """Of 50 points a decade."""
    grid = np.geomspace(1e-30, 1e10, 2001)
    return {"tsla before sgd": np.max(grid, where=totals("tsla", k, grid, eps) < samples("sgd", k, eps), initial=0.0)}


def test_narrow_windows() -> None:
    finds_narrow_windows(inversion.crossovers)
    assert_rejects(finds_narrow_windows, on_a_grid)


@pytest.mark.parametrize("method", [name for name in SMOOTHED if not name.startswith("lsr-pl-last")])
def test_crossovers_in_closed_form(method: str) -> None:
    """At κ = 1e9 ceilings don't count: TSLA's second stage is 16κδr², r = 100, and that of LSR alone 2κV/(ε²-V); C18's have V = δ.

    Beside the baseline which a method is behind for some δ: smoothing that is never dropped is before all that do without A4.
    """
    k, r = Constants(L=1e9, mu=1, sigma2=1, F0=1), 100
    baseline = {"lsr-exact": "sgd-exact", "lsr-pl-sharp": "sgd-pl"}.get(method, "sgd")
    delta = inversion.crossovers(k, eps=0.1)[f"{method} before {baseline}"]
    plain, V = samples(baseline, k, 0.1), 2 * delta / (1 + delta)
    burn_in = 1e9 * np.log(2 / V)
    left = 1 - (1 / delta - 1) / (2 * r)
    smoothed = {
        "tsla": burn_in + 16e9 * delta * r**2,
        "lsr": 2e9 / (1 / r - V),
        "lsr-pl": burn_in + 2e9 * V / (1 / r - V),
        "tsla-sharp": 1e9 * np.log(2 / delta) + 8e9 * delta * r**2,
        "lsr-sharp": 8e9 * r**2 * left,
        "lsr-exact": 2e9 / (1 / r - delta),
        "lsr-pl-sharp": 1e9 * np.log(2 / left) + 8e9 * r * left,
    }
    assert smoothed[method] == pytest.approx(plain, rel=1e-8)
    assert delta < 1


def test_the_last_iterate_is_ahead_wherever_it_gets_there() -> None:
    """Its plan is a logarithm of κ times what is asked for, and C4's is 8e13."""
    found = inversion.crossovers(Constants(L=1e9, mu=1, sigma2=1, F0=1), eps=0.1)
    assert found["lsr-pl-last before sgd"] == found["lsr-pl-last reaches eps"] == pytest.approx(0.5e-11, rel=1e-6)


def test_a_baseline_that_float64_can_not_hold_is_always_behind() -> None:
    """C4 asks for 8LF0σ²/ε⁴ samples, which at ε = 1e-78 are too many; wherever a smoothed bound gets there, it is ahead."""
    found = inversion.crossovers(K, eps=1e-78)
    assert np.isinf(found["tsla before sgd"])
    assert found["lsr before sgd"] == found["lsr reaches eps"] == pytest.approx(5e-157, rel=1e-12, abs=0)
    assert 0 < found["tsla before sgd-pl"] < 1e-70


@pytest.mark.parametrize("eps", [1e-3, 1e-10, 1e-11, 1e-30, 1e-60])
@pytest.mark.parametrize("pair", ["lsr-exact before sgd-exact", "lsr-sharp before sgd", "lsr-pl-sharp before sgd-pl"])
def test_what_pays_at_tiny_deltas_alone_is_found_there(pair: str, eps: float) -> None:
    """Below ``δ = ε²/(ε²+σ²)`` the exact plan takes ``2LF0/(ε²-δσ²)`` samples, up to as many as C16; C18's others are ahead for longer."""
    method, baseline = pair.split(" before ")
    k, least = Constants(L=1, mu=0.1, sigma2=1, F0=1), eps**2 * (1 - 1e-5)
    assert totals(method, k, np.array([least]), eps) < samples(baseline, k, eps)
    found = inversion.crossovers(k, eps=eps)[pair]
    assert found >= least
    assert method != "lsr-exact" or found == pytest.approx(eps**2, rel=1e-5, abs=0)


def stops_where_the_plans_are_one(counted: float) -> None:
    """From δ = 1 on, C18's plans are those without smoothing; computed in another order, their totals are a rounding error apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inversion, "COUNTED", counted)
        found = inversion.crossovers(Constants(L=10, mu=1, sigma2=1, F0=1), eps=1e-4)
        assert found["lsr-sharp before sgd"] == pytest.approx(1, rel=1e-5)
        found = inversion.crossovers(Constants(L=1e18, mu=1, sigma2=1, F0=1), eps=2)
        assert found["lsr-pl-last-sharp before sgd-pl-last"] <= 1


def test_totals_that_only_rounding_tells_apart_are_equal() -> None:
    tells_apart(stops_where_the_plans_are_one, right=inversion.COUNTED, wrong=np.inf)


def test_smoothing_alone_close_to_the_target() -> None:
    """F0 below ε²/(10μ), ε² = σ²: C4 asks for 80 samples, LSR for 78 at δ = 0.59, but not at 0.61."""
    k = Constants(L=10, mu=0.001, sigma2=1, F0=1)
    assert [float(x) for x in totals("lsr", k, np.array([0.004, 0.59, 0.61]), 1.0)] == [40, 78, 83]
    assert samples("sgd", k, 1.0) == 80
    assert 0.59 < inversion.crossovers(k, eps=1.0)["lsr before sgd"] < 0.61


@pytest.mark.parametrize(
    ("k", "eps", "pair", "delta"),
    [
        # A baseline that is there at once is never behind: ε² > 4LF0, and no step of C15a is needed.
        *((Constants(L=10, mu=1, sigma2=1, F0=1e-3), 0.5, f"{method} before sgd-pl-last", 0) for method in SMOOTHED),
        # A tie is not ahead: from ε² = 4σ² on C4 and C5 both ask for 4LF0/ε² samples.
        (K, 2, "lsr before sgd", 0),
        # ε² = 4σ²: V < ε²/2 at every δ, and so LSR takes one step; C15b takes 20.
        (Constants(L=10, mu=1, sigma2=1, F0=0.05), 2, "lsr before sgd-pl", np.inf),
        # There LSR with A4 takes 20V/(4-V) steps, at most 19 up to V = 76/39, that is δ = V/(2-V) = 38.
        (Constants(L=10, mu=1, sigma2=1, F0=0.05), 2, "lsr-pl before sgd-pl", 38),
    ],
)
def test_crossovers_by_hand(k: Constants, eps: float, pair: str, delta: float) -> None:
    assert inversion.crossovers(k, eps=eps)[pair] == pytest.approx(delta, rel=1e-9, abs=0)


@pytest.mark.parametrize("factor", [0.5, 0.9999, 1.0001, 2.0])
@pytest.mark.parametrize("pair", ["tsla before sgd", "lsr before sgd", "lsr-pl before sgd-two-step"])
def test_wrong_crossovers_are_rejected(pair: str, factor: float) -> None:
    def wrong(k: Constants, *, eps: float) -> dict[str, float]:
        right = inversion.crossovers(k, eps=eps)
        return right | {pair: right[pair] * factor}

    assert_rejects(is_the_largest_delta_that_pays, wrong)


@pytest.mark.parametrize(
    "reach", [lambda sigma2, eps2: eps2 / (2 * sigma2), lambda sigma2, eps2: eps2 / sigma2, lambda sigma2, eps2: eps2 / (2 * sigma2 + eps2)]
)
def test_wrong_reaches_are_rejected(reach: Callable[[float, float], float]) -> None:
    def wrong(k: Constants, *, eps: float) -> dict[str, float]:
        return {f"{method} reaches eps": reach(kappa * float(k.sigma2), eps**2) for method, kappa in FLOORS.items()}

    assert_rejects(is_where_the_floor_is_the_target, wrong)


def test_premises() -> None:
    refuses(lambda: inversion.crossovers(K, eps=0), "eps = 0 must be a finite number above 0")
    refuses(lambda: inversion.crossovers(Constants(L=10, sigma2=1, F0=1), eps=1), "mu is missing; C15b needs it (assumption A4)")
