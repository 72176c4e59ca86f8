"""A plan: the stages of a run, with step sizes, smoothing strengths and lengths, that a bound asks for to reach a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsla.theory.constants import SMALLEST_NORMAL, Array, numeric, real, shown_where, spelled, strength
from tsla.theory.representable import UnrepresentableError
from tsla.theory.text import Json, Printed, aligned, count, extent, number, wrapped

# The number of steps is a ceiling of a product of some ten rounded factors; 800000.0000000001 means 800000.
CEILING_SLACK = 16 * np.finfo(np.float64).eps


def whole_steps(real_steps: Array) -> Array:
    """``⌈real_steps⌉``, at least 0, forgiving the rounding errors of the product that led to it (relative 4e-15)."""
    return np.maximum(np.ceil(real_steps * (1 - CEILING_SLACK)), 0)


OfStep = Callable[[Array], Array]
"""A number for each ``t``, the steps that are done in the stage, at least 0; ``t`` broadcasts with the constants of the plan."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Steps with one rule: ``w ← w - eta_t g_LS`` at smoothing strength ``theta``, for ``steps`` steps.

    ``eta_t`` is ``eta``; with ``decay_steps`` it is ``eta / (1 + t/decay_steps)``, and with ``factor`` it is ``eta * factor(t)``. ``t`` is
    counted from the start of the stage. ``weights`` are those of the iterates ``w_t`` in the mean that the bound speaks of, all the same
    if None. ``steps`` is infinite where a plan does not get there. Raises ValueError for a number outside its range, and where both
    ``decay_steps`` and ``factor`` are given.
    """

    eta: Array
    theta: Array
    steps: Array
    decay_steps: Array | None = None
    factor: OfStep | None = None
    weights: OfStep | None = None

    def __post_init__(self) -> None:
        if self.decay_steps is not None and self.factor is not None:
            raise ValueError("decay_steps and factor exclude each other: each says how the step size goes on")
        real("eta", self.eta, at_least=0)  # 0 is allowed: the shrinkage control of theta = 1 stands still
        strength(self.theta)
        _check_length(self.steps)
        if self.decay_steps is not None:
            real("decay_steps", self.decay_steps, above=0)

    __repr__ = spelled

    @property
    def uniform(self) -> bool:
        """Whether all steps have one size, and all iterates one weight."""
        return self.decay_steps is None and self.factor is None and self.weights is None

    def step_size(self, t: ArrayLike) -> Array:
        """``eta_t``."""
        done = np.asarray(t, dtype=np.float64)
        if self.factor is not None:
            return np.asarray(self.eta * self.factor(done))
        return np.asarray(self.eta if self.decay_steps is None else self.eta / (1 + done / self.decay_steps))

    def json(self) -> Json:
        """``{"eta", "theta", "steps"}``, and what changes along the stage. ``"steps"`` is null where they are infinite.

        ``"decay_steps"`` where the step size falls as ``eta/(1 + t/decay_steps)``; ``"last_eta"`` where it changes otherwise; and
        ``"first_weight"`` and ``"last_weight"``, in units of the larger one, where the iterates are weighted.
        """
        length = None if np.isinf(self.steps) else int(self.steps)
        row: Json = {"eta": float(self.step_size(0)), "theta": float(self.theta), "steps": length}
        last = np.maximum(np.asarray(self.steps) - 1, 0)
        if self.decay_steps is not None:
            row["decay_steps"] = float(self.decay_steps)
        if self.factor is not None:
            row["last_eta"] = float(self.step_size(last))
        if self.weights is not None:
            first_weight, last_weight = (float(self.weights(np.asarray(t, dtype=np.float64))) for t in (0, last))
            larger = max(first_weight, last_weight) or 1.0
            row |= {"first_weight": first_weight / larger, "last_weight": last_weight / larger}
        return row

    def said(self) -> str:
        """The step size as a table has it: ``0.1``, ``0.1/(1 + t/20)``, ``0.1 to 0.002``."""
        first = extent(self.step_size(0))
        if self.decay_steps is not None:
            return f"{first}/(1 + t/{extent(self.decay_steps)})"
        return first if self.factor is None else f"{first} to {extent(self.step_size(np.maximum(np.asarray(self.steps) - 1, 0)))}"


def _check_length(steps: ArrayLike) -> None:
    """Raise ValueError, which names the first bad one, unless these are numbers of at least 0, of which any may be infinite."""
    length = np.asarray(numeric("steps", steps))
    bad = ~(length >= 0)
    if bad.any():
        (worst,) = shown_where(bad, length)
        raise ValueError(f"steps = {worst} must be a number at least 0, or infinite")


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Printed):
    """What a bound asks for to make ``E‖∇F‖² <= eps²``.

    stages:     in the order in which they are run
    reachable:  whether the bound can get there at all, elementwise
    floor:      what the bound never falls below, whatever the number of steps; None where there is no such floor
    why:        one sentence, for where it is not reachable
    of_last:    whether it is ``∇F(w_T)`` of which the bound speaks, after the last step, and not ``∇F(w_R)`` of a random iterate
    """

    method: str
    claim: str
    assumes: tuple[str, ...]
    stages: tuple[Stage, ...]
    reachable: NDArray[np.bool_] | np.bool_ = np.True_
    floor: Array | None = None
    why: str | None = None
    of_last: bool = False

    def __post_init__(self) -> None:
        reachable, total = np.broadcast_arrays(self.reachable, self.total)
        if not np.isfinite(total[reachable]).all():
            raise UnrepresentableError(
                f"the number of steps that {self.claim} asks for overflows float64; eps is too small for these constants"
            )
        for stage in self.stages:
            if (stage.step_size(0) < SMALLEST_NORMAL).any():  # digits are missing, and 1/L may be passed
                raise UnrepresentableError(f"the step size that {self.claim} asks for vanishes in float64; rescale F")

    @property
    def total(self) -> Array:
        """Samples over all stages; infinite where the target can't be reached."""
        return np.where(self.reachable, sum(stage.steps for stage in self.stages), np.inf)

    def json(self) -> Json:
        """``{"method", "claim", "reachable", "total", "stages", "assumes", "why", "floor"}``.

        Where it is reachable ``why`` is null; where it is not, ``total`` is. ``floor`` is null where there is none.
        """
        reachable = bool(self.reachable)
        return {
            "method": self.method,
            "claim": self.claim,
            "reachable": reachable,
            "total": int(self.total) if reachable else None,
            "stages": [stage.json() for stage in self.stages] if reachable else [],
            "assumes": list(self.assumes),
            "why": None if reachable else self.why,
            "floor": None if self.floor is None else float(self.floor),
        }

    def table(self, eps: float | None = None) -> str:
        """The total, then a row a stage; for a target out of reach, why and the floor. ``eps``: what was asked for, to be said."""
        source = f"({self.claim}; assumes {' '.join(self.assumes)})"
        total, reachable = np.asarray(self.total), np.broadcast_to(self.reachable, np.shape(self.total))
        if not total.size:
            return wrapped(f"{self.method}: no samples to count in an array of shape {total.shape}   {source}")
        if not reachable.any():
            head = wrapped(f"{self.method} can't reach {target(eps)} by its bound {source}:")
            return f"{head}\n{self._out_of_reach()}"
        rows = [["stage", "eta", "theta", "steps"]]
        for i, stage in enumerate(self.stages, 1):
            steps = np.broadcast_to(stage.steps, total.shape)[reachable]
            rows.append([str(i), stage.said(), extent(stage.theta), extent(steps, count)])
        lines = [wrapped(f"{self.method}: {extent(total[reachable], count)} samples until {target(eps)}   {source}")]
        lines.append(aligned(rows, right=frozenset({1, 2, 3})))
        if total.ndim:
            lines.append(f"  Smallest and largest of an array of shape {total.shape}.")
        elif len(self.stages) > 1:
            lines.append(f"  Stage {int(np.argmax([float(stage.steps) for stage in self.stages])) + 1} dominates.")
        if not reachable.all():
            lines.append(f"  Out of reach at {np.sum(~reachable)} of them:\n{self._out_of_reach()}")
        return "\n".join(lines)

    def _out_of_reach(self) -> str:
        floor = "" if self.floor is None else f" Its floor is {extent(self.floor)}."
        return wrapped(f"{self.why}.{floor}", indent="  ", more="")


def target(eps: float | None) -> str:
    """What a plan is for: "E‖∇F‖² <= 0.01"; where ε is not known, "E‖∇F‖² <= eps²"."""
    return f"E‖∇F‖² <= {'eps²' if eps is None else number(eps**2)}"
