"""Everything that is known about the variance of the smoothed direction, from bounds (A2, A3) or from measured moments."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import smoothing
from tsla.theory.constants import Array, real, strength
from tsla.theory.moments import Moments
from tsla.theory.representable import UnrepresentableError, representable
from tsla.theory.text import Json, Printed, aligned, extent, wrapped


@dataclass(frozen=True, eq=False, repr=False)
class Variance(Printed):
    """Second moments about ``∇F``, in units of ``‖∇F‖²``. None where the inputs don't determine the value.

    plain:       without smoothing, at ``theta = 0``: ``σ²`` or ``s²``
    smoothed:    of ĝ alone, at ``theta = 1``: ``δσ²`` or ``ŝ²``
    lemma:       upper bound ``V(θ)`` (C2)
    sharp:       ``U(θ)``, the smallest upper bound that the same assumptions give (C18)
    exact:       ``E‖g_LS - ∇F‖²`` (C11)
    theta:       the strength at which ``lemma``, ``sharp``, ``exact`` and ``shrinkage`` are taken
    theta_star:  minimiser of the exact second moment (C11)
    minimum:     the exact second moment at ``theta_star``
    shrinkage:   ``E‖(1-θ)g - ∇F‖²``, the control of C17
    """

    plain: Array
    smoothed: Array
    lemma: Array
    sharp: Array
    exact: Array | None
    theta: Array
    theta_star: Array | None
    minimum: Array | None
    shrinkage: Array | None

    def json(self) -> Json:
        """All of it, of single numbers, by these names; what the inputs don't determine is null."""
        return {name: None if value is None else float(value) for name, value in asdict(self).items()}

    def table(self) -> str:
        """A row a quantity beside its ratio to ``plain``, and of single numbers what follows."""
        if not np.all(self.plain):
            return "There is no variance to lower: sigma2 or s2 is 0."
        rows = [["", "value", "of plain"]]
        for label, value in (
            ("plain, theta = 0", self.plain),
            ("lemma V(theta)  (C2)", self.lemma),
            ("sharp lemma U(theta)  (C18)", self.sharp),
            ("exact  (C11)", self.exact),
            ("step (1-theta)eta instead  (C17)", self.shrinkage),
            (
                "" if self.theta_star is None else f"exact at its best theta* = {extent(self.theta_star)}  (C11)",
                self.minimum,
            ),
        ):
            if value is not None:
                rows.append([label, extent(value), extent(_ratio(value, self.plain))])
        head = f"E‖g_LS - ∇F‖² at theta = {extent(self.theta)}"
        return "\n".join([head, aligned(rows, right=frozenset({1, 2})), wrapped(self._verdict(), indent="  ", more="")])

    def _verdict(self) -> str:
        if shape := np.broadcast_shapes(*(np.shape(value) for value in asdict(self).values() if value is not None)):
            return f"Smallest and largest of arrays of shape {shape}."
        delta = _ratio(self.smoothed, self.plain)
        verdict = "The lemma promises a lower variance" if self.smoothed < self.plain else "The lemma promises nothing"
        return f"{verdict}: delta = {delta:.4g}; its own best theta is {float(smoothing.lemma_theta(delta)):g} (C10).{self._beyond()}"

    def _beyond(self) -> str:
        if self.exact is None:
            return " The exact values need --s2 --shat2 --c."
        if self.shrinkage is None:
            return " Whether that is more than a smaller step needs --grad2 (C17)."
        more = float(self.exact) < float(self.shrinkage)
        return f" Smoothing does {'more' if more else 'no more'} than the smaller step (C17)."


def from_bounds(*, sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike | None = None) -> Variance:
    """What A2 and A3 say (C2, C18); ``theta`` defaults to the paper's ``1/(1+δ)``. Without the covariance nothing is exact."""
    if theta is None:
        lemma, sharp = (of(sigma2, delta) for of in (smoothing.lemma_at_paper_theta, smoothing.sharp_at_paper_theta))
        t = smoothing.paper_theta(delta)
    else:
        lemma, sharp = (of(sigma2, delta, theta) for of in (smoothing.lemma, smoothing.sharp))
        t = strength(theta)
    alone = smoothing.lemma(sigma2, delta, 1.0)
    return Variance(real("sigma2", sigma2), alone, lemma, sharp, None, t, None, None, None)


@representable
def from_moments(
    *, s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, grad2: ArrayLike | None = None, theta: ArrayLike | None = None
) -> Variance:
    """What the moments say (C2, C18, C11, and with ``grad2 = ‖∇F‖²`` C17); ``theta`` defaults to the paper's ``s²/(s²+ŝ²)``.

    Raises ValueError where ``s2 = 0`` and no θ is given: δ has no meaning there.
    """
    found = Moments.of(s2=s2, shat2=shat2, c=c, grad2=grad2)
    t = found.s2 / (real("s2", s2, above=0) + found.shat2) if theta is None else strength(theta)
    star = found.theta_star
    return Variance(
        plain=np.asarray(found.s2),
        smoothed=np.asarray(found.shat2),
        lemma=np.asarray(found.lemma(t)),
        sharp=np.asarray(found.sharp(t)),
        exact=np.asarray(found.second_moment(t)),
        theta=np.asarray(t),
        theta_star=np.asarray(star),
        minimum=np.asarray(found.second_moment(star)),
        shrinkage=None if grad2 is None else np.asarray(found.shrunk.second_moment(t)),
    )


def _ratio(value: Array, plain: Array) -> Array:
    with np.errstate(over="ignore"):
        ratio = np.asarray(value / plain)
    if not np.isfinite(ratio).all():
        raise UnrepresentableError(f"{extent(value)} divided by {extent(plain)} overflows float64; rescale F")
    return ratio
