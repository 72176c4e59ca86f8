"""C7, the first stage of TSLA under A4: gradient descent with errors ``‖e_t‖² <= V`` (``trees.inexact`` says why chance is no worse).

Guarantee: upper. The conditions for A4 are relaxed, so that the worst case may be smaller than what the program returns. Wrong versions are
refuted by strongly convex functions, whose conditions are exact, and which attain the floor. From one step C7 follows for every T1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tsla.theory import two_stage
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.last import last, mistaken
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, between, tight, upper
from tsla.theory.certificates.worst_case.engine.trees import PL, STRONGLY_CONVEX, inexact
from tsla.theory.constants import Constants

K1 = Constants(L=1, mu=0.5, sigma2=0.3, delta=1, F0=1)
K2 = Constants(L=2, mu=0.4, sigma2=0.6, delta=0.5, F0=1)
K3 = Constants(L=5, mu=0.5, sigma2=2, delta=0.25, F0=1)
AT_THE_FLOOR = (
    Constants(L=2, mu=1.5, sigma2=0.6, delta=1, F0=0.2),
    Constants(L=0.5, mu=0.2, sigma2=0.3, delta=0.5, F0=0.5),
)
"""``F0 = V/(2μ)``"""

SETTINGS = tuple(Setting(k, relative_step, T) for k, relative_step, T in ((K1, 1, 2), (K2, 0.5, 4), (K3, 1, 8)))
FLOORS = (Setting(AT_THE_FLOOR[0], 1, 2), Setting(AT_THE_FLOOR[1], 0.5, 4))
NEAR = (Setting(AT_THE_FLOOR[0], 1, 4), Setting(AT_THE_FLOOR[0], 1, 8))
"""Where the bound is nearly attained, so that wrong versions of it can be refuted."""


def find(setting: Setting, functions: type = PL) -> Worst:
    """The largest ``F(w_T) - F*`` with ``F(w_0) - F* <= F0``."""
    return last(setting, functions, lambda problem: inexact(problem, setting.error2), lambda level: level.value)


def certificates() -> Iterable[Certificate]:
    """One step; whole stages; the floor; whole stages where the bound is nearly attained, with wrong versions."""
    yield from (one_step(replace(setting, T=1)) for setting in SETTINGS)
    yield from map(stage, SETTINGS)
    yield from map(floor, FLOORS)
    yield from map(near, NEAR)


def one_step(setting: Setting) -> Certificate:
    """``F(w⁺) - F* <= (1-ημ)(F(w) - F*) + ημ V/(2μ)``, from which C7 follows by induction."""
    terms = {name: float(term) for name, term in two_stage.stage_one(setting.k, eta1=setting.eta, T1=1).terms.items()}
    kept = terms["optimisation"] / float(setting.k.F0)
    statement = f"F(w⁺) - F* ≤ (1-ημ)(F(w) - F*) + ημ V/(2μ), ‖e‖² ≤ V; {setting}"
    return upper("C7", f"one step, {setting.short}", statement, find(setting), terms["optimisation"] + (1 - kept) * terms["smoothing"])


def stage(setting: Setting, wrong: tuple[Wrong, ...] = ()) -> Certificate:
    """C7 for a whole stage."""
    statement = f"F(w_T) - F* ≤ (1-ημ)^T F0 + V/(2μ), ‖e_t‖² ≤ V; {setting}"
    return upper("C7", f"stage, {setting.short}", statement, find(setting), bound(setting), wrong)


def floor(setting: Setting) -> Certificate:
    """C16 on C7: from a gap of ``V/(2μ)`` it is never left. Attained by a strongly convex F, and not exceeded under A4: so it is exact."""
    worst = between(find(setting, STRONGLY_CONVEX), find(setting))
    level = float(two_stage.stage_one(setting.k, eta1=setting.eta, T1=setting.T).terms["smoothing"])
    wrong = (Wrong(worst, level / 2),)
    statement = f"F(w_T) - F* = V/(2μ) if F(w_0) - F* = V/(2μ), ‖e_t‖² ≤ V; {setting}"
    return tight("C16", f"the floor of C7, {setting.short}", statement, worst, level, wrong)


def near(setting: Setting) -> Certificate:
    """C7 where it is nearly attained: half of V, and L in place of μ, are refuted."""
    return stage(setting, mistaken(find(setting, STRONGLY_CONVEX), bound, setting))


def bound(setting: Setting) -> float:
    """The formula of C7."""
    return float(two_stage.stage_one(setting.k, eta1=setting.eta, T1=setting.T).total)
