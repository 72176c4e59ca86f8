"""Worst cases as semidefinite programs, and what they say about a bound.

The unknowns are the Gram matrix of the gradients and errors along a run, and the values of F there (Drori and Teboulle, 2014). For
L-smooth F the conditions on them are necessary and sufficient (Taylor, Hendrickx and Glineur, 2017), so that the program is exact: a
primal solution is an instance, a dual one is a proof. Both are found in floating point, by an interior-point method, to about 1e-7.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from typing import TypeVar

from PEPit import PEP

from tsla.theory import lsr
from tsla.theory.bound import Bound
from tsla.theory.certificates import Certificate, because, outcome_of
from tsla.theory.constants import Constants, shown
from tsla.theory.testing.theorem import Given

TOLERANCE = 1e-6  # relative; the solver is asked for 1e-8 and may stop at 1e-7, and multipliers of size 10 act on what is left

# At eta = 1/L the solutions are degenerate, and the last digits of feasibility may be out of reach ("almost solved"): 1e-6 at worst.
ALMOST = {"reduced_tol_gap_abs": 1e-7, "reduced_tol_gap_rel": 1e-7, "reduced_tol_feas": 1e-6}

SOLVED = ("optimal", "optimal_inaccurate")
"""The statuses of cvxpy, through which PEPit asks the solver, that come with a solution."""

Ask = Mapping[str, float]
"""Options of the solver, by Clarabel's names."""

ASKS: tuple[Ask, ...] = ({}, {"max_step_fraction": 0.9}, {"equilibrate_enable": False})
"""How the solver is asked, one after the other, until it solves the program.

Degenerate solutions lie where the equations of a step become singular, and there rounding decides whether it gets through: other kernels
of the same BLAS, another outcome. So it is asked again to go only 9/10 of the way to the boundary of the cone (by itself it goes 99/100),
and then to leave the scale of the rows as it is. The tolerances are those of the first time. No other solver is asked: a first-order
method such as SCS ends such a program with two sides that meet 3e-4 off the truth.
"""


@dataclass(frozen=True)
class Setting:
    """Where a worst case is computed: constants, a step size relative to ``1/L``, that is ``ηL``, and a number of steps."""

    k: Constants
    relative_step: float
    T: int

    @property
    def smoothness(self) -> float:
        """L, as the float that PEPit wants."""
        return float(self.k.L)

    @property
    def eta(self) -> float:
        """Step size."""
        return self.relative_step / self.smoothness

    @property
    def error2(self) -> float:
        """``V(θ)`` at the paper's θ: the bound on ``E‖g_LS - ∇F‖²``."""
        return float(lsr.floor(self.k))

    @property
    def given(self) -> Given:
        """What a theorem's step and bound read."""
        names = ("L", "mu", "sigma2", "delta", "F0")
        return Given(eta=self.eta, **{name: float(value) for name in names if (value := getattr(self.k, name)) is not None})

    @property
    def short(self) -> str:
        """What tells it from the others of its claim."""
        return f"T = {self.T}, ηL = {shown(self.relative_step)}, L = {shown(self.smoothness)}"

    def __str__(self) -> str:
        names = {"L": "L", "mu": "μ", "sigma2": "σ²", "delta": "δ", "F0": "F0"}
        values = {sign: getattr(self.k, name) for name, sign in names.items()} | {"ηL": self.relative_step, "T": self.T}
        return ", ".join(f"{sign} = {shown(value)}" for sign, value in values.items() if value is not None)


Kind = TypeVar("Kind", bound=Setting)


@dataclass(frozen=True)
class Worst:
    """A worst case between an instance that was found (``lower``) and what no instance exceeds (``upper``).

    Where the program was not solved there is a ``reason``, and they are nan, which equals nothing, is within nothing and exceeds nothing.
    """

    lower: float
    upper: float
    reason: str = ""


@dataclass(frozen=True)
class Wrong:
    """A wrong version of a bound, and the worst case that should refute it."""

    worst: Worst
    bound: float

    @property
    def rejected(self) -> bool:
        """Whether an instance exceeds it."""
        return self.worst.lower > self.bound + TOLERANCE * abs(self.bound)

    @property
    def reason(self) -> str:
        """Why it is not rejected; empty if it is."""
        if self.rejected:
            return ""
        return f"a wrong version, {self.bound:.9g}, is not rejected: {self.worst.reason or f'the worst case is {self.worst.lower:.9g}'}"


def unsolved(reason: str) -> Worst:
    """No worst case, for a reason."""
    return Worst(math.nan, math.nan, reason)


