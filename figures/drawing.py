"""Drawing every figure of the gallery from records, into SVG files whose bytes are stable."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt

from tsla.empirics import records
from tsla.empirics.files import replacing
from tsla.empirics.records import Record
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

    out.mkdir(parents=True, exist_ok=True)
    paths = []
    with style.house_style():
        for name, module in gallery.modules().items():
            figure = module.draw(load)
            path = out / f"{name}.svg"
            with replacing(path) as temporary:
                figure.savefig(temporary, format="svg", metadata={"Date": None})
            plt.close(figure)
            paths.append(path)
    return paths
