"""How much memory there is, by what a container may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsla.empirics.runs import memory


def test_a_container_has_no_more_than_its_limit_and_no_more_than_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LIMIT", limit := tmp_path / "memory.max")
    physical = memory.there_is()
    assert physical > 2**20
    for said, there in (("1048576\n", 2**20), (f"{2 * physical}\n", physical), ("max\n", physical)):
        limit.write_text(said, encoding="ascii")
        assert memory.there_is() == there
