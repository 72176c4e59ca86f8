"""Measured rates: how the samples that are really needed to reach ``ε²`` grow as ε falls, beside what C9 and C15 predict.

Nothing is tuned: step sizes, strengths and lengths are those of the bounds' own plans. A plan's length is the prediction. What is
measured is when the mean over the replicas is first at most ``ε²``, for two quantities:

- the theorem's own: ``‖∇F(w_R)‖²``, R uniform over the iterates so far of the plan's last stage (the last iterate's for C15a);
- a single iterate's: ``‖∇F(w_t)‖²``, from the first step of the run on. It doesn't average over the way there.

``make rates`` makes the records, and writes their tables into ``docs/rates.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.intervals import Interval, log_log_slope, student_t
from tsla.theory.biased import SmoothingOracle
from tsla.theory.complexity import exponents
from tsla.theory.constants import Array, Constants, real
from tsla.theory.methods import METHODS, splitting
from tsla.theory.plan import Plan, Stage

Config = Mapping[str, Any]

RESAMPLES = 1000
MARKS = 60
"""Checkpoints a stage, log-spaced."""
LEVEL = 0.95
ONE_IN_A_THOUSAND = 0.998
"""Level of the two-sided interval whose lower end refutes a bound: with 0.1 % at that end."""
HORIZON = 8
"""Where LSR is not to arrive, it runs for this many times the ``4LF0/ε²`` steps that would do without its floor."""


# --- when a target is reached


def first_at_most(step: ArrayLike, curves: Array, target: float) -> Array:
    """The step at which each curve is first at most ``target``, interpolated between checkpoints; infinite where it never is.

    Shapes: ``step`` (k,), positive and increasing; ``curves`` (k, m), positive; the result (m,). Between two checkpoints log-value is
    linear in log-step. A curve that is there at the first checkpoint gives that step.
    """
    log_step = np.log(real("step", step, above=0))
    there = curves <= target
    after = np.argmax(there, axis=0)
    before = np.maximum(after - 1, 0)
    columns = np.arange(curves.shape[1])
    high, low = curves[before, columns], curves[after, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(after == before, 1.0, np.log(high / target) / np.log(high / low))
    reached = np.exp((1 - part) * log_step[before] + part * log_step[after])
    return np.where(there.any(axis=0), reached, np.inf)


def resamples(replicas: int, seed: int) -> Array:
    """Weights of the replicas in each resample of the bootstrap, shape (replicas, RESAMPLES); each column adds up to 1."""
    counts = np.random.default_rng(seed).multinomial(replicas, np.full(replicas, 1 / replicas), size=RESAMPLES)
    return np.asarray(counts.T / replicas)


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples needed, from all replicas (a number) and from each resample (RESAMPLES,). Infinite where the target was not reached."""

    estimate: float
    resampled: Array

    @classmethod
    def of(cls, step: ArrayLike, squares: Array, target: float, weights: Array, *, before: int = 0) -> Samples:
        """From ``squares`` (k, replicas) at ``step`` (k,), ``before`` samples into the run."""
        means = np.column_stack([squares.mean(axis=1), squares @ weights])
        reached = before + first_at_most(step, means, target)
        return cls(float(reached[0]), reached[1:])

    @property
    def ends(self) -> tuple[float, float]:
        """The percentile interval."""
        return percentiles(self.resampled)


def percentiles(resampled: Array) -> tuple[float, float]:
    """The ends of the central LEVEL of the resamples, infinite ones included."""
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return float(low), float(high)


def exponent(eps: Array, samples: Sequence[Samples]) -> tuple[float, float, float]:
    """``r`` of ``samples ≈ a/ε^r`` by least squares on logarithms, with the interval that the bootstrap over the replicas gives.

    The grid's points are resampled independently of each other, as their runs are. nan where a target was not reached.
    """
    if not all(np.isfinite(point.estimate) for point in samples):
        return np.nan, np.nan, np.nan
    estimate = log_log_slope(1 / eps, [point.estimate for point in samples])
    resampled = np.stack([point.resampled for point in samples])
    x = -np.log(eps)
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    reached = np.isfinite(resampled).all(axis=0)
    slopes = np.where(reached, weights @ np.log(np.where(reached, resampled, 1.0)), np.inf)
    return estimate, *percentiles(slopes)


# --- one method on one problem


