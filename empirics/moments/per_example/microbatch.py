"""One microbatch of examples: a forward pass, a backward pass for either label, and the products that come of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import Inputs
from tsla.empirics.moments.per_example.probe import Paths
from tsla.empirics.moments.per_example.terms import Products
from tsla.empirics.moments.per_example.uses import Uses


class Microbatch:
    """k examples ``x``, and what ``slopes`` makes of their logits: the derivatives of the loss at either label.

    The forward pass is made with the object, the backward passes by ``products``. ``sums`` says whether the sums of the gradients are
    asked for, or their products alone.
    """

    def __init__(self, paths: Paths, x: Inputs, slopes: Callable[[Tensor], list[Tensor]], *, sums: bool = True) -> None:
        self.logits, self.calls = paths.forward(x)
        self._sums = sums
        self._cotangents = slopes(self.logits)

    def products(self) -> list[tuple[nn.Parameter, Products]]:
        """For each parameter that the logits depend on. To be called once."""
        uses = Uses(self.calls, sums=self._sums)
        try:
            self._pass(0, keep=True)
            self._pass(1, keep=any(not call.at_once for call in self.calls))
            with torch.no_grad():
                return uses.finish()
        finally:
            for call in self.calls:  # or their memory would wait for the garbage collector
                call.forget()
            del self.logits

    def _pass(self, label: int, *, keep: bool) -> None:
        """One backward pass, which meets all calls on its way to those that no other comes before.

        The graph is kept for another one, and for calls that go through their part of it again.
        """
        for call in self.calls:
            call.label = label
        sources = [call for call in self.calls if call.source]
        edges = [edge for call in sources for edge in call.edges]
        if edges:
            # Of a number, since to check a cotangent that is given torch imports sympy: 45 MB, and 0.4 s of the first call.
            weighted = (self.logits * self._cotangents[label]).sum()
            torch.autograd.grad(weighted, edges, retain_graph=keep, allow_unused=True)
        for call in sources:
            call.flush()
