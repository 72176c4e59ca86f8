"""ŷ as the loss mixes it into the labels of a batch: by a name, from a teacher, as probabilities, or several of these with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import check_real, check_values
from tsla.empirics.smoothing.labels import distribution as checked_distribution
from tsla.theory.constants import said, single

Part = str | Tensor | nn.Module
Distribution = Part | Mapping[Any, float]
Taught = Callable[[nn.Module], Tensor]
"""From a teacher to its predictions for this batch, ``(N, K)``."""


class Mixture(nn.Module):
    """The ``distribution`` of a :class:`tsla.SmoothedCrossEntropy`, which says what it may be, with its ``prior``.

    uniform: whether it is 1/K and nothing else
    """

    def __init__(self, distribution: Distribution, prior: Tensor | None) -> None:
        super().__init__()
        if not isinstance(distribution, (str, Tensor, nn.Module, Mapping)):
            raise ValueError(f"distribution = {said(distribution)} {_DISTRIBUTIONS}")  # noqa: TRY004 - bad input is a ValueError
        mixture = distribution if isinstance(distribution, Mapping) else {distribution: 1.0}
        self.uniform = list(mixture) == ["uniform"]
        self._weights = _weights(mixture)
        self._parts = nn.ModuleList(_part(part, prior) for part in mixture)

    def forward(self, own: Tensor, taught: Taught) -> Tensor:
        """ŷ, ``(N or 1, K)``, where the model's own prediction is ``own`` ``(N, K)``."""
        parts: list[Tensor] = [weight * part(own, taught) for weight, part in zip(self._weights, self._parts, strict=True)]
        return reduce(torch.add, parts)


def _weights(mixture: Mapping[Any, float]) -> list[float]:
    weights = [single("weight in distribution", weight, at_least=0) for weight in mixture.values()]
    if abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"weights in distribution add up to {sum(weights):g}; must add up to 1")
    return weights


class _Uniform(nn.Module):
    def forward(self, own: Tensor, taught: Taught) -> Tensor:
        return torch.full_like(own[:1], 1 / own.shape[1])


class _Own(nn.Module):
    def forward(self, own: Tensor, taught: Taught) -> Tensor:
        return own


class _OwnHard(nn.Module):
    def forward(self, own: Tensor, taught: Taught) -> Tensor:
        return torch.zeros_like(own).scatter_(1, own.argmax(1, keepdim=True), 1.0)


class _Fixed(nn.Module):
    """Probabilities ``(K,)``, which move with the loss but are configuration, no state."""

    probabilities: Tensor

    def __init__(self, name: str, probabilities: Tensor) -> None:
        super().__init__()
        if probabilities.ndim != 1:
            raise ValueError(f"{name} has shape {tuple(probabilities.shape)}; must be (K,)")
        checked = checked_distribution(name, probabilities[None], len(probabilities))[0]
        self.register_buffer("probabilities", checked.float().to(probabilities.device), persistent=False)

    def forward(self, own: Tensor, taught: Taught) -> Tensor:
        if len(self.probabilities) != own.shape[1]:
            raise ValueError(f"logits have {own.shape[1]} classes; must have {len(self.probabilities)}, as the distribution has")
        return self.probabilities


class _Teacher(nn.Module):
    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self._hidden = (teacher,)  # in a tuple it is no submodule: its weights are not the loss' parameters, and its mode is its own

    def forward(self, own: Tensor, taught: Taught) -> Tensor:
        predicted = taught(self._hidden[0]).to(own)
        if predicted.shape[1] != own.shape[1]:
            raise ValueError(f"the teacher in distribution has {predicted.shape[1]} classes; must have {own.shape[1]}, as the logits")
        return predicted


NAMED: Mapping[str, Callable[[], nn.Module]] = {"uniform": _Uniform, "own": _Own, "own-hard": _OwnHard}
"""Distributions by name: modules that map the model's own prediction ``(N, K)``, and what a teacher is asked by, to ``(N or 1, K)``."""

_DISTRIBUTIONS = (
    f"must be one of {', '.join(NAMED)}, prior, a teacher (a module) or a tensor (K,), or a mapping of them to weights; "
    "θ or its schedule comes after it"
)


def _part(part: Part, prior: Tensor | None) -> nn.Module:
    if isinstance(part, nn.Module):
        return _Teacher(part)
    if isinstance(part, Tensor):
        return _Fixed("distribution", part)
    if part == "prior":
        return _Fixed("prior", _frequencies(prior))
    if not isinstance(part, str) or part not in NAMED:
        raise ValueError(f"distribution = {said(part)} {_DISTRIBUTIONS}")
    return NAMED[part]()


def _frequencies(prior: Tensor | None) -> Tensor:
    if not isinstance(prior, Tensor):
        raise ValueError(f"prior = {said(prior)} must be the frequencies or counts of the classes, (K,), for distribution = 'prior'")  # noqa: TRY004
    check_values("prior", prior)
    check_real("prior", prior)
    counts = prior.detach().double()
    if not (counts >= 0).all() or not 0 < float(counts.sum()) < float("inf"):
        raise ValueError("prior must be frequencies or counts of the classes: not negative, and not all 0")
    return counts / counts.sum()
