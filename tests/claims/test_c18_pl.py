"""C18 with A4: the gap as a recursion at the worst split, TSLA from there, and smoothing that is never dropped."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.claims.support.marks import properties
from tests.claims.support.recursions import error_lift, exact, gap, step_sizes_of
from tests.claims.support.worst_split import searched
from tsla.theory import sgd, sharp, sharp_pl
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import between, constants, for_all, step_sizes, thetas
from tsla.theory.testing.relations import BoundOf, of
from tsla.theory.testing.wrong import scaled, stage_changed

smoothed = constants(delta=between(1e-3, 3, 1e-12, 1.0), noiseless=False)


@for_all(st.data(), smoothed, st.integers(0, 60), thetas, costs=4)
def is_the_recursion_from_above_its_fixed_point(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float) -> None:
    """a ← (1-ημ) a + (η/2)W."""
    eta = data.draw(step_sizes(float(k.L)))
    W = searched(k, eta, 1, theta)[0] - 2 * exact(k.F0) / exact(eta)
    fixed = W / (2 * exact(k.mu))
    expected = gap(k, exact(k.F0) + fixed, repeat(eta, T), error_lift(W))
    assert float(bound(k, eta, T, theta).total) == pytest.approx(float(expected), rel=1e-12, abs=1e-14 * float(k.F0))


@for_all(st.data(), smoothed, st.integers(0, 1000), st.integers(1, 10**4), st.none() | thetas, costs=2)
def is_plain_sgd_from_the_gap(
    bound: Callable[..., Bound], data: st.DataObject, k: Constants, T1: int, T2: int, theta: float | None
) -> None:
    """C4 with that gap for F0."""
    eta1, eta2 = (data.draw(step_sizes(float(k.L))) for _ in range(2))
    left = sharp_pl.gap_bound(k, eta=eta1, T=T1, theta=theta).total
    expected = sgd.bound(Constants(L=k.L, sigma2=k.sigma2, F0=left), eta=eta2, T=T2).total
    assert float(bound(k, eta1=eta1, T1=T1, eta2=eta2, T2=T2, theta=theta).total) == pytest.approx(float(expected), rel=1e-12)


short_runs = constants(delta=st.floats(1e-3, 3), noiseless=False, kappa=st.floats(1, 20))


@for_all(short_runs, st.floats(0.1, 3), costs=4)
def reaches_the_target_by_recursion(steps: Callable[..., Plan], k: Constants, share: float) -> None:
    """a ← (1-η_t μ) a + (η_t/2)W(θ, η_t L) over the first two phases, then C18's sum over the third."""
    eps = float(np.sqrt(share * k.sigma2))
    *before, third = steps(k, eps=eps).stages
    a, mu, terms = float(k.F0), float(k.mu), ("smoothing", "noise")
    for stage in before:
        assert stage.theta == third.theta
        etas = np.array(list(step_sizes_of(stage)))
        found = sharp.bound(k, eta=etas, T=1, theta=stage.theta).terms if etas.size else dict.fromkeys(terms, etas)
        for eta, W in zip(etas, found["smoothing"] + found["noise"], strict=True):
            a = (1 - eta * mu) * a + eta / 2 * W
    left = Constants(L=k.L, sigma2=k.sigma2, delta=k.delta, F0=a)
    assert sharp.bound(left, eta=third.eta, T=third.steps, theta=third.theta).total <= eps**2 * (1 + 1e-9)


gap_bound = of(sharp_pl.GAP)
test_gap = properties(
    "C18",
    gap_bound,
    {is_the_recursion_from_above_its_fixed_point: [scaled(gap_bound, noise=0.99), scaled(gap_bound, smoothing=2.0)]},
)
test_tsla = properties(
    "C18",
    sharp_pl.tsla_bound,
    {is_plain_sgd_from_the_gap: [lambda k, **run: scaled(lambda k, _, **r: sharp_pl.tsla_bound(k, **r), smoothing=0.5)(k, 0.0, **run)]},
)
test_never_dropped = properties(
    "C18",
    sharp_pl.never_dropped_steps,
    {reaches_the_target_by_recursion: [stage_changed(sharp_pl.never_dropped_steps, 2, steps=0.5)]},
)
