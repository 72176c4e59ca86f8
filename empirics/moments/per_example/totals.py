"""What is measured of per-example gradients, and how it adds up over microbatches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.terms import Late, Products, of_pair


@dataclass(frozen=True)
class GradientProducts:
    """Of the per-example gradients ``g_i`` and ``ĝ_i`` with respect to each of the parameters ``names``.

    gg, hh, gh:  ``‖g_i‖²``, ``‖ĝ_i‖²``, ``⟨g_i, ĝ_i⟩``; ``(parameters, n)``, float64, on the CPU
    G, G_hat:    the means over the n examples, shaped like the parameters, on their device, in float32 at least; none if not asked for
    of_means:    ``‖G‖²``, ``‖Ĝ‖²``, ``⟨G, Ĝ⟩`` where they are not kept; ``(parameters, 3)``, float64, on the CPU
    """

    names: tuple[str, ...]
    gg: Tensor
    hh: Tensor
    gh: Tensor
    G: tuple[Tensor, ...]
    G_hat: tuple[Tensor, ...]
    of_means: Tensor | None = None

    @cached_property
    def mean_products(self) -> Tensor:
        """``‖G‖²``, ``‖Ĝ‖²``, ``⟨G, Ĝ⟩`` of each parameter, ``(parameters, 3)``, float64, on the CPU."""
        if self.of_means is not None:
            return self.of_means
        return torch.stack([of_pair(*pair).cpu() for pair in zip(self.G, self.G_hat, strict=True)])

    @property
    def longest(self) -> float:
        """The largest ``‖g_i‖²`` or ``‖ĝ_i‖²``."""
        return float(torch.maximum(self.gg.sum(0), self.hh.sum(0)).max())

    @property
    def longest_of_each(self) -> Tensor:
        """The same of each parameter's part alone, ``(parameters,)``."""
        return torch.maximum(self.gg, self.hh).amax(1)


SHORTEST = 1e-32
"""In float32: where no squared length reaches it, the squares of entries, a millionth of it and less, have lost digits or are 0."""


def refuse_lost(longest: float, means: Sequence[Tensor], what: str = "gradients") -> None:
    """Raises ValueError where the squares of gradients are too large or too small for the type in which they are summed."""
    kind = means[0].dtype
    if not is_lost(longest, kind, means):
        return
    why = f"short: the largest square is {longest:.3g}" if longest < SHORTEST else "long: their squares overflow"
    name = str(kind).removeprefix("torch.")
    raise ValueError(f"{what} are for {name} too {why}; must be measured in float64, by model.double() and inputs.double()")


def is_lost(longest: float, kind: torch.dtype, means: Sequence[Tensor]) -> bool:
    """Whether squares in this type, of which the largest is this, have lost what they are of.

    The gradients, with the ``means``, are none of that: what is made of such squares would be nan, or 0, and nobody would know.
    """
    if is_kept(longest) or kind == torch.float64:
        return False
    return all(bool(mean.isfinite().all()) for mean in means) and any(bool(mean.any()) for mean in means)


def is_kept(longest: float) -> bool:
    """Whether float32 holds squares of gradients whose largest is this."""
    return SHORTEST <= longest < float("inf")


def rows_by_layer(names: Sequence[str]) -> dict[str, list[int]]:
    """Rows of the parameters of each layer, by the name of the layer: a parameter's without its last part."""
    layers: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        layers.setdefault(name.rpartition(".")[0], []).append(row)
    return layers


class Totals:
    """Inner products of all examples, and sums of their gradients, as the microbatches come in. What no call used stays 0."""

    def __init__(self, parameters: list[nn.Parameter], examples: int, *, means: bool) -> None:
        self.parameters, self.examples, self._means = parameters, examples, means
        self._row = {id(p): row for row, p in enumerate(parameters)}
        self._products = torch.zeros(3, len(parameters), examples, dtype=torch.float64)
        self._sums: list[tuple[Tensor, Tensor] | None] = [None] * len(parameters)
        self._late: list[list[Late]] = [[] for _ in parameters]
        self._of_sums = torch.zeros(len(parameters), 3, dtype=torch.float64)

    def add(self, parameter: nn.Parameter, rows: slice, found: Products) -> None:
        """Take in what was found of a parameter in the examples ``rows``."""
        row = self._row[id(parameter)]
        self._products[:, row, rows] = found.table.cpu()
        match found.sums:
            case tuple():
                self._accumulate(row, found.sums)
            case Tensor():
                self._of_sums[row] = found.sums
            case late:
                self._late[row].append(late)
                if sum(term.entries for term in self._late[row]) > parameter.numel():
                    self._settle(row)

    def squares(self, rows: slice) -> Tensor:
        """``‖g_i‖²`` of these examples, ``(parameters, k)``."""
        return self._products[0, :, rows]

    def _settle(self, row: int) -> None:
        """Take the sums over the examples of several microbatches at once."""
        if late := self._late[row]:
            together = late[0].joined(late[1:])
            self._accumulate(row, (together.total(0), together.total(1)))
            self._late[row] = []

    def _accumulate(self, row: int, new: tuple[Tensor, Tensor]) -> None:
        before = self._sums[row]
        self._sums[row] = new if before is None else (before[0].add_(new[0]), before[1].add_(new[1]))

    def result(self, names: tuple[str, ...]) -> GradientProducts:
        """What was measured, when all examples are in. To be called once."""
        for row in range(len(names)):
            self._settle(row)
        gg, hh, gh = self._products
        if not self._means:
            return GradientProducts(names, gg, hh, gh, (), (), self._products_of_sums() / self.examples**2)
        means = [
            tuple(s.div_(self.examples) for s in sums) if sums is not None else (torch.zeros_like(p.detach()),) * 2
            for p, sums in zip(self.parameters, self._sums, strict=True)
        ]
        G, G_hat = zip(*means, strict=True)
        return GradientProducts(names, gg, hh, gh, G, G_hat)

    def _products_of_sums(self) -> Tensor:
        for row, sums in enumerate(self._sums):
            if sums is not None:
                self._of_sums[row] = of_pair(*sums)
        return self._of_sums
