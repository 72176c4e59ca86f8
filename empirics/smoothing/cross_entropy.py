"""The cross-entropy of an example: at which positions, with which class weights, and where the classes lie in the logits."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import Inputs, check_real, check_values
from tsla.empirics.smoothing.labels import Smoothing, check_classes
from tsla.empirics.smoothing.mistaken import mistaken, regression
from tsla.theory.constants import is_whole, must_be_one_of, said, whole

WEIGHTINGS = ("label", "torch")
POSITIONS = ("mean", "sum", "each")
Mass = tuple[Tensor, Tensor]
"""``q`` ``(..., K)``, what each class's ``-log p`` is multiplied by, and its sum over the classes, ``(..., 1)``."""


class LogitsWarning(UserWarning):
    """What was given as logits looks like probabilities."""


@dataclass(frozen=True, eq=False)
class CrossEntropy:
    """The loss of an example: ``Σ_t a_t Σ_k q_tk (-log p_tk)``, with ``p_t = softmax(z_t)`` at each of its positions t.

    One position is usual: logits ``(n, K)``, labels ``(n,)``. Tokens and pixels are several: logits ``(n, T, K)`` or ``(n, K, T, ...)``,
    labels ``(n, T, ...)``. Labels are class indices, or probabilities in the shape of the logits.

    weight:        class weights ``w`` ``(K,)``, not negative; None: all 1
    weighting:     how they enter. At the label ``q = w ⊙ y``, in either way. At the smoothing label
                   "label": ``q̂ = (w·y) ŷ``. The weight of its label goes with the whole position, so that the loss at ``(1-θ)y + θŷ`` is
                   ``w·y`` times the unweighted one for a class index, and the smoothed part draws towards ŷ itself
                   "torch": ``q̂ = w ⊙ ŷ``, as :func:`torch.nn.functional.cross_entropy` has it. The smoothed part draws towards the
                   classes with large weights, and is as strong for a rare label as for a frequent one
    ignore_index:  a position with this label counts nowhere: not at y, not at ŷ, not in the mean
    positions:     what a measurement takes for an example's loss.
                   "mean": ``a_t = 1/P`` over the P positions of the example that count, whatever their weights
                   "sum": ``a_t = 1``. Up to a factor a loop minimises this, if it divides by the positions of a whole batch, and all
                   batches have equally many
                   "each": every position that counts is an example of its own, at the cost of a pass of its example for each
    classes_at:    the dimension of the classes in the logits. None: found by the shape of the labels, where only one fits
    binary:        each logit is the log-odds of class 1 against class 0, and each label a class 0 or 1 or a probability of class 1, in
                   the shape of the logits up to dimensions of 1. Several columns are so many questions, each a position

    The scale of ``w`` changes no ratio of moments, such as δ and θ*. Raises ValueError for what is not as said.
    """

    weight: Tensor | Sequence[float] | None = None
    weighting: str = "label"
    ignore_index: int = -100
    positions: str = "mean"
    classes_at: int | None = None
    binary: bool = False

    def __post_init__(self) -> None:
        must_be_one_of("weighting", self.weighting, WEIGHTINGS)
        must_be_one_of("positions", self.positions, POSITIONS)
        if self.classes_at is not None and (not is_whole(self.classes_at) or self.classes_at == 0):
            raise ValueError(
                f"classes_at = {said(self.classes_at)} must be 1, -1 or another dimension of the logits, of which 0 has the examples"
            )
        whole("ignore_index", self.ignore_index, at_least=-(2**63), at_most=2**63 - 1)
        if not isinstance(self.binary, bool):
            raise ValueError(f"binary = {said(self.binary)} must be True or False")  # noqa: TRY004 - bad input is a ValueError
        if self.binary and self.classes_at is not None:
            raise ValueError(f"classes_at = {self.classes_at} has no use with binary = True; must be None")
        if self.weight is not None:
            object.__setattr__(self, "weight", _weight(self.weight))

    @property
    def weights(self) -> Tensor | None:
        """``w``, as a tensor."""
        return cast("Tensor | None", self.weight)

    @classmethod
    def like(cls, loss: object) -> Self:
        """That of a loss: None, a CrossEntropy, a SmoothedCrossEntropy, or torch's CrossEntropyLoss or BCEWithLogitsLoss.

        Reduction and strength of smoothing are left to whoever holds the loss. Raises ValueError for any other.
        """
        loss = getattr(loss, "cross_entropy", loss)
        if loss is None:
            return cls()
        if isinstance(loss, cls):
            return loss
        if isinstance(loss, nn.CrossEntropyLoss):
            return cls(loss.weight, "torch", loss.ignore_index)
        if isinstance(loss, nn.BCEWithLogitsLoss) and loss.weight is None and loss.pos_weight is None:
            return cls(binary=True)
        raise ValueError(
            f"loss = {said(loss)} must be a tsla.CrossEntropy, a SmoothedCrossEntropy, or torch's CrossEntropyLoss, or its "
            "BCEWithLogitsLoss without weights"
        )

    def arrange(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(n, P, K)`` and labels ``(n, P)`` or ``(n, P, K)``, the P positions in the order of the labels.

        By shapes alone, and of examples there may be other numbers in the two. Raises ValueError where the shapes don't say which dimension
        has the classes, or are those of no classification.
        """
        labels = _as_indices(labels)
        if self.binary:
            self._check_weights(2)
            return _binary(logits, labels, self.ignore_index)
        at = self.dimension_of_classes(logits, labels)
        self._check_weights(logits.shape[at])
        arranged, targets = (
            t.movedim(at, -1).reshape(len(t), -1, t.shape[at]) if t.ndim == logits.ndim else t.reshape(len(t), -1) for t in (logits, labels)
        )
        return arranged, targets

    def flat(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(N, K)`` and labels ``(N,)`` or ``(N, K)`` of all positions of all examples. Raises ValueError as :meth:`arrange`."""
        for name, part in (("logits", logits), ("labels", labels)):
            if not torch.compiler.is_compiling() and (part.is_nested or part.layout != torch.strided):
                raise ValueError(f"{name} are a {'nested' if part.is_nested else 'sparse'} tensor; must be a dense one")
        if logits.shape[:1] != labels.shape[:1]:
            counts = [part.shape[0] if part.ndim else "no" for part in (logits, labels)]
            raise ValueError(f"logits hold {counts[0]} examples and labels {counts[1]}; must be equally many")
        labels = _as_indices(labels)
        usual = logits.ndim == 2 and labels.ndim == 1 and logits.shape[1] > 1 and not labels.is_floating_point()
        if usual and self.weight is None and not self.binary:
            return logits, labels  # at no cost, for torch checks them too
        arranged, targets = self.arrange(logits, labels)
        return arranged.flatten(0, 1), targets.flatten(0, 1)

    def shape_of_positions(self, logits: Tensor, labels: Tensor) -> torch.Size:
        """The shape of a loss at each position."""
        if self.binary or not labels.is_floating_point():
            return labels.shape
        at = self.dimension_of_classes(logits, labels)
        return logits.shape[:at] + logits.shape[at + 1 :]

    def dimension_of_classes(self, logits: Tensor, labels: Tensor) -> int:
        """The dimension of the classes in these logits. Raises ValueError as :meth:`arrange`, which see."""
        if logits.ndim < 2:
            raise ValueError(f"logits have shape {_of_n(logits)}, one number an example{regression(labels)}; {_TWO_CLASSES}")
        last = logits.ndim - 1
        if self.classes_at is not None and not -last <= self.classes_at <= last:
            raise ValueError(f"classes_at = {self.classes_at} must be a dimension of the logits {_of_n(logits)}, from 1 to {last}, or -1")
        asked = (1, last) if self.classes_at is None else (self.classes_at % logits.ndim,)
        soft = labels.is_floating_point()
        found = {at for at in asked if labels.shape[1:] == (logits.shape[1:] if soft else _without(logits, at))}
        if len(found) == 2:
            raise ValueError(
                f"classes_at = None: logits {_of_n(logits)} may have their classes in dimension 1 or {last}, by labels {_of_n(labels)}; "
                "must be 1 or -1"
            )
        if (classes := min(logits.shape[at] for at in (found or asked))) < 2:
            raise ValueError(f"logits have shape {_of_n(logits)}, {'one' if classes else 'no'} class{regression(labels)}; {_TWO_CLASSES}")
        if not found:
            indices = " or ".join(dict.fromkeys(str(("n", *_without(logits, at))).replace("'", "") for at in asked))
            raise ValueError(
                f"labels have shape {tuple(labels.shape)} and type {labels.dtype}{mistaken(logits, labels)}; "
                f"must be class indices {indices} or probabilities {_of_n(logits)}, for logits {_of_n(logits)}"
            )
        return found.pop()

    def masses(self, true: Tensor, smooth: Tensor) -> tuple[Mass, Mass]:
        """``q`` at the labels ``true`` ``(..., K)``, whose rows are 0 where a label is ignored, and at ŷ ``smooth``, which broadcasts."""
        return masses(true, smooth, self.weights, self.weighting)

    def check_classes(self, labels: Tensor, classes: int) -> None:
        """Raises ValueError for labels that are none of so many classes, and not ignored."""
        check_classes(labels[labels != self.ignore_index], classes, but=f", or be ignore_index = {self.ignore_index}")

    def _check_weights(self, classes: int) -> None:
        if self.weights is not None and len(self.weights) != classes:
            raise ValueError(f"weight has {len(self.weights)} classes; must have {classes}, as the logits")

    def spread(self, inputs: Inputs, labels: Tensor, smoothing: Smoothing) -> tuple[Inputs, Tensor, Smoothing]:
        """Inputs, labels and ŷ of what counts as an example: for ``positions = "each"`` they are repeated for each position that counts.

        In each repetition the other positions are ignored. Raises ValueError for probabilities, which can't be.
        """
        if self.positions != "each":
            return inputs, labels, smoothing
        if labels.is_floating_point() and not self.binary:
            raise ValueError(f"positions = 'each' must go with class indices; labels are probabilities {_of_n(labels)}")
        flat = _as_indices(labels).reshape(len(labels), -1)
        example, position = (flat != self.ignore_index).nonzero(as_tuple=True)
        if not len(example):
            raise ValueError(f"labels have no position but ignore_index = {self.ignore_index}; must have one at least")
        alone = torch.full_like(flat[example], self.ignore_index)
        alone[torch.arange(len(example), device=alone.device), position] = flat[example, position]
        if isinstance(smoothing, Tensor) and smoothing.ndim > 1 and len(smoothing) > 1:
            smoothing = smoothing[example.to(smoothing.device)]
        return inputs[example.to(inputs.device)], alone.reshape(-1, *labels.shape[1:]), smoothing


def of_whole_examples(loss: object) -> CrossEntropy:
    """:meth:`CrossEntropy.like`, for estimates, which take examples for independent. Raises ValueError where positions are examples."""
    found = CrossEntropy.like(loss)
    if found.positions == "each":
        raise ValueError(
            "positions = 'each' must go with gradient_moments or layer_moments; estimates take examples for independent, and the positions "
            "of one are not: choose 'mean' or 'sum'"
        )
    return found


_TWO_CLASSES = "must have 2 classes at least; a loss with binary = True takes each logit for the log-odds of class 1"


def masses(true: Tensor, smooth: Tensor, weight: Tensor | None, weighting: str) -> tuple[Mass, Mass]:
    """As :meth:`CrossEntropy.masses` has it, for a ``weight`` that lies somewhere else."""
    counts = true.sum(-1, keepdim=True)
    if weight is None:
        return (true, counts), (counts * smooth, counts)
    weight = weight.to(true)
    weighted = weight * true
    total = weighted.sum(-1, keepdim=True)
    if weighting == "label":
        return (weighted, total), (total * smooth, total)
    by_class = counts * weight * smooth
    return (weighted, total), (by_class, by_class.sum(-1, keepdim=True))


def one_hot_or_0(labels: Tensor, classes: int, ignored: int, dtype: torch.dtype) -> Tensor:
    """Class indices ``(...)`` as probabilities ``(..., classes)``; 0 for every class where they are ``ignored``. No value is looked at."""
    kept = labels != ignored
    rows = torch.zeros(*labels.shape, classes, dtype=dtype, device=labels.device)
    return rows.scatter(-1, labels.where(kept, 0).long()[..., None], kept[..., None].to(dtype))


def refuse_several_labels(rows: Tensor) -> None:
    """Raises ValueError for rows ``(N, K)`` of 0 and 1 of which one names no class or several."""
    off = (rows.sum(1) != 1).nonzero()
    if len(off) and ((rows == 0) | (rows == 1)).all():
        raise ValueError(
            f"labels must be probabilities, rows that add up to 1; row {int(off[0])} adds up to {int(rows[off[0]].sum())}, as of "
            "several labels at once: a loss with binary = True takes each logit for the log-odds of a label of its own"
        )


def warn_of_probabilities(logits: Tensor) -> None:
    """Warn where every row of these ``(..., K)`` is not negative and adds up to 1 (to 1e-4): the model has a softmax of its own."""
    rows = logits.detach().float()
    if rows.numel() and bool((rows >= 0).all()) and bool(((rows.sum(-1) - 1).abs() <= 1e-4).all()):
        warnings.warn(
            "logits look like probabilities: no entry is negative, and rows add up to 1; must be what comes before the softmax",
            LogitsWarning,
            stacklevel=3,
        )


def _as_indices(labels: Tensor) -> Tensor:
    """Class indices as int64. In eight bits class 156 would be the same as -100, which is ignored."""
    return labels if labels.is_floating_point() else labels.long()


def _binary(logits: Tensor, labels: Tensor, ignored: int) -> tuple[Tensor, Tensor]:
    """Logits ``(n, P, 2)`` whose classes differ by the log-odds, and labels ``(n, P)``, or ``(n, P, 2)`` where they are probabilities."""
    if [size for size in logits.shape[1:] if size != 1] != [size for size in labels.shape[1:] if size != 1]:
        raise ValueError(f"binary = True: labels have shape {_of_n(labels)}; must be one for each logit {_of_n(logits)}")
    odds, given = logits.reshape(len(logits), -1), labels.reshape(len(labels), -1)
    arranged = torch.stack((torch.zeros_like(odds), odds), -1)
    if not labels.is_floating_point():
        return arranged, given
    kept = (given != ignored).to(given)
    return arranged, torch.stack(((1 - given) * kept, given * kept), -1)


def _weight(weight: Tensor | Sequence[float]) -> Tensor:
    """Class weights, checked."""
    try:
        weights = torch.as_tensor(weight if isinstance(weight, Tensor) else np.asarray(weight).tolist()).detach()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"weight = {said(weight)} must be class weights (K,), a tensor or a list of numbers") from error
    check_real("weight", weights)
    weights = weights if weights.is_floating_point() else weights.float()
    check_values("weight", weights.reshape(-1))
    if weights.ndim != 1:
        raise ValueError(f"weight has shape {tuple(weights.shape)}; must be (K,)")
    if not (weights >= 0).all() or not 0 < float(weights.sum()) < float("inf"):
        raise ValueError(f"weight = {weights.tolist()} must be finite class weights: not negative, and not all 0")
    return weights


def _without(logits: Tensor, at: int) -> torch.Size:
    """The shape of an example's positions."""
    return torch.Size(size for d, size in enumerate(logits.shape) if d not in (0, at))


def _of_n(tensor: Tensor) -> str:
    """A shape, whatever the number of examples."""
    return str(("n", *tensor.shape[1:])).replace("'", "") if tensor.ndim else "()"
