"""C3, one step along any direction: ``F(w - ηd) <= F(w) - (η/2)‖∇F(w)‖² + (η/2)‖d - ∇F(w)‖²`` for ``η <= 1/L``.

Guarantee: tight at ``η = 1/L`` for all lengths of ``∇F`` and ``d - ∇F``; for smaller η upper, and tight where the two are equal. False for
``η > 1/L``. Summed over any number of steps it gives C5.
"""

from __future__ import annotations

from collections.abc import Iterable

from PEPit import PEP, Expression, Point

from tsla.theory import sgd
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.program import Worst, Wrong, solve, tight
from tsla.theory.certificates.worst_case.engine.trees import smooth
from tsla.theory.constants import shown

FORMULA = "F(w - ηd) ≤ F(w) - (η/2)‖∇F‖² + (η/2)‖d - ∇F‖²"

GIVEN = ((1.0, 2.0, 1.0), (4.0, 1.0, 3.0), (0.5, 1.5, 0.5))
"""(L, ‖∇F‖², ‖d - ∇F‖²)"""

ANY = ((1.0, 1.0), (4.0, 0.5), (0.5, 0.1))
"""(L, ηL)"""

F_W = 5.0  # F(w): any value would do, and with this one no bound below is near 0


def worst_case(L: float, eta: float, grad2: float, error2: float) -> Worst:
    """The largest ``F(w - ηd)`` where ``F(w)``, ``‖∇F(w)‖²`` and ``‖d - ∇F(w)‖²`` are given."""
    problem, gradient, error, rise = _step(L, eta)
    problem.set_initial_condition(gradient**2 == grad2)
    problem.add_constraint(error**2 == error2)
    problem.set_performance_metric(F_W + rise)
    return solve(problem)


def worst_excess(L: float, eta: float) -> Worst:
    """The largest ``F(w - ηd) + (η/2)‖∇F‖² - (η/2)‖d - ∇F‖²`` over all gradients and directions, on the scale ``‖∇F‖² + ‖d - ∇F‖² = 1``."""
    problem, gradient, error, rise = _step(L, eta)
    problem.set_initial_condition(gradient**2 + error**2 == 1)
    problem.set_performance_metric(F_W + rise - _coefficient(eta, 1, 0) * gradient**2 - _coefficient(eta, 0, 1) * error**2)
    return solve(problem)


def formula(eta: float, grad2: float, error2: float) -> float:
    """C3 for an F that is just smooth enough for this η. The formula itself has no L, and outside its premise it is a wrong version."""
    return float(sgd.descent(F_W, grad2, error2, L=1 / eta, eta=eta))


def certificates() -> Iterable[Certificate]:
    """Given lengths at ``η = 1/L``; all lengths at once for several ``η <= 1/L``."""
    yield from (given(*setting) for setting in GIVEN)
    yield from (anything(*setting) for setting in ANY)


def given(L: float, grad2: float, error2: float) -> Certificate:
    """Equality at ``η = 1/L``; half of the error term, and the step size ``1.1/L``, are refuted."""
    worst, bound = worst_case(L, 1 / L, grad2, error2), formula(1 / L, grad2, error2)
    wrong = (
        Wrong(worst, formula(1 / L, grad2, error2 / 2)),
        Wrong(worst_case(L, 1.1 / L, grad2, error2), formula(1.1 / L, grad2, error2)),
    )
    where = f"L = {shown(L)}, ‖∇F‖² = {shown(grad2)}, ‖d - ∇F‖² = {shown(error2)}"
    return tight("C3", f"given lengths, {where}", f"{FORMULA}, {where}, ηL = 1, F(w) = {shown(F_W)}", worst, bound, wrong)


def anything(L: float, relative_step: float) -> Certificate:
    """No direction and no gradient exceed it, and standing still (``d = 0``) attains it; at ``η = 1.1/L`` some exceed it."""
    bound = formula(relative_step / L, 0, 0)
    wrong = (Wrong(worst_excess(L, 1.1 / L), bound),)
    where = f"L = {shown(L)}, ηL = {shown(relative_step)}"
    statement = f"{FORMULA}, {where}, all ∇F and d; both sides with F(w) = {shown(F_W)} and all but F(w) on the left"
    return tight("C3", f"all directions, {where}", statement, worst_excess(L, relative_step / L), bound, wrong)


def _coefficient(eta: float, grad2: float, error2: float) -> float:
    return formula(eta, grad2, error2) - F_W


def _step(L: float, eta: float) -> tuple[PEP, Point, Point, Expression]:
    problem = PEP()
    F, w = smooth(problem, L)
    gradient, error = F.gradient(w), Point()
    return problem, gradient, error, F.value(w - eta * (gradient + error))
