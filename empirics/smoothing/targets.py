"""The labels of examples, checked against what a model gives, and what a loss makes of them."""

from __future__ import annotations

import torch
from torch import Tensor

from tsla.empirics.models.inputs import Inputs
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, Mass, one_hot_or_0, refuse_several_labels
from tsla.empirics.smoothing.labels import Rule, distribution
from tsla.empirics.smoothing.mistaken import refuse_no_probabilities


class Targets:
    """The labels of n examples at the P positions of each, checked, and what a ``loss`` makes of them.

    Made with some ``logits`` of the model, by which it is known where the classes lie. Raises ValueError for labels that are no classes or
    no distributions, and for an example without a position that counts, which has no mean.
    """

    def __init__(self, loss: CrossEntropy, labels: Tensor, logits: Tensor) -> None:
        self.loss, self._given, self._logits = loss, labels, logits.detach()
        arranged, self._labels = loss.arrange(logits, labels)
        self.examples, (self.places, self.classes) = len(labels), arranged.shape[1:]
        self._soft = self._labels.is_floating_point()
        self._check()

    def arrange(self, logits: Tensor) -> Tensor:
        """Logits of some of the examples, as ``(k, P, K)``."""
        return self.loss.arrange(logits, self._given)[0]

    def arrange_table(self, table: Tensor) -> Tensor:
        """Probabilities for each position, in the layout of the logits, as ``(n, P, K)``. Raises ValueError for another shape."""
        at = -1 if self.loss.binary else self.loss.dimension_of_classes(self._logits, self._given)
        shape = (self.examples, *((*self._given.shape[1:], 2) if self.loss.binary else self._logits.shape[1:]))
        if table.shape != shape:
            raise ValueError(
                f"smoothing has shape {tuple(table.shape)}; must be ({self.classes},), ({self.examples}, {self.classes}) or {tuple(shape)}"
            )
        return table.movedim(at, -1).reshape(self.examples, -1, self.classes)

    def true(self, rows: slice) -> Tensor:
        """Labels of these examples as probabilities ``(k, P, K)``, float64; 0 for every class where a position is ignored."""
        labels = self._labels[rows]
        return labels.double() if self._soft else one_hot_or_0(labels, self.classes, self.loss.ignore_index, torch.float64)

    def counts(self) -> Tensor:
        """How often each class is the label, over all positions that count, ``(K,)``, float64; for probabilities, their sums."""
        if self._soft:
            return self._labels.double().sum((0, 1))
        return torch.bincount(self._labels[self._labels != self.loss.ignore_index].long(), minlength=self.classes).double()

    def masses(self, rows: slice, smooth: Tensor) -> list[Mass]:
        """Of these examples, at their labels and at ŷ ``smooth`` ``(k or 1, P or 1, K)``, times ``a``; float64, where ``smooth`` lies."""
        true = self.true(rows).to(smooth.device)
        found = self.loss.masses(true, smooth)
        if self.loss.positions != "mean" or self.places == 1:
            return list(found)
        counted = (true.sum(-1, keepdim=True) > 0.5).double()
        share = 1 / counted.sum(1, keepdim=True)
        return [(share * q, share * total) for q, total in found]

    def slopes(self, smooth: Rule, rows: slice, inputs: Inputs, logits: Tensor) -> list[Tensor]:
        """Derivatives of the loss of each of these examples with respect to its ``logits``, in their layout, at its labels and at ŷ."""
        arranged = self.arrange(logits.detach())
        probabilities = arranged.double().softmax(-1)
        masses = self.masses(rows, smooth(rows, inputs, arranged).to(probabilities.device))
        return [self._as_given((total * probabilities - q).to(logits.dtype), logits) for q, total in masses]

    def _as_given(self, arranged: Tensor, logits: Tensor) -> Tensor:
        """Derivatives ``(k, P, K)`` in the layout of the logits."""
        if self.loss.binary:
            return arranged[..., 1].reshape(logits.shape)
        at = self.loss.dimension_of_classes(logits, self._given)
        return arranged.reshape(logits.movedim(at, -1).shape).movedim(-1, at)

    def _check(self) -> None:
        if self._soft:
            rows = self._labels.flatten(0, 1)
            if self.loss.binary:
                rows = rows[rows.sum(1) != 0]
                refuse_no_probabilities(rows[:, 1])
            else:
                refuse_several_labels(rows)
            distribution("labels", rows, self.classes)
            kept = self._labels.sum(-1) > 0.5
        else:
            self.loss.check_classes(self._labels, self.classes)
            kept = self._labels != self.loss.ignore_index
        empty = (~kept.any(1)).nonzero()
        if len(empty) and self.loss.positions == "mean":
            raise ValueError(
                f"labels[{int(empty[0])}] has no position but ignore_index = {self.loss.ignore_index}, and so no mean; "
                "must have one at least: leave the example out"
            )
