"""Logits, labels and smoothing labels, and the loss of the mixed label written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from tsla.empirics.smoothing.labels import evaluation_mode
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy

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


Subject = Callable[..., Callable[..., Tensor]]
