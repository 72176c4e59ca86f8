"""One look for all figures: legible in print and in grey, each method with its colour, line and marker, and stable files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import real

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
MARKERS = {"markeredgecolor": "auto"}  # seaborn's white edges leave little of small markers

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


def students(values: ArrayLike) -> tuple[float, float]:
    """The ends of Student's 95 % interval, as seaborn's ``errorbar``."""
    interval = student_t(values)
    return float(interval.low), float(interval.high)


def band(axes: Axes, rows: pd.DataFrame, x: str, y: str, *, method: str, errorbar: Any = students, **options: Any) -> None:
    """The mean of the column ``y`` at each ``x`` as a line with a band, by default Student's at 95 %, in the look of ``method``.

    The axes must have linear scales when this is called: on others seaborn means the transformed values. Raises ValueError where a
    value is not finite, which seaborn would leave out of the mean.
    """
    real(y, rows[y])
    look = MARKERS | METHODS[method] | options
    sns.lineplot(rows, x=x, y=y, errorbar=errorbar, err_kws={"alpha": 0.15, "linewidth": 0}, legend=False, ax=axes, **look)
