"""Labels as probability vectors: one-hot labels, and the smoothing labels ``ŷ`` that A3 is about."""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Class indices ``(n,)`` as probabilities ``(n, classes)``; probabilities pass through. Float64.

    Raises ValueError where an index is not a class or a row is not a distribution.
    """
    if labels.ndim == 2:
        return distribution("labels", labels, classes)
    if labels.ndim != 1 or labels.is_floating_point():
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and type {labels.dtype}; must be class indices (n,) or probabilities (n, K)"
        )
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"labels run from {int(labels.min())} to {int(labels.max())}; must lie in 0 ... {classes - 1}")
    return torch.nn.functional.one_hot(labels.long(), classes).double()


def smoothing_labels(smoothing: str | Tensor, examples: int, classes: int) -> Tensor:
    """``ŷ`` as probabilities ``(examples, classes)``, float64, from "uniform" or from a tensor ``(classes,)`` or ``(examples, classes)``.

    A teacher's or the model's own predictions are such tensors. Raises ValueError where a row is not a distribution.
    """
    if isinstance(smoothing, str):
        if smoothing != "uniform":
            raise ValueError(f"smoothing = {smoothing!r}: must be 'uniform' or a tensor of probabilities")
        return torch.full((examples, classes), 1 / classes, dtype=torch.float64)
    rows = smoothing.unsqueeze(0) if smoothing.ndim == 1 else smoothing
    if rows.ndim != 2 or rows.shape[0] not in (1, examples):
        raise ValueError(f"smoothing has shape {tuple(smoothing.shape)}; must be ({classes},) or ({examples}, {classes})")
    return distribution("smoothing", rows, classes).expand(examples, classes)


def distribution(name: str, rows: Tensor, classes: int) -> Tensor:
    """``rows`` as float64 on the CPU, checked: ``classes`` columns, non-negative, each row adding up to 1 (to float32 rounding)."""
    probabilities = rows.detach().double().cpu()
    if probabilities.shape[1] != classes:
        raise ValueError(f"{name}: {probabilities.shape[1]} columns; the model has {classes} classes")
    if not (probabilities >= 0).all() or not torch.allclose(probabilities.sum(1), torch.ones(len(probabilities)).double(), atol=1e-5):
        raise ValueError(f"{name} must be probabilities: non-negative rows that add up to 1")
    return probabilities
