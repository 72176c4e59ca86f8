"""WRONG ON PURPOSE: clipped SGD with the bound of SGD, as if clipping to a length c cost nothing.

The bound is that of Ghadimi and Lan (2013) for SGD, planted here on another algorithm. Clipped steps are of length ηc at most, so that a
start far off is not left in the time that the bound promises; and where the noise is larger than c, clipping is a bias that stays,
whatever the step size (Koloskova, Hendrikx and Stich, 2023).
"""

import numpy as np

from tsla.theory.testing import Theorem


def step(k, w, g, state, t):
    """``w - η min(1, c/‖g‖) g``. The norm is no arithmetic on points of a program, so that this one is decided by runs."""
    return w - k.eta * np.minimum(1, k.c / np.linalg.norm(g, axis=-1, keepdims=True)) * g, state


clipped = Theorem(
    id="clipped-sgd",
    title="clipped SGD at the rate of SGD",
    statement="E‖∇F(w_R)‖² ≤ 2F0/(ηT) + ηLσ² of w ← w - η min(1, c/‖g‖) g, for every c > 0",
    source="planted: the bound of SGD, of Ghadimi and Lan 2013",
    constants=[{"L": 3, "sigma2": 2, "F0": 4, "eta": 0.2, "c": 0.5}],
    premises=lambda k: {"eta <= 1/L": k.eta * k.L <= 1, "c > 0": k.c > 0},
    bound=lambda k, T: 2 * k.F0 / (k.eta * T) + k.eta * k.L * k.sigma2,
    step=step,
    units={"c": (1, 1)},
)
