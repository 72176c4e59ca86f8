"""One microbatch of examples: a forward pass, a backward pass for either label, and the products that come of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import Inputs
from tsla.empirics.moments.per_example.call import Call
from tsla.empirics.moments.per_example.probe import Paths
from tsla.empirics.moments.per_example.terms import Products, Term, products
from tsla.empirics.moments.per_example.weights import Derived


class Microbatch:
    """k examples ``x``, and what ``slopes`` makes of their logits: the derivatives of the loss at either label.

    The forward pass is made with the object, the backward passes by ``products``.
    """

    def __init__(self, paths: Paths, x: Inputs, slopes: Callable[[Tensor], list[Tensor]]) -> None:
        self.logits, self.calls = paths.forward(x)
        self._cotangents = slopes(self.logits)

    @property
    def alone(self) -> bool:
        """Whether its backward passes use nothing but its own graph: no module is called again, no transform of torch.func used."""
        return all(call.at_once and not any(isinstance(term, Derived) for term in call.terms) for call in self.calls)

    def products(self) -> list[tuple[nn.Parameter, Products]]:
        """For each parameter that the logits depend on. To be called once."""
        uses = _Uses(self.calls)
        sources = [call for call in self.calls if call.source]
        one_hot, smoothed = self._cotangents
        try:
            _ask(self.logits, one_hot, sources)
            _ask(self.logits, smoothed, sources, last=True)
            with torch.no_grad():
                return uses.finish()
        finally:
            for call in self.calls:  # or their memory would wait for the garbage collector
                call.forget()


class _Uses:
    """Turns the uses of a parameter into products: at once where there is one use, at the end where they are more."""

    def __init__(self, calls: list[Call]) -> None:
        self.done: list[tuple[nn.Parameter, Products]] = []
        self._of: dict[int, list[Term]] = {}
        for call in calls:
            call.when_received = self._received
            for term in call.terms:
                self._of.setdefault(id(term.parameter), []).append(term)

    def _received(self, call: Call) -> None:
        if call.received == 2:
            for term in call.terms:
                if len(self._of[id(term.parameter)]) == 1:
                    self.done.append((term.parameter, term.products()))
                    del self._of[id(term.parameter)]
            call.terms = []  # with what they hold of activations and gradients

    def finish(self) -> list[tuple[nn.Parameter, Products]]:
        """Those of parameters that are used more than once, too."""
        for uses in self._of.values():
            reached = [term for term in uses if term.signals]
            if reached:
                self.done.append((reached[0].parameter, products(reached)))
        return self.done


def _ask(logits: Tensor, cotangent: Tensor, calls: list[Call], *, last: bool = False) -> None:
    """One backward pass, which meets all calls on its way to these sources.

    The graph is kept for another one, and for calls that go through their part of it again.
    """
    edges = [edge for call in calls for edge in call.edges]
    if edges:
        keep = not last or any(not call.at_once for call in calls)
        torch.autograd.grad(logits, edges, cotangent, retain_graph=keep, allow_unused=True)
    for call in calls:
        call.flush()
