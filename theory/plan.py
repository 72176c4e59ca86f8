"""A plan: the stages of a run, with step sizes, smoothing strengths and lengths, that a bound asks for to reach a target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsla.theory.constants import Array, UnrepresentableError

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
