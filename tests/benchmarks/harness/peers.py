"""The contestants. Each has one or more ways to the six moments, the best that its documentation shows.

A way is prepared once for a model of its own, and is then called with inputs ``(n, 3, 32, 32)`` and labels ``(n,)``. A library is imported
when it is prepared, so that the others run where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.moments import Moments

Measure = Callable[[Tensor, Tensor], Moments | None]
Part = tuple[Tensor, list[Tensor], list[Tensor]]  # sums of ‖g‖², ‖ĝ‖², ⟨g,ĝ⟩ over examples (3,), and the summed gradients g and ĝ
Backward = Callable[[list[int]], tuple[list[Tensor], list[Tensor]]]  # of these losses: per-example gradients or squared norms; gradients


class UnsupportedError(Exception):
    """The contestant cannot handle this network; the message says why."""


@dataclass(frozen=True)
class Way:
    """How a contestant gets there: a footnote of the table, and what makes a model ready for it."""

    label: str
    prepare: Callable[[nn.Module], Measure]


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each example at its label and at the uniform label: ``(2, n)``."""
    log_probabilities = logits.log_softmax(1)
    return torch.stack((-log_probabilities.gather(1, labels.unsqueeze(1)).squeeze(1), -log_probabilities.mean(1)))


def dots(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Sum over examples and parameters of ``⟨a_i, b_i⟩``, from per-example gradients ``(n, ...)``.

    A sum, not an einsum: that one adds millions of float32 numbers one after the other, and is off by 2e-3.
    """
    return torch.stack([(x * y).flatten(1).sum(1).sum() for x, y in zip(a, b, strict=True)]).sum()


def by_parts(part: Callable[[Tensor, Tensor], Part], size: int) -> Measure:
    """The moments from ``part``, called with ``size`` examples at a time."""

    def measure(inputs: Tensor, labels: Tensor) -> Moments:
        n, total = len(inputs), None
        for microbatch in zip(inputs.split(size), labels.split(size), strict=True):
            products, *gradients = part(*microbatch)
            new = [products.double(), *(torch.cat([t.flatten() for t in gradient]) for gradient in gradients)]
            total = new if total is None else [a + b for a, b in zip(total, new, strict=True)]
        means, G, G_hat = (t.double() / n for t in total or [])
        return Moments.from_means(*means.tolist(), *torch.stack((G @ G, G_hat @ G_hat, G @ G_hat)).tolist())

    return measure


def floor(model: nn.Module, *, compiled: bool = False) -> Measure:
    """One forward and two backward passes: what any of them needs at least, and nothing for an example."""
    parameters = list(model.parameters())
    forward = torch.compile(model) if compiled else model

    def work(inputs: Tensor, labels: Tensor) -> None:
        true, smooth = losses(forward(inputs), labels).sum(1)
        torch.autograd.grad(true, parameters, retain_graph=True)
        torch.autograd.grad(smooth, parameters)

    return work


def tsla(model: nn.Module) -> Measure:
    """The form that this package ships."""
    return lambda inputs, labels: gradient_moments(model, inputs, labels)


def loop(model: nn.Module) -> Measure:
    """One example at a time: the reference."""
    return lambda inputs, labels: moments_by_loop(model, inputs, labels)


def torch_func(model: nn.Module, size: int, *, compiled: bool = False) -> Measure:
    """``vmap`` of ``vjp``: one forward pass, pulled back along both losses."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    first, second = torch.eye(2, device=next(model.parameters()).device)

    def gradients(x: Tensor, label: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        def both(p: dict[str, Tensor]) -> Tensor:
            return losses(torch.func.functional_call(model, p, (x.unsqueeze(0),)), label.unsqueeze(0)).squeeze(1)

        pull = torch.func.vjp(both, parameters)[1]
        return pull(first)[0], pull(second)[0]

    per_example = torch.func.vmap(gradients)
    per_example = torch.compile(per_example) if compiled else per_example

    def part(inputs: Tensor, labels: Tensor) -> Part:
        g, h = (list(side.values()) for side in per_example(inputs, labels))
        return torch.stack((dots(g, g), dots(h, h), dots(g, h))), [t.sum(0) for t in g], [t.sum(0) for t in h]

    return by_parts(part, size)


def opacus(model: nn.Module, size: int, *, ghost: bool = False) -> Measure:
    """GradSampleModule's per-example gradients, or the norms of its "ghost clipping". Either asks for a forward pass a backward pass."""
    from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping

    wrapped: Any = (
        GradSampleModuleFastGradientClipping(model, loss_reduction="sum", max_grad_norm=1.0, use_ghost_clipping=True)
        if ghost
        else GradSampleModule(model, loss_reduction="sum")
    )
    parameters: list[Any] = list(model.parameters())

    def backward_on(inputs: Tensor, labels: Tensor) -> Backward:
        def backward(which: list[int]) -> tuple[list[Tensor], list[Tensor]]:
            losses(wrapped(inputs), labels)[which].sum().backward()
            own = [norm.square() for norm in _take(parameters, "_norm_sample")] if ghost else _take(parameters, "grad_sample")
            return own, _take(parameters, "grad")

        return backward

    return by_parts(lambda *microbatch: _both_labels(backward_on(*microbatch), norms=ghost), size)


def backpack(model: nn.Module, size: int, *, norms: bool) -> Measure:
    """BatchGrad's per-example gradients, or the squared norms of BatchL2Grad; one forward pass for all."""
    from backpack import backpack as active
    from backpack import extend
    from backpack.extensions import BatchGrad, BatchL2Grad

    extended = extend(model)
    extension, field = (BatchL2Grad(), "batch_l2") if norms else (BatchGrad(), "grad_batch")
    extension.set_module_extension(nn.GroupNorm, _group_norm_rule(norms=norms))
    parameters: list[Any] = list(model.parameters())

    def backward_on(inputs: Tensor, labels: Tensor) -> Backward:
        both = losses(extended(inputs), labels)

        def backward(which: list[int]) -> tuple[list[Tensor], list[Tensor]]:
            more = which != ([0, 1] if norms else [1])  # another pass follows
            with active(extension, retain_graph=more):
                both[which].sum().backward(retain_graph=more)
            without = [name for name, p in model.named_parameters() if getattr(p, field, None) is None]
            if without:
                raise UnsupportedError(f"no rule gives per-example gradients of {', '.join(without[:3])} and {len(without) - 3} more")
            return _take(parameters, field), _take(parameters, "grad")

        return backward

    return by_parts(lambda *microbatch: _both_labels(backward_on(*microbatch), norms=norms), size)


def _both_labels(backward: Backward, *, norms: bool) -> Part:
    """From backward passes at the label and at ŷ; with nothing but squared norms ``⟨g,ĝ⟩`` needs a third pass, along g + ĝ."""
    (g, G), (h, G_hat) = backward([0]), backward([1])
    if not norms:
        return torch.stack((dots(g, g), dots(h, h), dots(g, h))), G, G_hat
    gg, hh, both = (torch.stack(squares).double().sum() for squares in (g, h, backward([0, 1])[0]))
    return torch.stack((gg, hh, (both - gg - hh) / 2)), G, G_hat


def _take(parameters: list[Any], field: str) -> list[Tensor]:
    """The field of each parameter, which is emptied: gradients must not add up over calls."""
    values = [getattr(p, field) for p in parameters]
    for p in parameters:
        setattr(p, field, None)
    return values


def _group_norm_rule(*, norms: bool) -> Any:
    """BackPACK's rule for GroupNorm, which it lacks: it would pass over its parameters with a warning."""
    from backpack.extensions.firstorder.base import FirstOrderModuleExtension

    def reduced(gradient: Tensor) -> Tensor:
        per_example = gradient.flatten(2).sum(2)
        return per_example.square().sum(1) if norms else per_example

    class GroupNormRule(FirstOrderModuleExtension):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(params=["weight", "bias"])

        def weight(self, _: Any, module: Any, _inputs: Any, outputs: tuple[Tensor], _quantities: Any) -> Tensor:
            return reduced(nn.functional.group_norm(module.input0, module.num_groups, eps=module.eps) * outputs[0])

        def bias(self, _: Any, _module: Any, _inputs: Any, outputs: tuple[Tensor], _quantities: Any) -> Tensor:
            return reduced(outputs[0])

    return GroupNormRule()


def torchjd(model: nn.Module) -> Measure:
    """autogram's Gramian of both losses of all examples, ``(2n, 2n)``: every product of every two gradients."""
    from torchjd.autogram import Engine

    engine = Engine(model, batch_dim=0)

    def measure(inputs: Tensor, labels: Tensor) -> Moments:
        n = len(inputs)
        gramian = engine.compute_gramian(losses(model(inputs), labels).T).reshape(n, 2, n, 2).double()
        own, means = gramian.diagonal(dim1=0, dim2=2).mean(2), gramian.mean((0, 2))
        return Moments.from_means(*(float(table[i, j]) for table in (own, means) for i, j in ((0, 0), (1, 1), (0, 1))))

    return measure


WHOLE = 1 << 30  # a microbatch that holds any batch
CONTESTANTS: dict[str, tuple[Way, ...]] = {
    "floor": (Way("one forward and two backward passes", floor),),
    "tsla": (Way("tsla.empirics.moments.full_batch.gradient_moments", tsla),),
    "loop": (Way("one example at a time", loop),),
    "torch.func": tuple(
        Way(f"vmap of vjp, one forward pass for both labels, {size} at a time", lambda model, size=size: torch_func(model, size))
        for size in (1, 2, 8, 32)
    ),
    "opacus": (
        *(Way(f"GradSampleModule for either label, {size} at a time", lambda model, size=size: opacus(model, size)) for size in (8, 32)),
        Way("ghost norms for both labels and their sum", lambda model: opacus(model, WHOLE, ghost=True)),
    ),
    "backpack": (
        Way("BatchL2Grad for both labels and their sum, own rule for GroupNorm", lambda model: backpack(model, WHOLE, norms=True)),
        Way("BatchGrad for both labels, own rule for GroupNorm, 8 at a time", lambda model: backpack(model, 8, norms=False)),
    ),
    "torchjd": (Way("autogram Gramian of both losses", torchjd),),
    "floor, compiled": (Way("torch.compile of the network", lambda model: floor(model, compiled=True)),),
    "torch.func, compiled": (Way("torch.compile of vmap of vjp, 32 at a time", lambda model: torch_func(model, 32, compiled=True)),),
}
