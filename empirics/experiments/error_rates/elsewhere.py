"""What makes an interval, or asks for one, and needs no rate of its own."""

from __future__ import annotations

from collections.abc import Mapping

_MOMENTS = "empirics.moments."
_ESTIMATE = f"{_MOMENTS}estimators.estimate.Estimates"
_ON_NETWORKS = "measured on real networks, in estimators.md"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys((f"{_ESTIMATE}.{name}" for name in ("_estimate", "interval", "quantity", "table", "precise")), _ON_NETWORKS),
    **dict.fromkeys((f"{_ESTIMATE}.{name}" for name in ("delta", "theta_star", "critical_batch", "noise_scale")), _ON_NETWORKS),
    **dict.fromkeys(
        (f"{_MOMENTS}estimators.{name}" for name in ("spread.spread", "estimate.estimates", "accumulator.Accumulator.estimates")),
        _ON_NETWORKS,
    ),
    f"{_MOMENTS}minibatch.minibatch_moments": _ON_NETWORKS,
    **dict.fromkeys(
        (f"empirics.experiments.interval_coverage.rules.{name}" for name in ("shifted", "normal", "bootstrap")),
        "a rule that is compared in estimators.md",
    ),
    **dict.fromkeys((f"empirics.advice.measure.advice.{name}" for name in ("_less", "_reversed")), "moves an interval that it is given"),
    **dict.fromkeys(
        (f"{_MOMENTS}live._point", "empirics.experiments.batch_norm._exact", "empirics.experiments.batch_norm._exact.point"),
        "a point, of an exact number",
    ),
    "empirics.smoothing.schedules._schedule.Estimated.interval": "says what a schedule asks of estimates",
}
"""Function -> why it needs no rate here."""
