"""An instance of every theorem on which all expectations are exact: a quadratic, noise of fixed variance, a constant bias."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tsla.theory.constants import Array, Constants


@dataclass(frozen=True, eq=False)
class State:
    """Mean and variance of each coordinate of w under F(w) = Σ λ_i w_i²/2."""

    curvatures: Array
    mean: Array
    variance: Array

    @property
    def gap(self) -> float:
        """E F(w) - F*."""
        return float(self.curvatures @ (self.mean**2 + self.variance)) / 2

    @property
    def gradient2(self) -> float:
        """E‖∇F(w)‖²."""
        return float(self.curvatures**2 @ (self.mean**2 + self.variance))


def start(k: Constants) -> State:
    """F(w_0) = F0, with curvatures from μ to L: A1 and A4 hold with equality."""
    return _with_gap(float(k.F0), np.array([float(k.mu), (float(k.mu) + float(k.L)) / 2, float(k.L)]))


def parabola(k: Constants, curvature: float) -> State:
    """F(w_0) = F0 on the line, (curvature/2) w²."""
    return _with_gap(float(k.F0), np.array([float(curvature)]))


def _with_gap(F0: float, curvatures: Array) -> State:
    return State(curvatures, np.sqrt(2 * F0 / (len(curvatures) * curvatures)), np.zeros_like(curvatures))


def run(state: State, k: Constants, etas: Iterable[float], theta: float = 0.0) -> Iterator[State]:
    """As :func:`walk`, with g = ∇F + noise of variance σ², and ĝ = ∇F - a bias of squared length δσ², which holds w away from the
    minimum."""
    return walk(state, etas, bias=-theta * np.sqrt(float(k.delta * k.sigma2)), noise=(1 - theta) ** 2 * float(k.sigma2))


def walk(state: State, etas: Iterable[float], *, bias: float, noise: float) -> Iterator[State]:
    """The states at which the gradients are taken, and the last one; a direction is off ∇F by ``bias`` in the flattest coordinate, and by
    noise of that variance, spread evenly."""
    yield state
    n = len(state.curvatures)
    for eta in etas:
        keep = 1 - eta * state.curvatures
        state = State(state.curvatures, keep * state.mean - eta * bias * np.eye(n)[0], keep**2 * state.variance + eta**2 * noise / n)
        yield state


def mean_gradient2(states: list[State]) -> float:
    """E‖∇F(w_R)‖², R uniform over all states but the last."""
    return float(np.mean([state.gradient2 for state in states[:-1]]))
