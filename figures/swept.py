"""A sweep of a command, drawn: its answers along the number that is swept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.pyplot import subplots

from tsla.empirics.runs.files import must_be_writable
from tsla.figures import drawing, style
from tsla.theory.commands.swept import Answers


def draw(answers: Answers, path: Path) -> None:
    """A line a column, to a file whose suffix says its format. Raises ValueError where it can't be written."""
    must_be_writable(plot=path)
    drawing.draw(path, lines, answers)


def lines(answers: Answers) -> Figure:
    """Where there is no number a line has a gap. The axis of the answers is logarithmic where all of them are above 0."""
    figure, ax = subplots(figsize=(style.PAGE, style.PAGE / 2))
    others = list(style.METHODS.values())  # their dashes and markers
    for i, (name, numbers) in enumerate(answers.columns.items()):
        values = np.where(np.isfinite(numbers), numbers, np.nan) * np.ones_like(answers.sweep.values)
        looks = style.METHODS.get(name, others[i % len(others)] | {"color": f"C{i % 10}"})
        ax.plot(answers.sweep.values, values, label=name, markevery=max(1, len(values) // 8), **looks)
    ax.set_xscale("log" if answers.sweep.log else "linear")
    drawn = np.concatenate([line.get_ydata() for line in ax.lines])
    ax.set_yscale("log" if np.nanmin(drawn, initial=np.inf) > 0 else "linear")
    ax.set_xlabel(answers.sweep.name)
    style.title(figure, answers.quantity)
    if len(answers.columns) > 1:
        figure.legend(loc="outside right upper")
    return figure
