"""Drawing every figure of the gallery from records, into SVG files whose bytes are stable."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from tsla.empirics.runs import records
from tsla.empirics.runs.files import replacing
from tsla.empirics.runs.records import Record
from tsla.figures import gallery, style


def draw_all(source: Path, out: Path) -> list[Path]:
    """Draw the gallery from the records in ``source`` to ``out/NAME.svg``. Returns the paths.

    Raises ValueError where a record is missing.
    """

    @cache
    def load(name: str) -> Record:
        path = source / f"{name}.parquet"
        if not path.exists():
            raise ValueError(f"{path} does not exist; `tsla records {name}` makes it")
        return records.read(path)

    return [draw(out / f"{name}.svg", module.draw, load) for name, module in gallery.modules().items()]


def draw(path: Path, function: Callable[..., Figure], *of: Any) -> Path:
    """Draw ``function(*of)`` in the look of the house to an SVG file. Returns its path."""
    with style.house_style():
        drawn = function(*of)
        with replacing(path) as temporary:
            drawn.savefig(temporary, format="svg", metadata={"Date": None})
        plt.close(drawn)
    return path
