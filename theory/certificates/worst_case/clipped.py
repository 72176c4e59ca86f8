"""C22, clipped SGD, as a tree with two outcomes a step.

A step is ``w⁺ = w - ηλg`` with ``λ = min(1, τ/‖g‖)``. With λ given it is linear, and that g is clipped by λ is a condition on the Gram
matrix: ``‖g‖² = τ²/λ²`` where ``λ < 1``, and ``‖g‖² <= τ²`` where ``λ = 1``. So the worst case is the largest value of programs, one for
each choice of the factors λ and of the chances of the outcomes. ``engine.clipped_search`` makes the choice.

Guarantee: what is found is attained by an instance, and the search may have missed a worse one. C22 is upper, with ``‖∇F(w_t)‖ <= S`` and
with ``F(w_0) - E F(w_T)`` for F0, which is what the proof has there. Without S the worst case is at least ``σ⁴/(16τ²)``, where clipped SGD
stands still. Of one step, the least progress along ∇F is tight, and so is the descent without noise at ``ηL = 1`` where nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PEPit import PEP, Point

from tsla.theory import clipping, worst_case
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.clipped_search import Branching, Clipped, search
from tsla.theory.certificates.worst_case.engine.program import Worst, Wrong, lower, solve, tight, total, upper
from tsla.theory.certificates.worst_case.engine.trees import smooth
from tsla.theory.constants import Constants, shown

NOISY = Constants(L=1, sigma2=0.25, F0=0.05)
BIASED = Constants(L=1, sigma2=0.4, F0=1e-5)
NOISIER = Constants(L=1, sigma2=1, F0=1e-4)
K3 = Constants(L=3, sigma2=0.5, F0=0.1)

SETTINGS = (Clipped(K3, 0.5, 1, 2.0, 1.2), Clipped(K3, 0.5, 2, 2.0, 1.2), Clipped(NOISY, 0.5, 2, 1.0, 0.6))
NEAR = (
    *(Clipped(NOISY, 1, T, 3.0, 1.0) for T in (1, 2)),
    *(Clipped(BIASED, 0.01, T, 1.0, 0.15) for T in (1, 2, 3)),
)
"""Where a wrong version of C22 can be refuted: where the noise, or where the bias, makes up most of it."""
FREE = (
    *(Clipped(BIASED, 0.1, T, 1.0) for T in (1, 2, 3)),
    *(Clipped(NOISIER, 0.05, T, clip) for clip in (1.0, 0.6) for T in (1, 2)),
)
STARTS = 8
"""Of the search."""

STILL = ((0.4, 1.0, 0.05), (0.4, 1.0, 0.5), (0.4, 1.0, 2.0), (1.0, 0.6, 0.6))
"""(σ², τ, ‖∇F‖): where clipping turns the step round, below τ, beyond it, and at it."""
QUIET = ((1.0, 1.0, 0.5, 1.0), (3.0, 1.0, 2.0, 2.0), (1.0, 0.5, 0.5, 1.0), (1.0, 1.0, 2.0, 0.5))
"""(L, ηL, ‖∇F‖, τ): attained; attained, at τ; with a smaller step, and with a clipped one."""

F_W = 5.0  # F(w): any value would do, and with this one no bound below is near 0

Lengths = Callable[[PEP, Point, float, float], None]
"""Asks that a g is clipped at τ by λ."""


def as_clipped(problem: PEP, g: Point, clip: float, factor: float) -> None:
    """``λ = min(1, τ/‖g‖)``."""
    if factor < 1:
        problem.add_constraint(g**2 == (clip / factor) ** 2)
    elif np.isfinite(clip):
        problem.add_constraint(g**2 <= clip**2)


def find(setting: Clipped, branchings: Sequence[Branching], lengths: Lengths = as_clipped) -> Worst:
    """The largest ``E‖∇F(w_R)‖²`` with these chances and factors, in the order of a heap, where ``F(w_0) - E F(w_T) <= F0``."""
    problem = PEP()
    F, start = smooth(problem, setting.smoothness)
    level, squares, remaining = [(1.0, start)], [], iter(branchings)
    for _ in range(setting.T):
        following = []
        for weight, w in level:
            gradient = F.gradient(w)
            squares.append(weight * gradient**2)
            if np.isfinite(setting.steepest):
                problem.add_constraint(gradient**2 <= setting.steepest**2)
            outcomes = _outcomes(problem, gradient, float(setting.k.sigma2), setting.clip, next(remaining), lengths)
            following += [(weight * chance, w - setting.eta * direction) for chance, direction in outcomes]
        level = following
    end = sum(weight * F.value(w) for weight, w in level)
    problem.set_initial_condition(F.value(start) - end <= float(setting.k.F0))
    problem.set_performance_metric(sum(squares) / setting.T)
    return solve(problem)


def worst(setting: Clipped) -> Worst:
    """The same at the chances and the factors that the search found."""
    return find(setting, search(setting, STARTS))


def linear(sigma2: float, clip: float, slope: float) -> Worst:
    """The largest ``E F(w⁺)`` after ``η = 1`` on a linear F with ``‖∇F‖ = slope``, with the outcomes that ``clipping.progress`` names."""
    problem, gradient = PEP(), Point()
    reach = float(np.hypot(clip - slope, np.sqrt(sigma2)))
    longer = clip + reach
    at = Branching(sigma2 / ((longer - slope) ** 2 + sigma2), (clip / longer, 1.0))
    problem.set_initial_condition(gradient**2 == slope**2)
    outcomes = _outcomes(problem, gradient, sigma2, clip, at, as_clipped)
    problem.set_performance_metric(F_W - sum(chance * (gradient * direction) for chance, direction in outcomes))
    return solve(problem)


def quiet(L: float, eta: float, slope: float, clip: float) -> Worst:
    """The largest ``F(w⁺)`` without noise where ``‖∇F(w)‖ = slope``."""
    problem = PEP()
    F, w = smooth(problem, L)
    gradient = F.gradient(w)
    problem.set_initial_condition(gradient**2 == slope**2)
    problem.set_performance_metric(F_W + F.value(w - eta * min(1.0, clip / slope) * gradient))
    return solve(problem)


def certificates() -> Iterable[Certificate]:
    """C22; C22 where it is nearly attained, with wrong versions; runs without S; and one step, without S and without noise."""
    yield from map(bounded, SETTINGS)
    yield from map(near, NEAR)
    yield from map(free, FREE)
    yield from (progress(*at) for at in STILL)
    yield from (descent(*at) for at in QUIET)


def bounded(setting: Clipped) -> Certificate:
    """C22 holds."""
    return _certificate(setting, worst(setting))


def near(setting: Clipped) -> Certificate:
    """C22 where it is nearly attained: half of what makes up most of it, of σ² or of the bias, is refuted."""
    found, terms = worst(setting), _terms(setting)
    lost = terms["noise"] / 2 if setting.k is NOISY else terms["clipping"] * 3 / 4  # the square of half the bias is a quarter
    return _certificate(setting, found, (Wrong(found, sum(terms.values()) - lost),))


def free(setting: Clipped) -> Certificate:
    """Without S the worst case is no less than where clipped SGD stands still, and exceeds that of plain SGD."""
    found = worst(setting)
    statement = f"sup E‖∇F(w_R)‖² ≥ σ⁴/(16τ²), without S and against F(w_T); {setting}"
    still = float(clipping.standstill(setting.k.sigma2, setting.clip))
    plain = Wrong(found, total(worst_case.sgd_bound, setting))
    return lower("C22", f"clipping without S, {setting.short}", statement, found, still, (plain,))


def progress(sigma2: float, clip: float, slope: float) -> Certificate:
    """The least progress is attained; without noise's part in it, and for half of σ², it is refuted."""
    found = linear(sigma2, clip, slope)
    wrong = tuple(Wrong(found, _after(s2, clip, slope)) for s2 in (0.0, sigma2 / 2))
    where = f"σ² = {shown(sigma2)}, τ = {shown(clip)}, ‖∇F‖ = {shown(slope)}"
    statement = f"E F(w⁺) = F(w) - ‖∇F‖(τ + ‖∇F‖ - √((τ-‖∇F‖)² + σ²))/2 for F linear, η = 1; {where}, F(w) = {shown(F_W)}"
    return tight("C22", f"least progress, {where}", statement, found, _after(sigma2, clip, slope), wrong)


