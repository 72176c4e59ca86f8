"""BatchNorm couples the examples of a batch: refused, or replaced by the same with statistics that do not depend on the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.overrides import TorchFunctionMode

CHOICES = (None, "evaluation", "batch")
Statistics = tuple[Tensor, Tensor]  # mean and variance of each channel, without a gradient


def statistics_mode(choice: str | None, model: nn.Module, inputs: Tensor) -> Callable[[], AbstractContextManager[Any]]:
    """What to run a forward pass in, each time anew, so that BatchNorm leaves the examples independent.

    None: nothing; raises ValueError if a layer would take its statistics from the batch, which leaves per-example gradients undefined.
    Of layers in training mode: "evaluation" takes the running statistics, as in evaluation mode; "batch" those of all ``inputs``
    together, held fixed.
    """
    if choice not in CHOICES:
        raise ValueError(f"batch_norm = {choice!r} must be None, 'evaluation' or 'batch'")
    if choice is None:
        _refuse_coupled_examples(model)
        return _UncoupledStatistics
    for name, module in model.named_modules():
        if isinstance(module, SyncBatchNorm) and module.training:
            raise ValueError(f"{name or 'model'} is SyncBatchNorm in training mode, whose statistics can't be replaced; use BatchNorm")
    if choice == "evaluation":
        return _RunningStatistics
    statistics = _of_batch(model, inputs)
    return lambda: _GivenStatistics(statistics)


class _ReplacedBatchNorm(TorchFunctionMode):
    """A ``batch_norm`` that would take its statistics from the batch normalises with what ``statistics`` returns."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is batch_norm:
            return self._normalise(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _normalise(
        self,
        input: Tensor,  # noqa: A002
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training and running_mean is not None and running_var is not None:
            return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        mean, var = self.statistics(input.detach(), running_mean, running_var)
        return batch_norm(input, mean, var, weight, bias, training=False, momentum=momentum, eps=eps)

    def statistics(self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
        raise NotImplementedError


class _UncoupledStatistics(_ReplacedBatchNorm):
    def statistics(self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
        raise ValueError("batch_norm takes its statistics from the batch: per-example gradients are not defined; use another norm")


class _RunningStatistics(_ReplacedBatchNorm):
    def statistics(self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm = 'evaluation': a BatchNorm of the model has no running statistics; use 'batch'")
        return running_mean, running_var


class _ObservedStatistics(_ReplacedBatchNorm):
    """Those of the batch, as in training, and ``seen`` in the order of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Statistics] = []

    def statistics(self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
        var, mean = torch.var_mean(x, dim=[d for d in range(x.ndim) if d != 1], correction=0)
        self.seen.append((mean, var))
        return mean, var


class _GivenStatistics(_ReplacedBatchNorm):
    def __init__(self, given: Sequence[Statistics]) -> None:
        super().__init__()
        self._given = iter(given)

    def statistics(self, x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
        return next(self._given)


def _of_batch(model: nn.Module, inputs: Tensor) -> list[Statistics]:
    """One forward pass of all inputs together, with copies of the buffers."""
    observed = _ObservedStatistics()
    with torch.no_grad(), observed:
        functional_call(model, {name: buffer.clone() for name, buffer in model.named_buffers()}, inputs)
    return observed.seen


def _refuse_coupled_examples(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            where = name or "model"
            if module.running_mean is None:
                raise ValueError(
                    f"{where} is BatchNorm without running statistics: per-example gradients are not defined; "
                    "use another norm, or batch_norm='batch'"
                )
            if module.training:
                raise ValueError(
                    f"{where} is BatchNorm in training mode: per-example gradients are not defined; call model.eval(), "
                    "or choose batch_norm='evaluation' or 'batch'"
                )
