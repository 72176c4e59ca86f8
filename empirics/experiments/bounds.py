"""Experiments on problems with exactly known constants: what the bounds say beside what happens.

Each function takes a configuration, a dictionary of plain numbers that a record can carry, and returns a table. Every step size,
smoothing strength and length is the theorem's own: nothing is tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import Trajectory, simulate
from tsla.empirics.statistics.intervals import student_t
from tsla.theory import lsr, sgd, smoothing, two_stage
from tsla.theory.constants import Array, Constants, real, shown
from tsla.theory.inversion import best_eps
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan, Stage

MOST_STEPS = 1e12
"""Steps of a plan that is run: more would take weeks, and are more likely a mistake in eps."""

Config = Mapping[str, Any]


def _instance(config: Config) -> tuple[Problem, Oracle, Constants]:
    problem = problems.get(config["problem"], **config.get("problem_options", {}))
    oracle = Oracle(**config["oracle"])
    gap = float(problem.gap(problem.start))
    return problem, oracle, Constants(L=problem.L, mu=problem.mu, sigma2=oracle.sigma2, delta=oracle.delta, F0=gap)


def rates(config: Config) -> pd.DataFrame:
    """``‖∇F(w_R)‖²`` of SGD or LSR after T steps beside C4 or C5, for each T: one row a T and replica.

    ``eta`` of the configuration: "1/L", or "optimal" for ``min(1/L, √(2F0/(LTσ²)))``, which minimises C4. ``theta``: null for 1/(1+δ).
    """
    problem, oracle, constants = _instance(config)
    tables = []
    for T in config["T"]:
        largest = 1 / problem.L
        optimal = float(np.sqrt(2 * constants.F0 / (problem.L * T * constants.sigma2)))
        eta = largest if config["eta"] == "1/L" else min(largest, optimal)
        if config["method"] == "sgd":
            theta, bound = 0.0, sgd.bound(constants, eta=eta, T=T)
        else:
            theta = float(smoothing.paper_theta(oracle.delta)) if config["theta"] is None else config["theta"]
            bound = lsr.bound(constants, eta=eta, T=T, theta=theta)
        stage = Stage(np.asarray(eta), np.asarray(theta), np.asarray(float(T)))
        run = simulate(problem, oracle, [stage], replicas=config["replicas"], seed=config["seed"], checkpoints=[T])
        columns = {
            "instance": config["name"],
            "problem": problem.name,
            "method": config["method"],
            "claim": bound.claim,
            "T": T,
            "eta": eta,
        }
        tables.append(
            pd.DataFrame(
                columns
                | {"theta": theta, "bound": float(bound.total), "replica": np.arange(config["replicas"]), "mean_grad2": run.mean_grad2[0]}
            )
        )
    return pd.concat(tables, ignore_index=True)


def stall(config: Config) -> pd.DataFrame:
    """``E‖∇F(w_t)‖²`` along the plans of several methods for one target ε (C13): one row a method and checkpoint, with its interval."""
    problem, oracle, constants = _instance(config)
    target, horizon = config["eps"], config["horizon"]
    tables = []
    for method in config["methods"]:
        stages = METHODS[method](constants, eps=target).stages
        if method == "lsr":  # out of its reach: run for as long as the longest of the others
            stages = (Stage(stages[0].eta, stages[0].theta, np.asarray(float(horizon))),)
        run = simulate(problem, oracle, stages, replicas=config["replicas"], seed=config["seed"])
        interval = student_t(run.grad2, axis=1)
        columns = {"method": method, "step": run.step, "grad2": interval.estimate, "low": interval.low, "high": interval.high}
        tables.append(pd.DataFrame(columns | {"eps": target, "floor": float(lsr.floor(constants))}))
    return pd.concat(tables, ignore_index=True)


def regimes(config: Config) -> pd.DataFrame:
    """A method's plan for each ε, run at ``δ = scale · ε^q``: one row an ε and replica.

    mean_grad2:      ``‖∇F(w_R)‖²`` over the last stage; the last iterate's where the plan is of that
    needed:          the samples after which the mean of that over the replicas was first at most ε² at a checkpoint
    gap, gap_bound:  the gap ``F - F*`` after TSLA's first stage, and C7; nan for other methods
    """
    tables = [_regime(config, eps) for eps in config["eps"]]
    return pd.concat(tables, ignore_index=True)


def _regime(config: Config, eps: float) -> pd.DataFrame:
    delta = config["scale"] * eps ** config["q"]
    problem, oracle, constants = _instance({**config, "oracle": {**config["oracle"], "beta2": delta / 2, "nu2": delta / 2}})
    plan, run, measured = _run_plan(problem, oracle, constants, config["method"], eps, config["replicas"], config["seed"])
    in_last_stage = run.step > float(plan.total) - float(plan.stages[-1].steps)
    there = in_last_stage & (measured.mean(axis=1) <= eps**2)
    gap, gap_bound = _after_stage_one(plan, run, constants)
    columns = {
        "method": plan.method,
        "claim": plan.claim,
        "q": config["q"],
        "delta": delta,
        "eps": eps,
        "steps": float(plan.total),
        "needed": float(run.step[there][0]) if there.any() else np.nan,
        "gap_bound": gap_bound,
    }
    return pd.DataFrame(columns | {"replica": np.arange(config["replicas"]), "mean_grad2": measured[-1], "gap": gap})


def _run_plan(
    problem: Problem, oracle: Oracle, constants: Constants, method: str, eps: float, replicas: int, seed: int
) -> tuple[Plan, Trajectory, Array]:
    """The plan, its run, and what its theorem speaks of, shape (k, replicas)."""
    plan = _plan(constants, method, eps)
    return plan, *_run(problem, oracle, plan, replicas, seed)


def _run(problem: Problem, oracle: Oracle, plan: Plan, replicas: int, seed: int, **options: Any) -> tuple[Trajectory, Array]:
    """A run, and what the plan's theorem speaks of, shape (k, replicas): ``‖∇F(w_R)‖²``, or the last iterate's."""
    run = simulate(problem, oracle, plan.stages, replicas=replicas, seed=seed, **options)
    return run, run.grad2 if plan.of_last else run.mean_grad2


def _after_stage_one(plan: Plan, run: Trajectory, constants: Constants) -> tuple[Array | float, float]:
    if plan.method != "tsla":
        return np.nan, np.nan
    first = plan.stages[0]
    bound = two_stage.stage_one(constants, eta1=first.eta, T1=first.steps)
    return run.gap[run.step == int(first.steps)][0], float(bound.total)


@dataclass(frozen=True)
class Planned:
    """A method's plan for one ε on a problem whose constants are known, and the noise that makes them so."""

    problem: Problem
    oracle: Oracle
    constants: Constants
    plan: Plan
    eps: float


