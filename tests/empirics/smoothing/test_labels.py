"""Labels come out as distributions, and what is none is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from tests.empirics.moments.classified import classifier
from tests.refusals import refusals
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.smoothing.cross_entropy import CrossEntropy
from tsla.empirics.smoothing.labels import Smoothing, check_classes, predictions, smoothing_labels, smoothing_rule
from tsla.empirics.smoothing.targets import Targets
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

SOFT = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("smoothing", "examples", "expected"),
    [
        (SOFT[0], 4, SOFT[0].expand(4, 3)),
        (SOFT[:1], 4, SOFT[0].expand(4, 3)),
        (SOFT, 2, SOFT),
        (torch.full((1, 3), 1 / 3), 1, torch.full((1, 3), 1 / 3)),  # which add up to 1 but for rounding
    ],
)
def test_rows_of_probabilities(smoothing: Tensor, examples: int, expected: Tensor) -> None:
    torch.testing.assert_close(smoothing_labels(smoothing, examples, 3), expected.double(), rtol=1e-12, atol=0)


def test_smoothing_carries_no_gradient_into_the_model() -> None:
    teacher = torch.zeros(3, requires_grad=True)
    assert not smoothing_labels(teacher.softmax(0), 2, 3).requires_grad


test_bad_labels = refusals(
    lambda labels: check_classes(labels, 3),
    (torch.tensor([0, 3]), r"labels run from 0 to 3; must lie in 0 \.\.\. 2"),
    (torch.tensor([-1, 0]), r"labels run from -1 to 0; must lie in 0 \.\.\. 2"),
)


test_bad_smoothing = refusals(
    lambda smoothing: smoothing_labels(smoothing, 2, 3),
    (torch.full((3, 3), 1 / 3), r"smoothing has shape \(3, 3\); must be \(3,\) or \(2, 3\)"),
    (torch.tensor(1.0), r"smoothing has shape \(\); must be"),
    (torch.full((2, 3, 1), 1 / 3), r"smoothing has shape \(2, 3, 1\); must be"),
    (torch.tensor([0.5, 0.5]), r"smoothing: 2 columns; the model has 3 classes"),
    (
        torch.tensor([1.5, -0.5, 0.0]),
        r"smoothing must .*: non-negative rows that add up to 1; row 0 has entries from -0\.5 to 1\.5, and adds up to 1$",
    ),
    (torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), "smoothing must be probabilities.*; row 1 "),
    (torch.tensor([0.5, 0.4999, 0.0]), "smoothing must be probabilities"),
    (torch.tensor([torch.nan, 0.5, 0.5]), "smoothing must be probabilities"),
    (torch.tensor([torch.inf, 0.0, 0.0]), "smoothing must be probabilities"),
)


# --- smoothing that depends on labels, logits or inputs

LOGITS = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 3.0], [-1.0, 2.0, 0.0], [0.5, 0.0, 0.0]])
INPUTS = torch.arange(8.0).reshape(4, 2)
TARGETS = Targets(CrossEntropy(), torch.tensor([0, 2, 2, 1]), LOGITS)


def resolved(smoothing: Smoothing, rows: slice = slice(0, 4), targets: Targets = TARGETS) -> Tensor:
    return smoothing_rule(smoothing, targets)(rows, INPUTS[rows], LOGITS[rows, None])[:, 0]


def teacher() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))


def test_prior_is_the_frequency_of_each_class_in_all_labels_whatever_the_rows() -> None:
    assert resolved("prior").tolist() == [[0.25, 0.25, 0.5]] * 4
    assert resolved("prior", slice(0, 1)).tolist() == [[0.25, 0.25, 0.5]]
    soft = resolved("prior", slice(0, 1), Targets(CrossEntropy(), SOFT, LOGITS))
    assert torch.allclose(soft, SOFT.double().mean(0))


def test_own_is_the_prediction_without_its_gradient() -> None:
    LOGITS.requires_grad_()
    rows = resolved("own", slice(1, 3))
    assert not rows.requires_grad
    assert rows.numpy() == pytest.approx(np.exp(LOGITS[1:3].double().detach().log_softmax(1).numpy()), rel=1e-12)


def test_own_hard_is_its_likeliest_class_the_first_where_they_tie() -> None:
    assert resolved("own-hard").tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_a_table_goes_with_its_rows() -> None:
    table = torch.eye(3)[[2, 1, 0, 1]]
    assert torch.equal(resolved(table, slice(1, 3)), table[1:3].double())
    assert torch.equal(resolved("uniform", slice(1, 3)), torch.full((2, 3), 1 / 3, dtype=torch.float64))


def test_a_teacher_predicts_in_evaluation_mode_and_is_left_as_it_was() -> None:
    model = teacher()
    model[2].eval()  # a mode of its own, which must come back
    before = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    rows = resolved(model)
    assert [module.training for module in model.modules()] == before
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not rows.requires_grad
    assert all(p.grad is None for p in model.parameters())
    assert torch.allclose(rows, model.eval()(INPUTS).double().softmax(1))


def test_a_teacher_keeps_its_own_precision() -> None:
    assert torch.allclose(predictions(teacher().double(), INPUTS), predictions(teacher(), INPUTS), atol=1e-6)


def test_modes_come_back_after_an_error_too() -> None:
    model = teacher()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        predictions(model, torch.zeros(4, 7))
    assert all(module.training for module in model.modules())


test_bad_rules = refusals(
    resolved,
    ("soft", "smoothing = 'soft': must be 'uniform', 'prior', 'own', 'own-hard', a teacher .a module. or a tensor of probabilities"),
    (nn.Linear(2, 5), "smoothing: 5 columns; the model has 3 classes"),
    (nn.Flatten(0), r"a model must map examples \(n, ...\) to logits \(n, classes\)"),
    (nn.Sequential(nn.Linear(2, 3), nn.Threshold(1e9, float("nan"))), "smoothing must be probabilities"),
)


# --- and what the moments become

CLASSIFIER_INPUTS = torch.randn(9, 2, generator=torch.Generator().manual_seed(0)).double()
CLASSIFIER_LABELS = torch.tensor([0, 1, 2, 2, 2, 1, 0, 2, 2])


def moments(smoothing: Smoothing, microbatch: int = 4) -> Moments:
    return gradient_moments(classifier(), CLASSIFIER_INPUTS, CLASSIFIER_LABELS, smoothing, microbatch=microbatch)


def as_a_table(smoothing: str) -> Tensor:
    """The same labels from the whole set at once, for which the moments are known to be right."""
    logits = classifier()(CLASSIFIER_INPUTS).detach()
    return {
        "prior": torch.bincount(CLASSIFIER_LABELS).double() / len(CLASSIFIER_LABELS),
        "own": logits.softmax(1),
        "own-hard": torch.eye(3, dtype=torch.float64)[logits.argmax(1)],
    }[smoothing]


@pytest.mark.parametrize("smoothing", ["prior", "own", "own-hard"])
def test_moments_are_those_of_the_table(smoothing: str) -> None:
    expected = asdict(moments(as_a_table(smoothing)))
    assert asdict(moments(smoothing)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("smoothing", ["uniform", "prior", "own", "own-hard", classifier()[:1].append(nn.Linear(6, 3).double())])
def test_the_loop_says_the_same(smoothing: Smoothing) -> None:
    loop = moments_by_loop(classifier(), CLASSIFIER_INPUTS, CLASSIFIER_LABELS, smoothing)
    assert asdict(moments(smoothing)) == pytest.approx(asdict(loop), rel=1e-9, abs=1e-12)


def test_prior_of_one_rank_is_not_that_of_all_and_is_refused() -> None:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        model = nn.parallel.DistributedDataParallel(classifier())
        with pytest.raises(ValueError, match="smoothing = 'prior' would be another label on each rank; give the frequencies"):
            gradient_moments(model, CLASSIFIER_INPUTS, CLASSIFIER_LABELS, "prior")
        found = gradient_moments(model, CLASSIFIER_INPUTS, CLASSIFIER_LABELS, as_a_table("prior"))
    finally:
        dist.destroy_process_group()
    assert asdict(found) == pytest.approx(asdict(moments("prior")), rel=1e-9)


def own_label_is_the_shrinkage_control(measure: Callable[[Smoothing], Moments]) -> None:
    """C17: ``ĝ = 0`` exactly, not to rounding: ``ŝ² = β² = ‖∇F‖²``, ``c = ν² = 0``."""
    found = measure("own")
    assert found == found.shrunk
    assert found.delta == found.grad2 / found.s2


@pytest.mark.claim("C17", "measurement")
def test_own_label_is_the_shrinkage_control(evidence: Callable[..., None]) -> None:
    own_label_is_the_shrinkage_control(moments)
    evidence("Where ŷ is the model's own prediction, ĝ is 0 to the last bit. So soft bootstrapping is this control.")


@pytest.mark.claim("C17", "measurement", planted=True)
@pytest.mark.parametrize("wrong", ["own-hard", "uniform"])
def test_other_labels_are_not(wrong: str, rejects: Rejects) -> None:
    rejects(own_label_is_the_shrinkage_control, right=moments, wrong=lambda _: moments(wrong))
