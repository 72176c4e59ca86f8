"""BatchNorm couples the examples of a batch: refused, or replaced by the same with statistics that do not depend on the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.overrides import TorchFunctionMode

from tsla.empirics.models.inputs import Classifier, Inputs
from tsla.empirics.models.state import with_own_buffers
from tsla.theory.constants import said

CHOICES = (None, "evaluation", "batch")
Statistics = tuple[Tensor, Tensor]  # mean and variance of each channel, without a gradient
Find = Callable[[Tensor, Tensor | None, Tensor | None], Statistics]  # from the input, and the running mean and variance


def statistics_mode(choice: str | None, classifier: Classifier, inputs: Inputs) -> Callable[[], AbstractContextManager[Any]]:
    """What to run a forward pass in, each time anew, so that BatchNorm leaves the examples independent.

    None: nothing; raises ValueError if a layer would take its statistics from the batch, which leaves per-example gradients undefined.
    Of layers in training mode: "evaluation" takes the running statistics, as in evaluation mode; "batch" those of all ``inputs``
    together, held fixed.
    """
    check_batch_norm(choice, classifier.model)
    if choice is None:
        return lambda: _FixedBatchNorm(_refused)
    if choice == "evaluation":
        return lambda: _FixedBatchNorm(_running)
    statistics = _of_batch(classifier, inputs)
    return lambda: _FixedBatchNorm(_in_order(statistics))


def check_batch_norm(choice: str | None, model: nn.Module) -> None:
    """Raise ValueError where the choice is none, or leaves a layer of the model to couple the examples."""
    if not isinstance(choice, str | None) or choice not in CHOICES:
        raise ValueError(f"batch_norm = {said(choice)} must be None, 'evaluation' or 'batch'")
    if choice is None:
        _refuse_coupled_examples(model)
        return
    for name, module in model.named_modules():
        if isinstance(module, SyncBatchNorm) and module.training:
            raise ValueError(f"{name or 'model'} is SyncBatchNorm in training mode, whose statistics can't be replaced; use BatchNorm")


class _FixedBatchNorm(TorchFunctionMode):
    """A ``batch_norm`` that would take its statistics from the batch normalises with what ``statistics`` finds in their place."""

    def __init__(self, statistics: Find) -> None:
        super().__init__()
        self._statistics = statistics

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
        mean, var = running_mean, running_var
        if training or mean is None or var is None:
            mean, var = self._statistics(input.detach(), mean, var)
        return batch_norm(input, mean, var, weight, bias, training=False, momentum=momentum, eps=eps)


def _refused(x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
    raise ValueError("batch_norm takes its statistics from the batch: per-example gradients are not defined; use another norm")


def _running(x: Tensor, running_mean: Tensor | None, running_var: Tensor | None) -> Statistics:
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm = 'evaluation': a BatchNorm of the model has no running statistics; use 'batch'")
    return running_mean, running_var


def _of_batch(classifier: Classifier, inputs: Inputs) -> list[Statistics]:
    """Those of all inputs together, as in training, in the order of the calls of one forward pass."""
    seen: list[Statistics] = []

    def observed(x: Tensor, *_: Tensor | None) -> Statistics:
        var, mean = torch.var_mean(x, dim=[d for d in range(x.ndim) if d != 1], correction=0)
        seen.append((mean, var))
        return mean, var

    with torch.no_grad(), _FixedBatchNorm(observed):
        with_own_buffers(classifier, inputs.map(Tensor.clone).form)  # the model may write into it
    return seen


def _in_order(statistics: Sequence[Statistics]) -> Find:
    remaining = iter(statistics)
    return lambda *_: next(remaining)


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
