"""C19, the last iterate of smoothed SGD under A4: gradient descent with errors ``‖e_t‖² <= V``.

Chance is no worse, as ``trees.inexact`` says.

Guarantee: upper. The conditions for A4 are relaxed, so that the worst case may be smaller than what the program returns. Wrong versions are
refuted by strongly convex functions, whose conditions are exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from tsla.theory import last_iterate
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.last import last_gradient, mistaken
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, total, upper
from tsla.theory.certificates.worst_case.engine.trees import PL, STRONGLY_CONVEX, inexact
from tsla.theory.constants import Constants

K1 = Constants(L=1, mu=0.5, sigma2=0.3, delta=1, F0=1)
K2 = Constants(L=2, mu=0.4, sigma2=0.6, delta=0.5, F0=1)
NEARLY_ROUND = Constants(L=2, mu=1.9, sigma2=0.6, delta=1, F0=0.2)  # F is nearly (L/2)‖w‖², on which C19 is nearly attained

SETTINGS = tuple(Setting(k, relative_step, T) for k, relative_step, T in ((K1, 1, 1), (K1, 1, 2), (K2, 0.5, 2), (K2, 0.5, 4)))
NEAR = (Setting(NEARLY_ROUND, 1, 2), Setting(NEARLY_ROUND, 1, 4))
"""Where the bound is nearly attained, so that wrong versions of it can be refuted."""

bound = partial(total, last_iterate.bound)
"""The formula of C19."""


def find(setting: Setting, functions: type = PL) -> Worst:
    """The largest ``‖∇F(w_T)‖²`` with ``F(w_0) - F* <= F0``."""
    return last_gradient(setting, functions, lambda problem: inexact(problem, setting.error2))


def certificates() -> Iterable[Certificate]:
    """C19; then C19 where it is nearly attained, with wrong versions."""
    yield from map(smoothed, SETTINGS)
    yield from map(near, NEAR)


def smoothed(setting: Setting, wrong: tuple[Wrong, ...] = ()) -> Certificate:
    """C19 of C7 holds."""
    statement = f"‖∇F(w_T)‖² ≤ 2L(1-ημ)^T F0 + LV/μ, ‖e_t‖² ≤ V; {setting}"
    return upper("C19", f"smoothed, {setting.short}", statement, find(setting), bound(setting), wrong)


def near(setting: Setting) -> Certificate:
    """C19 where it is nearly attained: half of V, and L in place of μ, are refuted."""
    return smoothed(setting, mistaken(find(setting, STRONGLY_CONVEX), bound, setting))
