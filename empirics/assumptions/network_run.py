"""A network, looked at while somebody trains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from torch import Tensor, nn

from tsla.empirics.assumptions.curvature import largest_curvature
from tsla.empirics.assumptions.judged import Noise, Point, Row, judged
from tsla.empirics.assumptions.network_loss import Loss
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.smoothing.labels import Smoothing
from tsla.theory.constants import Constants, real, shown, whole

CHUNK = 256
"""Examples of a network that are differentiated at once."""


def network(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    run: Iterable[tuple[int, float]],
    *,
    smoothing: Smoothing = "uniform",
    batch_size: int = 1,
    stated: Constants | None = None,
    minimum: float = 0.0,
    minimum_known: bool = False,
    seed: int = 0,
    chunk: int = CHUNK,
) -> Iterator[Row]:
    """Look at ``model`` whenever ``run``, which trains it in place, yields ``(steps done, step size)``: one row each.

    F is the mean cross-entropy on ``inputs`` ``(n, ...)`` and ``labels`` ``(n,)`` or probabilities ``(n, K)``, in the model's own mode, of
    the parameters that require a gradient. σ² and ŝ² are exact for these examples, and those of a batch of ``batch_size``.

    stated:         the constants that the prediction was made with; without them only the step size and δ < 1 are judged
    minimum:        F*, or a lower bound of it, such as 0; A4 is judged only where ``minimum_known`` says that it is F*
    seed:           of the power iteration, and of what the model itself draws

    Training is not disturbed: weights, ``.grad``, buffers and random states stay as they were. Time: a row costs up to 100 Hessian-vector
    products over all examples, some ten of them mostly. Raises ValueError where the loss or its gradient is not finite, where F is below
    ``minimum``, and for models of which per-example gradients are not defined (:func:`tsla.gradient_moments`).
    """
    whole("batch_size", batch_size, at_least=1)
    whole("chunk", chunk, at_least=1)
    lower = float(real("minimum", minimum))
    before = None
    for step, eta in run:
        loss = Loss(model, inputs, labels, seed, chunk)
        value, gradient = loss.value_and_gradient()
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise ValueError(f"step = {step}: the loss or its gradient is not finite; the run diverged, and has no constants there")
        if value < lower:
            raise ValueError(f"minimum = {shown(lower)} must be a lower bound of F, which is {shown(value)} at step {step}")
        moments = gradient_moments(model, inputs, labels, smoothing).at_batch_size(batch_size)
        curvature = largest_curvature(loss.product, len(gradient), np.random.default_rng(seed))
        noise = Noise.exact(float(moments.s2), float(moments.shat2))
        point = Point(step, float(real("eta", eta, at_least=0)), loss.weights(), gradient, value - lower, curvature, noise)
        yield judged(before, point, stated, minimum_known=minimum_known)
        before = point
