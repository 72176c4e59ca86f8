"""Terms of obligations at rational points, and what the functions of ``theory`` make of such points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import z3

from tests.theory.certificates.steps import STEPS
from tsla.theory import sgd_pl, sharp, smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.certificates.algebra.engine.obligation import Obligation
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.moments import Moments
from tsla.theory.plan import Stage, whole_steps

Point = dict[str, Fraction]
OBLIGATIONS = {(step.claim, step.name): step for step in STEPS if isinstance(step, Obligation)}


@dataclass(frozen=True)
class Case:
    """A term of an obligation, and what it stands for.

    where:     the conclusion, or the name of a hypothesis
    path:      which argument of which argument ...
    expected:  the code's number, from the point as floats
    seen:      how the code would show the term's value: rounded up to steps, clipped, as a logarithm
    given:     what this case changes in the points
    """

    claim: str
    name: str
    where: str
    path: tuple[int, ...]
    expected: Callable[[Any], Any]
    seen: Callable[[float, Any], Any] = lambda value, p: value
    given: Callable[[Point], Point] = lambda point: {}


def point(seed: int) -> Point:
    """Rational numbers within the premises of everything."""
    random = Random(seed)  # noqa: S311 - examples, not secrets

    def some(low: Fraction | int, high: Fraction | int) -> Fraction:
        return low + (high - low) * Fraction(random.randint(1, 97), 98)

    L, T, theta = some(0, 20), Fraction(random.randint(1, 30)), some(0, 1)
    mu, eta = some(0, L), some(0, 1 / L)
    a, b, rho = some(0, 3), some(0, 3), some(-1, 1)
    sigma2, nu2, c, beta2, delta = a * a, b * b, rho * a * b, some(0, 4), some(0, 3)
    N = (1 - theta) ** 2 * sigma2 + theta**2 * nu2 + 2 * theta * (1 - theta) * c
    grad2, dd = a * a, b * b
    return {
        "L": L, "mu": mu, "kappa": L / mu, "eta": eta, "scale": eta * L, "T": T, "t": T, "batch": T, "F0": some(0, 50), "eps2": some(0, 5),
        "theta": theta, "delta": delta, "V": (1 - theta) * sigma2 + theta * delta * sigma2,
        "sigma2": sigma2, "s2": sigma2, "nu2": nu2, "beta2": beta2, "shat2": nu2 + beta2, "c": c, "bias2": theta**2 * beta2, "noise": N,
        "contraction": (1 - eta * mu) ** int(T), "power": (1 - eta * mu) ** int(T),
        "F": some(-5, 5), "grad2": grad2, "error2": dd - 2 * c + grad2,
        "steepest": some(0, 3), "tau": some(4, 9), "A": some(0, 20), "C": sigma2, "gap": some(0, 5), "B": some(0, 5),
        "g": some(-2, 2), "ghat": some(-2, 2),
    }  # fmt: skip


def value(case: Case, at: Point) -> float:
    """The term's exact value, as a float."""
    obligation = OBLIGATIONS[case.claim, case.name]
    term = obligation.conclusion if case.where == "conclusion" else obligation.hypotheses[case.where]
    for argument in case.path:
        term = term.arg(argument)
    number = put(term, at)
    assert z3.is_rational_value(number), f"{number} has variables of no value"
    return float(number.as_fraction())


def put(term: z3.ExprRef, at: Point) -> z3.ExprRef:
    """A term at a point."""
    return z3.simplify(z3.substitute(term, *((z3.Real(name), z3.RealVal(q)) for name, q in at.items())))


def floats(at: Point) -> SimpleNamespace:
    return SimpleNamespace(**{name: float(number) for name, number in at.items()})


def constants(p: Any) -> Constants:
    return Constants(L=p.L, mu=p.mu, sigma2=p.sigma2, delta=p.delta, F0=p.F0)


def oracle(p: Any) -> SmoothingOracle:
    return SmoothingOracle(beta2=p.beta2, nu2=p.nu2, c=p.c)


def growth(p: Any) -> Growth:
    return Growth(A=p.A, B=p.B)


def split(p: Any) -> Moments:
    return oracle(p).moments(p.sigma2)


def unsplit(p: Any) -> Moments:
    return Moments.of(s2=p.s2, shat2=p.shat2, c=p.c, grad2=p.grad2)


def total(bound: Callable[..., Bound], *names: str, of: Callable[[Any], object] | None = None) -> Callable[[Any], Any]:
    """A bound at the constants, η and T of a point, and at those of its numbers that are named; ``of`` its oracle or its growth besides."""
    return lambda p: bound(constants(p), *([of(p)] if of else []), eta=p.eta, T=p.T, **{name: getattr(p, name) for name in names}).total


def stages(steps: Callable[..., Any], p: Any) -> tuple[Stage, ...]:
    found: tuple[Stage, ...] = steps(constants(p), eps=np.sqrt(p.eps2)).stages
    return found


def rounded_up(steps: float, p: Any) -> Any:
    return whole_steps(np.asarray(steps))


def burn_in(argument: float, p: Any) -> Any:
    return whole_steps(np.log(argument) * p.L / p.mu)


