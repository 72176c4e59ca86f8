"""Miniature records, what the report runs beside them, and the gallery drawn from them: made once for all tests that look at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.figures.miniature import write_miniature_live, write_miniature_records
from tsla.figures.drawing import draw_gallery


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the records."""
    return write_miniature_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the report runs itself."""
    return write_miniature_live(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="session")
def drawn(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The figures of the gallery."""
    return draw_gallery(source, tmp_path_factory.mktemp("drawn") / "new" / "figures")
