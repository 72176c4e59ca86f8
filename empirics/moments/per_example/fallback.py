"""Per-example gradients through any call: torch.func on that call alone, or one backward pass through it for each example."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.func import functional_call, vjp, vmap

from tsla.empirics.models.state import buffer_copies
from tsla.empirics.moments.per_example.call import Call, differentiable, replaced, tensors_in
from tsla.empirics.moments.per_example.functions import works_in_place
from tsla.empirics.moments.per_example.precision import autocast_as_now
from tsla.empirics.moments.per_example.terms import Formed, accumulable, sum_of
from tsla.empirics.moments.per_example.weights import Weight

Again = Callable[[Mapping[int, Tensor]], Any]  # makes the call once more, with other tensors for those of these ids


@dataclass(frozen=True)
class Use:
    """A weight in a call. ``aliases`` took its place there and nowhere else, so that their gradients are those of this call alone."""

    weight: Weight
    aliases: list[Tensor]


class FallbackCall(Call):
    """A call whose weights have no rule. ``data`` are its inputs that carry the examples, with their dimension; outputs do along ``axes``.

    ``again`` is None where the call can't be repeated, because it overwrote its input. One of several outputs may have been made of
    another: ``copies`` are to take their places, by id, so that each gets the gradient of what comes after the call alone.
    """

    def __init__(self, again: Again | None, data: list[tuple[Tensor, int]], out: Any, axes: Sequence[int], uses: list[Use]) -> None:
        found = tensors_in(out)
        outputs = differentiable(out)
        self._places = [next(i for i, other in enumerate(found) if other is t) for t in outputs]
        self._ends = [get_gradient_edge(t) for t in outputs]
        self._roots = {id(t) for t in outputs}
        self.copies = {id(t): t.clone() for t in outputs} if len(outputs) > 1 else {}
        self._formed = [Formed(use.weight.tensor) for use in uses]
        terms = [term for use, formed in zip(uses, self._formed, strict=True) for term in use.weight.terms(formed)]
        super().__init__([self.copies.get(id(t), t) for t in outputs], terms)
        self._autocast = autocast_as_now()
        self.again, self.data, self.axes, self.uses = again, data, axes, uses
        self.inside: Sequence[Call] = ()  # what may be met on the way when the backward pass goes through this call again

    def hear_last(self, tensor: Tensor) -> None:
        """But for a tensor from whose place in the graph it goes backwards again, which meets the hooks again."""
        if id(tensor) not in self._roots:
            super().hear_last(tensor)

    @property
    def at_once(self) -> bool:
        """Not at once: the call goes through its part of the graph again."""
        return False

    def forget(self) -> None:
        """Let go of the other calls, too: among them is this one."""
        super().forget()
        self.again, self.data, self.uses, self.inside, self.copies = None, [], [], (), {}
        self._ends, self._formed = [], []

    def deliver(self, gradients: list[Tensor], label: int) -> None:
        """Form the gradients of the examples for the label."""
        with torch.enable_grad(), self._others_deaf(), self._autocast():
            each = self._vectorised(self.again, gradients) if self.again is not None and self.data else None
            each = each or self._one_by_one(gradients)
        for formed, gradient in zip(self._formed, each, strict=True):
            formed.receive(gradient, label)

    @contextmanager
    def _others_deaf(self) -> Iterator[None]:
        for call in self.inside:
            call.deaf = True
        try:
            yield
        finally:
            for call in self.inside:
                call.deaf = False

    def _vectorised(self, again: Again, gradients: Sequence[Tensor]) -> list[Tensor] | None:
        """By repeating the call under vmap; None where that can't be done or comes out otherwise: Dropout draws anew, for example."""
        keys = [id(use.weight.tensor) for use in self.uses]
        values = [use.weight.tensor.detach() for use in self.uses]

        def one(data: list[Tensor], D: list[Tensor]) -> Sequence[Tensor]:
            given = {id(t): x.unsqueeze(axis) for (t, axis), x in zip(self.data, data, strict=True)}

            def call(*weights: Tensor) -> tuple[Tensor, ...]:
                found = tensors_in(again(given | dict(zip(keys, weights, strict=True))))
                return tuple(found[i] for i in self._places)

            pull: Callable[..., Sequence[Tensor]] = vjp(call, *values)[1]
            return pull(tuple(d.unsqueeze(axis) for d, axis in zip(D, self.axes, strict=True)))

        try:
            data = [t.detach().movedim(axis, 0) for t, axis in self.data]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of functions that vmap repeats for each example, which is no slower than what is left
                formed = list(vmap(one)(data, [D.movedim(axis, 0) for D, axis in zip(gradients, self.axes, strict=True)]))
        except Exception:  # no batching rule, control flow on values, sizes written into the call, whatever a module may check, ...
            return None
        return formed if self._adds_up(formed, gradients) else None

    def _adds_up(self, formed: list[Tensor], gradients: Sequence[Tensor]) -> bool:
        """Whether the gradients of the examples add up to that of the call as it was made."""
        total = self._backward(gradients)
        for each, expected in zip(formed, total, strict=True):
            each = accumulable(each)
            tolerance = torch.finfo(gradients[0].dtype).eps ** 0.5 * each.norm()
            if (each.sum(0) - expected).norm() > tolerance:
                return False
        return True

    def _one_by_one(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """One backward pass through the call as it was made for each example: with the gradients of the other outputs set to 0."""
        n = gradients[0].shape[self.axes[0]]
        rows = []
        for i in range(n):
            alone = [torch.zeros_like(D) for D in gradients]
            for zero, D, axis in zip(alone, gradients, self.axes, strict=True):
                zero.select(axis, i).copy_(D.select(axis, i))
            rows.append(self._backward(alone))
        return [torch.stack(column) for column in zip(*rows, strict=True)]

    def _backward(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        aliases = [alias for use in self.uses for alias in use.aliases]
        found = iter(torch.autograd.grad(self._ends, aliases, gradients, retain_graph=True, materialize_grads=True))
        return [sum_of([next(found) for _ in use.aliases]) for use in self.uses]


def of_function(func: Any, args: Any, kwargs: Any) -> Again | None:
    """A torch function, once more; None for those that work in place."""
    if works_in_place(func):
        return None
    return lambda new: func(*replaced(args, new, Tensor.detach), **replaced(kwargs, new, Tensor.detach))


def of_module(module: nn.Module, args: Any, kwargs: Any) -> Again:
    """A module, once more, with buffers of its own to update."""
    names: dict[int, list[str]] = {}
    for name, p in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(p), []).append(name)
    buffers = buffer_copies(module)

    def again(new: Mapping[int, Tensor]) -> Any:
        parameters = {name: new[key] for key, known in names.items() if key in new for name in known}
        own = {name: buffer.clone() for name, buffer in buffers.items()}
        with _attributes_kept(module):
            return functional_call(module, parameters | own, replaced(args, new, Tensor.detach), replaced(kwargs, new, Tensor.detach))

    return again


@contextmanager
def _attributes_kept(module: nn.Module) -> Iterator[None]:
    """What layers store in themselves is put back: an attention map from under vmap is of no use to anybody."""
    before = [(part, dict(vars(part))) for part in module.modules()]
    try:
        yield
    finally:
        for part, attributes in before:
            vars(part).clear()
            vars(part).update(attributes)
