"""One forward pass and a backward pass for either label, chunk by chunk; from them the inner products of per-example gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from empirics.forward import as_logits, with_own_buffers
from empirics.labels import Smoothing, one_hot, smoothing_rule
from empirics.per_example.batch_norm import statistics_mode
from empirics.per_example.call import Call
from empirics.per_example.distributed import over_ranks
from empirics.per_example.gram import GramTerm
from empirics.per_example.products import GradientProducts
from empirics.per_example.tape import Tape
from empirics.per_example.terms import Products, Term, products

CHUNK = 32  # examples: enough for fast convolutions, few enough that memory is used again and not asked for anew


def gradient_products(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    chunk: int = CHUNK,
    batch_norm: str | None = None,
) -> GradientProducts:
    """Measure :class:`GradientProducts`; arguments and errors are those of :func:`empirics.moments.gradient_moments`."""
    if isinstance(model, DistributedDataParallel):
        if isinstance(smoothing, str) and smoothing == "prior":
            raise ValueError("smoothing = 'prior' would be another label on each rank; give the frequencies of the classes as a tensor")
        own = gradient_products(model.module, inputs, labels, smoothing, chunk=chunk, batch_norm=batch_norm)
        return over_ranks(own, model.process_group)
    if len(inputs) == 0 or len(inputs) != len(labels):
        raise ValueError(f"inputs hold {len(inputs)} examples and labels {len(labels)}; must be equally many, at least 1")
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise ValueError(f"chunk = {chunk!r} must be a whole number of examples, at least 1")
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not named:
        raise ValueError("model has no parameter that requires a gradient")
    inputs = inputs.detach()
    chunks = torch.tensor_split(inputs, -(-len(inputs) // chunk))
    totals = _Totals(list(named.values()), len(inputs))
    with torch.enable_grad(), torch.random.fork_rng():
        forward = _Forward(model, statistics_mode(batch_norm, model, inputs))
        probe, classes = _probe(forward, inputs, totals.parameters, {len(x) for x in chunks})
        true = one_hot(labels, classes)
        smooth = smoothing_rule(smoothing, true)
        start = 0
        for x in chunks:
            rows = slice(start, start := start + len(x))
            for parameter, found in _chunk(forward, x, true[rows], partial(smooth, rows, x), totals.parameters, probe):
                totals.add(parameter, rows, found)
    return totals.result(tuple(named))


class _Totals:
    """Inner products of all examples, and sums of their gradients, as the chunks come in. What no call used stays 0."""

    def __init__(self, parameters: list[nn.Parameter], examples: int) -> None:
        self.parameters, self.examples = parameters, examples
        self._row = {id(p): row for row, p in enumerate(parameters)}
        self._products = torch.zeros(3, len(parameters), examples, dtype=torch.float64)
        self._sums: list[tuple[Tensor, Tensor] | None] = [None] * len(parameters)
        self._late: list[list[GramTerm]] = [[] for _ in parameters]

    def add(self, parameter: nn.Parameter, rows: slice, found: Products) -> None:
        row = self._row[id(parameter)]
        self._products[:, row, rows] = torch.stack((found.gg, found.hh, found.gh)).cpu()
        if isinstance(found.sums, tuple):
            self._accumulate(row, found.sums)
            return
        self._late[row].append(found.sums)
        if sum(term.entries for term in self._late[row]) > parameter.numel():
            self._settle(row)

    def _settle(self, row: int) -> None:
        """Take the sums over the examples of several chunks at once."""
        if late := self._late[row]:
            together = late[0].joined(late[1:])
            self._accumulate(row, (together.total(0), together.total(1)))
            self._late[row] = []

    def _accumulate(self, row: int, new: tuple[Tensor, Tensor]) -> None:
        before = self._sums[row]
        self._sums[row] = new if before is None else (before[0].add_(new[0]), before[1].add_(new[1]))

    def result(self, names: tuple[str, ...]) -> GradientProducts:
        for row in range(len(names)):
            self._settle(row)
        means = [
            tuple(s.div_(self.examples) for s in sums) if sums is not None else (torch.zeros_like(p.detach()),) * 2
            for p, sums in zip(self.parameters, self._sums, strict=True)
        ]
        G, G_hat = zip(*means, strict=True)
        gg, hh, gh = self._products
        return GradientProducts(names, gg, hh, gh, G, G_hat)


class _Forward:
    """Logits under watch; every chunk meets the same model."""

    def __init__(self, model: nn.Module, statistics: Callable[[], AbstractContextManager[Any]]) -> None:
        self.model, self.statistics = model, statistics

    def __call__(self, x: Tensor, tape: Tape) -> Tensor:
        with tape.watching(), self.statistics():
            outputs = with_own_buffers(self.model, x)
        return as_logits(outputs, x)  # out of sight of the tape


def _probe(forward: _Forward, inputs: Tensor, parameters: list[nn.Parameter], sizes: set[int]) -> tuple[Tape, int]:
    """A pass of as few examples as no chunk has, and the number of classes."""
    examples = next(n for n in count(1) if n not in sizes)
    tape = Tape(parameters, examples)
    return tape, forward(inputs[:1].expand(examples, *inputs.shape[1:]), tape).shape[1]


def _chunk(
    forward: _Forward, x: Tensor, true: Tensor, smooth: Callable[[Tensor], Tensor], parameters: list[nn.Parameter], probe: Tape
) -> list[tuple[nn.Parameter, Products]]:
    """Products of one chunk for each parameter that the logits depend on; ``smooth`` gives ŷ where the logits are known."""
    tape = Tape(parameters, len(x), probe)
    logits = forward(x, tape)
    probabilities = logits.detach().double().softmax(1)
    one_hot_label, smoothing_label = ((probabilities - y.to(probabilities.device)).to(logits.dtype) for y in (true, smooth(logits)))
    uses = _Uses(tape.calls)
    sources = [call for call in tape.calls if call.source]
    _ask(logits, one_hot_label, sources)
    _ask(logits, smoothing_label, sources, last=True)
    with torch.no_grad():
        return uses.finish()


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
