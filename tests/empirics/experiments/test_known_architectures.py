"""Known networks before and after a short training: the experiment in miniature, and what is missing said in one line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.empirics.data.making import image_folder
from tests.refusals import refusals
from tsla.empirics.data.datasets import load
from tsla.empirics.experiments.known_architectures.experiment import QUANTITIES, run
from tsla.empirics.experiments.known_architectures.networks import CONFIGS
from tsla.empirics.models.networks import build
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.theory.moments import MOMENTS
from tsla.theory.testing.planted import Rejects

NETWORK: dict[str, Any] = {"name": "resnet8", "shape": [3, 8, 8], "classes": 2}
SMALL = {"size": 8, "steps": 2, "examples": 8, "test_examples": 3, "batch_size": 2, "batches": 4}
SMALL |= {"package": "torch", "make": "tsla.empirics.models.networks:build"}
BY_NAME = {config["network"]: config for config in CONFIGS}


def found(folder: Path, norm: str, **changes: Any) -> pd.DataFrame:
    """The rows of a tiny network on eight images."""
    return run(BY_NAME["ResNet-18"] | SMALL | {"folder": str(image_folder(folder)), "options": NETWORK | {"norm": norm}} | changes)


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_rows(norm: str, tmp_path: Path) -> None:
    table = found(tmp_path, norm, examples=6)
    whole = table[table["layer"] == ""].set_index(["stage", "statistics"])
    coupled = ["training"] * (norm == "batch")
    assert list(whole.index) == [(stage, how) for stage in ("before", "after") for how in ("evaluation", *coupled)]
    for (stage, how), row in whole.iterrows():
        layers = table[(table["stage"] == stage) & (table["layer"] != "")]
        for name in MOMENTS:
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
            if how == "evaluation":
                assert layers[name].sum() == pytest.approx(row[name], rel=1e-6)
        assert row[list(QUANTITIES)].notna().all() == (how == "evaluation")  # of batches there is no δ of one example
        assert 3 * row["test_accuracy"] in (0, 1, 2, 3)
    assert whole["s2"].nunique() == len(whole)
    if coupled:
        pd.testing.assert_frame_equal(table, found(tmp_path, norm, examples=6))


def test_the_first_rows_are_of_the_new_network_on_normalised_images(tmp_path: Path, rejects: Rejects) -> None:
    split = load("folder", folder=image_folder(tmp_path), size=8)

    def are_those_of(seed: int) -> None:
        torch.manual_seed(seed)
        model = build(**NETWORK | {"shape": (3, 8, 8)})
        moments = gradient_moments(model, (split.train_inputs - 0.5) / 0.25, split.train_labels)
        assert {name: first[name] for name in MOMENTS} == pytest.approx(asdict(moments), rel=1e-4)

    colours = {"mean": [0.5] * 3, "deviation": [0.25] * 3}
    first = found(tmp_path, "group", steps=0, colours=colours).iloc[0]
    rejects(are_those_of, right=0, wrong=1)


def test_batch_norm_has_the_statistics_of_the_images_and_not_those_that_it_starts_with(tmp_path: Path) -> None:
    """With the latter s² of the gradient is far smaller (docs/batch_norm.md)."""
    split = load("folder", folder=image_folder(tmp_path), size=8)
    torch.manual_seed(0)
    started = gradient_moments(build(**NETWORK | {"norm": "batch"}).eval(), split.train_inputs, split.train_labels)
    assert found(tmp_path, "batch", steps=0, colours=None).iloc[0]["s2"] > 10 * started.s2


test_what_is_missing_is_named = refusals(
    lambda name, changes: run(BY_NAME[name] | changes),
    ("ResNet-18", {"folder": "nowhere"}, "folder = nowhere must be a folder that holds train/CLASS/"),
    ("DistilBERT", {"folder": "nowhere"}, "folder = nowhere must be a folder that holds vaderSentiment-3.3.2.tar.gz"),
)


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"network = 'ResNet-18' can't be made: not_there must be installed; `make known-architectures`"):
        found(tmp_path, "batch", make="not_there:network")
