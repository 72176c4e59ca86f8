"""All that follows from a measurement at one setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from numpy.typing import ArrayLike

from tsla.empirics.advice.measure import study
from tsla.empirics.advice.measure.advice import advice
from tsla.empirics.advice.measure.setting import Setting
from tsla.empirics.advice.measure.table import below_1, table
from tsla.empirics.moments.estimators import Estimate
from tsla.empirics.moments.estimators.quantities import Function
from tsla.empirics.moments.measure import Measurement
from tsla.theory.constants import single
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.text import Json, Printed, finite


@dataclass(frozen=True)
class Layer:
    """Point values of a layer: its part of ``s²``, its part of what smoothing does beyond the control, and its moments."""

    layer: str
    share_of_s2: float
    beyond: float
    moments: Moments


@dataclass(frozen=True, repr=False)
class Reading(Printed):
    """What a measurement says at one setting: estimates with 95 % intervals. As text, and in a notebook, it is what `tsla measure` prints.

    examples ... mode:    as in :class:`~tsla.empirics.moments.measure.Measurement`
    label_noise:          the part of the labels that is wrong, None where that is not known
    grad2 ... nu2:        the moments of single examples; of batches of B where the model couples the examples of a batch. Then nothing
                          follows for single examples or other batch sizes, and what would is None
    delta, delta0:        of single examples, and that of ``ĝ = 0`` (A3, C17); ``delta_at_batch_size`` of a batch of B (C14)
    ratio, bias, noise:   the second moment of the smoothed direction of a batch and its two parts, divided by ``s²/B`` (C11)
    shrinking, beyond:    that of the control with step (1-θ)η (C17), and what smoothing does beyond it: negative where it lowers the
                          second moment by more
    theta_star:           of a batch of B (C11)
    theta_for_step, critical_batch_size_for_step:  by C12's floor at this η·L; None without one
    layers:               the largest share of s² first; their ``beyond`` add up to that of the network
    """

    examples: int
    population: int | None
    groups: int
    exact: bool
    trusted: bool
    silent: bool
    mode: str
    setting: Setting
    label_noise: float | None
    grad2: Estimate
    s2: Estimate
    shat2: Estimate
    c: Estimate
    beta2: Estimate
    nu2: Estimate
    delta: Estimate | None
    delta_at_batch_size: Estimate
    delta0: Estimate
    ratio: Estimate
    bias: Estimate
    noise: Estimate
    shrinking: Estimate
    beyond: Estimate
    theta_star: Estimate
    theta_for_step: Estimate | None
    critical_batch_size: Estimate | None
    critical_batch_size_at_theta: Estimate | None
    critical_batch_size_for_step: Estimate | None
    noise_scale: Estimate | None
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, measurement: Measurement, setting: Setting, *, label_noise: float | None = None) -> Reading:
        """Raises ValueError for fewer than 4 batches, unless all examples were measured, and for moments of batches of another size."""
        found, t, eta_L, coupled = measurement.estimates, setting.theta, setting.eta_L, measurement.batch_size is not None
        if coupled and setting.batch_size != measurement.batch_size:
            raise ValueError(f"batch_size = {setting.batch_size} must be {measurement.batch_size}, that of the batches that were measured")
        if label_noise is not None:
            single("label_noise", label_noise, at_least=0, at_most=1)

        def batch(m: Moments) -> Moments:
            return m if coupled else m.at_batch_size(setting.batch_size)

        def over_plain(function: Function) -> Estimate:
            return found.interval(lambda m: function(batch(m)), over=lambda m: batch(m).s2)

        def theta(scale: float) -> Estimate:  # C12's at scale = ηL; C11's at 1
            return found.interval(lambda m: batch(m).slope(scale), over=lambda m: batch(m).curvature(scale), limits=(0, 1))

        def batch_size(scale: float) -> Estimate:
            return found.interval(lambda m: scale * m.gain(t), over=lambda m: m.bias(t))

        return cls(
            examples=measurement.examples,
            population=measurement.population,
            groups=found.groups,
            exact=measurement.exact,
            trusted=measurement.trusted,
            silent=measurement.silent,
            mode=measurement.mode,
            setting=setting,
            label_noise=label_noise,
            **{name: found.quantity(name) for name in MOMENTS},
            delta=None if coupled else found.delta,
            delta_at_batch_size=over_plain(lambda m: m.shat2),
            delta0=found.interval(lambda m: m.grad2, over=lambda m: m.s2),
            ratio=over_plain(lambda m: m.second_moment(t)),
            bias=over_plain(lambda m: m.bias(t)),
            noise=over_plain(lambda m: m.noise(t)),
            shrinking=over_plain(lambda m: m.shrunk.second_moment(t)),
            beyond=over_plain(lambda m: m.beyond(t)),
            theta_star=theta(1),
            theta_for_step=None if eta_L is None else theta(eta_L),
            critical_batch_size=None if coupled else found.critical_batch,
            critical_batch_size_at_theta=None if coupled else batch_size(1),
            critical_batch_size_for_step=None if coupled or eta_L is None else batch_size(eta_L),
            noise_scale=None if coupled else found.noise_scale,
            layers=_layers(measurement, setting),
        )

    @property
    def advice(self) -> str:
        """Of the variance: the answer in its first sentence, which follows from the intervals."""
        return advice(self)

    @property
    def study(self) -> Json:
        """What the study found of accuracy and test loss, of which the moments say nothing (:mod:`tsla.empirics.advice.measure.study`)."""
        return study.read(self.label_noise)

    def json(self) -> Json:
        """A dictionary that JSON can hold. An estimate is ``{"value", "low", "high"}``, null where it is unbounded."""
        parts = ("ratio", "bias", "noise", "shrinking", "beyond")
        choices = ("theta_star", "theta_for_step", "critical_batch_size", "critical_batch_size_at_theta", "critical_batch_size_for_step")
        deltas = {"delta": self.delta, "delta_at_batch_size": self.delta_at_batch_size}
        return {
            "examples": self.examples,
            "population": self.population,
            "groups": self.groups,
            "exact": self.exact,
            "mode": self.mode,
            **asdict(self.setting),
            "moments": self._json(MOMENTS),
            **{name: delta and _json(delta) | {"below_1": below_1(delta, trusted=self.trusted)} for name, delta in deltas.items()},
            **self._json(("delta0",)),
            "second_moment": self._json(parts),
            **self._json((*choices, "noise_scale")),
            "layers": [asdict(layer) for layer in self.layers],
            "advice": self.advice,
            "study": self.study,
        }

    def _json(self, names: tuple[str, ...]) -> Json:
        estimates: dict[str, Estimate | None] = {name: getattr(self, name) for name in names}
        return {name: None if estimate is None else _json(estimate) for name, estimate in estimates.items()}

    def table(self, about: Sequence[str] = ()) -> str:
        """The answer, what the study found, and the numbers in small tables, at most 80 columns wide; ``about``: what was measured."""
        return table(self, about)


def reading(
    measurement: Measurement,
    *,
    theta: float = 0.1,
    batch_size: int = 16,
    eta: ArrayLike | None = None,
    L: ArrayLike | None = None,
    eta_L: float | None = None,
    label_noise: float | None = None,
) -> Reading:
    """All that a measurement says of smoothing at θ in batches of ``batch_size``; with a step size, also by C12's floor.

    ``label_noise``, the part of the labels that is wrong, chooses the settings of the study that are shown beside it. Print the result, or
    leave it as the last line of a notebook's cell. Raises ValueError for what is no Measurement, outside the ranges, for fewer than 4
    batches, unless all examples were measured, and for moments of batches of another size.
    """
    if not isinstance(measurement, Measurement):
        what = f"measurement is a {type(measurement).__name__}"
        raise ValueError(f"{what}; must be what tsla.measure gives")  # noqa: TRY004 - bad input is a ValueError
    setting = Setting.of(theta=theta, batch_size=batch_size, eta=eta, L=L, eta_L=eta_L)
    return Reading.of(measurement, setting, label_noise=label_noise)


def _layers(measurement: Measurement, setting: Setting) -> tuple[Layer, ...]:
    whole, B = measurement.estimates.moments, setting.batch_size
    if whole.s2 <= 0 or measurement.batch_size is not None:
        return ()
    plain = whole.at_batch_size(B).s2
    layers = [
        Layer(name, float(m.s2 / whole.s2), float(m.at_batch_size(B).beyond(setting.theta) / plain), m)
        for name, m in measurement.layers.items()
    ]
    return tuple(sorted(layers, key=lambda layer: -layer.share_of_s2))


def _json(estimate: Estimate) -> Json:
    return finite({"value": estimate.estimate, "low": estimate.low, "high": estimate.high})
