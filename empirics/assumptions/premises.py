"""What can fail along a run."""

from __future__ import annotations

from tsla.theory.claims import GAIN, LONG_STEP, STEP

PREMISES = ("A1", "A2", "A3", "A4", STEP, LONG_STEP, GAIN)
"""All that a claim may assume, in the order in which it is reported."""

SLACK = 1e-6
"""Relative: differences of gradients are off by about 1e-9 of the constant that they measure."""
