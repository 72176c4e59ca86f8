"""A bound's own plan on a problem whose constants are known, run, beside what the bound promises. Nothing is tuned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.runs.memory import must_fit
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.legs import default_checkpoints
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import Trajectory, bytes_a_replica, simulate
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.constants import Array, Constants, shown, single, whole
from tsla.theory.inversion import best_eps
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan

MOST_STEPS = 1e12
"""Steps of a plan that is run: more would take weeks, and are more likely a mistake in eps."""


def constants_of(problem: Problem, oracle: Oracle) -> Constants:
    """What a problem and its noise state of themselves, with ``F0`` at the problem's start."""
    gap = float(problem.gap(problem.start))
    return Constants(L=problem.L, mu=problem.mu, sigma2=oracle.sigma2, delta=oracle.delta, F0=gap)


@dataclass(frozen=True)
class Planned:
    """A method's plan for one ε on a problem whose constants are known, and the noise that makes them so."""

    problem: Problem
    oracle: Oracle
    constants: Constants
    plan: Plan
    eps: float

    @classmethod
    def of(cls, problem: Problem, oracle: Oracle, method: str, *, eps: float) -> Planned:
        """The plan that the stated constants ask for. Raises ValueError where the target is out of the method's reach."""
        constants = constants_of(problem, oracle)
        plan = METHODS[method](constants, eps=eps)
        if not plan.reachable:
            raise ValueError(f"eps = {eps} is out of reach for {method}: {plan.why}; the floor is {plan.floor}")
        return cls(problem, oracle, constants, plan, eps)

    def run(self, *, replicas: int, seed: int, **options: Any) -> tuple[Trajectory, Array]:
        """A run, and what the plan's theorem speaks of, shape (k, replicas): ``‖∇F(w_R)‖²``, or the last iterate's. As `tsla.simulate`."""
        run = simulate(self.problem, self.oracle, self.plan.stages, replicas=replicas, seed=seed, **options)
        return run, run.grad2 if self.plan.of_last else run.mean_grad2


def planned(problem: str, method: str, *, eps: float | None, budget: float | None = None, sigma2: float, delta: float) -> Planned:
    """The plan for ``eps``, or for the smallest ε that ``budget`` samples reach by the method's bound.

    Half of ``delta * sigma2`` is bias, half noise. Raises ValueError where the target is out of the method's reach or the problem lacks
    a constant that it needs, and unless exactly one of ``eps`` and ``budget`` is given.
    """
    if (eps is None) == (budget is None):
        raise ValueError(f"eps = {eps} and T = {budget}: exactly one of them must be given")
    smoothing_error = single("delta", delta, at_least=0) * sigma2
    instance, oracle = problems.get(problem), Oracle(sigma2=sigma2, beta2=smoothing_error / 2, nu2=smoothing_error / 2)
    if "mu" in METHODS[method].needs.split() and instance.mu is None:
        others = ", ".join(name for name in problems.names() if problems.get(name).mu is not None)
        raise ValueError(f"problem = {problem} has no mu (A4), which {method} needs; must be one of {others}")
    target = eps if budget is None else best_eps(constants_of(instance, oracle), budget=budget, methods=[method])[method]
    if target is None:
        raise ValueError(f"T = {budget} is too few samples for any ε by the bound of {method}")
    found = Planned.of(instance, oracle, method, eps=target)
    if found.plan.total > MOST_STEPS:
        total = shown(found.plan.total)
        given = f"eps = {shown(target)}" if budget is None else f"T = {budget}"
        raise ValueError(f"{given}: the plan of {method} has {total} steps; at most {MOST_STEPS:.0e} can be run")
    return found


def verdict(low: float, high: float, bound: float) -> str:
    """Said to be "held" where an interval ends at the bound or below it, "exceeded" where it begins above it, and else "open"."""
    return "held" if high <= bound else "exceeded" if low > bound else "open"


def beside_bound(
    what: Planned, *, replicas: int, seed: int, progress: Callable[[int, int], None] | None = None, state: Path | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Run a plan and lay the measured ``E‖∇F‖²`` beside ``ε²``, the bound that it promises; and the table of the checkpoints.

    ``progress`` and ``state`` are those of :func:`tsla.simulate`.

    The table has the steps done, and what the theorem speaks of with its interval: the last iterate's ``‖∇F‖²`` or ``‖∇F(w_R)‖²``. The
    interval is Student's, which covers less often than it says where replicas are few and their law has a long tail (docs/intervals.md).
    """
    whole("seeds", replicas, at_least=2)  # an interval needs them
    must_fit("seeds", replicas, bytes_a_replica(what.problem, len(default_checkpoints(what.plan.stages))))
    whole("seed", seed, at_least=0)
    run, measured = what.run(replicas=replicas, seed=seed, progress=progress, state=state)
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
        "verdict": verdict(float(interval.low), float(interval.high), what.eps**2),
        "replicas": replicas,
        "seed": seed,
    }
    columns = {"step": run.step, "mean_grad2": measured.mean(axis=1)}
    for name, of in (("grad2", along), ("gap", gap)):
        columns |= {name: of.estimate, f"{name}_low": of.low, f"{name}_high": of.high}
    return result, pd.DataFrame(columns)