def planned(problem: str, method: str, *, eps: float | None, budget: float | None = None, sigma2: float, delta: float) -> Planned:
    """The plan for ``eps``, or for the smallest ε that ``budget`` samples reach by the method's bound.

    Half of ``delta * sigma2`` is bias, half noise. Raises ValueError where the target is out of the method's reach or the problem lacks
    a constant that it needs, and unless exactly one of ``eps`` and ``budget`` is given.
    """
    if (eps is None) == (budget is None):
        raise ValueError(f"eps = {eps} and T = {budget}: exactly one of them must be given")
    smoothing_error = float(real("delta", delta, at_least=0)) * sigma2
    oracle = {"sigma2": sigma2, "beta2": smoothing_error / 2, "nu2": smoothing_error / 2}
    instance, noisy, constants = _instance({"problem": problem, "oracle": oracle})
    target = eps if budget is None else best_eps(constants, budget=budget, methods=[method])[method]
    if target is None:
        raise ValueError(f"T = {budget} is too few samples for any ε by the bound of {method}")
    plan = _plan(constants, method, target)
    if plan.total > MOST_STEPS:
        raise ValueError(f"eps = {shown(target)}: the plan of {method} has {shown(plan.total)} steps; at most {MOST_STEPS:.0e} can be run")
    return Planned(instance, noisy, constants, plan, target)


def _plan(constants: Constants, method: str, eps: float) -> Plan:
    plan = METHODS[method](constants, eps=eps)
    if not plan.reachable:
        raise ValueError(f"eps = {eps} is out of reach for {method}: {plan.why}; the floor is {plan.floor}")
    return plan


def beside_bound(
    what: Planned, *, replicas: int, seed: int, progress: Callable[[int, int], None] | None = None, state: Path | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Run a plan and lay the measured ``E‖∇F‖²`` beside ``ε²``, the bound that it promises; and the table of the checkpoints.

    ``progress`` and ``state`` are those of :func:`tsla.simulate`.

    The table has the steps done, and what the theorem speaks of with its interval: the last iterate's ``‖∇F‖²`` or ``‖∇F(w_R)‖²``.
    """
    if replicas < 2:
        raise ValueError(f"seeds = {replicas} must be at least 2: an interval needs them")
    if seed < 0:
        raise ValueError(f"seed = {seed} must be at least 0")
    run, measured = _run(what.problem, what.oracle, what.plan, replicas, seed, progress=progress, state=state)
    interval, along, gap = student_t(measured[-1]), student_t(run.grad2, axis=1), student_t(run.gap, axis=1)
    result = {
        "problem": what.problem.name,
        "method": what.plan.method,
        "claim": what.plan.claim,
        "eps": what.eps,
        "samples": int(what.plan.total),
        "bound": what.eps**2,
        "measured": float(interval.estimate),
        "low": float(interval.low),
        "high": float(interval.high),
        "replicas": replicas,
        "seed": seed,
    }
    columns = {"step": run.step, "mean_grad2": measured.mean(axis=1)}
    for name, of in (("grad2", along), ("gap", gap)):
        columns |= {name: of.estimate, f"{name}_low": of.low, f"{name}_high": of.high}
    return result, pd.DataFrame(columns)
