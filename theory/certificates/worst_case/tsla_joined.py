"""C8, both stages of TSLA under A4 in one run: steps with errors ``‖e_t‖² <= V``, then SGD as a tree with two outcomes a step.

Guarantee: upper. The conditions for A4 are relaxed, so that the worst case may be smaller than what the program returns; and two outcomes
are a part of what A2 allows. (That there is no chance in the first stage is no restriction: see ``trees.inexact``.) Wrong versions are
refuted by strongly convex functions, whose conditions are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PEPit import PEP

from tsla.theory import two_stage
from tsla.theory.bound import Bound
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, solve, upper
from tsla.theory.certificates.worst_case.engine.trees import (
    PL,
    STRONGLY_CONVEX,
    inexact,
    mean_squared_gradient,
    run,
    unbiased,
    with_minimum,
)
from tsla.theory.constants import Constants, shown


@dataclass(frozen=True)
class Stages:
    """Constants, and of each stage ``eta * L`` and the number of steps."""

    k: Constants
    relative_step1: float
    T1: int
    relative_step2: float
    T2: int

    @property
    def first(self) -> Setting:
        """The smoothed stage."""
        return Setting(self.k, self.relative_step1, self.T1)

    @property
    def second(self) -> Setting:
        """The plain stage."""
        return Setting(self.k, self.relative_step2, self.T2)

    @property
    def bound(self) -> Bound:
        """C8."""
        return two_stage.bound(self.k, eta1=self.first.eta, T1=self.T1, eta2=self.second.eta, T2=self.T2)


def half_the_gap(bound: Bound) -> float:
    """A wrong version: ``gap/(η2 T2)``, without the factor 2."""
    return (float(bound.total) + float(bound.terms["noise"])) / 2


def no_floor(bound: Bound) -> float:
    """A wrong version: the first stage ends at the minimum if only it is long enough."""
    return float(bound.total) - float(bound.terms["smoothing"])


K1 = Constants(L=1, mu=0.5, sigma2=0.5, delta=0.5, F0=1)
K2 = Constants(L=2, mu=0.5, sigma2=1, delta=0.25, F0=1)
K3 = Constants(L=3, mu=1, sigma2=0.5, delta=0.5, F0=0.5)
NEARLY_ROUND = Constants(L=2, mu=1.8, sigma2=0.6, delta=0.9, F0=1)  # F is nearly (L/2)‖w‖², on which C8 gives away least

SETTINGS = (Stages(K1, 1, 2, 1, 1), Stages(K2, 1, 4, 0.5, 2), Stages(K3, 0.8, 3, 0.25, 2))
NEAR = ((Stages(NEARLY_ROUND, 0.1, 1, 1, 1), half_the_gap), (Stages(NEARLY_ROUND, 1, 3, 0.5, 2), no_floor))
"""Where a wrong version can be refuted: where the start, or where the floor of the first stage, makes up most of the bound."""


def find(stages: Stages, functions: type = PL) -> Worst:
    """The largest ``E‖∇F(w_R)‖²`` over the second stage with ``F(w_0) - F* <= F0``."""
    problem, k = PEP(), stages.k
    F, start = with_minimum(problem, functions, float(k.L), float(k.need_mu("C8")))
    smoothed = run(F, [start], inexact(problem, stages.first.error2), stages.first.eta, stages.T1)
    plain = run(F, smoothed[-1].points, unbiased(problem, float(k.sigma2)), stages.second.eta, stages.T2 - 1)
    problem.set_initial_condition(smoothed[0].value <= float(k.F0))
    problem.set_performance_metric(mean_squared_gradient(plain))
    return solve(problem)


def certificates() -> Iterable[Certificate]:
    """C8; then C8 where a wrong version can be refuted."""
    yield from map(joined, SETTINGS)
    yield from (near(*case) for case in NEAR)


def joined(stages: Stages, wrong: tuple[Wrong, ...] = ()) -> Certificate:
    """C8 holds."""
    where = f"T1 = {stages.T1}, T2 = {stages.T2}, η1L = {shown(stages.relative_step1)}, η2L = {shown(stages.relative_step2)}"
    statement = f"E‖∇F(w_R)‖² ≤ 2((1-η1μ)^T1 F0 + V/(2μ))/(η2T2) + η2Lσ²; first stage {stages.first}; second stage {stages.second}"
    return upper("C8", f"both stages, {where}, L = {shown(stages.k.L)}", statement, find(stages), float(stages.bound.total), wrong)


def near(stages: Stages, mistake: Callable[[Bound], float]) -> Certificate:
    """C8 holds, and the wrong version doesn't."""
    return joined(stages, (Wrong(find(stages, STRONGLY_CONVEX), mistake(stages.bound)),))
