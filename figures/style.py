"""One look for all figures: legible in print and in grey, each method with its colour, line and marker, and stable files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes

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

RC: Any = {  # the stubs of matplotlib want a dictionary of literals
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 9,
    "grid.alpha": 0.3,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.markersize": 4,
    "svg.hashsalt": "tsla",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside this context, without a display."""
    with mpl.rc_context(RC):
        mpl.use("agg")
        yield


def legend_below(axes: Axes, *, columns: int = 1) -> None:
    """The legend under the axes, where it hides no data."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=columns)


def band(axes: Axes, x: Any, interval: Any, *, method: str, label: str | None = None, **options: Any) -> None:
    """A line with its interval as a band, in the look of ``method``."""
    look = METHODS[method] | options
    axes.plot(x, interval.estimate, label=label, **look)
    axes.fill_between(x, interval.low, interval.high, color=look["color"], alpha=0.15, linewidth=0)
