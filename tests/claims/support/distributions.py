"""Random finite sample spaces: joint distributions of a one-hot gradient g and a smoothing-label gradient ĝ, summed by brute force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tsla.theory.constants import Array
from tsla.theory.moments import Moments

KINDS = ("independent", "equal", "opposed", "zero", "near", "constant")


@dataclass(frozen=True, eq=False)
class Joint:
    """``p``: probabilities ``(n,)``; ``g``, ``ghat``: gradients ``(n, d)``; ∇F is the mean of g (A2)."""

    p: Array
    g: Array
    ghat: Array

    @property
    def gradient(self) -> Array:
        return np.asarray(self.p @ self.g)

    def mean_square(self, vectors: Array) -> float:
        return float(sum(p * float(v @ v) for p, v in zip(self.p, vectors, strict=True)))

    def about_gradient(self, direction: Array) -> float:
        """E‖direction - ∇F‖², one sample after the other."""
        return self.mean_square(direction - self.gradient)

    def smoothed(self, theta: float) -> float:
        """E‖g_LS - ∇F‖²."""
        return self.about_gradient(self.g + theta * (self.ghat - self.g))

    @property
    def s2(self) -> float:
        return self.about_gradient(self.g)

    @property
    def shat2(self) -> float:
        return self.about_gradient(self.ghat)

    @property
    def c(self) -> float:
        off, off_hat = self.g - self.gradient, self.ghat - self.gradient
        return float(sum(p * float(u @ v) for p, u, v in zip(self.p, off, off_hat, strict=True)))

    @property
    def grad2(self) -> float:
        return float(self.gradient @ self.gradient)

    @property
    def moments(self) -> Moments:
        """All six, with c kept within Cauchy-Schwarz, which its sum may miss by a rounding error."""
        mean = self.p @ self.ghat
        beta2, nu2 = float((mean - self.gradient) @ (mean - self.gradient)), self.mean_square(self.ghat - mean)
        limit = float(np.sqrt(self.s2) * np.sqrt(nu2))
        return Moments(self.grad2, self.s2, self.shat2, min(max(self.c, -limit), limit), beta2, nu2)

    @property
    def rounding(self) -> float:
        """What the sums above may be off by: some 1e-13 of the largest squared length."""
        return 1e-13 * (1 + self.mean_square(self.g) + self.mean_square(self.ghat) + self.grad2)


@st.composite
def joints(draw: st.DrawFn, kind: str | None = None) -> Joint:
    """Two to six samples in one to four dimensions; the kind says how ĝ depends on g."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    g = rng.normal(size=(n, d)) * draw(st.floats(0.1, 10)) + rng.normal(size=d)
    other = rng.normal(size=(n, d)) * draw(st.floats(0.1, 10))
    p = rng.dirichlet(np.ones(n))
    mean = p @ g
    ghat = {
        "independent": other,
        "equal": g,
        "opposed": mean - (g - mean) * draw(st.floats(0.1, 3)),
        "zero": np.zeros_like(g),
        "near": mean + 0.1 * other,
        "constant": np.broadcast_to(other[0], g.shape),
    }[kind or draw(st.sampled_from(KINDS))]
    return Joint(p, g, ghat)
