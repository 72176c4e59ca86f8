"""Where groups of examples vary independently: moments of a network's gradient, and what follows from them.

:mod:`tsla.empirics.experiments.interval_coverage` measures the moments on real networks. Here is all that follows from them at one
setting, on a population whose squared gradients have a kurtosis of some ten: more than an MLP's, less than a ResNet's late in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import brentq

from tsla.empirics.advice.measure.results import Reading, reading
from tsla.empirics.experiments.error_rates.rates import FOLLOWING, LOOKS
from tsla.empirics.experiments.error_rates.trial import COPIES, Trial, covers
from tsla.empirics.moments.estimators import Estimates, estimates
from tsla.empirics.moments.estimators.groups import GroupSums
from tsla.empirics.moments.live import UNSURE, instruments, sentence
from tsla.empirics.moments.measure import Measurement
from tsla.empirics.moments.monitor import GROUP_SIZE
from tsla.empirics.smoothing.schedules import Adaptive
from tsla.empirics.statistics.intervals import share
from tsla.theory.constants import Array

N, P, GROUPS, SIZE = 1500, 20, 32, 16
"""Examples of the population, parameters, and groups of examples that are drawn."""
BATCH_SIZE, ETA_L = 16, 0.5
MONITORED = 16, GROUP_SIZE
"""Groups of a monitor's measurement, and their size."""


def following(_: Path) -> Trial:
    """All that `tsla measure` says at a setting, and :class:`Adaptive` where smoothing has neither an advantage nor a disadvantage."""
    g, g_hat = _population()
    exact = estimates(_sums(g, g_hat, np.arange(N)[None]), population=N)
    truth, schedule = _reading(exact, N), Adaptive(_without_advantage(exact), BATCH_SIZE)

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        drawn = np.repeat(rng.integers(N, size=(GROUPS, SIZE)), COPIES if wrong else 1, axis=0)
        found = estimates(_sums(g, g_hat, drawn))
        said = _reading(found, drawn.size)
        ends = {name: (getattr(said, name), getattr(truth, name).estimate) for name in FOLLOWING}
        return {name: covers(interval, value) for name, (interval, value) in ends.items()} | {"established": schedule.established(found)}

    return trial


def monitored(_: Path) -> Trial:
    """The live instruments, as :class:`tsla.MomentsMonitor` feeds them: one look, and LOOKS of them, at weights that stay as they are.

    Smoothing has neither an advantage nor a disadvantage. :class:`Adaptive` has half that θ, at which it has one, and looks as often.
    """
    g, g_hat = _population()
    exact = estimates(_sums(g, g_hat, np.arange(N)[None]), population=N)
    theta = _without_advantage(exact)
    truth, schedule = instruments(exact.moments, theta, BATCH_SIZE), Adaptive(theta / 2, BATCH_SIZE)

    def looked(rng: Generator, wrong: bool) -> Estimates:
        drawn = rng.permutation(N)[: MONITORED[0] * MONITORED[1]].reshape(MONITORED)
        return estimates(_sums(g, g_hat, np.repeat(drawn, COPIES if wrong else 1, axis=0)), population=N)

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        looks = [looked(rng, wrong) for _ in range(LOOKS)]
        found = [instruments(look, theta, BATCH_SIZE) for look in looks]
        said = [sentence(one["variance"], one["  less"], trusted=True) != UNSURE for one in found]
        of_first = {name.strip(): covers(interval, truth[name].estimate) for name, interval in found[0].items()}
        return of_first | {"said": said[0], "ever said": any(said), "kept": all(map(schedule.established, looks))}

    return trial


def percentages(_: Path) -> Trial:
    """The percentages of these tables: 1,900 of 2,000 draws cover, on average."""

    def trial(rng: Generator, wrong: bool) -> Mapping[str, bool]:
        covered, copies = int(rng.binomial(2000, 0.95)), COPIES if wrong else 1
        return {"share": covers(share(copies * covered, copies * 2000), 0.95)}

    return trial


def _population() -> tuple[Array, Array]:
    """Gradients of N examples, ``(N, P)`` each, of lengths with a long tail, in directions with a spectrum that falls."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, N, P)) / np.sqrt(np.arange(1, P + 1)) * rng.lognormal(sigma=0.4, size=(N, 1))
    return noise[0] + 0.1, 0.5 * noise[0] + 0.4 * noise[1] + 0.25


def _without_advantage(exact: Estimates) -> float:
    """The θ at which smoothing leaves a batch's variance as it is."""
    return float(brentq(lambda theta: float(exact.moments.at_batch_size(BATCH_SIZE).excess(theta)), 0.01, 1.0))


def _sums(g: Array, g_hat: Array, drawn: NDArray[np.int64]) -> GroupSums:
    """Of groups of examples, ``(groups, size)``."""
    pairs = ((g, g), (g_hat, g_hat), (g, g_hat))
    squares = np.stack([(a * b).sum(1)[drawn].sum(1) for a, b in pairs], axis=1)
    S, S_hat = g[drawn].sum(1), g_hat[drawn].sum(1)
    cross = S @ S_hat.T
    return GroupSums(np.full(len(drawn), float(drawn.shape[1])), squares, np.stack((S @ S.T, S_hat @ S_hat.T, (cross + cross.T) / 2)))


def _reading(found: Estimates, examples: int) -> Reading:
    measurement = Measurement(found, {}, examples, None, silent=False, mode="")
    return reading(measurement, theta=0.1, batch_size=BATCH_SIZE, eta_L=ETA_L)
