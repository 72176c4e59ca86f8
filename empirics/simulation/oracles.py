"""Stochastic gradients whose constants ``σ²``, ``β²``, ``ν²``, ``c`` are exact (A2, A3, C11, C12).

With ``ξ``, ``ξ'`` independent, of mean zero, ``E‖ξ‖² = E‖ξ'‖² = 1``, each coordinate of variance ``1/d``:

    g = ∇F + σ ξ                                         the one-hot oracle
    ĝ = ∇F + b + ν (ρ ξ + √(1-ρ²) ξ'),   ρ = c/(σν)      the smoothing-label oracle

Where the noise depends on w, ``ξ`` and ``ξ'`` are multiplied by ``√s(w)``, ``0 <= s <= 1``, and the constants are suprema over w.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.random import Generator

from tsla.theory.constants import ROUNDING, Array, must_be_one_of, shown, single

Bias = Literal["opposing", "fixed"]
Noise = Literal["normal", "rademacher", "student"]
Variance = Literal["constant", "rising", "falling"]

# The opposing bias has no direction where the gradient vanishes: it shrinks linearly to 0 where ‖∇F‖ is under this part of √β².
TIE_BREAK = 1e-3


@dataclass(frozen=True)
class Oracle:
    """The pair ``(g, ĝ)``. All constants are in units of ``‖∇F‖²``. Raises ValueError outside the ranges given.

    sigma2:  ``E‖g - ∇F‖² = σ²``, ``>= 0``
    beta2:   ``‖E ĝ - ∇F‖² <= β²``, ``>= 0``; an equality for ``fixed``, and for ``opposing`` wherever ``‖∇F‖ >= width``
    nu2:     ``E‖ĝ - Eĝ‖² = ν²``, ``>= 0``
    c:       ``E⟨g - ∇F, ĝ - ∇F⟩``, ``|c| <= σν``
    bias:    ``opposing``: ``b = -√β² ∇F/max(‖∇F‖, width)``, the rule of C13 in any dimension; ``fixed``: ``b = √β² (1, ..., 1)/√d``
    noise:   law of ``√d ξ_i``: standard normal, a fair sign (then ``‖ξ‖ = 1``), or Student's t, scaled to variance 1: heavy tails
    dof:     Student's degrees of freedom, ``> 2``; None for the other laws. Moments of order dof and above are infinite
    variance:  how the noise depends on w: ``constant``, not at all, ``s(w) = 1``; with ``r = ‖∇F(w)‖²/knee``, ``rising`` is
             ``s(w) = r/(1+r)``, which vanishes where ∇F does, and ``falling`` is ``s(w) = 1/(1+r)``, which is 1 there. At w the
             variances and the covariance are ``s(w)σ²``, ``s(w)ν²``, ``s(w)c``, and the fields their suprema; the bias is as it is
    knee:    the ``‖∇F‖²`` at which ``s(w)`` is 1/2, ``> 0``
    """

    sigma2: float
    beta2: float = 0.0
    nu2: float = 0.0
    c: float = 0.0
    bias: Bias = "opposing"
    noise: Noise = "normal"
    dof: float | None = None
    variance: Variance = "constant"
    knee: float = 1.0

    def __post_init__(self) -> None:
        for name in ("sigma2", "beta2", "nu2"):
            object.__setattr__(self, name, single(name, getattr(self, name), at_least=0))
        object.__setattr__(self, "c", single("c", self.c))
        largest = float(np.sqrt(self.sigma2) * np.sqrt(self.nu2))
        if abs(self.c) > largest * (1 + ROUNDING):
            raise ValueError(f"c = {shown(self.c)} must be at most sqrt(sigma2 * nu2) = {shown(largest)} in size (Cauchy-Schwarz)")
        single("knee", self.knee, above=0)
        for name, allowed in (("bias", get_args(Bias)), ("noise", get_args(Noise)), ("variance", get_args(Variance))):
            must_be_one_of(name, getattr(self, name), allowed)
        if self.noise == "student":
            single("dof", np.nan if self.dof is None else self.dof, above=2)
        elif self.dof is not None:
            raise ValueError(f"dof = {self.dof!r} must be None: {self.noise} noise has no degrees of freedom")

    @property
    def delta(self) -> float:
        """``δ = (β² + ν²)/σ²``, with which A3 holds. Raises ValueError at ``σ² = 0``."""
        return (self.beta2 + self.nu2) / single("sigma2", self.sigma2, above=0)

    @property
    def width(self) -> float:
        """The ``‖∇F‖`` under which the opposing bias is less than ``√β²``."""
        return float(TIE_BREAK * np.sqrt(self.beta2))

    def offset(self, gradient: Array) -> Array:
        """``b``, the bias where the true gradient is ``gradient``; shapes (..., d) -> (..., d)."""
        beta = np.sqrt(self.beta2)
        if self.bias == "fixed" or beta == 0:
            return np.full_like(gradient, beta / np.sqrt(gradient.shape[-1]))
        norm2: Array = np.einsum("...i,...i->...", gradient, gradient)
        factor: Array = -beta / np.maximum(np.sqrt(norm2), self.width)
        return gradient * factor[..., None]

    def share(self, gradient: Array) -> Array:
        """``s(w)``, the part of ``σ²``, ``ν²`` and ``c`` that the noise has where the true gradient is ``gradient``; (..., d) -> (...)."""
        r: Array = np.einsum("...i,...i->...", gradient, gradient) / self.knee
        if self.variance == "constant":
            return np.ones_like(r)
        return 1 / (1 + r) if self.variance == "falling" else r / (1 + r)

    def draw(self, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        """One sample of ``(g, ĝ)`` for each of S true gradients; shapes (S, d) -> (S, d), (S, d), both new, or in ``out``, (3, S, d).

        Both noises are always drawn, so that what is taken from ``rng`` depends only on the shape and the law of the noise: runs of
        different methods from the same seed see the same noise at the same step.
        """
        unit = 1 / np.sqrt(gradient.shape[-1])
        room = np.empty((3, *gradient.shape)) if out is None else out
        first, second, smoothed = room
        self._noise(room[:2], rng)
        if self.variance != "constant":
            scale = np.sqrt(self.share(gradient))[..., None]
            first *= scale
            second *= scale
        along, across = self.mixing()
        np.multiply(first, along * unit, out=smoothed)
        second *= across * unit
        smoothed += second
        smoothed += gradient
        if self.beta2:
            smoothed += self.offset(gradient)
        first *= np.sqrt(self.sigma2) * unit
        first += gradient
        return first, smoothed

    def draw_at(self, w: Array, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        """As :meth:`draw`; ``w``, where the gradients are those given, makes no difference beside them."""
        return self.draw(gradient, rng, out)

    def mixing(self) -> tuple[float, float]:
        """``νρ`` and ``ν√(1-ρ²)``; where σν = 0, c is 0 too and so is ρ."""
        nu = float(np.sqrt(self.nu2))
        largest = float(np.sqrt(self.sigma2)) * nu
        rho = 0.0 if largest == 0 else min(1.0, max(-1.0, self.c / largest))
        return nu * rho, nu * float(np.sqrt(1 - rho**2))

    def _noise(self, out: Array, rng: Generator) -> None:
        """Fill ``out``, an array without gaps."""
        if self.noise == "normal":
            rng.standard_normal(out=out)
        elif self.noise == "student":
            dof = float(self.dof or np.nan)  # never nan: __post_init__ has seen to it
            out[...] = rng.standard_t(dof, out.shape)
            out *= np.sqrt((dof - 2) / dof)
        else:
            out[...] = rng.integers(0, 2, size=out.shape, dtype=np.int8)
            out *= 2
            out -= 1
