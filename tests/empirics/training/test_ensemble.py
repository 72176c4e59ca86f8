"""Runs trained together are the runs trained one by one, each with its own rule, labels, order and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import pytest
import torch

from tests.empirics.training.tiny import near
from tests.refusals import refusals
from tsla.empirics.data.datasets import Split
from tsla.empirics.training.configuration import METHODS, TrainingConfig
from tsla.empirics.training.ensemble import examples, together, train_together
from tsla.empirics.training.ensemble.replicas import fitting
from tsla.empirics.training.loop import Row, train
from tsla.empirics.training.setup import initial_model, training_split
from tsla.theory.testing.planted import Rejects, assert_rejects

SHARED = {"epochs": 2, "train_size": 60, "measure_at": (0, 2), "model": "mlp", "batch_size": 16}  # the last batch has 12
OWN: dict[str, dict[str, object]] = {
    "plain": {"method": "sgd", "seed": 0, "eta": 0.3},
    "smoothed": {"method": "lsr", "seed": 0, "theta": 0.4, "momentum": 0.9},
    "dropped": {"method": "tsla", "seed": 1, "drop": 1, "smoothing": "prior", "label_noise": 0.4},
    "own": {"method": "lsr", "seed": 1, "theta": 0.5, "smoothing": "own"},
    "hard": {"method": "tsla", "seed": 2, "drop": 1, "smoothing": "own-hard", "momentum": 0.5},
    "shrunk": {"method": "shrink", "seed": 2, "theta": 0.4},
    "shrunk first": {"method": "shrink-tsla", "seed": 3, "drop": 1, "theta": 0.6},
    "annealed": {"method": "annealed", "seed": 3},
    "adaptive": {"method": "adaptive", "seed": 0, "theta": 0.3},
}
OWN |= {method: {"method": method, "seed": 1} for method in METHODS if method not in {own["method"] for own in OWN.values()}}


def config(name: str, **changes: object) -> TrainingConfig:
    return TrainingConfig(**{"drop": 2} | SHARED | OWN[name] | changes)  # type: ignore[arg-type]


@cache
def one_by_one(configs: tuple[TrainingConfig, ...]) -> list[list[Row]]:
    return [list(train(config)) for config in configs]


def together_now(configs: Sequence[TrainingConfig]) -> list[list[Row]]:
    """The rows of each run."""
    return [list(rows) for rows in zip(*train_together(configs), strict=True)]


ALL = tuple(config(name) for name in OWN)


def assert_equal(found: list[list[Row]], expected: list[list[Row]], rel: float) -> None:
    assert [[list(row) for row in rows] for rows in found] == [[list(row) for row in rows] for rows in expected]
    assert found == [near(rows, rel=rel, least=rel) for rows in expected]


# --- the same runs as one by one


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (tuple(OWN), {}),
        (("plain", "smoothed", "shrunk first"), {"step_sizes": "cosine", "warmup": 1, "weight_decay": 0.01}),
        (("smoothed", "own", "shrunk first"), {"model": "resnet8", "train_size": 20, "batch_size": 8}),
    ],
)
def test_together_is_one_by_one_to_rounding(names: tuple[str, ...], changes: dict[str, object]) -> None:
    configs = tuple(config(name, **changes) for name in names)
    assert_equal(together_now(configs), one_by_one(configs), rel=1e-5)


def double_split(config: TrainingConfig) -> Split:
    split = training_split(config)
    return replace(split, train_inputs=split.train_inputs.double(), test_inputs=split.test_inputs.double())


def double_model(config: TrainingConfig, split: Split) -> torch.nn.Module:
    return initial_model(config, split).double()


def test_together_is_one_by_one_but_for_float64_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "training_split", double_split)
    monkeypatch.setattr(together, "initial_model", double_model)
    expected = [list(train(config, double_model(config, split), split=split)) for config in ALL for split in (double_split(config),)]
    for c, ours, theirs in zip(ALL, together_now(ALL), expected, strict=True):
        assert_equal([ours], [theirs], rel=1e-7 if c.smoothing == "prior" else 1e-10)  # frequencies are float32 in the loss of `train`
    assert {c.smoothing for c in ALL} == {"uniform", "prior", "own", "own-hard"}


def test_runs_too_many_to_be_stepped_at_once_are_the_same_in_groups() -> None:
    configs = tuple(config("plain", seed=seed, epochs=1, drop=1, train_size=1500, batch_size=1500, measure_at=()) for seed in range(11))
    assert fitting(examples.examples_of(configs).images, 1500) == 10
    assert_equal(together_now(configs), one_by_one(configs), rel=1e-5)


# --- planted: a run that gets what is another's


def ends_as(expected: tuple[TrainingConfig, ...], configs: tuple[TrainingConfig, ...]) -> None:
    """By the test loss, which the configuration enters through the steps alone."""
    losses, alone = ([rows[-1]["test_loss"] for rows in found] for found in (together_now(configs), one_by_one(expected)))
    assert losses == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("smoothed", {"theta": 0.5}),
        ("smoothed", {"momentum": 0.5}),
        ("smoothed", {"smoothing": "prior"}),
        ("plain", {"label_noise": 0.4}),
        ("plain", {"eta": 0.1}),
        ("plain", {"seed": 1}),
        ("dropped", {"drop": 2}),
        ("hard", {"smoothing": "own"}),
        ("shrunk", {"method": "sgd"}),
    ],
)
def test_one_run_with_anothers_rule_or_labels_is_noticed(name: str, changes: dict[str, object], rejects: Rejects) -> None:
    right = (config(name), config("shrunk first"))
    rejects(partial(ends_as, right), right=right, wrong=(replace(right[0], **changes), right[1]))


def test_one_run_with_anothers_order_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = (config("plain"), config("dropped"))
    orders = together.orders
    monkeypatch.setattr(together, "orders", lambda generators, n: orders(generators, n).roll(1, 0))
    assert_rejects(partial(ends_as, right), right)


def test_seeds_share_images() -> None:
    """Whose they are shows in what is trained on them."""
    shared = examples.examples_of([config("plain", seed=seed) for seed in range(3)])
    assert len(shared.images) <= 1797 < 2 * len(shared.images)


# --- what leaves a run as it is


@pytest.mark.parametrize("name", ["plain", "annealed"])
@pytest.mark.parametrize("eta", [1e4, 1e30])  # all units die; not a number
def test_a_run_that_diverges_leaves_the_others_alone(name: str, eta: float) -> None:
    diverged, well = together_now([config(name, eta=eta), config("dropped")])
    assert not diverged[-1]["train_loss"] < 1e3
    assert_equal([well], one_by_one((config("dropped"),)), rel=1e-5)


def test_the_global_seed_neither_matters_nor_changes() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert together_now(ALL[:2]) == together_now(ALL[:2])
    assert torch.equal(torch.get_rng_state(), before)


# --- refusals


test_what_cannot_be_trained_together_is_refused_at_once = refusals(
    train_together,
    ([], "configs: no runs; must be one or more"),
    ([config("plain"), config("plain", epochs=3)], "epochs = 2, 3 must be one value for all runs that are trained together"),
    ([config("plain"), config("plain", train_size=50)], "train_size = 60, 50 must be one value"),
    ([config("plain"), config("plain", weight_decay=0.1)], r"weight_decay = 0.0, 0.1 must be one value"),
    ([config("plain", augment=True)], "augment = True must be False for runs that are trained together"),
    ([config("plain", precision="bf16")], "precision = 'bf16' must be 'float32'"),
    ([config("plain", model="resnet8", norm="batch")], "norm = 'batch' must be 'group'"),
)
