"""What no method can do under A1-A4, whatever it makes of g and ĝ (C18)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory.constants import Array, Constants, target_squared
from tsla.theory.products import product
from tsla.theory.representable import representable


@representable
def samples(constants: Constants, *, eps: ArrayLike) -> Array:
    """``σ²/ε² - π² max(1/δ, σ²/(2LF0))``, but at least 0: fewer samples bring no method to ``E‖∇F(w)‖² <= ε²`` on all of A1-A4.

    On ``F = (L/2)(w - φ/L)²``, ``w_0 = 0``, let ``g = ∇F + σz``, z normal, and ``ĝ = Lw``, whose error is the constant φ. A1, A2 and A4
    hold, and A3 for ``φ² <= δσ²``. Every ĝ is known beforehand, and every g tells as much as one normal variable of mean φ and variance
    σ². So ``∇F(w) = Lw - φ`` is the error of an estimate of φ from T of them. By van Trees' inequality (Gill and Levit, 1995), with the
    prior ``cos²`` on ``φ² <= a² = min(δσ², 2LF0)``, its mean square is at least ``1/(T/σ² + π²/a²)`` for some φ. Shapes: all arguments
    broadcast.
    """
    target2, s2 = target_squared(eps), constants.sigma2
    spread2 = np.minimum(product(constants.need_delta("C18"), s2), product(2, constants.L, constants.F0))
    known2 = product(np.pi, np.pi, target2)
    left = 1 - product(known2, over=(np.maximum(spread2, known2),))
    return product(s2, left, over=(target2,))
