"""How often the intervals of each rule cover: what ``tsla records coverage`` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from tsla.empirics.experiments.interval_coverage.populations import NETWORKS, Population, as_batches, gradients, paired, some
from tsla.empirics.experiments.interval_coverage.rules import CHOSEN, MEASURED, RULES, Draws, Ends, shifted, value_of
from tsla.empirics.moments.estimators import MIN_GROUPS
from tsla.empirics.moments.estimators.accumulator import MAX_GROUPS, SKETCH, folded
from tsla.theory.constants import Array

UNTIL = (0.05, 0.1)
UNTIL_NAMES = ("delta", "theta_star")
UNTIL_GROUPS, UNTIL_SIZE, UNTIL_TRIALS = 64, 64, 500
SMALL_SKETCH = 2**10
BATCHES = ((64, 1, 2000), (64, 16, 2000), (256, 16, 500))
"""Batches, examples of each, and trials: 256 is what ``minibatch_moments`` takes by default, in groups of two batches."""

# The method was chosen on two other seeds and at epochs 0, 1, 2, 5, 20, 30: these populations had no part in it.
CONFIGS = tuple(
    {"network": network, "epoch": epoch, "seed": 2, "population": 1500, "label_noise": 0.2, "trials": 2000}
    for network in NETWORKS
    for epoch in (0, 3, 25)
)


def run(config: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each way of drawing, rule and quantity: how many of ``trials`` intervals cover the ``truth``, and how wide they are.

    ``kurtosis`` is that of the ‖g_i‖², 3 for a normal distribution; ``half_width`` the median, relative to the truth.
    """
    g, g_hat = gradients(config)
    population = Population.of(g, g_hat)
    drawn = (
        _designs(population, config),
        _batches(population, config),
        _sketched(population, g, g_hat, config),
        _until(population, config),
    )
    of_all = {"network": config["network"], "epoch": config["epoch"], "kurtosis": float(stats.kurtosis((g**2).sum(1), fisher=False))}
    return pd.DataFrame([of_all | row for rows in drawn for row in rows])


