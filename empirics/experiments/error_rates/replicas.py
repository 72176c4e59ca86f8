"""Where replicas vary independently: runs on problems whose expectations are known by quadrature, beside bounds and as rates.

At ``η = 1/L`` a step on ``w²/2`` forgets where it came from, so that ``‖∇F‖²`` of the last iterate has the law of a squared normal
number: of all that the simulator reports it has the longest tail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from tsla.empirics.experiments.error_rates.trial import Trial, covers, units
from tsla.empirics.experiments.rates import verdicts as curves
from tsla.empirics.experiments.rates.samples import ONE_IN_A_THOUSAND, RESAMPLES, Samples, exponent, percentiles, resamples
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.exact_law import exact_law
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.planned import Planned, verdict
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.betting import LEVEL, p_values, refutes
from tsla.empirics.statistics.intervals import IntervalOf, paired, student_t
from tsla.theory.constants import Array
from tsla.theory.plan import Stage

ORACLE = Oracle(sigma2=1.0, beta2=0.05, nu2=0.05)
SIZES = (20, 100, 400)
"""Replicas: of the command's example, of its default, and of the record ``stall``."""
DRAWN = 2**63


def runs(_: Path) -> Trial:
    """`tsla simulate`: the last iterate's ``‖∇F‖²`` after the plan of C15's last iterate, and what is said of a bound that is the truth."""
    what = Planned.of(problems.get("stall"), ORACLE, "sgd-pl-last", eps=1.0)
    truth = float(exact_law(what.problem, what.oracle, what.plan.stages).grad2[-1])

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        _, along = what.run(replicas=max(SIZES), seed=int(rng.integers(DRAWN)))
        found: dict[str, bool] = {}
        for n in SIZES:
            last = units(along[-1][:n], wrong)
            interval, end = student_t(last), student_t(last, level=ONE_IN_A_THOUSAND)
            found |= {
                f"interval of {n}": covers(interval, truth),
                f"exceeded of {n}": verdict(float(interval.low), float(interval.high), truth) == "exceeded",
                f"too late of {n}": bool(end.low > truth),
            }
        return found

    return trial


INSTANCES, FEW, MILD = 10, 20, 0.05
"""Bounds tested together, on so many replicas; a level at which alarms can be counted."""


def bets(_: Path) -> Trial:
    """Ten true bounds at once, each the exact mean: F after one noisy step on ``w²/2``, with a long tail, and on a cosine."""
    means = np.where(np.arange(INSTANCES) % 2 == 0, 0.5, 1 + np.exp(-1 / 8))

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        z = rng.standard_normal((INSTANCES, FEW))
        samples = units(np.where(np.arange(INSTANCES)[:, None] % 2 == 0, z**2 / 2, 1 + np.cos(0.5 * z)), wrong)
        return {
            "refutes": bool(refutes(samples, means).any()),
            f"refutes at {MILD:g}": bool(refutes(samples, means, MILD).any()),
            "Bonferroni": bool((p_values(samples, means) < LEVEL / INSTANCES).any()),
        }

    return trial


EPS = np.array([0.6, 0.45, 0.35])
REPLICAS, SLOWER = 50, 0.5
"""A quarter of the replicas of the records; and by which factor the second of two arms has the smaller step."""
MARKS = np.unique(np.rint(np.geomspace(1, 300, 30)).astype(int))


def rates(_: Path) -> Trial:
    """Samples needed, their exponent and their ratio for two step sizes on the same noise: SGD on ``w²/2`` with C4's step ``ε²/(2Lσ²)``.

    And the verdict on true bounds: whether one is called refuted.
    """
    problem, oracle = problems.get("stall"), Oracle(sigma2=1.0)

    def stage(eps: float, factor: float) -> Stage:
        T = np.asarray(float(MARKS[-1]))
        return Stage(np.asarray(factor * eps**2 / 2), np.asarray(0.0), T)

    def of(squares: Array, eps: float, weights: Array) -> Samples:
        return Samples.of(MARKS, squares, float(eps**2), weights)

    def exact(eps: float, factor: float) -> tuple[Samples, float]:
        """With ``‖∇F‖²`` at the end."""
        law = exact_law(problem, oracle, [stage(eps, factor)], checkpoints=[int(step) for step in MARKS])
        return of(law.grad2[-len(MARKS) :, None], eps, np.ones((1, RESAMPLES))), float(law.grad2[-1])

    known, ends = zip(*(exact(eps, 1.0) for eps in EPS), strict=True)
    of_grid, of_pair = exponent(EPS, known)[0], known[-1].estimate / exact(EPS[-1], SLOWER)[0].estimate

    def measured(eps: float, factor: float, seed: int, wrong: bool) -> tuple[Samples, float]:
        """With the end that refutes a bound on the last ``‖∇F‖²``."""
        run = simulate(problem, oracle, [stage(eps, factor)], replicas=REPLICAS, seed=seed, checkpoints=[int(step) for step in MARKS])
        squares = units(run.grad2, wrong)
        end = student_t(squares[-1], level=ONE_IN_A_THOUSAND)
        return of(squares, eps, resamples(squares.shape[1], seed)), float(end.low)

    def hardest(samples: Sequence[Samples], at_end_low: Sequence[float]) -> pd.DataFrame:
        """What a verdict reads, of the hardest true bounds: those that are reached at the plan's very end, at the steepest exponent."""
        estimate, low, high = exponent(EPS, samples)
        of_exponent = {"exponent": estimate, "exponent_low": low, "exponent_high": high, "planned_exponent": of_grid - curves.TOLERANCE}
        plan = {"eps": np.sqrt(ends), "planned": 1.0, "fixed": 0, "predicted": 4.0, "single": np.inf}
        return pd.DataFrame({"needed": [one.estimate for one in samples], "at_end_low": at_end_low, **plan, **of_exponent})

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        seeds = [int(seed) for seed in rng.integers(DRAWN, size=len(EPS))]
        found, lows = zip(*(measured(eps, 1.0, seed, wrong) for eps, seed in zip(EPS, seeds, strict=True)), strict=True)
        slower, _ = measured(EPS[-1], SLOWER, seeds[-1], wrong)
        ratio = IntervalOf(0.0, *percentiles(found[-1].resampled / slower.resampled))
        return {
            "needed": covers(IntervalOf(0.0, *found[-1].ends), known[-1].estimate),
            "exponent": covers(IntervalOf(*exponent(EPS, found)), of_grid),
            "ratio": covers(ratio, of_pair),
            "refuted": curves.verdict(hardest(found, lows)) == curves.REFUTED,
        }

    return trial


BRANCHES = {"MLP": 16, "ResNet-8": 8}
"""Copies of an arm that leave a snapshot."""
SPECTRA = np.arange(1, 51.0) ** np.array([[-1.0], [-0.5]])
"""What each of 50 directions adds to ``‖∇F‖²`` of two arms, on average; the arms are brought to the same sum."""


def branches(_: Path) -> Trial:
    """Signs that pairs of branches establish, where there is none: ``‖∇F‖²`` of two arms on the same noise, with the same mean.

    The noise of one is in fewer directions than that of the other, so that their difference is skewed.
    """
    spectra = SPECTRA / SPECTRA.sum(axis=1, keepdims=True)

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        found: dict[str, bool] = {}
        for name, n in BRANCHES.items():
            ours, theirs = spectra @ rng.standard_normal((spectra.shape[1], n)) ** 2
            interval = paired(units(ours, wrong), units(theirs, wrong))
            found |= {f"interval, {name}": covers(interval, 0.0), f"sign, {name}": not bool(interval.low <= 0 <= interval.high)}
        return found

    return trial
