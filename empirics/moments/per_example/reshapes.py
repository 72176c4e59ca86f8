"""What shapes tensors had before they were reshaped: layers are often given the tokens of all examples in one row."""

from __future__ import annotations

from math import prod
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from tsla.empirics.moments.per_example.terms import Unsupported

_RESHAPES = {Tensor.view, Tensor.reshape, torch.reshape, Tensor.flatten, torch.flatten, Tensor.contiguous}


class Reshapes:
    """Remembers the shapes of tensors that live, without keeping them alive."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[ref[Tensor], list[torch.Size]]] = {}

    def note(self, func: Any, args: Any, out: Any) -> None:
        """A function was called. What is written into is forgotten: it may have been transposed in place."""
        if func in _RESHAPES and args and not args[0].is_nested:
            self._before[id(out)] = ref(out), [args[0].shape, *self.before(args[0])]
        else:
            self._before.pop(id(out), None)

    def before(self, tensor: Tensor) -> list[torch.Size]:
        """The shapes that it had, the last one in front: its entries lay in the same order."""
        alive, shapes = self._before.get(id(tensor), (None, []))
        return shapes if alive is not None and alive() is tensor else []


def examples_in_front(rows: Tensor, shape: torch.Size, axis: int) -> Tensor:
    """``rows`` ``(..., width)``, the leading dimensions as before they were merged, in ``shape``, and of these the ``axis`` in front.

    Raises Unsupported where they were merged with the last one.
    """
    for d in range(axis + 1, len(shape) + 1):
        if prod(shape[:d]) == prod(rows.shape[:-1]):
            return rows.reshape(*shape[:d], rows.shape[-1]).movedim(axis, 0)
    raise Unsupported
