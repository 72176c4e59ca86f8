"""The stochastic gradient of training mode itself, batch by batch: for networks whose examples are coupled, as BatchNorm couples them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import Classifier, Inputs, ToLogits
from tsla.empirics.models.state import as_logits, device_of, private_randomness, with_own_buffers
from tsla.empirics.moments.estimators import Accumulator, Estimates
from tsla.empirics.moments.examples import Collate, ExamplePool, Unpack
from tsla.empirics.moments.per_example import GradientProducts
from tsla.empirics.moments.per_example.terms import accumulable, of_pair
from tsla.empirics.moments.per_example.watch import ONE_AT_A_TIME
from tsla.empirics.smoothing.cross_entropy import CrossEntropy
from tsla.empirics.smoothing.labels import Smoothing, smoothing_rule
from tsla.empirics.smoothing.targets import Targets
from tsla.theory.constants import whole


def minibatch_moments(
    model: nn.Module,
    dataset: Any,
    *,
    batch_size: int,
    batches: int = 256,
    smoothing: Smoothing = "uniform",
    replacement: bool = False,
    collate: Collate | None = None,
    unpack: Unpack | None = None,
    logits: ToLogits | None = None,
    seed: int = 0,
    loss: CrossEntropy | nn.Module | None = None,
) -> Estimates:
    """Unbiased moments of the gradient of a batch's mean loss, with 95 % intervals over ``batches`` of ``batch_size`` examples each.

    dataset:      as of :class:`tsla.MomentsMonitor`, with ``collate``, ``unpack`` and ``logits``
    smoothing:    ŷ as in :func:`tsla.gradient_moments`, but for "prior", which would be another label in every batch
    replacement:  False: a batch is so many different examples, as in a shuffled epoch; True: independent draws, as C14 supposes.
                  In either case batches are drawn independently of each other, the same ones for the same ``seed``
    loss:         of an example, as in :func:`tsla.gradient_moments`; a batch has the mean over its examples, whatever their weights

    They are :class:`~tsla.theory.moments.Moments` with the batch as the unit: g is its gradient at the labels, ĝ
    the one at ŷ, from one forward pass in the model's own mode and by plain autograd; ``∇F`` is the mean of g over all batches that may be
    drawn. Where the model treats its examples independently they are ``at_batch_size(batch_size)`` of the per-example moments for
    draws with replacement; without, s2, c and nu2 are smaller by ``(N-B)/(N-1)``. ``critical_batch`` and ``noise_scale`` count batches.

    Kept are the gradients of one batch, their sums, and a sketch a batch. The model, its ``.grad`` and buffers, and the random state
    are left as they were. Raises ValueError outside the ranges.
    """
    batch_size, batches = whole("batch_size", batch_size, at_least=1), whole("batches", batches, at_least=2)
    seed = whole("seed", seed, at_least=0)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    examples, classifier = ExamplePool(dataset, smoothing, device_of(model), collate=collate, unpack=unpack), Classifier(model, logits)
    if not replacement and batch_size > len(examples):
        raise ValueError(f"batch_size = {batch_size} must be at most {len(examples)}, the number of examples; or set replacement=True")
    generator, found = np.random.default_rng(seed), Accumulator()
    with ONE_AT_A_TIME, private_randomness(seed, examples.device), torch.enable_grad():
        for _ in range(batches):
            drawn = generator.choice(len(examples), batch_size, replace=replacement)
            found.add(_batch_products(classifier, parameters, CrossEntropy.like(loss), *examples.take(drawn)))
    return found.estimates()


def _batch_products(
    classifier: Classifier,
    parameters: dict[str, nn.Parameter],
    loss: CrossEntropy,
    inputs: Inputs,
    labels: Tensor,
    smoothing: Smoothing,
) -> GradientProducts:
    """Products of one batch's two gradients, as of one example. Layers that update their buffers do so in copies."""
    inputs, labels, smoothing = loss.spread(inputs, labels, smoothing)
    given = as_logits(with_own_buffers(classifier, inputs.map(Tensor.clone).form), inputs)
    targets = Targets(loss, labels, given)
    logits, every = targets.arrange(given), slice(None)
    masses = targets.masses(every, smoothing_rule(smoothing, targets)(every, inputs, logits))
    G, G_hat = _gradients(logits, [q for q, _ in masses], list(parameters.values()))
    gg, hh, gh = torch.stack([of_pair(*pair) for pair in zip(G, G_hat, strict=True)], dim=1).unsqueeze(2).cpu()
    return GradientProducts(tuple(parameters), gg, hh, gh, G, G_hat)


def _gradients(logits: Tensor, masses: list[Tensor], parameters: list[nn.Parameter]) -> list[tuple[Tensor, ...]]:
    """Gradients of the mean over the examples of ``-Σ q log p`` for either ``q`` ``(n, P, K)``, in float32 at least."""
    log_probabilities = accumulable(logits).log_softmax(-1)
    losses = [-(q.to(log_probabilities) * log_probabilities).sum((1, 2)).mean() for q in masses]
    found = [torch.autograd.grad(loss, parameters, retain_graph=loss is losses[0], materialize_grads=True) for loss in losses]
    return [tuple(accumulable(gradient) for gradient in gradients) for gradients in found]
