"""Uses of parameters become products when the gradients for both labels have come, in the backward passes themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock

import torch
from torch import nn

from tsla.empirics.moments.per_example.call import Call
from tsla.empirics.moments.per_example.terms import Products, Term, products


class Uses:
    """Turns the uses of a parameter into products: at once where there is one use, at the end where they are more.

    Of two passes that are made at once, each in a thread, the work is ``shared``: what the second of them completes waits for the first,
    which takes it up when it next comes somewhere before the other. So neither gets far ahead, and few gradients wait for those of the
    other label.
    """

    def __init__(self, calls: Sequence[Call], *, sums: bool, shared: bool) -> None:
        self._done: list[tuple[nn.Parameter, Products]] = []
        self._sums, self._shared = sums, shared
        self._lock, self._passes = Lock(), 2
        self._labels: dict[int, set[int]] = {id(call): set() for call in calls}  # whose gradients it has received
        self._waiting: SimpleQueue[Call | None] = SimpleQueue()
        self._of: dict[int, list[Term]] = {}
        for call in calls:
            call.when_received = self._received
            for term in call.terms:
                self._of.setdefault(id(term.parameter), []).append(term)

    def _received(self, call: Call, label: int) -> None:
        with self._lock:
            self._labels[id(call)].add(label)
            complete = len(self._labels[id(call)]) == 2
        if not complete:
            self._help()
        elif self._shared:
            self._waiting.put(call)
        else:
            self._turn(call)

    def _help(self) -> None:
        try:
            call = self._waiting.get_nowait()
        except Empty:
            return
        if call is not None:
            self._turn(call)

    def _turn(self, call: Call) -> None:
        for term in call.terms:
            if len(self._of[id(term.parameter)]) == 1:
                self._finished(term.parameter, term.products())
                del self._of[id(term.parameter)]
        call.terms = []  # with what they hold of activations and gradients

    @contextmanager
    def passing(self) -> Iterator[None]:
        """A pass is made in this context; when it has ended, what waits is done, and in one of two also what the other one completes."""
        try:
            yield
        finally:
            with self._lock:
                self._passes -= 1
                last = self._passes == 0
            if last:
                self._waiting.put(None)
                self._waiting.put(None)
            with torch.no_grad():
                while self._shared and (call := self._waiting.get()) is not None:
                    self._turn(call)

    def finish(self) -> list[tuple[nn.Parameter, Products]]:
        """The products of all parameters, of those that are used more than once, too."""
        for uses in self._of.values():
            reached = [term for term in uses if term.signals]
            if reached:
                self._finished(reached[0].parameter, products(reached))
        return self._done

    def _finished(self, parameter: nn.Parameter, found: Products) -> None:
        self._done.append((parameter, found if self._sums else found.without_sums()))
