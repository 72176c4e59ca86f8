"""C15a, the last iterate of SGD under A4, as a tree with two outcomes a step.

Guarantee: upper. The conditions for A4 are relaxed, so that the worst case may be smaller than what the program returns; and two outcomes
are a part of what A2 allows. Wrong versions are refuted by strongly convex functions, whose conditions are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tsla.theory import sgd_pl
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.last import last_gradient, mistaken
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, total, upper
from tsla.theory.certificates.worst_case.engine.trees import PL, STRONGLY_CONVEX, unbiased
from tsla.theory.constants import Constants

K1 = Constants(L=1, mu=0.5, sigma2=0.3, F0=1)
K2 = Constants(L=3, mu=1, sigma2=0.6, F0=0.3)
NEARLY_ROUND = Constants(L=2, mu=1.8, sigma2=0.6, F0=0.3)  # F is nearly (L/2)‖w‖², on which C15a is nearly attained

SETTINGS = tuple(Setting(k, relative_step, T) for k, relative_step, T in ((K1, 1, 1), (K1, 1, 2), (K2, 0.5, 2), (K2, 0.5, 3)))
NEAR = (Setting(NEARLY_ROUND, 1, 2), Setting(NEARLY_ROUND, 1, 3))
"""Where the bound is nearly attained, so that wrong versions of it can be refuted."""

bound = partial(total, sgd_pl.last_iterate_bound)
"""The formula of C15a."""


def find(setting: Setting, functions: type = PL) -> Worst:
    """The largest ``E‖∇F(w_T)‖²`` with ``F(w_0) - F* <= F0``."""
    return last_gradient(setting, functions, lambda problem: unbiased(problem, float(setting.k.sigma2)))


def certificates() -> Iterable[Certificate]:
    """C15a; then C15a where it is nearly attained, with wrong versions."""
    yield from map(last_iterate, SETTINGS)
    yield from map(near, NEAR)


def last_iterate(setting: Setting, wrong: tuple[Wrong, ...] = ()) -> Certificate:
    """C15a holds."""
    statement = f"E‖∇F(w_T)‖² ≤ 2L(1-ημ)^T F0 + ηL²σ²/μ; {setting}"
    return upper("C15", f"C15a, {setting.short}", statement, find(setting), bound(setting), wrong)


def near(setting: Setting) -> Certificate:
    """C15a where it is nearly attained: half of σ², and L in place of μ, are refuted."""
    return last_iterate(setting, mistaken(find(setting, STRONGLY_CONVEX), bound, setting))
