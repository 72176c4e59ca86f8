"""Figures as pictures: how dark each part of one is, and where its words stand. `python -m tests.figures.pictures` makes the reference.

The raster is so coarse that the last bits of a number move nothing in it, and a line or a legend does. What is drawn are the miniature
records. The layout is that of one version of Matplotlib, which the reference names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tests.figures.miniature import write_miniature_records
from tsla.empirics.runs import records
from tsla.empirics.runs.files import write_text
from tsla.figures import gallery
from tsla.figures.drawing import draw_one

REFERENCE = Path(__file__).with_suffix(".json")
"""Of each figure, its raster as text; and the version of Matplotlib whose layout it has."""
COLUMNS, ROWS = 32, 24
DPI = 80
DARKER = 3
"""Of 255: a cell that differs by more has something in it that was not there, or lacks something. A thin grey line across it makes 8."""
CELLS = 4
"""So many may: a mark may stand on the edge of one, and other kernels may change a digit in a title."""
TOUCHING = 1.5
"""Pixels by which the boxes of words may overlap: a box is larger than the ink in it."""
Box = tuple[str, float, float, float, float]
"""A line of words, and its left, top, right and bottom, in pixels."""
Change = Callable[[Figure], None]


def as_it_is(figure: Figure) -> None:
    """No change."""


def drawn(path: Path, module: ModuleType, numbers: pd.DataFrame, change: Change = as_it_is) -> Figure:
    """A figure of the gallery as it was saved to a file, and changed before that."""
    found = list[Figure]()

    def kept(of: pd.DataFrame) -> Figure:
        found.append(module.draw(of))
        change(found[0])
        return found[0]

    draw_one(path, SimpleNamespace(draw=kept, finding=module.finding), numbers)
    found[0].set_layout_engine("none")  # it is laid out
    return found[0]


class Seen(RendererAgg):
    """What a figure shows, with the boxes of its words."""

    def __init__(self, figure: Figure) -> None:
        figure.set_dpi(DPI)
        super().__init__(*(round(DPI * inches) for inches in figure.get_size_inches()), DPI)
        self.boxes: list[Box] = []
        figure.draw(self)

    def draw_text(self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None) -> None:
        """Upright or turned by a right angle, as all words are here."""
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        up = height - descent
        self.boxes.append((s, x, y - up, x + width, y + descent) if angle < 45 else (s, x - up, y - width, x + descent, y))
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)

    def raster(self) -> NDArray[np.uint8]:
        """How dark each cell is on the whole, from 0 for paper to 255. Shape (ROWS, COLUMNS)."""
        red, green, blue, ink = np.moveaxis(np.asarray(self.buffer_rgba(), dtype=float), -1, 0)
        dark = ink * (1 - (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255)
        bands = [np.array_split(band, COLUMNS, axis=1) for band in np.array_split(dark, ROWS)]
        return np.array([[cell.mean() for cell in band] for band in bands]).round().astype(np.uint8)

    def words_on_words(self) -> list[str]:
        """Which stand on each other."""
        return [
            f"{one[0]} | {two[0]}"
            for one, two in combinations(self.boxes, 2)
            if all(min(one[far], two[far]) - max(one[near], two[near]) > TOUCHING for near, far in ((1, 3), (2, 4)))
        ]


@cache
def seen(figure: Figure) -> Seen:
    """It is drawn once for all that is asked of it."""
    return Seen(figure)


def as_text(figure: Figure) -> list[str]:
    """The raster: a line a row, two hexadecimal digits a cell."""
    return [bytes(row).hex() for row in seen(figure).raster()]


def cells_apart(one: list[str], other: list[str]) -> int:
    """How many cells of two rasters are not as dark as each other."""
    dark = [np.array([list(bytes.fromhex(row)) for row in raster]) for raster in (one, other)]
    return int((np.abs(dark[0] - dark[1]) > DARKER).sum())


def reference() -> dict[str, Any]:
    """What is committed: ``matplotlib``, whose layout it has, and ``figures``."""
    found: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Write the reference anew."""
    with TemporaryDirectory() as name:
        source = write_miniature_records(Path(name))
        load = cache(lambda record: records.read(source / f"{record}.parquet"))
        found = {
            figure: as_text(drawn(source / f"{figure}.svg", module, module.numbers(load))) for figure, module in gallery.modules().items()
        }
    write_text(REFERENCE, json.dumps({"matplotlib": mpl.__version__, "figures": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
