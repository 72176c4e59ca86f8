"""One forward pass under watch: which call uses which parameters, and what it contributes to the gradients of the examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.axes import Axes
from tsla.empirics.moments.per_example.call import Call, alias_of, differentiable, replaced, shapes_of, tensors_in
from tsla.empirics.moments.per_example.fallback import Again, FallbackCall, Use, of_function, of_module
from tsla.empirics.moments.per_example.functions import in_transform, is_made_again, reads_an_attribute, unwrapped, works_in_place, written
from tsla.empirics.moments.per_example.graph import Graph
from tsla.empirics.moments.per_example.linear import Added, First
from tsla.empirics.moments.per_example.normalisation import Each
from tsla.empirics.moments.per_example.reshapes import examples_in_front
from tsla.empirics.moments.per_example.rules import EXPANSIONS, RULES, WITH_ONE_EACH
from tsla.empirics.moments.per_example.shape_probe import Seen, ShapeProbe
from tsla.empirics.moments.per_example.terms import Term, Unsupported
from tsla.empirics.moments.per_example.watch import Watch
from tsla.empirics.moments.per_example.weights import Weight

Weights = dict[int, Weight]  # by the id of the tensor


@dataclass
class Frame:
    """A module that is being called, and uses of weights in it whose outputs the examples can't be told apart in."""

    module: nn.Module
    pending: list[Use] = field(default_factory=list)


