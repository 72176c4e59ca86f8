"""What a run that is watched costs is said, and is little."""

from __future__ import annotations

import re

import pytest

from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import initial_model, training_split
from tsla.empirics.training.watched import watched


def test_the_first_look_tells_what_all_will_take_before_training_goes_on() -> None:
    config = TrainingConfig("sgd", seed=0, epochs=3, train_size=40, model="mlp", measure_at=(0, 2, 3))
    split, said, told = training_split(config), list[str](), list[int]()
    for row in watched(config, initial_model(config, split), split, tell=said.append):
        told.append(len(said))
        assert ("L_power" in row) == (row["epoch"] != 1)
        if "L_power" in row:
            assert row["step"] == 3 * row["epoch"]  # of 16, 16 and 8 examples
            assert row["shat2"] == pytest.approx(row["beta2"] + row["nu2"])  # of single examples, as `tsla plan` takes it
            assert row["sigma2"] == pytest.approx(row["s2"] / 16, rel=1e-4)  # of a batch, as A2 has it
    first, last = said
    took, looks, _ = re.fullmatch(r"a look took ([\d.]+) s; (\d+) looks take about (\d+) s beside training", first).groups()  # type: ignore[union-attr]
    assert (float(took) < 60, looks) == (True, "3")
    assert re.fullmatch(r"3 looks took [\d.]+ s of [\d.]+ s in all", last)
    assert told == [0, 1, 1, 1]
