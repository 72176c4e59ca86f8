"""Training mode beside fixed statistics: the rows of the experiment, its record, and the tables of docs/batch_norm.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from tests.planted import assert_rejects
from tsla.empirics.experiments import batch_norm
from tsla.empirics.experiments.registry import EXPERIMENTS
from tsla.empirics.runs import records
from tsla.theory.moments import MOMENTS

ROOT = Path(__file__).parents[3]


def test_three_rows() -> None:
    config = EXPERIMENTS["batch_norm"].configs[-1] | {"train_size": 40, "epochs": 1, "batch_size": 8, "batches": 8, "widths": [4, 4]}
    table = batch_norm.run(config)
    assert list(table["statistics"]) == ["evaluation", "batch", "training"]
    assert (set(table["epochs"]), set(table["batch_size"])) == ({1}, {8})
    exact, sampled = table.iloc[:2], table.iloc[2]
    for name in (*MOMENTS, "delta"):
        assert (exact[name] == exact[f"{name}_low"]).all()
        assert (exact[name] == exact[f"{name}_high"]).all()
        assert sampled[f"{name}_low"] < sampled[name] < sampled[f"{name}_high"]
    assert table["s2"].nunique() == 3
    pd.testing.assert_frame_equal(table, batch_norm.run(config))


def three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def interval(row: Any, name: str, divisor: float = 1.0) -> str:
    value, low, high = (three_digits(row[name + end] / divisor) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def rendered(table: pd.DataFrame, name: str) -> str:
    """The table of docs/batch_norm.md for one quantity."""
    lines = ["| epochs | B | evaluation | batch | training mode | ÷ evaluation | ÷ batch |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for (epochs, B), rows in table.groupby(["epochs", "batch_size"]):
        evaluation, batch, training = (rows[rows["statistics"] == how].iloc[0] for how in ("evaluation", "batch", "training"))
        cells = [epochs, B, three_digits(evaluation[name]), three_digits(batch[name]), interval(training, name)]
        cells += [interval(training, name, evaluation[name]), interval(training, name, batch[name])]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def holds_the_tables_of(page: str) -> Callable[[pd.DataFrame], None]:
    def check(table: pd.DataFrame) -> None:
        for name in ("s2", "grad2", "delta"):
            assert rendered(table, name) in page, f"docs/batch_norm.md must hold\n{rendered(table, name)}"

    return check


def test_the_page_holds_the_record() -> None:
    page = (ROOT / "docs" / "batch_norm.md").read_text(encoding="utf-8")
    table = records.read(ROOT / "records" / "batch_norm.parquet").table
    holds_the_tables_of(page)(table)
    assert_rejects(holds_the_tables_of(page), table.assign(s2=table["s2"] * 1.01))


def test_the_record_is_of_the_configurations() -> None:
    assert records.read(ROOT / "records" / "batch_norm.parquet").config["configs"] == list(EXPERIMENTS["batch_norm"].configs)
