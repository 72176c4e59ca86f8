"""Softmax regression on scikit-learn's digits: ``F(W) = mean_i ℓ(y_i, W x_i) + (ridge/2) ‖W‖²``, ``W`` 10 × 64. Convex, real data.

``L = λ/2 + ridge``, λ the largest eigenvalue of ``C = mean x x'``: the Hessian is ``mean (diag p - pp') ⊗ xx' + ridge I``, and
``diag p - pp'`` has norm at most 1/2 (Gershgorin: its rows have absolute sums ``2 p_k (1-p_k) <= 1/2``). No smaller constant will do: let
two rows of W be ``t (1, ..., 1)`` and the others 0. All pixels are ``>= 0`` and no image is black, so that ``p → (1/2, 1/2, 0, ..., 0)``
for every example as t grows, where the norm is 1/2, along the same direction for all of them.

``μ = ridge``: F is ridge-strongly convex, which implies PL. It is the best constant, since a pixel is 0 in all examples: along a weight
of that pixel F is ``F* + (ridge/2) v²``.

``F*`` by Newton's method: ``F(W) - ‖∇F(W)‖²/(2 ridge) <= F* <= F(W)`` by strong convexity, and at the point found both ends are the
same to 1e-15; a test computes them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from tsla.empirics.simulation.problems._examples import EmpiricalRisk, digits
from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array, single

Vector = np.ndarray[tuple[int], np.dtype[np.float64]]  # what scipy.optimize asks for

CLASSES = 10


def model(w: Array, x: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Logits ``Wx`` of the examples x, and how to pull back through them; shapes (..., d), (..., n, p) -> (..., n, K)."""
    weights = w.reshape(*w.shape[:-1], CLASSES, -1)

    def pull_back(r: Array) -> Array:
        product: Array = r.swapaxes(-1, -2) @ x
        return product.reshape(*product.shape[:-2], -1)

    return x @ weights.swapaxes(-1, -2), pull_back


def problem(examples: int = 500, ridge: float = 1e-3) -> Problem:
    """Regression on the first ``examples`` digits; starts at 0, where all classes have probability 1/10."""
    inputs, labels = digits(examples)
    data = EmpiricalRisk(model, inputs, labels, ridge=single("ridge", ridge, above=0))
    d = CLASSES * inputs.shape[1]
    lowest = _minimiser(examples, data.ridge)
    half_and_half = np.zeros((CLASSES, inputs.shape[1]))
    half_and_half[:2] = 1e3
    return Problem(
        name="softmax_regression",
        dimension=d,
        L=float(np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[-1]) / 2 + data.ridge,
        mu=data.ridge,
        minimum=float(data.value(lowest)),
        minimiser=lowest.copy(),
        start=np.zeros(d),
        value=data.value,
        gradient=data.gradient,
        purpose="real data, convex, with the best constants",
        convex=True,
        sharpest=half_and_half.ravel(),
    )


@lru_cache
def _minimiser(examples: int, ridge: float) -> Array:
    """W where ``‖∇F‖`` is 1e-10 or less."""
    inputs, labels = digits(examples)
    data = EmpiricalRisk(model, inputs, labels, ridge=ridge)

    def loss(w: Array) -> float:
        return float(data.value(w))

    def slope(w: Array) -> Vector:
        return data.gradient(w).ravel()

    def along(w: Array, v: Array) -> Vector:
        """Hessian times v."""
        logits, pull_back = model(w, inputs)
        p, change = softmax(logits, axis=-1), model(v, inputs)[0]
        change = p * (change - np.sum(p * change, axis=-1, keepdims=True))
        return (pull_back(change / len(inputs)) + ridge * v).ravel()

    start = np.zeros(CLASSES * int(inputs.shape[1]))
    found = minimize(loss, start, jac=slope, hessp=along, method="trust-ncg", tol=1e-6)
    # Near the minimum F no longer tells better from worse: the last step is Newton's, without a look at F.
    rows = np.stack([along(found.x, e) for e in np.eye(start.size)])
    best: Array = found.x - np.linalg.solve(rows, slope(found.x))
    return best
