"""What the one-sided tests of :mod:`tsla.empirics.statistics.betting` refute: halved bounds, on instances that come near the bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.exact_law import exact_law
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.betting import p_values, refutes
from tsla.theory import biased, lsr, sgd, two_stage, worst_case
from tsla.theory.constants import Array, Constants
from tsla.theory.plan import Stage

PROBLEM, START = problems.get("stall"), [1.5]
"""``w²/2``, where ``L = μ = 1``, and where the runs begin."""


@dataclass(frozen=True, eq=False)
class Instance:
    """A run on PROBLEM from START, and what a claim says of it: ``quantity`` at its end is at most ``bound`` on average."""

    claim: str
    name: str
    oracle: Oracle
    stages: tuple[Stage, ...]
    bound: Array | float
    quantity: Literal["mean_grad2", "gap"] = "mean_grad2"

    @property
    def exact(self) -> float:
        """The expectation of the quantity, to some 1e-10."""
        law = exact_law(PROBLEM, self.oracle, self.stages, start=START)
        return float(getattr(law, self.quantity)[-1])

    def samples(self, replicas: int, seed: int) -> Array:
        """The quantity in each replica; shape (replicas,)."""
        last = sum(int(stage.steps) for stage in self.stages)
        run = simulate(PROBLEM, self.oracle, self.stages, replicas=replicas, seed=seed, start=START, checkpoints=[last])
        values: Array = getattr(run, self.quantity)[-1]
        return values


def power(instances: Sequence[Instance], *, replicas: int, seed: int) -> pd.DataFrame:
    """What is refuted when the constants are halved: one row an instance.

    measured, exact:  the mean of the replicas, and the expectation by quadrature
    ratio:            exact/bound, how near the instance comes to the bound; only above 1/2 can the halved bound be refuted
    p_value, refuted: of "the mean is at most halved_bound", and whether that is refuted among all rows
    p_bound:          of "the mean is at most bound", which is true
    """
    samples = np.stack([instance.samples(replicas, seed + position) for position, instance in enumerate(instances)])
    exact, bound = (np.array([getattr(instance, name) for instance in instances]) for name in ("exact", "bound"))
    halved = bound / 2
    return pd.DataFrame(
        {
            "claim": [instance.claim for instance in instances],
            "instance": [instance.name for instance in instances],
            "measured": samples.mean(axis=1),
            "exact": exact,
            "bound": bound,
            "halved_bound": halved,
            "ratio": exact / bound,
            "p_value": p_values(samples, halved),
            "p_bound": p_values(samples, bound),
            "refuted": refutes(samples, halved),
            "replicas": replicas,
            "seed": seed,
        }
    )


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """What ``tsla records power_of_tests`` runs: :func:`power` of :func:`near_instances`."""
    return power(near_instances(), **config)


def near_instances() -> tuple[Instance, ...]:
    """For each of C4, C5, C7, C8, C12, C16 an instance that comes near its bound.

    At ``η = 1/L`` a step forgets where it came from: ``∇F(w_t)`` is the last error of the direction, whose second moment is the noise term
    of each bound. C16 has the noise term of any η. C8 has a row for the sum that its proof bounds by ε², and one for ε² itself:
    half of ε² pays for the noise at twice its need, so that at ``ε² = 2σ²`` no run is much above half of it; with ``ĝ`` fully correlated
    to ``g`` and ``δ = 2`` the first stage leaves enough that it is.
    """
    plain, blurred = Oracle(sigma2=1.0), Oracle(sigma2=1.0, beta2=0.1, nu2=0.1, bias="fixed")
    F0, T = float(PROBLEM.gap(np.array(START))), 32
    k = Constants(L=1, mu=1, sigma2=1, delta=blurred.delta, F0=F0)
    parts = biased.SmoothingOracle(beta2=0.1, nu2=0.1)
    aligned = Oracle(sigma2=1.0, nu2=2.0, c=float(np.sqrt(2)), noise="rademacher")
    eps2 = 2.0
    plan = two_stage.steps(Constants(L=1, mu=1, sigma2=1, delta=aligned.delta, F0=F0), eps=np.sqrt(eps2))
    return (
        Instance("C4", "η = 1/L", plain, (_stage(1, 0, T),), sgd.bound(k, eta=1, T=T).total),
        Instance("C5", "η = 1/L, θ = 1", blurred, (_stage(1, 1, T),), lsr.bound(k, eta=1, T=T, theta=1).total),
        Instance("C7", "η1 = 1/μ, θ = 1", blurred, (_stage(1, 1, 4),), two_stage.stage_one(k, eta1=1, T1=4, theta=1).total, "gap"),
        Instance(
            "C8",
            "the sum, η1 = η2 = 1/L, θ = 1",
            blurred,
            (_stage(1, 1, 4), _stage(1, 0, T)),
            two_stage.bound(k, eta1=1, T1=4, eta2=1, T2=T, theta=1).total,
        ),
        Instance("C8", "ε² by its own plan, ε² = 2σ², δ = 2, ĝ - ∇F = √2 (g - ∇F)", aligned, plan.stages, eps2),
        Instance("C12", "η = 1/L, θ = 1/2", blurred, (_stage(1, 0.5, T),), biased.bound(k, parts, eta=1, T=T, theta=0.5).total),
        Instance(
            "C12", "gap, η = 1/L, θ = 1/2", blurred, (_stage(1, 0.5, 4),), biased.gap_bound(k, parts, eta=1, T=4, theta=0.5).total, "gap"
        ),
        Instance("C16", "η = 1/(2L)", plain, (_stage(0.5, 0, 2 * T),), worst_case.sgd_bound(k, eta=0.5, T=2 * T).total),
    )


def _stage(eta: float, theta: float, steps: int) -> Stage:
    return Stage(np.asarray(float(eta)), np.asarray(float(theta)), np.asarray(float(steps)))
