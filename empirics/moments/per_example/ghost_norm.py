"""Inner products of per-example gradients without the gradients: from products between the positions of an example."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from tsla.empirics.moments.per_example.precision import without_autocast
from tsla.empirics.moments.per_example.terms import Products, Term, inner_products, of_pair, products

CANCELLED = 1e-3
"""Share of what is added up that must be left, for float32 to leave four digits of it."""


class GhostNormTerm(Term):
    """A weight whose gradient is ``g_i = D_iᵀ A_i``: D_i ``(positions, outputs)``, A_i ``(positions, inputs)``.

    Then ``⟨g_i, ĝ_i⟩ = Σ_pq (A_i A_iᵀ)_pq (D_i D̂_iᵀ)_pq``: ``A_i A_iᵀ`` serves both labels, and where an example has few positions this
    costs far less than the gradients (the "ghost norm" of Goodfellow 2015 and Li et al. 2022, for two labels at once).
    """

    x: Tensor  # what A_i is made of, examples first

    @abstractmethod
    def ghost_norm_is_cheaper(self) -> bool:
        """Whether this way costs less than forming the gradients of the examples."""

    @abstractmethod
    def input_products(self) -> Tensor:
        """``A_i A_iᵀ`` ``(b, positions, positions)``: b is n, or n times the number of groups."""

    @abstractmethod
    def positions(self, label: int) -> Tensor:
        """``D_i`` as ``(b, positions, outputs)``."""

    @abstractmethod
    def total(self, label: int) -> Tensor:
        """``Σ g_i``, of the parameter's shape."""

    def rows(self) -> Tensor | None:
        """All A_i below each other, ``(rows, inputs)``; None where it takes more than one such product to make ``Σ g_i``."""
        return None

    def products(self) -> Products:
        """By the cheaper way."""
        return self._by_ghost_norm() if self.ghost_norm_is_cheaper() else products([self])

    @without_autocast
    def _by_ghost_norm(self) -> Products:
        A, D, D_hat = self.input_products(), self.positions(0), self.positions(1)
        n = len(self.signals[0])
        table = torch.stack([inner_products(A, a @ b.transpose(1, 2)) for a, b in ((D, D), (D_hat, D_hat), (D, D_hat))])
        lengths = A.diagonal(dim1=1, dim2=2)
        own = torch.stack([inner_products(lengths, d.square().sum(2)) for d in (D, D_hat)])  # of each position with itself
        if (table[:2] < CANCELLED * own).any():  # as keys have, whose slopes add up to 0, where their inputs have much in common
            return products([self])
        sums = self if self.entries < self.parameter.numel() else (self.total(0), self.total(1))
        return Products(table.view(3, n, -1).sum(2), sums)

    @without_autocast
    def products_of_sums(self) -> Tensor:
        """Where all positions of all examples are few, from products between them: the sums take longer to form than all else here.

        Unless the sums nearly cancel, for then the products must, too, and would lose their digits.
        """
        if self._rows_are_few() and (A := self.rows()) is not None:
            D, D_hat = (self.positions(label).flatten(0, 1) for label in (0, 1))
            K = A @ A.T
            table = torch.stack([K * (a @ b.T) for a, b in ((D, D), (D_hat, D_hat), (D, D_hat))])
            found, sizes = (t.sum((1, 2), dtype=torch.float64) for t in (table, table.abs()))
            if (found[:2] >= CANCELLED * sizes[:2]).all():
                return found
        return of_pair(self.total(0), self.total(1))

    def _rows_are_few(self) -> bool:
        rows, outputs = self.signals[0].numel() // self.parameter.shape[0], self.parameter.shape[0]
        inputs = self.parameter[0].numel()
        return rows * (inputs + 3 * outputs) < 2 * inputs * outputs

    @property
    def entries(self) -> int:
        """How much is kept: of the input, too."""
        return self.x.numel() + super().entries

    def joined(self, others: Sequence[GhostNormTerm]) -> GhostNormTerm:
        """The same term for the examples of all of them."""
        together, terms = copy(self), (self, *others)
        together.x = torch.cat([term.x for term in terms])
        together.signals = {label: torch.cat([term.signals[label] for term in terms]) for label in (0, 1)}
        return together
