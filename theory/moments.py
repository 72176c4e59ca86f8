"""The six moments of a stochastic gradient and its smoothing partner, and what C11, C12, C14 and C17 make of them.

All of it is one quadratic form, ``E‖g_LS - ∇F‖² = θ²β² + N(θ)``. A batch size divides ``s²``, ``c`` and ``ν²``, a step size multiplies
``N(θ)``, and ``ĝ = 0`` is one more pair of moments.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsla.theory.constants import ROUNDING, Array, batch, must_go_together, numeric, real, shown_where, strength
from tsla.theory.products import product
from tsla.theory.representable import UnrepresentableError, of_fitting_shapes, representable
from tsla.theory.text import Printed, aligned, extent

Value = float | Array


@dataclass(frozen=True, repr=False)
class Moments(Printed):
    """Moments of ``g_i = ∇ℓ(y_i, f(x_i))`` and ``ĝ_i = ∇ℓ(ŷ_i, f(x_i))`` over given examples as a finite population.

    With the means ``G`` and ``Ĝ``, so that ``∇F = G``; all in units of ``‖∇F‖²``, for batches of one:

    grad2:  ``‖G‖²``                      s2:     ``mean ‖g_i - G‖²``
    shat2:  ``mean ‖ĝ_i - G‖²``           c:      ``mean ⟨g_i - G, ĝ_i - G⟩``
    beta2:  ``‖Ĝ - G‖²``, squared bias    nu2:    ``shat2 - beta2``, noise of ĝ

    Numbers, or arrays that broadcast together; what follows from them has the same shape. They may lie where no moments can, as unbiased
    estimates do: what is linear in them stays so there. A method raises ValueError for θ outside its range, and UnrepresentableError for
    what overflows.
    """

    grad2: Value
    s2: Value
    shat2: Value
    c: Value
    beta2: Value
    nu2: Value

    def __post_init__(self) -> None:
        for name in MOMENTS:
            object.__setattr__(self, name, numeric(name, getattr(self, name)))
        must_go_together({name: getattr(self, name) for name in MOMENTS})

    @classmethod
    def from_means(cls, gg: float, hh: float, gh: float, GG: float, HH: float, GH: float) -> Moments:
        """From ``mean ‖g_i‖²``, ``mean ‖ĝ_i‖²``, ``mean ⟨g_i, ĝ_i⟩`` and ``‖G‖²``, ``‖Ĝ‖²``, ``⟨G, Ĝ⟩``, with rounding kept in bounds."""
        s2, shat2 = max(gg - GG, 0.0), max(hh - 2 * GH + GG, 0.0)
        beta2 = min(max(HH - 2 * GH + GG, 0.0), shat2)
        limit = (s2 * shat2) ** 0.5  # Cauchy-Schwarz, which rounding may leave by an ulp
        return cls(grad2=GG, s2=s2, shat2=shat2, c=min(max(gh - GH, -limit), limit), beta2=beta2, nu2=shat2 - beta2)

    @classmethod
    def of(cls, *, s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, grad2: ArrayLike | None = None) -> Moments:
        """What C11 needs, and with ``grad2`` C17. All of ŝ² counts as noise, so that it says nothing of another batch or step size.

        Raises ValueError for ``s2``, ``shat2`` or ``grad2`` below 0, and where ``c² > s² ŝ²``, which no pair of random vectors has.
        """
        a, b, cov = possible(s2, shat2, c)
        return cls(grad2=np.nan if grad2 is None else real("grad2", grad2, at_least=0), s2=a, shat2=b, c=cov, beta2=np.zeros_like(b), nu2=b)

    def table(self) -> str:
        """A row a moment, with what it is, and δ."""
        return "moments\n" + aligned([[name, self._said(name), what] for name, what in MEANING.items()], right=frozenset({1}))

    def _said(self, name: str) -> str:
        try:
            return extent(getattr(self, name))
        except UnrepresentableError:
            return "overflows"

    @representable
    def clipped(self) -> Moments:
        """Estimates, moved to where moments can be: no square below 0, and ``c² <= s² ν²``."""
        grad2, s2, beta2, nu2 = (_value(np.maximum(square, 0.0)) for square in (self.grad2, self.s2, self.beta2, self.nu2))
        limit = np.sqrt(s2) * np.sqrt(nu2)
        return Moments(grad2=grad2, s2=s2, shat2=beta2 + nu2, c=_value(np.clip(self.c, -limit, limit)), beta2=beta2, nu2=nu2)

    # --- C11: the second moment about ∇F of the smoothed direction

    @of_fitting_shapes
    def bias(self, theta: ArrayLike) -> Value:
        """``θ²β²``: what of the second moment neither a batch size nor a step size lowers (C12, C14)."""
        t = strength(theta)
        return _value(product(t, t, self.beta2))

    @of_fitting_shapes
    def noise(self, theta: ArrayLike) -> Value:
        """``N(θ) = (1-θ)²s² + θ²ν² + 2θ(1-θ)c``: the variance of the smoothed direction about its own mean (C12, exact)."""
        return _value(_noise(self.s2, self.nu2, self.c, strength(theta)))

    def second_moment(self, theta: ArrayLike) -> Value:
        """``E‖g_LS - ∇F‖² = (1-θ)²s² + θ²ŝ² + 2θ(1-θ)c = θ²β² + N(θ)`` (C11, exact)."""
        return self.floor(theta, 1.0)

    @of_fitting_shapes
    def lemma(self, theta: ArrayLike) -> Value:
        """``(1-θ)s² + θŝ²``: the variance lemma's bound on :meth:`second_moment` (C2)."""
        t = strength(theta)
        return _value(product(1 - t, self.s2) + product(t, self.shat2))

    @of_fitting_shapes
    def sharp(self, theta: ArrayLike) -> Value:
        """``((1-θ)s + θŝ)²``: the largest that :meth:`second_moment` can be, whatever c is (C18).

        Raises ValueError for an estimate of s² or ŝ² below 0, which has no root.
        """
        t = strength(theta)
        a, b = real("s2", self.s2, at_least=0), real("shat2", self.shat2, at_least=0)
        root = product(1 - t, np.sqrt(a)) + product(t, np.sqrt(b))
        return _value(product(root, root))

    @property
    def delta(self) -> Value:
        """``δ = ŝ²/s²``: A3 with equality. Infinite where the one-hot gradient has no variance; nan where a moment is.

        Raises UnrepresentableError where the quotient of two numbers overflows.
        """
        return _value(_ratio(self.shat2, self.s2))

    @property
    def theta_star(self) -> Value:
        """``θ* = (s² - c)/(s² + ŝ² - 2c)``, clipped to [0, 1]: the minimiser of :meth:`second_moment` (C11). It is θ° at ``ηL = 1``."""
        return self.theta_for_step(1.0)

    # --- C12, C14: batch sizes and step sizes

    def at_batch_size(self, B: int) -> Moments:
        """The moments of the mean over ``B`` examples drawn independently: noise falls as ``1/B``, the bias stays (C14)."""
        of = batch(B, "B")
        return replace(self, s2=self.s2 / of, c=self.c / of, nu2=self.nu2 / of, shat2=self.beta2 + self.nu2 / of)

    @of_fitting_shapes
    def floor(self, theta: ArrayLike, eta_L: ArrayLike) -> Value:
        """``θ²β² + ηL N(θ)``: what C12's bound does not fall below. C12 holds for ``0 < ηL <= 1``, which is not checked."""
        scale = real("eta_L", eta_L, at_least=0)
        return _value(_floor(np.asarray(self.bias(theta)), product(scale, self.noise(theta))))

    @of_fitting_shapes
    def slope(self, eta_L: ArrayLike = 1.0) -> Value:
        """``ηL(s² - c)``: half of how fast the floor falls with θ at ``θ = 0``."""
        with np.errstate(all="ignore"):  # an infinity is refused
            return _total("slope", real("eta_L", eta_L, at_least=0) * _total("slope", self.s2, -np.asarray(self.c)))

    @of_fitting_shapes
    def curvature(self, eta_L: ArrayLike = 1.0) -> Value:
        """``β² + ηL(s² + ν² - 2c)``: half of the floor's second derivative in θ; ``E‖g - ĝ‖²`` at ``ηL = 1``."""
        scale = real("eta_L", eta_L, at_least=0)
        with np.errstate(all="ignore"):
            return _total("curvature", self.beta2, scale * _total("curvature", self.s2, self.nu2, -2 * np.asarray(self.c)))

    def theta_for_step(self, eta_L: ArrayLike) -> Value:
        """``θ°(η) = ηL(s² - c)/(β² + ηL(s² + ν² - 2c))``, clipped to [0, 1]: the minimiser of :meth:`floor` (C12).

        0 where no θ makes more than a rounding error of a difference: there is nothing to smooth.
        """
        return _value(_theta_for_step(self, real("eta_L", eta_L, at_least=0)))

    @of_fitting_shapes
    def gain(self, theta: ArrayLike) -> Value:
        """``s² - N(θ) = θ(2(1-θ)(s² - c) + θ(s² - ν²))``: how much smoothing lowers the noise. Nothing of it cancels where θ is small."""
        t = strength(theta)
        first, second = self._gains(t)
        return _value(t * np.asarray(_total("gain", first, t * second)))

    def _gains(self, t: Array) -> tuple[Array, Array]:
        """``2(1-θ)(s² - c)`` and ``s² - ν²``: θ times the first and θ² times the second are the gain."""
        with np.errstate(all="ignore"):  # an infinity is refused
            first = _total("gain", 2 * (1 - t) * _total("gain", self.s2, -np.asarray(self.c)))
            return np.asarray(first), np.asarray(_total("gain", self.s2, -np.asarray(self.nu2)))

    @of_fitting_shapes
    def critical_batch_size(self, theta: ArrayLike = 1.0, *, eta_L: ArrayLike = 1.0) -> Value:
        """``ηL(s² - N(θ))/(θ²β²)``: smoothing at θ lowers the floor of batches of B iff B is below it (C14, exact).

        At ``ηL = 1`` that is their second moment, and ``B_c(1) = (s² - ν²)/β²`` is where their δ is 1. Negative or 0: at no batch size.
        Infinite where ``β² = 0`` and N is smaller than ``s²``: at every one. Raises ValueError for ``θ = 0``, which changes nothing.
        """
        t, scale = real("theta", theta, above=0, at_most=1), real("eta_L", eta_L, at_least=0)
        (a, b), unbiased = self._gains(t), np.asarray(self.beta2) == 0
        bias = np.where(unbiased, 1.0, self.beta2)
        with np.errstate(all="ignore"):
            size = np.sign(a) * product(scale, np.abs(a), over=(t, bias)) + np.sign(b) * product(scale, np.abs(b), over=(bias,))
        if not np.isfinite(size).all():
            raise UnrepresentableError("the critical batch size overflows float64 for these constants; there may as well be no bias")
        return _value(np.sign(size) * np.where(unbiased & (size != 0), np.inf, np.abs(size)))

    # --- C17: beyond a smaller step

    @property
    def shrunk(self) -> Moments:
        """The shrinkage control: the same with ``ĝ = 0``, of which label-smoothed SGD is plain SGD with step ``(1-θ)η``.

        Its direction ``(1-θ)g`` still counts as variance reduction in the paper's lemma, with ``δ0 = ‖∇F‖²/s²``. That smoothing lowered
        a variance is about smoothing only beyond this control.
        """
        return replace(self, shat2=self.grad2, c=0.0, beta2=self.grad2, nu2=0.0)

    @of_fitting_shapes
    def beyond(self, theta: ArrayLike) -> Value:
        """``E‖g_LS - ∇F‖² - E‖(1-θ)g - ∇F‖² = θ²(ŝ² - ‖∇F‖²) + 2θ(1-θ)c``, exact: negative where smoothing does more than shrink."""
        t = strength(theta)
        with np.errstate(all="ignore"):  # θ² by itself may vanish
            return _total("beyond", t * (t * _total("beyond", self.shat2, -np.asarray(self.grad2))), 2 * t * (1 - t) * self.c)

    def excess(self, theta: ArrayLike) -> Value:
        """``E‖g_LS - ∇F‖² - E‖g - ∇F‖²``, exact: negative where smoothing lowers the second moment."""
        return _total("excess", self.bias(theta), -np.asarray(self.gain(theta)))


