"""C5 and C16 for gradient descent with errors ``‖e_t‖² <= V``, and so for LSR (``trees.inexact`` says why chance makes it no worse).

Guarantee: at ``η = 1/L`` tight: ``2(F0 - F(w_T))/(ηT) + V`` is attained, and with ``F >= F*`` in place of ``F(w_T)`` the worst case is
``2F0/(ηT) + V(T-1)/T``, or C5 itself if only the mean of the ``‖e_t‖²`` is bounded. For smaller η upper. For larger η C5 is false.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Literal

from PEPit import PEP, Point

from tsla.theory import lsr, worst_case
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, solve, tight, too_far, too_little, total, upper
from tsla.theory.certificates.worst_case.engine.trees import End, begin_above, mean, mean_squared_gradient, run, smooth
from tsla.theory.constants import Constants

Bounded = Literal["each", "mean"]

K1 = Constants(L=1, sigma2=1, delta=0.5, F0=1)
K2 = Constants(L=3, sigma2=2, delta=0.25, F0=0.5)
K3 = Constants(L=0.5, sigma2=0.8, delta=0.9, F0=2)

SETTINGS = tuple(Setting(k, 1, T) for k, T in ((K1, 2), (K2, 4), (K3, 8)))
SMALLER_STEPS = (Setting(K1, 0.5, 2), Setting(K2, 0.8, 4), Setting(K3, 0.25, 8))

c5 = partial(total, lsr.bound)
"""The formula of C5."""


def find(setting: Setting, end: End = "F(w_T)", bounded: Bounded = "each") -> Worst:
    """The largest mean of ``‖∇F(w_t)‖²`` over ``t < T`` where ``F(w_0)`` is F0 above ``F(w_T)``, or above ``F* = inf F``."""
    problem = PEP()
    F, start = smooth(problem, setting.smoothness)
    errors: list[Point] = []

    def direction(gradient: Point) -> list[Point]:
        errors.append(Point())
        return [gradient + errors[-1]]

    levels = run(F, [start], direction, setting.eta, setting.T)
    sizes = [e**2 for e in errors]
    for size in sizes if bounded == "each" else [mean(sizes)]:
        problem.add_constraint(size <= setting.error2)
    begin_above(problem, levels, setting.smoothness, float(setting.k.F0), end)
    problem.set_performance_metric(mean_squared_gradient(levels[:-1]))
    return solve(problem)


def certificates() -> Iterable[Certificate]:
    """``η = 1/L`` against ``F(w_T)``, against ``F*``, and against ``F*`` with errors bounded in the mean; then smaller step sizes."""
    for check in (against_last, against_infimum, errors_in_the_mean):
        yield from map(check, SETTINGS)
    yield from map(smaller_steps, SMALLER_STEPS)


def against_last(setting: Setting) -> Certificate:
    """C5 with ``F0 - F(w_T)`` for F0 is attained; half of V, ``T + 1`` for T, and the step size ``1.1/L`` are refuted."""
    worst = find(setting)
    wrong = (*too_little(worst, c5, setting), too_far(find, c5, setting))
    statement = f"mean ‖∇F(w_t)‖² = 2(F0 - F(w_T))/(ηT) + V, ‖e_t‖² ≤ V; {setting}"
    return tight("C5", f"against F(w_T), {setting.short}", statement, worst, c5(setting), wrong)


def against_infimum(setting: Setting) -> Certificate:
    """``V(T-1)/T``: the last error comes too late to do harm. Half of V, ``T + 1`` for T, and ``V(T-2)/T`` are refuted."""
    worst, bound = find(setting, "F*"), value(setting)
    wrong = (*too_little(worst, value, setting), Wrong(worst, bound - setting.error2 / setting.T))
    statement = f"mean ‖∇F(w_t)‖² = 2F0/(ηT) + V(T-1)/T, F ≥ F*, ‖e_t‖² ≤ V; {setting}"
    return tight("C16", f"LSR against F*, {setting.short}", statement, worst, bound, wrong)


def errors_in_the_mean(setting: Setting) -> Certificate:
    """C5 uses its premise on the errors only summed over the run. Under that premise it is attained, also with ``F >= F*``."""
    worst = find(setting, "F*", "mean")
    statement = f"mean ‖∇F(w_t)‖² = 2F0/(ηT) + V, F ≥ F*, mean ‖e_t‖² ≤ V; {setting}"
    wrong = too_little(worst, c5, setting)
    return tight("C5", f"against F*, errors bounded in the mean, {setting.short}", statement, worst, c5(setting), wrong)


def smaller_steps(setting: Setting) -> Certificate:
    """C5 holds; below ``1/L`` the worst case is smaller."""
    statement = f"mean ‖∇F(w_t)‖² ≤ 2(F0 - F(w_T))/(ηT) + V, ‖e_t‖² ≤ V; {setting}"
    return upper("C5", f"against F(w_T), {setting.short}", statement, find(setting), c5(setting))


def value(setting: Setting) -> float:
    """The formula of C16 for LSR."""
    return float(worst_case.lsr_value(setting.k, T=setting.T))
