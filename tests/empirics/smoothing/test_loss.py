"""The loss against label vectors written out, against torch's own, and in the loops of others."""

from __future__ import annotations

import copy
import io
import itertools
import operator
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from tests.refusals import refusals
from tsla.empirics.smoothing.conventions import CONVENTIONS, theta_from
from tsla.empirics.smoothing.cross_entropy import LogitsWarning
from tsla.empirics.smoothing.labels import evaluation_mode
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.empirics.smoothing.schedules import Adaptive, Constant, Schedule, TwoStage
from tsla.theory.testing.planted import Rejects, assert_rejects

K, N = 4, 6
PRIOR = torch.tensor([5.0, 1.0, 3.0, 1.0])
FIXED = torch.tensor([0.1, 0.2, 0.3, 0.4])


def logits_and_labels() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.randn(N, K, generator=generator, dtype=torch.float64), torch.randint(K, (N,), generator=generator)


def mixup(labels: Tensor) -> Tensor:
    """Soft labels, as two examples with the weights 0.7 and 0.3."""
    rows = one_hot(labels, K).double()
    return 0.7 * rows + 0.3 * rows.roll(1, 0)


def teacher() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, K), nn.Dropout(0.5))


INPUTS = torch.randn(N, 3, generator=torch.Generator().manual_seed(2))


# --- the mixed label


def by_hand(logits: Tensor, labels: Tensor) -> float:
    """Mean over the examples of ``-Σ label_k log softmax_k``."""
    return float(-(labels * logits.log_softmax(1)).sum(1).mean())


def smoothing_labels(name: str, logits: Tensor) -> Tensor:
    model = teacher()
    with evaluation_mode(model), torch.no_grad():
        taught = model(INPUTS).softmax(1)
    labels = {
        "uniform": torch.full((N, K), 1 / K),
        "prior": torch.tensor([0.5, 0.1, 0.3, 0.1]),
        "fixed": FIXED,
        "own": logits.softmax(1),
        "own-hard": torch.tensor([[float(z == max(row)) for z in row] for row in logits.tolist()]),
        "teacher": taught,
    }
    return labels.get(name, 0.5 / K + 0.3 * labels["own"] + 0.2 * FIXED)


def distributions() -> dict[str, Any]:
    named = {name: name for name in ("uniform", "prior", "own", "own-hard")}
    return named | {"fixed": FIXED, "teacher": teacher(), "mixture": {"uniform": 0.5, "own": 0.3, FIXED: 0.2}}


def is_the_loss_of_the_mixed_label(name: str, loss: SmoothedCrossEntropy) -> None:
    logits, indices = logits_and_labels()
    for labels, true in ((indices, one_hot(indices, K)), (mixup(indices), mixup(indices))):
        mixed = 0.7 * true + 0.3 * smoothing_labels(name, logits)
        assert float(loss(logits, labels, INPUTS)) == pytest.approx(by_hand(logits, mixed), rel=1e-6)


@pytest.mark.parametrize("name", distributions())
def test_it_is_the_loss_of_the_mixed_label_and_no_other_distribution_is(name: str) -> None:
    losses = {other: SmoothedCrossEntropy(distribution, 0.3, prior=PRIOR) for other, distribution in distributions().items()}
    is_the_loss_of_the_mixed_label(name, losses.pop(name))
    for wrong in losses.values():
        assert_rejects(lambda loss: is_the_loss_of_the_mixed_label(name, loss), wrong)


# --- conventions


def of_the_others(strength: float, label: int) -> list[float]:
    return [1 - strength if k == label else strength / (K - 1) for k in range(K)]


def of_all(strength: float, label: int) -> list[float]:
    return [(1 - strength) * (k == label) + strength / K for k in range(K)]


def of_confidence(strength: float, label: int) -> list[float]:
    """As timm computes it: ``confidence · nll + (1 - confidence) · mean over all classes``."""
    return [strength * (k == label) + (1 - strength) / K for k in range(K)]


def convention_is(convention: str, vector: Callable[[float, int], list[float]]) -> None:
    logits, labels = logits_and_labels()
    for strength in (0.0, 0.2, 0.6, 0.75):
        loss = SmoothedCrossEntropy("uniform", strength, convention=convention, classes=K)
        expected = by_hand(logits, torch.tensor([vector(strength, label) for label in labels.tolist()], dtype=torch.float64))
        assert float(loss(logits, labels)) == pytest.approx(expected, rel=1e-12), strength


