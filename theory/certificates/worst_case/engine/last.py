"""The worst last iterate under A4, where the gap at the start is at most F0; and the wrong versions of a bound on it that this refutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PEPit import PEP, Expression

from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, halved_noise, solve
from tsla.theory.certificates.worst_case.engine.trees import Level, Outcomes, run, with_minimum


def last(setting: Setting, functions: type, outcomes: Callable[[PEP], Outcomes], measured: Callable[[Level], Expression]) -> Worst:
    """The largest that is ``measured`` after T steps with ``F(w_0) - F* <= F0``. ``functions`` are ``PL`` or ``STRONGLY_CONVEX``."""
    problem = PEP()
    F, start = with_minimum(problem, functions, setting.smoothness, float(setting.k.need_mu("A4")))
    levels = run(F, [start], outcomes(problem), setting.eta, setting.T)
    problem.set_initial_condition(levels[0].value <= float(setting.k.F0))
    problem.set_performance_metric(measured(levels[-1]))
    return solve(problem)


def last_gradient(setting: Setting, functions: type, outcomes: Callable[[PEP], Outcomes]) -> Worst:
    """The largest ``E‖∇F(w_T)‖²``."""
    return last(setting, functions, outcomes, lambda level: level.gradient2)


def mistaken(convex: Worst, bound: Callable[[Setting], float], setting: Setting) -> tuple[Wrong, ...]:
    """Half of σ², and with it of V; and L in place of μ. ``convex`` is a worst case of strongly convex functions, which are instances."""
    constants = (halved_noise(setting.k), replace(setting.k, mu=setting.k.L))
    return tuple(Wrong(convex, bound(replace(setting, k=k))) for k in constants)
