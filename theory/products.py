"""Products that neither overflow nor vanish on the way: a bound whose terms are tiny is still above 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import Array

SMALLEST = np.finfo(np.float64).smallest_subnormal


def product(*factors: ArrayLike, over: Sequence[ArrayLike] = ()) -> Array:
    """The product of ``factors``, divided by that of ``over``; none of them negative. Shapes broadcast.

    Mantissas are multiplied and exponents added, so that only the result itself has to fit. Where it is too small for all of its digits it
    is rounded up, and is 0 for a factor 0 alone; where it is too large it is infinite.
    """
    (x, i), (y, j) = _scaled(factors), _scaled(over)
    with np.errstate(all="ignore"):
        mantissa = x / y
        value = np.ldexp(mantissa, i - j) + SMALLEST
    return np.where(mantissa == 0, 0.0, value)


def logarithm(*factors: ArrayLike, over: Sequence[ArrayLike] = ()) -> Array:
    """The natural logarithm of their :func:`product`, which is a number also where the product is too large for one; of 0 it is -∞."""
    value, (x, i), (y, j) = product(*factors, over=over), _scaled(factors), _scaled(over)
    with np.errstate(all="ignore"):
        return np.where(np.isinf(value), np.log(x / y) + (i - j) * np.log(2), np.log(value))


def _scaled(factors: Sequence[ArrayLike]) -> tuple[Array, Array]:
    mantissa, exponent = np.ones(()), np.zeros((), dtype=np.intc)
    for factor in factors:
        m, e = np.frexp(np.asarray(factor, dtype=np.float64))  # NumPy has no mantissa of a longer int
        mantissa, exponent = mantissa * m, exponent + e
    return np.asarray(mantissa), np.asarray(exponent)
