"""C4: the bound is what the descent lemma gives when it is summed step by step, and what exact arithmetic gives."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.bounds import sgd_bound
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import exact, mean_squared_gradient, noise_lift
from tsla.theory import sgd
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, for_all, step_sizes, targets
from tsla.theory.testing.relations import BoundOf, is_monotone, scales_with_the_objective
from tsla.theory.testing.wrong import one_step_more, scaled


@for_all(st.data(), constants(), st.integers(1, 50))
def agrees_with_summed_descent(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show("bound sgd", k, eta=eta, T=T)
    summed = mean_squared_gradient(exact(k.F0), eta, repeat(noise_lift(k)(eta), T))
    assert float(bound(k, eta, T, None).total) == pytest.approx(float(summed), rel=1e-12)


@for_all(st.data(), constants(), st.integers(1, 30), costs=4)
def holds_on_a_quadratic(bound: BoundOf, data: st.DataObject, k: Constants, T: int) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    show("bound sgd", k, eta=eta, T=T)
    states = list(quadratic.run(quadratic.start(k), k, [eta] * T))
    assert quadratic.mean_gradient2(states) <= float(bound(k, eta, T, None).total) * (1 + 1e-12)


@pytest.mark.claim("C4", "property")
def test_steps_reach_the_target_and_not_much_fewer_do(evidence: Callable[..., None]) -> None:
    @given(constants(), targets)
    def check(k: Constants, eps: float) -> None:
        show("steps sgd", k, eps=eps)
        plan = sgd.steps(k, eps=eps)
        (stage,) = plan.stages
        assert float(sgd.bound(k, eta=stage.eta, T=stage.steps).total) <= eps**2 * (1 + 1e-12)
        if k.sigma2 > 0 and eps**2 <= 2 * k.sigma2 and stage.steps > 1:  # both halves of ε² are used up: one step fewer fails
            assert float(sgd.bound(k, eta=stage.eta, T=stage.steps - 1).total) > eps**2

    check()
    evidence("The number of steps T that the plan asks for reaches ε². By the bound T-1 steps don't.")


test_bound = properties(
    "C4",
    sgd_bound,
    {
        agrees_with_summed_descent: [scaled(sgd_bound, noise=0.5), one_step_more(sgd_bound)],
        scales_with_the_objective: [scaled(sgd_bound, noise=lambda k, eta: k.L)],
        is_monotone: [scaled(sgd_bound, noise=-1)],
        holds_on_a_quadratic: [scaled(sgd_bound, noise=-1)],
    },
)


@pytest.mark.claim("C4", "property", planted=True)
def test_a_failing_property_shows_its_number(shows_its_number: Callable[..., None]) -> None:
    shows_its_number(lambda: agrees_with_summed_descent(sgd_bound), sgd, "bound", "noise")
