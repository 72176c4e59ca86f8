"""The curvature of a problem, by differences of its gradient."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from tsla.empirics.simulation.problems import Problem
from tsla.theory.constants import Array

DENSE = 64
"""Largest dimension in which all directions are looked at, and not some random ones."""


def extremes(problem: Problem, w: Array) -> tuple[float, float]:
    """Smallest and largest eigenvalue of the Hessian at w, by differences of the gradient."""
    d, gradient, h = problem.dimension, problem.gradient, 1e-5
    if d <= DENSE:
        e = h * np.eye(d)
        hessian = (gradient(w + e) - gradient(w - e)) / (2 * h)
        eigenvalues = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        return float(eigenvalues[0]), float(eigenvalues[-1])
    times = LinearOperator((d, d), matvec=lambda v: (gradient(w + h * v.ravel()) - gradient(w - h * v.ravel())) / (2 * h), dtype=float)
    start = np.random.default_rng(0).normal(size=d)
    lowest, highest = (eigsh(times, k=1, which=which, v0=start, tol=1e-4, return_eigenvectors=False)[0] for which in ("SA", "LA"))
    return float(lowest), float(highest)


def norm(problem: Problem, w: Array) -> float:
    """The norm of the Hessian at w."""
    return max(np.abs(extremes(problem, w)))
