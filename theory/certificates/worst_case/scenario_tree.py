"""C4, C5 and C16 for random steps: SGD and label-smoothed SGD as trees with two outcomes a step.

Guarantee, always with ``F0 - E F(w_T)`` for F0: C16 tight for ``0 < η < 2/L``; two outcomes are enough to attain it. C4 tight at
``η = 1/L``, for smaller η upper (too large by the factor ``2 - ηL``), beyond ``1/L`` false. C5 tight at ``η = 1/L``, beyond it false.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from tsla.theory import lsr, sgd, worst_case
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra import sgd as proof_of_sgd
from tsla.theory.certificates.algebra import worst_case as proof_of_worst_case
from tsla.theory.certificates.algebra.engine import formulas
from tsla.theory.certificates.worst_case.engine import theorems
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, Wrong, tight, too_far, too_little, too_smooth, total, upper
from tsla.theory.claims import BY_ID
from tsla.theory.constants import Constants
from tsla.theory.testing.theorem import Given, Theorem

K1 = Constants(L=1, sigma2=1, delta=0.5, F0=1)
K2 = Constants(L=3, sigma2=2, delta=0.25, F0=0.5)
K3 = Constants(L=0.5, sigma2=0.8, delta=0.9, F0=2)

SGD = tuple(
    Setting(k, relative_step, T)
    for k, relative_step, T in (
        *((K1, 1, T) for T in (1, 2, 3, 4)),
        *((K2, 0.6, T) for T in (1, 2, 3, 4)),
        *((K3, 0.25, T) for T in (2, 3)),
        *((K2, 1.2, T) for T in (1, 2, 3)),
        *((K3, 1.6, T) for T in (2, 4)),
    )
)
LSR = (Setting(K1, 1, 1), Setting(K2, 1, 2), Setting(K3, 1, 3))

sgd_total, lsr_total, exact_total = (partial(total, bound) for bound in (sgd.bound, lsr.bound, worst_case.sgd_bound))
"""The formulas of C4, C5 and C16."""


def _theorem(claim: str, settings: Iterable[Setting], **said: Any) -> Theorem:
    """A claim about ``w ← w - ηg``, or a direction in the place of g."""
    stated = {name: getattr(BY_ID[claim], name) for name in ("id", "title", "statement", "source")}
    constants = [vars(setting.given) for setting in settings]
    return Theorem(**stated, constants=constants, step=lambda k, w, g, state, t: (w - k.eta * g, state), **said)


def _within(k: Given) -> dict[str, Any]:
    return {"eta <= 1/L": k.eta * k.L <= 1}


C4 = _theorem("C4", SGD, bound=lambda k, T: formulas.sgd_bound(k.F0, k.eta, T, k.L, k.sigma2), premises=_within, proof=proof_of_sgd.bound)
C5 = _theorem(
    "C5",
    LSR,
    bound=lambda k, T: formulas.lsr_bound(k.F0, k.eta, T, formulas.paper_floor(k.sigma2, k.delta)),
    variance=lambda k, gap, grad2: formulas.paper_floor(k.sigma2, k.delta),
    biased=True,
    premises=_within,
)
"""C5 at the paper's θ, where ``V = 2δσ²/(1+δ)``."""
C16 = _theorem(
    "C16",
    SGD,
    bound=lambda k, T: formulas.worst_case_bound(k.F0, k.eta, T, k.L, k.sigma2),
    premises=lambda k: {"eta < 2/L": k.eta * k.L < 2},
    proof=proof_of_worst_case.bound,
)


def sgd_worst(setting: Setting) -> Worst:
    """The largest ``E‖∇F(w_R)‖²`` of SGD with ``F(w_0) - E F(w_T) <= F0``."""
    return theorems.worst(C16, setting.given, setting.T, end="F(w_T)")


def lsr_worst(setting: Setting) -> Worst:
    """The largest ``E‖∇F(w_R)‖²`` of label-smoothed SGD with ``F(w_0) - E F(w_T) <= F0``."""
    return theorems.worst(C5, setting.given, setting.T, end="F(w_T)", outcomes=2)


def certificates() -> Iterable[Certificate]:
    """C16 for every setting of SGD, with C4 beside it where that holds; then C5."""
    for setting in SGD:
        worst = sgd_worst(setting)
        yield exact(setting, worst)
        if setting.relative_step <= 1:
            yield baseline(setting, worst)
    yield from map(smoothed, LSR)


def exact(setting: Setting, worst: Worst) -> Certificate:
    """C16 is attained. Half of σ², and ``T + 1`` for T, are refuted, and for ``η > 1/L`` so is C4, whose premise fails there."""
    wrong = [*too_little(worst, exact_total, setting)]
    if setting.relative_step > 1:
        wrong.append(Wrong(worst, sgd_total(too_smooth(setting))))
    statement = f"E‖∇F(w_R)‖² = [2(F0 - E F(w_T))/(ηT) + ηLσ²]/(2 - ηL); {setting}"
    return tight("C16", f"SGD, {setting.short}", statement, worst, exact_total(setting), wrong)


def baseline(setting: Setting, worst: Worst) -> Certificate:
    """C4 holds, and at ``η = 1/L`` is attained: there wrong versions are refuted, the step size ``1.1/L`` among them."""
    if setting.relative_step < 1:
        statement = f"E‖∇F(w_R)‖² ≤ 2(F0 - E F(w_T))/(ηT) + ηLσ²; {setting}"
        return upper("C4", f"SGD, {setting.short}", statement, worst, sgd_total(setting))
    statement = f"E‖∇F(w_R)‖² = 2(F0 - E F(w_T))/(ηT) + ηLσ²; {setting}"
    wrong = (*too_little(worst, sgd_total, setting), too_far(sgd_worst, sgd_total, setting))
    return tight("C4", f"SGD, {setting.short}", statement, worst, sgd_total(setting), wrong)


def smoothed(setting: Setting) -> Certificate:
    """C5 is attained at ``η = 1/L`` by errors that may be random; half of V, ``T + 1`` for T, and the step size ``1.1/L`` are refuted."""
    worst = lsr_worst(setting)
    statement = f"E‖∇F(w_R)‖² = 2(F0 - E F(w_T))/(ηT) + V, E‖g_LS - ∇F‖² ≤ V; {setting}"
    wrong = (*too_little(worst, lsr_total, setting), too_far(lsr_worst, lsr_total, setting))
    return tight("C5", f"LSR, random errors, {setting.short}", statement, worst, lsr_total(setting), wrong)
