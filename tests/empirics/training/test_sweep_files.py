"""The file of a sweep is a grid times seeds, and any other file is refused in one line before anything runs."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Refusal
from tests.empirics.training.sweeping import FILE, written
from tsla.empirics.training import sweeps
from tsla.empirics.training.configuration import TrainingConfig

FIXED: dict[str, Any] = {"model": "mlp", "train_size": 64, "epochs": 2, "measure_at": (0,)}
pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_a_file_is_the_grid_times_the_seeds() -> None:
    sweep = sweeps.read(written(FILE))
    expected = [TrainingConfig(method, seed, eta=eta, **FIXED) for method, eta, seed in product(["sgd", "lsr"], [0.1, 1.0], [0, 1])]
    assert (sweep.name, list(sweep.configs)) == ("tiny", expected)
    assert [sweep.label(config) for config in sweep.configs[:2]] == ["sgd eta 0.1 seed 0", "sgd eta 0.1 seed 1"]

    counted = sweeps.read(written(FILE.replace("seeds = [0, 1]", "seeds = { first = 5, count = 3 }")))
    assert [config.seed for config in counted.configs[:3]] == [5, 6, 7]


def test_what_a_run_has_no_use_for_makes_no_other_run() -> None:
    sweep = sweeps.read(written(FILE.replace("eta = [0.1, 1]", "drop = [2, 0]\ntheta = [0.1, 0.2]").replace('"lsr"]', '"lsr", "tsla"]')))
    labels = [sweep.label(config).removesuffix(" seed 0") for config in sweep.configs if config.seed == 0]
    smoothed = [f"theta {theta}" for theta in (0.1, 0.2)]
    assert labels == ["sgd", *(f"lsr {how}" for how in smoothed), *(f"tsla drop {drop} {how}" for drop in (2, 0) for how in smoothed)]
    assert sweep.configs[:2] == tuple(TrainingConfig("sgd", seed=seed, **FIXED) for seed in (0, 1))


REFUSALS = {
    "not TOML": ("name = ", "sweep.toml: Invalid value"),
    "not UTF-8": ("\udcff", "sweep.toml: 'utf-8' codec"),
    "no name": (FILE.replace('name = "tiny"', ""), "name = None must be letters"),
    "a path for a name": (FILE.replace('"tiny"', '"../tiny"'), "name = '../tiny' must be letters"),
    "an unknown table": (
        FILE.replace("[grid]", "[gird]"),
        "gird = {'eta': [0.1, 1], 'method': ['sgd', 'lsr']} is unknown here; must be one of name",
    ),
    "an unknown field": (FILE.replace("epochs", "epoch"), "epoch = 2 is unknown here; must be one of method, epochs"),
    "another spelling": (FILE.replace("train-size", "train_size"), "train_size = 64 must be spelled train-size"),
    "a varied machine": (FILE.replace("eta = [0.1, 1]", "threads = [1, 2]"), "threads = [1, 2] is varied and must be fixed"),
    "an unknown varied field": (FILE.replace("eta", "lr"), "lr = [0.1, 1] is unknown here"),
    "no method": ('name = "a"\nseeds = [0]\n[fixed]\n[grid]\n', "method is missing; must stand in [fixed] or [grid]"),
    "no table": ("fixed = 1\n" + FILE.replace("[fixed]", "[grid.x]"), "fixed = 1 must be a table"),
    "a seed that is fixed": (FILE.replace("epochs = 2", "seed = 2"), "seed = 2 is unknown here"),
    "fixed and varied": (FILE.replace("epochs = 2", "eta = 0.3"), "eta = [0.1, 1] is varied and must not be fixed too"),
    "no list": (FILE.replace("[0.1, 1]", "0.1"), "eta = 0.1 must be a list of one or more values"),
    "an empty list": (FILE.replace("[0.1, 1]", "[]"), "eta = [] must be a list of one or more values"),
    "a value twice": (FILE.replace("[0.1, 1]", "[1, 0.1, 1.0]"), "eta = [1, 0.1, 1.0] has 1.0 twice"),
    "a seed twice": (FILE.replace("[0, 1]", "[3, 3]"), "seeds = [3, 3] has 3 twice"),
    "no seeds": (FILE.replace("seeds = [0, 1]", ""), "seeds = None must be a list"),
    "no count": (FILE.replace("[0, 1]", "{ first = 1 }"), "count = None must be a whole number"),
    "a count of none": (FILE.replace("[0, 1]", "{ count = 0 }"), "count = 0 must be a whole number, 1 ... 1000000"),
    "an endless count": (FILE.replace("[0, 1]", "{ count = 1_000_000_000_000 }"), "count = 1000000000000 must be a whole number"),
    "more runs than a memory holds": (FILE.replace("[0, 1]", "{ count = 999_999 }"), "runs; must be at most 1000000"),
    "lists in lists": ("a = " + "[" * 3000 + "]" * 3000, "nested too deep"),
    "a last seed": (FILE.replace("[0, 1]", "{ first = 0, last = 3 }"), "last = 3 is unknown here; must be one of first, count"),
    "a bad value in the last run": (FILE.replace("[0.1, 1]", "[0.1, -1]"), "eta = -1 must be above 0"),
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.values(), ids=REFUSALS)
def test_other_files_are_refused_in_one_line_before_anything_runs(text: str, message: str, refusal: Refusal) -> None:
    Path("sweep.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    line = refusal(["sweep", "sweep.toml"])
    assert line.startswith("tsla sweep: sweep.toml: ")
    assert message in line
    assert os.listdir() == ["sweep.toml"]  # noqa: PTH208 - all of it, hidden files too


def test_a_missing_file_is_refused_and_the_example_is_none() -> None:
    with pytest.raises(ValueError, match=r"FILE = nowhere\.toml: no such file"):
        sweeps.read(Path("nowhere.toml"))
    assert len(sweeps.read(Path(__file__).parents[3] / "examples" / "sweep.toml").configs) == 12
