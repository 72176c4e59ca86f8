"""One forward pass under watch: which call uses which parameters, and where the examples lie in what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example import convolution, linear, normalisation
from tsla.empirics.moments.per_example.call import Call, alias_of, differentiable, replaced, tensors_in
from tsla.empirics.moments.per_example.fallback import Again, FallbackCall, Use, of_function, of_module, works_in_place
from tsla.empirics.moments.per_example.graph import Graph
from tsla.empirics.moments.per_example.terms import Term, Unsupported
from tsla.empirics.moments.per_example.watch import Watch
from tsla.empirics.moments.per_example.weights import Weight

# torch function -> its rule, which takes the same arguments. Everything else that layers do is made of these.
RULES: dict[Any, Callable[..., list[Term]]] = {
    nn.functional.linear: linear.linear,
    torch.embedding: linear.embedding,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__, Tensor.add_), linear.add),
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), convolution.convolution),
    torch.layer_norm: normalisation.layer_norm,
    torch.rms_norm: normalisation.rms_norm,
}
# torch function -> the same, with a copy of the parameters for each example, at no more cost.
WITH_ONE_EACH: dict[Any, Callable[..., tuple[Tensor, list[normalisation.Each]]]] = {
    torch.group_norm: normalisation.group_norm,
    torch.batch_norm: normalisation.batch_norm,
    torch.instance_norm: normalisation.instance_norm,
}

_OTHER_PATH = (
    "model takes another path for another number of examples, so that they can't be told apart in a batch; "
    "tsla.empirics.moments.one_by_one takes them one at a time"
)
# The sizes of what these return, or of what is cut with it, depend on values: as many rows as there are examples may be chance.
_SIZED_BY_VALUES = {
    *(torch.nonzero, torch.argwhere, torch.masked_select, torch.unique_consecutive, torch._unique2, torch._pack_padded_sequence),
    *(Tensor.nonzero, Tensor.argwhere, Tensor.masked_select, Tensor.unique_consecutive),
    *(Tensor.item, Tensor.tolist, Tensor.__int__, Tensor.__index__),
}
# What lets the gradient be another than the derivative of the value; hooks on tensors ask for `grad_fn`.
_DETOURS = {Tensor.detach, torch.detach, Tensor.detach_, torch.detach_, Tensor.data.__get__, Tensor.grad_fn.__get__}  # type: ignore[attr-defined, union-attr]


@dataclass(frozen=True)
class Seen:
    """A call of a function that was given a weight, or of a module: shapes of what went in, and of what came out and has a gradient.

    ``alone`` says that nothing of the examples went in, as far as could be seen; ``sure`` that no size had come to depend on values.
    """

    what: object
    inputs: list[torch.Size]
    outputs: list[torch.Size]
    alone: bool
    sure: bool = True


@dataclass
class Frame:
    """A module that is being called, and uses of weights in it whose outputs the examples can't be told apart in."""

    module: nn.Module
    pending: list[Use] = field(default_factory=list)


