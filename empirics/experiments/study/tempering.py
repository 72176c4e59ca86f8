"""Why clean data have a best drop for the test loss: the loss with the best temperature, beside the loss, along runs of clean data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import cross_entropy

from tsla.empirics.experiments.study.arms import config
from tsla.empirics.experiments.study.comparisons import e4
from tsla.empirics.experiments.study.settings import CLEAN, FEWER_SEEDS, SETTINGS, TUNING
from tsla.empirics.runs import records
from tsla.empirics.smoothing.labels import evaluation_mode
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.evaluation import logits
from tsla.empirics.training.loop import train
from tsla.empirics.training.setup import initial_model, training_split

LARGEST = 1e3
"""The temperatures that are tried lie between this and its inverse."""


def tempered(scores: Tensor, labels: Tensor) -> tuple[float, float]:
    """The least mean cross-entropy of ``scores / T`` over temperatures T, and the T (Guo et al., 2017); shapes ``(n, K)`` and ``(n,)``.

    It is convex in 1/T. What the loss has above it is a matter of confidence alone: no temperature changes a prediction.
    """
    scores = scores.double()
    found = minimize_scalar(
        lambda log_T: float(cross_entropy(scores / np.exp(log_T), labels)), bounds=(-np.log(LARGEST), np.log(LARGEST)), method="bounded"
    )
    return float(found.fun), float(np.exp(found.x))


def parts(folder: Path = records.FOLDER) -> tuple[Mapping[str, Any], ...]:
    """The best drop for the test loss and either end of the run, as tuned, on clean data: what :func:`run` takes."""
    tuning = records.of(folder, TUNING).table
    return tuple(
        {"setting": name, "arm": choice.arm, "eta": choice.eta, "seed": seed}
        for name in CLEAN
        for choice in dict.fromkeys(one for comparison in e4(tuning, name) for one in (comparison.a, comparison.b))
        for seed in SETTINGS[name].seeds[:FEWER_SEEDS]
    )


def run(part: Mapping[str, Any]) -> pd.DataFrame:
    """One row an epoch of the run of a part: setting, arm, eta and seed; losses and accuracy; ``tempered`` and ``temperature``."""
    training = TrainingConfig(**config(SETTINGS[part["setting"]], part["arm"], part["eta"], part["seed"]))
    split, model = training_split(training), initial_model(training)
    rows = []
    for row in train(training, model, split=split):
        with evaluation_mode(model):
            loss, temperature = tempered(logits(model, split.test_inputs), split.test_labels)
        kept = {name: row[name] for name in ("epoch", "train_loss", "test_loss", "test_accuracy")}
        rows.append({**part, **kept, "tempered": loss, "temperature": temperature})
    return pd.DataFrame(rows)
