"""The constants of the theory as z3 reals, and the premises that many steps share, by the names under which mutants drop them."""

from __future__ import annotations

import z3

from tsla.theory.certificates.algebra.engine.obligation import Formula

L, mu, sigma2, delta, F0, eps2 = z3.Reals("L mu sigma2 delta F0 eps2")
eta, T, t, theta, V = z3.Reals("eta T t theta V")
F, F_next, grad2, gap, gap_next, start = z3.Reals("F F_next grad2 gap gap_next start")
"""Expected values of one step: F(w), F(w⁺), ‖∇F(w)‖², F(w) - F*, F(w⁺) - F*; and F(w_0) - F*."""
beta2, nu2, s2, shat2, c, batch = z3.Reals("beta2 nu2 s2 shat2 c batch")
"""Moments, and the number of examples in a batch, which the claims call B."""

Premises = dict[str, Formula]

SMOOTH: Premises = {"L > 0": L > 0}
STEP: Premises = {**SMOOTH, "eta > 0": eta > 0, "eta <= 1/L": eta * L <= 1}
PL: Premises = {"mu > 0": mu > 0, "mu <= L": mu <= L}
NOISE: Premises = {"sigma2 >= 0": sigma2 >= 0}
NOISY: Premises = {"sigma2 > 0": sigma2 > 0}
ORACLE: Premises = {"delta >= 0": delta >= 0}
SMOOTHING: Premises = {"delta > 0": delta > 0}
STRENGTH: Premises = {"theta >= 0": theta >= 0, "theta <= 1": theta <= 1}
START: Premises = {"F0 > 0": F0 > 0}
LONG: Premises = {"T > 0": T > 0}
TARGET: Premises = {"eps > 0": eps2 > 0}
FLOOR: Premises = {"V >= 0": V >= 0}
