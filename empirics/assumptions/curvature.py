"""The largest curvature at a point, ``‖∇²F(w)‖``: power iteration on Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array

ITERATIONS, CONVERGED = 100, 1e-4
"""The power iteration ends after so many products, or when one of them adds less than this part."""

Product = Callable[[Array], Array]


def difference_product(problem: Problem, w: Array) -> Product:
    """``v -> Hv`` by central differences. Each is the slope of a secant, so that its norm is at most L however wide the difference is."""
    width = np.cbrt(np.finfo(np.float64).eps) * (1 + np.linalg.norm(w))

    def product(v: Array) -> Array:
        ahead, behind = problem.gradient(np.stack([w + width * v, w - width * v]))
        return np.asarray((ahead - behind) / (2 * width))

    return product


def largest_curvature(product: Product, dimension: int, rng: Generator, *, iterations: int = ITERATIONS) -> float:
    """``‖H‖`` by power iteration, for symmetric H: ``‖Hv‖`` for unit vectors v, which never falls and never exceeds it.

    At most ``iterations`` products are taken. Eigenvalues of both signs are found. Raises FloatingPointError where a product is not finite.
    """
    v = rng.standard_normal(dimension)
    v /= np.linalg.norm(v)
    found = 0.0
    for _ in range(iterations):
        image = product(v)
        norm = float(np.linalg.norm(image))
        if not np.isfinite(norm):
            raise FloatingPointError("a Hessian-vector product is not finite")
        if norm <= found * (1 + CONVERGED):
            return max(found, norm)
        found = norm
        v = image / norm
    return found
