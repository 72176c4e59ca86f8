"""One-sided tests of "the mean is at most the bound" whose false-alarm rate is known, and what they can refute.

Samples are independent, non-negative and of any law, however skewed, such as ``‖∇F(w_R)‖²`` of the replicas of a run. If their mean is at
most ``b``, then for every ``λ`` in [0, 1] the wealth ``Π (1 + λ (X_i/b - 1))`` of somebody who bets on larger values has an expectation
of at most 1, and so has its mean over some λ. By Markov's inequality it exceeds 1/p with probability at most p: its inverse is a p-value,
valid for every number of samples (Waudby-Smith and Ramdas, 2024). Student's t is not: on few samples with a long left tail it raises
false alarms many times too often (``tests/empirics/statistics/test_betting.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from scipy.stats import binomtest

from tsla.empirics.runs import markdown, records
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.exact_law import exact_law
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.theory import biased, lsr, sgd, two_stage, worst_case
from tsla.theory.constants import Array, Constants, real, step_count
from tsla.theory.plan import Stage

LEVEL = 0.001
DOCUMENT = Path("docs/one_sided_tests.md")
# Parts of the wealth that are bet: the smallest suits excesses of a few per cent, the largest those by a factor.
BETS = np.geomspace(1 / 64, 0.95, 8)

Quantity = Literal["mean_grad2", "gap"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """A run, from ``start`` in every coordinate, and what a claim says of it: ``quantity`` at its end is at most ``bound`` on average."""

    claim: str
    name: str
    problem: Problem
    oracle: Oracle
    stages: tuple[Stage, ...]
    quantity: Quantity
    bound: float
    start: float

    @property
    def exact(self) -> float:
        """The expectation of the quantity, to some 1e-10."""
        law = exact_law(self.problem, self.oracle, self.stages, start=self._w0)
        return float(getattr(law, self.quantity)[-1])

    def samples(self, replicas: int, seed: int) -> Array:
        """The quantity in each replica; shape (replicas,)."""
        last = sum(int(stage.steps) for stage in self.stages)
        run = simulate(self.problem, self.oracle, self.stages, replicas=replicas, seed=seed, start=self._w0, checkpoints=[last])
        values: Array = getattr(run, self.quantity)[-1]
        return values

    @property
    def _w0(self) -> Array:
        return np.full(self.problem.dimension, self.start)


@dataclass(frozen=True)
class FalseAlarms:
    """How often a test refuted, on any of its instances, bounds that are exactly the means."""

    alarms: int
    repetitions: int
    level: float

    @property
    def rate(self) -> float:
        """Part of the repetitions with an alarm."""
        return self.alarms / self.repetitions

    @property
    def p_value(self) -> float:
        """Of "the true rate is at most the level": small if there were too many alarms (exact binomial test)."""
        return float(binomtest(self.alarms, self.repetitions, self.level, alternative="greater").pvalue)


def p_values(samples: ArrayLike, bound: ArrayLike) -> Array:
    """p-values of "the mean is at most ``bound``" for independent samples of any law on [0, ∞), valid for every number of them.

    Shapes: ``samples`` (..., n), ``bound`` broadcasts with (...), which is the shape of the result. Raises ValueError for a negative sample
    or a bound that is not above 0.
    """
    values, limit = real("samples", samples, at_least=0), real("bound", bound, above=0)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"samples has shape {values.shape}; a test needs (..., n) with n at least 1")
    excess = values / limit[..., None] - 1
    log_wealth = np.log1p(excess[..., None, :] * BETS[:, None]).sum(axis=-1)
    log_p = np.minimum(np.log(len(BETS)) - logsumexp(log_wealth, axis=-1), 0)
    return np.asarray(np.maximum(np.exp(log_p), np.finfo(float).tiny))  # a p-value of 0 would claim too much


def refutes(samples: ArrayLike, bound: ArrayLike, level: float = LEVEL) -> NDArray[np.bool_]:
    """Which of the bounds are refuted, such that a true one is refuted with probability at most ``level`` over all instances together.

    Shapes: ``samples`` (instances, n) or (n,), ``bound`` (instances,) or (), which is the shape of the result. Holm's step-down procedure
    on :func:`p_values`: it needs no independence of the instances.
    """
    return holm(p_values(samples, bound), level)


def holm(p: Array, level: float) -> NDArray[np.bool_]:
    """What Holm's procedure rejects: the smallest p as long as ``p_(i) <= level/(m-i)``, ``i = 0, 1, ...``; shape of ``p``."""
    family = real("level", level, above=0, at_most=1)
    flat = np.ravel(p)
    order = np.argsort(flat)
    passed = flat[order] <= family / np.arange(len(flat), 0, -1)
    rejected = np.zeros(len(flat), dtype=bool)
    rejected[order] = np.logical_and.accumulate(passed)
    return rejected.reshape(np.shape(p))


def false_alarm_rate(
    instances: Sequence[Instance],
    *,
    replicas: int,
    repetitions: int = 2000,
    level: float = LEVEL,
    seed: int = 0,
    test: Callable[[Array, Array, float], NDArray[np.bool_]] = refutes,
) -> FalseAlarms:
    """Measure how often ``test`` raises an alarm on any of the instances when every bound is the exact mean, the hardest true bound.

    A repetition has ``replicas`` new samples of each instance. ``test`` maps samples (instances, n), bounds (instances,) and the level to
    what it refutes.
    """
    count, times = int(step_count("replicas", replicas)), int(step_count("repetitions", repetitions))
    means = np.array([instance.exact for instance in instances])
    drawn = np.stack([instance.samples(count * times, seed + i).reshape(times, count) for i, instance in enumerate(instances)], axis=1)
    return FalseAlarms(sum(bool(test(samples, means, level).any()) for samples in drawn), times, level)


