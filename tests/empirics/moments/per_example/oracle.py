"""Per-example gradients of every parameter by plain autograd, one example at a time, and what the fast form must make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example import GradientProducts, gradient_products

CLASSES = 3


@dataclass(frozen=True)
class Gradients:
    """``g_i`` and ``ĝ_i`` of every parameter that requires a gradient, ``(n, *parameter.shape)``, float64."""

    names: list[str]
    g: list[Tensor]
    h: list[Tensor]


def labels_for(n: int) -> Tensor:
    return torch.arange(n) * 2 % CLASSES


def by_autograd(model: nn.Module, inputs: Tensor) -> Gradients:
    """One forward pass and two backward passes an example, with the model as it stands, in its own precision."""
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    rows: list[tuple[list[Tensor], list[Tensor]]] = []
    for x, y in zip(inputs, labels_for(len(inputs)), strict=True):
        own = {name: buffer.clone() for name, buffer in buffers.items()}  # layers may update them: every example meets the same
        log_probabilities = torch.func.functional_call(model, own, x[None].clone()).log_softmax(1)[0]
        losses = (-log_probabilities[y], -log_probabilities.mean())
        rows.append(tuple(_gradients(loss, list(named.values())) for loss in losses))
    g, h = ([torch.stack(column) for column in zip(*label, strict=True)] for label in zip(*rows, strict=True))
    return Gradients(list(named), g, h)


def _gradients(loss: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    return [g.double() for g in torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)]


def _dots(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).reshape(len(a), -1).sum(1)


def errors(found: GradientProducts, expected: Gradients, tolerance: float = 1e-10, eps: float = 2.3e-16) -> dict[str, float]:
    """For each parameter the largest error of anything that was found, in units of its own scale.

    A gradient that is 0 but for rounding, as that of a bias in front of a norm, has no scale of its own: rounding of the largest is enough.
    """
    least = (8 * eps / tolerance) ** 2 * max(float(_dots(a, a).max()) for a in (*expected.g, *expected.h))
    assert found.names == tuple(expected.names)
    worst = {}
    for k, (name, g, h) in enumerate(zip(found.names, expected.g, expected.h, strict=True)):
        scale = max(float(_dots(g, g).max()), float(_dots(h, h).max()), least)
        tables = ((found.gg[k], _dots(g, g)), (found.hh[k], _dots(h, h)), (found.gh[k], _dots(g, h)))
        G, G_hat = g.mean(0), h.mean(0)
        tables += ((found.mean_products[k], torch.stack([(a * b).sum() for a, b in ((G, G), (G_hat, G_hat), (G, G_hat))])),)
        means = ((found.G[k], G), (found.G_hat[k], G_hat)) if found.G else ()
        assert all(a.shape == b.shape for a, b in (*tables, *means))
        of_products = max(float((a - b).abs().max()) for a, b in tables) / scale
        of_means = max((float((a.double() - b).norm()) for a, b in means), default=0.0) / scale**0.5
        worst[name] = max(of_products, of_means)
    return worst


def agrees(found: GradientProducts, expected: Gradients, tolerance: float = 1e-10) -> None:
    wrong = {name: error for name, error in errors(found, expected).items() if not error <= tolerance}
    assert not wrong, wrong


def is_right(model: nn.Module, inputs: Tensor, **options: Any) -> None:
    expected = by_autograd(model, inputs)
    for means in (True, False):
        agrees(gradient_products(model, inputs, labels_for(len(inputs)), means=means, **options), expected)
