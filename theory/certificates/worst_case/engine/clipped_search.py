"""A search for the worst run of clipped SGD with two outcomes a step: how likely they are, and by which factors they are clipped.

With both given the worst case is a semidefinite program (``worst_case.clipped``). Here they are found together with all the rest of an
instance: its gradients, its values and its noise in the plane, under the conditions of L-smooth F. SLSQP climbs from several starts.
Its runs are instances, so that what is found is a lower estimate of the worst case. A worse run may have been missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import permutations

import numpy as np
from scipy.optimize import Bounds, NonlinearConstraint, minimize

from tsla.theory.certificates.worst_case.engine.program import Setting
from tsla.theory.constants import Array, shown

DIMENSION = 2
WIDTH = 3 * DIMENSION + 3  # numbers of a branching
MOST_ODDS = 6.0
"""The largest ``|log(p/(1-p))|``."""
FARTHEST = 20.0
"""The largest of all other numbers of an instance, in units of the setting."""
STEP, CLIMBED, MET = 1e-6, 1e-10, 1e-6
"""Of the differences that are the derivatives; at which SLSQP stops; and by how much a condition may be missed."""


@dataclass(frozen=True)
class Clipped(Setting):
    """A setting with the threshold τ, and with S, the largest ``‖∇F(w_t)‖`` for ``t < T``; either may be infinite."""

    clip: float
    steepest: float = np.inf

    @property
    def short(self) -> str:
        """What tells it from the others of its claim."""
        return ", ".join((super().short, f"σ² = {shown(float(self.k.sigma2))}", f"F0 = {shown(float(self.k.F0))}", *self._limits))

    @property
    def _limits(self) -> list[str]:
        return [f"{sign} = {shown(limit)}" for sign, limit in (("τ", self.clip), ("S", self.steepest)) if np.isfinite(limit)]

    def __str__(self) -> str:
        return ", ".join((super().__str__(), *self._limits))


@dataclass(frozen=True)
class Branching:
    """Two outcomes of a step: the chance p of the first, and the factors ``λ = min(1, τ/‖g‖)`` of both."""

    chance: float
    factors: tuple[float, float]


@dataclass(frozen=True)
class _Runs:
    """Runs with ``B = 2^T - 1`` branchings, in the order of a heap: the root, its two children, and so on.

    The last axes are (2B+1, 2) of ``points`` and ``gradients``, (2B+1,) of ``values`` and of ``weights``, how likely a point is, (B, 2) of
    ``noise`` and ``factors``, and (B,) of ``chances``.
    """

    points: Array
    gradients: Array
    values: Array
    weights: Array
    noise: Array
    chances: Array
    factors: Array

    @property
    def square(self) -> Array:
        """``E‖∇F(w_t)‖²``, summed over t."""
        return np.asarray(np.sum(self.weights[..., : self.noise.shape[-2]] * self.squares, -1))

    @property
    def squares(self) -> Array:
        """Of the gradients at the branchings."""
        return _square(self.gradients[..., : self.noise.shape[-2], :])

    @property
    def end(self) -> Array:
        """``E F(w_T)``."""
        return np.asarray(np.sum((self.weights * self.values)[..., self.noise.shape[-2] :], -1))


def search(setting: Clipped, starts: int) -> list[Branching]:
    """The branchings of the run with the largest ``E‖∇F(w_R)‖²`` that was found, where ``F(w_0) - E F(w_T) <= F0``.

    Raises ValueError where no start led to a run.
    """
    rng = np.random.default_rng(0)
    found = [run for run in (_climb(setting, _start(setting, rng)) for _ in range(starts)) if run is not None]
    if not found:
        raise ValueError(f"starts = {starts} led to no run of clipped SGD at {setting}")
    run = max(found, key=lambda run: float(run.square))
    factors = np.where(run.factors > 1 - MET, 1, run.factors).tolist()
    return [Branching(chance, (first, second)) for chance, (first, second) in zip(run.chances.tolist(), factors, strict=True)]


def _climb(setting: Clipped, start: Array) -> _Runs | None:
    """A run that is worse than its neighbours; None where SLSQP ends at what is no run."""
    rows = np.full((2**setting.T - 1, WIDTH), FARTHEST)
    rows[:, DIMENSION] = MOST_ODDS
    largest = np.concatenate([[FARTHEST] * DIMENSION, rows.ravel()])

    def losses(at: Array) -> Array:
        return -_runs(setting, at).square

    def conditions(at: Array) -> Array:
        return _conditions(setting, _runs(setting, at))

    def loss(at: Array) -> float:
        return float(losses(at))

    end = minimize(
        loss,
        start,
        jac=partial(_slope, losses),
        constraints=NonlinearConstraint(conditions, 0, np.inf, jac=lambda at: _slope(conditions, at).T),
        bounds=Bounds(-largest, largest),
        method="SLSQP",
        options={"maxiter": 400, "ftol": CLIMBED},
    )
    return _runs(setting, end.x) if np.min(conditions(end.x)) > -MET else None


def _slope(function: Callable[[Array], Array], at: Array) -> Array:
    """Its derivatives; shape (numbers, ...)."""
    beside = STEP * np.eye(len(at))
    return (function(at + beside) - function(at - beside)) / (2 * STEP)


def _start(setting: Clipped, rng: np.random.Generator) -> Array:
    """A small gradient, chances of all sizes, and the noise that A2 allows, in all directions."""
    rows = 0.3 * rng.standard_normal((2**setting.T - 1, WIDTH))
    noise = rows[:, :DIMENSION]
    noise *= np.sqrt(float(setting.k.sigma2) / _square(noise))[:, None]
    rows[:, DIMENSION] = rng.uniform(-4, 4, len(rows))
    return np.concatenate([0.3 * rng.standard_normal(DIMENSION), rows.ravel()])


def _runs(setting: Clipped, at: Array) -> _Runs:
    """The runs that numbers (..., numbers) stand for.

    They are ``∇F(w_0)``, and of each branching a vector ξ, ``log(p/(1-p))``, and for both outcomes ``(F(w⁺) - F(w))/η`` and
    ``(∇F(w⁺) - ∇F(w))/(ηL)``. The noise of the outcomes is ``√((1-p)/p) ξ`` and ``-√(p/(1-p)) ξ``, of variance ``‖ξ‖²``.
    """
    eta, L = setting.eta, setting.smoothness
    several, rows = at.shape[:-1], at[..., DIMENSION:].reshape(*at.shape[:-1], -1, WIDTH)
    noise, odds, rise, turn = np.split(rows, [DIMENSION, DIMENSION + 1, DIMENSION + 3], axis=-1)
    turn = turn.reshape(*rows.shape[:-1], 2, DIMENSION)
    branchings = rows.shape[-2]
    count = 2 * branchings + 1
    w, gradient = np.zeros((*several, count, DIMENSION)), np.zeros((*several, count, DIMENSION))
    value, weight, factor = np.zeros((*several, count)), np.ones((*several, count)), np.empty((*several, branchings, 2))
    gradient[..., 0, :] = at[..., :DIMENSION]
    sizes = np.concatenate([np.exp(-odds / 2), -np.exp(odds / 2)], -1)
    chance = 1 / (1 + np.exp(-odds * [1, -1]))
    for i in range(branchings):
        children = slice(2 * i + 1, 2 * i + 3)
        g = gradient[..., i, None, :] + sizes[..., i, :, None] * noise[..., i, None, :]
        factor[..., i, :] = 1 / np.sqrt(np.maximum(1, _square(g) / setting.clip**2))
        w[..., children, :] = w[..., i, None, :] - eta * factor[..., i, :, None] * g
        gradient[..., children, :] = gradient[..., i, None, :] + eta * L * turn[..., i, :, :]
        value[..., children] = value[..., i, None] + eta * rise[..., i, :]
        weight[..., children] = weight[..., i, None] * chance[..., i, :]
    return _Runs(w, gradient, value, weight, noise, chance[..., 0], factor)


def _conditions(setting: Clipped, run: _Runs) -> Array:
    """What is at least 0: F is L-smooth (Taylor, Hendrickx and Glineur, 2017, theorem 6), A2, F0 and S."""
    L, k = setting.smoothness, setting.k
    i, j = np.array(list(permutations(range(run.values.shape[-1]), 2))).T
    step = run.points[..., i, :] - run.points[..., j, :]
    change = run.gradients[..., i, :] - run.gradients[..., j, :]
    bend = np.sum(run.gradients[..., j, :] * step, -1) + _square(change + L * step) / (4 * L) - L / 2 * _square(step)
    smooth = (run.values[..., i] - run.values[..., j] - bend) / setting.eta
    fall = (float(k.F0) + run.end - run.values[..., 0])[..., None] / setting.eta
    met = [smooth, float(k.sigma2) - _square(run.noise), fall]
    if np.isfinite(setting.steepest):
        met.append(setting.steepest**2 - run.squares)
    return np.concatenate(met, -1)


def _square(vectors: Array) -> Array:
    return np.asarray(np.sum(vectors**2, -1))
