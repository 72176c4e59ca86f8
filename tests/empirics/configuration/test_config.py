"""Configurations are checked at the door, one line each; rates and calibration are what their definitions say."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from math import cos, pi

import pytest
import torch

from tests.planted import assert_rejects
from tsla.empirics.commands.train import OPTIONS
from tsla.empirics.configuration.step_sizes import factor
from tsla.empirics.smoothing.labels import evaluation_mode
from tsla.empirics.training import TrainingConfig
from tsla.empirics.training.evaluation import calibration_error

SHORT = {"method": "sgd", "seed": 0, "epochs": 2, "drop": 1, "measure_at": (0, 2)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "adam"}, "method = 'adam' must be one of sgd, lsr, tsla, annealed, adaptive, shrink, shrink-tsla"),
        ({"smoothing": "none"}, "smoothing = 'none' must be one of uniform, prior, own, own-hard"),
        ({"norm": "layer"}, "norm = 'layer' must be one of group, batch"),
        ({"rates": "linear"}, "rates = 'linear' must be one of constant, step, cosine"),
        ({"precision": "fp16"}, "precision = 'fp16' must be one of float32, bf16"),
        ({"device": "tpu"}, "device = 'tpu' must be one of cpu, cuda, auto"),
        ({"theta": 1.5}, r"theta = 1.5 must lie in \[0, 1\]"),
        ({"theta": -0.1}, r"theta = -0.1 must lie in"),
        ({"theta": float("nan")}, "theta = nan must lie in"),
        ({"eta": 0.0}, "eta = 0.0 must be above 0"),
        ({"eta": -1.0}, "eta = -1.0 must be above 0"),
        ({"eta": float("nan")}, "eta = nan must be above 0"),
        ({"eta": float("inf")}, "eta = inf must be"),
        ({"momentum": 1.0}, r"momentum = 1.0 must lie in \[0, 1\)"),
        ({"weight_decay": -1e-4}, "weight_decay = -0.0001 must be at least 0"),
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
        ({"batch_size": 0}, "batch_size = 0 must be at least 1"),
        ({"threads": 0}, "threads = 0 must be at least 1"),
        ({"train_size": 0}, "train_size = 0 must be at least 1"),
        ({"measured_examples": 0}, "measured_examples = 0 must be at least 1"),
        ({"seed": -1}, "seed = -1 must be at least 0"),
        ({"drop": -1}, r"drop = -1 must lie in 0 \.\.\. epochs = 2"),
        ({"drop": 3}, r"drop = 3 must lie in 0 \.\.\. epochs = 2"),
        ({"warmup": 3}, r"warmup = 3 must lie in 0 \.\.\. epochs = 2"),
        ({"measure_at": (3,)}, r"measure_at = \(3,\) must lie in 0 \.\.\. epochs = 2"),
        ({"measure_at": ("0",)}, "measure_at = .* must be a list of whole numbers"),
        ({"eta": "0.1"}, "eta = '0.1' must be a number"),
        ({"epochs": 2.0}, "epochs = 2.0 must be a whole number"),
        ({"epochs": True}, "epochs = True must be a whole number"),
        ({"augment": 1}, "augment = 1 must be true or false"),
        ({"model": 8}, "model = 8 must be text"),
        ({"train_size": "many"}, "train_size = 'many' must be a whole number"),
    ],
)
def test_bad_configurations(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**SHORT | changes)  # type: ignore[arg-type]


def test_a_configuration_is_plain_numbers_and_comes_back_from_json() -> None:
    config = TrainingConfig(**SHORT)  # type: ignore[arg-type]
    assert TrainingConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_the_defaults_of_another_length() -> None:
    config = TrainingConfig.of(method="tsla", seed=0, epochs=8, eta=1)
    assert (config.drop, config.measure_at, config.eta) == (4, (0, 1, 2, 5), 1.0)
    assert isinstance(config.eta, float)
    assert TrainingConfig.of(method="tsla", seed=0, epochs=8, drop=1, measure_at=[8]).measure_at == (8,)
    assert TrainingConfig.of(method="tsla", seed=0) == TrainingConfig("tsla", 0)
    with pytest.raises(ValueError, match="epochs = 'x' must be a whole number"):
        TrainingConfig.of(method="tsla", seed=0, epochs="x")


def test_every_field_is_an_option_of_the_command() -> None:
    assert {name.replace("-", "_") for name in OPTIONS} == {field.name for field in fields(TrainingConfig)}


# --- rates


def test_rates() -> None:
    def along(rates: str, epochs: int, warmup: int = 0) -> list[float]:
        return [factor(rates, epoch, epochs=epochs, warmup=warmup) for epoch in range(epochs)]

    assert along("constant", 3) == [1, 1, 1]
    assert along("step", 8) == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert along("cosine", 4) == pytest.approx([(1 + cos(pi * t / 4)) / 2 for t in range(4)])
    assert along("constant", 4, warmup=3) == pytest.approx([0.25, 0.5, 0.75, 1])
    assert along("cosine", 5, warmup=1) == pytest.approx([0.5, *along("cosine", 4)])
    assert along("cosine", 2, warmup=2) == pytest.approx([1 / 3, 2 / 3])


# --- evaluation


def ece_by_hand(logits: torch.Tensor, labels: torch.Tensor, bins: int = 15) -> float:
    """Bin by bin, in plain Python."""
    probabilities = logits.softmax(1)
    total = 0.0
    for k in range(bins):
        inside = [i for i, p in enumerate(probabilities) if k / bins < float(p.max()) <= (k + 1) / bins]
        if inside:
            confidence = sum(float(probabilities[i].max()) for i in inside) / len(inside)
            accuracy = sum(int(probabilities[i].argmax()) == int(labels[i]) for i in inside) / len(inside)
            total += len(inside) / len(labels) * abs(confidence - accuracy)
    return total


def test_calibration_error_is_its_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(200, 4, generator=generator, dtype=torch.float64)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]  # over- and underconfident by turns

    def agrees(bins: int) -> None:
        assert calibration_error(logits, labels) == pytest.approx(ece_by_hand(logits, labels, bins), rel=1e-9)

    agrees(15)
    assert_rejects(agrees, 10)


def test_calibration_error_at_the_ends() -> None:
    certain = torch.tensor([[1000.0, 0.0], [1000.0, 0.0]])
    assert calibration_error(certain, torch.tensor([0, 0])) == 0
    assert calibration_error(certain, torch.tensor([1, 1])) == 1


def test_evaluation_mode_is_left_as_it_was_found() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(3).eval())
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False]
