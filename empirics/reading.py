"""What a measurement says about smoothing at one strength, batch size and step size, and one sentence of advice that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from empirics.estimators import MIN_GROUPS, Estimate, Estimates
from empirics.measure import Measurement
from empirics.moments import MOMENTS, GradientMoments
from theory.constants import real, shown, step_size, whole
from theory.tables import aligned, number

Json = dict[str, Any]
Function = Callable[[GradientMoments], float]

ESTABLISHED, REFUTED, OPEN = "established", "refuted", "open"
NEARLY_ALL = 0.1
"""A smaller step does nearly all where it leaves no more than this part of the reduction to smoothing."""
ROUNDING = 1e-9
TOP_LAYERS = 5


@dataclass(frozen=True)
class Setting:
    """Smoothing strength θ in (0, 1], batch size B, and η·L in (0, 1] where it is known. Raises ValueError outside the ranges."""

    theta: float
    batch_size: int
    eta_L: float | None = None  # noqa: N815 - η·L

    def __post_init__(self) -> None:
        real("theta", self.theta, above=0, at_most=1)
        whole("batch_size", self.batch_size, at_least=1)
        if self.eta_L is not None:
            real("eta_L", self.eta_L, above=0, at_most=1)

    @classmethod
    def of(
        cls, *, theta: float, batch_size: int, eta: ArrayLike | None = None, L: ArrayLike | None = None, eta_L: float | None = None
    ) -> Setting:
        """With η and L apart, or as one number ``eta_L``, or without."""
        if (eta is None) != (L is None) or (eta is not None and eta_L is not None):
            given = ", ".join(name for name, value in (("eta", eta), ("L", L), ("eta_L", eta_L)) if value is not None)
            raise ValueError(f"got {given}; theta°(eta) needs eta and L, or their product eta_L in (0, 1], and is left out without them")
        if eta is not None and L is not None:
            smoothness = real("L", L, above=0)
            eta_L = min(float(step_size("eta", eta, smoothness, "C12") * smoothness), 1.0)
        return cls(theta=theta, batch_size=batch_size, eta_L=eta_L)


@dataclass(frozen=True)
class Directions:
    """Second moments about ∇F of the direction of a batch of B independent examples, as functions of the moments of single ones."""

    theta: float
    B: int

    def plain(self, m: GradientMoments) -> float:
        """``s²/B``."""
        return m.s2 / self.B

    def bias(self, m: GradientMoments) -> float:
        """``θ²β²``, which no batch size lowers (C14)."""
        return self.theta**2 * m.beta2

    def noise(self, m: GradientMoments) -> float:
        """``N(θ)/B`` (C12, C14)."""
        t = self.theta
        return ((1 - t) ** 2 * m.s2 + t**2 * m.nu2 + 2 * t * (1 - t) * m.c) / self.B

    def smoothed(self, m: GradientMoments) -> float:
        """``E‖g_LS - ∇F‖²`` (C11)."""
        return self.bias(m) + self.noise(m)

    def shrinking(self, m: GradientMoments) -> float:
        """``E‖(1-θ)g - ∇F‖²``, the control of C17."""
        return (1 - self.theta) ** 2 * m.s2 / self.B + self.theta**2 * m.grad2

    def beyond(self, m: GradientMoments) -> float:
        """``smoothed - shrinking``, without their common part (C17)."""
        t = self.theta
        return t**2 * (m.beta2 + m.nu2 / self.B - m.grad2) + 2 * t * (1 - t) * m.c / self.B


def reading(
    measurement: Measurement,
    *,
    theta: float = 0.1,
    batch_size: int = 16,
    eta: ArrayLike | None = None,
    L: ArrayLike | None = None,
    eta_L: float | None = None,
) -> Json:
    """All results as one JSON object. An estimate is ``{"value", "low", "high"}`` with a 95 % interval; null where it is unbounded.

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
    parts = {
        name: found.interval(function, over=directions.plain)
        for name, function in (
            ("ratio", directions.smoothed),
            ("bias", directions.bias),
            ("noise", directions.noise),
            ("shrinking", directions.shrinking),
            ("beyond", directions.beyond),
        )
    }
    deltas = {"delta": found.delta, "delta_at_batch_size": found.interval(lambda m: batch_size * m.beta2 + m.nu2, over=lambda m: m.s2)}
    verdicts = {name: below_1(estimate, trusted=measurement.trusted) for name, estimate in deltas.items()}
    return {
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


def below_1(delta: Estimate, *, trusted: bool = True) -> str:
    """Whether ``δ < 1``: established where the whole interval is below 1, refuted where none of it is, else open."""
    if not trusted:
        return OPEN
    return ESTABLISHED if delta.high < 1 else REFUTED if delta.low >= 1 else OPEN


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


# --- advice


@dataclass(frozen=True)
class Findings:
    """What the advice follows from; ``ratio`` and ``beyond`` as in :func:`reading`, the rest as in :class:`Measurement`."""

    theta: float
    batch_size: int
    s2: Estimate
    ratio: Estimate
    beyond: Estimate
    delta_below_1: str
    groups: int
    trusted: bool
    exact: bool
    silent: bool

    @property
    def step(self) -> str:
        """The control of C17, in words."""
        return f"a step {shown(round(100 * self.theta, 6))} % smaller"

    @property
    def smoothing(self) -> str:
        """What is advised on, in words."""
        return f"smoothing at theta = {shown(self.theta)}"

    def lowers(self) -> str:
        """The reduction and its interval; ``Smoothing ... lowers the variance by ...``."""
        by = self.size(Estimate(1 - self.ratio.value, 1 - self.ratio.high, 1 - self.ratio.low, self.ratio.standard_error))
        return f"{self.smoothing.capitalize()} lowers the variance at batch size {self.batch_size} by {by}"

    def size(self, estimate: Estimate) -> str:
        """A number, and its interval where it has one."""
        return number(estimate.value) if self.exact else shown_interval(estimate.value, estimate.low, estimate.high)


def advice(found: Findings) -> str:
    """One sentence: the first rule whose premise the intervals establish. "Variance" is the second moment about ∇F, bias included."""
    if not found.trusted:
        return f"The intervals rest on {found.groups} batches, which is fewer than {MIN_GROUPS}: measure more examples."
    if found.s2.low <= 0:
        more = "nothing to lower" if found.exact else "measure more examples"
        return f"No variance is established: {more}."
    if found.silent:
        return f"Every smoothing-label gradient is 0, so that smoothing is {found.step} (C17), and nothing beyond: not for variance's sake."
    if found.ratio.low > 1 + ROUNDING:
        excess = Estimate(found.ratio.value - 1, found.ratio.low - 1, found.ratio.high - 1, found.ratio.standard_error)
        raises = f"{found.smoothing.capitalize()} raises the variance at batch size {found.batch_size} by {found.size(excess)}"
        return f"{raises}: not for variance's sake."
    if found.ratio.high < 1 - ROUNDING:
        return f"{found.lowers()}{_beyond_a_smaller_step(found)}."
    if found.exact:
        return f"{found.smoothing.capitalize()} changes nothing: it leaves the variance as it is."
    ratio = found.size(found.ratio)
    return (
        f"Whether {found.smoothing} lowers the variance is open (ratio {ratio}; delta < 1 is {found.delta_below_1}): measure more examples."
    )


def _beyond_a_smaller_step(found: Findings) -> str:
    """How much of an established reduction the control of C17 does too."""
    beyond, little, much = found.beyond, NEARLY_ALL * (1 - found.ratio.high), NEARLY_ALL * (1 - found.ratio.low)
    left = found.size(Estimate(-beyond.value, -beyond.high, -beyond.low, beyond.standard_error))
    if beyond.low > ROUNDING:
        return f", and {found.step} lowers it by {found.size(beyond)} more: not for variance's sake"
    if beyond.low >= -little:
        return f", all but at most {number(max(-beyond.low, 0.0) + 0.0)} of which {found.step} does too: not for variance's sake"
    if beyond.high <= -much:
        return f", {left} of which {found.step} does not: for variance's sake, smoothing does more than a smaller step"
    if beyond.high < 0:
        share = f"whether that is more than {100 * NEARLY_ALL:.0f} % of it is open"
        return f", {left} of which {found.step} does not; {share}: measure more examples"
    return f"; whether that is more than {found.step} does is open ({left} more): measure more examples"


# --- the table


def shown_interval(value: float | None, low: float | None, high: float | None) -> str:
    """``0.82 [0.79, 0.85]``; None is unbounded."""
    at_least, at_most = ("-∞" if low is None else number(low)), ("∞" if high is None else number(high))
    return f"{'unbounded' if value is None else number(value)} [{at_least}, {at_most}]"


def table(found: Mapping[str, Any]) -> str:
    """The results of :func:`reading` as small tables, and the advice as the last line."""
    theta, B = number(found["theta"]), found["batch_size"]
    moments = found["moments"]
    single = [
        ("‖∇F‖²", moments["grad2"], ""),
        ("s², variance of g", moments["s2"], ""),
        ("ŝ², second moment of ĝ", moments["shat2"], ""),
        ("  β², its squared bias", moments["beta2"], ""),
        ("  ν², its noise", moments["nu2"], ""),
        ("c, covariance", moments["c"], ""),
        ("delta = ŝ²/s²", found["delta"], f"delta < 1 is {found['delta']['below_1']} (A3)"),
        ("delta0 = ‖∇F‖²/s²", found["delta0"], "the delta of ĝ = 0 (C17)"),
    ]
    of_plain, at_batch = found["second_moment"], found["delta_at_batch_size"]
    batch = [
        ("smoothed", of_plain["ratio"], "C11"),
        ("  bias", of_plain["bias"], "no batch size lowers it"),
        ("  noise", of_plain["noise"], ""),
        ("plain, step (1-theta)eta", of_plain["shrinking"], "C17"),
        ("smoothing beyond that", of_plain["beyond"], "negative: it lowers more than a smaller step"),
        ("delta at this batch size", at_batch, f"delta < 1 is {at_batch['below_1']} (C14, theta = 1)"),
    ]
    choices = [
        ("theta*, of least variance", found["theta_star"], f"C11, at batch size {B}"),
        ("theta°, of the least floor", found["theta_for_step"], "C12, at this eta and batch size"),
        ("B_c(1)", found["critical_batch_size"], "at theta = 1 the variance is lower below this batch size (C14)"),
        (f"B_c({theta})", found["critical_batch_size_at_theta"], f"the same at theta = {theta}; at none where not above 0"),
        (f"B_c({theta}), for the floor", found["critical_batch_size_for_step"], "below it C12's floor is lower at this eta"),
        ("noise scale s²/‖∇F‖²", found["noise_scale"], "McCandlish et al., 2018"),
    ]
    exact = bool(found["exact"])
    blocks = [
        "moments of single examples",
        _rows(single, exact),
        f"second moment about ∇F of a batch of {B} at theta = {theta}, divided by s²/B",
        _rows(batch, exact),
        "what the moments ask for",
        _rows([row for row in choices if row[1] is not None], exact),
        *_layer_blocks(found["layers"]),
        found["advice"],
    ]
    return "\n".join(blocks)


def _rows(rows: list[tuple[str, Json, str]], exact: bool) -> str:
    cells = []
    for name, estimate, note in rows:
        value, interval = shown_interval(estimate["value"], estimate["low"], estimate["high"]).split(" ", 1)
        cells.append([name, value, *([] if exact else [interval]), note])
    return aligned(cells, right=frozenset({1}))


def _layer_blocks(layers: list[Json]) -> list[str]:
    """The layers that are among the first in s² or in what is left beyond a smaller step."""
    by_beyond = sorted(layers, key=lambda row: -abs(row["beyond"]))[:TOP_LAYERS]
    chosen = [row for i, row in enumerate(layers) if i < TOP_LAYERS or row in by_beyond]
    if not chosen:
        return []
    rows = [["layer", "of s²", "beyond"]]
    rows += [[row["layer"] or "(model)", f"{100 * row['share_of_s2']:.1f} %", number(row["beyond"])] for row in chosen]
    return [f"layers that matter, {len(chosen)} of {len(layers)}", aligned(rows, right=frozenset({1, 2}))]
