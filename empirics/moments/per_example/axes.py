"""Where the examples lie in the tensors of a pass: along the dimension that is another one in a pass of another number of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.shape_probe import Seen, ShapeProbe


class OtherPathError(Exception):
    """A pass takes another path through the model than the one that it is compared with: a signal, which reaches nobody who measures."""


class Axes:
    """Goes through what a ``probe`` saw, along a pass of ``examples``. Both raise OtherPathError where the two take other paths."""

    def __init__(self, probe: ShapeProbe, examples: int) -> None:
        self._seen, self._before, self._now = iter(probe.seen), probe.examples, examples

    def next(self, what: object) -> Seen:
        """What the probe saw at this call."""
        seen = next(self._seen, None)
        if seen is None or not _same(seen.what, what):
            raise OtherPathError
        return seen

    def of(self, shapes: list[torch.Size], tensors: list[Tensor], *, sure: bool) -> list[int | None]:
        """The dimension of the examples in each tensor, which had these shapes in the probe; None where there is none."""
        if len(shapes) != len(tensors):
            raise OtherPathError
        return [self._grown(old, t.shape) if sure else None for old, t in zip(shapes, tensors, strict=True)]

    def apart(self, before: list[torch.Size], now: list[torch.Size]) -> tuple[torch.Size, int] | None:
        """Of the shapes that a tensor had before it was reshaped, in the probe and now, one in which the examples lie along a dimension."""
        grown = ((new, self._grown(old, new)) for old, new in zip(before, now, strict=False))
        return next(((shape, axis) for shape, axis in grown if axis is not None), None)

    def _grown(self, old: torch.Size, new: torch.Size) -> int | None:
        """The one dimension that grew with the number of examples."""
        changed = [d for d, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
        if len(old) == len(new) and len(changed) == 1 and (old[changed[0]], new[changed[0]]) == (self._before, self._now):
            return changed[0]
        return None


def _same(a: object, b: object) -> bool:
    """Whether two calls are of the same function or module. Of a module without parameters a model may make a new one in each pass."""
    if a == b:
        return True
    return type(a) is type(b) and all(isinstance(module, nn.Module) and next(module.parameters(), None) is None for module in (a, b))
