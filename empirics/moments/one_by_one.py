"""The gradient moments one example at a time: slow, and obviously right. The oracle of the fast form, and its peer in the benchmark."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import Classifier, Inputs, ToLogits
from tsla.empirics.models.state import with_own_buffers
from tsla.empirics.moments.per_example.batch_norm import statistics_mode
from tsla.empirics.smoothing.cross_entropy import CrossEntropy
from tsla.empirics.smoothing.labels import Smoothing, smoothing_rule
from tsla.empirics.smoothing.targets import Targets
from tsla.theory.moments import Moments


def moments_by_loop(
    model: nn.Module,
    inputs: Any,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    logits: ToLogits | None = None,
    batch_norm: str | None = None,
    loss: CrossEntropy | nn.Module | None = None,
) -> Moments:
    """What :func:`tsla.gradient_moments` returns, by one forward pass and two backward passes an example.

    Same arguments, same meaning. Gradients are in the model's own mode and precision, their sums and products in float64.
    """
    inputs, classifier, loss = Inputs.of(inputs), Classifier(model, logits), CrossEntropy.like(loss)
    statistics = statistics_mode(batch_norm, classifier, inputs)
    inputs, labels, smoothing = loss.spread(inputs, labels, smoothing)
    parameters = [p for p in model.parameters() if p.requires_grad]
    products = torch.zeros(3, dtype=torch.float64)
    total, total_hat = (torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64) for _ in range(2))
    with torch.enable_grad(), torch.random.fork_rng():
        for i in range(len(inputs)):
            example = inputs[i : i + 1]
            with statistics():  # in copies, so that every example meets the same model, and stays itself
                found = with_own_buffers(classifier, example.map(Tensor.clone).form)
            if i == 0:
                targets = Targets(loss, labels, found)
                smooth = smoothing_rule(smoothing, targets)
            row, arranged = slice(i, i + 1), targets.arrange(found)
            (q, _), (q_hat, _) = targets.masses(row, smooth(row, example, arranged))
            g = _flat_gradient(q, arranged.log_softmax(dim=-1), parameters, keep=True)
            g_hat = _flat_gradient(q_hat, arranged.log_softmax(dim=-1), parameters, keep=False)
            total += g
            total_hat += g_hat
            products += torch.stack((g @ g, g_hat @ g_hat, g @ g_hat))
    n = len(inputs)
    G, G_hat = total / n, total_hat / n
    gg, hh, gh = (products / n).tolist()
    return Moments.from_means(gg, hh, gh, float(G @ G), float(G_hat @ G_hat), float(G @ G_hat))


def _flat_gradient(q: Tensor, log_probabilities: Tensor, parameters: list[nn.Parameter], *, keep: bool) -> Tensor:
    """Gradient of one example's ``-Σ q log p``, as one float64 vector on the CPU."""
    loss = -(q.to(log_probabilities) * log_probabilities).sum()
    gradients = torch.autograd.grad(loss, parameters, retain_graph=keep, materialize_grads=True)
    return torch.cat([gradient.double().flatten().cpu() for gradient in gradients])
