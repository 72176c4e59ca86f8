"""Scales and biases of normalisation layers: GroupNorm, LayerNorm, RMSNorm, InstanceNorm, and BatchNorm with fixed statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from empirics.per_example.convolution import ChannelBias
from empirics.per_example.linear import Added, First
from empirics.per_example.terms import Formed, Term, Unsupported, accumulable


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


class ChannelScale(Formed):
    """``γ``, one number a channel, in ``γ (x - mean) rstd`` with mean and rstd ``(n, groups)``."""

    def __init__(self, parameter: nn.Parameter, x: Tensor, statistics: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
        super().__init__(parameter)
        self.x, self._statistics = x.detach(), statistics
        self._known: tuple[Tensor, Tensor] | None = None

    def form(self, D: Tensor) -> Tensor:
        """``D x̂`` summed over the positions, by the kernel of training, where the channels of all examples count as those of one.

        It reads D and x once, and writes neither ``x̂`` nor a product.
        """
        x = accumulable(self.x)
        n, channels = x.shape[:2]
        if self._known is None:
            self._known = self._statistics(x)
        mean, rstd = (statistic.reshape(1, -1) for statistic in self._known)
        merged = (t.reshape(1, n * channels, -1) for t in (D, x))
        sizes = (1, n * channels, D[0, 0].numel(), mean.shape[1])
        scale = x.new_ones(n * channels)  # the kernel asks for one; this gradient does not depend on it
        gradient: Tensor = torch.ops.aten.native_group_norm_backward(*merged, mean, rstd, scale, *sizes, [False, True, True])[1]
        return gradient.view(n, channels)


def _channel_terms(
    x: Tensor, weight: nn.Parameter | None, bias: nn.Parameter | None, statistics: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> list[Term]:
    terms: list[Term] = [] if weight is None else [ChannelScale(weight, x, statistics)]
    return terms + ([] if bias is None else [ChannelBias(bias)])


def group_norm(
    first: First,
    input: Tensor,  # noqa: A002
    num_groups: int,
    weight: nn.Parameter | None = None,
    bias: nn.Parameter | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,  # of no consequence here
) -> list[Term]:
    """The terms of ``torch.group_norm``."""
    _examples_in_front(first, input)
    n, channels, size = len(input), input.shape[1], input[0, 0].numel()
    return _channel_terms(input, weight, bias, lambda x: torch.native_group_norm(x, None, None, n, channels, size, num_groups, eps)[1:])


def instance_norm(
    first: First,
    input: Tensor,  # noqa: A002
    weight: nn.Parameter | None,
    bias: nn.Parameter | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,  # of no consequence here
) -> list[Term]:
    """The terms of ``torch.instance_norm``: each channel of an example is a group."""
    if not use_input_stats:
        return batch_norm(first, input, weight, bias, running_mean, running_var, False, momentum, eps)
    return group_norm(first, input, input.shape[1], weight, bias, eps)


def batch_norm(
    first: First,
    input: Tensor,  # noqa: A002
    weight: nn.Parameter | None,
    bias: nn.Parameter | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,  # of no consequence here
) -> list[Term]:
    """The terms of ``torch.batch_norm`` with fixed statistics."""
    _examples_in_front(first, input)
    if training or running_mean is None or running_var is None:
        raise Unsupported  # does not occur: see batch_norm.py
    # Copies: the model may update them before the gradient comes.
    n = len(input)
    mean, rstd = accumulable(running_mean).clone().expand(n, -1), (accumulable(running_var) + eps).rsqrt().expand(n, -1)
    return _channel_terms(input, weight, bias, lambda x: (mean, rstd))


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


def _examples_in_front(first: First, x: Tensor) -> None:
    if first(x) is not x:
        raise Unsupported


def _spares_the_examples(x: Tensor, shape: list[int]) -> None:
    if list(x.shape[x.ndim - len(shape) :]) != shape or x.ndim == len(shape):
        raise Unsupported
