"""Uses of parameters become products when the gradients for both labels have come, in the second backward pass itself."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from tsla.empirics.moments.per_example.call import Call
from tsla.empirics.moments.per_example.terms import Products, Term, products


class Uses:
    """Turns the uses of a parameter into products: at once where there is one use, at the end where they are more."""

    def __init__(self, calls: Sequence[Call], *, sums: bool) -> None:
        self._done: list[tuple[nn.Parameter, Products]] = []
        self._sums = sums
        self._of: dict[int, list[Term]] = {}
        for call in calls:
            call.when_received = self._received
            for term in call.terms:
                self._of.setdefault(id(term.parameter), []).append(term)

    def _received(self, call: Call) -> None:
        if call.label == 0:
            return
        for term in call.terms:
            if len(self._of[id(term.parameter)]) == 1:
                self._finished(term.parameter, term.products())
                del self._of[id(term.parameter)]
        call.terms = []  # with what they hold of activations and gradients

    def finish(self) -> list[tuple[nn.Parameter, Products]]:
        """The products of all parameters, of those that are used more than once, too."""
        for uses in self._of.values():
            reached = [term for term in uses if term.signals]
            if reached:
                self._finished(reached[0].parameter, products(reached))
        return self._done

    def _finished(self, parameter: nn.Parameter, found: Products) -> None:
        self._done.append((parameter, found if self._sums else found.without_sums()))
