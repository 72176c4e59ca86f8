"""Per-example gradient moments of a network: the quantities that decide whether smoothing helps (C11, C14, C17)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from tsla.empirics.models.inputs import ToLogits
from tsla.empirics.moments.per_example import GradientProducts
from tsla.empirics.moments.per_example import Known as Known
from tsla.empirics.moments.per_example import gradient_products as gradient_products
from tsla.empirics.moments.per_example.gradients import MICROBATCH as MICROBATCH
from tsla.empirics.moments.per_example.totals import is_kept, refuse_lost, rows_by_layer
from tsla.empirics.smoothing.cross_entropy import CrossEntropy
from tsla.empirics.smoothing.labels import Smoothing
from tsla.theory.moments import Moments


def gradient_moments(
    model: nn.Module,
    inputs: Any,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    logits: ToLogits | None = None,
    microbatch: int = MICROBATCH,
    batch_norm: str | None = None,
    loss: CrossEntropy | nn.Module | None = None,
) -> Moments:
    """Measure :class:`Moments` of ``model`` on n examples ``inputs`` and ``labels`` ``(n,)`` or probabilities ``(n, K)``.

    ``inputs`` are a tensor ``(n, ...)``, a tuple of tensors for ``model(*inputs)``, or a dict of tensors for ``model(**inputs)``. Logits
    ``(n, K)`` are what the model returns, or of a tuple the first, or what an object or a dict has under ``logits``; for any other output
    give ``logits``, a function from what the model returns to logits.
    ``smoothing`` is ŷ: "uniform", "prior", "own", "own-hard", a teacher, or probabilities ``(K,)`` or ``(n, K)``
    (:func:`tsla.empirics.smoothing.labels.smoothing_rule`). The loss of an example is cross-entropy, not divided by n; ``loss`` says the
    rest of it, as a :class:`tsla.CrossEntropy`, a :class:`tsla.SmoothedCrossEntropy` or a loss of torch's: class weights, ignored labels,
    several positions (tokens, pixels) an example, one logit for two classes. ŷ and θ of such a loss are not looked at. Gradients are of the
    parameters that require one, in the model's own mode and precision (autocast included); products are summed in float32 at least, and
    added up in float64. ``microbatch`` examples are handled at once: memory grows with it.
    The model, its ``.grad``, buffers and hooks, and the random state are left as they were. Of a model in DistributedDataParallel the
    batch is that of all ranks, each of which must call this with its own share.

    Raises ValueError for gradients that are not finite, and for what is not as said.

    The model must treat its examples independently. BatchNorm that takes its statistics from the batch, as in training mode, does not,
    and per-example gradients are not defined: raises ValueError, unless ``batch_norm`` is "evaluation" (running statistics, as in
    evaluation mode) or "batch" (the statistics of all ``inputs`` together, held fixed: no gradient flows through them). The stochastic
    gradient of training mode itself is measured by :func:`tsla.empirics.moments.minibatch.minibatch_moments`.
    """
    products = _products(model, inputs, labels, smoothing, logits=logits, microbatch=microbatch, batch_norm=batch_norm, loss=loss)
    return moments_of(products)


def layer_moments(
    model: nn.Module,
    inputs: Any,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    logits: ToLogits | None = None,
    microbatch: int = MICROBATCH,
    batch_norm: str | None = None,
    loss: CrossEntropy | nn.Module | None = None,
) -> dict[str, Moments]:
    """The moments of each layer's own gradient, by the name of the layer: they add up to :func:`gradient_moments`, which see.

    Raises ValueError for a layer whose gradients are so short that float32 does not hold their squares, too.
    """
    given = (model, inputs, labels, smoothing)
    options: dict[str, Any] = {"logits": logits, "microbatch": microbatch, "batch_norm": batch_norm, "loss": loss}
    products = _products(*given, **options)
    layers, longest = rows_by_layer(products.names), products.longest_of_each
    short = {layer: square for layer, rows in layers.items() if not is_kept(square := float(longest[rows].max()))}
    if short:  # whether anything was lost, the means tell
        means = gradient_products(*given, **options).G
        for layer, square in short.items():
            refuse_lost(square, [means[row] for row in layers[layer]], f"gradients of layer {layer}" if layer else "gradients")
    return {layer: moments_of(products, rows) for layer, rows in layers.items()}


def _products(*given: Any, **options: Any) -> GradientProducts:
    """Without the mean gradients. Raises ValueError where those of an example are not finite, or their squares are none of float32."""
    products = gradient_products(*given, **options, means=False)
    if not is_kept(products.longest):  # whether anything was lost, the means tell
        refuse_lost(products.longest, gradient_products(*given, **options).G)
    bad = (~(products.gg + products.hh).sum(0).isfinite()).nonzero()
    if len(bad):
        raise ValueError(f"gradients of example {int(bad[0])} are not finite; must be finite (are its inputs, and the model's weights?)")
    return products


def moments_of(products: GradientProducts, rows: list[int] | None = None) -> Moments:
    """Moments of the parameters in these rows; by default of all."""
    rows = list(range(len(products.names))) if rows is None else rows
    gg, hh, gh = (float(table[rows].sum(0).mean()) for table in (products.gg, products.hh, products.gh))
    return Moments.from_means(gg, hh, gh, *products.mean_products[rows].sum(0).tolist())
