"""Labels come out as distributions, and what is none is refused by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from empirics.labels import distribution, one_hot, smoothing_labels

SOFT = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])


def test_one_hot_puts_all_mass_on_the_class() -> None:
    rows = one_hot(torch.tensor([2, 0, 2]), 3)
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert rows.dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_class_indices_of_any_whole_type(dtype: torch.dtype) -> None:
    assert one_hot(torch.tensor([1, 0], dtype=dtype), 2).tolist() == [[0, 1], [1, 0]]


def test_probabilities_pass_through_as_float64() -> None:
    rows = one_hot(SOFT, 3)
    assert rows.dtype == torch.float64
    assert torch.equal(rows.float(), SOFT)


def test_no_labels_are_no_rows() -> None:
    assert one_hot(torch.zeros(0, dtype=torch.int64), 4).shape == (0, 4)


def test_uniform_smoothing() -> None:
    rows = smoothing_labels("uniform", 2, 5)
    assert rows.shape == (2, 5)
    assert rows.dtype == torch.float64
    assert (rows == 0.2).all()


@pytest.mark.parametrize("smoothing", [SOFT[0], SOFT[:1]], ids=["(K,)", "(1, K)"])
def test_one_distribution_serves_all_examples(smoothing: Tensor) -> None:
    rows = smoothing_labels(smoothing, 4, 3)
    assert rows.shape == (4, 3)
    assert torch.equal(rows.float(), SOFT[0].expand(4, 3))


def test_a_distribution_an_example_keeps_their_order() -> None:
    assert torch.equal(smoothing_labels(SOFT, 2, 3).float(), SOFT)


def test_smoothing_carries_no_gradient_into_the_model() -> None:
    teacher = torch.zeros(3, requires_grad=True)
    assert not smoothing_labels(teacher.softmax(0), 2, 3).requires_grad


def test_float32_rounding_is_forgiven_and_more_is_not() -> None:
    assert distribution("labels", torch.full((1, 3), 1 / 3, dtype=torch.float32), 3).sum() == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="labels must be probabilities"):
        distribution("labels", torch.tensor([[0.5, 0.4999]]), 2)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 3]), r"labels run from 0 to 3; must lie in 0 \.\.\. 2"),
        (torch.tensor([-1, 0]), r"labels run from -1 to 0; must lie in 0 \.\.\. 2"),
        (torch.tensor([0.0, 1.0]), r"labels have shape \(2,\) and type torch.float32; must be class indices \(n,\) or prob"),
        (torch.zeros(1, 3, 1), r"labels have shape \(1, 3, 1\)"),
        (torch.tensor(1), r"labels have shape \(\)"),
        (torch.tensor([[0.5, 0.5]]), "labels: 2 columns; the model has 3 classes"),
        (torch.tensor([[1.5, -0.5, 0.0]]), "labels must be probabilities: non-negative rows that add up to 1"),
        (torch.tensor([[0.5, 0.6, 0.0]]), "labels must be probabilities"),
        (torch.tensor([[torch.nan, 0.5, 0.5]]), "labels must be probabilities"),
    ],
)
def test_bad_labels(labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one_hot(labels, 3)


@pytest.mark.parametrize(
    ("smoothing", "message"),
    [
        ("prior", "smoothing = 'prior': must be 'uniform' or a tensor of probabilities"),
        (torch.full((3, 3), 1 / 3), r"smoothing has shape \(3, 3\); must be \(3,\) or \(2, 3\)"),
        (torch.tensor(1.0), r"smoothing has shape \(\); must be"),
        (torch.full((2, 3, 1), 1 / 3), r"smoothing has shape \(2, 3, 1\); must be"),
        (torch.tensor([0.5, 0.5]), r"smoothing: 2 columns; the model has 3 classes"),
        (torch.tensor([0.5, 0.6, -0.1]), "smoothing must be probabilities: non-negative rows that add up to 1"),
        (torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), "smoothing must be probabilities"),
        (torch.tensor([torch.inf, 0.0, 0.0]), "smoothing must be probabilities"),
    ],
)
def test_bad_smoothing(smoothing: str | Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        smoothing_labels(smoothing, 2, 3)
