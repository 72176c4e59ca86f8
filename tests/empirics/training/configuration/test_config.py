"""Configurations are checked at the door, one line each, and are the same from Python, options, files and records."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from math import cos, inf, nan, pi
from pathlib import Path
from typing import Any

import pytest

from tests.refusals import refusals
from tsla.empirics.commands import train
from tsla.empirics.runs import records
from tsla.empirics.training.configuration import FIELDS, TrainingConfig
from tsla.empirics.training.configuration.given import configuration
from tsla.empirics.training.configuration.step_sizes import factor
from tsla.options import Parser
from tsla.theory.testing.planted import assert_rejects

DIGITS = records.read(Path(__file__).parents[4] / "records" / "digits.parquet").config["configs"]
OTHER: dict[str, Any] = {  # of the fields that most networks have, a value that is not the default and has an effect
    **{"method": "tsla", "seed": 3, "epochs": 8, "eta": 0.05, "theta": 0.1, "drop": 3, "smoothing": "own", "model": "resnet18"},
    **{"norm": "batch", "batch_size": 8, "momentum": 0.9, "weight_decay": 5e-4, "warmup": 1, "step_sizes": "cosine", "augment": True},
    **{"precision": "bf16", "data": "cifar10", "folder": "my data", "per_class": 8, "train_size": None, "test_size": 50},
    **{"pool": 2, "label_noise": 0.4},
    **{"device": "auto", "threads": 2, "channels_last": True, "compile": True, "deterministic": True},
    **{"measure_at": (0, 8), "measured_examples": 9, "curvature": True, "alignment": True},
}
OF_A_HEAD = {name: value for name, value in OTHER.items() if name not in ("norm", "augment", "pool")} | {
    **{"model": "efficientnet-lite0", "pretrained": True, "trained": "head", "hidden": 8}
}
OTHERS = pytest.mark.parametrize("other", [OTHER, OF_A_HEAD], ids=["most networks", "head"])


test_bad_configurations = refusals(
    lambda changes: TrainingConfig(**{"method": "sgd", "epochs": 2} | changes),
    ({"method": "adam"}, "^method = 'adam' must be one of sgd, lsr, tsla, annealed, adaptive, shrink, shrink-tsla"),
    ({"smoothing": "none"}, "^smoothing = 'none' must be one of uniform, prior, own, own-hard"),
    ({"norm": "layer"}, "^norm = 'layer' must be one of group, batch"),
    ({"step_sizes": "linear"}, "^step-sizes = 'linear' must be one of constant, step, cosine"),
    ({"precision": "fp16"}, "^precision = 'fp16' must be one of float32, bf16"),
    ({"device": "tpu"}, "^device = 'tpu' must be one of cpu, cuda, auto"),
    *(({"theta": theta}, rf"^theta = {theta} must lie in \[0, 1\]") for theta in (1.5, -0.1, nan)),
    ({"label_noise": 1.5}, r"^label-noise = 1.5 must lie in \[0, 1\]"),
    *(({"eta": eta}, rf"^eta = {eta} must be above 0 and at most 3.4e38") for eta in (0, -1.0, nan, inf)),
    ({"eta": 1e39}, r"^eta = 1e\+39 must be above 0 and at most 3.4e38, as float32 goes"),
    ({"momentum": 1.0}, r"^momentum = 1.0 must lie in \[0, 1\)"),
    *(({"weight_decay": decay}, f"^weight-decay = {decay} must be at least 0 and at most 3.4e38") for decay in (-1e-4, inf)),
    *(
        ({name: 0}, f"^{name.replace('_', '-')} = 0 must be at least 1")
        for name in ("epochs", "batch_size", "train_size", "test_size", "pool", "measured_examples")
    ),
    *(({"threads": threads}, rf"^threads = {threads} must lie in 1 \.\.\. 1024") for threads in (0, 1025)),
    ({"per_class": 3}, "^per-class = 3 must be at least 4"),
    ({"seed": -1}, "^seed = -1 must be at least 0"),
    *(({name: 3}, rf"^{name} = 3 must lie in 0 \.\.\. epochs = 2") for name in ("drop", "warmup")),
    *(({name: -1}, rf"^{name} = -1 must lie in 0 \.\.\. epochs = 2") for name in ("drop", "warmup")),
    ({"measure_at": (3,)}, r"^measure-at = \(3,\) must lie in 0 \.\.\. epochs = 2"),
    ({"measure_at": (-1,)}, r"^measure-at = \(-1,\) must lie in 0 \.\.\. epochs = 2"),
    ({"measure_at": ["0"]}, r"^measure-at = \['0'\] must be a list of whole numbers"),
    ({"eta": "0.1"}, "^eta = '0.1' must be a number"),
    ({"eta": True}, "^eta = True must be a number"),
    *(({"epochs": epochs}, f"^epochs = {epochs!r} must be a whole number") for epochs in (2.0, True, "x")),
    *(({name: 10**400}, rf"^{name} = 10*\.\.\.0* must lie between -2") for name in ("seed", "eta")),
    ({"eta": -(10**400)}, r"^eta = -10*\.\.\.0* must lie between -2\*\*63 and 2\*\*63"),
    ({"augment": 1}, "^augment = 1 must be true or false"),
    ({"model": 8}, "^model = 8 must be text"),
    ({"train_size": "many"}, "^train-size = 'many' must be a whole number"),
)


def test_the_defaults_of_another_length() -> None:
    config = TrainingConfig("tsla", epochs=5, eta=1)
    assert (config.drop, config.measure_at, config.eta) == (2, (0, 1, 2, 5), 1.0)
    assert isinstance(config.eta, float)
    given = replace(config, drop=1, measure_at=[5], train_size="all")
    assert (given.drop, given.measure_at, given.train_size) == (1, (5,), None)


# --- what is stored


def are_kept(stored: list[dict[str, Any]]) -> None:
    """They come back from a record as they went in: the same names, the same values."""
    assert [json.loads(json.dumps(TrainingConfig.of_flat(one).flat())) for one in stored] == stored


@OTHERS
def test_what_records_hold_is_what_they_held(other: dict[str, Any]) -> None:
    are_kept(DIGITS)
    assert_rejects(are_kept, [{name: value for name, value in DIGITS[0].items() if name != "rates"}])
    assert TrainingConfig.of_flat(TrainingConfig(**other).flat()).flat() == TrainingConfig(**other).flat()


def are_one_run(one: TrainingConfig, other: TrainingConfig) -> None:
    assert one == other
    assert one.identity() == other.identity()


@OTHERS
def test_a_run_is_the_same_on_whatever_machine(other: dict[str, Any]) -> None:
    config = TrainingConfig(**other)
    elsewhere = {"device": "cpu", "threads": 1, "channels_last": False, "compile": False, "deterministic": False}
    are_one_run(config, replace(config, **elsewhere))
    assert set(elsewhere) == {name for name, field in FIELDS.items() if field.group == "machine"}
    for name in other.keys() - elsewhere.keys() - {"method", "epochs"}:
        another = replace(config, **{name: FIELDS[name].settled(FIELDS[name].default, 4)})
        assert_rejects(lambda one: are_one_run(config, one), another)


# --- options and files


def from_options(words: str) -> TrainingConfig:
    parser = Parser(prog="tsla train")
    train.add(parser)
    return configuration(parser.parse_args(shlex.split(words)))


@pytest.fixture
def from_file(tmp_path: Path) -> Callable[..., TrainingConfig]:
    """The configuration of a file with these names and values, and of options."""

    def read(options: str = "", **table: Any) -> TrainingConfig:
        path = tmp_path / "run.toml"
        path.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items()), encoding="utf-8")
        return from_options(f"--config {path} {options}")

    return read


@OTHERS
def test_every_field_is_an_option_and_a_name_in_a_file(other: dict[str, Any], from_file: Callable[..., TrainingConfig]) -> None:
    config = TrainingConfig(**other)
    assert {*OTHER, *OF_A_HEAD} == set(FIELDS)
    assert [name for name in other if getattr(config, name) == FIELDS[name].default or not FIELDS[name].has_use(config)] == []
    for one in (config, TrainingConfig("tsla", epochs=30, drop=10)):  # 10 is the default of another length
        assert from_options(one.command_line().removeprefix("tsla train")).flat() == one.flat()
    table = {name.replace("_", "-"): "all" if value is None else value for name, value in other.items()}
    assert from_file(**table).flat() == config.flat()


def test_help_says_the_default() -> None:
    usual = {"drop": "half of the epochs", "measure_at": "0,1,2,5,10,20", "train_size": "1000", "test_size": "all", "norm": "group"}
    for name, words in usual.items():
        assert FIELDS[name].option["help"].endswith(f" (default {words})")


test_options_without_an_effect_are_refused = refusals(
    from_options,
    ("--method sgd --drop 5", "^drop = 5 has no use with --method sgd; it goes with tsla or shrink-tsla"),
    ("--method annealed --theta 0.1", "^theta = 0.1 has no use with --method annealed; it goes with lsr, tsla, adaptive, shrink"),
    (
        "--method sgd --model mlp --norm batch",
        "^norm = batch has no use with --model mlp; it goes with networks that have a norm to choose",
    ),
    ("--method sgd --model mlp --pretrained", "^pretrained = True has no use with --model mlp; it goes with efficientnet-lite0"),
    ("--method sgd --model mlp --trained head", "^trained = head has no use with --no-pretrained; it goes with --pretrained"),
    (
        "--method sgd --model efficientnet-lite0 --pretrained --trained head --augment",
        "^augment = True has no use with --trained head; it goes with --trained all",
    ),
    ("--method sgd --hidden 3", "^hidden = 3 has no use with --model resnet8; it goes with efficientnet-lite0"),
    ("--method sgd --folder here", "^folder = here has no use with --data digits; it goes with data that are read from files"),
    ("--method sgd --data mnist --per-class 8", "^per-class = 8 has no use with --data mnist; it goes with cifar10 or cifar100"),
    ("--method sgd --measure-at= --curvature", "^curvature = True has no use with --measure-at=; it goes with one or more epochs"),
    ("--method sgd --measure-at= --measured-examples all", "^measured-examples = all has no use with --measure-at="),
)


def test_one_file_serves_all_methods(from_file: Callable[..., TrainingConfig]) -> None:
    """What a run has no use for is neither in its configuration nor in its command."""
    table = {"method": "lsr", "theta": 0.5, "drop": 3}
    assert from_file(**table).theta == 0.5
    plain = from_file("--method sgd", **table)
    assert plain.flat() == TrainingConfig("sgd").flat() == from_options(plain.command_line().removeprefix("tsla train")).flat()
    assert TrainingConfig("sgd", theta=0.5).command_line() == plain.command_line()


def test_what_has_no_use_since_another_field_has_none(from_file: Callable[..., TrainingConfig]) -> None:
    """A file about a head serves another network, all of which is trained: there images are augmented."""
    table = {"method": "sgd", "model": "efficientnet-lite0", "pretrained": True, "trained": "head", "augment": True}
    assert from_file(**table).augment is False
    other = from_file("--model mlp", **table)
    assert (other.pretrained, other.trained, other.augment) == (False, "all", True)


# --- step sizes


def test_step_sizes() -> None:
    def along(step_sizes: str, epochs: int, warmup: int = 0) -> list[float]:
        return [factor(step_sizes, epoch, epochs=epochs, warmup=warmup) for epoch in range(epochs)]

    assert along("constant", 3) == [1, 1, 1]
    assert along("step", 8) == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert along("cosine", 4) == pytest.approx([(1 + cos(pi * t / 4)) / 2 for t in range(4)])
    assert along("constant", 4, warmup=3) == pytest.approx([0.25, 0.5, 0.75, 1])
    assert along("cosine", 5, warmup=1) == pytest.approx([0.5, *along("cosine", 4)])
    assert along("cosine", 2, warmup=2) == pytest.approx([1 / 3, 2 / 3])