VECTORS = {"paper": of_all, "torch": of_all, "timm": of_all, "others": of_the_others, "confidence": of_confidence}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_conventions(convention: str, rejects: Rejects) -> None:
    for wrong in {of_all, of_the_others, of_confidence} - {VECTORS[convention]}:
        rejects(lambda vector: convention_is(convention, vector), right=VECTORS[convention], wrong=wrong)


def test_a_strength_for_a_schedule_is_translated_by_hand() -> None:
    assert theta_from(0.09, "others", classes=10) == pytest.approx(0.1)
    assert theta_from(2 / 3, "others", classes=3) == 1.0
    assert theta_from(0.9, "confidence") == pytest.approx(0.1)


# --- torch's own


Subject = Callable[..., Callable[..., Tensor]]
UNIFORM_IN_PARTS = {"uniform": 0.25, torch.full((K,), 1 / K): 0.75}  # by the way of all other distributions


def equals_torch(make: Subject) -> None:
    logits, indices = logits_and_labels()
    dtypes, reductions, distributions = (torch.float64, torch.float32), ("mean", "sum", "none"), ("uniform", UNIFORM_IN_PARTS)
    for dtype, reduction, theta, distribution in itertools.product(dtypes, reductions, (0.0, 0.1, 1.0), distributions):
        for labels in (indices, mixup(indices).to(dtype)):
            x, y = (logits.to(dtype, copy=True).requires_grad_() for _ in range(2))
            ours = make(distribution, theta, reduction=reduction)(x, labels)
            theirs = cross_entropy(y, labels, label_smoothing=theta, reduction=reduction)
            ours.sum().backward()
            theirs.sum().backward()
            torch.testing.assert_close(ours, theirs)
            torch.testing.assert_close(x.grad, y.grad)


def of_constant_smoothing(distribution: str, theta: float, reduction: str) -> nn.Module:
    return SmoothedCrossEntropy(distribution, 0.1, reduction=reduction)


