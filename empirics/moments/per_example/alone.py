"""A pass of its own for each example, of a model in whose batches they can't be told apart: one that loops over its examples, for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.fallback import FallbackCall, Use
from tsla.empirics.moments.per_example.watch import Watch
from tsla.empirics.moments.per_example.weights import Weight


class Onlooker(Watch):
    """Watches a pass for what no pass may do, and for the functions that it calls. It changes nothing."""

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call ``func``."""
        return func(*args, **kwargs)

    def enter(self, module: nn.Module, args: Any) -> None:
        """When a module is called."""

    def leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> Any:
        """When a module returns."""
        return out


class EachAlone(FallbackCall):
    """The whole model, called once for each example: ``single`` are their logits, ``(1, ...)``, and ``logits`` all of them."""

    def __init__(self, single: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> None:
        self.logits, self._single = torch.cat(list(single)), list(single)
        if not self.logits.requires_grad:
            raise ValueError("model gives logits without a gradient: it must have a parameter in them, and torch.inference_mode be off")
        super().__init__(None, [], self.logits, [0], [Use(Weight(p, (p,)), [p]) for p in parameters])
        self.deaf = False

    def forget(self) -> None:
        """Let go of the passes, too."""
        super().forget()
        self._single = []
        del self.logits

    def _one_by_one(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """One backward pass through each example's own pass."""
        parameters = [use.weight.tensor for use in self.uses]
        rows = [
            torch.autograd.grad(logits, parameters, D, retain_graph=True, materialize_grads=True)
            if logits.requires_grad
            else [torch.zeros_like(p) for p in parameters]
            for logits, D in zip(self._single, torch.split(gradients[0], 1), strict=True)
        ]
        return [torch.stack(column) for column in zip(*rows, strict=True)]
