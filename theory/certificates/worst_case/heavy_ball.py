"""C21, SGD with momentum, as a tree with two outcomes a step.

Guarantee: upper, with ``F(w_0) - E[F(z_T) + h²Lm/2 ‖v_T‖²]`` for F0, which is what the proof has there. Two outcomes are a part of what A2
allows. At ``m = 0`` C21 is C16, which is attained.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PEPit import PEP, null_point

from tsla.theory import momentum, worst_case
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, halved_noise, solve, total, upper
from tsla.theory.certificates.worst_case.engine.trees import mean, smooth, unbiased
from tsla.theory.constants import Constants, shown

K1 = Constants(L=1, sigma2=1, F0=1)
NOISY = Constants(L=1, sigma2=4, F0=0.05)

SETTINGS = tuple(
    (Setting(K1, relative_step, T), m)
    for relative_step, m, steps in ((0.2, 0.5, (1, 2)), (0.05, 0.5, (2, 3)), (0.008, 0.9, (2, 3)))
    for T in steps
)
NEAR = tuple((Setting(NOISY, 0.4, T), 0.1) for T in (2, 3))
"""Where the bound is nearly attained, so that wrong versions of it can be refuted."""


def find(setting: Setting, m: float) -> Worst:
    """The largest ``E‖∇F(w_R)‖²``."""
    problem = PEP()
    F, start = smooth(problem, setting.smoothness)
    outcomes, eta, h = unbiased(problem, float(setting.k.sigma2)), setting.eta, setting.eta / (1 - m)
    states, squares = [(start, null_point)], []
    for _ in range(setting.T):
        gradients = [F.gradient(w) for w, _ in states]
        squares.append(mean([g**2 for g in gradients]))
        velocities = [m * v + d for (_, v), g in zip(states, gradients, strict=True) for d in outcomes(g)]
        states = [(states[i // 2][0] - eta * v, v) for i, v in enumerate(velocities)]
    weight = h**2 * setting.smoothness * m / 2
    potential = mean([F.value(w - h * m * v) + weight * v**2 for w, v in states])
    problem.set_initial_condition(F.value(start) - potential <= float(setting.k.F0))
    problem.set_performance_metric(mean(squares))
    return solve(problem)


def certificates() -> Iterable[Certificate]:
    """C21; then C21 where it is nearly attained, with wrong versions."""
    yield from (heavy_ball(*at) for at in SETTINGS)
    yield from (near(*at) for at in NEAR)


def heavy_ball(setting: Setting, m: float) -> Certificate:
    """C21 holds."""
    return _certificate(setting, m, find(setting, m))


def near(setting: Setting, m: float) -> Certificate:
    """C21 where it is nearly attained: half of σ², and C16 at the step size h, which is plain SGD, are refuted."""
    worst = find(setting, m)
    half = Wrong(worst, bound(replace(setting, k=halved_noise(setting.k)), m))
    plain = float(worst_case.sgd_bound(setting.k, eta=setting.eta / (1 - m), T=setting.T).total)
    return _certificate(setting, m, worst, (half, Wrong(worst, plain)))


def _certificate(setting: Setting, m: float, worst: Worst, wrong: tuple[Wrong, ...] = ()) -> Certificate:
    statement = f"E‖∇F(w_R)‖² ≤ [2F0/(hT) + hL(1+m)σ²]/(2 - hL(1+m)/(1-m)), h = η/(1-m); {setting}, m = {shown(m)}"
    return upper("C21", f"heavy ball, {setting.short}, m = {shown(m)}", statement, worst, bound(setting, m), wrong)


def bound(setting: Setting, m: float) -> float:
    """The formula of C21."""
    return total(momentum.bound, setting, momentum=m)
