"""One forward pass under watch: which call uses which parameters, and where the examples lie in what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode

from empirics.per_example import convolution, linear, normalisation
from empirics.per_example.call import Call, tensors_in
from empirics.per_example.fallback import Again, FallbackCall, of_function, of_module
from empirics.per_example.terms import Term, Unsupported

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


@dataclass(frozen=True)
class Seen:
    """Shapes of what went into and came out of a call."""

    what: object
    shapes: list[torch.Size]


class Tape(TorchFunctionMode):
    """Watches a forward pass of ``examples`` examples for the uses of the ``tracked`` parameters.

    ``probe`` is a tape of a pass of another number of examples: the dimension that differs is that of the examples. Without a probe
    nothing is noted but the shapes, ``seen``. ``calls`` are those that use parameters, in their order.
    """

    def __init__(self, tracked: Sequence[nn.Parameter], examples: int, probe: Tape | None = None) -> None:
        super().__init__()
        self.tracked, self.examples, self.probe = {id(p): p for p in tracked}, examples, probe
        self.seen: list[Seen] = []
        self.calls: list[Call] = []
        self._pending: dict[int, nn.Parameter] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func``; where it uses parameters, note what they contribute."""
        kwargs = kwargs or {}
        if isinstance(func, FunctionType):  # written in Python: what counts happens inside
            with self:
                return _opened(func)(*args, **kwargs)
        out = func(*args, **kwargs)
        used = [self.tracked[id(t)] for t in tensors_in((args, kwargs)) if id(t) in self.tracked]
        if used and any(t.requires_grad for t in tensors_in(out)):
            self._note(func, args, kwargs, out, used)
        return out

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within this context the tape sees every torch function and every module's return; nothing is left behind."""
        handle = register_module_forward_hook(self._leave, with_kwargs=True)
        try:
            with self:
                yield
        finally:
            handle.remove()

    def _note(self, func: Any, args: Any, kwargs: Any, out: Any, used: list[nn.Parameter]) -> None:
        """One call that uses parameters: by its rule; or without one; or, if its output is made of parameters alone, by a module's."""
        inputs, outputs = self._axes(func, (args, kwargs), out)
        if self.probe is None:
            return
        if any(axis is None for axis in outputs):
            self._pending |= {id(p): p for p in used}
            return

        def first(tensor: Tensor) -> Tensor:
            axis = inputs.get(id(tensor))
            if axis is None:
                raise Unsupported
            return tensor if axis == 0 else tensor.movedim(axis, 0)

        try:
            terms = [term for term in RULES[func](first, *args, **kwargs) if id(term.parameter) in self.tracked]
            source = not any(t.requires_grad and id(t) not in self.tracked for t in tensors_in((args, kwargs)))
            self.calls.append(Call([out], [outputs[0] or 0], terms, source=source))
        except (KeyError, Unsupported):
            self._fall_back(of_function(func, args, kwargs), (args, kwargs), inputs, out, outputs, used)

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        """When a module returns: parameters that are still pending are left to the innermost module whose output carries the examples."""
        inputs, outputs = self._axes(module, (args, kwargs), out)
        if not self._pending or not outputs or any(axis is None for axis in outputs):
            return
        own = {id(p) for p in module.parameters()}
        parameters = [p for key, p in self._pending.items() if key in own]
        if parameters:
            self._pending = {key: p for key, p in self._pending.items() if key not in own}
            self._fall_back(of_module(module, args, kwargs), (args, kwargs), inputs, out, outputs, parameters)

    def _fall_back(
        self,
        again: Again | None,
        given: Any,
        inputs: dict[int, int | None],
        out: Any,
        outputs: list[int | None],
        parameters: list[nn.Parameter],
    ) -> None:
        data = [(t, axis) for t in tensors_in(given) if (axis := inputs[id(t)]) is not None]
        self.calls.append(FallbackCall(again, data, out, [axis or 0 for axis in outputs], parameters))

    def _axes(self, what: object, given: Any, out: Any) -> tuple[dict[int, int | None], list[int | None]]:
        """Dimensions of the examples: in the inputs, by id, and in the outputs that have a gradient. None where there is none."""
        inputs, outputs = tensors_in(given), [t for t in tensors_in(out) if t.requires_grad]
        now = Seen(what, [t.shape for t in (*inputs, *outputs)])
        self.seen.append(now)
        if self.probe is None:
            return {}, []
        before = self.probe.seen[len(self.seen) - 1] if len(self.seen) <= len(self.probe.seen) else None
        if before is None or before.what is not what or len(before.shapes) != len(now.shapes):
            raise ValueError("model takes another path for another number of examples: per-example gradients are not defined")
        axes = [self._axis(self.probe.examples, old, new) for old, new in zip(before.shapes, now.shapes, strict=True)]
        return {id(t): axis for t, axis in zip(inputs, axes, strict=False)}, axes[len(inputs) :]

    def _axis(self, examples_before: int, old: torch.Size, new: torch.Size) -> int | None:
        """The one dimension that grew with the number of examples."""
        changed = [d for d, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
        if len(old) == len(new) and len(changed) == 1 and (old[changed[0]], new[changed[0]]) == (examples_before, self.examples):
            return changed[0]
        return None


@cache
def _opened(func: FunctionType) -> FunctionType:
    """The same function, which does not hand itself over to the mode that called it, as functions of torch written in Python do first."""
    blind = dict.fromkeys(("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"), lambda *_: False)
    opened = FunctionType(func.__code__, func.__globals__ | blind, func.__name__, func.__defaults__, func.__closure__)
    opened.__kwdefaults__ = func.__kwdefaults__
    return opened
