"""What a budget reaches, by the bounds: put back into the plans, on both sides of it, and beside a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.recursions import mp
from tests.claims.support.refusals import refuses
from tests.theory.stated import stated
from tsla.theory import inversion
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.testing.domain import constants, costly, positive, positive_deltas
from tsla.theory.testing.planted import assert_rejects

BestEps = Callable[..., dict[str, float | None]]
K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
GRID = np.geomspace(1e-6, 1e6, 241)


def is_the_smallest_that_the_budget_pays_for(best_eps: BestEps) -> None:
    """A millionth less is too much, and so is every smaller ε of a grid; every larger one is not. None: not even ε = 1e150."""

    @costly(4)
    @given(constants(delta=positive_deltas, noiseless=False), st.sampled_from([1, 10, 1000]) | st.integers(1, 10**9))
    def check(k: Constants, budget: int) -> None:
        found = best_eps(k, budget=budget)
        assert found.keys() == METHODS.keys()
        for method, eps in found.items():
            if eps is None:
                assert METHODS[method](k, eps=1e150).total > budget
                continue
            assert METHODS[method](k, eps=eps).total <= budget < METHODS[method](k, eps=eps * (1 - 1e-6)).total
            clear = GRID[np.abs(GRID / eps - 1) > 1e-6]
            assert ((METHODS[method](k, eps=clear).total <= budget) == (clear > eps)).all()

    check()


def test_best_eps() -> None:
    is_the_smallest_that_the_budget_pays_for(inversion.best_eps)


def is_right_at_every_scale(best_eps: BestEps) -> None:
    """Of F → aF, ε → aε, which takes ε from 1e-145 to 1e145: by the stated lengths at 50 digits a billionth less is too much."""

    @costly(10)
    @given(constants(delta=positive(0.01, 1), noiseless=False), st.integers(100, 10**9), st.sampled_from([-470, -183, -30, 30, 183, 470]))
    def check(k: Constants, budget: int, power: int) -> None:
        a = 2.0**power
        scaled = Constants(L=a * k.L, mu=a * k.mu, sigma2=a**2 * k.sigma2, delta=k.delta, F0=a * k.F0)
        for method, eps in best_eps(scaled, budget=budget).items():
            for factor, enough in ((1 + 1e-9, True), (1 - 1e-9, False)) if eps is not None else ():
                lengths = [max(length, 0) for _, length in stated(method, scaled, eps * factor) or []]
                assert not lengths or (sum(map(mp.ceil, lengths)) <= budget) == enough

    check()


def down_to_a_billionth(k: Constants, budget: float) -> dict[str, float | None]:
    return {name: eps and max(eps, 1e-9) for name, eps in inversion.best_eps(k, budget=budget).items()}


def test_best_eps_at_every_scale() -> None:
    is_right_at_every_scale(inversion.best_eps)
    assert_rejects(is_right_at_every_scale, down_to_a_billionth)


def test_best_eps_of_the_example() -> None:
    """What the plans of L = 10, μ = F0 = σ² = 1, δ = 0.1 cost at ε = 0.1 reaches ε = 0.1; seven steps are no burn-in of 24."""

    def best(method: str, budget: int) -> Any:
        return inversion.best_eps(K, budget=budget, methods=[method])[method]

    for method, total in (("sgd", 800_000), ("sgd-exact", 202_000), ("tsla", 160_024), ("sgd-pl", 8_007), ("lsr-sharp", 764_000)):
        assert best(method, total) == pytest.approx(0.1, rel=1e-9), method
        assert best(method, total - 1) > 0.1, method
    assert [best("tsla", budget) is None for budget in (7, 24, 25)] == [True, True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda k, budget: inversion.best_eps(k, budget=2 * budget),
        lambda k, budget: {name: eps and eps * 1.0001 for name, eps in inversion.best_eps(k, budget=budget).items()},
        lambda k, budget: {name: eps and eps * 0.9999 for name, eps in inversion.best_eps(k, budget=budget).items()},
        lambda k, budget: {name: eps or 1e150 for name, eps in inversion.best_eps(k, budget=budget).items()},
        lambda k, budget: inversion.best_eps(replace(k, delta=k.delta / 2), budget=budget),
    ],
    ids=["twice the budget", "a little more", "a little less", "never None", "half of delta"],
)
def test_wrong_best_eps_are_rejected(wrong: BestEps) -> None:
    assert_rejects(is_the_smallest_that_the_budget_pays_for, wrong)


@pytest.mark.parametrize(("F0", "eps"), [(1e-200, 4e-205**0.5), (1e140, 4e135**0.5), (1e300, 4e295**0.5), (1e-305, 2.0**-511)])
def test_the_smallest_eps_is_among_those_whose_square_is_a_number(F0: float, eps: float) -> None:
    """C4 without noise asks for 4LF0/ε² samples."""
    assert inversion.best_eps(Constants(L=1, sigma2=0, F0=F0), budget=10**5, methods=["sgd"])["sgd"] == pytest.approx(eps, rel=1e-12, abs=0)


def test_premises() -> None:
    refuses(lambda: inversion.best_eps(K, budget=0), "budget = 0 must be a whole number, at least 1")
    refuses(lambda: inversion.best_eps(K, budget=1.5), "budget = 1.5 must be a whole number, at least 1")
    refuses(lambda: inversion.best_eps(Constants(L=10, sigma2=1, F0=1), budget=10), "delta is missing; C5 needs it (assumption A3)")
