"""Where along a run the assumptions of the theorems fail (A1-A4, ``η <= 1/L``), which claims go with them, and what that costs.

A secant and a Hessian's norm are at most ``L``; noise and PL ratio at a point are at most, or at least, what A2-A4 allow everywhere. So a
violation that is found is one. Where none is found, the assumption holds at the points that were looked at, and may fail elsewhere.

Networks are watched by ``network_run.py``, which needs torch and is imported by itself.
"""

from tsla.empirics.assumptions.consequences import effect
from tsla.empirics.assumptions.judged import Seen
from tsla.empirics.assumptions.synthetic_run import synthetic
from tsla.empirics.assumptions.violated import Violation, violations

__all__ = ["Seen", "Violation", "effect", "synthetic", "violations"]
