"""Two layers on scikit-learn's digits: ``F = mean_i ℓ(y_i, B tanh(U x_i))``, ``B = a tanh(V)``, both layers trained. Non-convex, real data.

U is H × 64, V is 10 × H, ``a = 1/√H``. The output weights are bounded, by a tanh, because no L exists otherwise: the curvature in U grows
with ``‖B‖²``.

``L``: let ``(A, D)`` be a direction, ``‖A‖² + ‖D‖² = 1``, A of the shape of U and D of V; ``x`` an example, ``h = tanh(Ux)``, ``s = Ax``,
``r = p - y``; λ the largest eigenvalue of ``mean x x'``, so that ``mean ‖s‖² <= λ‖A‖²``. The second derivative of its loss along the
direction is ``Var_p(dz) + Σ_k r_k d²z_k``. As ``|h_j| <= 1``, ``|B_kj| <= a``, and ``a√H = 1``, dz is the sum of a part from D, of norm at
most ``‖D‖`` and thus of variance at most ``‖D‖²/2`` (``diag p - pp'`` has norm at most 1/2), and of one from A, whose entries are at most
``‖s‖`` in size, and so their variance at most ``‖s‖²``. With ``m = max|tanh''| = 4/(3√3)``, ``|r_k| <= 1``, ``Σ|r_k| <= 2``, ``‖r‖ <= √2``:

    Var_p(dz) <= (‖D‖/√2 + ‖s‖)²,      |Σ_k r_k d²z_k| <= a m ‖D‖² + 2√2 a ‖D‖ ‖s‖ + 2 a m ‖s‖².

The mean over the examples (``mean ‖s‖ <= √λ ‖A‖`` by Jensen) is at most a quadratic form in ``(‖D‖, ‖A‖)``, whose largest eigenvalue is
L. It is an upper bound, and within a factor of six of the best.

``F*``: only ``F >= 0`` is stated. ``minimum = 0`` is a lower bound, not the infimum, and ``gap`` an upper bound of ``F - F*``.

No ``μ``: at 0 the gradient vanishes (``h = 0`` and ``B = 0``), and ``F(0) = log 10`` is not the minimum: to second order in ``(U, V)``
F is ``log 10 - a Σ_k ⟨V_k, U m_k⟩`` with ``m_k = mean (y_k - 1/10) x``, which are not all 0, and the form changes its sign with V.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tsla.empirics.simulation.problems._examples import EmpiricalRisk, digits
from tsla.empirics.simulation.problems.problem import Problem, size
from tsla.theory.constants import Array

CLASSES = 10
STEEPEST = 4 / (3 * np.sqrt(3))  # max |tanh''|


def model(w: Array, x: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Logits of the examples x, and how to pull back through them; shapes (..., d), (..., n, p) -> (..., n, K). ``d = H (p + K)``."""
    pixels = x.shape[-1]
    hidden = w.shape[-1] // (pixels + CLASSES)
    first = w[..., : hidden * pixels].reshape(*w.shape[:-1], hidden, pixels)
    squashed = np.tanh(w[..., hidden * pixels :].reshape(*w.shape[:-1], CLASSES, hidden))
    h = np.tanh(x @ first.swapaxes(-1, -2))
    scale = 1 / np.sqrt(hidden)

    def pull_back(r: Array) -> Array:
        into_first = ((scale * r @ squashed) * (1 - h * h)).swapaxes(-1, -2) @ x
        into_second = scale * (1 - squashed * squashed) * (r.swapaxes(-1, -2) @ h)
        return np.concatenate([part.reshape(*part.shape[:-2], -1) for part in (into_first, into_second)], axis=-1)

    return scale * h @ squashed.swapaxes(-1, -2), pull_back


def smoothness(hidden: int, largest: float) -> float:
    """L, from the number of hidden units and the largest eigenvalue of ``mean x x'``; the proof is above."""
    a, root = 1 / np.sqrt(hidden), np.sqrt(largest)
    mixed = (1 / np.sqrt(2) + np.sqrt(2) * a) * root
    form = [[0.5 + a * STEEPEST, mixed], [mixed, (1 + 2 * a * STEEPEST) * largest]]
    return float(np.linalg.eigvalsh(form)[-1])


def problem(hidden: int = 16, examples: int = 500) -> Problem:
    """``hidden`` units on the first ``examples`` digits; starts at fixed random weights of the usual sizes."""
    units = size("hidden", hidden)
    inputs, labels = digits(examples)
    data = EmpiricalRisk(model, inputs, labels)
    first, second = units * inputs.shape[1], CLASSES * units
    rng = np.random.default_rng(0)
    return Problem(
        name="two_layer",
        dimension=first + second,
        L=smoothness(units, float(np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[-1])),
        mu=None,
        refutes_pl=lambda mu: np.zeros(first + second),  # the same point for every mu
        minimum=0.0,
        minimiser=None,
        start=np.concatenate([rng.normal(size=first), rng.normal(scale=0.5, size=second)]),
        value=data.value,
        gradient=data.gradient,
        purpose="real data, a network with a certified L",
    )
