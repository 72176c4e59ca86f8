"""The inner products of per-example gradients, microbatch by microbatch."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import UninitializedParameter

from tsla.empirics.models.inputs import Classifier, Inputs, ToLogits, check_real
from tsla.empirics.moments.per_example.batch_norm import statistics_mode
from tsla.empirics.moments.per_example.distributed import over_ranks
from tsla.empirics.moments.per_example.known import Known
from tsla.empirics.moments.per_example.microbatch import Microbatch
from tsla.empirics.moments.per_example.probe import Forward, Paths
from tsla.empirics.moments.per_example.totals import GradientProducts, Totals
from tsla.empirics.moments.per_example.watch import ONE_AT_A_TIME
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, warn_of_probabilities
from tsla.empirics.smoothing.labels import Smoothing, smoothing_rule
from tsla.empirics.smoothing.targets import Targets
from tsla.theory.constants import whole

MICROBATCH = 32  # examples: enough for fast convolutions, few enough that memory is used again and not asked for anew


def gradient_products(
    model: nn.Module,
    inputs: Any,
    labels: Tensor,
    smoothing: Smoothing = "uniform",
    *,
    logits: ToLogits | None = None,
    microbatch: int = MICROBATCH,
    batch_norm: str | None = None,
    loss: CrossEntropy | nn.Module | None = None,
    known: Known | None = None,
    means: bool = True,
) -> GradientProducts:
    """Measure :class:`GradientProducts`; arguments and errors are those of :func:`tsla.gradient_moments`.

    Who measures one model again and again gives ``known``, the same in each call: what was seen of the model is not looked for again.
    ``means`` says whether the mean gradients are asked for; without them it is faster, and takes far less memory.
    """
    if isinstance(model, DistributedDataParallel):
        if isinstance(smoothing, str) and smoothing == "prior":
            raise ValueError("smoothing = 'prior' would be another label on each rank; give the frequencies of the classes as a tensor")
        own = gradient_products(  # with the means, which are those of all ranks
            model.module, inputs, labels, smoothing, logits=logits, microbatch=microbatch, batch_norm=batch_norm, loss=loss, known=known
        )
        return over_ranks(own, model.process_group)
    if torch.is_inference_mode_enabled():
        raise ValueError("torch.inference_mode is on, in which nothing has a gradient; call this outside of it")
    inputs, classifier = Inputs.of(inputs).map(Tensor.detach), Classifier(model, logits)
    _check(inputs, labels)
    microbatch = whole("microbatch", microbatch, at_least=1)
    named = _tracked(model)
    loss = CrossEntropy.like(loss)
    inputs, labels, smoothing = loss.spread(inputs, labels, smoothing)
    number = -(-len(inputs) // microbatch)
    rows = [slice(int(part[0]), int(part[-1]) + 1) for part in torch.arange(len(inputs)).tensor_split(number)]
    parts = [inputs[r] for r in rows]
    totals = Totals(list(named.values()), len(inputs), means=means)
    on_gpu = inputs.device.type == "cuda"
    with (
        ONE_AT_A_TIME,
        torch.enable_grad(),
        torch.random.fork_rng(devices=[inputs.device] if on_gpu else []),
        (known or Known()).way(classifier, inputs, batch_norm) as (classifier, way),
    ):
        forward = Forward(classifier, statistics_mode(batch_norm, classifier, inputs))
        paths = Paths(forward, parts[0], totals.parameters, way)
        targets = Targets(loss, labels, way.logits)
        warn_of_probabilities(targets.arrange(way.logits))
        slopes = partial(targets.slopes, smoothing_rule(smoothing, targets))
        sums = means or number > 1
        for x, r in zip(parts, rows, strict=True):
            for parameter, found in Microbatch(paths, x, partial(slopes, r, x), sums=sums).products():
                totals.add(parameter, r, found)
            paths.compare_gradients(x, partial(slopes, r, x), totals.squares(r))
    return totals.result(tuple(named))


def _check(inputs: Inputs, labels: Tensor) -> None:
    inputs.check_values(labels)
    check_real("labels", labels)
    if len(inputs) == 0 or len(inputs) != len(labels):
        raise ValueError(f"inputs hold {len(inputs)} examples and labels {len(labels)}; must be equally many, at least 1")


def _tracked(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that gradients are taken of. Raises ValueError if there are none, and for what has no gradient of its own."""
    for name, p in model.named_parameters():
        if isinstance(p, UninitializedParameter):
            raise ValueError(f"parameter {name} has no shape yet: call model once, which will initialise it")  # noqa: TRY004
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not named:
        raise ValueError("model has no parameter that requires a gradient")
    for name, p in named.items():
        if p.is_meta:
            raise ValueError(f"parameter {name} is on the device meta, without values: load or initialise them")
        if p.is_complex():
            raise ValueError(f"parameter {name} is complex: hold its two parts as one real parameter, with torch.view_as_complex")
        if p._backward_hooks:
            raise ValueError(
                f"parameter {name} has a hook on its gradient, which could change it for a batch and not for each example: remove it"
            )
    return named
