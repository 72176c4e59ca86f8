"""What is asked about: a strength, a batch size and a step size."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from tsla.theory.constants import batch, single, step_scale


@dataclass(frozen=True)
class Setting:
    """Smoothing strength θ in (0, 1], batch size B, and η·L in (0, 1] where it is known. Raises ValueError outside the ranges."""

    theta: float
    batch_size: int
    eta_L: float | None = None  # noqa: N815 - η·L

    def __post_init__(self) -> None:
        single("theta", self.theta, above=0, at_most=1)
        batch(self.batch_size)
        if self.eta_L is not None:
            single("eta_L", self.eta_L, above=0, at_most=1)

    @classmethod
    def of(
        cls, *, theta: float, batch_size: int, eta: ArrayLike | None = None, L: ArrayLike | None = None, eta_L: float | None = None
    ) -> Setting:
        """With η and L apart, or as one number ``eta_L``, or without."""
        if (eta is None) != (L is None) or (eta is not None and eta_L is not None):
            given = ", ".join(name for name, value in (("eta", eta), ("L", L), ("eta_L", eta_L)) if value is not None)
            raise ValueError(f"got {given}; theta°(eta) needs eta and L, or their product eta_L in (0, 1], and is left out without them")
        if eta is not None and L is not None:
            eta_L = single("eta_L", step_scale(eta=eta, L=L, claim="C12"))
        return cls(theta=theta, batch_size=batch_size, eta_L=eta_L)
