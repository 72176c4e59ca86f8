"""A network, looked at while somebody trains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from torch import Tensor, nn

from tsla.empirics.assumptions.curvature import ITERATIONS, largest_curvature
from tsla.empirics.assumptions.judged import Point, Seen, judged
from tsla.empirics.assumptions.network_risk import NetworkRisk
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.smoothing.labels import Smoothing
from tsla.theory.constants import single, whole

MICROBATCH = 256
"""Examples of a network that are differentiated at once."""


def network(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    run: Iterable[tuple[int, float]],
    *,
    smoothing: Smoothing = "uniform",
    batch_size: int = 1,
    seed: int = 0,
    microbatch: int = MICROBATCH,
    curved: int | None = None,
    iterations: int = ITERATIONS,
) -> Iterator[Seen]:
    """Look at ``model`` whenever ``run``, which trains it in place, yields ``(steps done, step size)``: one row each.

    F is the mean cross-entropy on ``inputs`` ``(n, ...)`` and ``labels`` ``(n,)`` or probabilities ``(n, K)``, in the model's own mode, of
    the parameters that require a gradient. σ² and ŝ² are exact for these examples, and those of a batch of ``batch_size``.

    Only the step size and δ < 1 are judged: of a network no other constants are stated. F* is taken for 0, so that the PL ratio is a lower
    bound of it. ``seed`` is that of the power iteration, and of what the model itself draws.

    Training is not disturbed: weights, ``.grad``, buffers and random states stay as they were. Time: a row costs up to ``iterations``
    Hessian-vector products over the first ``curved`` examples, by default all, some ten of them mostly. Raises ValueError where the loss or
    its gradient is not finite, and for models of which per-example gradients are not defined (:func:`tsla.gradient_moments`).
    """
    whole("batch_size", batch_size, at_least=1)
    whole("microbatch", microbatch, at_least=1)
    before = None
    for step, eta in run:
        loss = NetworkRisk(model, inputs, labels, seed, microbatch)
        value, gradient = loss.value_and_gradient()
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise ValueError(f"step = {step}: the loss or its gradient is not finite; the run diverged, and has no constants there")
        moments = gradient_moments(model, inputs, labels, smoothing).at_batch_size(batch_size)
        curved_loss = loss if curved is None else NetworkRisk(model, inputs[:curved], labels[:curved], seed, microbatch)
        curvature = largest_curvature(curved_loss.product, len(gradient), np.random.default_rng(seed), iterations=iterations)
        size = single("eta", eta, at_least=0)
        point = Point(step, size, loss.weights(), gradient, value, curvature, float(moments.s2), float(moments.shat2))
        yield judged(before, point, None, minimum_known=False)
        before = point
