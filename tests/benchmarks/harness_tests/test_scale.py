"""What the benchmark of growth says, and one run from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks import scale
from tests.benchmarks.harness import sweeping
from tests.benchmarks.harness.growth import Ladder, Row, Rung, climb
from tests.benchmarks.harness.timing import Call
from tests.benchmarks.scale import MILLION
from tsla.empirics.runs.progress import Progress
from tsla.theory.testing.planted import Rejects

SIZES = (10, 100, 1000, 10000)


def climbed(power: float, foreign: float = 0.0) -> Row:
    """The row of what takes ``size^power`` seconds, but ten times as long in the first of three rounds, which others disturb."""

    def rung(size: int) -> Rung:
        calls = iter([Call(10 * size ** (2 * power), 0.5), *[Call(size**power, foreign)] * 2])
        return Rung(size, partial(next, calls))

    with Progress("scale", total=3) as progress:
        return climb(Ladder("work", "size", SIZES, rung), 3, progress)


def test_an_exponent_is_that_of_the_growth_without_what_others_disturbed(rejects: Rejects) -> None:
    def is_one_and_a_half(row: Row) -> None:
        assert row.cells() == ("work", "size", "10, 10,000", "1.5 [1.5, 1.5]", "1e+06 s")

    rejects(is_one_and_a_half, right=climbed(1.5), wrong=climbed(1.4))


def test_what_others_disturbed_in_every_round_says_so() -> None:
    assert climbed(1.0, foreign=0.5).cells()[3].startswith("~1 [")


def test_a_million_rows_are_to_be_read_within_a_second() -> None:
    row = Row("a record is read", "rows", (1000.0, MILLION), (0.01, 0.99), clean=True)
    ends = [scale.verdict(rows).rpartition(": ")[2] for rows in ([row], [replace(row, seconds=(0.01, 1.01))])]
    assert ends == ["holds", "does not hold"]
    assert "not measured" in scale.verdict([replace(row, sizes=(1000.0, 2000.0))])


def test_runs_that_get_further_outlive_the_workers_of_others(rejects: Rejects) -> None:
    """Of 50 workers one is lost in every fourth or fifth epoch, and with it all that was under way."""

    def all_end_well(life: float) -> None:
        well, in_vain = sweeping.survived(50, 50, life)
        assert well == 50
        assert in_vain > 3 / (3 + sweeping.EPOCHS), "each was lost more than three times"

    rejects(all_end_well, right=200.0, wrong=10.0)


def test_one_run_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{scale.BEGIN}\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    options = ["--small", "--rounds", "1", "--seconds", "0", "--only", "status", "--page", str(page), "--out", str(tmp_path)]
    assert scale.main(options) == 0
    (row,) = json.loads((tmp_path / "scale.json").read_text(encoding="utf-8"))["rows"]
    assert row["sizes"] == [32, 64, 128]
    found = page.read_text(encoding="utf-8")
    assert found.startswith("before\n")
    assert found.endswith("after\n")
    assert capsys.readouterr().out.strip() in found
    page.write_text("no place", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        scale.main(options)
    assert "must have 1 pairs of them" in capsys.readouterr().err.splitlines()[-1]
