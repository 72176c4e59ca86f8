"""Gradient moments of a larger set from some of its examples: unbiased values, and intervals from the groups the examples came in.

The moments of m examples as a population of their own (:func:`tsla.gradient_moments`) are biased for those of the set that
the examples were drawn from: there a mean over m stands in for ∇F. ``docs/estimators.md`` has the formulas and the measured coverage.

``groups.py`` has the unbiased means, ``spread.py`` says how they vary, ``intervals.py`` and ``quantities.py`` make intervals for what
follows from them; ``accumulator.py`` takes in examples, and ``estimate.py`` answers.
"""

from tsla.empirics.moments.estimators.accumulator import Accumulator
from tsla.empirics.moments.estimators.estimate import MIN_GROUPS, Estimate, Estimates, estimates
from tsla.empirics.moments.estimators.quantities import QUANTITIES, Quantity

__all__ = ["MIN_GROUPS", "QUANTITIES", "Accumulator", "Estimate", "Estimates", "Quantity", "estimates"]
