"""Records of the third round, made up once for all tests that read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.empirics.experiments.study.made_up import write_third_round


@pytest.fixture(scope="session")
def third_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with them in ``records``."""
    folder = tmp_path_factory.mktemp("third_round")
    (folder / "records").mkdir()
    write_third_round(folder / "records")
    return folder
