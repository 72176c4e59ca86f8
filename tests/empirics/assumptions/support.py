"""A quadratic, a run on it, and what was found along a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tests.empirics.simulation.stages import stage
from tsla.empirics.assumptions import Row, violations
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.theory.claims import STEP
from tsla.theory.constants import Constants

PLAN = [stage(0.1, 0.5, 40), stage(0.05, 0.0, 60, decay_steps=30)]
NOISY = Oracle(sigma2=2.0, beta2=0.3, nu2=0.1, bias="fixed")
STATED = Constants(L=10, mu=0.5, sigma2=2, delta=0.2, F0=10)
TENS = range(0, 101, 10)
ROW = Row(3, 0.1, math.nan, 8.0, 2.0, 1.0, 0.5, 4.0, 0.8, ("A2", STEP), ("C2", "C4"))
SPECTRUM = np.array([0.5, 1.0, 2.0, 10.0])


def quadratic(spectrum: np.ndarray = SPECTRUM) -> Problem:
    """``Σ h_i w_i²/2``: L is the largest h, μ the smallest."""
    d = len(spectrum)
    return Problem(
        name="quadratic",
        dimension=d,
        L=float(spectrum.max()),
        mu=float(spectrum.min()),
        minimum=0.0,
        minimiser=np.zeros(d),
        start=np.ones(d),
        value=lambda w: (spectrum * w**2).sum(axis=-1) / 2,
        gradient=lambda w: spectrum * w,
    )


def first_steps(rows: Sequence[Row], stated: Constants | None = None) -> dict[str, int]:
    return {violation.premise: violation.step for violation in violations(rows, stated)}
