"""What is asked about: a strength, a batch size and a step size; and the directions that smoothing is compared by."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from tsla.theory.constants import real, step_size, whole
from tsla.theory.moments import Moments


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

    def plain(self, m: Moments) -> float:
        """``s²/B``."""
        return m.s2 / self.B

    def bias(self, m: Moments) -> float:
        """``θ²β²``, which no batch size lowers (C14)."""
        return self.theta**2 * m.beta2

    def noise(self, m: Moments) -> float:
        """``N(θ)/B`` (C12, C14)."""
        t = self.theta
        return ((1 - t) ** 2 * m.s2 + t**2 * m.nu2 + 2 * t * (1 - t) * m.c) / self.B

    def smoothed(self, m: Moments) -> float:
        """``E‖g_LS - ∇F‖²`` (C11)."""
        return self.bias(m) + self.noise(m)

    def shrinking(self, m: Moments) -> float:
        """``E‖(1-θ)g - ∇F‖²``, the control of C17."""
        return (1 - self.theta) ** 2 * m.s2 / self.B + self.theta**2 * m.grad2

    def beyond(self, m: Moments) -> float:
        """``smoothed - shrinking``, without their common part (C17)."""
        t = self.theta
        return t**2 * (m.beta2 + m.nu2 / self.B - m.grad2) + 2 * t * (1 - t) * m.c / self.B
