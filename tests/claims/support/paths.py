"""Runs of one variable in exact fractions: every path of noise of few points, on functions with L = 1 and F* = 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

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
Errors = Callable[[Fraction], tuple[Fraction, ...]]
"""What may be added to the gradient, by the slope there."""


@dataclass(frozen=True)
class Enumerated:
    """E‖∇F(w_R)‖² over the run and E F at its ends, by the mean of all paths."""

    gradient2: Fraction
    start: Fraction
    end: Fraction


def always(*errors: Fraction) -> Errors:
    """These errors wherever the run is."""
    return lambda slope: errors


def enumerate_paths(F: Callable[..., Any], L: Fraction, w: Fraction, x: Fraction, errors: Errors, T: int) -> Enumerated:
    """w ← w - η(∇F + e), η = x/L, e one of ``errors`` with equal probabilities, on L·F."""
    points, squares = [w], []
    for _ in range(T):
        squares.append(sum((L * F(point)[1]) ** 2 for point in points) / len(points))
        points = [point - x * (F(point)[1] + e / L) for point in points for e in errors(F(point)[1])]
    return Enumerated(sum(squares) / T, L * F(w)[0], L * sum(F(point)[0] for point in points) / len(points))


fractions = st.builds(Fraction, st.integers(1, 40), st.sampled_from([1, 3, 7, 10]))
parts = st.builds(Fraction, st.integers(1, 31), st.just(16))
"""ηL, in (0, 2)."""
