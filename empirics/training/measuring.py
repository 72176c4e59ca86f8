"""The moments that a run reports, and those that its schedule goes by.

Both are of the network in evaluation mode: BatchNorm, whose training mode leaves gradients of single examples undefined, normalises by its
running statistics.
"""

from __future__ import annotations

from dataclasses import asdict
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.assumptions.curvature import largest_curvature
from tsla.empirics.assumptions.network_risk import NetworkRisk
from tsla.empirics.models.inputs import ToLogits
from tsla.empirics.moments.estimators import Accumulator
from tsla.empirics.moments.full_batch import Known, gradient_moments, gradient_products, moments_of
from tsla.empirics.smoothing.labels import Smoothing, evaluation_mode
from tsla.empirics.smoothing.schedules import Annealed, Observed, Schedule
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.own import Data
from tsla.theory.moments import MOMENTS

OBSERVED, GROUPS = 1024, 16
"""Training examples that a schedule goes by, at most, the same throughout a run and for all runs of a seed: fewer than all make estimates
with intervals, from so many groups."""
CURVED, ITERATIONS = 256, 20
"""Training examples that the largest curvature is that of, and products of the power iteration, at most."""


class Measuring:
    """Moments of a network on training examples that are drawn once. ``y_hat`` are the smoothing labels of the run."""

    def __init__(self, config: TrainingConfig, split: Data, y_hat: Smoothing, logits: ToLogits | None = None) -> None:
        self._config, self._y_hat, self._n, self._logits = config, y_hat, len(split.train_labels), logits
        generator = torch.Generator().manual_seed(config.seed + 2**32)
        self._drawn = torch.randperm(self._n, generator=generator).to(split.train_labels.device)
        self._split = split
        self._options: dict[str, Any] = {"logits": logits, "known": Known()}

    @property
    def columns(self) -> tuple[str, ...]:
        """What a row has of :meth:`at`."""
        added = {"eta_L": self._config.curvature, "alignment": self._config.alignment}
        return (*MOMENTS, *(name for name, wanted in added.items() if wanted))

    def at(self, model: nn.Module, eta: float) -> dict[str, float]:
        """The six moments on the examples that the run reports them for, and, where the run asks for them, ``eta`` times the largest
        curvature as ``eta_L`` and ``⟨∇F, Eĝ⟩`` as ``alignment``.
        """  # noqa: D205 - the summary needs two lines
        with evaluation_mode(model):
            products = gradient_products(model, *self._first(self._config.measured_examples), self._y_hat, **self._options)
            found = asdict(moments_of(products))
            if self._config.curvature:
                found["eta_L"] = eta * self._curvature(model)
            if self._config.alignment:
                found["alignment"] = float(products.mean_products[:, 2].sum())
        return found

    def inform(self, schedule: Schedule, model: nn.Module, eta: float) -> None:
        """Let the schedule observe the moments at these weights, and, where it asks for it, ``eta`` times the largest curvature.

        Where that is 0 or not a number, as of a network whose units are all dead, there is nothing to learn.
        """
        with evaluation_mode(model):
            eta_L = eta * self._curvature(model) if isinstance(schedule, Annealed) else None
            if eta_L is None or eta_L > 0:
                schedule.observe(self._observed(model), eta_L=eta_L)

    def _observed(self, model: nn.Module) -> Observed:
        if self._n <= OBSERVED:
            return gradient_moments(model, *self._first(None), self._y_hat, logits=self._logits)
        accumulator = Accumulator()
        for rows in self._drawn[:OBSERVED].chunk(GROUPS):
            accumulator.add(gradient_products(model, *self._examples(rows), self._y_hat, **self._options))
        return accumulator.estimates(population=self._n)

    def _first(self, n: int | None) -> tuple[Any, Tensor]:
        """The first n of the examples drawn; None: all, in their own order."""
        return self._examples(slice(None) if n is None else self._drawn[:n])

    def _examples(self, rows: slice | Tensor) -> tuple[Any, Tensor]:
        return self._split.train_inputs[rows], self._split.train_labels[rows]

    def _curvature(self, model: nn.Module) -> float:
        """Not a number where the run diverged."""
        loss = NetworkRisk(model, *self._first(CURVED), self._config.seed, CURVED, self._logits)
        rng = np.random.default_rng(self._config.seed)
        try:
            return largest_curvature(loss.product, len(loss.weights()), rng, iterations=ITERATIONS)
        except FloatingPointError:
            return nan
