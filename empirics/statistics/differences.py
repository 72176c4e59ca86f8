"""How far numbers are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import Array


def relative_differences(a: Array, b: Array, scale: ArrayLike = 0.0) -> Array:
    """Of two arrays of one shape, relative to the larger number: 0 where both are equal or nan, infinite where one alone is finite.

    scale: what they are relative to where it is larger still, of their shape or one number
    """
    equal = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        relative = np.where(equal, 0.0, np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), scale))
    return np.nan_to_num(relative, nan=np.inf, posinf=np.inf)
