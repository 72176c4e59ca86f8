"""Training arms differ in their rule alone; a loop by hand does the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import Mock, patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.empirics.training.tiny import MEASURED, config, rows
from tests.refusals import refusals
from tsla.empirics.assumptions.curvature import largest_curvature
from tsla.empirics.assumptions.network_risk import NetworkRisk
from tsla.empirics.data.datasets import CLASSES, load
from tsla.empirics.models import networks
from tsla.empirics.moments.estimators import Accumulator, Estimates
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.smoothing.schedules import Annealed, Schedule
from tsla.empirics.training.configuration import METHODS
from tsla.empirics.training.loop import train
from tsla.empirics.training.measuring import ITERATIONS, Measuring
from tsla.empirics.training.setup import initial_model, training_split
from tsla.empirics.training.sgd import plain_sgd, shuffled
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

# --- arms that share seed, split, noise, initial weights and batches


@pytest.mark.parametrize("measured", [None, 20])
def test_all_arms_start_from_the_same_weights_and_data_and_measure_the_same_examples(measured: int | None) -> None:
    starts = [rows(method, measured_examples=measured)[0] for method in METHODS]
    assert all(start == starts[0] for start in starts)
    assert rows("sgd", measured_examples=measured, seed=1)[0] != starts[0] | {"seed": 1}


@pytest.mark.parametrize(
    ("method", "changes", "partner", "theirs", "same"),
    [
        ("lsr", {"theta": 0.0}, "sgd", {}, 3),
        ("lsr", {}, "sgd", {}, 1),
        ("tsla", {}, "lsr", {}, 2),  # up to the drop epoch and not after
        ("tsla", {"drop": 0}, "sgd", {}, 3),
        ("tsla", {"drop": 2}, "lsr", {}, 3),
        ("shrink", {}, "sgd", {"eta": 0.1 * (1 - 0.4)}, 3),
        ("shrink", {}, "sgd", {}, 1),
        ("shrink-tsla", {}, "shrink", {}, 2),
        ("shrink-tsla", {"drop": 0}, "sgd", {}, 3),
    ],
)
def test_arms_are_the_same_until_their_rules_part(
    method: str, changes: dict[str, object], partner: str, theirs: dict[str, object], same: int
) -> None:
    """Of the three rows, the first so many."""
    assert [one == other for one, other in zip(rows(method, **changes), rows(partner, **theirs), strict=True)] == [
        row < same for row in range(3)
    ]


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
    "linear": [(0.1, 0.4), (0.1, 0.2)],
    "cosine": [(0.1, 0.4), (0.1, 0.2)],
}


def test_rules() -> None:
    assert set(METHODS) - set(RULES) == {"annealed", "adaptive"}  # which follow measurements
    assert {name for name, _ in PLANTED} == set(LOOPS)
    for method, rules in RULES.items():
        found = [(row["eta"], row["theta"]) for row in train(config(method))]
        assert found == [pytest.approx(rule) for rule in (*rules, rules[-1])], method


# --- the same by hand


def by_hand(
    rules: Sequence[tuple[float, float]], *, model: str = "mlp", momentum: float = 0.0, weight_decay: float = 0.0, prior: bool = False
) -> list[float]:
    """Training loss, test loss and test accuracy after the last epoch, all unsmoothed, in float64 but for the network."""
    split = load("digits", train_size=60, label_noise=0.2, seed=0)
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
    found = []
    for inputs, labels in ((split.train_inputs, split.train_labels), (split.test_inputs, split.test_labels)):
        log_probabilities = network(inputs).detach().double().log_softmax(1)
        found.append(-float(log_probabilities[torch.arange(len(labels)), labels].mean()))
    return [*found, float((log_probabilities.argmax(1) == labels).double().mean())]


LOOPS: dict[str, tuple[str, dict[str, object], Sequence[tuple[float, float]], dict[str, Any]]] = {
    **{method: (method, {}, rules, {}) for method, rules in RULES.items()},
    "resnet": ("tsla", {"model": "resnet8"}, RULES["tsla"], {"model": "resnet8"}),
    "momentum": ("tsla", {"momentum": 0.9, "weight_decay": 0.01}, RULES["tsla"], {"momentum": 0.9, "weight_decay": 0.01}),
    "prior": ("tsla", {"smoothing": "prior"}, RULES["tsla"], {"prior": True}),
    "warm up": ("sgd", {"warmup": 1}, [(0.05, 0.0), (0.1, 0.0)], {}),
    "cosine step sizes": ("sgd", {"step_sizes": "cosine"}, [(0.1, 0.0), (0.05, 0.0)], {}),
    "step": ("sgd", {"step_sizes": "step"}, [(0.1, 0.0), (0.01, 0.0)], {}),
}
"""A run: its method and options; and its loop by hand, with these rules and options."""


def ends_as_by_hand(run_and_loop: tuple[str, str]) -> None:
    (method, changes, *_), (*_, rules, by) = (LOOPS[name] for name in run_and_loop)
    last, expected = rows(method, **changes)[-1], by_hand(rules, **by)
    assert [last["train_loss"], last["test_loss"]] == pytest.approx(expected[:2], rel=1e-5)
    assert last["test_accuracy"] == pytest.approx(expected[2], abs=2 / 1737)  # rounding may turn a tie


PLANTED = [
    ("tsla", "lsr"),  # smoothing is never dropped
    ("tsla", "sgd"),  # nor ever there
    ("sgd", "lsr"),
    ("lsr", "shrink"),  # smoothing is only a smaller step
    ("shrink-tsla", "shrink"),  # the full step never comes back
    ("shrink", "sgd"),
    ("linear", "lsr"),
    ("cosine", "tsla"),
    ("resnet", "tsla"),
    ("momentum", "tsla"),
    ("prior", "tsla"),
    ("warm up", "cosine step sizes"),
    ("cosine step sizes", "step"),
    ("step", "cosine step sizes"),
]
"""A run, and the loop of another one."""


@pytest.mark.parametrize(("name", "other"), PLANTED)
def test_training_is_the_loop_by_hand(name: str, other: str, rejects: Rejects) -> None:
    rejects(ends_as_by_hand, right=(name, name), wrong=(name, other))


def test_plain_sgd_is_training_without_the_rest() -> None:
    split, ours, theirs = training_split(config("sgd")), initial_model(config("sgd")), initial_model(config("sgd"))
    plain_sgd(ours, split, shuffled(60, 16, epochs=2, generator=torch.Generator().manual_seed(0)), eta=0.1)
    list(train(config("sgd"), theirs))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q)


# --- a model of one's own


class Drawing(nn.Module):
    """Changes nothing; keeps what it draws in training."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.drawn.append(float(torch.rand(())))
        return x


