"""What labels seem to be that are no labels of a classification, in the words of a refusal."""

from __future__ import annotations

import torch
from torch import Tensor

_REGRESSION = "numbers, as of a regression, which has no cross-entropy"


def mistaken(logits: Tensor, labels: Tensor) -> str:
    """What labels of a shape that does not fit these logits seem to be; nothing where nobody can say."""
    if not labels.is_floating_point():
        rows = labels.shape[1:] == logits.shape[1:]
        return ", as of one-hot rows, whose type must be that of probabilities: labels.float()" if rows else ""
    if labels[:1].numel() != 1:
        return ""
    whole = can_be_read(labels) and bool((labels % 1 == 0).all())
    return f": {_REGRESSION}{', or class indices, whose type must be one of integers: labels.long()' if whole else ''}"


def regression(labels: Tensor) -> str:
    """Says so where labels are numbers that are no probabilities."""
    numbers = labels.is_floating_point() and can_be_read(labels) and not bool(((labels >= 0) & (labels <= 1)).all())
    return f", and labels are {_REGRESSION}" if numbers else ""


def refuse_no_probabilities(ones: Tensor) -> None:
    """Raises ValueError where what should be the probabilities of class 1 is none."""
    if not ((ones >= 0) & (ones <= 1)).all():
        low, high = float(ones.min()), float(ones.max())
        raise ValueError(f"binary = True: labels run from {low:.4g} to {high:.4g}; must be 0, 1 or a probability of class 1 between them")


def can_be_read(values: Tensor) -> bool:
    """Whether they are there to be looked at."""
    return not (torch.compiler.is_compiling() or values.is_meta or torch._C._functorch.is_functorch_wrapped_tensor(values))
