"""What of a figure is left in grey: the marks that are drawn, and the pairs of them that only a colour tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

APART = 10.0
"""Of L*, of which black and white are 100 apart: less is hard to see where marks don't touch."""


@dataclass(frozen=True)
class Mark:
    """What is drawn alike: in which colour and lightness, and with which dash, marker or hatch; ``named`` where its name stands at it.

    ``kind`` is what it can be mistaken for: another line, other points, another area. Bands and bars have the colour of the line or the
    points that they belong to, and are no marks of their own.
    """

    kind: str
    label: str
    colour: str
    lightness: float
    shape: str
    named: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.label or self.colour} ({self.colour}, L* = {self.lightness:.0f})"


def lightness(colour: Any, paper: Any = "white") -> float:
    """L* of CIE 1976, from 0 for black to 100 for white, of a colour of sRGB on paper of another."""
    *rgb, alpha = to_rgba(colour)
    seen = alpha * np.array(rgb) + (1 - alpha) * np.array(to_rgb(paper))
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    Y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * Y ** (1 / 3) - 16 if Y > (6 / 29) ** 3 else Y * (29 / 3) ** 3


def alike_in_grey(marks: Iterable[Mark]) -> list[str]:
    """The pairs that mean different things, as their labels or else their colours say, and that grey paper doesn't tell apart."""
    return [
        f"{one} | {two}"
        for one, two in combinations(sorted(set(marks), key=str), 2)
        if one.kind == two.kind
        and (one.label, one.colour) != (two.label, two.colour)
        and one.shape == two.shape
        and abs(one.lightness - two.lightness) < APART
        and not (one.named and two.named)
    ]


def drawn(figure: Figure) -> Iterator[list[Mark]]:
    """The marks of each panel."""
    for ax in figure.axes:
        yield [*_lines(ax), *_areas(ax)]


def _lines(ax: Axes) -> Iterator[Mark]:
    said = {text.get_text() for text in ax.texts}, {to_rgb(text.get_color()) for text in ax.texts}
    for line in ax.get_lines():
        if not line.get_visible() or not np.isfinite(np.asarray(line.get_ydata(), dtype=float)).any():
            continue
        label = "" if str(line.get_label()).startswith("_") else str(line.get_label())
        named = label in said[0] if label else to_rgb(line.get_color()) in said[1]
        marker, dash = str(line.get_marker()), str(line._unscaled_dash_pattern[1])  # type: ignore[attr-defined]  # as it was asked for
        if line.get_linestyle() != "None":
            shape = f"dash {dash}, marker {marker}"
            yield _mark("line", label, line, line.get_color(), shape, named)
        elif marker != "None":
            face = line.get_markerfacecolor()
            shape = f"marker {marker}{', hollow' if lightness(face) > 99 else ''}"
            yield _mark("points", label, line, line.get_color(), shape, named)


def _mark(kind: str, label: str, line: Line2D, colour: Any, shape: str, named: bool) -> Mark:
    seen = to_rgba(colour, line.get_alpha())
    return Mark(kind, label, str(colour), round(lightness(seen), 1), shape, named)


def _areas(ax: Axes) -> Iterator[Mark]:
    """Of maps: each colour of a mesh, and the levels of contours unless they go from dark to light, which is how a scale is read."""
    for area in ax.collections:
        if not isinstance(area, QuadMesh | ContourSet) or not getattr(area, "filled", True):
            continue
        colours = area.to_rgba(area.get_array()).reshape(-1, 4)
        hatches = (getattr(area, "hatches", None) or [None]) * len(colours)
        looks = list(dict.fromkeys((to_hex(colour, keep_alpha=True), hatch) for colour, hatch in zip(colours, hatches, strict=False)))
        plain = [lightness(colour) for colour, hatch in looks if hatch is None]
        scale = isinstance(area, ContourSet) and len(looks) == len(colours) and plain in (sorted(plain), sorted(plain, reverse=True))
        for colour, hatch in looks:
            if hatch is not None or not scale:
                yield Mark("area", "", colour, round(lightness(colour), 1), f"hatch {hatch}")
