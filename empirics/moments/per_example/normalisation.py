"""Scales and biases of normalisation layers: GroupNorm, LayerNorm, RMSNorm, InstanceNorm, and BatchNorm with fixed statistics.

Those of channels are given to each example apart, so that the backward pass brings their gradients by the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsla.empirics.moments.per_example.linear import Added, First
from tsla.empirics.moments.per_example.terms import Formed, Term, Unsupported, accumulable

Each = tuple[Tensor, Tensor]  # a parameter, and what took its place: the same for each example, ``(n, *parameter.shape)``


class Scale(Formed):
    """``γ`` of the last dimensions in ``γ x̂``. ``normalised`` gives x̂ again, which the layer did not keep."""

    def __init__(self, parameter: nn.Parameter, normalised: Callable[[], Tensor]) -> None:
        super().__init__(parameter)
        self.normalised = normalised

    def form(self, D: Tensor) -> Tensor:
        """``D x̂``, summed over the positions (tokens)."""
        product = D * self.normalised()
        positions = list(range(1, D.ndim - self.parameter.ndim))
        return product.sum(positions) if positions else product


def group_norm(
    first: First,
    input: Tensor,  # noqa: A002
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,  # of no consequence here
) -> tuple[Tensor, list[Each]]:
    """``torch.group_norm``."""
    return _with_one_each(
        first, input, weight, bias, lambda x, n, scale, shift: functional.group_norm(x, n * num_groups, scale, shift, eps)
    )


def instance_norm(
    first: First,
    input: Tensor,  # noqa: A002
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,  # of no consequence here
) -> tuple[Tensor, list[Each]]:
    """``torch.instance_norm``: each channel of an example is a group."""
    if not use_input_stats:
        return batch_norm(first, input, weight, bias, running_mean, running_var, False, momentum, eps)
    return group_norm(first, input, input.shape[1], weight, bias, eps)


def batch_norm(
    first: First,
    input: Tensor,  # noqa: A002
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,  # of no consequence here
) -> tuple[Tensor, list[Each]]:
    """``torch.batch_norm`` with fixed statistics."""
    if training or running_mean is None or running_var is None:
        raise Unsupported  # does not occur: see batch_norm.py
    mean, var = running_mean, running_var
    return _with_one_each(
        first,
        input,
        weight,
        bias,
        lambda x, n, scale, shift: functional.batch_norm(x, mean.repeat(n), var.repeat(n), scale, shift, eps=eps),
    )


def _with_one_each(
    first: First,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    normalise: Callable[[Tensor, int, Tensor | None, Tensor | None], Tensor],
) -> tuple[Tensor, list[Each]]:
    """Normalise the channels of all n examples as those of one, each with a scale and a bias of its own."""
    if first(x) is not x:
        raise Unsupported
    n, channels = x.shape[:2]
    copies = {id(p): (p, p.expand(n, channels)) for p in (weight, bias) if p is not None}
    scale, shift = (None if p is None else copies[id(p)][1].reshape(-1) for p in (weight, bias))
    out = normalise(x.reshape(1, n * channels, *x.shape[2:]), n, scale, shift)
    # No view: a layer that works in place would pay for it.
    return torch.ops.aten._unsafe_view(out, x.shape), list(copies.values())


def layer_norm(
    first: First,
    input: Tensor,  # noqa: A002
    normalized_shape: Sequence[int],
    weight: nn.Parameter | None = None,
    bias: nn.Parameter | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,  # of no consequence here
) -> list[Term]:
    """The terms of ``torch.layer_norm``."""
    x, shape = first(input).detach(), list(normalized_shape)
    _spares_the_examples(x, shape)
    terms: list[Term] = [] if weight is None else [Scale(weight, lambda: functional.layer_norm(accumulable(x), shape, eps=eps))]
    return terms + ([] if bias is None else [Added(bias)])


def rms_norm(
    first: First,
    input: Tensor,  # noqa: A002
    normalized_shape: Sequence[int],
    weight: nn.Parameter | None = None,
    eps: float | None = None,
) -> list[Term]:
    """The terms of ``torch.rms_norm``."""
    x, shape = first(input).detach(), list(normalized_shape)
    _spares_the_examples(x, shape)
    return [] if weight is None else [Scale(weight, lambda: functional.rms_norm(accumulable(x), shape, eps=eps))]


def _spares_the_examples(x: Tensor, shape: list[int]) -> None:
    if list(x.shape[x.ndim - len(shape) :]) != shape or x.ndim == len(shape):
        raise Unsupported
