"""The six moments from their definitions."""

from __future__ import annotations

import numpy as np

from tsla.theory.constants import Array


def by_definition(g: Array, g_hat: Array, centre: Array | None = None) -> Array:
    """The six moments, in the order of MOMENTS, of these rows as a population, about ``centre`` or their mean."""
    middle, mean_hat = g.mean(0) if centre is None else centre, g_hat.mean(0)
    c = np.mean(np.sum((g - middle) * (g_hat - middle), axis=1))
    squares = (np.mean(np.sum((rows - about) ** 2, axis=1)) for rows, about in ((g, middle), (g_hat, middle), (g_hat, mean_hat)))
    s2, shat2, nu2 = squares
    return np.array([middle @ middle, s2, shat2, c, np.sum((mean_hat - middle) ** 2), nu2])
