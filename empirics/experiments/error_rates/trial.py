"""What a simulation is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.random import Generator

from tsla.empirics.statistics.intervals import IntervalOf
from tsla.theory.constants import Array

COPIES = 9
"""The wrong unit: so many copies of each unit are taken for as many units, as if its checkpoints or its examples were independent."""

Trial = Callable[[Generator, bool], Mapping[str, bool]]
"""From chance, and whether the unit is the wrong one, to what came: of an interval whether it covered, of a test whether it rejected."""
Simulation = Callable[[Path], Trial]
"""A trial of laws that are known; some are made of the records in a folder."""


def units(samples: Array, wrong: bool) -> Array:
    """Samples along the last axis; if ``wrong``, COPIES of each."""
    return np.repeat(samples, COPIES, axis=-1) if wrong else samples


def centred(differences: Array) -> Array:
    """Moved to mean 0."""
    return np.asarray(differences - differences.mean())


def as_normal(differences: Array, rng: Generator) -> Array:
    """As many normal differences with the same spread: what comes of them comes of redrawing so few, and not of the study's law."""
    return centred(rng.normal(scale=differences.std(), size=len(differences)))


def covers(interval: IntervalOf[float] | IntervalOf[Array], truth: float) -> bool:
    """Whether the truth lies within, to rounding."""
    slack = 1e-9 * abs(truth)
    return bool(interval.low - slack <= truth <= interval.high + slack)
