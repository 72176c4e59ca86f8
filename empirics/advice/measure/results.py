"""All that follows from a measurement at one setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tsla.empirics.advice.measure.advice import Findings, advice
from tsla.empirics.advice.measure.setting import Directions, Setting
from tsla.empirics.advice.measure.table import table
from tsla.empirics.moments.estimators import Estimate, Estimates
from tsla.empirics.moments.measure import Measurement
from tsla.theory.moments import MOMENTS
from tsla.theory.text import Json

ESTABLISHED, REFUTED, OPEN = "established", "refuted", "open"


class Reading(Mapping[str, Any]):
    """What :func:`reading` found, by name: ``found["theta_star"]["value"]``. As text it is the table that `tsla measure` prints."""

    def __init__(self, found: Json) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"Reading({self._found!r})"

    @property
    def advice(self) -> str:
        """One sentence, which follows from the intervals."""
        return str(self["advice"])

    def json(self) -> Json:
        """The same as a dictionary that JSON can hold."""
        return dict(self._found)

    def table(self) -> str:
        """The numbers in small tables, and the advice as the last line."""
        return table(self._found)


def reading(
    measurement: Measurement,
    *,
    theta: float = 0.1,
    batch_size: int = 16,
    eta: ArrayLike | None = None,
    L: ArrayLike | None = None,
    eta_L: float | None = None,
) -> Reading:
    """All results at one setting. An estimate is ``{"value", "low", "high"}`` with a 95 % interval; null where it is unbounded.

    second_moment:  of the batch direction, divided by ``s²/B``; ``beyond`` is what smoothing does beyond the shrinkage control of C17:
                    negative where it lowers the second moment by more than a step of (1-θ)η does
    theta_star:     of a batch of B (C11)
    theta_for_step, critical_batch_size_for_step:  by C12's floor at this η·L; null without one
    layers:         point values, the largest share of s² first; their ``beyond`` add up to that of the network

    Raises ValueError outside the ranges, and for fewer than 4 batches, unless all examples were measured.
    """
    setting = Setting.of(theta=theta, batch_size=batch_size, eta=eta, L=L, eta_L=eta_L)
    found = measurement.estimates
    directions = Directions(theta, batch_size)
    parts = _second_moment(found, directions)
    only_smoothed = Directions(1.0, batch_size)
    deltas = {"delta": found.delta, "delta_at_batch_size": found.interval(only_smoothed.smoothed, over=only_smoothed.plain)}
    verdicts = {name: below_1(estimate, trusted=measurement.trusted) for name, estimate in deltas.items()}
    return Reading(
        {
            "examples": measurement.examples,
            "population": measurement.population,
            "groups": found.groups,
            "exact": measurement.exact,
            **asdict(setting),
            "moments": {name: _json(found.quantity(name)) for name in MOMENTS},
            **{name: _json(estimate) | {"below_1": verdicts[name]} for name, estimate in deltas.items()},
            "delta0": _json(found.interval(lambda m: m.grad2, over=lambda m: m.s2)),
            "second_moment": {name: _json(estimate) for name, estimate in parts.items()},
            **{name: None if estimate is None else _json(estimate) for name, estimate in _choices(found, setting).items()},
            "noise_scale": _json(found.noise_scale),
            "layers": _layers(measurement, directions),
            "advice": advice(
                Findings(
                    theta=theta,
                    batch_size=batch_size,
                    s2=found.quantity("s2"),
                    ratio=parts["ratio"],
                    beyond=parts["beyond"],
                    delta_below_1=verdicts["delta"],
                    groups=found.groups,
                    trusted=measurement.trusted,
                    exact=measurement.exact,
                    silent=measurement.silent,
                )
            ),
        }
    )


def below_1(delta: Estimate, *, trusted: bool = True) -> str:
    """Whether ``δ < 1``: established where the whole interval is below 1, refuted where none of it is, else open."""
    if not trusted:
        return OPEN
    return ESTABLISHED if delta.high < 1 else REFUTED if delta.low >= 1 else OPEN


def _second_moment(found: Estimates, directions: Directions) -> dict[str, Estimate]:
    """What the second moment of the batch direction is made of, and its control, over that of the plain one."""
    functions = {
        "ratio": directions.smoothed,
        "bias": directions.bias,
        "noise": directions.noise,
        "shrinking": directions.shrinking,
        "beyond": directions.beyond,
    }
    return {name: found.interval(function, over=directions.plain) for name, function in functions.items()}


def _choices(found: Estimates, setting: Setting) -> dict[str, Estimate | None]:
    """The strengths and batch sizes that the moments ask for (C11, C12, C14)."""
    t, B, eta_L = setting.theta, setting.batch_size, setting.eta_L

    def theta(scale: float) -> Estimate:  # C12's at scale = ηL; C11's at 1
        return found.interval(
            lambda m: scale * (m.s2 - m.c) / B, over=lambda m: m.beta2 + scale * (m.s2 + m.nu2 - 2 * m.c) / B, limits=(0, 1)
        )

    def batch_size(scale: float) -> Estimate:
        noise = Directions(t, 1).noise
        return found.interval(lambda m: scale * (m.s2 - noise(m)), over=lambda m: t**2 * m.beta2)

    return {
        "theta_star": theta(1),
        "theta_for_step": None if eta_L is None else theta(eta_L),
        "critical_batch_size": found.critical_batch,
        "critical_batch_size_at_theta": batch_size(1),
        "critical_batch_size_for_step": None if eta_L is None else batch_size(eta_L),
    }


def _layers(measurement: Measurement, directions: Directions) -> list[Json]:
    moments = measurement.estimates.moments
    if moments.s2 <= 0:
        return []
    rows = [
        {"layer": name, "share_of_s2": m.s2 / moments.s2, "beyond": directions.beyond(m) / directions.plain(moments), "moments": asdict(m)}
        for name, m in measurement.layers.items()
    ]
    return sorted(rows, key=lambda row: -float(row["share_of_s2"]))


def _json(estimate: Estimate) -> Json:
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
