"""Per-example gradient moments of a network: the quantities that decide whether smoothing helps (C11, C14, C17)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from torch import Tensor, nn

from tsla.empirics.moments.per_example import GradientProducts, gradient_products
from tsla.empirics.moments.per_example.gradients import CHUNK
from tsla.empirics.moments.per_example.products import rows_by_layer
from tsla.empirics.moments.per_example.terms import inner_products
from tsla.empirics.smoothing.labels import Smoothing
from tsla.theory import smoothing as theory_smoothing
from tsla.theory.constants import whole


@dataclass(frozen=True)
class GradientMoments:
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
    def from_means(cls, gg: float, hh: float, gh: float, GG: float, HH: float, GH: float) -> GradientMoments:
        """From ``mean ‖g_i‖²``, ``mean ‖ĝ_i‖²``, ``mean ⟨g_i, ĝ_i⟩`` and ``‖G‖²``, ``‖Ĝ‖²``, ``⟨G, Ĝ⟩``, with rounding kept in bounds."""
        s2, shat2 = max(gg - GG, 0.0), max(hh - 2 * GH + GG, 0.0)
        beta2 = min(max(HH - 2 * GH + GG, 0.0), shat2)
        limit = (s2 * shat2) ** 0.5  # Cauchy-Schwarz, which rounding may leave by an ulp
        return cls(grad2=GG, s2=s2, shat2=shat2, c=min(max(gh - GH, -limit), limit), beta2=beta2, nu2=shat2 - beta2)

    @property
    def delta(self) -> float:
        """``δ = ŝ²/s²``: A3 with equality. Infinite where the one-hot gradient has no variance."""
        return self.shat2 / self.s2 if self.s2 > 0 else float("inf")

    def second_moment(self, theta: float) -> float:
        """``E‖g_LS - ∇F‖²`` at smoothing strength ``theta`` (C11, exact)."""
        return float(theory_smoothing.second_moment(self.s2, self.shat2, self.c, theta))

    def at_batch_size(self, B: int) -> GradientMoments:
        """The moments of the mean over ``B`` examples drawn independently: noise falls as ``1/B``, the bias stays (C14)."""
        whole("B", B, at_least=1)
        return replace(self, s2=self.s2 / B, c=self.c / B, nu2=self.nu2 / B, shat2=self.beta2 + self.nu2 / B)


MOMENTS = tuple(field.name for field in fields(GradientMoments))


def gradient_moments(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    chunk: int = CHUNK,
    batch_norm: str | None = None,
) -> GradientMoments:
    """Measure :class:`GradientMoments` of ``model`` on ``inputs`` ``(n, ...)`` and ``labels`` ``(n,)`` or probabilities ``(n, K)``.

    ``smoothing`` is ŷ: "uniform", "prior", "own", "own-hard", a teacher, or probabilities ``(K,)`` or ``(n, K)``
    (:func:`tsla.empirics.smoothing.labels.smoothing_rule`). The loss of an example is cross-entropy, not divided by n. Gradients are of the
    parameters that require one, in the model's own mode and precision (autocast included); products are summed in float32 at least, and
    added up in float64. ``chunk`` examples are handled at once, on a
    processor twice as many on its two halves: memory grows with it. The model, its ``.grad``, buffers and hooks, and
    the random state are left as they were. Of a model in DistributedDataParallel the batch is that of all ranks, each of which must call
    this with its own share.

    The model must treat its examples independently. BatchNorm that takes its statistics from the batch, as in training mode, does not,
    and per-example gradients are not defined: raises ValueError, unless ``batch_norm`` is "evaluation" (running statistics, as in
    evaluation mode) or "batch" (the statistics of all ``inputs`` together, held fixed: no gradient flows through them). The stochastic
    gradient of training mode itself is measured by :func:`tsla.empirics.moments.minibatch.minibatch_moments`.
    """
    return moments_of(gradient_products(model, inputs, labels, smoothing, chunk=chunk, batch_norm=batch_norm))


def layer_moments(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    chunk: int = CHUNK,
    batch_norm: str | None = None,
) -> dict[str, GradientMoments]:
    """The moments of each layer's own gradient, by the name of the layer: they add up to :func:`gradient_moments`, which see."""
    products = gradient_products(model, inputs, labels, smoothing, chunk=chunk, batch_norm=batch_norm)
    return {layer: moments_of(products, rows) for layer, rows in rows_by_layer(products.names).items()}


def moments_of(products: GradientProducts, rows: list[int] | None = None) -> GradientMoments:
    """Moments of the parameters in these rows; by default of all."""
    rows = list(range(len(products.names))) if rows is None else rows
    gg, hh, gh = (float(table[rows].sum(0).mean()) for table in (products.gg, products.hh, products.gh))
    pairs = ((products.G, products.G), (products.G_hat, products.G_hat), (products.G, products.G_hat))
    GG, HH, GH = (sum(float(inner_products(a[row][None], b[row][None])) for row in rows) for a, b in pairs)
    return GradientMoments.from_means(gg, hh, gh, GG, HH, GH)