def without_gradient(distribution: str, theta: float, reduction: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Has the value, but forgets that the smoothing label has a gradient."""
    plain, smoothed = (SmoothedCrossEntropy(distribution, t, reduction=reduction) for t in (0.0, theta))
    return lambda logits, labels: plain(logits, labels) + (smoothed(logits, labels) - plain(logits, labels)).detach()


# --- positions, ignored labels, class weights

WEIGHT = torch.tensor([0.2, 1.0, 3.0, 0.5], dtype=torch.float64)


def at_positions(*shape: int) -> tuple[Tensor, Tensor]:
    """Logits with the classes second, and labels of which some are to be ignored."""
    generator = torch.Generator().manual_seed(4)
    labels = torch.randint(K, (N, *shape), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.3] = -100
    return torch.randn(N, K, *shape, generator=generator, dtype=torch.float64), labels


def equals_torch_at_positions(make: Subject) -> None:
    for shape, theta, weight, reduction in itertools.product(((), (3,), (K,), (3, 2)), (0.0, 0.3), (None, WEIGHT), ("mean", "sum", "none")):
        logits, labels = at_positions(*shape)
        expected = cross_entropy(logits, labels, weight, label_smoothing=theta, reduction=reduction)
        for distribution in ("uniform", UNIFORM_IN_PARTS):
            for given, at in ((logits, 1), (logits.movedim(1, -1), -1)):
                options = {"classes_at": at} if shape == (K,) else {}
                loss = make(distribution, theta, weight=weight, weighting="torch", reduction=reduction, **options)
                torch.testing.assert_close(loss(given, labels), expected, rtol=1e-6, atol=1e-9)


class CountsIgnored(SmoothedCrossEntropy):
    """In the mean."""

    def forward(self, logits: Tensor, labels: Tensor, *others: Any, **named: Any) -> Tensor:
        return super().forward(logits, labels, *others, **named) * (
            (labels != -100).sum() / labels.numel() if self.reduction == "mean" else 1
        )


class LearnsIgnored(SmoothedCrossEntropy):
    """As class 0."""

    def forward(self, logits: Tensor, labels: Tensor, *others: Any, **named: Any) -> Tensor:
        return super().forward(logits, labels.clamp(min=0), *others, **named)


def of_the_label(distribution: Any, theta: float, **options: Any) -> SmoothedCrossEntropy:
    return SmoothedCrossEntropy(distribution, theta, **options | {"weighting": "label"})


def weighs_by_the_label(make: Subject) -> None:
    """``w_y ((1-θ) (-log p_y) + θ Σ ŷ_k (-log p_k))`` at each position that counts, over the sum of the ``w_y``."""
    logits, labels = at_positions()
    kept = labels != -100
    w, nll = WEIGHT[labels[kept]], -logits.log_softmax(1)
    for name in ("uniform", "own", "own-hard", "prior", "fixed"):
        smooth = (smoothing_labels(name, logits) * nll).sum(1)[kept]
        expected = (w * (0.7 * cross_entropy(logits, labels, reduction="none")[kept] + 0.3 * smooth)).sum() / w.sum()
        found = make(distributions()[name], 0.3, weight=WEIGHT, prior=PRIOR)(logits, labels)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


def of_each_class(distribution: Any, theta: float, **options: Any) -> SmoothedCrossEntropy:
    return SmoothedCrossEntropy(distribution, theta, **options, weighting="torch")


def test_a_weighted_loss_of_soft_labels_is_linear_in_them() -> None:
    logits, indices = logits_and_labels()
    loss = SmoothedCrossEntropy("own", 0.3, weight=WEIGHT, reduction="sum")
    of_each = 0.7 * loss(logits, indices) + 0.3 * loss(logits, indices.roll(1))
    torch.testing.assert_close(loss(logits, mixup(indices)), of_each)


def accumulates(make: Subject) -> None:
    """Micro-batches of unequal numbers of labels that count have the gradient of the whole batch."""
    logits, labels = at_positions(3)
    items = int((labels != -100).sum())
    for distribution in ("uniform", "own"):
        loss = make(distribution, 0.3)
        whole = gradient(loss, logits, labels)
        for number in (items, torch.tensor(items)):
            x = logits.clone().requires_grad_()
            for rows in (slice(0, 1), slice(1, N)):
                loss(x[rows], labels[rows], num_items_in_batch=number).backward()
            torch.testing.assert_close(x.grad, whole)


class MeanOfMeans(SmoothedCrossEntropy):
    def forward(self, *arguments: Any, num_items_in_batch: Any = None) -> Tensor:
        return super().forward(*arguments) / (1 if num_items_in_batch is None else 2)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (equals_torch, [of_constant_smoothing, without_gradient]),
        (equals_torch_at_positions, [CountsIgnored, LearnsIgnored, of_the_label]),
        (weighs_by_the_label, [of_each_class]),
        (accumulates, [MeanOfMeans]),
    ],
)
def test_the_loss_is_what_it_says_and_planted_ones_are_not(check: Callable[[Subject], None], wrong: list[Subject]) -> None:
    check(SmoothedCrossEntropy)
    for planted in wrong:
        assert_rejects(check, planted)


def test_one_logit_is_the_log_odds_of_two_classes() -> None:
    logits, labels = torch.linspace(-3, 3, N).double(), torch.linspace(0, 1, N).double()
    for theta in (0.0, 0.3):
        expected = binary_cross_entropy_with_logits(logits, (1 - theta) * labels + theta / 2)
        loss = SmoothedCrossEntropy("uniform", theta, binary=True)
        column, square = (logits[:, None], labels[:, None]), (logits.reshape(2, 3), labels.reshape(2, 3))
        for z, y in ((logits, labels), (logits[:, None], labels), column, square):
            torch.testing.assert_close(loss(z, y), expected)
        each = SmoothedCrossEntropy("uniform", theta, binary=True, reduction="none")(*square)
        assert each.shape == (2, 3)
        torch.testing.assert_close(each.mean(), expected)
    ignored = torch.where(labels > 0.5, labels, -100)
    plain = SmoothedCrossEntropy("uniform", 0.3, binary=True)
    torch.testing.assert_close(plain(logits, ignored), plain(logits[labels > 0.5], labels[labels > 0.5]))
    torch.testing.assert_close(plain(logits, labels.round().long()), plain(logits, labels.round()))


def test_probabilities_in_place_of_logits_are_warned_of_once() -> None:
    logits, labels = logits_and_labels()
    loss = SmoothedCrossEntropy()
    with pytest.warns(LogitsWarning, match="^logits look like probabilities"):
        loss(logits.softmax(1), labels)
    loss(logits.softmax(1), labels)
    SmoothedCrossEntropy()(1.01 * logits.softmax(1), labels)  # which add up to more


@pytest.mark.parametrize("name", ["uniform", "mixture", "own"])
@pytest.mark.parametrize("options", [{}, {"weight": PRIOR, "weighting": "torch"}, {"weight": PRIOR}])
def test_low_precision(name: str, options: dict[str, Any]) -> None:
    logits, labels = logits_and_labels()
    loss = SmoothedCrossEntropy(distributions()[name], 0.3, **options)
    low = logits.bfloat16().requires_grad_()
    loss(low, labels).backward()
    assert low.grad is not None
    assert low.grad.isfinite().all()
    assert float(loss(low.detach(), labels)) == pytest.approx(float(loss(logits, labels)), rel=0.02)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert float(loss(logits.float(), labels)) == pytest.approx(float(loss(logits, labels)), rel=1e-5)


# --- what the gradient flows through


def gradient(loss: nn.Module, logits: Tensor, labels: Tensor) -> Tensor:
    x = logits.clone().requires_grad_()
    loss(x, labels, INPUTS).backward()
    assert x.grad is not None
    return x.grad


def test_with_the_own_prediction_the_gradient_is_the_plain_one_shrunk() -> None:
    logits, labels = logits_and_labels()
    smoothed, plain = (gradient(SmoothedCrossEntropy("own", theta), logits, labels) for theta in (0.3, 0.0))
    torch.testing.assert_close(smoothed, 0.7 * plain)


def test_a_teacher_stays_the_caller_s() -> None:
    logits, labels = logits_and_labels()
    model = teacher()
    loss = SmoothedCrossEntropy(model, 0.3)
    gradient(loss, logits, labels)
    assert all(p.grad is None for p in model.parameters())
    assert all(module.training for module in model.modules())
    assert not list(loss.parameters())
    assert list(loss.state_dict()) == ["schedule.elapsed"]
    loss.eval()
    assert model.training


def test_a_teacher_without_inputs_is_refused_but_in_evaluation() -> None:
    logits, labels = logits_and_labels()
    loss = SmoothedCrossEntropy(teacher(), 0.3)
    with pytest.raises(ValueError, match=r"^inputs = None must be the inputs of the model, which the teacher sees as well$"):
        loss(logits, labels)
    assert torch.equal(loss.eval()(logits, labels), cross_entropy(logits, labels))


# --- in the loops of others


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


# --- refusals

OF_ADAPTIVE = SmoothedCrossEntropy("own", Adaptive(0.1, 1))
TOKENS = torch.zeros(2, 3, 3)
ROWS, INDICES = TOKENS[0], torch.zeros(3).long()


class Growing(Schedule):
    """Its θ is none."""

    theta = 1.5


test_refusals = refusals(
    operator.call,
    (lambda: SmoothedCrossEntropy("flat"), r"^distribution = 'flat' must be one of uniform, own, own-hard, prior, a teacher"),
    (lambda: SmoothedCrossEntropy(TwoStage(0.1, 3)), r"^distribution = TwoStage.* must be .*; θ or its schedule comes after it$"),
    (lambda: SmoothedCrossEntropy("uniform", "cosine"), r"^schedule = 'cosine' must be a number or a schedule, such as Cosine"),
    (lambda: SmoothedCrossEntropy("uniform", 1.2), r"^strength = 1\.2 must be a finite number at least 0 and at most 1$"),
    (lambda: SmoothedCrossEntropy(reduction="all"), r"^reduction = 'all' must be one of mean, sum, none$"),
    (lambda: SmoothedCrossEntropy(convention="keras"), r"^convention = 'keras' must be one of paper, torch, timm, others, confidence$"),
    (lambda: SmoothedCrossEntropy(convention="others"), r"^classes = None must be the number of classes"),
    (lambda: SmoothedCrossEntropy(convention="others", classes=1), r"^classes = 1 must be a whole number, at least 2$"),
    (lambda: SmoothedCrossEntropy("uniform", 0.6, convention="others", classes=2), r"^strength = 0\.6 must be .* at most 0\.5$"),
    (lambda: SmoothedCrossEntropy("own", convention="others", classes=4), r"^convention = 'others' goes with distribution = 'uniform'"),
    (lambda: SmoothedCrossEntropy("uniform", Constant(0.1), convention="confidence"), r"^convention = 'confidence' goes with a number"),
    (lambda: SmoothedCrossEntropy({"uniform": 0.5, "own": 0.4}), r"^weights in distribution add up to 0\.9; must add up to 1$"),
    (lambda: SmoothedCrossEntropy({"uniform": 1.5, "own": -0.5}), r"^weight in distribution = -0\.5 must be"),
    (lambda: SmoothedCrossEntropy({}), r"^weights in distribution add up to 0; must"),
    (lambda: SmoothedCrossEntropy("prior"), r"^prior = None must be the frequencies or counts"),
    (lambda: SmoothedCrossEntropy("prior", prior=torch.tensor([1.0, -1.0, 2.0])), r"^prior must be frequencies or counts"),
    (lambda: SmoothedCrossEntropy("prior", prior=torch.zeros(3)), r"^prior must be frequencies or counts"),
    (lambda: SmoothedCrossEntropy("prior", prior=torch.ones(2, 3)), r"^prior has shape \(2, 3\); must be \(K,\)$"),
    (lambda: SmoothedCrossEntropy(torch.tensor([0.5, 0.6])), r"^distribution must be probabilities"),
    (lambda: SmoothedCrossEntropy(torch.ones(2, 3) / 3), r"^distribution has shape \(2, 3\); must be \(K,\)$"),
    (lambda: SmoothedCrossEntropy()(TOKENS, torch.zeros(2, 3).long()), r"^classes_at = None: logits \(n, 3, 3\) may .* must be 1 or -1$"),
    (lambda: SmoothedCrossEntropy()(TOKENS, torch.zeros(1, 3).long()), r"^logits hold 2 examples and labels 1; must be equally many$"),
    (lambda: SmoothedCrossEntropy("own")(ROWS, torch.zeros(3)), r"^labels have shape \(3,\) and type torch.float32: numbers, as of a"),
    (lambda: SmoothedCrossEntropy()(ROWS[:, :1], torch.zeros(3)), r"^logits have shape \(n, 1\), one class; must .* binary = True"),
    (lambda: SmoothedCrossEntropy()(ROWS[:, :1], INDICES), r"^logits have shape \(n, 1\), one class; must"),
    (lambda: SmoothedCrossEntropy()(ROWS[:, 0], INDICES), r"^logits have shape \(n,\), one number an example; must"),
    (lambda: SmoothedCrossEntropy()(ROWS, torch.ones(3, 3)), r"^labels must be .* row 0 adds up to 3, as of several labels"),
    (lambda: SmoothedCrossEntropy()(ROWS, torch.full((3, 3), 2.5)), r"^labels must be probabilities: non-negative rows"),
    (lambda: SmoothedCrossEntropy(weight=[1, 2])(ROWS, INDICES), r"^weight has 2 classes; must have 3"),
    (lambda: SmoothedCrossEntropy(reduction="sum")(ROWS, INDICES, num_items_in_batch=3), r"^num_items_in_batch goes with"),
    (lambda: SmoothedCrossEntropy()(ROWS, INDICES, num_items_in_batch=0), r"^num_items_in_batch = 0 must be .* above 0$"),
    (lambda: SmoothedCrossEntropy(FIXED)(ROWS, INDICES), r"^logits have 3 classes; must have 4"),
    (lambda: SmoothedCrossEntropy("own").load_state_dict(OF_ADAPTIVE.state_dict()), r"^state has dropped, elapsed; must have elapsed"),
    (lambda: SmoothedCrossEntropy("uniform", Growing())(ROWS, INDICES), r"^theta = 1\.5 of the schedule Growing "),
)
