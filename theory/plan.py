"""A plan: the stages of a run, with step sizes, smoothing strengths and lengths, that a bound asks for to reach a target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsla.theory.constants import Array, UnrepresentableError
from tsla.theory.text import Json, aligned, count, number

# The number of steps is a ceiling of a product of some ten rounded factors; 800000.0000000001 means 800000.
CEILING_SLACK = 16 * np.finfo(np.float64).eps


def whole_steps(real_steps: Array) -> Array:
    """``⌈real_steps⌉``, at least 0, forgiving the rounding errors of the product that led to it (relative 4e-15)."""
    return np.maximum(np.ceil(real_steps * (1 - CEILING_SLACK)), 0)


@dataclass(frozen=True, eq=False)
class Stage:
    """Steps with one rule: ``w ← w - eta_t g_LS`` at smoothing strength ``theta``, for ``steps`` steps.

    ``eta_t = eta`` where ``decay_steps`` is None, else ``eta / (1 + t/decay_steps)``, with ``t`` counted from the start of the stage.
    """

    eta: Array
    theta: Array
    steps: Array
    decay_steps: Array | None = None

    def json(self) -> Json:
        """``{"eta", "theta", "steps"}``, and ``"decay_steps"`` where the step size falls as ``eta/(1 + t/decay_steps)``."""
        row: Json = {"eta": float(self.eta), "theta": float(self.theta), "steps": int(self.steps)}
        return row if self.decay_steps is None else row | {"decay_steps": float(self.decay_steps)}


@dataclass(frozen=True, eq=False)
class Plan:
    """What a bound asks for to make ``E‖∇F‖² <= eps²``.

    stages:     in the order in which they are run
    reachable:  whether the bound can get there at all, elementwise
    floor:      what the bound never falls below, whatever the number of steps; None where there is no such floor
    why:        one sentence, for where it is not reachable
    """

    method: str
    claim: str
    assumes: tuple[str, ...]
    stages: tuple[Stage, ...]
    reachable: NDArray[np.bool_] | np.bool_ = np.True_
    floor: Array | None = None
    why: str | None = None

    def __post_init__(self) -> None:
        reachable, total = np.broadcast_arrays(self.reachable, self.total)
        if not np.isfinite(total[reachable]).all():
            raise UnrepresentableError(
                f"the number of steps that {self.claim} asks for overflows float64; eps is too small for these constants"
            )
        for stage in self.stages:
            if (np.asarray(stage.eta) < np.finfo(np.float64).tiny).any():  # digits are missing, and 1/L may be passed
                raise UnrepresentableError(f"the step size that {self.claim} asks for vanishes in float64; rescale F")

    @property
    def total(self) -> Array:
        """Samples over all stages; infinite where the target can't be reached."""
        return np.where(self.reachable, sum(stage.steps for stage in self.stages), np.inf)

    def json(self) -> Json:
        """``{"method", "claim", "reachable", "total", "stages", "assumes"}``; where not reachable total is null and why, floor say so."""
        reachable = bool(self.reachable)
        row: Json = {
            "method": self.method,
            "claim": self.claim,
            "reachable": reachable,
            "total": int(self.total) if reachable else None,
            "stages": [stage.json() for stage in self.stages] if reachable else [],
            "assumes": list(self.assumes),
        }
        return row if reachable else row | {"why": self.why, "floor": None if self.floor is None else float(self.floor)}

    def table(self, eps: float) -> str:
        """The total, then a row a stage; for a target out of reach, why and the floor."""
        source = f"({self.claim}; assumes {' '.join(self.assumes)})"
        if not self.reachable:
            floor = "" if self.floor is None else f" Its floor is {number(self.floor)}."
            return f"{self.method} can't reach E‖∇F‖² <= {number(eps**2)} by its bound {source}:\n  {self.why}.{floor}"
        rows = [["stage", "eta", "theta", "steps"]]
        for i, stage in enumerate(self.stages, 1):
            decay = "" if stage.decay_steps is None else f"/(1 + t/{number(stage.decay_steps)})"
            rows.append([str(i), number(stage.eta) + decay, number(stage.theta), count(stage.steps)])
        longest = int(np.argmax([float(stage.steps) for stage in self.stages])) + 1
        tail = f"\n  Stage {longest} dominates." if len(self.stages) > 1 else ""
        head = f"{self.method}: {count(self.total)} samples until E‖∇F‖² <= {number(eps**2)}   {source}"
        return f"{head}\n{aligned(rows, right=frozenset({1, 2, 3}))}{tail}"
