"""Training arms differ in their rule alone; what they report is without smoothing; a loop by hand does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from empirics.datasets import CLASSES, digits
from empirics.moments import gradient_moments
from empirics.networks import resnet
from empirics.training import METHODS, Row, TrainingConfig, train
from tests.planted import assert_rejects

TINY = {"seed": 0, "epochs": 2, "drop": 1, "theta": 0.4, "eta": 0.1, "train_size": 60, "widths": (4, 8), "measure_at": (0, 2)}
MOMENTS = ("grad2", "s2", "shat2", "c", "beta2", "nu2")


def config(method: str, **changes: object) -> TrainingConfig:
    return TrainingConfig(method, **TINY | changes)


@cache
def rows(method: str, **changes: object) -> list[Row]:
    """The rows of a tiny run, without the name of its method."""
    return [{name: value for name, value in row.items() if name != "method"} for row in train(config(method, **changes))]


# --- arms that share seed, split, noise, initial weights and batches


def test_smoothing_of_strength_0_is_none() -> None:
    assert rows("lsr", theta=0.0) == rows("sgd")
    assert rows("lsr") != rows("sgd")


def test_all_arms_start_from_the_same_weights_and_data() -> None:
    starts = [rows(method)[0] for method in METHODS]
    assert all(start == starts[0] for start in starts)
    assert rows("sgd", seed=1)[0] != starts[0] | {"seed": 1}


def test_tsla_is_lsr_up_to_the_drop_epoch_and_not_after() -> None:
    assert rows("tsla")[:2] == rows("lsr")[:2]
    assert rows("tsla")[2] != rows("lsr")[2]


@pytest.mark.parametrize(("drop", "partner"), [(0, "sgd"), (2, "lsr")])
def test_tsla_dropped_at_the_ends_is_one_of_the_two(drop: int, partner: str) -> None:
    assert rows("tsla", drop=drop) == rows(partner)


def test_shrinking_is_a_smaller_step() -> None:
    assert rows("shrink") == rows("sgd", eta=0.1 * (1 - 0.4))
    assert rows("shrink") != rows("sgd")


def test_shrinking_until_the_drop_epoch_goes_on_with_the_full_step() -> None:
    assert rows("shrink-tsla")[:2] == rows("shrink")[:2]
    assert rows("shrink-tsla", drop=0) == rows("sgd")
    assert rows("shrink-tsla")[2] != rows("shrink")[2]


RULES = {
    "sgd": [(0.1, 0.0), (0.1, 0.0)],
    "lsr": [(0.1, 0.4), (0.1, 0.4)],
    "tsla": [(0.1, 0.4), (0.1, 0.0)],
    "shrink": [(0.06, 0.0), (0.06, 0.0)],
    "shrink-tsla": [(0.06, 0.0), (0.1, 0.0)],
}


def test_every_method_has_its_rule_here() -> None:
    assert set(RULES) == set(METHODS)


@pytest.mark.parametrize("method", RULES)
def test_rules(method: str) -> None:
    assert [config(method).rule(epoch) for epoch in range(2)] == [pytest.approx(rule) for rule in RULES[method]]


# --- the same by hand

Rules = Sequence[tuple[float, float]]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def by_hand(rules: Rules, *, seed: int = 0) -> list[float]:
    """Training loss, test loss and test accuracy after the last epoch, all unsmoothed, in float64 but for the network."""
    split = digits(train_size=60, label_noise=0.2, seed=seed)
    torch.manual_seed(seed)
    model = resnet(channels=1, classes=CLASSES, widths=(4, 8))
    generator = torch.Generator().manual_seed(seed)
    for eta, theta in rules:
        for batch in torch.randperm(60, generator=generator).split(16):
            log_probabilities = model(split.train_inputs[batch]).log_softmax(1)
            true = -log_probabilities[torch.arange(len(batch)), split.train_labels[batch]].mean()
            uniform = -log_probabilities.mean()
            gradients = torch.autograd.grad((1 - theta) * true + theta * uniform, list(model.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter -= eta * gradient
    with torch.no_grad():
        train_logits, test_logits = (model(x).double().numpy() for x in (split.train_inputs, split.test_inputs))
    train_labels, test_labels = split.train_labels.numpy(), split.test_labels.numpy()
    return [
        -log_softmax(train_logits)[np.arange(60), train_labels].mean(),
        -log_softmax(test_logits)[np.arange(len(test_labels)), test_labels].mean(),
        (test_logits.argmax(axis=1) == test_labels).mean(),
    ]


def ends_as_by_hand(method: str) -> Callable[[Rules], None]:
    def check(rules: Rules) -> None:
        last = rows(method)[-1]
        assert [last["train_loss"], last["test_loss"]] == pytest.approx(by_hand(rules)[:2], rel=1e-5)
        assert last["test_accuracy"] == pytest.approx(by_hand(rules)[2], abs=2 / 1737)  # rounding may turn a tie

    return check


@pytest.mark.parametrize("method", RULES)
def test_training_is_the_loop_by_hand(method: str) -> None:
    ends_as_by_hand(method)(RULES[method])


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("tsla", "lsr"),  # smoothing is never dropped
        ("tsla", "sgd"),  # nor ever there
        ("lsr", "shrink"),  # smoothing is only a smaller step
        ("shrink-tsla", "shrink"),  # the full step never comes back
    ],
)
def test_planted_rules_are_rejected(method: str, wrong: str) -> None:
    assert_rejects(ends_as_by_hand(method), RULES[wrong])


@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0])
def test_smoothed_loss_is_linear_in_the_label(theta: float) -> None:
    """C1 for the loss that training hands to torch."""
    logits, labels = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(0), dtype=torch.float64), torch.arange(6)
    log_probabilities = log_softmax(logits.numpy())
    expected = (1 - theta) * -log_probabilities[np.arange(6), np.arange(6)].mean() + theta * -log_probabilities.mean()
    assert float(cross_entropy(logits, labels, label_smoothing=theta)) == pytest.approx(expected, rel=1e-12)


# --- rows


def test_a_row_an_epoch_with_moments_where_they_were_asked_for() -> None:
    found = list(train(config("lsr")))
    assert [row["epoch"] for row in found] == [0, 1, 2]
    assert {(row["method"], row["seed"]) for row in found} == {("lsr", 0)}
    assert all(set(row) == {"method", "seed", "epoch", "train_loss", "test_loss", "test_accuracy", *MOMENTS} for row in found)
    assert [[row[name] is None for name in MOMENTS] for row in found] == [[False] * 6, [True] * 6, [False] * 6]


def test_moments_are_those_of_the_noisy_training_set() -> None:
    split = digits(train_size=60, label_noise=0.2, seed=0)
    torch.manual_seed(0)
    model = resnet(channels=1, classes=CLASSES, widths=(4, 8))
    expected = asdict(gradient_moments(model, split.train_inputs, split.train_labels))
    assert {name: rows("sgd")[0][name] for name in MOMENTS} == pytest.approx(expected, rel=1e-6)
    clean = digits(train_size=60, label_noise=0.0, seed=0)
    assert gradient_moments(model, clean.train_inputs, clean.train_labels).s2 != pytest.approx(expected["s2"], rel=1e-6)


def test_measuring_does_not_disturb_the_run() -> None:
    losses = [[row[name] for name in ("train_loss", "test_loss", "test_accuracy")] for row in rows("lsr")]
    assert [[row[name] for name in ("train_loss", "test_loss", "test_accuracy")] for row in rows("lsr", measure_at=())] == losses


@pytest.mark.parametrize("method", ["sgd", "tsla"])
def test_two_runs_are_the_same_to_the_last_bit_whatever_the_global_seed(method: str) -> None:
    torch.manual_seed(1)
    first = list(train(config(method)))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = list(train(config(method)))
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


# --- refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "adam"}, "method = 'adam' must be one of sgd, lsr, tsla, shrink, shrink-tsla"),
        ({"theta": 1.5}, r"theta = 1.5 must lie in \[0, 1\]"),
        ({"theta": -0.1}, r"theta = -0.1 must lie in"),
        ({"theta": float("nan")}, "theta = nan must lie in"),
        ({"eta": 0.0}, "eta = 0.0 must be above 0"),
        ({"eta": -1.0}, "eta = -1.0 must be above 0"),
        ({"eta": float("nan")}, "eta = nan must be above 0"),
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
        ({"batch_size": 0}, "batch_size = 0 must be at least 1"),
        ({"seed": -1}, "seed = -1 must be at least 0"),
        ({"drop": -1}, r"drop = -1 must lie in 0 \.\.\. epochs = 2"),
        ({"drop": 3}, r"drop = 3 must lie in 0 \.\.\. epochs = 2"),
    ],
)
def test_bad_configurations(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**{"method": "sgd"} | TINY | changes)


def test_infinite_step_size_is_refused() -> None:
    with pytest.raises(ValueError, match="eta = inf must be"):
        config("sgd", eta=float("inf"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"label_noise": 2.0}, r"label_noise = 2.0 must lie in \[0, 1\]"), ({"train_size": 5000}, "train_size = 5000 must lie in 1")],
)
def test_bad_data_is_refused_before_anything_is_trained(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(train(config("sgd", **changes)))
