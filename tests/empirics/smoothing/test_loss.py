"""The loss against label vectors written out and against torch's own, and its gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tests.empirics.smoothing.losses import (
    INPUTS,
    PRIOR,
    K,
    N,
    Subject,
    by_hand,
    distributions,
    is_the_loss_of_the_mixed_label,
    logits_and_labels,
    mixup,
    smoothing_labels,
    teacher,
)
from tsla.empirics.smoothing.conventions import CONVENTIONS, theta_from
from tsla.empirics.smoothing.cross_entropy import LogitsWarning
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.theory.testing.planted import Rejects, assert_rejects


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


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
@pytest.mark.parametrize("smoothing", ["uniform", "own-hard"])
def test_class_indices_of_any_type(smoothing: str, dtype: torch.dtype) -> None:
    """In eight bits class 156 would be -100, which is ignored."""
    torch.manual_seed(0)
    logits, labels = torch.randn(3, 200), torch.tensor([156 if dtype == torch.uint8 else 100, 3, 7])
    loss = SmoothedCrossEntropy(smoothing, 0.1, reduction="none")
    torch.testing.assert_close(loss(logits, labels.to(dtype)), loss(logits, labels))


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