MEANING = {
    "grad2": "‖∇F‖²",
    "s2": "E‖g-∇F‖²",
    "shat2": "E‖ĝ-∇F‖²",
    "c": "E⟨g-∇F, ĝ-∇F⟩",
    "beta2": "‖Eĝ-∇F‖²",
    "nu2": "E‖ĝ-Eĝ‖²",
    "delta": "shat2/s2 (A3)",
}
"""Each moment, and δ, in the notation of the paper."""
MOMENTS = tuple(field.name for field in fields(Moments))


def possible(s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, names: tuple[str, str] = ("s2", "shat2")) -> tuple[Array, Array, Array]:
    """The three second moments as arrays, checked: ``s², ŝ² >= 0`` and ``c² <= s² ŝ²``. A refusal calls the first two by ``names``."""
    a, b, cov = real(names[0], s2, at_least=0), real(names[1], shat2, at_least=0), real("c", c)
    must_go_together({names[0]: a, names[1]: b, "c": cov})
    outside = _outside(a, b, cov)
    if outside.any():
        worst, bound = shown_where(outside, cov, np.sqrt(a) * np.sqrt(b))
        raise ValueError(f"c = {worst} must lie within ±sqrt({names[0]}*{names[1]}) = ±{bound} (Cauchy-Schwarz)")
    return a, b, cov


