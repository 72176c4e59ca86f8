"""Objectives that are means over examples, ``F(w) = mean_i ℓ(y_i, f(w; x_i)) + (ridge/2) ‖w‖²``, on scikit-learn's real digits.

``ℓ(y, z) = -Σ_k y_k log softmax(z)_k``. The gradient of an example is ``J_i' (softmax(z_i) - y_i) + ridge w``, with the Jacobian ``J_i`` of
``f(·; x_i)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import log_softmax, softmax

from tsla.theory.constants import Array, single

# Logits of the examples x at the weights w, shapes (..., d), (..., n, p) -> (..., n, K), and a function that maps r, of the shape of the
# logits, to Σ_i J_i' r_i, shape (..., d).
Model = Callable[[Array, Array], tuple[Array, Callable[[Array], Array]]]


@lru_cache
def digits(count: int) -> tuple[Array, Array]:
    """The first ``count`` digits: inputs (count, 64), scaled so that their mean ``‖x‖²`` is 1, and one-hot labels (count, 10)."""
    from sklearn.datasets import load_digits  # here, so that the problems without data start without scikit-learn

    data = load_digits()
    n = int(single("examples", count, at_least=10, integral=True))
    if n > len(data.target):
        raise ValueError(f"examples = {n} must be at most {len(data.target)}, the digits that there are")
    inputs = data.data[:n] / np.sqrt(np.mean(np.sum(data.data[:n] ** 2, axis=1)))
    return inputs, np.eye(10)[data.target[:n]]


@dataclass(frozen=True, eq=False)
class EmpiricalRisk:
    """The mean loss of examples. inputs: (n, p); labels: (n, K), probabilities; ridge: the penalty's weight."""

    model: Model
    inputs: Array
    labels: Array
    ridge: float = 0.0

    def value(self, w: Array) -> Array:
        """``F``, shapes (..., d) -> (...)."""
        logits, _ = self.model(w, self.inputs)
        losses: Array = -np.sum(self.labels * log_softmax(logits, axis=-1), axis=-1)
        return np.asarray(losses.mean(axis=-1) + self.ridge / 2 * np.sum(w**2, axis=-1))

    def gradient(self, w: Array) -> Array:
        """``∇F`` by a pass over all examples, shapes (..., d) -> (..., d)."""
        logits, pull_back = self.model(w, self.inputs)
        return pull_back((softmax(logits, axis=-1) - self.labels) / len(self.inputs)) + self.ridge * w
