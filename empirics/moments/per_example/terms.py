"""What a use of a parameter contributes to the gradients of the examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.precision import without_autocast

# Per-example gradients are formed for as many examples at once as have this many entries, of the gradient and of what it is formed of. On
# a processor that is what the allocator hands out again: with twice as many, it gives the memory back and asks for new pages at every
# block, and forming the gradients of 128 channels took 55 ms, not 35. A GPU wants work in bulk.
BLOCK_ENTRIES, BLOCK_ENTRIES_CUDA, BLOCK_EXAMPLES = 600_000, 2**25, 32
FEW_ENTRIES = 2**15  # of so few the products are written out
SEGMENT = 4096  # entries of a float32 dot product that keep it exact to 1e-7


class Unsupported(Exception):  # noqa: N818 - a signal between a rule and the tape, no error
    """The rule can't tell the examples apart in this call; the fallback can."""


class Late(Protocol):
    """Sums over examples that are taken later, over more of them at once."""

    @property
    def entries(self) -> int:
        """How much is kept until then."""

    def total(self, label: int) -> Tensor:
        """The sum for label 0 or 1."""

    def products_of_sums(self) -> Tensor:
        """What :func:`of_pair` makes of the two."""

    def joined(self, others: Sequence[Self]) -> Self:
        """The same of the examples of all of them."""


@dataclass(frozen=True)
class Products:
    """For one parameter and n examples: ``table`` ``(3, n)``, float64, of ``‖g_i‖²``, ``‖ĝ_i‖²``, ``⟨g_i, ĝ_i⟩``.

    ``sums`` are those of ``g_i`` and ``ĝ_i``; or what will give them, where that costs less for more examples at once; or ``(3,)``, what
    :func:`of_pair` makes of them, where these examples are all and nobody asks for more.
    """

    table: Tensor
    sums: tuple[Tensor, Tensor] | Late | Tensor

    def without_sums(self) -> Products:
        """The same, but that of the sums only the products are kept."""
        if isinstance(self.sums, Tensor):
            return self
        return Products(self.table, of_pair(*self.sums) if isinstance(self.sums, tuple) else self.sums.products_of_sums())


class Term(ABC):
    """One use of one parameter, by a function that is linear in it.

    ``receive`` is called once for either label, 0 (one-hot) and 1, with the gradient ``D`` ``(n, ...)`` of the summed loss with respect to
    the output of the function. What is kept of it, in ``signals``, is all that the gradients of the examples depend on.
    """

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self.signals: dict[int, Tensor] = {}

    def receive(self, D: Tensor, label: int) -> None:
        """Take the output's gradient for a label."""
        self.signals[label] = D

    @property
    def entries(self) -> int:
        """How much is kept, of all examples."""
        return sum(D.numel() for D in self.signals.values())

    @abstractmethod
    def per_example(self, label: int, rows: slice) -> Tensor:
        """Gradients of these examples for label 0 or 1, ``(k, *parameter.shape)``."""

    def products(self) -> Products:
        """Inner products of the gradients of all examples, once both labels were received."""
        return products([self])


class Formed(Term):
    """Per-example gradients that are no larger than the output's gradient, and so are formed at once in its place."""

    def receive(self, D: Tensor, label: int) -> None:
        """Form the gradients of all examples."""
        self.signals[label] = self.form(accumulable(D)).reshape(len(D), *self.parameter.shape)

    def form(self, D: Tensor) -> Tensor:
        """Gradients of all examples; by default D is that already."""
        return D

    def per_example(self, label: int, rows: slice) -> Tensor:
        """What was formed."""
        return self.signals[label][rows]


@without_autocast
def products(uses: Sequence[Term]) -> Products:
    """Inner products for a parameter with these uses: the gradients of an example are summed over the uses first."""
    parameter, tables = uses[0].parameter, []
    sums: list[Tensor] = []
    for rows in blocks_of(uses):
        g, h = (_as_rows(sum_of([use.per_example(label, rows) for use in uses])) for label in (0, 1))
        tables.append(pair_products(g, h))
        ones = g.new_ones(1, len(g))  # times them is twice as fast as a sum
        sums = [s.addmm_(ones, each) for s, each in zip(sums, (g, h), strict=True)] if sums else [ones @ g, ones @ h]
    total, total_hat = (found.view(parameter.shape) for found in sums)
    return Products(torch.cat(tables, dim=1) if len(tables) > 1 else tables[0], (total, total_hat))


def _as_rows(tensor: Tensor) -> Tensor:
    """One row an example, also where it has no entries."""
    return tensor.reshape(len(tensor), tensor[0].numel())


def blocks_of(uses: Sequence[Term]) -> Iterator[slice]:
    """Slices of the examples, of as many as are formed at once."""
    signal = uses[0].signals[0]
    n, limit = len(signal), BLOCK_ENTRIES_CUDA if signal.is_cuda else BLOCK_ENTRIES
    entries = uses[0].parameter.numel() + sum(use.entries for use in uses) // n
    size = max(1, min(BLOCK_EXAMPLES, limit // max(1, entries)))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def pair_products(g: Tensor, h: Tensor) -> Tensor:
    """``⟨g_i, g_i⟩``, ``⟨h_i, h_i⟩``, ``⟨g_i, h_i⟩`` of the rows of two matrices, ``(3, n)`` float64."""
    if g.numel() < FEW_ENTRIES:
        return (torch.stack((g, h, g)) * torch.stack((g, h, h))).sum(2).double()
    return torch.stack([inner_products(a, b) for a, b in ((g, g), (h, h), (g, h))])


def inner_products(a: Tensor, b: Tensor) -> Tensor:
    """``⟨a_i, b_i⟩`` over all but the first dimension, ``(n,)`` float64.

    By the kernel that sums the gradient of GroupNorm's scales, each over its pixels: it writes nothing of the size of what it reads, and
    over segments it is exact to 1e-7, where a float32 dot product (``a @ b``) over 10⁷ entries is off by 3e-4.
    """
    if a.numel() < FEW_ENTRIES:
        return (a * b).reshape(len(a), -1).sum(1).double()
    segment = _segment(a[0].numel())
    channels = a.numel() // segment
    merged = (t.reshape(1, channels, segment) for t in (a, b))
    scale, mean, rstd = a.new_empty(channels), a.new_zeros(1, 1), a.new_ones(1, 1)
    sums: Tensor = torch.ops.aten.native_group_norm_backward(*merged, mean, rstd, scale, 1, channels, segment, 1, [False, True, False])[1]
    return sums.double().view(len(a), -1).sum(1)


def of_pair(g: Tensor, h: Tensor) -> Tensor:
    """``⟨g, g⟩``, ``⟨h, h⟩``, ``⟨g, h⟩`` of two tensors of one shape, ``(3,)`` float64."""
    return pair_products(g.reshape(1, -1), h.reshape(1, -1))[:, 0]


@cache
def _segment(entries: int) -> int:
    """The longest segment that divides so many entries evenly."""
    return next((length for length in range(min(entries, SEGMENT), 0, -1) if entries % length == 0), 1)


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """The sum of one or more tensors of one shape."""
    return reduce(torch.add, tensors)


def accumulable(tensor: Tensor) -> Tensor:
    """``tensor`` in float32 at least: half precision is fit for values, not for sums of products."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
