"""What is estimated: functions of the six moments, and ratios of two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from operator import attrgetter

import numpy as np

from tsla.empirics.moments.estimators.intervals import limit_ratio, linear_interval, ratio_interval
from tsla.empirics.moments.estimators.spread import Spread
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS, Moments, Value

Function = Callable[[Moments], Value]


@dataclass(frozen=True)
class Quantity:
    """A function of the moments, or its ratio to another one that is never negative (``over``); kept within ``limits``."""

    function: Function
    over: Function | None = None
    limits: tuple[float, float] = (-np.inf, np.inf)

    @property
    def functions(self) -> tuple[Function, ...]:
        """One, or numerator and denominator."""
        return (self.function,) if self.over is None else (self.function, self.over)

    def value(self, values: Array) -> Array:
        """From the values of ``functions``, ``(1 or 2, ...)``."""
        return np.asarray(np.clip(values[0] if self.over is None else limit_ratio(values[0], values[1]), *self.limits))

    def interval(self, values: Array, forms: Array, spread: Spread) -> tuple[Array, Array, Array]:
        """``low, high, standard error``, from the values of ``functions`` and their gradients by the basic means, ``(1 or 2, ..., 6)``."""
        if self.over is None:
            low, high, error = linear_interval(values[0], forms[0], spread)
        else:
            low, high, error = ratio_interval(values, forms, spread)
        return np.clip(low, *self.limits), np.clip(high, *self.limits), error

    def at(self, moments: Moments) -> float:
        """The value at these moments."""
        return float(self.value(np.array([function(moments) for function in self.functions])))

    def gradients(self, moments: Moments) -> Array:
        """Of ``functions`` by the six moments, ``(1 or 2, 6)``: differences, exact up to rounding for linear ones."""
        step = 1e-4 * max(map(abs, astuple(moments))) or 1.0

        def slope(function: Function, name: str) -> float:
            up, down = (replace(moments, **{name: getattr(moments, name) + change}) for change in (step, -step))
            return float(function(up) - function(down)) / (2 * step)

        return np.array([[slope(function, name) for name in MOMENTS] for function in self.functions])


QUANTITIES: Mapping[str, Quantity] = {
    **{name: Quantity(attrgetter(name)) for name in MOMENTS},
    "delta": Quantity(lambda m: m.shat2, over=lambda m: m.s2),
    "theta_star": Quantity(Moments.slope, over=Moments.curvature, limits=(0, 1)),
    "critical_batch": Quantity(lambda m: m.s2 - m.nu2, over=lambda m: m.beta2),
    "noise_scale": Quantity(lambda m: m.s2, over=lambda m: m.grad2),
}
"""The moments; δ (A3), θ* (C11) and ``B_c(1)`` (C14), where ``theory/`` accepts the values the same as there; and the noise scale
``s²/‖∇F‖²`` (McCandlish, Kaplan, Amodei et al., 2018)."""