class Tape(Watch):
    """Watches a forward pass of ``examples`` examples for the uses of the ``tracked`` parameters: ``calls``, in their order.

    ``probe`` saw a pass of another number of examples.
    """

    def __init__(self, tracked: Sequence[nn.Parameter], examples: int, probe: ShapeProbe) -> None:
        super().__init__(tracked)
        self.calls: list[Call] = []
        self._tracked, self._axes = list(tracked), Axes(probe, examples)
        self._weights: Weights = {id(p): Weight(p, (p,)) for p in tracked}
        self._frames: list[Frame] = []
        self._transformed: set[nn.Parameter] = set()  # used inside of a transform of torch.func

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call ``func``; where it uses parameters, note what they contribute."""
        given = tensors_in((args, kwargs))
        if in_transform():
            self._transformed |= {p for t in given for p in self._parameters_of(unwrapped(t))}
            return func(*args, **kwargs)
        return self._note(func, args, kwargs, given) if self.uses_weights(given) else func(*args, **kwargs)

    def hooked(self, tensor: Tensor) -> None:
        """What the model's hook makes of a gradient is what the call before it gets."""
        for call in self.calls:
            call.hear_last(tensor)

    def _parameters_of(self, tensor: Tensor) -> tuple[nn.Parameter, ...]:
        weight = self._weights.get(id(tensor))
        return () if weight is None else weight.parameters

    def _note(self, func: Any, args: Any, kwargs: Any, given: list[Tensor]) -> Any:
        """A call of all the examples: with one copy each, by its rule, or without one."""
        seen = self._axes.next(func)
        axes = self._axes.of(seen.inputs, given, sure=seen.sure)
        weights = {id(t): self._weights[id(t)] for t in given if id(t) in self._weights}
        merged = self._merged(given, axes, seen) if seen.sure else {}
        first = _first({id(t): _front(axis) for t, axis in zip(given, axes, strict=True) if axis is not None} | merged)
        if func in WITH_ONE_EACH and weights and not is_made_again():
            try:
                return self._with_one_each(WITH_ONE_EACH[func](first, *args, **kwargs), weights)
            except Unsupported:
                pass
        terms = self._terms(func, args, kwargs, weights, first)
        if terms is None:
            return self._without_rule(func, args, kwargs, seen, _carrying(given, axes), weights)
        out = func(*args, **kwargs)
        outputs = differentiable(written(func, args, out))
        (axis,) = self._axes.of(seen.outputs, outputs, sure=seen.sure)
        self.calls.append(Call(outputs, terms, next(iter(merged.values()), _front(0)) if axis is None else _front(axis)))
        if seen.alone:
            self.add_weights(outputs)
        return out

    def _merged(self, given: list[Tensor], axes: list[int | None], seen: Seen) -> dict[int, First]:
        """Of the tensors that a reshape has merged the examples in, by id, what takes them apart and moves them in front."""
        found: dict[int, First] = {}
        for t, axis, before in zip(given, axes, seen.before, strict=True):
            apart = self._axes.apart(before, self.reshapes.before(t)) if axis is None else None
            if apart is not None:
                found[id(t)] = partial(examples_in_front, shape=apart[0], axis=apart[1])
        return found

    def _with_one_each(self, done: tuple[Tensor, list[Each]], weights: Weights) -> Tensor:
        """What a call with a copy of the parameters for each example returned. That each copy has a gradient of its own is noted."""
        out, copies = done
        for tensor, each in copies:
            if id(tensor) in weights:
                self.calls.append(Call([each], weights[id(tensor)].terms(Added(weights[id(tensor)].tensor))))
        return out

    def _terms(self, func: Any, args: Any, kwargs: Any, weights: Weights, first: First) -> list[Term] | None:
        """The terms of a call by its rule, if it has one for these weights."""
        # What is written into a view is written into what it is a view of, and its gradient arrives there.
        if not weights or func not in RULES or (works_in_place(func) and args[0]._is_view()):
            return None
        try:
            uses = [use for use in RULES[func](first, *args, **kwargs) if id(use.parameter) in weights]
        except Unsupported:
            return None
        if {id(use.parameter) for use in uses} != set(weights):
            return None
        return [term for use in uses for term in weights[id(use.parameter)].terms(use)]

    def _without_rule(self, func: Any, args: Any, kwargs: Any, seen: Seen, data: list[tuple[Tensor, int]], weights: Weights) -> Any:
        """Makes another weight, or is left to the fallback."""
        uses = _uses(func, args, list(weights.values()))
        aliases = {id(use.weight.tensor): use.aliases[0] for use in uses}
        out = func(*replaced(args, aliases), **replaced(kwargs, aliases))
        result = written(func, args, out)
        outputs = differentiable(result)
        axes = self._axes.of(seen.outputs, outputs, sure=seen.sure)
        if weights and seen.alone and shapes_of(outputs) == seen.outputs:
            made = [t for t in outputs if not isinstance(t, nn.Parameter)]
            self._weights |= {id(t): Weight.made(t, list(weights.values())) for t in made}
        elif uses and func in EXPANSIONS and axes == [0]:  # each example has a copy of its own
            self.calls.append(Call(outputs, [term for use in uses for term in use.weight.terms(Added(use.weight.tensor))]))
        elif uses:
            result = self._leave_to(of_function(func, args, kwargs), data, result, axes, uses)
            out = out if works_in_place(func) else result
        if seen.alone:
            self.add_weights(differentiable(result))
        return out

    def _leave_to(self, again: Again | None, data: list[tuple[Tensor, int]], out: Any, axes: list[int | None], uses: list[Use]) -> Any:
        """Leave uses to a call without rules if the examples can be told apart in its output, to the module around it if not.

        Returns what is to take the place of the output.
        """
        found = [axis for axis in axes if axis is not None]
        if not axes or len(found) < len(axes):
            self._hand_on(uses)
            return out
        call = FallbackCall(again, data, out, found, uses)
        self.calls.append(call)
        return replaced(out, call.copies)

    def _hand_on(self, uses: list[Use]) -> None:
        """Leave uses to the module that is being called."""
        if self._frames:
            self._frames[-1].pending.extend(uses)

    def enter(self, module: nn.Module, args: Any) -> None:
        """When a module is called."""
        self._frames.append(Frame(module))

    def leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> Any:
        """When a module returns: uses that are still pending are left to the innermost module whose output carries the examples."""
        pending = self._close(module)
        if not torch.is_grad_enabled():  # the probe did not note it
            self._hand_on(pending)
            return out
        given, outputs = tensors_in((args, kwargs)), differentiable(out)
        seen = self._axes.next(module)
        inputs, axes = (self._axes.of(*pair, sure=seen.sure) for pair in ((seen.inputs, given), (seen.outputs, outputs)))
        if pending:
            out = self._leave_to(of_module(module, args, kwargs), _carrying(given, inputs), out, axes, pending)
        if not self._frames:
            self._settle(out, axes)
        return out

    def _close(self, module: nn.Module) -> list[Use]:
        """Pending uses of the module that returns, and of those in it that an exception ended, which the model caught."""
        pending: list[Use] = []
        while (frame := self._frames.pop()).module is not module:
            pending = frame.pending + pending
        return frame.pending + pending

    def _settle(self, out: Any, axes: list[int | None]) -> None:
        """When the model returns: keep the calls that it depends on, and leave to itself what happened out of sight, as in TorchScript."""
        if isinstance(out, Tensor) and not out.requires_grad:
            raise ValueError("model gives logits without a gradient: it must have a parameter in them, and torch.inference_mode be off")
        graph = Graph(differentiable(out))
        self.calls = graph.sorted_out(self.calls)
        uses = [id(term.parameter) for call in self.calls for term in call.terms]
        used = set(uses)
        self.detours = self.detours or len(uses) > len(used)  # the rows of two uses may be in another order, by a way that nobody saw
        if any(id(p) in used for p in self._transformed):
            raise ValueError(
                "a parameter is used both inside and outside of torch.vmap or another transform of torch.func: "
                "not all of its gradient can be seen; take moments_by_loop of tsla.empirics.moments.one_by_one"
            )
        unseen = [p for p in self._tracked if id(p) in graph.parameters and id(p) not in used]
        if unseen:
            self._leave_to(None, [], out, axes, [Use(self._weights[id(p)], [p]) for p in unseen])
        for call in self.calls:
            call.deaf = False
            if isinstance(call, FallbackCall):
                call.inside = self.calls


def _first(fronts: dict[int, First]) -> First:
    """Moves the examples of a tensor in front, as that of its id does."""

    def first(tensor: Tensor) -> Tensor:
        if id(tensor) not in fronts:
            raise Unsupported
        return fronts[id(tensor)](tensor)

    return first


def _front(axis: int) -> First:
    return lambda tensor: tensor if axis == 0 else tensor.movedim(axis, 0)


def _carrying(tensors: list[Tensor], axes: list[int | None]) -> list[tuple[Tensor, int]]:
    return [(t, axis) for t, axis in zip(tensors, axes, strict=True) if axis is not None]


def _uses(func: Any, args: Any, weights: list[Weight]) -> list[Use]:
    """These weights with an alias each, but for reading an attribute, and for what is written into."""
    if reads_an_attribute(func):
        return []
    return [Use(w, [alias_of(w.tensor)]) for w in weights if not (works_in_place(func) and args[0] is w.tensor)]
