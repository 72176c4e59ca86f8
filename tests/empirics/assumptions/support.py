"""A quadratic, a run on it, and what was found along a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tests.empirics.simulation.stages import quadratic, stage
from tsla.empirics.assumptions import Seen, synthetic
from tsla.empirics.assumptions.synthetic_run import along
from tsla.empirics.simulation.oracles import Oracle
from tsla.theory.claims import STEP
from tsla.theory.constants import Constants
from tsla.theory.plan import Stage

PLAN = [stage(0.1, 0.5, 40), stage(0.05, 0.0, 60, decay_steps=30)]
NOISY = Oracle(sigma2=2.0, beta2=0.3, nu2=0.1, bias="fixed")
STATED = Constants(L=10, mu=0.5, sigma2=2, delta=0.2, F0=10)
TENS = range(0, 101, 10)
ROW = Seen(3, 0.1, math.nan, 8.0, 2.0, 1.0, 0.5, 4.0, 0.8, ("A2", STEP), ("C2", "C4"))
SPECTRUM = np.array([0.5, 1.0, 2.0, 10.0])
QUADRATIC = quadratic(SPECTRUM)


def watch(plan: Sequence[Stage] = PLAN, *, oracle: Oracle = NOISY, stated: Constants = STATED, **options: Any) -> list[Seen]:
    """A run on the quadratic; STATED are its constants and those of NOISY."""
    return synthetic(QUADRATIC, oracle, plan, stated=stated, **{"seed": 0} | options)


def look(path: ArrayLike, steps: Sequence[int], *, oracle: Oracle = NOISY, stated: Constants = STATED) -> list[Seen]:
    """What is seen on the quadratic at these points."""
    return along(QUADRATIC, oracle, PLAN, steps, path, stated=stated)


def first_steps(rows: Sequence[Seen]) -> dict[str, int]:
    """The premises that fail -> where they fail first."""
    return {premise: row.step for row in reversed(rows) for premise in row.broken}