def test_a_model_draws_anew_at_each_step_of_each_epoch_whatever_mode_it_was_given_in() -> None:
    last = Drawing()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), last).eval()
    list(train(config("sgd", measure_at=()), model))
    assert len(set(last.drawn)) == len(last.drawn) == 2 * 4  # epochs of 60 examples by 16


# --- rules that follow measurements


def test_annealed_strength_is_that_of_the_moments_and_the_curvature_at_the_start() -> None:
    model, split = initial_model(config("sgd")), training_split(config("sgd"))
    inputs, labels = (x[MEASURED] for x in (split.train_inputs, split.train_labels))
    loss = NetworkRisk(model, inputs, labels, 0, 256)
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
    made = config("adaptive", train_size=train_size)
    split = training_split(made)
    schedule = Mock(made.schedule())
    with patch.object(Accumulator, "estimates", autospec=True, side_effect=Accumulator.estimates) as estimates:
        Measuring(made, split, "uniform").inform(schedule, initial_model(made, split), 0.1)
    assert [type(call.args[0]) for call in schedule.observe.call_args_list] == [kind]
    assert [call.kwargs for call in estimates.call_args_list] == [{"population": train_size}] * (kind is Estimates)


# --- refusals


test_data_and_networks_that_are_not_there_are_refused_before_anything_is_trained = refusals(
    lambda changes: next(train(config("sgd", **changes))),
    ({"train_size": 5000}, "train_size = 5000 must be a whole number, at least 1 and at most 1796"),
    ({"data": "letters"}, "data = 'letters' must be one of"),
    ({"model": "vgg"}, "model = 'vgg' must be one of mlp, resnet8"),
)
