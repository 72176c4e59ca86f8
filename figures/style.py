"""One look for all figures: legible in print and in grey, each method with its colour, line and marker, and stable files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

COLUMN, PAGE = 3.5, 7.2
"""Widths in inches: of one column and of two."""

# Colours of Okabe and Ito, ordered so that neighbours differ in grey too; line style and marker repeat the distinction.
METHODS: dict[str, dict[str, Any]] = {
    "sgd": {"color": "#000000", "linestyle": "-", "marker": "o"},
    "lsr": {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    "tsla": {"color": "#0072B2", "linestyle": "-.", "marker": "^"},
    "sgd-pl": {"color": "#009E73", "linestyle": ":", "marker": "D"},
    "lsr-pl": {"color": "#CC79A7", "linestyle": (0, (5, 1)), "marker": "X"},
    "shrink": {"color": "#E69F00", "linestyle": (0, (1, 1)), "marker": "v"},
    "shrink-tsla": {"color": "#56B4E9", "linestyle": (0, (3, 1, 1, 1)), "marker": "P"},
}
LABELS = {
    "sgd": "SGD",
    "lsr": "LSR",
    "tsla": "TSLA",
    "sgd-pl": "SGD, PL-aware (C15b)",
    "lsr-pl": "LSR with A4 (C15)",
    "shrink": "SGD, step (1-θ)η (C17)",
    "shrink-tsla": "SGD, step (1-θ)η, then η",
}
SHADES: tuple[dict[str, Any], ...] = (
    {"color": "#3F007D", "linestyle": "-", "marker": "o"},
    {"color": "#8C7BC0", "linestyle": "--", "marker": "s"},
    {"color": "#54468F", "linestyle": "-.", "marker": "^"},
    {"color": "#A9A2D2", "linestyle": ":", "marker": "D"},
)
"""Of what is no method: strengths, step sizes, targets. Purple, which no method has."""
LINES: tuple[dict[str, Any], ...] = tuple({name: look[name] for name in ("linestyle", "marker")} for look in SHADES)
"""Of the same method on several instances: its colour, and one of these each."""

RC: Any = {  # the stubs of matplotlib want a dictionary of literals
    "axes.grid": True,
    "axes.labelsize": 8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.titlesize": 9,
    "figure.titleweight": "bold",
    "font.size": 8,
    "grid.alpha": 0.3,
    "hatch.color": "white",
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied, and takes less room
    "svg.hashsalt": "tsla",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}
LOWER, HIGHER = "↓ better", "↑ better"
"""Which way is better, on an axis."""
LABEL = 7.0
"""Size of a label in the axes, in points."""


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside this context, without a display."""
    with mpl.rc_context(RC):
        mpl.use("agg")
        yield


def dasharray(look: dict[str, Any]) -> str:
    """The dash of a look as SVG has it, for a line of width 1."""
    rc, style = mpl.rcParamsDefault, look["linestyle"]
    named = {"-": (), "--": rc["lines.dashed_pattern"], "-.": rc["lines.dashdot_pattern"], ":": rc["lines.dotted_pattern"]}
    pattern = named[style] if style in named else style[1]
    return " ".join(f"{length:g}" for length in pattern) or "none"


def title(figure: Figure, finding: str) -> None:
    """What the figure found, over all of it, in lines as long as it is wide."""
    figure.suptitle(fill(finding, int(13 * figure.get_figwidth())), x=0.01, horizontalalignment="left")


def band(axes: Axes, rows: pd.DataFrame, x: str, **look: Any) -> None:
    """The column ``mean`` against ``x`` as a line, and a band from ``low`` to ``high``."""
    axes.plot(rows[x], rows["mean"], **look)
    axes.fill_between(rows[x], rows["low"], rows["high"], color=look["color"], alpha=0.15, linewidth=0)


def bars(axes: Axes, rows: pd.DataFrame, x: str, y: str, **look: Any) -> None:
    """Markers at the columns ``x`` and ``y``, the one that is "mean" with a bar from ``low`` to ``high``."""
    line = {"color": look["color"], "linewidth": 0.9, "alpha": look.get("alpha")}
    if x == "mean":
        axes.hlines(rows[y], rows["low"], rows["high"], **line)
    else:
        axes.vlines(rows[x], rows["low"], rows["high"], **line)
    axes.plot(rows[x], rows[y], linestyle="none", **look)


def label_ends(axes: Axes) -> None:
    """Each labelled line's label right of the axes, in its colour and joined to its last point, none on another.

    To be called when nothing moves the limits any more.
    """
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    lines = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    ends = np.array([_end(axes, line) for line in lines])
    height = axes.get_position().height * axes.get_figure().get_figheight()  # type: ignore[union-attr]  # it is in a figure
    places = _apart(ends[:, 1], 1.4 * LABEL / 72 / height)
    for line, end, place in zip(lines, ends, places, strict=True):
        axes.annotate(
            str(line.get_label()),
            (float(end[0]), float(end[1])),
            (1.04, float(place)),
            xycoords="axes fraction",
            color=line.get_color(),
            fontsize=LABEL,
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.4, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 2},
        )


def _end(axes: Axes, line: Line2D) -> np.ndarray:
    """The point of a line, within the axes, that is furthest to the right; in fractions of the axes."""
    points = np.column_stack([np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)])
    placed: np.ndarray = (axes.transData + axes.transAxes.inverted()).transform(points[np.isfinite(points).all(axis=1)])
    inside = placed[(np.abs(placed - 0.5) <= 0.5 + 1e-9).all(axis=1)]
    found: np.ndarray = inside[inside[:, 0].argmax()]
    return found


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """The heights nearest to these, in the same order, whose neighbours are ``gap`` apart, from 0 to 1."""
    order = np.argsort(heights, kind="stable")
    below = gap * np.arange(len(order))  # what the labels under each of them take: less that, they need only not fall
    placed = np.clip(isotonic_regression(heights[order] - below).x, 0, 1 - below[-1]) + below
    found = np.empty_like(placed)
    found[order] = placed
    return found
