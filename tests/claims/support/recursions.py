"""What the theorems have in closed form, run step by step at 50 digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import mpmath

from tsla.theory.constants import Constants
from tsla.theory.plan import Stage

mp = mpmath.mp.clone()
mp.dps = 50

Exact = Any  # mpmath.mpf, which has no stubs


def exact(value: Any) -> Exact:
    """A float64 as the rational number that it is."""
    return mp.mpf(float(value))


def mean_squared_gradient(start: Exact, eta: float, lifts: Iterable[Exact]) -> Exact:
    """The largest mean of ‖∇F(w_t)‖² that C3 leaves possible: F falls from ``start`` to 0 at best, and a step that costs
    (η/2)‖∇F(w_t)‖² may be lifted by one of ``lifts`` each."""
    budget, T = start, 0
    for lift in lifts:
        budget, T = budget + lift, T + 1
    return budget * 2 / exact(eta) / T


def gap(k: Constants, start: Exact, etas: Iterable[float], lift_at: Any) -> Exact:
    """The largest F - F* that C3 and A4 leave possible after steps of sizes ``etas``: a ← (1 - ημ) a + lift_at(η)."""
    a, mu = start, exact(k.mu)
    for eta in map(exact, etas):
        a = (1 - eta * mu) * a + lift_at(eta)
    return a


def shrunk(rate: Exact, T: Exact) -> Exact:
    """(1 - rate)^T."""
    return mp.exp(T * mp.log1p(-rate)) if rate < 1 else mp.mpf(0)


def step_sizes_of(stage: Stage) -> Iterator[float]:
    for t in range(int(stage.steps)):
        yield float(stage.eta) / (1 + t / float(stage.decay_steps)) if stage.decay_steps is not None else float(stage.eta)


def noise_lift(k: Constants) -> Any:
    """What unbiased noise lifts F by in one step, E (L/2)‖η(g - ∇F)‖², as a function of η."""
    return lambda eta: exact(eta) ** 2 * exact(k.L) * exact(k.sigma2) / 2


def smoothed_error2(k: Constants, theta: float | None) -> Exact:
    """E‖d - ∇F‖² of the direction that is ĝ with probability θ and g otherwise, each as far off as A2 and A3 allow: the lemma's V.

    ``None`` stands for the θ at which both contribute the same.
    """
    t = 1 / (1 + exact(k.delta)) if theta is None else exact(theta)
    return (1 - t) * exact(k.sigma2) + t * exact(k.delta) * exact(k.sigma2)


def error_lift(error2: Exact) -> Any:
    """What a direction with E‖d - ∇F‖² = ``error2`` lifts F by in one step, by C3, as a function of η."""
    return lambda eta: exact(eta) * error2 / 2
