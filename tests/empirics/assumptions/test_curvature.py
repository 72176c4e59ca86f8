"""The power iteration finds the norm of a matrix, and never more."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tsla.empirics.assumptions.curvature import largest_curvature


@pytest.mark.parametrize("eigenvalues", [[3.0], [-3.0, 1.0], [2.0, -2.0, 0.5], [1e-200, 0.0], [5.0] * 40, [0.0, 0.0]])
def test_power_iteration_finds_the_norm(eigenvalues: list[float]) -> None:
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))
    H = basis @ np.diag(eigenvalues) @ basis.T
    norm = max(map(abs, eigenvalues))
    assert largest_curvature(lambda v: H @ v, len(eigenvalues), rng) == pytest.approx(norm, rel=1e-3)


def test_power_iteration_never_exceeds_the_norm() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((30, 30))
        H = A + A.T
        found, norm = largest_curvature(lambda v, H=H: H @ v, 30, rng), np.abs(np.linalg.eigvalsh(H)).max()
        assert 0.95 * norm <= found <= norm * (1 + 1e-12)


def test_a_product_that_is_not_finite() -> None:
    with pytest.raises(FloatingPointError, match="not finite"):
        largest_curvature(lambda v: v * math.nan, 3, np.random.default_rng(0))
