"""What T steps leave of the gap under A4: ``(1-ημ)^T``."""

from __future__ import annotations

import numpy as np

from tsla.theory.constants import Array
from tsla.theory.products import SMALLEST
from tsla.theory.representable import representable

EPS = np.finfo(np.float64).eps
SPLITTER = 2.0**27 + 1  # halves a mantissa of 53 bits


@representable
def contraction(mu: Array, eta: Array, T: Array) -> Array:
    """``(1-ημ)^T``, rounded up, also at ``ημ = 1e-12`` and ``T = 1e12``, and where it is below the smallest float; 1 at ``T = 0``."""
    rate, error = exact_product(eta, mu)
    # Near ημ = 1 what is left is as small as the rounding error of the product. It may be negative: eta <= 1/L and mu <= L are rounded too.
    left = np.maximum((1 - rate) - error, 0.0)
    with np.errstate(over="ignore"):
        exponent = T * np.where(rate < 0.5, np.log1p(-rate), np.log(left))
    rounding = 4 * EPS * (1 + np.minimum(-exponent, 800.0))  # exp turns an absolute error into a relative one; exp(-800) is 0
    raised = np.where(left > 0, np.exp(exponent) * (1 + rounding) + SMALLEST, 0.0)
    return np.where(T == 0, 1.0, np.minimum(raised, 1.0))


def exact_product(a: Array, b: Array) -> tuple[Array, Array]:
    """``(p, e)`` with ``p = fl(ab)`` and ``p + e = ab`` exactly (Dekker 1971), on mantissas, so that nothing overflows on the way."""
    (x, i), (y, j) = np.frexp(a), np.frexp(b)
    x_high, y_high = ((v * SPLITTER) - (v * SPLITTER - v) for v in (x, y))
    x_low, y_low = x - x_high, y - y_high
    product = x * y
    error = x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low)
    return np.ldexp(product, i + j), np.ldexp(error, i + j)
