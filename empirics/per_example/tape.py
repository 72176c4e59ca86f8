"""One forward pass under watch: which call uses which parameters, and where the examples lie in what goes in and comes out."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, wraps
from types import FunctionType
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _global_forward_hooks_with_kwargs, register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from empirics.per_example import convolution, linear, normalisation
from empirics.per_example.call import Call, replaced, tensors_in
from empirics.per_example.fallback import Again, FallbackCall, Use, of_function, of_module, works_in_place
from empirics.per_example.graph import Graph
from empirics.per_example.terms import Term, Unsupported
from empirics.per_example.weights import Weight

# torch function -> its rule, which takes the same arguments. Everything else that layers do is made of these.
RULES: dict[Any, Callable[..., list[Term]]] = {
    nn.functional.linear: linear.linear,
    torch.embedding: linear.embedding,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__, Tensor.add_), linear.add),
    **dict.fromkeys((torch.conv1d, torch.conv2d, torch.conv3d), convolution.convolution),
    torch.group_norm: normalisation.group_norm,
    torch.layer_norm: normalisation.layer_norm,
    torch.rms_norm: normalisation.rms_norm,
    torch.batch_norm: normalisation.batch_norm,
    torch.instance_norm: normalisation.instance_norm,
}

_OTHER_PATH = "model takes another path for another number of examples: per-example gradients are not defined"


@dataclass(frozen=True)
class Seen:
    """A call of a function that was given a weight, or of a module: shapes of what went in, and of what came out and has a gradient.

    ``alone`` says that nothing of the examples went in, as far as could be seen.
    """

    what: object
    inputs: list[torch.Size]
    outputs: list[torch.Size]
    alone: bool


@dataclass
class Frame:
    """A module that is being called, and uses of weights in it whose outputs the examples can't be told apart in."""

    module: nn.Module
    pending: list[Use] = field(default_factory=list)