def clipped(theta: float, p: Any) -> Any:
    return np.clip(theta, 0, 1)


def floor_at(theta: Any, p: Any) -> Any:
    return split(p).floor(theta, p.scale)


def annealed(p: Any) -> Any:
    return split(p).theta_for_step(p.eta * p.L)


def falling_step_size(p: Any) -> Any:
    stage = stages(sgd_pl.three_phase_steps, p)[1]
    assert stage.decay_steps is not None
    return stage.eta / (1 + p.t / stage.decay_steps)


def paper_floor(at: Point) -> Fraction:
    return 2 * at["delta"] * at["sigma2"] / (1 + at["delta"])


def reachable(at: Point) -> Point:
    """V at the paper's θ, and a target above it."""
    return {"V": paper_floor(at), "eps2": paper_floor(at) * (1 + at["theta"])}


def sharp_shares(at: Point, root: Fraction | None = None) -> Point:
    """σ and √δ, below and above 1, and what C18 makes of them at θ and ηL."""
    sigma, root, x, theta = at["theta"] + Fraction(1, 2), root or at["scale"] * 3 / 2, at["scale"], at["theta"]
    a, q, D = (1 - theta) * sigma, theta * root * sigma, 2 * at["F0"] / (at["eta"] * at["T"])
    keep, rest = 2 - x, 1 - x
    under = keep * (D + x * (a * a + q * q)) * rest**2 + q**2 * rest**4 + keep**2 * x**2 * a**2
    W = q * q + a * a * x / rest if x * a <= rest * q else x * (a + q) ** 2
    return {
        "sigma": sigma, "sigma2": sigma**2, "root": root, "delta": root**2, "x": x, "a": a, "q": q, "D": D, "W": W,
        "R": Fraction(float(under)**0.5),
    }  # fmt: skip


def sharp_plan(at: Point) -> Point:
    """e below δ, δ below 1."""
    at = at | sharp_shares(at, at["scale"])
    eps2, W = 2 * at["sigma2"] * at["delta"] * at["theta"], at["delta"] * at["sigma2"]
    return at | {"eps2": eps2, "W": W, "eta": min(Fraction(1), eps2 / (2 * at["sigma2"])) / at["L"]}


def sharp_units(at: Point) -> Point:
    """Those of the verdict at ``η1 = 1/L``."""
    at = sharp_plan(at)
    return at | {"r": at["sigma2"] / at["eps2"], "w": at["W"] / at["eps2"]}


def along_smoothing_label(at: Point) -> Point:
    """A target that C18's exact form reaches along ĝ alone."""
    return {"delta": at["eps2"] / (at["eps2"] + at["sigma2"]) * at["theta"]}


def sharp_floor(p: Any, theta: float | None) -> Any:
    terms = sharp.bound(constants(p), eta=p.x / p.L, T=p.T, theta=theta).terms
    return terms["smoothing"] + terms["noise"]


def target_above_kappa(at: Point) -> Point:
    return {"eps2": at["L"] / at["mu"] * paper_floor(at) * (1 + at["theta"])}


def growing(at: Point) -> Point:
    """What the weights of SGD add up to, and B as large as the step size allows."""
    scale = at["eta"] * at["L"]
    return {"C": at["sigma2"], "B": at["theta"] * (2 / scale - 1), "weight": weights(scale * at["eta"] * at["A"], at["T"])}


def growing_smoothed(at: Point) -> Point:
    """The same of label smoothing."""
    rho = 1 - at["theta"] + at["theta"] * at["delta"]
    return {"C": at["sigma2"], "rho": rho, "B": at["theta"] / rho, "weight": weights(at["eta"] * rho * at["A"], at["T"])}


def with_momentum(at: Point) -> Point:
    """Momentum up to half of what the step size allows, ``(1-m)² > ηL``."""
    m = at["theta"] * (1 - at["eta"] * at["L"]) / 2
    return {"m": m, "h": at["eta"] / (1 - m)}


def quiet(at: Point) -> Point:
    """σ ≤ 2τ."""
    return {"tau": at["sigma2"] + 1}


def weights(a: Fraction, T: Fraction) -> Fraction:
    return sum(((1 + a) ** -(t + 1) for t in range(int(T))), Fraction(0))


def small_target(at: Point) -> Point:
    return {"eps2": 2 * at["sigma2"] * at["theta"], "r": 1 / (2 * at["theta"])}


def plain_step_size(at: Point) -> Point:
    return {"eta": min(Fraction(1), at["eps2"] / (2 * at["sigma2"])) / at["L"]}


def no_covariance(at: Point) -> Point:
    return {"c": Fraction(0), "shat2": at["delta"] * at["s2"]}


def smoothed_phases(at: Point) -> Point:
    """The last step size of the smoothed three phases, and their noise level, at c = 0."""
    plain = {"c": Fraction(0)}
    p = floats(at | plain)
    scale = smoothed_pl.largest_scale(np.asarray(p.sigma2), oracle(p), np.asarray(p.eps2))
    gain = smoothed_pl.gain(p.sigma2, oracle(p), np.sqrt(p.eps2))
    return plain | {"scale": Fraction(float(scale)), "sigma3": Fraction(float(gain * p.sigma2))}
