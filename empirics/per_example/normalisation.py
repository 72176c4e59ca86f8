"""Scales and biases of normalisation layers: GroupNorm, LayerNorm, RMSNorm, InstanceNorm, and BatchNorm with fixed statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional

from empirics.per_example.convolution import ChannelBias
from empirics.per_example.linear import Added, First
from empirics.per_example.terms import Formed, Term, Unsupported, accumulable


class Scale(Formed):
    """``γ`` in ``γ x̂``. ``normalised`` gives x̂ again, which the layer did not keep; ``channels`` tells whether γ is one number a channel
    (which stands behind the examples) or belongs to the last dimensions.
    """  # noqa: D205 - the summary needs two lines

    def __init__(self, parameter: nn.Parameter, normalised: Callable[[], Tensor], *, channels: bool) -> None:
        super().__init__(parameter)
        self.normalised, self.channels = normalised, channels

    def form(self, D: Tensor) -> Tensor:
        """``D x̂`` summed over what γ is the same for."""
        product = D * self.normalised()
        if self.channels:
            return product.flatten(2).sum(2)
        return product.flatten(1, product.ndim - self.parameter.ndim - 1).sum(1) if product.ndim > self.parameter.ndim + 1 else product


def _channel_terms(weight: nn.Parameter | None, bias: nn.Parameter | None, normalised: Callable[[], Tensor]) -> list[Term]:
    terms: list[Term] = [] if weight is None else [Scale(weight, normalised, channels=True)]
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
    return _channel_terms(weight, bias, lambda: functional.group_norm(accumulable(input.detach()), num_groups, eps=eps))


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
    mean, var = (accumulable(statistic.detach().clone()) for statistic in (running_mean, running_var))
    return _channel_terms(weight, bias, lambda: functional.batch_norm(accumulable(input.detach()), mean, var, eps=eps))


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
    terms: list[Term] = (
        [] if weight is None else [Scale(weight, lambda: functional.layer_norm(accumulable(x), shape, eps=eps), channels=False)]
    )
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
    return [] if weight is None else [Scale(weight, lambda: functional.rms_norm(accumulable(x), shape, eps=eps), channels=False)]


def _examples_in_front(first: First, x: Tensor) -> None:
    if first(x) is not x:
        raise Unsupported


def _spares_the_examples(x: Tensor, shape: list[int]) -> None:
    if list(x.shape[x.ndim - len(shape) :]) != shape or x.ndim == len(shape):
        raise Unsupported
