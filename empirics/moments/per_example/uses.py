"""Uses of parameters become products when the gradients for both labels have come, in the backward passes themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

import torch
from torch import nn

from tsla.empirics.moments.per_example.call import Call
from tsla.empirics.moments.per_example.terms import Products, Term, products


class Uses:
    """Turns the uses of a parameter into products: at once where there is one use, at the end where they are more.

    Two passes that are made at once, each in a thread, share the work: what the second of them completes waits for the first, which takes
    it up when it next comes somewhere before the other. So neither gets far ahead, and few gradients wait for those of the other label.
    """

    def __init__(self, calls: Sequence[Call], *, sums: bool) -> None:
        self._done: list[tuple[nn.Parameter, Products]] = []
        self._sums = sums
        self._lock, self._passes = Lock(), 0  # that are under way
        self._labels: dict[int, set[int]] = {id(call): set() for call in calls}  # whose gradients it has received
        self._waiting: list[Call] = []
        self._of: dict[int, list[Term]] = {}
        for call in calls:
            call.when_received = self._received
            for term in call.terms:
                self._of.setdefault(id(term.parameter), []).append(term)

    def _received(self, call: Call, label: int) -> None:
        with self._lock:
            self._labels[id(call)].add(label)
            if len(self._labels[id(call)]) == 2:
                self._waiting.append(call)
                if self._passes == 2:  # the other one takes it up
                    return
        self._take_up()

    def _take_up(self) -> bool:
        """Whether something waited."""
        with self._lock:
            call = self._waiting.pop(0) if self._waiting else None
        if call is not None:
            self._turn(call)
        return call is not None

    def _turn(self, call: Call) -> None:
        for term in call.terms:
            if len(self._of[id(term.parameter)]) == 1:
                self._finished(term.parameter, term.products())
                del self._of[id(term.parameter)]
        call.terms = []  # with what they hold of activations and gradients

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A pass is made in this context. When it has ended, what waits is done, and nobody leaves it anything any more."""
        with self._lock:
            self._passes += 1
        try:
            yield
        finally:
            with self._lock:
                self._passes -= 1
        with torch.no_grad():
            while self._take_up():
                pass

    def finish(self) -> list[tuple[nn.Parameter, Products]]:
        """The products of all parameters, of those that are used more than once, too."""
        for uses in self._of.values():
            reached = [term for term in uses if term.signals]
            if reached:
                self._finished(reached[0].parameter, products(reached))
        return self._done

    def _finished(self, parameter: nn.Parameter, found: Products) -> None:
        self._done.append((parameter, found if self._sums else found.without_sums()))