def solve(problem: PEP, asks: Sequence[Ask] = ASKS) -> Worst:
    """Solve silently. Not solved is what is unbounded, and what has two sides that don't meet, whatever the solver is asked."""
    reasons = []
    for ask in asks:
        worst = _solve(problem, ask)
        if not worst.reason:
            return worst
        reasons.append(worst.reason)
    return unsolved(f"not solved: {because(*dict.fromkeys(reasons))}")


def _solve(problem: PEP, ask: Ask) -> Worst:
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")  # cvxpy warns when the solver stops at ALMOST, which is good enough
            upper = problem.solve(verbose=0, solver="CLARABEL", **ALMOST, **ask)
    except Exception as error:  # whatever a solver may end in says something of this program only
        return unsolved(outcome_of(error))
    status = problem.wrapper.prob.status
    if status not in SOLVED:
        return unsolved(f"Clarabel's status is {status!r}")
    worst = Worst(float(problem.objective.eval()), float(upper))
    if not abs(worst.upper - worst.lower) <= TOLERANCE * max(1, abs(worst.upper)):
        return unsolved(f"primal {worst.lower:.9g} and dual {worst.upper:.9g} are further apart than {shown(TOLERANCE)}")
    return worst


def between(attained: Worst, relaxed: Worst) -> Worst:
    """The worst case of a class of functions, from an instance in a part of it and the bound of a relaxation."""
    return Worst(attained.lower, relaxed.upper, because(attained.reason, relaxed.reason))


def within(worst: Worst, bound: float) -> bool:
    """Whether no instance exceeds the bound, up to the solver's error."""
    return worst.upper <= bound + TOLERANCE * abs(bound)


def reaches(worst: Worst, bound: float) -> bool:
    """Whether an instance reaches the bound, up to the solver's error."""
    return worst.lower >= bound - TOLERANCE * abs(bound)


def equals(worst: Worst, bound: float) -> bool:
    """Whether both sides of a worst case are the bound, up to the solver's error."""
    return all(abs(value - bound) <= TOLERANCE * abs(bound) for value in (worst.lower, worst.upper))


def halved_noise(k: Constants) -> Constants:
    """For planted errors: a bound that counts half of the variance, and so half of V."""
    return replace(k, sigma2=k.sigma2 / 2)


def too_smooth(setting: Setting) -> Setting:
    """For planted errors: a bound that takes F for smoother than it is, so that the step size seems to be ``1/L``."""
    return replace(setting, k=replace(setting.k, L=setting.k.L / setting.relative_step), relative_step=1)


def too_little(worst: Worst, bound: Callable[[Kind], float], setting: Kind) -> tuple[Wrong, Wrong]:
    """Planted errors: half of the variance, and so half of V, and one step more."""
    return Wrong(worst, bound(replace(setting, k=halved_noise(setting.k)))), Wrong(worst, bound(replace(setting, T=setting.T + 1)))


def too_far(worst: Callable[[Setting], Worst], bound: Callable[[Setting], float], setting: Setting) -> Wrong:
    """A planted error: the step size ``1.1/L``, where the bound holds up to ``1/L``."""
    beyond = replace(setting, relative_step=1.1)
    return Wrong(worst(beyond), bound(too_smooth(beyond)))


def total(bound: Callable[..., Bound], setting: Setting, **named: float) -> float:
    """A bound at a setting; ``named`` are its further arguments."""
    return float(bound(setting.k, eta=setting.eta, T=setting.T, **named).total)


def _certificate(
    guarantee: str,
    is_so: Callable[[Worst, float], bool],
    claim: str,
    name: str,
    statement: str,
    worst: Worst,
    bound: float,
    wrong: Sequence[Wrong] = (),
) -> Certificate:
    holds = is_so(worst, bound)
    flaw = "" if holds else worst.reason or f"the worst case, between {worst.lower:.9g} and {worst.upper:.9g}, is not as stated"
    return Certificate(
        claim=claim,
        kind="worst case",
        name=name,
        statement=statement,
        guarantee=guarantee,
        holds=holds,
        value=None if math.isnan(worst.upper) else worst.upper,
        bound=bound,
        rejected=sum(w.rejected for w in wrong),
        planted=len(wrong),
        reason=because(flaw, *(w.reason for w in wrong)),
    )


tight = partial(_certificate, "tight", equals)
"""The worst case is the bound."""
upper = partial(_certificate, "upper", within)
"""The worst case, or a relaxation that lies above it, is at most the bound."""
lower = partial(_certificate, "lower", reaches)
"""The worst case is at least the bound: an instance has it."""
