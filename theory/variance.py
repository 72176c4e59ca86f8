"""Everything that is known about the variance of the smoothed direction, from bounds (A2, A3) or from measured moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import smoothing
from tsla.theory.constants import Array, real, representable, strength
from tsla.theory.moments import Moments


@dataclass(frozen=True, eq=False)
class Variance:
    """Second moments about ``∇F``, in units of ``‖∇F‖²``. None where the inputs don't determine the value.

    lemma:       upper bound ``V(θ)`` (C2)
    exact:       ``E‖g_LS - ∇F‖²`` (C11)
    theta:       the strength at which ``lemma``, ``exact`` and ``shrinkage`` are taken
    theta_star:  minimiser of the exact second moment (C11)
    minimum:     the exact second moment at ``theta_star``
    shrinkage:   ``E‖(1-θ)g - ∇F‖²``, the control of C17
    """

    lemma: Array
    exact: Array | None
    theta: Array
    theta_star: Array | None
    minimum: Array | None
    shrinkage: Array | None


def from_bounds(*, sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike | None = None) -> Variance:
    """What A2 and A3 say (C2); ``theta`` defaults to the paper's ``1/(1+δ)``. Without the covariance nothing is exact."""
    if theta is None:
        return Variance(smoothing.lemma_at_paper_theta(sigma2, delta), None, smoothing.paper_theta(delta), None, None, None)
    return Variance(smoothing.lemma(sigma2, delta, theta), None, strength(theta), None, None, None)


@representable
def from_moments(
    *, s2: ArrayLike, shat2: ArrayLike, c: ArrayLike, grad2: ArrayLike | None = None, theta: ArrayLike | None = None
) -> Variance:
    """What the moments say (C2, C11, and with ``grad2 = ‖∇F‖²`` C17); ``theta`` defaults to the paper's ``s²/(s²+ŝ²)``.

    Raises ValueError where ``s2 = 0`` and no θ is given: δ has no meaning there.
    """
    found = Moments.of(s2=s2, shat2=shat2, c=c, grad2=grad2)
    t = found.s2 / (real("s2", s2, above=0) + found.shat2) if theta is None else strength(theta)
    star = found.theta_star
    return Variance(
        lemma=np.asarray(found.lemma(t)),
        exact=np.asarray(found.second_moment(t)),
        theta=np.asarray(t),
        theta_star=np.asarray(star),
        minimum=np.asarray(found.second_moment(star)),
        shrinkage=None if grad2 is None else np.asarray(found.shrunk.second_moment(t)),
    )
