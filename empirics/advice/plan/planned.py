"""``tsla.plan``: what a run that was watched says of the one that is planned from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tsla.empirics.advice.plan import validation
from tsla.empirics.advice.plan.advice import advise, table
from tsla.empirics.advice.plan.pilot import pilot_of
from tsla.theory.text import Json, Printed


@dataclass(frozen=True, repr=False)
class Planned(Printed):
    """What :func:`plan` found, as one JSON object (:func:`tsla.empirics.advice.plan.advice.advise`); as text what `tsla plan` prints."""

    found: Json

    def json(self) -> Json:
        """All of it."""
        return self.found

    def table(self) -> str:
        """The answer and the predictions, at most 80 columns wide."""
        return table(self.found)


def plan(
    pilot: Any,
    *,
    outcome: str,
    theta: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    eta: float | None = None,
    eta_L: float | None = None,
    method: str | None = None,
    seed: int | None = None,
) -> Planned:
    """What the moments along a run predict of smoothing, and which naive rule was best for what counts at the end.

    pilot:              a :class:`~tsla.MomentsMonitor`, its ``rows``, a DataFrame, or a .csv, .parquet or .json file of such rows; or a
                        record of `tsla train --out`. A row has ``epoch`` or ``step``, and ``grad2, s2, shat2, c, beta2, nu2``
    outcome:            "train_loss", "grad2", "test_loss" or "test_accuracy"
    theta, batch_size:  of the run that is planned. A record knows its own; of other rows they must be given
    epochs, steps:      its length, in what the rows count; by default that of the pilot, which ends at its last row unless it is a record
    eta, eta_L:         for C12: the step size, of a record that measured ``eta_L``; or η times the largest curvature
    method, seed:       which run, of a record of several

    Print the result. Raises ValueError, in one line, for whatever is wrong with the rows or the numbers.
    """
    found = pilot_of(pilot, theta=theta, batch_size=batch_size, epochs=epochs, steps=steps, eta=eta, eta_L=eta_L, method=method, seed=seed)
    return Planned(advise(found, outcome, validation.read()))
