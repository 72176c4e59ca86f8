"""Per-example gradients through any call: torch.func on that call alone, or one backward pass through it for each example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from empirics.per_example.call import Call, tensors_in
from empirics.per_example.terms import Formed, accumulable

Again = Callable[[Mapping[int, Tensor]], Any]  # makes the call once more, with other tensors for those of these ids


class FallbackCall(Call):
    """A call whose parameters have no rule. ``data`` are its inputs that carry the examples, with their dimension.

    ``again`` is None where the call can't be repeated, because it overwrote its input.
    """

    def __init__(
        self, again: Again | None, data: list[tuple[Tensor, int]], out: Any, axes: Sequence[int], parameters: list[nn.Parameter]
    ) -> None:
        found = tensors_in(out)
        self._differentiable = [i for i, t in enumerate(found) if t.requires_grad]
        super().__init__([found[i] for i in self._differentiable], axes, [Formed(p) for p in parameters], source=True)
        self.again, self.data, self.parameters = again, data, parameters

    @property
    def at_once(self) -> bool:
        """Not at once: the call goes through its part of the graph again."""
        return False

    def deliver(self, gradients: list[Tensor]) -> None:
        """Form the gradients of the examples for the next label."""
        with torch.enable_grad():
            formed = self._vectorised(gradients) if self.again is not None and self.data else None
            formed = formed or self._one_by_one(gradients)
        for term, gradient in zip(self.terms, formed, strict=True):
            term.receive(gradient)

    def _vectorised(self, gradients: Sequence[Tensor]) -> list[Tensor] | None:
        """By repeating the call under vmap; None where that can't be done or comes out otherwise: Dropout draws anew, for example."""
        keys = [id(p) for p in self.parameters]
        values = [p.detach() for p in self.parameters]

        def one(data: list[Tensor], D: list[Tensor]) -> Sequence[Tensor]:
            given = {id(t): x.unsqueeze(axis) for (t, axis), x in zip(self.data, data, strict=True)}

            def call(*parameters: Tensor) -> tuple[Tensor, ...]:
                assert self.again is not None
                found = tensors_in(self.again(given | dict(zip(keys, parameters, strict=True))))
                return tuple(found[i] for i in self._differentiable)

            pull: Callable[..., Sequence[Tensor]] = vjp(call, *values)[1]
            return pull(tuple(d.unsqueeze(axis) for d, axis in zip(D, self.axes, strict=True)))

        try:
            data = [t.detach().movedim(axis, 0) for t, axis in self.data]
            formed = list(vmap(one)(data, [D.movedim(axis, 0) for D, axis in zip(gradients, self.axes, strict=True)]))
        except (RuntimeError, ValueError, TypeError):  # no batching rule, control flow on values, sizes written into the call, ...
            return None
        return formed if self._adds_up(formed, gradients) else None

    def _adds_up(self, formed: list[Tensor], gradients: Sequence[Tensor]) -> bool:
        """Whether the gradients of the examples add up to that of the call as it was made."""
        total = self._backward(gradients)
        for each, expected in zip(formed, total, strict=True):
            each = accumulable(each)
            tolerance = torch.finfo(gradients[0].dtype).eps ** 0.5 * each.square().sum().sqrt()
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

    def _backward(self, gradients: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return torch.autograd.grad(self.edges, self.parameters, gradients, retain_graph=True, materialize_grads=True)


def of_function(func: Any, args: Any, kwargs: Any) -> Again | None:
    """A torch function, once more; None for those that work in place."""
    name = getattr(func, "__name__", "")
    if name.startswith("__i") or (name.endswith("_") and not name.endswith("__")):
        return None
    return lambda new: func(*_replaced(args, new), **_replaced(kwargs, new))


def of_module(module: nn.Module, args: Any, kwargs: Any) -> Again:
    """A module, once more, with buffers of its own to update."""
    names: dict[int, list[str]] = {}
    for name, p in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(p), []).append(name)
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}

    def again(new: Mapping[int, Tensor]) -> Any:
        parameters = {name: new[key] for key, known in names.items() if key in new for name in known}
        own = {name: buffer.clone() for name, buffer in buffers.items()}
        return functional_call(module, parameters | own, _replaced(args, new), _replaced(kwargs, new))

    return again


def _replaced(tree: Any, new: Mapping[int, Tensor]) -> Any:
    """The tree with other tensors in the place of those of these ids, and without a history for the rest."""
    if isinstance(tree, Tensor):
        return new[id(tree)] if id(tree) in new else tree.detach()
    if isinstance(tree, (tuple, list)):
        return type(tree)(_replaced(branch, new) for branch in tree)
    if isinstance(tree, dict):
        return {key: _replaced(branch, new) for key, branch in tree.items()}
    return tree
