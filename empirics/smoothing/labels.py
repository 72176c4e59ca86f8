"""Labels that are classes, and the smoothing labels ``ŷ`` that A3 is about, as probability vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tsla.empirics.models.inputs import Inputs, ToLogits, arguments, check_real, check_values, logits_in
from tsla.empirics.models.state import as_logits, buffer_copies
from tsla.theory.constants import said

if TYPE_CHECKING:
    from tsla.empirics.smoothing.targets import Targets

NAMES = ("uniform", "prior", "own", "own-hard")
Smoothing = str | Tensor | nn.Module
Rule = Callable[[slice, Inputs, Tensor], Tensor]
"""``rule(rows, inputs, logits)``: ŷ of these rows of the examples, ``(rows, P or 1, K)``, float64, on the CPU; logits ``(rows, P, K)``."""


def check_classes(labels: Tensor, classes: int, *, but: str = "") -> None:
    """Raises ValueError for labels that are none of so many classes, ``but`` for what else they may be; says if a model has too few."""
    if not labels.numel():
        return
    low, high = int(labels.min()), int(labels.max())
    if not 0 <= low <= high < classes:
        few = f": the model gives K = {classes} logits, and such labels take {high + 1}" if high >= classes else ""
        raise ValueError(f"labels run from {low} to {high}; must lie in 0 ... {classes - 1}{but}{few}")


def check_smoothing(smoothing: object) -> None:
    """Raises ValueError for what :func:`smoothing_rule` knows no rule of."""
    if not isinstance(smoothing, (Tensor, nn.Module)) and not (isinstance(smoothing, str) and smoothing in NAMES):
        raise ValueError(
            f"smoothing = {said(smoothing)}: must be 'uniform', 'prior', 'own', 'own-hard', a teacher (a module) "
            "or a tensor of probabilities"
        )


def smoothing_rule(smoothing: Smoothing, targets: Targets) -> Rule:
    """How ŷ of some of the examples is found, for all kinds of ``smoothing``; ``targets`` are all their labels.

    "uniform":   1/K for every class
    "prior":     the frequencies of the classes among all labels that count
    "own":       the model's own prediction, held fixed. Then ``ĝ = p - p = 0``: *soft bootstrapping is the shrinkage control of C17*, plain
                 SGD with step (1-θ)η, with ``δ = ‖∇F‖²/s²`` and ``c = 0``. (Reed et al., 2014, let the gradient flow through the
                 prediction as well, which is minimum-entropy regularisation and another loss.)
    "own-hard":  all mass on the class that the model holds likeliest: hard bootstrapping (Reed et al., 2014)
    a module:    a teacher's prediction on the same inputs, from logits in the layout of the model's own
    a tensor:    probabilities ``(K,)``, ``(n, K)``, or for each position, in the layout of the logits

    Raises ValueError for any other, and where a row is not a distribution over the K classes; for a teacher when the rule is applied.
    """
    check_smoothing(smoothing)
    classes = targets.classes
    if isinstance(smoothing, nn.Module):
        teacher = smoothing
        return lambda rows, inputs, logits: distribution(
            "smoothing", targets.arrange(evaluated(teacher, inputs)).double().softmax(-1), classes
        )
    if isinstance(smoothing, Tensor) and smoothing.ndim > 2:
        each = distribution("smoothing", targets.arrange_table(smoothing), classes)
        return lambda rows, inputs, logits: each[rows]
    if isinstance(smoothing, Tensor):
        fixed = smoothing_labels(smoothing, targets.examples, classes)
    elif smoothing == "uniform":
        fixed = torch.full((targets.examples, classes), 1 / classes, dtype=torch.float64)
    elif smoothing == "prior":
        counts = targets.counts()
        fixed = smoothing_labels(counts / counts.sum(), targets.examples, classes)
    elif smoothing == "own":
        return lambda rows, inputs, logits: logits.detach().double().softmax(-1).cpu()
    else:
        return lambda rows, inputs, logits: torch.nn.functional.one_hot(logits.detach().argmax(-1).cpu(), classes).double()
    return lambda rows, inputs, logits: fixed[rows, None]


def smoothing_labels(smoothing: Tensor, examples: int, classes: int) -> Tensor:
    """``ŷ`` as probabilities ``(examples, classes)``, float64, from ``(classes,)`` or ``(examples, classes)``.

    Raises ValueError where a row is not a distribution.
    """
    rows = smoothing.unsqueeze(0) if smoothing.ndim == 1 else smoothing
    if rows.ndim != 2 or rows.shape[0] not in (1, examples):
        raise ValueError(f"smoothing has shape {tuple(smoothing.shape)}; must be ({classes},) or ({examples}, {classes})")
    return distribution("smoothing", rows, classes).expand(examples, classes)


def predictions(model: nn.Module, inputs: Any) -> Tensor:
    """``softmax(model(inputs))`` in the model's evaluation mode, ``(n, K)``, float64; on its own device and in its own precision.

    Inputs are in any form of :class:`~tsla.empirics.models.inputs.Inputs`, and logits are found as by
    :class:`~tsla.empirics.models.inputs.Classifier`. No gradient flows into the model; its modes and buffers are left as they were.
    Raises ValueError for outputs that are not ``(n, K)``.
    """
    logits = evaluated(model, inputs)
    if logits.ndim != 2:
        raise ValueError(f"a model must map examples (n, ...) to logits (n, classes), here {tuple(logits.shape)}")
    return logits.double().softmax(1)


def evaluated(model: nn.Module, inputs: Any, to_logits: ToLogits | None = None) -> Tensor:
    """The logits of :func:`predictions`, in whatever layout the model gives them, or as ``to_logits`` takes them from its outputs."""
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    inputs = Inputs.of(inputs).map(Tensor.clone)  # the model may write into it
    if weight is not None:
        inputs = inputs.map(lambda t: t.to(device=weight.device, dtype=weight.dtype if t.is_floating_point() else None))
    with torch.no_grad(), evaluation_mode(model):
        # By hand and not by a Classifier, which torch.compile would not make.
        outputs = functional_call(model, buffer_copies(model), *arguments(inputs.form))
    return as_logits((to_logits or logits_in)(outputs), inputs, whose="a model")


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """All modules of the model in evaluation mode, and afterwards each in its own mode again."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def distribution(name: str, rows: Tensor, classes: int, within: float = 2e-5) -> Tensor:
    """``rows`` ``(..., K)`` as float64 on the CPU, checked: ``classes`` columns, not negative, rows that add up to 1 (to float32)."""
    check_values(name, rows)
    check_real(name, rows)
    probabilities = rows.detach().double().cpu()
    if probabilities.shape[-1] != classes:
        raise ValueError(f"{name}: {probabilities.shape[-1]} columns; the model has {classes} classes")
    flat = probabilities.flatten(0, -2)
    good = (flat >= 0).all(1) & ((flat.sum(1) - 1).abs() <= within)
    if not good.all():
        row = int((~good).nonzero()[0])
        raise ValueError(
            f"{name} must be probabilities: non-negative rows that add up to 1; row {row} has entries from {float(flat[row].min()):.4g} "
            f"to {float(flat[row].max()):.4g}, and adds up to {float(flat[row].sum()):.4g}"
        )
    return probabilities
