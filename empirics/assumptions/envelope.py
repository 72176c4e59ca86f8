"""The noise of a run as it was measured: the A, B and C of A2′ that hold at its points, of which the bound C20 is the least.

They hold at the points that were measured. Between and beside them the noise may be larger, so that this is no proof of A2′.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import linprog

from tsla.empirics.runs.numbers import with_numbers
from tsla.theory import growing_noise, worst_case
from tsla.theory.bound import Bound
from tsla.theory.constants import Array, Constants, batch, real
from tsla.theory.growing_noise import Growth
from tsla.theory.text import Json, number, wrapped

NO_PROOF = "This holds at the points that were measured. It proves nothing of other weights, where both noise and curvature may be larger."
NEEDED = ("train_loss", "grad2", "s2")
"""Columns of a record of training."""
ROUNDS, CLOSE = 60, 1e-6
"""Programs that are solved at most, and how near the bound has to come to what no A, B and C are below."""
SMALL = 1e-6
"""Where ``aT`` is below it, the slope of the weight is that at ``a = 0``."""


@dataclass(frozen=True, eq=False)
class Envelope:
    """``s² <= 2A(F - F*) + B‖∇F‖² + C`` at each point that was measured.

    bound:     C20 with these numbers
    constant:  C16 with the largest s² for σ², which is the envelope with ``A = B = 0``
    """

    growth: Growth
    C: float
    bound: Bound
    constant: Bound

    def json(self) -> Json:
        """``{"A", "B", "C", "bound", "constant"}``, the two bounds as :meth:`Bound.json`."""
        growth = {"A": float(self.growth.A), "B": float(self.growth.B), "C": self.C}
        return growth | {"bound": self.bound.json(), "constant": self.constant.json()}

    def table(self, points: int, sigma2: float) -> str:
        """What holds at the points, the bound that it gives, and that of the largest variance."""
        growth = " + ".join([f"{number(2 * self.growth.A)} (F-F*)", f"{number(self.growth.B)} ‖∇F‖²", number(self.C)])
        ratio = float(self.constant.total / self.bound.total)
        largest = f"With their largest variance, {number(sigma2)}, for σ²: {number(self.constant.total)} (C16), {ratio:.3g} times as much."
        head = wrapped(f"E‖g-∇F‖² <= {growth} at the {points} points that were measured")
        return "\n".join([head, self.bound.table(), *(wrapped(said, indent="  ", more="") for said in (largest, NO_PROOF))])


def envelope(gap: ArrayLike, grad2: ArrayLike, s2: ArrayLike, *, L: float, F0: float, eta: float, T: int) -> Envelope:
    """The envelope with the least C20 for a run of ``T`` steps of size ``eta``; shapes (k,), one for each point.

    C20 is ``(f(A) + xC)/(2 - x(1+B))``, ``x = ηL``, with a convex f. Its unknowns are divided by the denominator (Charnes and Cooper,
    1962), and f is taken from below by its tangents (Kelley, 1960). That makes a linear program, whose value no envelope is below. A
    tangent where it ended is added until the bound there is that value. Raises ValueError for a negative number, for no points, and unless
    ``0 < η < 2/L``.
    """
    points = [real(name, value, at_least=0) for name, value in (("gap", gap), ("grad2", grad2), ("s2", s2))]
    if len({point.shape for point in points}) > 1 or points[0].ndim != 1 or not points[0].size:
        shapes = ", ".join(str(point.shape) for point in points)
        raise ValueError(f"gap, grad2 and s2 have shapes {shapes}; must have one number for each of the same points, at least one")
    constant = worst_case.sgd_bound(Constants(L=L, sigma2=points[2].max(), F0=F0), eta=eta, T=T)
    best = _at(points, 0.0, 0.0, L=L, F0=F0, eta=eta, T=T, constant=constant)
    tangents: list[float] = [0.0]
    for _ in range(ROUNDS):
        least, A, B = _program(points, tangents, L=L, F0=F0, eta=eta, T=T)
        found = _at(points, A, B, L=L, F0=F0, eta=eta, T=T, constant=constant)
        best = min(best, found, key=lambda one: float(one.bound.total))
        if float(best.bound.total) <= least * (1 + CLOSE):
            break
        tangents.append(A)
    return best


def _at(points: list[Array], A: float, B: float, *, L: float, F0: float, eta: float, T: int, constant: Bound) -> Envelope:
    """The envelope with this A and B: the least C, and its bound."""
    gap, grad2, s2 = points
    growth, C = Growth(A=A, B=B), float(np.max(s2 - 2 * A * gap - B * grad2, initial=0.0))
    return Envelope(growth, C, growing_noise.sgd_bound(Constants(L=L, sigma2=C, F0=F0), growth, eta=eta, T=T), constant)


def _program(points: list[Array], tangents: list[float], *, L: float, F0: float, eta: float, T: int) -> tuple[float, float, float]:
    """The least value for f from below by its tangents, and the A and B where it is; of the unknowns v, A, B, C, 1, over ``2 - x(1+B)``."""
    gap, grad2, s2 = points
    unit, x = float(np.max(s2, initial=0.0)) or 1.0, eta * L  # of the noise, so that the program's numbers are of order 1
    zero, one = np.zeros_like(gap), np.ones_like(gap)
    above = np.stack([zero, -2 * gap, -grad2, -unit * one, s2], axis=1) / unit
    touching = []
    for A in tangents:
        value, slope = _start(A, L=L, F0=F0, eta=eta, T=T)
        touching.append([-unit, slope, 0.0, 0.0, value - slope * A])
    rows = np.concatenate([above, np.asarray(touching) / unit])
    normal = [[0.0, 0.0, -x, 0.0, 2 - x]]
    solved = linprog([1.0, 0.0, 0.0, x, 0.0], A_ub=rows, b_ub=np.zeros(len(rows)), A_eq=normal, b_eq=[1.0], method="highs")
    if solved.x is None or solved.fun is None:
        raise ValueError(f"the linear program of the envelope is not solved: {solved.message}")
    _, A, B, _, share = solved.x
    largest = (2 / x - 1) * (1 - 1e-9)  # at which nothing is left of the descent
    return unit * float(solved.fun), max(float(A / share), 0.0), min(max(float(B / share), 0.0), largest)


def _start(A: float, *, L: float, F0: float, eta: float, T: int) -> tuple[float, float]:
    """``f(A) = 2F0/(ηW)``, ``W = Σ_(t<T) (1+LAη²)^-(t+1)``, and its slope."""
    a, steps = L * A * eta**2, float(T)
    weight = float(growing_noise.per_weight(np.asarray(a), np.asarray(steps)))
    kept = np.exp(-steps * np.log1p(a))
    slope = (steps + 1) / (2 * steps) if a * steps < SMALL else (1 - kept - a * steps * kept / (1 + a)) / (1 - kept) ** 2
    return 2 * F0 / eta * weight, 2 * F0 / eta * float(slope) * L * eta**2


@dataclass(frozen=True, eq=False)
class Measured:
    """What a record of training has of its noise, shape (k,), with 0 for F*; and the largest curvature, where it was measured."""

    gap: Array
    grad2: Array
    s2: Array
    F0: float
    L: float | None

    @classmethod
    def of(cls, rows: pd.DataFrame, *, batch_size: int) -> Measured:
        """Of the rows with moments, all runs together. ``s2`` is divided by the batch size. F0 is the largest loss at the first epoch.

        Raises ValueError where a column or every moment is missing.
        """
        batch(batch_size)
        for name in NEEDED:
            if name not in rows:
                raise ValueError(f"the record has no column {name}; must be one of training, with the columns {', '.join(NEEDED)}")
        at = with_numbers(rows, (*NEEDED, "epoch", "eta", "eta_L"), "the record").dropna(subset=[*NEEDED])
        if at.empty:
            raise ValueError("the record has no moments; must have them in one row at least, as `tsla train` measures them")
        starts = at[at["epoch"] == at["epoch"].min()] if "epoch" in at else at.head(1)
        gap, grad2, s2 = (at[name].to_numpy(dtype=np.float64) for name in NEEDED)
        curvature = (at["eta_L"] / at["eta"]).max() if {"eta_L", "eta"} <= {*at} else np.nan
        return cls(gap, grad2, s2 / batch_size, float(starts["train_loss"].max()), float(curvature) if np.isfinite(curvature) else None)