def descent(L: float, relative_step: float, slope: float, clip: float) -> Certificate:
    """Without noise: attained where ``ηL = 1`` and nothing is clipped, where half as much again is refuted; else upper."""
    eta, fall = relative_step / L, slope * min(slope, clip)
    found, attained = quiet(L, eta, slope, clip), relative_step == 1 and slope <= clip
    where = f"L = {shown(L)}, ηL = {shown(relative_step)}, ‖∇F‖ = {shown(slope)}, τ = {shown(clip)}"
    statement = f"F(w⁺) {'=' if attained else '≤'} F(w) - (η/2)‖∇F‖ min(‖∇F‖, τ); {where}, F(w) = {shown(F_W)}"
    wrong = (Wrong(found, F_W - 0.75 * eta * fall),) if attained else ()
    return (tight if attained else upper)("C22", f"without noise, {where}", statement, found, F_W - eta / 2 * fall, wrong)


def _outcomes(problem: PEP, gradient: Point, sigma2: float, clip: float, at: Branching, lengths: Lengths) -> list[tuple[float, Point]]:
    """A2 with two outcomes: their chances and clipped directions."""
    noise, odds = Point(), at.chance / (1 - at.chance)
    problem.add_constraint(noise**2 <= sigma2)
    directions = []
    for size, factor in zip((odds**-0.5, -(odds**0.5)), at.factors, strict=True):
        g = gradient + size * noise
        lengths(problem, g, clip, factor)
        directions.append(factor * g)
    return list(zip((at.chance, 1 - at.chance), directions, strict=True))


def _certificate(setting: Clipped, found: Worst, wrong: tuple[Wrong, ...] = ()) -> Certificate:
    statement = f"E‖∇F(w_R)‖² ≤ 2(F0 - E F(w_T))/(ηT) + σ⁴/(16(τ-S)²) + ηLσ², ‖∇F‖ ≤ S; {setting}"
    return upper("C22", f"clipping, {setting.short}", statement, found, sum(_terms(setting).values()), wrong)


def _terms(setting: Clipped) -> dict[str, float]:
    said = clipping.bound(setting.k, eta=setting.eta, T=setting.T, clip=setting.clip, steepest=setting.steepest)
    return {name: float(term) for name, term in said.terms.items()}


def _after(sigma2: float, clip: float, slope: float) -> float:
    """``E F(w⁺)`` on a linear F with ``η = 1``, by the formula."""
    return F_W - slope * float(clipping.progress(sigma2, clip, slope))