def power(*, replicas: int = 2000, level: float = LEVEL, seed: int = 0) -> pd.DataFrame:
    """What is refuted when the constants are halved: one row an instance of :func:`near_instances`.

    measured, exact:  the mean of the replicas, and the expectation by quadrature
    ratio:            exact/bound, how near the instance comes to the bound; only above 1/2 can the halved bound be refuted
    p_value, refuted: of "the mean is at most halved_bound", and whether Holm's procedure rejects it among all rows
    p_bound:          of "the mean is at most bound", which is true
    """
    rows = []
    for position, instance in enumerate(near_instances()):
        samples, exact = instance.samples(replicas, seed + position), instance.exact
        rows.append(
            {
                "claim": instance.claim,
                "instance": instance.name,
                "measured": samples.mean(),
                "exact": exact,
                "bound": instance.bound,
                "halved_bound": instance.bound / 2,
                "ratio": exact / instance.bound,
                "p_value": float(p_values(samples, instance.bound / 2)),
                "p_bound": float(p_values(samples, instance.bound)),
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(refuted=holm(table["p_value"].to_numpy(), level), replicas=replicas, seed=seed)


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """What ``tsla records power_of_tests`` runs: :func:`power`."""
    return power(**config)


def near_instances() -> tuple[Instance, ...]:
    """For each of C4, C5, C7, C8, C12, C16 an instance that comes near its bound: all on ``w²/2``, where ``L = μ = 1``.

    At ``η = 1/L`` a step forgets where it came from: ``∇F(w_t)`` is the last error of the direction, whose second moment is the noise term
    of each bound. C16 has the noise term of any η. C8 has a row for the sum that its proof bounds by ε², and one for ε² itself:
    half of ε² pays for the noise at twice its need, so that at ``ε² = 2σ²`` no run is much above half of it; with ``ĝ`` fully correlated
    to ``g`` and ``δ = 2`` the first stage leaves enough that it is.
    """
    plain, blurred = Oracle(sigma2=1.0), Oracle(sigma2=1.0, beta2=0.1, nu2=0.1, bias="fixed")
    start, T = 1.5, 32
    F0 = start**2 / 2
    k = Constants(L=1, mu=1, sigma2=1, delta=blurred.delta, F0=F0)
    parts = biased.SmoothingOracle(beta2=0.1, nu2=0.1)
    aligned = Oracle(sigma2=1.0, nu2=2.0, c=float(np.sqrt(2)), noise="rademacher")
    eps2 = 2.0
    plan = two_stage.steps(Constants(L=1, mu=1, sigma2=1, delta=aligned.delta, F0=F0), eps=np.sqrt(eps2))

    def near(
        claim: str, name: str, oracle: Oracle, stages: tuple[Stage, ...], bound: ArrayLike, quantity: Quantity = "mean_grad2"
    ) -> Instance:
        return Instance(
            claim=claim,
            name=name,
            problem=problems.get("stall"),
            oracle=oracle,
            stages=stages,
            quantity=quantity,
            bound=float(np.asarray(bound)),
            start=start,
        )

    return (
        near("C4", "η = 1/L", plain, (_stage(1, 0, T),), sgd.bound(k, eta=1, T=T).total),
        near("C5", "η = 1/L, θ = 1", blurred, (_stage(1, 1, T),), lsr.bound(k, eta=1, T=T, theta=1).total),
        near("C7", "η1 = 1/μ, θ = 1", blurred, (_stage(1, 1, 4),), two_stage.stage_one(k, eta1=1, T1=4, theta=1).total, "gap"),
        near(
            "C8",
            "the sum, η1 = η2 = 1/L, θ = 1",
            blurred,
            (_stage(1, 1, 4), _stage(1, 0, T)),
            two_stage.bound(k, eta1=1, T1=4, eta2=1, T2=T, theta=1).total,
        ),
        near("C8", "ε² by its own plan, ε² = 2σ², δ = 2, ĝ - ∇F = √2 (g - ∇F)", aligned, plan.stages, eps2),
        near("C12", "η = 1/L, θ = 1/2", blurred, (_stage(1, 0.5, T),), biased.bound(k, parts, eta=1, T=T, theta=0.5).total),
        near("C12", "gap, η = 1/L, θ = 1/2", blurred, (_stage(1, 0.5, 4),), biased.gap_bound(k, parts, eta=1, T=4, theta=0.5).total, "gap"),
        near("C16", "η = 1/(2L)", plain, (_stage(0.5, 0, 2 * T),), worst_case.sgd_bound(k, eta=0.5, T=2 * T).total),
    )


def _stage(eta: float, theta: float, steps: int) -> Stage:
    return Stage(np.asarray(float(eta)), np.asarray(float(theta)), np.asarray(float(steps)))


def table(rows: pd.DataFrame) -> str:
    """What :func:`power` found, in Markdown."""
    titles = ("claim", "instance", "measured", "bound", "exact / bound", "p-value of half the bound", "p-value of the bound")
    lines = []
    for row in rows.to_dict("records"):
        half = f"{row['p_value']:.0e}" if row["p_value"] > 1e-300 else "< 1e-300"
        numbers = (f"{row['measured']:.4g}", f"{row['bound']:.4g}", f"{row['ratio']:.3f}", half, f"{row['p_bound']:.2g}")
        lines.append((str(row["claim"]), str(row["instance"]), *numbers))
    return markdown.table(titles, lines)


if __name__ == "__main__":
    print(table(records.read(records.FOLDER / "power_of_tests.parquet").table))  # noqa: T201 - for the document
