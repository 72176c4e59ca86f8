"""The worst case of label-smoothed steps in mean squares: a cone program with a few numbers a step, of any step sizes and strengths.

For a step ``w⁺ = w - ηd``, ``x = ηL <= 1``, write u for ``E‖∇F(w)‖²``, s for the mean square of the bias ``E d - ∇F``, c for the mean of
``-⟨∇F, E d - ∇F⟩``, N for the variance of d, and ``u⁺ = M + q`` for ``E‖∇F(w⁺)‖²``, q its variance over the outcomes of the step. Then

    u⁺ + (1+2x-x²)u <= 4L E[F(w) - F(w⁺)] + 2x(1-x)c + x²(s+N) + 2√(MP) + 2x√(qN),    P = (1-x)²u + 2x(1-x)c + x²s.

For A1 gives ``F(w⁺) <= F(w) - η⟨∇F, d⟩ + (Lη²/2)‖d‖² - ‖r‖²/(4L)`` with ``r = ∇F(w⁺) - ∇F(w) + ηLd`` (Taylor, Hendrickx and Glineur, 2017,
theorem 6). In the mean, and about it, r is at least as large as ``∇F(w⁺)`` and ``∇F(w) - ηLd`` differ in size. Beside it stand

    c² <= su,    q <= x²N,    s + m² <= θ²δσ²,    N <= (1-θ)²σ² + 2(1-θ)σm + θ²δσ² - s,

by Cauchy and Schwarz, by A1 between the outcomes of a step, and by A2, A3 and Minkowski.

All this is jointly convex in what it names, and so it holds for the means over all points that a run may have reached. What the program
returns is an upper bound for every law of the two oracles, in every dimension. Where a tree with two outcomes a step attains it, it is the
worst case of all.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cvxpy as cp
import numpy as np

from tsla.theory.certificates.worst_case.engine.program import ALMOST, SOLVED
from tsla.theory.certificates.worst_case.engine.trees import End
from tsla.theory.constants import Constants


@dataclass(frozen=True)
class Step:
    """``scale = ηL``, in (0, 1], and the strength θ."""

    scale: float
    theta: float


def worst(k: Constants, steps: Sequence[Step], *, end: End = "F(w_T)", counted: int | None = None, pl: bool = False) -> float:
    """The largest mean of ``E‖∇F(w_t)‖²`` over the last ``counted`` of the iterates ``w_0 ... w_{T-1}`` (default: all) under A1-A3.

    With ``pl`` A4 is asked of the mean of every level, and ``F(w_0) - F* <= F0`` of the start. Upper bound, up to the solver's 1e-8; nan
    where it is not solved. In units of ‖∇F‖².
    """
    program = _program(len(steps), counted or len(steps), "F*" if pl else end, pl)
    for name, value in _coefficients(k, steps, pl).items():
        program.param_dict[name].value = value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cvxpy warns when the solver stops at ALMOST, which is good enough
            program.solve(solver="CLARABEL", **ALMOST)
    except cp.SolverError:
        return math.nan
    return float(program.value) if program.status in SOLVED else math.nan


def _coefficients(k: Constants, steps: Sequence[Step], pl: bool) -> dict[str, np.ndarray]:
    """Each under the name of its parameter."""
    x, theta = (np.array([getattr(step, name) for step in steps]) for name in ("scale", "theta"))
    error2 = theta**2 * k.need_delta("C18") * k.sigma2
    return {
        "start": 4 * k.L * k.F0,
        "x": x,
        "x2": x**2,
        "kept": (1 - x) ** 2,
        "lost": 1 + 2 * x - x**2,
        "cross": 2 * x * (1 - x),
        "error2": error2,
        "apart2": (1 - theta) ** 2 * k.sigma2 + error2,
        "coupled": 2 * (1 - theta) * np.sqrt(k.sigma2),
        **({"kappa": k.L / k.need_mu("C18")} if pl else {}),
    }


@cache
def _program(T: int, counted: int, end: End, pl: bool) -> cp.Problem:
    """The program with its coefficients left open, so that it is set up once for many step sizes. ``gap`` is ``4L E[F(w_t) - F*]``."""
    x, x2, kept, lost, cross, error2, apart2, coupled = (
        cp.Parameter(T, nonneg=True, name=name) for name in ("x", "x2", "kept", "lost", "cross", "error2", "apart2", "coupled")
    )
    u, gap, s, N, m, c, P, M, q, MP, qN = (cp.Variable(size) for size in (T + 1, T + 1, *[T] * 9))
    multiply, before, after = cp.multiply, u[:-1], u[1:]
    lifted = multiply(cross, c)
    conditions = [
        after + multiply(lost, before) <= gap[:-1] - gap[1:] + lifted + multiply(x2, s + N) + 2 * MP + 2 * multiply(x, qN),
        multiply(kept, before) + lifted + multiply(x2, s) >= P,
        after == M + q,
        q <= multiply(x2, N),
        s + cp.square(m) <= error2,
        apart2 + multiply(coupled, m) - s >= N,
        *(_at_most_root(*these) for these in ((c, s, before), (MP, M, P), (qN, q, N))),
        gap[0] <= cp.Parameter(nonneg=True, name="start"),
    ]
    conditions.append(gap >= 2 * u if end == "F*" else gap[T] >= 0)
    if pl:
        conditions.append(gap <= 2 * cp.Parameter(nonneg=True, name="kappa") * u)
    return cp.Problem(cp.Maximize(cp.sum(u[T - counted : T]) / counted), conditions)


def _at_most_root(root: cp.Expression, a: cp.Expression, b: cp.Expression) -> cp.Constraint:
    """``root <= √(ab)``, number by number."""
    return cp.SOC(a + b, cp.vstack([2 * root, a - b]))
