"""What calls use in the place of parameters: the parameters, and tensors that were made of parameters alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from tsla.empirics.moments.per_example.terms import Term, accumulable


@dataclass(frozen=True)
class Weight:
    """``tensor`` is a parameter, or was made of ``parameters`` alone: transposed, sliced, normalised, looked up at fixed positions, ..."""

    tensor: nn.Parameter
    parameters: tuple[nn.Parameter, ...]

    @classmethod
    def made(cls, tensor: Tensor, weights: Sequence[Weight]) -> Weight:
        """Made of these."""
        parameters = {id(p): p for weight in weights for p in weight.parameters}
        return cls(cast("nn.Parameter", tensor), tuple(parameters.values()))

    def terms(self, use: Term) -> list[Term]:
        """A use of the tensor as uses of the parameters."""
        if self.tensor is self.parameters[0]:
            return [use]
        edge = get_gradient_edge(self.tensor)
        return [Derived(p, use, edge, self.tensor.dtype) for p in self.parameters]


class Derived(Term):
    """A use of what was made of parameters: gradients with respect to it are drawn back to one of them, through ``edge`` of the graph.

    Terms of several parameters share one ``use``, which takes every gradient once.
    """

    def __init__(self, parameter: nn.Parameter, use: Term, edge: GradientEdge, dtype: torch.dtype) -> None:
        super().__init__(parameter)
        self.use, self._edge, self._dtype = use, edge, dtype
        self.signals = use.signals

    def receive(self, D: Tensor, label: int) -> None:
        """Hand it on, unless another parameter's term has done so."""
        if label not in self.signals:
            self.use.receive(D, label)

    def per_example(self, label: int, rows: slice) -> Tensor:
        """Gradients with respect to what was made, times the derivative of the making."""
        made = self.use.per_example(label, rows).to(self._dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of functions that are repeated for each example instead
            (drawn,) = torch.autograd.grad(
                [self._edge], [self.parameter], [made], retain_graph=True, is_grads_batched=True, allow_unused=True
            )
        return accumulable(drawn if drawn is not None else self.parameter.new_zeros(len(made), *self.parameter.shape))
