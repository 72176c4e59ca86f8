"""Stages of plain numbers."""

from __future__ import annotations

import numpy as np

from tsla.theory.plan import Stage


def stage(eta: float, theta: float, steps: int, decay_steps: float | None = None) -> Stage:
    return Stage(np.asarray(eta), np.asarray(theta), np.asarray(float(steps)), None if decay_steps is None else np.asarray(decay_steps))
