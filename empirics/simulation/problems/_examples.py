"""Objectives that are means over examples, ``F(w) = mean_i ℓ(y_i, f(w; x_i)) + (ridge/2) ‖w‖²``, on scikit-learn's real digits.

``ℓ(y, z) = -Σ_k y_k log softmax(z)_k``. The gradient of an example at the label q is ``J_i' (softmax(z_i) - q) + ridge w``, with the
Jacobian ``J_i`` of ``f(·; x_i)``: linear in q, so that smoothing the label mixes gradients (C1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from tsla.empirics.simulation.problems.problem import FiniteSum
from tsla.theory.constants import Array, real, step_count
from tsla.theory.moments import Moments

# Logits of the examples x at the weights w, shapes (..., d), (..., n, p) -> (..., n, K), and a function that maps r, of the shape of the
# logits, to Σ_i J_i' r_i, shape (..., d).
Model = Callable[[Array, Array], tuple[Array, Callable[[Array], Array]]]


@lru_cache
def digits(count: int) -> tuple[Array, Array]:
    """The first ``count`` digits: inputs (count, 64), scaled so that their mean ``‖x‖²`` is 1, and one-hot labels (count, 10)."""
    from sklearn.datasets import load_digits  # here, so that the problems without data start without scikit-learn

    data = load_digits()
    n = int(step_count("examples", count, at_least=10))
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
        return self._mean_gradients(w, self.inputs, self.labels)[0]

    def sample(self, w: Array, index: NDArray[np.intp], smooth: Array) -> tuple[Array, Array]:
        """Mean ``g`` and ``ĝ`` of the examples ``index``, at their labels and ``smooth``; (S, d), (S, B), (K,) -> (S, d) twice."""
        g, ghat = self._mean_gradients(w, self.inputs[index], self.labels[index], smooth)
        return g, ghat

    def _mean_gradients(self, w: Array, inputs: Array, *labels: Array) -> list[Array]:
        logits, pull_back = self.model(w, inputs)
        p = softmax(logits, axis=-1)
        return [pull_back((p - q) / inputs.shape[-2]) + self.ridge * w for q in labels]


@dataclass(frozen=True, eq=False)
class ExampleOracle:
    """Stochastic gradients of ``batch_size`` examples drawn with replacement, and of the same examples at the label ``smooth``, (K,).

    The same form as :class:`tsla.Oracle`, but it has to see the weights. ``smooth`` is the uniform label if None. What it
    draws has mean ``∇F`` (A2), and at w exactly the moments ``moments(w)``, which change along a run; ``sigma2`` bounds σ² over all w.
    """

    examples: FiniteSum = field(repr=False)
    sigma2: float
    batch_size: int = 1
    smooth: Array | None = None

    def __post_init__(self) -> None:
        step_count("batch_size", self.batch_size)
        real("sigma2", self.sigma2, above=0)
        classes = self.examples.labels.shape[1]
        label = real("smooth", self.label, at_least=0)
        if label.shape != (classes,) or abs(label.sum() - 1) > 1e-9:
            raise ValueError(f"smooth = {self.smooth} must be {classes} probabilities that add up to 1")

    @property
    def label(self) -> Array:
        """ŷ, (K,)."""
        classes = self.examples.labels.shape[1]
        return np.full(classes, 1 / classes) if self.smooth is None else self.smooth

    def draw_at(self, w: Array, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        """One sample of ``(g, ĝ)`` for each of S points; shapes (S, d), (S, d) -> (S, d), (S, d). ``gradient`` and ``out`` are not used."""
        index = rng.integers(0, len(self.examples.inputs), size=(len(gradient), self.batch_size), dtype=np.intp)
        return self.examples.sample(w, index, self.label)

    def moments(self, w: Array) -> Moments:
        """``‖∇F‖²``, ``σ²``, ``ŝ²``, ``c``, ``β²``, ``ν²`` (and so ``δ``) of what is drawn at the point w, (d,), exactly: by a full pass.

        Memory: 2 n d numbers.
        """
        n = len(self.examples.inputs)
        g, ghat = self.examples.sample(np.broadcast_to(w, (n, w.size)), np.arange(n)[:, None], self.label)
        G, Ghat = g.mean(axis=0), ghat.mean(axis=0)
        gg, hh, gh = (float(np.einsum("ij,ij->", a, b)) / n for a, b in ((g, g), (ghat, ghat), (g, ghat)))
        single = Moments.from_means(gg, hh, gh, float(G @ G), float(Ghat @ Ghat), float(G @ Ghat))
        return single.at_batch_size(self.batch_size)
