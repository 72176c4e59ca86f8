"""A theorem of one's own, checked as the claims of the paper are: a file declares a :class:`Theorem`, `tsla check FILE` decides it."""

from tsla.theory.testing.theorem import Given, Theorem, summed

__all__ = ["Given", "Theorem", "summed"]
