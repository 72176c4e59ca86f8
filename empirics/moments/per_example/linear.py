"""Linear layers, and what is added to or looked up by the examples: Linear, Embedding, biases, position embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.ghost_norm import GhostNormTerm
from tsla.empirics.moments.per_example.precision import without_autocast
from tsla.empirics.moments.per_example.terms import Formed, Term, Unsupported, accumulable, of_pair

# Gradients that are formed are written and read as well: measured for 65 to 197 positions, that costs half of what the products do.
_FORMED_COST = 1.5
First = Callable[[Tensor], Tensor]  # the tensor with its examples in front; raises Unsupported where it carries none


class Added(Formed):
    """A parameter that is added, with broadcasting, to something of the examples: a bias, a position embedding."""

    def form(self, D: Tensor) -> Tensor:
        """D, summed over the dimensions that were broadcast."""
        aligned = (1,) * (D.ndim - self.parameter.ndim) + tuple(self.parameter.shape)
        broadcast = [d for d in range(1, D.ndim) if aligned[d] == 1 and D.shape[d] > 1]
        return D.sum(broadcast) if broadcast else D  # an empty list would mean all of them


class LinearWeight(GhostNormTerm):
    """``W`` ``(outputs, inputs)`` in ``x Wᵀ``: the gradient of an example is ``Dᵀ x``, summed over its positions (tokens)."""

    def __init__(self, parameter: nn.Parameter, x: Tensor) -> None:
        super().__init__(parameter)
        self.x = x.detach().reshape(len(x), -1, x.shape[-1])

    def receive(self, D: Tensor, label: int) -> None:
        """Keep D as ``(n, positions, outputs)``."""
        self.signals[label] = D.reshape(len(D), -1, D.shape[-1])

    def per_example(self, label: int, rows: slice) -> Tensor:
        """``D_iᵀ x_i``."""
        return accumulable(self.signals[label][rows]).transpose(1, 2) @ accumulable(self.x[rows])

    @without_autocast
    def total(self, label: int) -> Tensor:
        """``Σ D_iᵀ x_i`` as one product."""
        return accumulable(self.signals[label]).flatten(0, 1).T @ accumulable(self.x).flatten(0, 1)

    def ghost_norm_is_cheaper(self) -> bool:
        """Whether the products between positions cost less than the gradients of the examples."""
        outputs, inputs = self.parameter.shape
        return self.x.shape[1] * (inputs + 3 * outputs) < _FORMED_COST * inputs * outputs

    def input_products(self) -> Tensor:
        """``x xᵀ`` between the positions of an example."""
        x = accumulable(self.x)
        return x @ x.transpose(1, 2)

    def positions(self, label: int) -> Tensor:
        """D as it is kept."""
        return accumulable(self.signals[label])

    def rows(self) -> Tensor:
        """Those of x."""
        return accumulable(self.x).flatten(0, 1)


class EmbeddingWeight(GhostNormTerm):
    """A table ``(entries, width)`` whose rows are looked up: the gradient of a row is the sum of D where it was looked up."""

    def __init__(self, parameter: nn.Parameter, ids: Tensor, padding_idx: int) -> None:
        super().__init__(parameter)
        self.x, self.padding = ids.long().reshape(len(ids), -1), padding_idx  # -1 is none

    def receive(self, D: Tensor, label: int) -> None:
        """Keep D as ``(n, positions, width)``, without the padding, which gets no gradient."""
        D = D.reshape(len(D), -1, D.shape[-1])
        self.signals[label] = D if self.padding < 0 else D * (self.x != self.padding).unsqueeze(2)

    def per_example(self, label: int, rows: slice) -> Tensor:
        """D scattered to the rows that were looked up."""
        D = accumulable(self.signals[label][rows])
        out = D.new_zeros(len(D), *self.parameter.shape)
        return out.scatter_add_(1, self.x[rows].unsqueeze(2).expand_as(D), D)

    @without_autocast
    def total(self, label: int) -> Tensor:
        """The same for all examples together."""
        D = accumulable(self.signals[label])
        return D.new_zeros(self.parameter.shape).index_add_(0, self.x.flatten(), D.flatten(0, 1))

    def ghost_norm_is_cheaper(self) -> bool:
        """Whether the positions are fewer than the entries."""
        return 3 * self.x.shape[1] < len(self.parameter)

    @without_autocast
    def products_of_sums(self) -> Tensor:
        """Of the rows that were looked up: the others are 0."""
        rows, places = torch.unique(self.x, return_inverse=True)
        signals = (self.positions(label).flatten(0, 1) for label in (0, 1))
        return of_pair(*(D.new_zeros(len(rows), D.shape[1]).index_add_(0, places.flatten(), D) for D in signals))

    def input_products(self) -> Tensor:
        """1 where two positions look up the same row."""
        return (self.x.unsqueeze(1) == self.x.unsqueeze(2)).to(accumulable(self.signals[0]).dtype)

    def positions(self, label: int) -> Tensor:
        """D as it is kept."""
        return accumulable(self.signals[label])


def linear(first: First, input: Tensor, weight: nn.Parameter, bias: nn.Parameter | None = None) -> list[Term]:  # noqa: A002
    """The terms of ``torch.nn.functional.linear``."""
    x = first(input)
    if weight.ndim != 2 or not weight.numel():
        raise Unsupported
    return [LinearWeight(weight, x)] + ([] if bias is None else [Added(bias)])


def refuse_frequencies(scale_grad_by_freq: bool) -> None:
    """Raises ValueError for gradients that are scaled by frequencies in the batch."""
    if scale_grad_by_freq:
        raise ValueError("an embedding scales its gradient by frequencies in the batch: per-example gradients are not defined")


def embedding(
    first: First,
    weight: nn.Parameter,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,  # of no consequence here
) -> list[Term]:
    """The terms of ``torch.embedding``. Raises ValueError as :func:`refuse_frequencies`."""
    refuse_frequencies(scale_grad_by_freq)
    if not weight.numel():
        raise Unsupported
    return [EmbeddingWeight(weight, first(indices), padding_idx)]


def embedding_bag(
    first: First,
    weight: nn.Parameter,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    *others: Any,
) -> list[Term]:
    """No terms of ``torch.embedding_bag``, which is left to the fallback. Raises ValueError as :func:`refuse_frequencies`."""
    refuse_frequencies(scale_grad_by_freq)
    raise Unsupported


def add(first: First, input: Tensor, other: Tensor, *, alpha: float = 1) -> list[Term]:  # noqa: A002
    """The terms of ``input + other`` where one of them is a parameter and the other carries the examples."""
    data, parameter = (input, other) if _carries_examples(first, input) else (other, input)
    if alpha != 1 or not isinstance(parameter, Tensor) or first(data) is not data or parameter.ndim > data.ndim:
        raise Unsupported
    return [Added(cast("nn.Parameter", parameter))]


def _carries_examples(first: First, tensor: Tensor) -> bool:
    try:
        first(tensor)
    except Unsupported:
        return False
    return True
