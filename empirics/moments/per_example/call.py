"""A call in the forward pass that uses parameters, waiting for the gradients of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from tsla.empirics.moments.per_example.precision import without_autocast
from tsla.empirics.moments.per_example.terms import Term


class Call:
    """``terms`` are the uses of parameters in it; ``front`` moves the examples of its one output's gradient in front.

    ``source`` says that no other such call comes before it, so that the backward pass must be asked to reach it: the tape finds out.
    Outputs are not kept, only their places in the graph, ``edges``: what they hold may be overwritten, and is memory. While it is ``deaf``,
    gradients that come by are not for it: so are all until the forward pass is over, for the model may take a derivative in it. ``label``
    is the one that the backward pass is for.
    """

    def __init__(self, outputs: Sequence[Tensor], terms: list[Term], front: Callable[[Tensor], Tensor] = lambda D: D) -> None:
        self.terms, self.source, self._front = terms, True, front
        self.edges = [get_gradient_edge(t) for t in outputs]
        self.deaf, self.label = True, 0
        self.when_received: Callable[[Call], None] = lambda call: None
        self._zeros = [partial(torch.zeros, t.shape, dtype=t.dtype, device=t.device) for t in outputs]
        self._arrived: dict[int, Tensor] = {}
        self._handles = [t.register_hook(_to(ref(self), j)) for j, t in enumerate(outputs)]  # type: ignore[no-untyped-call]

    def _arrive(self, j: int, D: Tensor | None) -> None:
        if self.deaf:
            return
        self._arrived[j] = self._zeros[j]() if D is None else D
        if self.at_once:
            self.flush()

    def hear_last(self, tensor: Tensor) -> None:
        """Hear of the gradient of this tensor after the hooks that it has got since, for they may change it."""
        hooks = tensor._backward_hooks or {}
        for handle in self._handles:
            if handle.id in hooks:
                hooks[handle.id] = hooks.pop(handle.id)

    @property
    def at_once(self) -> bool:
        """Whether gradients are dealt with when they come, or after the backward pass."""
        return True

    @without_autocast
    def flush(self) -> None:
        """Deliver what has arrived, if anything has."""
        arrived, self._arrived = self._arrived, {}
        if arrived:
            with torch.no_grad():
                self.deliver([arrived[j] if j in arrived else zeros() for j, zeros in enumerate(self._zeros)], self.label)
                self.when_received(self)

    def forget(self) -> None:
        """Let go of the graph and of what is kept of it."""
        self.terms, self.edges, self._arrived = [], [], {}

    def deliver(self, gradients: list[Tensor], label: int) -> None:
        """Give the one output's gradient to every term, with its examples in front."""
        D = self._front(gradients[0])
        for term in self.terms:
            term.receive(D, label)


def _to(call: ref[Call], j: int) -> Callable[[Tensor], None]:
    """A hook that does not keep its call: the graph has it, and the call has places in the graph, which no collector sees through."""

    def hook(D: Tensor) -> None:
        alive = call()
        if alive is not None:
            alive._arrive(j, D)

    return hook


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors of nested tuples, lists and dictionaries, in order."""
    if isinstance(tree, Tensor):
        return [tree]
    found: list[Tensor] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[Tensor]) -> None:
    if isinstance(tree, Tensor):
        found.append(tree)
    elif isinstance(tree, (tuple, list)):
        for branch in tree:
            _gather(branch, found)
    elif isinstance(tree, dict):
        for branch in tree.values():
            _gather(branch, found)


def differentiable(tree: Any) -> list[Tensor]:
    """Those that have a gradient, each once."""
    return list({id(t): t for t in tensors_in(tree) if t.requires_grad}.values())


def shapes_of(tensors: list[Tensor]) -> list[torch.Size]:
    """Their shapes. Raises ValueError for a nested tensor, which has none."""
    if any(t.is_nested for t in tensors):
        raise ValueError("model makes a nested tensor, in which examples can't be told apart; must pad to one length and mask")
    return [t.shape for t in tensors]


def alias_of(tensor: Tensor) -> Tensor:
    """The same values in another place of the graph, unseen by any mode."""
    with torch._C.DisableTorchFunction():
        return tensor.view_as(tensor)


def replaced(tree: Any, new: Mapping[int, Tensor], rest: Callable[[Tensor], Tensor] = lambda t: t) -> Any:
    """The tree with other tensors in the place of those of these ids, and ``rest`` of each other tensor."""
    if isinstance(tree, Tensor):
        return new[id(tree)] if id(tree) in new else rest(tree)
    if isinstance(tree, (tuple, list)):
        branches = [replaced(branch, new, rest) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    if isinstance(tree, dict):
        return type(tree)((key, replaced(branch, new, rest)) for key, branch in tree.items())
    return tree
