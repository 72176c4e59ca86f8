"""Smoothing alone under A4 (C15): LSR that is never dropped, with the burn-in of TSLA's first stage."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import lsr, smoothing
from tsla.theory.constants import Constants, target_squared
from tsla.theory.method import Method
from tsla.theory.plan import Plan, Stage, whole_steps
from tsla.theory.products import logarithm, product
from tsla.theory.representable import representable


@representable
def steps(constants: Constants, *, eps: ArrayLike) -> Plan:
    """Samples until ``E‖∇F(w_R)‖² <= ε²``, R uniform over the second stage, where ``V = 2δσ²/(1+δ) < ε²`` (C15).

    ``κ log⁺(2μF0/V)`` steps at ``η = 1/L`` leave a gap of at most ``V/μ`` (C7; this is TSLA's own T1); then C5 from there asks for
    ``2κV/(ε²-V)`` steps. Each stage is rounded up. Where ``V >= ε²``: never, and ``floor`` is V. Raises ValueError at ``δσ² = 0``, where
    the burn-in has no length.
    """
    target2, mu, delta = target_squared(eps), constants.need_mu("C15"), constants.need_delta("C15")
    V = lsr.floor(constants, claim="C15")
    lsr.need_error(constants, "C15")
    kappa, reachable = constants.L / mu, target2 > V
    burn_in = whole_steps(kappa * logarithm(2, mu, constants.F0, over=(V,)))
    T = np.maximum(
        np.where(reachable, whole_steps(product(2, constants.L, V, over=(mu, np.where(reachable, target2 - V, 1.0)))), np.inf), 1
    )
    theta = smoothing.paper_theta(delta)
    return Plan(
        "lsr-pl",
        "C15",
        ("A1", "A2", "A3", "A4"),
        (Stage(1 / constants.L, theta, burn_in), Stage(1 / constants.L, theta, T)),
        reachable=reachable,
        floor=V,
        why=lsr.STALLS,
    )


METHOD = Method(name="lsr-pl", claim="C15", needs="L mu sigma2 delta F0", steps=steps, reach=lsr.reach)
