"""The numbers in the page are those of the records: means over the seeds on the path of plain training, and differences in their units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.figures.planting import Change, exchanged, swapped, with_error
from tsla.empirics.runs import records
from tsla.figures.page.numbers import numbers as of_page
from tsla.theory.moments import MOMENTS
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import Json

Numbers = Callable[[str], pd.DataFrame]
NEAR = 1e-4
"""Five digits are kept."""
FALLING = "mlp, digits, 20 % noise, momentum, weight decay, step decay"


def are_means(found: Json, path: pd.DataFrame) -> None:
    means = path.dropna(subset="s2").groupby("epoch")[["train_loss", *MOMENTS]].mean()
    assert [one["epoch"] for one in found["epochs"]] == list(means.index)
    for one, (_, row) in zip(found["epochs"], means.iterrows(), strict=True):
        assert {name: one[name] for name in means} == pytest.approx(row.to_dict(), rel=NEAR)


def moments(found: Json, source: Path) -> None:
    digits, study = (records.read(source / f"{name}.parquet").table for name in ("digits", "study_mlp_paths"))
    first, *others = found["moments"]
    assert (first["label"], first["batch_size"]) == ("ResNet on digits, 20 % wrong labels", 16)
    are_means(first, digits[digits["method"] == "sgd"])
    (one,) = (other for other in others if other["label"] == "MLP-64 on digits, 20 % wrong labels")
    assert one["batch_size"] == 16
    are_means(one, study[(study["setting"] == FALLING) & (study["arm"] == "none")])


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ("digits", exchanged("method", "sgd", "lsr")),
        ("study_mlp_paths", exchanged("arm", "none", "lsr-0.3")),
        ("digits", swapped("s2", "shat2")),
    ],
)
def test_moments_of_the_page_are_means_of_the_records(
    record: str, error: Change, source: Path, numbers: Numbers, tmp_path: Path, rejects: Rejects
) -> None:
    wrong = with_error(source, tmp_path, record, error)
    rejects(lambda folder: moments(of_page(folder, numbers, {"rows": []}), source), right=source, wrong=wrong)


def test_differences_are_in_the_units_of_their_outcomes(source: Path, numbers: Numbers) -> None:
    """Points of accuracy, of which half a one matters, and hundredths of a variance or a loss."""
    found = of_page(source, numbers, {"rows": []})["forest"]
    rows, table = pd.DataFrame(found["rows"]), numbers("forest")
    assert found["matters"] == {"E1": 1, "E2": 1, "E2 by accuracy": 0.5, "E3": 0.5, "E4": 1, "E5": 0.5}
    for claim, matters in found["matters"].items():
        for end in ("low", "mean", "high"):
            expected = matters * table.loc[table["claim"] == claim, end]
            assert rows.loc[rows["claim"] == claim, end].to_numpy() == pytest.approx(expected.to_numpy(), rel=NEAR)
    assert [setting for group in found["groups"] for setting, _ in group["settings"]]
    assert set(rows["setting"]) <= {setting for group in found["groups"] for setting, _ in group["settings"]}
