"""What a use of a parameter contributes to the gradients of the examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from empirics.per_example.precision import without_autocast

if TYPE_CHECKING:
    from empirics.per_example.gram import GramTerm

# Per-example gradients are formed for this many entries and examples at once, at most: what stays in the caches of a few cores, and
# what grouped convolutions were fastest with (64 to 128 channels, AVX-512).
BLOCK_ENTRIES, BLOCK_EXAMPLES = 1_250_000, 32
SEGMENT = 150_000  # entries of a float32 matrix product that keep it exact to 1e-6


class Unsupported(Exception):  # noqa: N818 - a signal between a rule and the tape, no error
    """The rule can't tell the examples apart in this call; the fallback can."""


@dataclass(frozen=True)
class Products:
    """For one parameter and n examples: ``‖g_i‖²``, ``‖ĝ_i‖²``, ``⟨g_i, ĝ_i⟩``, each ``(n,)`` float64.

    ``sums`` are those of ``g_i`` and ``ĝ_i``; or a term that will give them, where that costs less for more examples at once.
    """

    gg: Tensor
    hh: Tensor
    gh: Tensor
    sums: tuple[Tensor, Tensor] | GramTerm


class Term(ABC):
    """One use of one parameter, by a function that is linear in it.

    ``receive`` is called once for either label, one-hot first, with the gradient ``D`` ``(n, ...)`` of the summed loss with respect to
    the output of the function. What is kept of it, in ``signals``, is all that the gradients of the examples depend on.
    """

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self.signals: list[Tensor] = []

    def receive(self, D: Tensor) -> None:
        """Take the output's gradient for the next label."""
        self.signals.append(D)

    @abstractmethod
    def per_example(self, label: int, rows: slice) -> Tensor:
        """Gradients of these examples for label 0 or 1, ``(k, *parameter.shape)``."""

    def products(self) -> Products:
        """Inner products of the gradients of all examples, once both labels were received."""
        return products([self])


class Formed(Term):
    """Per-example gradients that are no larger than the output's gradient, and so are formed at once in its place."""

    def receive(self, D: Tensor) -> None:
        """Form the gradients of all examples."""
        self.signals.append(self.form(accumulable(D)).reshape(len(D), *self.parameter.shape))

    def form(self, D: Tensor) -> Tensor:
        """Gradients of all examples; by default D is that already."""
        return D

    def per_example(self, label: int, rows: slice) -> Tensor:
        """What was formed."""
        return self.signals[label][rows]


@without_autocast
def products(uses: Sequence[Term]) -> Products:
    """Inner products for a parameter with these uses: the gradients of an example are summed over the uses first."""
    tables, totals, space = [], [], None
    for rows in blocks_of(len(uses[0].signals[0]), uses[0].parameter.numel()):
        both = [sum_of([use.per_example(label, rows) for use in uses]) for label in (0, 1)]
        k = len(both[0])
        space = both[0].new_empty(k, 2, uses[0].parameter.numel()) if space is None else space  # one for all blocks
        pair = space[:k]
        for label in (0, 1):
            pair[:, label] = both[label].reshape(k, -1)
        tables.append(pair_products(pair))
        totals.append(pair.sum(0))
    table, (total, total_hat) = torch.cat(tables), sum_of(totals).view(2, *uses[0].parameter.shape)
    return Products(table[:, 0, 0], table[:, 1, 1], table[:, 0, 1], (total, total_hat))


def blocks_of(n: int, entries: int) -> Iterator[slice]:
    """Slices of n examples, for gradients of so many entries each."""
    size = max(1, min(BLOCK_EXAMPLES, BLOCK_ENTRIES // max(entries, 1)))
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def row_products(a: Tensor, b: Tensor) -> Tensor:
    """``⟨a_i, b_i⟩`` over all but the first dimension, ``(n,)`` float64.

    A product and a pairwise sum: in float32 over 10⁷ entries off by 1e-7, where a dot product (``a @ b``) is off by 3e-4.
    """
    return (a * b).reshape(len(a), -1).sum(1).double()


def pair_products(pair: Tensor) -> Tensor:
    """Inner products ``(n, 2, 2)`` float64 between the two rows of ``pair`` ``(n, 2, m)``: one read of memory for all three.

    A matrix product over segments short enough that float32 stays exact to 1e-6.
    """
    return sum_of([(segment @ segment.transpose(1, 2)).double() for segment in torch.split(pair, SEGMENT, dim=2)])


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """The sum of one or more tensors of one shape."""
    return reduce(torch.add, tensors)


def accumulable(tensor: Tensor) -> Tensor:
    """``tensor`` in float32 at least: half precision is fit for values, not for sums of products."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
