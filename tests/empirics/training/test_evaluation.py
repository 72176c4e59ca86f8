"""Calibration is what its definition says, and large images are evaluated in parts."""

from __future__ import annotations

import math

import pytest
import torch

from tsla.empirics.training.evaluation import ON_CPU, calibration_error, logits
from tsla.theory.testing.planted import assert_rejects


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


def test_a_confidence_between_two_bins_is_in_the_lower_one() -> None:
    """Of five classes alike 0.2, which is 3/15: right in one example, beside 0.25 in the next bin, which is wrong."""
    found = torch.tensor([[0.0] * 5, [math.log(4 / 3), 0, 0, 0, 0]], dtype=torch.float64)
    assert calibration_error(found, torch.tensor([0, 1])) == pytest.approx((0.8 + 0.25) / 2)


def test_large_images_are_evaluated_in_parts_that_a_cpu_likes() -> None:
    seen: list[int] = []
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 4))
    model.register_forward_pre_hook(lambda _, given: seen.append(given[0].numel()))
    images = torch.randn(200, 3, 32, 32)
    assert torch.allclose(logits(model, images), model(images).detach(), atol=1e-6)
    *parts, whole = seen
    assert max(parts) <= ON_CPU < whole == sum(parts)
