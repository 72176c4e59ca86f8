"""Many training runs: a grid times seeds, run side by side, resumable, into one data set (``tsla sweep``)."""

from tsla.empirics.training.sweeps.engine import Outcome, run
from tsla.empirics.training.sweeps.file import Sweep, read

__all__ = ["Outcome", "Sweep", "read", "run"]
