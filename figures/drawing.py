"""Figures of the gallery from records, into files whose bytes are stable, each beside the numbers that it draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from tsla.empirics.runs import records
from tsla.empirics.runs.files import replacing
from tsla.figures import gallery, style
from tsla.options import among
from tsla.theory.constants import must_be_one_of

FORMATS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "png": {"metadata": {"Software": None}, "dpi": 300},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
"""How each is saved: without a date, and without the version of what drew it."""


def draw_gallery(source: Path, out: Path, names: Sequence[str] = (), *, form: str = "svg") -> list[Path]:
    """Draw figures from the records in ``source`` to ``out/NAME.svg``, and their numbers to ``out/NAME.csv``. Returns the figures' paths.

    names: of figures; none for all of them. form: a key of FORMATS. Raises ValueError, before anything is written, for a name that no
    figure has, for another form, and where a record is missing.
    """
    must_be_one_of("format", form, FORMATS)
    load = cache(partial(records.of, source))
    chosen = {name: (module, module.numbers(load)) for name, module in _named(names).items()}
    return [draw_one(out / f"{name}.{form}", module, numbers) for name, (module, numbers) in chosen.items()]


def _named(names: Sequence[str]) -> dict[str, ModuleType]:
    known = gallery.modules()
    for name in names:
        if name not in known:
            raise ValueError(f"figure = {name!r} is unknown; {among(name, list(known))}")
    return {name: known[name] for name in dict.fromkeys(names)} or known


def draw_one(path: Path, module: ModuleType, numbers: pd.DataFrame) -> Path:
    """Draw a module of the gallery from its numbers, under what it found, and write them as CSV beside it. Returns the figure's path."""

    def titled() -> Figure:
        figure: Figure = module.draw(numbers)
        style.title(figure, module.finding(numbers))
        return figure

    draw(path, titled)
    with replacing(path.with_suffix(".csv")) as temporary:
        numbers.to_csv(temporary, index=False, lineterminator="\n")
    return path


def draw(path: Path, function: Callable[..., Figure], *of: Any) -> Path:
    """Draw ``function(*of)`` in the look of the house to a file, whose suffix says in which of FORMATS. Returns its path."""
    form = path.suffix.removeprefix(".")
    with style.house_style():
        drawn = function(*of)
        with replacing(path) as temporary:
            drawn.savefig(temporary, format=form, **FORMATS[form])
        plt.close(drawn)
    return path
