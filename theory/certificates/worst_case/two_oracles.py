"""C18 for label-smoothed SGD with its two oracles as A2 and A3 have them, as trees with two outcomes a step.

Guarantee: the exact form of C18 is tight for one step, at ``η = 1/L``, and where F does not fall (``F0 → 0``), as in the long run. For two
and more steps of ``η < 1/L`` it is upper, and ``engine.mean_squares`` gives less. That is tight for ``T <= 2``, and against ``F*`` for
``T <= 3``: no law of the oracles is worse than two outcomes a step. For three steps against ``F(w_T)`` it is upper, and within 1e-4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from PEPit import PEP

from tsla.theory import sharp_exact
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine import mean_squares
from tsla.theory.certificates.worst_case.engine.mean_squares import Step
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, solve, tight, too_little, total, upper
from tsla.theory.certificates.worst_case.engine.trees import End, begin_above, mean_squared_gradient, run, smooth, two_oracles
from tsla.theory.constants import Constants, shown

FORMULA = "max over b² + n² = δσ² of {[(1-x)β + √((1-x)²β² + (2-x)(D + x(β²+N)))]/(2-x)}², D = 2(F0 - E F(w_T))/(ηT)"


@dataclass(frozen=True)
class Smoothed(Setting):
    """A setting with the strength of the smoothing."""

    theta: float

    @property
    def short(self) -> str:
        """What tells it from the others of its claim."""
        return f"{super().short}, δ = {shown(float(self.k.need_delta('C18')))}, θ = {shown(self.theta)}, F0 = {shown(float(self.k.F0))}"

    def __str__(self) -> str:
        return f"{super().__str__()}, θ = {shown(self.theta)}"


K1 = Constants(L=1, sigma2=1, delta=0.3, F0=0.5)
K2 = Constants(L=3, sigma2=2, delta=0.1, F0=0.5)
K3 = Constants(L=0.5, sigma2=0.8, delta=0.9, F0=2)
K4 = Constants(L=2, sigma2=0.5, delta=0.05, F0=1)
AT_REST = Constants(L=1, sigma2=1, delta=0.3, F0=1e-9)
"""F falls by nothing: what is left is the floor."""

ONE_STEP = tuple(
    Smoothed(k, relative_step, 1, theta)
    for k, relative_step, theta in (
        *((K1, relative_step, theta) for relative_step in (0.25, 0.5, 0.9) for theta in (0.2, 0.5)),
        *((K2, 0.8, theta) for theta in (0.5, 0.9, 1)),
        *((K3, relative_step, 0.5) for relative_step in (0.1, 1)),
        (K4, 0.3, 0.6),
    )
)
LARGEST_STEP = tuple(Smoothed(k, 1, T, theta) for k, T, theta in ((K1, 2, 0.5), (K2, 2, 0.9), (K3, 3, 0.3)))
STANDSTILL = tuple(Smoothed(AT_REST, relative_step, T, 0.5) for relative_step, T in ((0.5, 2), (0.25, 3)))
TWO_STEPS = (Smoothed(K1, 0.5, 2, 0.5), Smoothed(K2, 0.8, 2, 0.9), Smoothed(K3, 0.25, 2, 0.4), Smoothed(K4, 0.3, 2, 0.6))
THREE_STEPS = (replace(TWO_STEPS[0], T=3), replace(TWO_STEPS[1], T=3))


def find(setting: Smoothed, end: End = "F(w_T)") -> Worst:
    """The largest mean of ``E‖∇F(w_t)‖²`` over ``t < T`` where ``F(w_0)`` is at most F0 above its ``end``."""
    problem, k = PEP(), setting.k
    F, start = smooth(problem, setting.smoothness)
    outcomes = two_oracles(problem, float(k.sigma2), float(k.need_delta("C18")), setting.theta)
    levels = run(F, [start], outcomes, setting.eta, setting.T)
    begin_above(problem, levels, setting.smoothness, float(k.F0), end)
    problem.set_performance_metric(mean_squared_gradient(levels[:-1]))
    return solve(problem)


def certificates() -> Iterable[Certificate]:
    """Where the formula is exact; where it is not; where the mean squares are, against either end; and where they are upper."""
    yield from map(exact, (*ONE_STEP, *LARGEST_STEP, *STANDSTILL))
    yield from map(above, TWO_STEPS)
    yield from (by_mean_squares(setting, "F(w_T)") for setting in TWO_STEPS)
    yield from (by_mean_squares(setting, "F*") for setting in (*TWO_STEPS, *THREE_STEPS))
    yield from map(within_mean_squares, THREE_STEPS)


def exact(setting: Smoothed) -> Certificate:
    """The formula is attained. Half of σ² is refuted, and ``T + 1`` for T where that makes a difference."""
    worst = find(setting)
    return tight("C18", f"two oracles, {setting.short}", f"A = {FORMULA}; {setting}", worst, formula(setting), _wrong(setting, worst))


def above(setting: Smoothed) -> Certificate:
    """The formula holds."""
    worst = find(setting)
    return upper("C18", f"two oracles, {setting.short}", f"A ≤ {FORMULA}; {setting}", worst, formula(setting), _wrong(setting, worst))


def by_mean_squares(setting: Smoothed, end: End) -> Certificate:
    """The worst case in mean squares is attained by two outcomes a step. Half of σ², and a step more, are refuted."""
    worst = find(setting, end)
    bound = partial(mean_square, end=end)
    wrong = too_little(worst, bound, setting)
    statement = f"mean E‖∇F(w_t)‖² against {end} is its worst case in mean squares; {setting}"
    return tight("C18", f"mean squares against {end}, {setting.short}", statement, worst, bound(setting), wrong)


def within_mean_squares(setting: Smoothed) -> Certificate:
    """The worst case in mean squares is not exceeded. Half of σ², and a step more, are refuted."""
    worst = find(setting)
    wrong = too_little(worst, mean_square, setting)
    statement = f"mean E‖∇F(w_t)‖² against F(w_T) is at most its worst case in mean squares; {setting}"
    return upper("C18", f"mean squares against F(w_T), {setting.short}", statement, worst, mean_square(setting), wrong)


def formula(setting: Smoothed) -> float:
    """The exact form of C18."""
    return total(sharp_exact.bound, setting, theta=setting.theta)


def mean_square(setting: Smoothed, end: End = "F(w_T)") -> float:
    """The worst case in mean squares."""
    return mean_squares.worst(setting.k, [Step(setting.relative_step, setting.theta)] * setting.T, end=end)


def _wrong(setting: Smoothed, worst: Worst) -> tuple[Wrong, ...]:
    half, longer = too_little(worst, formula, setting)
    return (half,) if setting.k is AT_REST else (half, longer)
