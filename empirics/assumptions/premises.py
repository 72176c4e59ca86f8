"""What can fail, and what every claim needs."""

from __future__ import annotations

STEP, LONG_STEP, GAIN = "eta<=1/L", "eta<2/L", "delta<1"
PREMISES = ("A1", "A2", "A3", "A4", STEP, LONG_STEP, GAIN)
"""What can fail: the assumptions, the two limits of the step size, and what C2, C9 and C10 ask of δ for smoothing to pay."""

NEEDS: dict[str, tuple[str, ...]] = {
    "C1": (),
    "C2": ("A2", "A3"),
    "C3": ("A1", STEP),
    "C4": ("A1", "A2", STEP),
    "C5": ("A1", "A2", "A3", STEP),
    "C6": ("A1", "A2", "A3", STEP),
    "C7": ("A1", "A2", "A3", "A4", STEP),
    "C8": ("A1", "A2", "A3", "A4", STEP),
    "C9": ("A1", "A2", "A3", "A4", STEP, GAIN),
    "C10": ("A2", "A3", GAIN),
    "C11": (),
    "C12": ("A1", "A2", "A3", STEP),
    "C12-gap": ("A1", "A2", "A3", "A4", STEP),
    "C13": (),
    "C14": ("A2", "A3"),
    "C15": ("A1", "A2", "A3", "A4", STEP),
    "C15a": ("A1", "A2", "A4", STEP),
    "C15b": ("A1", "A2", "A4", STEP),
    "C15c": ("A1", "A2", "A4", STEP),
    "C16": ("A1", "A2", LONG_STEP),
    "C17": (),
}
"""claim -> its premises. C1, C11 and C17 are identities, C13 an instance. "C12-gap" is C12 under A4, "C15" smoothing alone under A4."""

SLACK = 1e-6
"""Relative: differences of gradients are off by about 1e-9 of the constant that they measure."""