class Tape(Watch):
    """Watches a forward pass of ``examples`` examples for the uses of the ``tracked`` parameters.

    ``probe`` is a tape of a pass of another number of examples: the dimension that differs is that of the examples. Without a probe
    nothing is noted but what was ``seen``, and whether there were ``detours``: custom autograd functions, hooks, and detached values, after
    which gradients may be others than the derivatives of the logits. ``calls`` are those that use parameters, in their order.
    """

    def __init__(self, tracked: Sequence[nn.Parameter], examples: int, probe: Tape | None = None) -> None:
        super().__init__()
        if any(p.is_complex() for p in tracked):
            raise ValueError("a parameter is complex: hold its real and imaginary parts as one real parameter, with torch.view_as_complex")
        self.tracked, self.examples, self.exploring = list(tracked), examples, probe is None
        self.seen: list[Seen] = []
        self.detours = False
        self.calls: list[Call] = []
        self._seen_before, self._examples_before = ([], 0) if probe is None else (probe.seen, probe.examples)
        # By id, and kept, so that the id stays theirs: parameters and what is made of them alone; the same, or what only looks like it in
        # the probe; and there, what is made of the examples.
        self._weights = {id(p): Weight(p, (p,)) for p in tracked}
        self._watched: dict[int, Tensor] = {id(p): p for p in tracked}
        self._data: dict[int, Tensor] = {}
        self._frames: list[Frame] = []
        self._sure = True
        self._transformed: set[nn.Parameter] = set()  # used inside of a transform of torch.func

    def is_parameter(self, key: int) -> bool:
        """Whether this is the id of a parameter, or of what was made of parameters."""
        return key in self._watched

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call ``func``; where it uses parameters, note what they contribute."""
        given = tensors_in((args, kwargs))
        if self.exploring and _is_detour(func):
            self.detours = True
        if _is_transformed():
            self._transformed |= {p for t in given for p in self._parameters_of(_unwrapped(t))}
            return func(*args, **kwargs)
        watched = torch.is_grad_enabled() and any(id(t) in self._watched for t in given)
        if self.exploring:
            return self._explore(func, args, kwargs, given, watched=watched)
        return self._note(func, args, kwargs, given) if watched else func(*args, **kwargs)

    def _parameters_of(self, tensor: Tensor) -> tuple[nn.Parameter, ...]:
        weight = self._weights.get(id(tensor))
        return () if weight is None else weight.parameters

    def _explore(self, func: Any, args: Any, kwargs: Any, given: list[Tensor], *, watched: bool) -> Any:
        """A call in the probe."""
        out = func(*args, **kwargs)
        alone = not any(id(t) in self._data for t in given)
        self._sure = self._sure and (alone or not _is_sized_by_values(func, args, kwargs))
        if watched:
            outputs = differentiable(_written(func, args, out))
            self.seen.append(Seen(func, _shapes(given), _shapes(outputs), alone, self._sure))
            if alone:
                self._watched |= {id(t): t for t in outputs}
        if not alone:
            self._data |= {id(t): t for t in tensors_in(out)}
        return out

    def _note(self, func: Any, args: Any, kwargs: Any, given: list[Tensor]) -> Any:
        """A call of all the examples: by its rule; or without one; or, if its output does not tell the examples apart, by a module's."""
        seen = self._next(func)
        inputs = self._axes(seen.inputs, given, sure=seen.sure)
        weights = {id(t): self._weights[id(t)] for t in given if id(t) in self._weights}
        first = _first({id(t): axis for t, axis in zip(given, inputs, strict=True)})
        if func in WITH_ONE_EACH and weights:
            try:
                return self._with_one_each(WITH_ONE_EACH[func](first, *args, **kwargs), weights)
            except Unsupported:
                pass
        terms = self._terms(func, args, kwargs, weights, first)
        uses = [] if terms is not None else _uses(func, args, list(weights.values()))
        aliases = {id(use.weight.tensor): use.aliases[0] for use in uses}
        out = func(*replaced(args, aliases), **replaced(kwargs, aliases))
        written = _written(func, args, out)
        outputs = differentiable(written)
        axes = self._axes(seen.outputs, outputs, sure=seen.sure)
        if terms is not None:
            self.calls.append(Call(outputs, [axis or 0 for axis in axes], terms))
        elif weights and seen.alone and _shapes(outputs) == seen.outputs:
            made = [t for t in outputs if not isinstance(t, nn.Parameter)]
            self._weights |= {id(t): Weight.made(t, list(weights.values())) for t in made}
        elif uses:
            written = self._leave_to(of_function(func, args, kwargs), _carrying(given, inputs), written, axes, uses)
            out = out if works_in_place(func) else written
        if seen.alone:
            self._watched |= {id(t): t for t in differentiable(written)}
        return out

    def _with_one_each(self, done: tuple[Tensor, list[normalisation.Each]], weights: dict[int, Weight]) -> Tensor:
        """What a call with a copy of the parameters for each example returned. That each copy has a gradient of its own is noted."""
        out, copies = done
        for tensor, each in copies:
            if id(tensor) in weights:
                self.calls.append(Call([each], [0], weights[id(tensor)].terms(linear.Added(weights[id(tensor)].tensor))))
        return out

    def _terms(self, func: Any, args: Any, kwargs: Any, weights: dict[int, Weight], first: linear.First) -> list[Term] | None:
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

    def _leave_to(self, again: Again | None, data: list[tuple[Tensor, int]], out: Any, axes: list[int | None], uses: list[Use]) -> Any:
        """Leave uses to a call without rules if the examples can be told apart in its output, to the module around it if not.

        Returns what is to take the place of the output.
        """
        found = [axis for axis in axes if axis is not None]
        if not axes or len(found) < len(axes):
            if self._frames:
                self._frames[-1].pending.extend(uses)
            return out
        call = FallbackCall(again, data, out, found, uses)
        self.calls.append(call)
        return replaced(out, call.copies)

    def enter(self, module: nn.Module, args: Any) -> None:
        """When a module is called: what the model is called with are the examples."""
        if not self._frames:
            self._data |= {id(t): t for t in tensors_in(args)}
        if module._backward_hooks or module._backward_pre_hooks or isinstance(module, torch.jit.ScriptModule):
            self.detours = True
        self._frames.append(Frame(module))

    def leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> Any:
        """When a module returns: uses that are still pending are left to the innermost module whose output carries the examples."""
        given, outputs = tensors_in((args, kwargs)), differentiable(out)
        pending = self._close(module)
        if self.exploring:
            # The model itself got the examples as they are, and its logits are theirs.
            self.seen.append(Seen(module, _shapes(given), _shapes(outputs), alone=False, sure=self._sure or not self._frames))
            if any(id(t) in self._data for t in given):
                self._data |= {id(t): t for t in tensors_in(out)}
            if not self._frames:
                self._data, self._watched = {}, {}  # they are memory
            return out
        seen = self._next(module)
        inputs, axes = self._axes(seen.inputs, given, sure=seen.sure), self._axes(seen.outputs, outputs, sure=seen.sure)
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
            raise ValueError("model gives logits without a gradient: none of its parameters is in them, or torch.inference_mode is on")
        graph = Graph(differentiable(out))
        self.calls = graph.sorted_out(self.calls)
        used = {id(term.parameter) for call in self.calls for term in call.terms}
        if any(id(p) in used for p in self._transformed):
            raise ValueError(
                "a parameter is used both inside and outside of torch.vmap or another transform of torch.func: "
                "not all of its gradient can be seen; tsla.empirics.moments.one_by_one can"
            )
        unseen = [p for p in self.tracked if id(p) in graph.parameters and id(p) not in used]
        if unseen:
            self._leave_to(None, [], out, axes, [Use(self._weights[id(p)], [p]) for p in unseen])
        for call in self.calls:
            if isinstance(call, FallbackCall):
                call.inside = self.calls

    def _next(self, what: object) -> Seen:
        """What the probe saw at this point."""
        position = len(self.seen)
        before = self._seen_before[position : position + 1]
        if not before or before[0].what != what:
            raise ValueError(_OTHER_PATH)
        self.seen += before
        return before[0]

    def _axes(self, before: list[torch.Size], tensors: list[Tensor], *, sure: bool) -> list[int | None]:
        """Dimensions of the examples, None where there is none."""
        if len(before) != len(tensors):
            raise ValueError(_OTHER_PATH)
        return [self._axis(old, t.shape) if sure else None for old, t in zip(before, tensors, strict=True)]

    def _axis(self, old: torch.Size, new: torch.Size) -> int | None:
        """The one dimension that grew with the number of examples."""
        changed = [d for d, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
        if len(old) == len(new) and len(changed) == 1 and (old[changed[0]], new[changed[0]]) == (self._examples_before, self.examples):
            return changed[0]
        return None


def _first(axes: dict[int, int | None]) -> linear.First:
    """Moves the examples of a tensor in front."""

    def first(tensor: Tensor) -> Tensor:
        axis = axes.get(id(tensor))
        if axis is None:
            raise Unsupported
        return tensor if axis == 0 else tensor.movedim(axis, 0)

    return first


def _is_sized_by_values(func: Any, args: Any, kwargs: Any) -> bool:
    others = tensors_in((args[1:], kwargs))
    if func is Tensor.__getitem__:
        return any(t.dtype in (torch.bool, torch.uint8) for t in others)
    if func in (torch.repeat_interleave, Tensor.repeat_interleave):
        return bool(others) or len(args) == 1
    return func in _SIZED_BY_VALUES or (func is torch.where and not others)


def _is_detour(func: Any) -> bool:
    owner = getattr(func, "__self__", None)
    custom = isinstance(owner, type) and issubclass(owner, torch.autograd.Function)
    return custom or func in _DETOURS or not torch.is_grad_enabled() or _is_transformed()


def _is_transformed() -> bool:
    return torch._C._functorch.peek_interpreter_stack() is not None


def _unwrapped(tensor: Tensor) -> Tensor:
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


def _shapes(tensors: list[Tensor]) -> list[torch.Size]:
    return [t.shape for t in tensors]


def _carrying(tensors: list[Tensor], axes: list[int | None]) -> list[tuple[Tensor, int]]:
    return [(t, axis) for t, axis in zip(tensors, axes, strict=True) if axis is not None]


def _written(func: Any, args: Any, out: Any) -> Any:
    """What a call returned; or, where it writes into a view, what that is a view of: gradients of both arrive there."""
    if not works_in_place(func):
        return out
    return args[0]._base if args[0]._is_view() else args[0]


def _uses(func: Any, args: Any, weights: list[Weight]) -> list[Use]:
    """These weights with an alias each, but for reading an attribute, and for what is written into."""
    if getattr(func, "__name__", "") == "__get__":
        return []
    return [Use(w, [alias_of(w.tensor)]) for w in weights if not (works_in_place(func) and args[0] is w.tensor)]