def _designs(population: Population, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """128, 256 and 512 examples in groups of 16 or 32, by all rules where 256 are drawn independently in 16 groups; and 128 in groups of 8.

    The last is what :class:`tsla.MomentsMonitor` does if nothing else is asked of it.
    """
    for replacement, sampling, total in ((True, "independent", None), (False, "without replacement", config["population"])):
        sums = population.draws(groups=32, size=16, trials=config["trials"], seed=config["seed"], replacement=replacement)
        for part in (some(sums, 8), some(sums, 16), sums, paired(sums)):
            draws = Draws.of(part, total)
            about = {"sampling": sampling, "examples": part.examples, "groups": len(part.sizes)}
            rules = RULES if replacement and part.examples == 256 else {CHOSEN: shifted}
            for rule, interval in rules.items():
                yield from (about | {"rule": rule} | row for row in _coverage(population.basics, draws, interval))
    small = population.draws(groups=16, size=8, trials=config["trials"], seed=config["seed"], replacement=False)
    about = {"sampling": "without replacement", "examples": small.examples, "groups": 16, "rule": CHOSEN}
    yield from (about | row for row in _coverage(population.basics, Draws.of(small, config["population"]), shifted))


def _batches(population: Population, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Batches as the unit, of as many examples each, as ``minibatch_moments`` has them; and the moments of a batch are the truth."""
    for batches, size, trials in BATCHES:
        how = {"groups": batches, "size": size, "trials": min(trials, config["trials"]), "seed": config["seed"], "replacement": True}
        drawn = as_batches(population.draws(**how))
        kept = paired(drawn) if batches > MAX_GROUPS else drawn
        about = {"sampling": "independent", "examples": batches * size, "groups": batches, "rule": f"batch of {size}"}
        yield from (about | row for row in _coverage(population.basics_of_batches(size), Draws.of(kept), shifted))


def _sketched(population: Population, g: Tensor, g_hat: Tensor, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The same draws of 256 in 16 groups, with the products of different groups from sketches."""
    signs = torch.randint(2, g.shape[1:], generator=torch.Generator().manual_seed(config["seed"])) * 2 - 1
    how = {"groups": 16, "size": 16, "trials": config["trials"], "seed": config["seed"], "replacement": True}
    exact = population.draws(**how)
    own = np.eye(16, dtype=bool)
    for entries in (SKETCH, SMALL_SKETCH):
        size = min(entries, g.shape[1])
        sketched = Population.of(*(folded(vectors * signs, size) for vectors in (g, g_hat))).draws(**how)
        draws = Draws.of(replace(exact, products=np.where(own, exact.products, sketched.products)))
        draws = replace(draws, basics=exact.basics())
        about = {"sampling": "independent", "examples": 256, "groups": 16, "rule": f"sketch of {entries}"}
        yield from (about | row for row in _coverage(population.basics, draws, shifted))


def _until(population: Population, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Drawing groups until δ and θ* are known to a relative half-width, or given up; then how often their intervals cover."""
    sums = population.draws(groups=UNTIL_GROUPS, size=UNTIL_SIZE, trials=UNTIL_TRIALS, seed=config["seed"], replacement=True)
    walks = {until: _Walk.of(UNTIL_TRIALS) for until in UNTIL}
    hardest = walks[min(UNTIL)]
    for groups in range(MIN_GROUPS, UNTIL_GROUPS + 1):
        going = np.flatnonzero(hardest.going)
        if not len(going):
            break
        draws = Draws.of(some(sums, groups, going))
        ends = {name: np.array(shifted(name, draws)) for name in UNTIL_NAMES}
        half_widths = [(high - low) / 2 / np.abs(value_of(name, draws.basics)) for name, (low, high) in ends.items()]
        for until, walk in walks.items():
            walk.step(groups, going, ends, np.maximum(*half_widths) <= until)
    for until, walk in walks.items():
        groups_used, given_up = float(walk.groups.mean()), float(walk.going.mean())
        about = {"sampling": "independent", "examples": groups_used * UNTIL_SIZE, "groups": groups_used}
        about |= {"rule": f"until {until}", "given_up": given_up}
        yield from (about | _row(population.basics, name, *walk.ends[name]) for name in UNTIL_NAMES)


@dataclass(frozen=True, eq=False)
class _Walk:
    """How far each trial has come: whether it goes on, its groups, and the ends of its intervals, ``(2, trials)``."""

    going: NDArray[np.bool_]
    groups: NDArray[np.int64]
    ends: Mapping[str, Array]

    @classmethod
    def of(cls, trials: int) -> _Walk:
        return cls(np.ones(trials, dtype=bool), np.zeros(trials, dtype=np.int64), {name: np.empty((2, trials)) for name in UNTIL_NAMES})

    def step(self, groups: int, trials: NDArray[np.int64], ends: Mapping[str, Array], precise: NDArray[np.bool_]) -> None:
        still = self.going[trials]
        self.groups[trials[still]] = groups
        for name in UNTIL_NAMES:
            self.ends[name][:, trials[still]] = ends[name][:, still]
        self.going[trials[still & precise]] = False


def _coverage(basics: Array, draws: Draws, rule: Callable[[str, Draws], Ends | None]) -> Iterator[dict[str, Any]]:
    for name in MEASURED:
        ends = rule(name, draws)
        if ends is not None:
            yield _row(basics, name, *ends)


def _row(basics: Array, name: str, low: Array, high: Array) -> dict[str, Any]:
    truth = float(value_of(name, basics))
    slack = 1e-9 * abs(truth)  # where truth and end are both clipped
    below, above = high < truth - slack, low > truth + slack
    return {
        "quantity": name,
        "truth": truth,
        "trials": len(low),
        "covered": int((~below & ~above).sum()),
        "too_low": int(below.sum()),
        "too_high": int(above.sum()),
        "unbounded": float(np.isinf(high - low).mean()),
        "half_width": float(np.median(high - low) / 2 / abs(truth)),
    }
