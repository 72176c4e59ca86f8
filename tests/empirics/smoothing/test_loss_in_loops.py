"""The loss in the loops of others: in training alone, in copies, in checkpoints."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tests.empirics.smoothing.losses import (
    FIXED,
    INPUTS,
    PRIOR,
    K,
    N,
    Subject,
    distributions,
    is_the_loss_of_the_mixed_label,
    logits_and_labels,
)
from tsla.empirics.smoothing.labels import evaluation_mode
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.empirics.smoothing.schedules import TwoStage
from tsla.theory.testing.planted import assert_rejects


class Learner(nn.Module):
    """What a training framework holds."""

    def __init__(self, loss: SmoothedCrossEntropy) -> None:
        super().__init__()
        self.model, self.loss = nn.Linear(3, K), loss


EVALUATIONS: dict[str, Callable[[Learner], AbstractContextManager[Any]]] = {
    "with the loss in the model": evaluation_mode,
    "with the loss outside, under no_grad": lambda _: torch.no_grad(),
    "with the loss outside, under inference_mode": lambda _: torch.inference_mode(),
}


def smooths_in_training_alone(loss_of: Subject) -> None:
    logits, labels = logits_and_labels()
    plain = float(cross_entropy(logits, labels))
    for name, distribution in distributions().items():
        learner = Learner(loss_of(distribution, 0.3, prior=PRIOR))
        for how, evaluation in EVALUATIONS.items():
            is_the_loss_of_the_mixed_label(name, learner.loss)
            with evaluation(learner):
                assert float(learner.loss(logits, labels, INPUTS)) == plain, (name, how)
        is_the_loss_of_the_mixed_label(name, learner.loss)


class AlwaysTraining(SmoothedCrossEntropy):
    def train(self, mode: bool = True) -> AlwaysTraining:
        return super().train(True)


class OfItsModeAlone(SmoothedCrossEntropy):
    """Doesn't see whether gradients are off."""

    def forward(self, *arguments: Any) -> Tensor:
        with torch.enable_grad():
            return super().forward(*arguments)


class AlwaysEvaluating(SmoothedCrossEntropy):
    def forward(self, *arguments: Any) -> Tensor:
        with torch.no_grad():
            return super().forward(*arguments)


def evaluates_plainly(loss_of: Subject) -> None:
    """In the loop of a trainer that holds the loss itself, so that the loss hears of no ``eval()``."""
    torch.manual_seed(3)
    model, labels = nn.Linear(3, K), torch.randint(K, (N,))
    loss = loss_of("uniform", TwoStage(0.3, 2))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        model.train()
        optimiser.zero_grad()
        logits = model(INPUTS)
        training = loss(logits, labels)
        assert torch.equal(training, cross_entropy(logits, labels, label_smoothing=0.3 if epoch < 2 else 0.0))
        training.backward()
        optimiser.step()
        loss.step()
        model.eval()
        for off in (torch.no_grad, torch.inference_mode):
            with off():
                logits = model(INPUTS)
                assert torch.equal(loss(logits, labels), cross_entropy(logits, labels))


@pytest.mark.parametrize("name", ["uniform", "own", "teacher"])
def test_a_compiled_loss_sees_it_too_and_in_one_graph(name: str) -> None:
    loss = SmoothedCrossEntropy(distributions()[name], 0.3)
    compiled = torch.compile(loss, backend="eager", fullgraph=True)
    logits, labels = logits_and_labels()
    for _ in range(2):
        assert torch.equal(compiled(logits, labels, INPUTS), loss(logits, labels, INPUTS))
        with torch.no_grad():
            assert torch.equal(compiled(logits, labels, INPUTS), cross_entropy(logits, labels))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])  # noqa: S301 - our own
@pytest.mark.parametrize("name", distributions())
def test_copies_are_independent(copied: Callable[[Learner], Learner], name: str) -> None:
    logits, labels = logits_and_labels()
    learner = Learner(SmoothedCrossEntropy(distributions()[name], TwoStage(0.3, 1), prior=PRIOR))
    other = copied(learner)
    assert torch.equal(other.loss(logits, labels, INPUTS), learner.loss(logits, labels, INPUTS))
    other.loss.step()
    assert (other.loss.theta, learner.loss.theta) == (0.0, 0.3)


def test_a_fixed_distribution_moves_with_the_model() -> None:
    learner = Learner(SmoothedCrossEntropy({"prior": 0.5, FIXED: 0.5}, 0.3, prior=PRIOR)).to("meta")
    assert {buffer.device.type for buffer in learner.loss.buffers()} == {"meta"}
    assert len(list(learner.loss.buffers())) == 2
    assert learner.loss(torch.zeros(N, K, device="meta"), torch.zeros(N, dtype=torch.long, device="meta")).device.type == "meta"


def resumes(loss_of: Subject) -> None:
    """In the state of what holds the loss, read back without running code."""
    before = Learner(loss_of("prior", TwoStage(0.3, 2), prior=PRIOR))
    before.loss.step()
    before.loss.step()
    saved = io.BytesIO()
    torch.save(before.state_dict(), saved)
    saved.seek(0)
    state = torch.load(saved, weights_only=True)
    assert all(isinstance(value, Tensor) for value in state.values()), "as formats that hold tensors alone need"
    after = Learner(loss_of("prior", TwoStage(0.3, 2), prior=PRIOR))
    after.load_state_dict(state)
    assert after.loss.theta == 0.0
    assert after.loss.schedule.state_dict() == {"elapsed": 2}


def loads_what_never_had_it(loss_of: Subject) -> None:
    """A checkpoint of a module that held another loss, or none; and one in which the state was numbers."""
    learner = Learner(loss_of("prior", TwoStage(0.3, 2), prior=PRIOR, weight=[1, 1, 1, 2]))
    weights = {name: value for name, value in learner.state_dict().items() if name.startswith("model.")}
    for of_torch in ({}, {f"loss.{name}": value for name, value in nn.CrossEntropyLoss(PRIOR).state_dict().items()}):
        try:
            learner.load_state_dict(weights | of_torch, strict=True)
        except RuntimeError as error:
            raise AssertionError(error) from error
    assert learner.loss.theta == 0.3
    learner.load_state_dict(weights | {"loss._extra_state": {"elapsed": 2}}, strict=True)
    assert learner.loss.theta == 0.0


class InBuffers(SmoothedCrossEntropy):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register_buffer("elapsed", torch.zeros(()))


class Forgetful(SmoothedCrossEntropy):
    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        state_dict.pop(f"{prefix}schedule.elapsed")


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (smooths_in_training_alone, [AlwaysTraining, OfItsModeAlone, AlwaysEvaluating]),
        (evaluates_plainly, [OfItsModeAlone]),
        (resumes, [Forgetful]),
        (loads_what_never_had_it, [InBuffers]),
    ],
)
def test_the_loss_goes_along_in_loops_and_planted_ones_do_not(check: Callable[[Subject], None], wrong: list[Subject]) -> None:
    check(SmoothedCrossEntropy)
    for planted in wrong:
        assert_rejects(check, planted)
