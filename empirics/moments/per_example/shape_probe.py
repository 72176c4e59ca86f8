"""The first pass under watch, of a few examples: the shapes that later passes are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.call import differentiable, shapes_of, tensors_in
from tsla.empirics.moments.per_example.functions import in_transform, is_sized_by_values, reorders, written
from tsla.empirics.moments.per_example.watch import Watch


@dataclass(frozen=True)
class Seen:
    """A call of a function that was given a weight, or of a module: shapes of what went in, and of what came out and has a gradient.

    ``alone`` says that nothing of the examples went in, as far as could be seen; ``sure`` that no size had come to depend on values.
    ``before`` are the shapes that each input had before it was reshaped.
    """

    what: object
    inputs: list[torch.Size]
    outputs: list[torch.Size]
    alone: bool
    sure: bool = True
    before: list[list[torch.Size]] = field(default_factory=list)


class ShapeProbe(Watch):
    """Watches a forward pass of ``examples`` examples for shapes, of the calls that the ``tracked`` parameters come into.

    ``seen`` are these calls and those of modules, in their order.
    """

    def __init__(self, tracked: Sequence[nn.Parameter], examples: int) -> None:
        super().__init__(tracked)
        self.examples = examples
        self.seen: list[Seen] = []
        self._data: dict[int, Tensor] = {}  # what is made of the examples, by id
        self._modules: list[nn.Module] = []
        self._sure = True

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call ``func``; where it is given what was made of parameters alone, note the shapes."""
        given = tensors_in((args, kwargs))
        if in_transform():
            return func(*args, **kwargs)
        watched = self.uses_weights(given)
        out = func(*args, **kwargs)
        alone = not self._are_data(given)
        if self._sure and not alone:
            moved = is_sized_by_values(func, args, kwargs) or reorders(func, args, kwargs, self.examples, self._data.keys())
            self._sure = not moved
        if watched:
            outputs = differentiable(written(func, args, out))
            before = [self.reshapes.before(t) for t in given]
            self.seen.append(Seen(func, shapes_of(given), shapes_of(outputs), alone, self._sure, before))
            if alone:
                self.add_weights(outputs)
        if not alone:
            self._add_data(out)
        return out

    def _are_data(self, tensors: list[Tensor]) -> bool:
        return any(id(t) in self._data for t in tensors)

    def _add_data(self, tree: Any) -> None:
        self._data |= {id(t): t for t in tensors_in(tree)}

    def enter(self, module: nn.Module, args: Any) -> None:
        """When a module is called: what the model is called with are the examples."""
        if not self._modules:
            self._add_data(args)
        self._modules.append(module)

    def leave(self, module: nn.Module, args: Any, kwargs: Any, out: Any) -> Any:
        """When a module returns: note the shapes. The model itself got the examples as they are, and its logits are theirs."""
        while self._modules.pop() is not module:  # those that an exception ended, which the model caught
            pass
        given = tensors_in((args, kwargs))
        sure = self._sure or not self._modules
        if torch.is_grad_enabled():  # how often a fixed point is iterated without gradients is no other path
            self.seen.append(Seen(module, shapes_of(given), shapes_of(differentiable(out)), alone=False, sure=sure))
        if self._are_data(given):  # a module that is given ids may ask them for their shape alone, as one of positions does
            self._add_data([t for t in tensors_in(out) if id(t) not in self._weights_by_id])
        if not self._modules:
            self._data.clear()
            self.forget_weights()
        return out
