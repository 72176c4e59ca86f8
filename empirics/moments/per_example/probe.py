"""Forward passes under watch, and the first of them: it tells what a batch is to the model, and whether examples are independent in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import Classifier, Inputs
from tsla.empirics.models.state import as_logits, with_own_buffers
from tsla.empirics.moments.per_example.alone import EachAlone, Onlooker
from tsla.empirics.moments.per_example.axes import OtherPathError
from tsla.empirics.moments.per_example.call import Call
from tsla.empirics.moments.per_example.known import Way
from tsla.empirics.moments.per_example.shape_probe import ShapeProbe
from tsla.empirics.moments.per_example.tape import Tape
from tsla.empirics.moments.per_example.terms import accumulable
from tsla.empirics.moments.per_example.watch import Watch

COUPLED = {torch.float64: 1e-7, torch.float32: 1e-3}
"""Of the largest logit, a difference that rounding does not make, with TF32 in float32. In other precisions it is LOW_PRECISION."""
LOW_PRECISION = 0.02
PROBES = 4  # of other paths that are kept: of a model that takes a new one each time each would be tried in vain
FEW = 8  # examples of a microbatch, below which one of them also goes alone


class Forward:
    """Logits under watch; every microbatch meets the same model."""

    def __init__(self, classifier: Classifier, statistics: Callable[[], AbstractContextManager[Any]]) -> None:
        self.classifier, self.statistics = classifier, statistics
        self._kept = {p.untyped_storage().data_ptr() for p in classifier.parameters() if p.layout == torch.strided and p.numel()}

    def __call__(self, x: Inputs, watch: Watch) -> Tensor:
        """Logits of the examples ``x``, with what happens on the way seen by ``watch``."""
        form = x.map(Tensor.clone).form  # the model may write into it
        with watch.watching(self._kept), self.statistics():
            outputs = with_own_buffers(self.classifier, form)
        return as_logits(outputs, x)  # out of sight


class Paths:
    """Microbatches, each along a path through the model that a probe went before it. ``x`` is the first of them.

    Which path is taken may depend on what the examples are: a model that masks padding often leaves the mask out where nothing is padded.
    A microbatch that takes none of the ``known`` paths gets a probe of its own, and each that makes other calls than those before is
    compared. What is found is added to ``known``. One whose path is that of no other number of examples goes one example at a time.
    """

    def __init__(self, forward: Forward, x: Inputs, parameters: list[nn.Parameter], known: Way) -> None:
        self._forward, self._parameters, self.known = forward, parameters, known
        self._probe: Probe | None = None
        self._compared: list[Probe] = []
        if not known.shapes:
            self._probe = Probe(forward, x, parameters)
            known.shapes, known.logits, known.random = [self._probe.shapes], self._probe.logits, self._probe.random

    def forward(self, x: Inputs) -> tuple[Tensor, list[Call]]:
        """Logits of a microbatch, and its calls that use parameters."""
        for shapes in self.known.shapes:
            if shapes.examples == len(x):  # by which the examples can't be told
                continue
            try:
                found = self._along(shapes, x)
            except OtherPathError:
                continue
            self.known.shapes.sort(key=lambda other: other is not shapes)
            return found
        self._probe = Probe(self._forward, x, self._parameters, whole=True)
        self.known.shapes = [self._probe.shapes, *self.known.shapes[: PROBES - 1]]
        try:
            return self._along(self._probe.shapes, x)
        except OtherPathError:
            return self._one_by_one(x)

    def _along(self, shapes: ShapeProbe, x: Inputs) -> tuple[Tensor, list[Call]]:
        tape = Tape(self._parameters, len(x), shapes)
        logits = self._forward(x, tape)
        self._compare(x, tape, logits)
        return logits, tape.calls

    def _one_by_one(self, x: Inputs) -> tuple[Tensor, list[Call]]:
        """Each example alone, where its logits must be those that it has in the microbatch."""
        onlooker = Onlooker(self._parameters)
        among_others = self._forward(x, onlooker).detach()
        self._compare(x, onlooker, among_others)
        single = [self._forward(x[i : i + 1], Onlooker(self._parameters)) for i in range(len(x))]
        for i, logits in enumerate(single):
            _same_shape(1, among_others, logits)
            if not self.known.random:
                _same_logits([i], among_others, logits.detach())
        call = EachAlone(single, self._parameters)
        return call.logits, [call]

    def _compare(self, x: Inputs, watch: Watch, logits: Tensor) -> None:
        """Compare the logits of a microbatch that makes other calls than those before."""
        if self.known.random or tuple(watch.seen_calls) in self.known.compared:
            return
        self.known.compared.add(tuple(watch.seen_calls))
        own = self._probe if self._probe is not None and x is self._probe.x else Probe(self._forward, x, self._parameters)
        if not own.random:
            own.compare(logits, detours=watch.detours)
            self._compared.append(own)

    def compare_gradients(self, x: Inputs, slopes: Callable[[Tensor], list[Tensor]], squares: Tensor) -> None:
        """Compare the gradients of a microbatch whose logits were compared: see :meth:`Probe.compare_gradients`."""
        for probe in self._compared:
            if probe.x is x:
                probe.compare_gradients(slopes, squares)


class Probe:
    """Passes of a few examples of the microbatch ``x``, in other company than there: what they get must be the same.

    The first pass, with its ``shapes`` and ``logits``, is of as many examples as no microbatch has: of a few, or of the ``whole`` and its
    first example once more, which takes the path of the microbatch where that depends on what the examples are. ``random`` says that the
    model draws at random: then no two passes can be compared. The comparisons are with this microbatch alone, and raise ValueError.
    """

    def __init__(self, forward: Forward, x: Inputs, parameters: list[nn.Parameter], *, whole: bool = False) -> None:
        self._forward, self.x, self._parameters = forward, x, parameters
        self._few = elsewhere(len(x))
        first = [*range(len(x)), 0] if whole else self._few[0]
        self._others = self._few if whole else self._few[1:]
        before = self._random_state()
        logits, self.shapes = self._pass(first)
        self.random = not torch.equal(before, self._random_state())
        self.logits, self._rows, self._detours = logits.detach(), first, False

    def _pass(self, rows: list[int]) -> tuple[Tensor, ShapeProbe]:
        shapes = ShapeProbe(self._parameters, len(rows))
        return self._forward(self.x[rows], shapes), shapes

    def _random_state(self) -> Tensor:
        device = self.x.device
        return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()

    def compare(self, logits: Tensor, *, detours: bool) -> None:
        """Compare with the logits of the microbatch. ``detours`` says whether its gradients may be others than the derivatives of these."""
        self._among_others, self._detours = logits.detach(), detours
        _same_logits(self._rows, self._among_others, self.logits)
        for rows in self._others:
            _same_logits(rows, self._among_others, self._pass(rows)[0].detach())

    def compare_gradients(self, slopes: Callable[[Tensor], list[Tensor]], squares: Tensor) -> None:
        """Compare gradients, where they may be others than the derivatives of the logits.

        ``squares`` ``(parameters, k)`` are the ``‖g_i‖²`` of the microbatch; ``slopes`` gives the derivatives with respect to its logits.
        """
        if not self._detours:
            return
        slope = slopes(self._among_others)[0]
        for rows in self._few:
            logits, _ = self._pass(rows)
            for place, row in enumerate(rows):
                cotangent = torch.zeros_like(logits)
                cotangent[place] = slope[row]
                gradients = torch.autograd.grad(logits, self._parameters, cotangent, retain_graph=True, allow_unused=True)
                norms = [0.0 if g is None else float(torch.linalg.vector_norm(accumulable(g))) for g in gradients]
                _same_norms(row, squares[:, row].sqrt(), torch.tensor(norms, dtype=torch.float64), logits.dtype)


def coupled(dtype: torch.dtype) -> float:
    """The relative difference from which on logits or gradients are others, and not the same but for rounding."""
    return COUPLED.get(dtype, LOW_PRECISION)


def elsewhere(k: int) -> list[list[int]]:
    """Rows of a microbatch of ``k`` examples, for each pass of a few of them.

    In the first pass each has other neighbours, another place, and others before and after it. That the first example has the same logits
    alone would not do: where the model takes the examples for steps in time, as nn.GRU does by default, no other touches it. They are as
    few as can be, for a mean or a maximum to be another one. Few examples may still have the maximum of all, and one of them goes alone.
    """
    first = [k - 1, (k - 1) // 2] if k > 3 else [*reversed(range(k)), k - 1]  # microbatches have k or k - 1
    return [first, [0]] if 1 < k < FEW else [first]


def _same_logits(rows: list[int], among_others: Tensor, apart: Tensor) -> None:
    _same_shape(len(rows), among_others, apart)
    found = among_others[rows]  # an infinite logit is the same where it is infinite in both
    off = (found - apart).abs().where(found != apart, 0).reshape(len(rows), -1).amax(1)
    scale = apart.abs().where(apart.isfinite(), 0).max()
    worst = int(off.argmax())
    if off[worst] > coupled(apart.dtype) * scale:
        raise ValueError(_coupled(rows[worst], "logits", float(off[worst] / scale)))


def _same_shape(examples: int, among_others: Tensor, apart: Tensor) -> None:
    if among_others.shape[1:] != apart.shape[1:]:
        shapes = f"{tuple(apart.shape)} of {examples} examples, and {tuple(among_others.shape)} of {len(among_others)}"
        raise ValueError(f"logits have shape {shapes}; must be of as many classes, whatever other examples there are")


def _same_norms(row: int, among_others: Tensor, apart: Tensor, dtype: torch.dtype) -> None:
    """Of the gradient of each parameter. One that is 0 but for rounding has no scale of its own."""
    off, scale = (among_others - apart).abs(), torch.maximum(among_others, apart)
    others = off > coupled(dtype) * scale + torch.finfo(dtype).eps ** 0.5 * apart.norm()
    if others.any():
        raise ValueError(_coupled(row, "gradients", float((off / scale)[others].max())))


def _coupled(row: int, what: str, off: float) -> str:
    return (
        f"model gives inputs[{row}] other {what} beside other examples, by {off:.2g} of the largest: "
        "it does not treat the examples of a batch independently, as it must for per-example gradients to be defined; "
        "where it only puts them in another order on its way, take moments_by_loop of tsla.empirics.moments.one_by_one"
    )