@representable
def _noise(a: ArrayLike, b: ArrayLike, c: ArrayLike, t: Array) -> Array:
    """``(1-t)²a + t²b + 2t(1-t)c``."""
    first, second = product(1 - t, 1 - t, a), product(t, t, b)
    total = first + second + product(2, t, 1 - t, c)
    # A negative c may cancel nearly all of it, down to less than 0. Where moments can lie, the rest is taken as two squares' worth.
    root_a, root_b = (np.sqrt(np.maximum(square, 0)) for square in (a, b))
    apart = np.abs((1 - t) * root_a - t * root_b)
    squares = product(apart, apart) + product(2, t, 1 - t, np.maximum(c + root_a * root_b, 0))
    cancels = (total < (first + second) / 2) & (np.minimum(a, b) >= 0) & ~_outside(a, b, c)
    return np.where(cancels, squares, total)


@representable
def _floor(bias: Array, noise: Array) -> Array:
    """Their sum."""
    return bias + noise


@representable
def _theta_for_step(m: Moments, eta_L: Array) -> Array:
    """The θ in [0, 1] at which the floor is least."""
    slope, curvature = m.slope(eta_L), m.curvature(eta_L)
    rounding = ROUNDING * (m.beta2 + eta_L * (m.s2 + m.nu2))
    flat = curvature <= rounding
    return np.where(flat, slope > rounding, np.clip(slope / np.maximum(curvature, rounding), 0, 1))