class Tape(TorchFunctionMode):
    """Watches a forward pass of ``examples`` examples for the uses of the ``tracked`` parameters.

    ``probe`` is a tape of a pass of another number of examples: the dimension that differs is that of the examples. Without a probe
    nothing is noted but what was ``seen``. ``calls`` are those that use parameters, in their order.
    """

    def __init__(self, tracked: Sequence[nn.Parameter], examples: int, probe: Tape | None = None) -> None:
        super().__init__()
        self.tracked, self.examples, self.probe = list(tracked), examples, probe
        self.seen: list[Seen] = []
        self.calls: list[Call] = []
        # By id, and kept, so that the id stays theirs: parameters and what is made of them alone; the same, or what only looks like it in
        # the probe; and there, what is made of the examples.
        self._weights = {id(p): Weight(p, (p,)) for p in tracked}
        self._watched: dict[int, Tensor] = {id(p): p for p in tracked}
        self._data: dict[int, Tensor] = {}
        self._open: list[FunctionType] = []  # a function that hands itself over again on its way has no parameters: pooling does so
        self._inside: set[int] | None = None  # what the custom autograd function that runs was given
        self._frames: list[Frame] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func``; where it uses parameters, note what they contribute."""
        kwargs = kwargs or {}
        if self._inside is not None:
            self._refuse_hidden(tensors_in((args, kwargs)), self._inside)
            return func(*args, **kwargs)
        if isinstance(func, FunctionType) and func not in self._open:  # written in Python: what counts happens inside
            self._open.append(func)
            try:
                with self:
                    return _opened(func)(*args, **kwargs)
            finally:
                self._open.pop()
        return self._call(func, args, kwargs)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within this context the tape sees every torch function and every module's call and return; nothing is left behind."""
        with ExitStack() as stack:
            enter, leave = _out_of_sight(self._enter), _out_of_sight(self._leave)
            stack.callback(register_module_forward_pre_hook(enter).remove)
            handle = register_module_forward_hook(leave, with_kwargs=True)
            stack.callback(_global_forward_hooks_with_kwargs.pop, handle.id, None)  # which `remove` forgets
            stack.callback(handle.remove)
            stack.enter_context(_eagerly())
            stack.enter_context(mock.patch.object(torch.autograd.Function, "apply", self._of_custom_functions()))
            stack.enter_context(self)
            yield

    def _of_custom_functions(self) -> Any:
        """``torch.autograd.Function.apply``, which torch does not hand over to a mode."""
        apply = torch.autograd.Function.__dict__["apply"].__func__

        def watched(cls: type, *args: Any, **kwargs: Any) -> Any:
            self._inside = {id(t) for t in tensors_in((args, kwargs))}
            try:
                return self._call(apply.__get__(cls), args, kwargs)
            finally:
                self._inside = None

        return classmethod(watched)

    def _refuse_hidden(self, tensors: list[Tensor], given: set[int]) -> None:
        """No gradient of a parameter comes out of a function that was not given it: the function adds it to ``.grad`` by itself."""
        if any(id(t) in self._weights and id(t) not in given for t in tensors):
            raise ValueError(
                "a custom autograd function uses parameters that it was not given, as torch.utils.checkpoint does with use_reentrant=True: "
                "their gradients can't be seen; choose use_reentrant=False"
            )

    def _call(self, func: Any, args: Any, kwargs: Any) -> Any:
        given = tensors_in((args, kwargs))
        watched = torch.is_grad_enabled() and any(id(t) in self._watched for t in given)
        if self.probe is None:
            return self._explore(func, args, kwargs, given, watched=watched)
        return self._watch(func, args, kwargs, given) if watched else func(*args, **kwargs)

    def _explore(self, func: Any, args: Any, kwargs: Any, given: list[Tensor], *, watched: bool) -> Any:
        """A call in the probe."""
        out = func(*args, **kwargs)
        alone = not any(id(t) in self._data for t in given)
        if watched:
            outputs = _differentiable(_written(func, args, out))
            self.seen.append(Seen(func, _shapes(given), _shapes(outputs), alone))
            if alone:
                self._watched |= {id(t): t for t in outputs}
        if not alone:
            self._data |= {id(t): t for t in tensors_in(out)}
        return out

    def _watch(self, func: Any, args: Any, kwargs: Any, given: list[Tensor]) -> Any:
        """A call of all the examples: by its rule; or without one; or, if its output does not tell the examples apart, by a module's."""
        seen = self._next(func)
        inputs = self._axes(seen.inputs, given)
        weights = {id(t): self._weights[id(t)] for t in given if id(t) in self._weights}
        terms = self._terms(func, args, kwargs, weights, {id(t): axis for t, axis in zip(given, inputs, strict=True)})
        uses = [] if terms is not None or _reads_an_attribute(func) else [Use(w, [_alias(w.tensor)]) for w in weights.values()]
        aliases = {id(use.weight.tensor): use.aliases[0] for use in uses}
        out = func(*replaced(args, aliases), **replaced(kwargs, aliases))
        written = _written(func, args, out)
        outputs = _differentiable(written)
        axes = self._axes(seen.outputs, outputs)
        if seen.alone:
            self._watched |= {id(t): t for t in outputs}
        if terms is not None:
            self.calls.append(Call(outputs, [axis or 0 for axis in axes], terms))
        elif seen.alone and _shapes(outputs) == seen.outputs:
            self._weights |= {id(t): Weight.made(t, list(weights.values())) for t in outputs if weights and id(t) not in weights}
        elif uses and not self._fall_back(of_function(func, args, kwargs), _carrying(given, inputs), written, axes, uses):
            self._frames[-1].pending.extend(uses)
        return out

    def _terms(self, func: Any, args: Any, kwargs: Any, weights: dict[int, Weight], inputs: dict[int, int | None]) -> list[Term] | None:
        """The terms of a call by its rule, if it has one for these weights."""

        def first(tensor: Tensor) -> Tensor:
            axis = inputs.get(id(tensor))
            if axis is None:
                raise Unsupported
            return tensor if axis == 0 else tensor.movedim(axis, 0)

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

    def _fall_back(self, again: Again | None, data: list[tuple[Tensor, int]], out: Any, axes: list[int | None], uses: list[Use]) -> bool:
        """Note a call without rules, if the examples can be told apart in its output."""
        found = [axis for axis in axes if axis is not None]
        if not axes or len(found) < len(axes):
            return False
        self.calls.append(FallbackCall(again, data, out, found, uses))
        return True

    def _enter(self, module: nn.Module, args: Any) -> None:
        """When a module is called: what the model is called with are the examples."""
        if not self._frames:
            self._data |= {id(t): t for t in tensors_in(args)}
        self._frames.append(Frame(module))

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        """When a module returns: uses that are still pending are left to the innermost module whose output carries the examples."""
        given, outputs = tensors_in((args, kwargs)), _differentiable(out)
        pending = self._close(module)
        if self.probe is None:
            self.seen.append(Seen(module, _shapes(given), _shapes(outputs), alone=False))
            if any(id(t) in self._data for t in given):
                self._data |= {id(t): t for t in tensors_in(out)}
            return
        seen = self._next(module)
        inputs, axes = self._axes(seen.inputs, given), self._axes(seen.outputs, outputs)
        if pending and not self._fall_back(of_module(module, args, kwargs), _carrying(given, inputs), out, axes, pending) and self._frames:
            self._frames[-1].pending.extend(pending)
        if not self._frames:
            self._settle(out, outputs, axes)

    def _close(self, module: nn.Module) -> list[Use]:
        """Pending uses of the module that returns, and of those in it that an exception ended, which the model caught."""
        pending: list[Use] = []
        while (frame := self._frames.pop()).module is not module:
            pending = frame.pending + pending
        return frame.pending + pending

    def _settle(self, out: Any, outputs: list[Tensor], axes: list[int | None]) -> None:
        """When the model returns: keep the calls that it depends on, and leave to itself what happened out of sight, as in TorchScript."""
        graph = Graph(outputs)
        self.calls = graph.sorted_out(self.calls)
        used = {id(term.parameter) for call in self.calls for term in call.terms}
        unseen = [p for p in self.tracked if id(p) in graph.parameters and id(p) not in used]
        if unseen:
            self._fall_back(None, [], out, axes, [Use(self._weights[id(p)], [p]) for p in unseen])
        for call in self.calls:
            if isinstance(call, FallbackCall):
                call.inside = self.calls

    def _next(self, what: object) -> Seen:
        """What the probe saw at this point."""
        assert self.probe is not None
        position = len(self.seen)
        if position >= len(self.probe.seen) or self.probe.seen[position].what != what:
            raise ValueError(_OTHER_PATH)
        self.seen.append(self.probe.seen[position])
        return self.seen[-1]

    def _axes(self, before: list[torch.Size], tensors: list[Tensor]) -> list[int | None]:
        """Dimensions of the examples, None where there is none."""
        if len(before) != len(tensors):
            raise ValueError(_OTHER_PATH)
        return [self._axis(old, t.shape) for old, t in zip(before, tensors, strict=True)]

    def _axis(self, old: torch.Size, new: torch.Size) -> int | None:
        """The one dimension that grew with the number of examples."""
        assert self.probe is not None
        changed = [d for d, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
        if len(old) == len(new) and len(changed) == 1 and (old[changed[0]], new[changed[0]]) == (self.probe.examples, self.examples):
            return changed[0]
        return None


@contextmanager
def _eagerly() -> Iterator[None]:
    """Within this context what was compiled by ``torch.compile`` runs as it was written."""
    if "torch._dynamo" not in sys.modules:  # importing it takes seconds
        yield
        return
    with torch.compiler.set_stance("force_eager"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using `torch.compile", UserWarning)  # with global hooks, as there are here
        yield


def _out_of_sight(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, where no mode sees what it does."""

    @wraps(function)
    def unseen(*args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return function(*args, **kwargs)

    return unseen


@_out_of_sight
def _alias(tensor: Tensor) -> Tensor:
    return tensor.view_as(tensor)


def _shapes(tensors: list[Tensor]) -> list[torch.Size]:
    return [t.shape for t in tensors]


def _differentiable(tree: Any) -> list[Tensor]:
    return [t for t in tensors_in(tree) if t.requires_grad]


def _carrying(tensors: list[Tensor], axes: list[int | None]) -> list[tuple[Tensor, int]]:
    return [(t, axis) for t, axis in zip(tensors, axes, strict=True) if axis is not None]


def _written(func: Any, args: Any, out: Any) -> Any:
    """What a call returned; or, where it writes into a view, what that is a view of: gradients of both arrive there."""
    if not works_in_place(func):
        return out
    return args[0]._base if args[0]._is_view() else args[0]


def _reads_an_attribute(func: Any) -> bool:
    return getattr(func, "__name__", "") == "__get__"


@cache
def _opened(func: FunctionType) -> FunctionType:
    """The same function, which does not hand itself over to the mode that called it, as functions of torch written in Python do first."""
    blind = dict.fromkeys(("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), lambda *_: False)
    opened = FunctionType(func.__code__, func.__globals__ | blind, func.__name__, func.__defaults__, func.__closure__)
    opened.__kwdefaults__ = func.__kwdefaults__
    return opened
