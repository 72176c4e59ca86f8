"""C21: every path of two-point noise on functions of one variable, with momentum; and what is left where there is none."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.paths import FUNCTIONS, fractions
from tests.claims.support.recursions import exact
from tests.claims.support.refusals import premises
from tsla.theory import momentum, worst_case
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, for_all, positive, step_counts, step_sizes
from tsla.theory.testing.wrong import scaled

Momentum = Callable[..., Bound]
shares = st.builds(Fraction, st.integers(1, 15), st.just(16))
"""Of the largest step size that C21 allows."""
momenta = st.builds(Fraction, st.integers(0, 9), st.just(10))


@for_all(st.sampled_from(FUNCTIONS), fractions, fractions, fractions, momenta, shares, st.integers(1, 6), costs=4)
def holds_on_every_function(
    bound: Momentum, F: Callable[..., Any], L: Fraction, w: Fraction, sigma: Fraction, m: Fraction, share: Fraction, T: int
) -> None:
    """The mean of all 2^T paths, on L·F, with F(w_0) - F* for F0."""
    eta = share * 2 * (1 - m) ** 2 / (1 + m) / L
    states, squares = [(w, Fraction(0))], []
    for _ in range(T):
        squares.append(sum((L * F(point)[1]) ** 2 for point, _ in states) / len(states))
        velocities = [(point, m * v + L * F(point)[1] + sign * sigma) for point, v in states for sign in (1, -1)]
        states = [(point - eta * v, v) for point, v in velocities]
    k = Constants(L=float(L), sigma2=float(sigma**2), F0=float(L * F(w)[0]))
    show("bound sgd-momentum", k, eta=eta, T=T, momentum=m)
    assert float(sum(squares)) / T <= float(bound(k, eta=float(eta), T=T, momentum=float(m)).total) * (1 + 1e-12)


@for_all(constants(), positive(1e-3, 0.9), st.floats(0, 0.99), step_counts)
def is_what_the_potential_leaves(bound: Momentum, k: Constants, share: float, m: float, T: int) -> None:
    """Each step lowers the potential by (h/2)(2 - hL(1+m)/(1-m))‖∇F‖² and raises it by (h²L/2)(1+m)σ²: at 50 digits."""
    eta = share * 2 * (1 - m) ** 2 / (1 + m) / float(k.L)
    h, L = exact(eta) / (1 - exact(m)), exact(k.L)
    left = 2 - h * L * (1 + exact(m)) / (1 - exact(m))
    lifted = exact(k.F0) + T * h**2 * L / 2 * (1 + exact(m)) * exact(k.sigma2)
    show("bound sgd-momentum", k, eta=eta, T=T, momentum=m)
    assert float(bound(k, eta=eta, T=T, momentum=m).total) == pytest.approx(float(2 * lifted / (h * left * T)), rel=1e-12)


@for_all(st.data(), constants(), step_counts)
def is_c16_without_momentum(bound: Momentum, data: st.DataObject, k: Constants, T: int) -> None:
    eta = data.draw(step_sizes(float(k.L)))
    expected = float(worst_case.sgd_bound(k, eta=eta, T=T).total)
    assert float(bound(k, eta=eta, T=T, momentum=0).total) == pytest.approx(expected, rel=1e-12)


def as_plain_sgd(k: Constants, *, eta: Any, T: Any, momentum: Any) -> Bound:
    """C16 at the step size h, as if z and w were one."""
    return worst_case.sgd_bound(k, eta=eta / (1 - momentum), T=T)


half = scaled(momentum.bound, noise=0.5)
test_bound = properties(
    "C21",
    momentum.bound,
    {
        holds_on_every_function: [half, as_plain_sgd, scaled(momentum.bound, optimisation=0.5)],
        is_what_the_potential_leaves: [half, as_plain_sgd],
        is_c16_without_momentum: [half],
    },
    found="On functions of one variable no path of two-point noise exceeds the bound. At m = 0 it is that of C16.",
)

K = Constants(L=1, sigma2=1, F0=1)

test_refusals = premises(
    lambda m, eta: momentum.bound(K, eta=eta, T=1, momentum=m),
    (1, 0.1, "momentum = 1 must be a finite number at least 0 and below 1"),
    (-0.1, 0.1, "momentum = -0.1 must be a finite number at least 0"),
    (0.5, 0.5, "eta = 0.5 is not below 2(1-m)²/(L(1+m)) = 0.333333333333333; C21 needs 0 < eta < 2(1-m)²/(L(1+m)), m the momentum"),
)
