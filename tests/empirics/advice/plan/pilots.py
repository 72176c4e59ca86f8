"""Pilots with moments that are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.advice.plan.pilot import Pilot
from tsla.theory.moments import MOMENTS

DIGITS = Path(__file__).parents[4] / "records" / "digits.parquet"
PLAN = f"plan --pilot {DIGITS} --method sgd --seed 0"
CONFIG = {"method": "sgd", "seed": 0, "epochs": 20, "theta": 0.3, "batch_size": 16, "eta": 0.1}
START = {"grad2": 0.5, "s2": 4.0, "c": 0.5, "beta2": 0.01, "nu2": 0.5}


def rows(
    at: Sequence[int], moments: Mapping[str, Sequence[float]], *, epochs: int = 20, test_loss: Sequence[float] | None = None
) -> pd.DataFrame:
    """One row an epoch, with moments at the epochs ``at``; those left out are of START."""
    measured = pd.DataFrame(index=list(at), columns=list(MOMENTS), dtype=float)
    for name, value in {**START, **moments}.items():
        measured[name] = value
    measured["shat2"] = measured["beta2"] + measured["nu2"]
    table = measured.reindex(range(epochs + 1)).rename_axis("epoch").reset_index()
    losses = np.linspace(2, 1, epochs + 1)
    return table.assign(method="sgd", seed=0, train_loss=losses, test_loss=losses if test_loss is None else test_loss)


def pilot(
    at: Sequence[int] = (0, 1, 2, 5, 10, 20),
    *,
    theta: float = 0.3,
    batch_size: int = 16,
    epochs: int = 20,
    ran: int | None = None,
    eta_L: float | None = None,
    test_loss: Sequence[float] | None = None,
    **moments: Sequence[float],
) -> Pilot:
    """A pilot of a run of ``epochs`` that was stopped after ``ran``."""
    ran = epochs if ran is None else ran
    return Pilot(rows(at, moments, epochs=ran, test_loss=test_loss), theta=theta, batch_size=batch_size, epochs=epochs, eta_L=eta_L)


def growing(at: Sequence[int], *, doubling: float, start: float = 0.001) -> list[float]:
    """β² that doubles every so many epochs."""
    return [start * 2 ** (epoch / doubling) for epoch in at]
