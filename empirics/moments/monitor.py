"""Gradient moments along a training run of one's own: two lines in its loop, at a cost that is bounded and reported."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import ToLogits, check_function
from tsla.empirics.models.state import device_of, private_randomness
from tsla.empirics.moments.columns import columns
from tsla.empirics.moments.estimators import Accumulator, Estimates
from tsla.empirics.moments.examples import Collate, Drawn, ExamplePool, Unpack
from tsla.empirics.moments.live import Live, live_of
from tsla.empirics.moments.per_example import Known, gradient_products
from tsla.empirics.moments.per_example.batch_norm import check_batch_norm
from tsla.empirics.moments.per_example.watch import ONE_AT_A_TIME
from tsla.empirics.runs.errors import class_and_line
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, of_whole_examples
from tsla.empirics.smoothing.labels import Smoothing
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.theory.constants import whole
from tsla.theory.moments import MOMENTS

BUDGET = 0.02
"""Seconds of measuring for a second of training. Half as much again is left for a measurement that takes longer than foreseen."""
TRIAL = 4
"""Examples of the first trial."""
TRIAL_STEPS, TRIAL_SECONDS = 10, 0.2
"""What the first trial is supposed to take at most: so many training steps or so many seconds, whichever is more."""

GROUP_SIZE = 8
"""Examples handled at once, and a group of the estimates: 128 examples make 16 groups, the fewest that an interval should rest on."""
COLUMNS = (*MOMENTS, "delta", "theta_star")
"""The estimates in a row; each has two more columns, ``_low`` and ``_high``, for its 95 % interval."""

NOT_KNOWN = IntervalOf(math.nan, math.nan, math.nan)


@dataclass
class Times:
    """Of a run so far: training steps, and seconds spent in them and in the monitor."""

    steps: int = 0
    training: float = 0.0
    measuring: float = 0.0


class Cadence(Protocol):
    """Decides before each training step whether to measure; ``examples`` is what a measurement has."""

    @property
    def examples(self) -> int:
        """How many are drawn for a row."""

    def due(self, times: Times) -> int:
        """On how many examples to measure now; 0: not now."""

    def measured(self, examples: int, seconds: float, times: Times) -> None:
        """Learn what a measurement took; it is in ``times`` already."""


@dataclass(frozen=True)
class EveryKth:
    """Steps 0, k, 2k, ...: whatever it costs."""

    k: int
    examples: int

    def due(self, times: Times) -> int:
        """All examples at every k-th step."""
        return self.examples if times.steps % self.k == 0 else 0

    def measured(self, examples: int, seconds: float, times: Times) -> None:
        """Nothing to learn."""


class WithinBudget:
    """As often as training has paid for: what a measurement will take is set aside first.

    What it takes is foreseen from the last one, in proportion to the examples. Before the first there are two trials, one on few examples,
    which takes too long as the first of anything does, and one on a microbatch. What was earned in excess of one measurement, as in a
    pause, does not count: it would be spent in many at once.
    """

    def __init__(self, examples: int, microbatch: int) -> None:
        self.examples = examples
        self._sizes = [min(TRIAL, examples), min(microbatch, examples), examples]  # what is to come; the last one for ever
        self._last: tuple[int, float] | None = None  # examples and seconds
        self._earning_since = 0.0

    def due(self, times: Times) -> int:
        """A trial, or all examples, if they are paid for; else 0."""
        earned = BUDGET * (times.training - self._earning_since)
        paid_for = self._foreseen(self._sizes[0], times) <= min(earned, BUDGET * times.training - times.measuring)
        return self._sizes[0] if paid_for else 0

    def measured(self, examples: int, seconds: float, times: Times) -> None:
        """The next forecast rests on this."""
        self._last = (examples, seconds)
        self._sizes = self._sizes[1:] or self._sizes
        if examples == self.examples:
            self._earning_since = times.training

    def _foreseen(self, n: int, times: Times) -> float:
        if self._last is None:
            return max(TRIAL_SECONDS, TRIAL_STEPS * times.training / max(times.steps, 1))
        examples, seconds = self._last
        return seconds * max(1.0, n / examples)


class MomentsMonitor:
    """Measures the gradient moments of ``model`` every now and then while it is trained by whatever loop.

        monitor = MomentsMonitor(model, dataset)
        for inputs, labels in batches:
            monitor.step()  # before each training step
            ...

    dataset:     the set that ∇F is the mean over: (inputs, labels) with inputs as in :func:`tsla.gradient_moments`; a DataLoader, of which
                 only the set and the collate_fn are used; or what has a length and items, each (input, label) or a dictionary
    every:       measure before the steps 0, k, 2k, ...; None: as often as costs 2 % of the time of training, see below
    examples:    of a measurement, drawn anew from the dataset without replacement; at most all of them are
    smoothing:   ŷ as in :func:`tsla.gradient_moments`, but for "prior"
    seed:        of the monitor's own random numbers
    microbatch:  examples handled at once, which are one group of the estimates
    collate:     makes a batch of a list of items, as collate_fn of a DataLoader; by default they are stacked
    unpack:      of a batch that :func:`tsla.measure` would not take as it is, a function from it to (inputs, labels)
    logits:      as in :func:`tsla.gradient_moments`
    batch_norm:  as in :func:`tsla.gradient_moments`; "batch" takes the statistics of each microbatch
    clock:       seconds from any origin
    loss:        as in :func:`tsla.measure`
    live:        True shows what the moments say while training goes on (:class:`tsla.empirics.moments.live.Live`, which sets θ, the batch
                 size and a page for a browser); the loss is shown where ``step`` is given that of the last training step

    ``latest`` holds what the last step measured, None where it measured nothing: ``schedule.observe(monitor.latest)`` after each step
    drives a schedule of :mod:`tsla.empirics.smoothing.schedules`.

    ``rows`` holds a dictionary a measurement: ``step`` (training steps before it), ``examples``, ``seconds`` that it took, and unbiased
    estimates of the six moments, δ and θ* for the whole dataset, with 95 % intervals (COLUMNS).
    Where a measurement is refused or fails they are NaN and ``reason`` says why, which is "" in other rows; a warning says it once, and the
    run goes on.
    ``cost`` is the time spent in the monitor, divided by the time spent outside it since its first step; ``times`` has both, in seconds.

    Training is not disturbed: weights, buffers, ``.grad``, modes and the global random states are what they would be without the monitor,
    bit by bit, unless the dataset keeps a random state of its own. The model is measured in its own mode and on its own device; of a
    compiled or distributed one give the model inside.

    By default a measurement waits until training has paid for it. At which steps it measures then depends on the machine and its load: give
    ``every`` for rows that are the same each time. The first one comes after 10 s at least, and no earlier than 500 steps; a run shorter
    than that has no rows. The cost stays below 3 % unless a measurement takes half as long again as the one before made it seem.

    Raises ValueError outside the ranges, and where BatchNorm in training mode asks for a choice of ``batch_norm``. ``step`` raises nothing.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: Any,
        *,
        every: int | None = None,
        examples: int = 128,
        smoothing: Smoothing = "uniform",
        seed: int = 0,
        microbatch: int = GROUP_SIZE,
        collate: Collate | None = None,
        unpack: Unpack | None = None,
        logits: ToLogits | None = None,
        batch_norm: str | None = None,
        clock: Callable[[], float] = time.perf_counter,
        loss: CrossEntropy | nn.Module | None = None,
        live: Live | str | Path | bool | None = None,
    ) -> None:
        examples, microbatch = whole("examples", examples, at_least=2), whole("microbatch", microbatch, at_least=1)
        seed = whole("seed", seed, at_least=0)
        self.rows: list[dict[str, Any]] = []
        self.latest: Estimates | None = None
        self.times = Times()
        self._model, self._set = model, ExamplePool(dataset, smoothing, device_of(model), collate=collate, unpack=unpack)
        check_batch_norm(batch_norm, model)
        check_function("logits", logits)
        self._options: dict[str, Any] = {
            "logits": logits,
            "microbatch": microbatch,
            "batch_norm": batch_norm,
            "loss": of_whole_examples(loss),
            "known": Known(),
        }
        self._microbatch, self._clock = microbatch, clock
        self._reasons: set[str] = set()
        self._cadence = self._cadence_of(every, min(examples, len(self._set)))
        self._draws = np.random.default_rng(seed)
        self._lap_began: float | None = None
        self._live = live_of(live)

    @property
    def cost(self) -> float:
        """Time spent measuring, divided by time spent training; infinite if nothing but measuring was done."""
        if self.times.training > 0:
            return self.times.measuring / self.times.training
        return math.inf if self.times.measuring > 0 else 0.0

    def step(self, loss: Tensor | float | None = None) -> None:
        """Call before each training step. Measures if it is time to; ``loss``, of the step before, is for the live view."""
        self.times.training += self._lap()
        self.latest = None
        examples = self._cadence.due(self.times)
        if examples:
            self._measure(examples)
            self._show(loss)
        self.times.steps += 1
        self.times.measuring += self._lap()

    def _show(self, loss: Tensor | float | None) -> None:
        if self._live is None or self.latest is None:
            return
        try:
            self._live.update(self.times.steps, self.latest, None if loss is None else float(loss))
        except Exception as error:  # whatever a terminal or a notebook raises: no reason to end the run
            self._live = None
            warnings.warn(f"MomentsMonitor shows nothing more: {class_and_line(error)}", stacklevel=3)

    def _lap(self) -> float:
        """Seconds since the last call; 0 at the first."""
        before, self._lap_began = self._lap_began, self._clock()
        return 0.0 if before is None else self._lap_began - before

    def _measure(self, examples: int) -> None:
        if self._set.device.type == "cuda":
            torch.cuda.synchronize(self._set.device)  # what is still under way there is training
            self.times.training += self._lap()
        found = self._found(examples)
        seconds = self._lap()
        self.times.measuring += seconds
        if examples == self._cadence.examples:
            self.rows.append({"step": self.times.steps, "examples": examples, "seconds": seconds} | found)
        self._cadence.measured(examples, seconds, self.times)

    def _found(self, examples: int) -> dict[str, Any]:
        try:
            return self._estimates(self._draws.choice(len(self._set), examples, replace=False)) | {"reason": ""}
        except Exception as error:  # whatever a model, a data set or a device raises: no reason to end the run
            reason = class_and_line(error)
        if reason not in self._reasons:
            self._reasons.add(reason)
            warnings.warn(f"MomentsMonitor measured nothing before step {self.times.steps}: {reason}", stacklevel=4)
        return columns(lambda name: NOT_KNOWN, COLUMNS) | {"reason": reason}

    def _estimates(self, drawn: Drawn) -> dict[str, float]:
        accumulator = Accumulator()
        with ONE_AT_A_TIME, private_randomness(int(self._draws.integers(2**32)), self._set.device):
            for group in np.array_split(drawn, -(-len(drawn) // self._microbatch)):
                inputs, labels, smoothing = self._set.take(group)
                accumulator.add(gradient_products(self._model, inputs, labels, smoothing, **self._options))
        estimates = accumulator.estimates(population=len(self._set))
        if len(drawn) != self._cadence.examples:  # a trial
            return {}
        self.latest = estimates
        return columns(estimates.quantity, COLUMNS)

    def _cadence_of(self, every: int | None, examples: int) -> Cadence:
        if examples < 2:
            raise ValueError(f"dataset holds {examples} examples; must be at least 2")
        groups = -(-examples // self._microbatch)
        if groups < 4 and examples < len(self._set):
            raise ValueError(
                f"microbatch = {self._microbatch} makes {groups} groups of {examples} examples; must make at least 4, and should make 16"
            )
        if every is None:
            return WithinBudget(examples, self._microbatch)
        return EveryKth(whole("every", every, at_least=1), examples)
