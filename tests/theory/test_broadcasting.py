"""Arrays of constants give, element by element, what scalars give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tsla.theory import lsr, sgd, sgd_pl, smoothing
from tsla.theory.complexity import exponents
from tsla.theory.constants import Constants
from tsla.theory.moments import Moments


def test_reach_is_decided_element_by_element() -> None:
    """V = 2/11, 2e-4 and 3/2 against ε² = 0.01, 0.25 and 0.01; and where only the lengths have another axis."""
    plan = lsr.steps(Constants(L=10, sigma2=1, delta=[0.1, 1e-4, 3], F0=1), eps=[0.1, 0.5, 0.1])
    assert list(plan.reachable) == [False, True, False]
    assert list(np.isfinite(plan.total)) == [False, True, False]
    plan = lsr.steps(Constants(L=[[10], [20], [30]], sigma2=[1e-3, 0.1, 1], delta=0.1, F0=1), eps=0.1)
    assert np.isfinite(plan.total).tolist() == [[True, False, False]] * 3


MOMENTS = {
    "s2": np.array([[1.0], [4.0]]),
    "shat2": np.array([1.0, 0.25, 9.0]),
    "c": np.array([[0.1], [-0.2]]),
    "theta": np.array([0, 0.4, 1]),
}
"""Within Cauchy-Schwarz at every element."""


def found(s2: Any, shat2: Any, c: Any) -> Moments:
    return replace(Moments.of(s2=s2, shat2=shat2, c=c, grad2=s2), beta2=0.1 * s2)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (smoothing.mix, ("s2", "shat2", "theta")),
        (smoothing.lemma, ("s2", "shat2", "theta")),
        (smoothing.sharp, ("s2", "shat2", "theta")),
        (smoothing.paper_theta, ("shat2",)),
        (smoothing.lemma_theta, ("shat2",)),
        (lambda s2, shat2, c, theta: found(s2, shat2, c).second_moment(theta), ("s2", "shat2", "c", "theta")),
        (lambda s2, shat2, c: found(s2, shat2, c).theta_star, ("s2", "shat2", "c")),
        (lambda s2, shat2, c, theta: found(s2, shat2, c).shrunk.second_moment(theta), ("s2", "shat2", "c", "theta")),
        (lambda s2, shat2, c, theta: found(s2, shat2, c).beyond(theta), ("s2", "shat2", "c", "theta")),
        (lambda s2, shat2, c, theta: found(s2, shat2, c).excess(theta), ("s2", "shat2", "c", "theta")),
        (lambda s2, shat2, c: found(s2, shat2, c).at_batch_size(4).clipped().delta, ("s2", "shat2", "c")),
        (lambda s2, shat2, c, theta: found(s2, shat2, c).critical_batch_size(1 - theta / 2), ("s2", "shat2", "c", "theta")),
        (sgd_pl.smoothing_gain, ("shat2",)),
        (lambda F, grad2, error2: sgd.descent(F, grad2, error2, L=2, eta=[0.1, 0.2, 0.5]), ("c", "s2", "shat2")),
    ],
)
def test_moments(function: Callable[..., Any], names: tuple[str, ...]) -> None:
    arrays = [np.broadcast_to(MOMENTS[name], (2, 3)) for name in names]
    together = np.broadcast_to(function(*(MOMENTS[name] for name in names)), (2, 3))
    rows = [[np.broadcast_to(function(*(a[i, j] for a in arrays)), 3)[j] for j in range(3)] for i in range(2)]
    assert together == pytest.approx(np.array(rows), rel=1e-14)


def test_exponents() -> None:
    q = np.array([[0.0, 1.0], [2.0, 5.0]])
    for name, together in exponents(q).items():
        assert together.shape == q.shape
        assert [float(r) for r in together.flat] == [float(exponents(x)[name]) for x in q.flat]


def test_empty_arrays_are_empty_answers() -> None:
    none = Constants(L=np.ones(0), mu=1, sigma2=1, delta=0.1, F0=1)
    assert sgd.bound(none, eta=0.1, T=1).total.shape == (0,)
    assert sgd.steps(none, eps=0.1).total.shape == (0,)
