"""Stages of plain numbers, a plan of three, an oracle with all that one may have, and a quadratic."""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.theory.constants import Array
from tsla.theory.plan import Stage


def stage(eta: float, theta: float, steps: int, decay_steps: float | None = None) -> Stage:
    return Stage(np.asarray(eta), np.asarray(theta), np.asarray(float(steps)), None if decay_steps is None else np.asarray(decay_steps))


NOISY = Oracle(1.0, 0.3, 0.5, 0.2)
PLAN = (stage(0.1, 0.6, 30), stage(0.05, 0.0, 20), stage(0.08, 0.3, 21, decay_steps=4.0))


def quadratic(spectrum: Array) -> Problem:
    """``Σ h_i w_i²/2``, from 1 in every coordinate: L is the largest h, μ the smallest."""
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
