"""Experiments on problems with exactly known constants: what the bounds say beside what happens.

Each function takes a configuration, a dictionary of plain numbers that a record can carry, and returns a table. Every step size,
smoothing strength and length is the theorem's own: nothing is tuned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.planned import Planned, constants_of
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import Trajectory, simulate
from tsla.empirics.statistics.intervals import student_t
from tsla.theory import lsr, sgd, smoothing, two_stage
from tsla.theory.constants import Array, Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan, Stage

Config = Mapping[str, Any]


def _instance(config: Config) -> tuple[Problem, Oracle, Constants]:
    problem = problems.get(config["problem"], **config.get("problem_options", {}))
    oracle = Oracle(**config["oracle"])
    return problem, oracle, constants_of(problem, oracle)


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
    what = Planned.of(problem, oracle, config["method"], eps=eps)
    plan, (run, measured) = what.plan, what.run(replicas=config["replicas"], seed=config["seed"])
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


def _after_stage_one(plan: Plan, run: Trajectory, constants: Constants) -> tuple[Array | float, float]:
    if plan.method != "tsla":
        return np.nan, np.nan
    first = plan.stages[0]
    bound = two_stage.stage_one(constants, eta1=first.eta, T1=first.steps)
    return run.gap[run.step == int(first.steps)][0], float(bound.total)