def _ratio(p: ArrayLike, q: ArrayLike) -> Array:
    """``p/q``, infinite where q is not above 0. Raises UnrepresentableError where it overflows."""
    none = np.less_equal(q, 0)
    with np.errstate(all="ignore"):
        ratio = p / np.where(none, 1.0, q)
    if (np.isinf(ratio) & np.isfinite(p)).any():
        raise UnrepresentableError("delta = shat2/s2 overflows float64: s2 is next to 0; rescale F")
    return np.where(none, np.inf, ratio)


def _outside(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> NDArray[np.bool_]:
    """Whether Cauchy-Schwarz fails, by more than measured moments miss it."""
    limit = np.sqrt(np.maximum(a, 0)) * np.sqrt(np.maximum(b, 0))
    with np.errstate(over="ignore"):
        return np.asarray(np.abs(c) > limit + ROUNDING * np.add(a, b))


def _total(name: str, *terms: ArrayLike) -> Value:
    """Their sum, in which what is unknown stays nan. Raises UnrepresentableError, by this name, for an infinity."""
    total = np.zeros(())
    with np.errstate(all="ignore"):
        for term in terms:
            total = total + np.asarray(term)
    if any(np.isinf(part).any() for part in (*terms, total)):
        raise UnrepresentableError(f"{name} overflows float64 for these moments; rescale F")
    return _value(np.asarray(total))


def _value(found: Array) -> Value:
    """A number in place of an array without dimensions."""
    value: Value = np.asarray(found)[()]
    return value
