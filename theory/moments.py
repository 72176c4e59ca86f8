"""The six moments of a stochastic gradient and its smoothing partner, of which C11, C12, C14 and C17 are functions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from tsla.theory import smoothing
from tsla.theory.constants import whole


@dataclass(frozen=True)
class Moments:
    """Moments of ``g_i = ∇ℓ(y_i, f(x_i))`` and ``ĝ_i = ∇ℓ(ŷ_i, f(x_i))`` over given examples as a finite population.

    With the means ``G`` and ``Ĝ``, so that ``∇F = G``; all in units of ``‖∇F‖²``, for batches of one:

    grad2:  ``‖G‖²``                      s2:     ``mean ‖g_i - G‖²``
    shat2:  ``mean ‖ĝ_i - G‖²``           c:      ``mean ⟨g_i - G, ĝ_i - G⟩``
    beta2:  ``‖Ĝ - G‖²``, squared bias    nu2:    ``shat2 - beta2``, noise of ĝ
    """

    grad2: float
    s2: float
    shat2: float
    c: float
    beta2: float
    nu2: float

    @classmethod
    def from_means(cls, gg: float, hh: float, gh: float, GG: float, HH: float, GH: float) -> Moments:
        """From ``mean ‖g_i‖²``, ``mean ‖ĝ_i‖²``, ``mean ⟨g_i, ĝ_i⟩`` and ``‖G‖²``, ``‖Ĝ‖²``, ``⟨G, Ĝ⟩``, with rounding kept in bounds."""
        s2, shat2 = max(gg - GG, 0.0), max(hh - 2 * GH + GG, 0.0)
        beta2 = min(max(HH - 2 * GH + GG, 0.0), shat2)
        limit = (s2 * shat2) ** 0.5  # Cauchy-Schwarz, which rounding may leave by an ulp
        return cls(grad2=GG, s2=s2, shat2=shat2, c=min(max(gh - GH, -limit), limit), beta2=beta2, nu2=shat2 - beta2)

    @property
    def delta(self) -> float:
        """``δ = ŝ²/s²``: A3 with equality. Infinite where the one-hot gradient has no variance; nan where a moment is."""
        return float("inf") if self.s2 <= 0 else self.shat2 / self.s2

    def second_moment(self, theta: float) -> float:
        """``E‖g_LS - ∇F‖²`` at smoothing strength ``theta`` (C11, exact)."""
        return float(smoothing.second_moment(self.s2, self.shat2, self.c, theta))

    def at_batch_size(self, B: int) -> Moments:
        """The moments of the mean over ``B`` examples drawn independently: noise falls as ``1/B``, the bias stays (C14)."""
        whole("B", B, at_least=1)
        return replace(self, s2=self.s2 / B, c=self.c / B, nu2=self.nu2 / B, shat2=self.beta2 + self.nu2 / B)


MOMENTS = tuple(field.name for field in fields(Moments))
