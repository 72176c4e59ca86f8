"""Plans as numbers: ceilings that forgive rounding, an error where a length is no number, and a word where there is no plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.domain import constants, positive_deltas, targets
from tests.claims.support.refusals import refuses, unless_refused
from tsla.theory import lsr, sgd, sgd_pl, two_stage
from tsla.theory.complexity import exponents
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan, Stage, whole_steps

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
every_plan = pytest.mark.parametrize("plan", METHODS.values(), ids=METHODS.keys())


@pytest.mark.parametrize(
    ("real_steps", "steps"),
    [
        (800000.0000000001, 800000),
        (799999.9999999999, 800000),
        (800000.001, 800001),
        (0.1 * 3 / 0.3, 1),
        (1.0000001, 2),
        (1e-12, 1),
        (0.0, 0),
        (-0.0, 0),
        (-5.5, 0),
        (-np.inf, 0),
        (np.inf, np.inf),
        (1e30, 1e30),
    ],
)
def test_ceilings(real_steps: float, steps: float) -> None:
    assert float(whole_steps(np.float64(real_steps))) == pytest.approx(steps, rel=1e-14)


@given(st.integers(1, 10**9), st.floats(-1e-15, 1e-15), st.floats(1e-4, 1))
def test_a_ceiling_forgives_rounding_and_nothing_else(n: int, rounding: float, part: float) -> None:
    assert float(whole_steps(np.float64(n * (1 + rounding)))) == n
    assert float(whole_steps(np.float64(n - 1 + part))) == n


@every_plan
@pytest.mark.parametrize(
    ("eps", "value"), [(0, "0"), (-0.1, "-0.1"), (float("nan"), "nan"), (float("inf"), "inf"), (True, "True"), ("0.1", "'0.1'")]
)
def test_targets_outside_their_range(plan: Callable[..., Plan], eps: Any, value: str) -> None:
    refuses(lambda: plan(K, eps=eps), f"eps = {value} must be a finite number above 0")


NOISELESS = Constants(L=10, mu=1, sigma2=0, delta=0.1, F0=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_stage.steps(NOISELESS, eps=1), "sigma2 = 0 must be above 0 for C8"),
        (lambda: two_stage.steps(Constants(L=10, mu=1, sigma2=1, delta=[0.1, 0], F0=1), eps=1), "delta = 0 must be above 0 for C8"),
        (lambda: sgd_pl.three_phase_steps(NOISELESS, eps=1), "sigma2 = 0 must be above 0 for C15b"),
        (lambda: sgd_pl.two_step_size_steps(NOISELESS, eps=1), "sigma2 = 0 must be above 0 for C15c"),
        (lambda: lsr.steps(Constants(L=1, sigma2=1, F0=1), eps=1), "delta is missing; C5 needs it"),
        (lambda: two_stage.steps(Constants(L=1, sigma2=1, F0=1, mu=1), eps=1), "delta is missing; C8 needs it"),
        (lambda: two_stage.steps(Constants(L=1, sigma2=1, F0=1, delta=1), eps=1), "mu is missing; C8 needs it"),
        (lambda: sgd_pl.last_iterate_steps(Constants(L=1, sigma2=1, F0=1), eps=1), "mu is missing; C15a needs it"),
        (lambda: sgd_pl.three_phase_steps(Constants(L=1, sigma2=1, F0=1), eps=1), "mu is missing; C15b needs it"),
        (lambda: sgd_pl.two_step_size_steps(Constants(L=1, sigma2=1, F0=1), eps=1), "mu is missing; C15c needs it"),
        (lambda: exponents(-1), "q = -1 must be a finite number at least 0"),
    ],
)
def test_plans_that_have_no_value(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()


def test_a_noiseless_oracle_needs_no_small_step() -> None:
    (sgd_stage,) = sgd.steps(NOISELESS, eps=0.1).stages
    assert (float(sgd_stage.eta), float(sgd_stage.steps)) == (0.1, 4000)
    (last,) = sgd_pl.last_iterate_steps(NOISELESS, eps=0.1).stages
    assert (float(last.eta), float(last.steps)) == (0.1, np.ceil(10 * np.log(4000)))
    (smoothed,) = lsr.steps(NOISELESS, eps=0.1).stages
    assert (float(smoothed.eta), float(smoothed.steps)) == (0.1, 4000)


@every_plan
def test_a_length_that_overflows_is_refused(plan: Callable[..., Plan]) -> None:
    """At ε = 1e-150 ε⁴ is no number any more; what stalls at a floor is out of reach there instead."""
    k = Constants(L=10, mu=1e-10, sigma2=1e10, delta=0.1, F0=1)
    result = unless_refused(
        lambda: plan(k, eps=1e-150), r"the number of steps that C\d+[abc]? asks for overflows float64; eps is too small"
    )
    assert result is None or (result.floor is not None and not result.reachable)


def test_a_length_within_reach_that_overflows_is_refused() -> None:
    with pytest.raises(ValueError, match="the number of steps that C5 asks for overflows float64; eps is too small"):
        lsr.steps(Constants(L=1e300, sigma2=0, delta=0, F0=1e300), eps=1e-3)


@every_plan
@pytest.mark.parametrize("name", ["L", "mu", "sigma2", "delta", "F0"])
@pytest.mark.parametrize("extreme", [1e300, 1e-300])
@pytest.mark.parametrize("eps", [1e-3, 1.0, 1e3])
def test_a_plan_is_a_number_or_refused(plan: Callable[..., Plan], name: str, extreme: float, eps: float) -> None:
    fields = {"L": 10.0, "mu": 1.0, "sigma2": 1.0, "delta": 0.1, "F0": 1.0} | {name: extreme}
    fields["L"] = max(fields["L"], fields["mu"]) if name == "mu" else fields["L"]
    fields["mu"] = min(fields["L"], fields["mu"])
    result = unless_refused(lambda: plan(Constants(**fields), eps=eps), "overflows float64")
    if result is not None:
        assert np.isfinite(result.total) == result.reachable
        assert all(stage.eta > 0 and stage.steps >= 0 for stage in result.stages)


@pytest.mark.parametrize(
    ("plan", "k", "eps"),
    [
        (sgd.steps, NOISELESS, 1e-200),
        (lsr.steps, Constants(L=10, mu=1, sigma2=0, delta=0, F0=1), 1e-200),
        (lsr.steps, K, 1e200),
        (sgd_pl.last_iterate_steps, K, 1e200),
        (sgd.steps, K, 1e200),
    ],
    ids=["C4: 0/0 for eta", "C5: eps² is 0, so never", "C5: eps² overflows", "C15a: eps² overflows", "C4: eps² overflows, so no step"],
)
def test_a_target_whose_square_is_no_number_is_refused(plan: Callable[..., Plan], k: Constants, eps: float) -> None:
    with pytest.raises(ValueError, match="eps"):
        plan(k, eps=eps)


@every_plan
@given(k=constants(delta=positive_deltas, noiseless=False), eps=targets)
def test_stages_are_whole_and_within_the_premises(plan: Callable[..., Plan], k: Constants, eps: float) -> None:
    result = plan(k, eps=eps)
    for stage in result.stages:
        assert stage.eta * k.L <= 1 + 1e-15
        assert 0 <= stage.theta <= 1
        assert stage.steps == np.floor(stage.steps) or not result.reachable
    assert float(result.total) == sum(float(stage.steps) for stage in result.stages)
    if not result.reachable:
        assert np.isinf(result.total)
        assert result.floor >= eps**2
        assert result.why is not None
        assert "(C6)" in result.why


@every_plan
@given(k=constants(delta=positive_deltas, noiseless=False), eps=targets, factor=st.floats(1, 10))
def test_a_finer_target_or_a_farther_start_never_asks_for_less(plan: Callable[..., Plan], k: Constants, eps: float, factor: float) -> None:
    here = float(plan(k, eps=eps).total)
    assert float(plan(k, eps=eps / factor).total) >= here * (1 - 1e-12)
    farther = Constants(L=k.L, mu=k.mu, sigma2=k.sigma2, delta=k.delta, F0=k.F0 * factor)
    assert float(plan(farther, eps=eps).total) >= here * (1 - 1e-12)


@every_plan
@given(k=constants(delta=positive_deltas, noiseless=False), eps=targets, factor=st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_plans_scale_with_the_objective(plan: Callable[..., Plan], k: Constants, eps: float, factor: float) -> None:
    """F → aF, ε → aε: the same lengths, and step sizes divided by a. Powers of two leave no rounding."""
    scaled = Constants(L=factor * k.L, mu=factor * k.mu, sigma2=factor**2 * k.sigma2, delta=k.delta, F0=factor * k.F0)
    here, there = plan(k, eps=eps), plan(scaled, eps=factor * eps)
    assert float(there.total) == float(here.total)
    assert [float(stage.eta) * factor for stage in there.stages] == [float(stage.eta) for stage in here.stages]


def test_an_infinite_length_counts_only_where_the_target_is_in_reach() -> None:
    endless = Stage(np.float64(1), np.float64(0), np.float64(np.inf))
    assert np.isinf(Plan("lsr", "C5", (), (endless,), reachable=np.False_).total)
    with pytest.raises(ValueError, match="the number of steps that C5 asks for overflows"):
        Plan("lsr", "C5", (), (endless,))