def measure(config: Config) -> pd.DataFrame:
    """Samples needed at each ε of a grid, and the exponents fitted to them: one row an ε.

    The configuration: ``problem``, ``problem_options``, ``tied`` (options that are these numbers times ε), ``method``, ``q``, ``scale``
    (``δ = scale (ε/σ)^q``), ``sigma2``, ``bias`` (the part of ``δσ²`` that is bias), ``noise``, ``eps``, ``replicas``, ``seed``.

    planned:           the plan's length; infinite where the method is not to arrive
    fixed:             the steps of the stages before the last, which the plan fixes: of ``needed`` only the rest is measured
    needed, single:    samples until the theorem's quantity, a single iterate's, is at most ε², each with its 95 % interval
    at_end:            the theorem's quantity at the end of the plan; ``at_end_low`` is above ε² by chance in one run of a thousand
    exponent, single_exponent, planned_exponent:  fitted to ``needed``, ``single``, ``planned``; the same in all rows

    Raises ValueError where ``w_0`` is at the target already.
    """
    eps = real("eps", config["eps"], above=0)
    points = [_point(config, float(target), config["seed"] + i) for i, target in enumerate(eps)]
    table = pd.DataFrame([row for row, _, _ in points])
    for name, samples in (("exponent", [needed for _, needed, _ in points]), ("single_exponent", [single for _, _, single in points])):
        table[name], table[f"{name}_low"], table[f"{name}_high"] = exponent(eps, samples)
    planned = table["planned"].to_numpy()
    table["planned_exponent"] = log_log_slope(1 / eps, planned) if np.isfinite(planned).all() else np.inf
    return table


def _point(config: Config, eps: float, seed: int) -> tuple[dict[str, Any], Samples, Samples]:
    problem, oracle, constants = instance_of(config, eps)
    plan = plan_of(config["method"], constants, oracle, eps)
    stages = plan.stages if plan.reachable else (_endless(plan, constants, eps),)
    how = {"replicas": config["replicas"], "compiled": config.get("compiled", False)}
    run = simulate(problem, oracle, stages, seed=seed, checkpoints=_marks(stages), **how)
    weights = resamples(config["replicas"], seed)
    fixed = int(sum(float(stage.steps) for stage in stages[:-1]))
    last = run.step > fixed
    theirs = run.grad2 if plan.of_last else run.mean_grad2
    single = Samples.of(run.step, run.grad2, eps**2, weights)
    needed = Samples.of(run.step[last] - fixed, theirs[last], eps**2, weights, before=fixed)
    at_end: Interval = student_t(theirs[-1], level=ONE_IN_A_THOUSAND)
    row = {
        "problem": problem.name,
        "method": config["method"],
        "claim": plan.claim,
        "q": config["q"],
        "scale": config["scale"],
        "sigma2": config["sigma2"],
        "replicas": config["replicas"],
        "eps": eps,
        "delta": float(constants.need_delta("C9")),
        "predicted": float(exponents(config["q"])[config["method"]]),
        "planned": float(plan.total),
        "fixed": fixed,
        "needed": needed.estimate,
        "needed_low": needed.ends[0],
        "needed_high": needed.ends[1],
        "single": single.estimate,
        "single_low": single.ends[0],
        "single_high": single.ends[1],
        "at_end": float(at_end.estimate),
        "at_end_low": float(at_end.low),
    }
    return row, needed, single


def instance_of(config: Config, eps: float) -> tuple[Problem, Oracle, Constants]:
    """Problem, noise and constants of a configuration at one ε, to which a problem's own options may be tied."""
    tied = {name: factor * eps for name, factor in config.get("tied", {}).items()}
    problem = problems.get(config["problem"], **config.get("problem_options", {}), **tied)
    at_start = float(np.sum(problem.gradient(problem.start) ** 2))
    if at_start <= eps**2:
        raise ValueError(f"eps = {eps:g} must be below ‖∇F(w_0)‖ = {np.sqrt(at_start):.3g} of {problem.name}: it is there at the start")
    sigma2, bias = config["sigma2"], config["bias"]
    delta = config["scale"] * (eps / np.sqrt(sigma2)) ** config["q"]
    oracle = Oracle(sigma2=sigma2, beta2=bias * delta * sigma2, nu2=(1 - bias) * delta * sigma2, noise=config["noise"])
    gap = float(problem.gap(problem.start))
    return problem, oracle, Constants(L=problem.L, mu=problem.mu, sigma2=sigma2, delta=delta, F0=gap)


def plan_of(method: str, constants: Constants, oracle: Oracle, eps: float) -> Plan:
    """The plan of a method; from the oracle's bias and noise where it tells them apart."""
    split = {one.name: one for one in splitting()}
    return split[method](constants, known(oracle), eps=eps) if method in split else METHODS[method](constants, eps=eps)


def known(oracle: Oracle) -> SmoothingOracle:
    """What C12 knows of the oracle: bounds that are attained."""
    return SmoothingOracle(beta2=oracle.beta2, nu2=oracle.nu2, c=oracle.c)


def _endless(plan: Plan, constants: Constants, eps: float) -> Stage:
    """The last stage of a plan that doesn't arrive, for long enough to see that."""
    last = plan.stages[-1]
    return replace(last, steps=np.ceil(HORIZON * 4 * constants.L * constants.F0 / eps**2))


def _marks(stages: Iterable[Stage]) -> list[int]:
    """Checkpoints, log-spaced within each stage."""
    marks: set[int] = set()
    done = 0
    for stage in stages:
        length = int(stage.steps)
        if length:
            marks |= {done + int(step) for step in np.rint(np.geomspace(1, length, MARKS))}
        done += length
    return sorted(marks)
