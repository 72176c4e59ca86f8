"""Functions of one variable whose values and slopes are fractions, with L = 1 and F* = 0."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hypothesis import strategies as st


def parabola(w: Fraction) -> tuple[Fraction, Fraction]:
    return w * w / 2, w


def straight_outside(w: Fraction) -> tuple[Fraction, Fraction]:
    """Huber's: w²/2 up to 1."""
    return (w * w / 2, w) if abs(w) <= 1 else (abs(w) - Fraction(1, 2), Fraction(1 if w > 0 else -1))


def wave(w: Fraction) -> tuple[Fraction, Fraction]:
    """Not convex: arcs of w²/2 and 1 - w²/2 in turn, with period 4."""
    u = w - 4 * floor((w + 1) / 4)
    return (u * u / 2, u) if u <= 1 else (1 - (2 - u) ** 2 / 2, 2 - u)


FUNCTIONS = (parabola, straight_outside, wave)

fractions = st.builds(Fraction, st.integers(1, 40), st.sampled_from([1, 3, 7, 10]))
