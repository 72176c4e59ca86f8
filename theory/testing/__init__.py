"""A theorem of one's own, checked as the claims of the paper are: a file declares a :class:`Theorem`, `tsla check FILE` decides it.

For tests by pytest (extra ``testing``): :mod:`relations` that every bound keeps, :mod:`wrong` versions of bounds and plans, the
:mod:`domain` of the constants, and :mod:`planted`, which says what counts as a rejected error.
"""

from tsla.theory.testing.theorem import Given, Theorem, summed

__all__ = ["Given", "Theorem", "summed"]
