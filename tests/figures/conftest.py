"""Miniature records, what the report runs beside them, and the gallery drawn from them: made once for all tests that look at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.figures import pictures
from tests.figures.miniature import write_miniature_live, write_miniature_records
from tests.figures.pictures import Change, as_it_is
from tsla.empirics.runs import records
from tsla.figures import gallery
from tsla.figures.drawing import draw_gallery
from tsla.figures.gallery import Load

Again = Callable[..., tuple[Path, Figure]]
"""``(name, change)``: a figure drawn once more, from its CSV: the file, and the figure, which is only looked at."""


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the records."""
    return write_miniature_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def load(source: Path) -> Load:
    return cache(lambda name: records.read(source / f"{name}.parquet"))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the report runs itself."""
    return write_miniature_live(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="session")
def drawn(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The figures of the gallery. None is left open, whatever other tests have left."""
    before = plt.get_fignums()
    found = draw_gallery(source, tmp_path_factory.mktemp("drawn") / "new" / "figures")
    assert plt.get_fignums() == before
    return found


@pytest.fixture(scope="session")
def numbers(drawn: list[Path]) -> Callable[[str], pd.DataFrame]:
    """What stands in the CSV beside a figure."""
    return cache(lambda name: pd.read_csv(drawn[0].parent / f"{name}.csv", engine="pyarrow"))  # the default may miss the last bit


@pytest.fixture(scope="session")
def again(numbers: Callable[[str], pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Again:
    """Each is drawn once; a change is made to it before it is laid out."""

    @cache
    def drawn_again(name: str, change: Change = as_it_is) -> tuple[Path, Figure]:
        path = tmp_path_factory.mktemp("again") / f"{name}.svg"
        return path, pictures.drawn(path, gallery.modules()[name], numbers(name), change)

    return drawn_again
