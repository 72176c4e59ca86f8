"""Training arms differ in their rule alone; what they report is without smoothing; a loop by hand does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.planted import assert_rejects
from tsla.empirics import training
from tsla.empirics.assumptions.curvature import largest_curvature
from tsla.empirics.assumptions.network_loss import Loss
from tsla.empirics.data.datasets import CLASSES, digits
from tsla.empirics.models import networks
from tsla.empirics.moments.estimators import Estimates
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.smoothing.schedules import Annealed, Schedule
from tsla.empirics.training import METHODS, Row, TrainingConfig, initial_model, train, training_split
from tsla.empirics.training.measuring import ITERATIONS, Measuring
from tsla.theory.moments import Moments

TINY = {"seed": 0, "epochs": 2, "drop": 1, "theta": 0.4, "eta": 0.1, "train_size": 60, "model": "mlp", "measure_at": (0, 2)}
MOMENTS = ("grad2", "s2", "shat2", "c", "beta2", "nu2")
RULE = ("eta", "theta")


def config(method: str, **changes: object) -> TrainingConfig:
    return TrainingConfig(method, **TINY | changes)


@cache
def rows(method: str, **changes: object) -> list[Row]:
    """The rows of a tiny run, without the name of its method and its rule."""
    return [{name: value for name, value in row.items() if name not in ("method", *RULE)} for row in train(config(method, **changes))]


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


def test_smoothing_by_the_own_prediction_is_shrinking() -> None:
    """C17, to rounding."""
    own, shrunk = rows("lsr", smoothing="own")[-1], rows("shrink")[-1]
    assert [own[name] for name in ("train_loss", "test_loss")] == pytest.approx([shrunk[name] for name in ("train_loss", "test_loss")])


RULES = {
    "sgd": [(0.1, 0.0), (0.1, 0.0)],
    "lsr": [(0.1, 0.4), (0.1, 0.4)],
    "tsla": [(0.1, 0.4), (0.1, 0.0)],
    "shrink": [(0.06, 0.0), (0.06, 0.0)],
    "shrink-tsla": [(0.06, 0.0), (0.1, 0.0)],
}
MEASURED = ("annealed", "adaptive")


def test_every_method_has_its_rule_here() -> None:
    assert {*RULES, *MEASURED} == set(METHODS)


@pytest.mark.parametrize("method", RULES)
def test_rules(method: str) -> None:
    found = [(row["eta"], row["theta"]) for row in train(config(method))]
    assert found == [pytest.approx(rule) for rule in (*RULES[method], RULES[method][-1])]


# --- the same by hand

Rules = Sequence[tuple[float, float]]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def by_hand(rules: Rules, *, model: str = "mlp", momentum: float = 0.0, weight_decay: float = 0.0, prior: bool = False) -> list[float]:
    """Training loss, test loss and test accuracy after the last epoch, all unsmoothed, in float64 but for the network."""
    split = digits(train_size=60, label_noise=0.2, seed=0)
    y_hat = torch.bincount(split.train_labels, minlength=CLASSES) / 60 if prior else torch.full((CLASSES,), 1 / CLASSES)
    torch.manual_seed(0)
    network = networks.build(model, shape=(1, 8, 8), classes=CLASSES)
    velocities = [torch.zeros_like(parameter) for parameter in network.parameters()]
    generator = torch.Generator().manual_seed(0)
    for eta, theta in rules:
        for batch in torch.randperm(60, generator=generator).split(16):
            log_probabilities = network(split.train_inputs[batch]).log_softmax(1)
            true = -log_probabilities[torch.arange(len(batch)), split.train_labels[batch]].mean()
            smooth = -(log_probabilities @ y_hat).mean()
            gradients = torch.autograd.grad((1 - theta) * true + theta * smooth, list(network.parameters()))
            with torch.no_grad():
                for parameter, gradient, velocity in zip(network.parameters(), gradients, velocities, strict=True):
                    velocity.copy_(momentum * velocity + gradient + weight_decay * parameter)
                    parameter -= eta * velocity
    with torch.no_grad():
        train_logits, test_logits = (network(x).double().numpy() for x in (split.train_inputs, split.test_inputs))
    train_labels, test_labels = split.train_labels.numpy(), split.test_labels.numpy()
    return [
        -log_softmax(train_logits)[np.arange(60), train_labels].mean(),
        -log_softmax(test_logits)[np.arange(len(test_labels)), test_labels].mean(),
        (test_logits.argmax(axis=1) == test_labels).mean(),
    ]


def ends_as_by_hand(method: str, **changes: object) -> Callable[..., None]:
    def check(rules: Rules, **by: object) -> None:
        last = rows(method, **changes)[-1]
        expected = by_hand(rules, **by)  # type: ignore[arg-type]
        assert [last["train_loss"], last["test_loss"]] == pytest.approx(expected[:2], rel=1e-5)
        assert last["test_accuracy"] == pytest.approx(expected[2], abs=2 / 1737)  # rounding may turn a tie

    return check


@pytest.mark.parametrize("method", RULES)
def test_training_is_the_loop_by_hand(method: str) -> None:
    ends_as_by_hand(method)(RULES[method])


OPTIONS = {
    "resnet": ({"model": "resnet8"}, {"model": "resnet8"}),
    "momentum": ({"momentum": 0.9, "weight_decay": 0.01}, {"momentum": 0.9, "weight_decay": 0.01}),
    "prior": ({"smoothing": "prior"}, {"prior": True}),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_the_loop_by_hand(name: str) -> None:
    ours, by = OPTIONS[name]
    ends_as_by_hand("tsla", **ours)(RULES["tsla"], **by)


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


@pytest.mark.parametrize("name", ["momentum", "prior"])
def test_planted_options_are_rejected(name: str) -> None:
    assert_rejects(ends_as_by_hand("tsla", **OPTIONS[name][0]), RULES["tsla"])


def test_warm_up_and_falling_step_sizes_are_the_loop_by_hand() -> None:
    rules = [(0.05, 0.0), (0.1, 0.0)]
    ends_as_by_hand("sgd", warmup=1)(rules)
    assert_rejects(ends_as_by_hand("sgd", warmup=1), rules[::-1])
    ends_as_by_hand("sgd", step_sizes="cosine")(rules[::-1])
    ends_as_by_hand("sgd", step_sizes="step")([(0.1, 0.0), (0.01, 0.0)])


@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0])
def test_smoothed_loss_is_linear_in_the_label(theta: float) -> None:
    """C1 for the loss that training hands to torch."""
    logits, labels = torch.randn(6, CLASSES, generator=torch.Generator().manual_seed(0), dtype=torch.float64), torch.arange(6)
    log_probabilities = log_softmax(logits.numpy())
    expected = (1 - theta) * -log_probabilities[np.arange(6), np.arange(6)].mean() + theta * -log_probabilities.mean()
    assert float(cross_entropy(logits, labels, label_smoothing=theta)) == pytest.approx(expected, rel=1e-12)


# --- rules that follow measurements


def examples_of(seed: int, n: int = 60) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed + 2**32))


def test_annealed_strength_is_that_of_the_moments_and_the_curvature_at_the_start() -> None:
    model, split = initial_model(config("sgd")), training_split(config("sgd"))
    inputs, labels = (x[examples_of(0)] for x in (split.train_inputs, split.train_labels))
    loss = Loss(model, inputs, labels, 0, 256)
    curvature = largest_curvature(loss.product, len(loss.weights()), np.random.default_rng(0), iterations=ITERATIONS)
    schedule = Annealed(16)
    schedule.observe(gradient_moments(model, inputs, labels), eta_L=0.1 * curvature)
    assert 0 < schedule.theta < 1
    assert next(train(config("annealed")))["theta"] == pytest.approx(schedule.theta, rel=1e-6)
    assert next(train(config("annealed", eta=0.2)))["theta"] != pytest.approx(schedule.theta, rel=1e-3)


def test_adaptive_smooths_until_the_advantage_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows("adaptive", theta=0.05) == rows("lsr", theta=0.05)

    def gone(_: Measuring, schedule: Schedule, model: torch.nn.Module, eta: float) -> None:
        if schedule.state_dict()["elapsed"] == 1:
            schedule.load_state_dict({"elapsed": 1, "dropped": True})

    monkeypatch.setattr(Measuring, "inform", gone)
    found = list(train(config("adaptive")))
    assert [row["theta"] for row in found] == [0.4, 0.0, 0.0]
    assert [row["test_loss"] for row in found] == [row["test_loss"] for row in rows("tsla")]


@pytest.mark.parametrize(("train_size", "kind"), [(64, Moments), (1500, Estimates)])
def test_schedules_go_by_all_examples_or_by_estimates(train_size: int, kind: type) -> None:
    made = config("adaptive", model="mlp", train_size=train_size)
    split = training_split(made)
    seen: list[object] = []
    schedule = made.schedule()
    schedule.observe = lambda moments, *, eta_L=None: seen.append(moments)  # type: ignore[method-assign]
    Measuring(made, split, "uniform").inform(schedule, initial_model(made, split), 0.1)
    assert [type(one) for one in seen] == [kind]


def test_drawn_examples_are_the_same_for_all_arms_of_a_seed() -> None:
    split = digits(train_size=600, label_noise=0.2, seed=0)
    labels = [Measuring(config(m, train_size=600), split, "uniform")._first(100)[1] for m in ("annealed", "adaptive")]
    assert torch.equal(*labels)
    assert len(labels[0]) == 100
    assert not torch.equal(labels[0], Measuring(config("annealed", train_size=600, seed=1), split, "uniform")._first(100)[1])


def test_curvature_is_a_column_where_it_is_asked_for() -> None:
    first, *_, last = train(config("sgd", model="mlp", curvature=True, measure_at=(0,)))
    assert first["eta_L"] > 0
    assert last["eta_L"] is None
    assert "eta_L" not in next(iter(train(config("sgd", model="mlp"))))


# --- rows


def test_a_row_an_epoch_with_moments_where_they_were_asked_for() -> None:
    found = list(train(config("lsr")))
    assert [row["epoch"] for row in found] == [0, 1, 2]
    assert {(row["method"], row["seed"]) for row in found} == {("lsr", 0)}
    names = ("method", "seed", "epoch", *RULE, "train_loss", "test_loss", "test_accuracy", "test_ece", *MOMENTS)
    assert all(tuple(row) == names for row in found)
    assert [[row[name] is None for name in MOMENTS] for row in found] == [[False] * 6, [True] * 6, [False] * 6]


@pytest.mark.parametrize("smoothing", ["uniform", "prior", "own", "own-hard"])
def test_moments_are_those_of_the_noisy_training_set_and_of_the_labels_that_are_trained_on(smoothing: str) -> None:
    split, model = digits(train_size=60, label_noise=0.2, seed=0), initial_model(config("sgd"))
    expected = asdict(gradient_moments(model, split.train_inputs, split.train_labels, smoothing))
    found = next(train(config("lsr", smoothing=smoothing)))
    assert {name: found[name] for name in MOMENTS} == pytest.approx(expected, rel=1e-6, abs=1e-12)
    clean = digits(train_size=60, label_noise=0.0, seed=0)
    assert gradient_moments(model, clean.train_inputs, clean.train_labels).s2 != pytest.approx(expected["s2"], rel=1e-6)


def test_moments_of_some_examples() -> None:
    split, model, some = digits(train_size=60, label_noise=0.2, seed=0), initial_model(config("sgd")), examples_of(0)[:20]
    expected = asdict(gradient_moments(model, split.train_inputs[some], split.train_labels[some]))
    found = next(train(config("lsr", measured_examples=20)))
    assert {name: found[name] for name in MOMENTS} == pytest.approx(expected, rel=1e-6)


def test_measuring_does_not_disturb_the_run() -> None:
    losses = [[row[name] for name in ("train_loss", "test_loss", "test_accuracy")] for row in rows("lsr")]
    assert [[row[name] for name in ("train_loss", "test_loss", "test_accuracy")] for row in rows("lsr", measure_at=())] == losses


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


def last_loss(**changes: object) -> float:
    return float(rows("lsr", **changes)[-1]["train_loss"])


def test_memory_format_changes_rounding_at_most() -> None:
    how = {"model": "resnet8", "train_size": 32, "epochs": 1, "measure_at": ()}
    assert last_loss(**how, channels_last=True) == pytest.approx(last_loss(**how), rel=1e-4)


def test_bfloat16_is_near_and_not_the_same() -> None:
    assert last_loss(precision="bf16") == pytest.approx(last_loss(), rel=0.02)
    assert last_loss(precision="bf16") != last_loss()


def test_bfloat16_leaves_weights_and_evaluation_in_float32() -> None:
    model = initial_model(config("sgd"))
    list(train(config("sgd", precision="bf16"), model))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert rows("sgd", precision="bf16")[0] == rows("sgd")[0]


def test_a_compiled_network_trains_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[torch.nn.Module] = []

    def stand_in(model: torch.nn.Module) -> torch.nn.Module:
        compiled.append(model)
        return model

    monkeypatch.setattr(torch, "compile", stand_in)
    assert [row["test_loss"] for row in train(config("lsr", compile=True))] == [row["test_loss"] for row in rows("lsr")]
    assert len(compiled) == 1


def test_augmentation_changes_the_batches_and_nothing_else() -> None:
    plain, augmented, again = rows("lsr"), rows("lsr", augment=True), list(train(config("lsr", augment=True)))
    assert augmented[0] == plain[0]
    assert augmented[1]["train_loss"] != plain[1]["train_loss"]
    assert [row["train_loss"] for row in again] == [row["train_loss"] for row in augmented]


def test_digits_are_not_reflected(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def watching(inputs: Tensor, generator: torch.Generator, **how: object) -> Tensor:
        asked.append(how)
        return inputs

    monkeypatch.setattr(training.loop, "augment", watching)
    list(train(config("sgd", augment=True)))
    assert asked == [{"padding": 1, "flip": False}] * 8


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="device = cuda must be a GPU that torch sees"):
        next(train(config("sgd", device="cuda")))
    assert [row["test_loss"] for row in train(config("sgd", device="auto"))] == [row["test_loss"] for row in rows("sgd")]


# --- refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"label_noise": 2.0}, r"label-noise = 2.0 must lie in \[0, 1\]"), ({"train_size": 5000}, "train_size = 5000 must lie in 1")],
)
def test_bad_data_is_refused_before_anything_is_trained(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(train(config("sgd", **changes)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"data": "letters"}, "data = 'letters' must be one of"), ({"model": "vgg"}, "model = 'vgg' must be one of mlp, resnet8")],
)
def test_unknown_data_and_networks(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        next(train(config("sgd", **changes)))
