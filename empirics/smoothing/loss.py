"""The loss of label smoothing for training loops of whatever kind: which label is mixed in, how strongly, and only where one trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla.empirics.models.inputs import check_real
from tsla.empirics.smoothing.conventions import theta_from
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, masses, one_hot_or_0, refuse_several_labels, warn_of_probabilities
from tsla.empirics.smoothing.labels import distribution as checked_distribution
from tsla.empirics.smoothing.labels import evaluated
from tsla.empirics.smoothing.mistaken import can_be_read
from tsla.empirics.smoothing.mixture import Distribution, Mixture, Taught
from tsla.empirics.smoothing.schedules import Constant, Schedule
from tsla.theory.constants import must_be_one_of, real, said

LOW_PRECISION = 0.02
"""How far the sum of probabilities may be from 1, in bfloat16."""
REDUCTIONS = ("mean", "sum", "none")


class SmoothedCrossEntropy(nn.Module):
    """Cross-entropy of logits at ``(1-θ) y + θ ŷ``, where a schedule gives θ; in evaluation at y.

        loss = SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=30))
        loss(model(inputs), labels).backward()  # in the loop; and loss.step() after each epoch

    Evaluation is where the loss is in evaluation mode, and where gradients are off (``torch.no_grad``, ``torch.inference_mode``). A module
    that holds the loss takes it along with its ``eval()``. A loss that is held elsewhere can't see that the model is in evaluation mode,
    nor that its logits were computed earlier: where it is called so with gradients on, ``loss.eval()`` has to tell it.

    distribution:  ŷ, one of these, or a mixture of them as a mapping to weights that add up to 1, such as ``{"uniform": 0.5, "own": 0.5}``
                   "uniform": 1/K for every class; with it the loss is ``torch.nn.functional.cross_entropy(..., label_smoothing=θ)``
                   "prior": the frequencies of the classes, ``prior``
                   "own": the softmax of the logits, held fixed. The gradient is then ``1-θ`` times the plain one (C17)
                   "own-hard": all mass on the class with the largest logit
                   a module: a teacher's prediction on ``inputs``, in its evaluation mode. It stays the caller's: not trained, not saved,
                   and not moved to another device with the loss
                   a tensor: probabilities ``(K,)``
    schedule:      of θ; or a number, which may be in another ``convention`` (:func:`theta_from`), "others" for "uniform" only
    reduction:     "mean", "sum" or "none" over the examples and positions that count. A mean is as torch's: for class indices over the
                   sum of their weights, for probabilities over their number
    prior:         frequencies or counts ``(K,)``, for "prior"
    classes:       K, for the convention "others"
    weight, weighting, ignore_index, classes_at, binary:  as in :class:`CrossEntropy`. With ``weighting="torch"`` and "uniform" the loss is
                   ``torch.nn.functional.cross_entropy(..., weight=weight, label_smoothing=θ)``

    ``state_dict`` holds the state of the schedule, a tensor for each of its numbers, and nothing else. A state that has none of them, as
    of a module that held another loss, leaves the schedule where it stands. Raises ValueError for what is not as said.
    """

    weight: Tensor | None  # a buffer that is configuration, no state

    def __init__(
        self,
        distribution: Distribution = "uniform",
        schedule: Schedule | float = 0.1,
        *,
        convention: str = "paper",
        reduction: str = "mean",
        prior: Tensor | None = None,
        classes: int | None = None,
        weight: Tensor | Sequence[float] | None = None,
        weighting: str = "label",
        ignore_index: int = -100,
        classes_at: int | None = None,
        binary: bool = False,
    ) -> None:
        super().__init__()
        must_be_one_of("reduction", reduction, REDUCTIONS)
        self._smooth = Mixture(distribution, prior)
        if convention == "others" and not self._smooth.uniform:
            raise ValueError("convention = 'others' goes with distribution = 'uniform'; must be another")
        self.schedule = _schedule(schedule, convention, classes)
        self.reduction = reduction
        self.cross_entropy = CrossEntropy(weight, weighting, ignore_index, classes_at=classes_at, binary=binary)
        self.register_buffer("weight", self.cross_entropy.weights, persistent=False)
        self._as_torch = self._smooth.uniform and (weight is None or weighting == "torch") and not binary
        self._looked = False

    @property
    def theta(self) -> float:
        """The strength now, in training. Raises ValueError where the schedule's is not in [0, 1]."""
        theta = self.schedule.theta
        if not 0 <= theta <= 1:
            raise ValueError(f"theta = {theta} of the schedule {type(self.schedule).__name__} must be at least 0 and at most 1")
        return theta

    def step(self) -> None:
        """A unit of the schedule's time has passed."""
        self.schedule.step()

    def forward(
        self, logits: Tensor, labels: Tensor, inputs: Tensor | None = None, *, num_items_in_batch: Tensor | float | None = None
    ) -> Tensor:
        """The loss of logits ``(n, K)`` at class indices ``(n,)`` or probabilities ``(n, K)``, as of mixup; a scalar, or ``(n,)``.

        Logits may have several positions an example, ``(n, T, K)`` or ``(n, K, T, ...)``, with labels ``(n, T, ...)``; reduction "none"
        then gives ``(n, T, ...)``. ``inputs`` are what a teacher sees. ``num_items_in_batch`` is the number of labels that count in all
        batches whose gradients are added up before a step. The loss is then the sum over this batch, divided by that number, so that
        the added gradients are those of one large batch. Trainers that accumulate gradients give it, under this name.

        Logits that are nan or +inf give nan, as by torch's own loss: what scales losses for float16 counts on it. So does -inf where ŷ is a
        tensor, a teacher's or the model's own, as by torch's own loss of probabilities: a masked class should have a large negative logit.

        Raises ValueError where a teacher has no inputs, for shapes that don't go together, for ``num_items_in_batch`` where the reduction
        is no mean, and, by a look at the first batch, for labels that are no classes or no probabilities.
        """
        for name, given in (("logits", logits), ("labels", labels)):
            if not isinstance(given, Tensor):
                raise ValueError(f"{name} are a {type(given).__name__}; must be a tensor")  # noqa: TRY004 - bad input is a ValueError
            check_real(name, given)
        if num_items_in_batch is not None:
            self._check_items(num_items_in_batch)
        theta = self.theta if self.training and torch.is_grad_enabled() else 0.0
        reduction = self.reduction if num_items_in_batch is None else "sum"
        rows, targets = self.cross_entropy.flat(logits, labels)
        if not self._looked:
            self._look(rows, targets)
        if self._as_torch or not (theta or self.cross_entropy.binary):
            loss = self._of_torch(rows, targets, theta, reduction)
        else:
            loss = self._of_masses(rows, targets, self._taught(inputs, labels), theta, reduction)
        if reduction == "none":
            loss = loss.reshape(self.cross_entropy.shape_of_positions(logits, labels))
        return loss if num_items_in_batch is None else loss / num_items_in_batch

    def extra_repr(self) -> str:
        """What the printed module says besides its parts."""
        return f"schedule={self.schedule!r}, reduction={self.reduction!r}, cross_entropy={self.cross_entropy!r}"

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, value in self.schedule.state_dict().items():
            destination[f"{prefix}schedule.{name}"] = torch.tensor(value, dtype=torch.float64)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        at = f"{prefix}schedule."
        state = {key.removeprefix(at): float(state_dict.pop(key)) for key in list(state_dict) if key.startswith(at)}
        state |= state_dict.pop(f"{prefix}_extra_state", {})  # where earlier versions had it, as numbers
        state_dict.pop(f"{prefix}weight", None)  # of torch's loss, which saves it
        super()._load_from_state_dict(state_dict, prefix, *others)
        if state:
            self.schedule.load_state_dict(state)

    def _check_items(self, items: Tensor | float) -> None:
        if self.reduction != "mean":
            raise ValueError(f"num_items_in_batch goes with reduction = 'mean'; must be None with {self.reduction!r}")
        if not isinstance(items, Tensor):  # whose value an accelerator would have to be waited for
            real("num_items_in_batch", items, above=0)

    def _look(self, logits: Tensor, labels: Tensor) -> None:
        """At the first batch alone, for a look makes an accelerator wait: are logits probabilities, and labels no classes or none."""
        if can_be_read(logits):
            self._looked = True
            warn_of_probabilities(logits)
            if not labels.is_floating_point():
                self.cross_entropy.check_classes(labels, logits.shape[1])
            elif not self.cross_entropy.binary:
                refuse_several_labels(labels)
                checked_distribution("labels", labels, labels.shape[1], LOW_PRECISION)

    def _of_torch(self, logits: Tensor, labels: Tensor, theta: float, reduction: str) -> Tensor:
        """That of rows ``(N, K)`` by torch's own function, which wants weights in the precision of the logits."""
        weight = self.weight
        if weight is not None:
            precision = torch.promote_types(logits.dtype, torch.float32)
            logits, weight = logits.to(precision), weight.to(precision)
        ignored = -100 if labels.is_floating_point() else self.cross_entropy.ignore_index  # with probabilities it takes no other
        return cross_entropy(logits, labels, weight, ignore_index=ignored, label_smoothing=theta, reduction=reduction)

    def _of_masses(self, logits: Tensor, labels: Tensor, taught: Taught, theta: float, reduction: str) -> Tensor:
        """``-Σ ((1-θ) q + θ q̂) log p`` of rows ``(N, K)``, reduced."""
        own = logits.detach().softmax(1, dtype=torch.promote_types(logits.dtype, torch.float32))
        soft, of = labels.is_floating_point(), self.cross_entropy
        true = labels.to(own) if soft else one_hot_or_0(labels, own.shape[1], of.ignore_index, own.dtype)
        smooth = self._smooth(own, taught) if theta else torch.zeros_like(own[:1])
        (q, total), (q_hat, _) = masses(true, smooth, self.weight, of.weighting)
        mixed = (1 - theta) * q + theta * q_hat
        if reduction != "mean":
            return cross_entropy(logits, mixed, reduction=reduction)
        number = len(logits) if soft and not of.binary else (true if soft else total).sum()
        return cross_entropy(logits, mixed, reduction="sum") / number

    def _taught(self, inputs: Tensor | None, labels: Tensor) -> Taught:
        """What a teacher predicts on these inputs, in rows as those of the logits."""

        def taught(teacher: nn.Module) -> Tensor:
            if inputs is None:
                raise ValueError("inputs = None must be the inputs of the model, which the teacher sees as well")
            return self.cross_entropy.flat(evaluated(teacher, inputs), labels)[0].double().softmax(1)

        return taught


def _schedule(schedule: Schedule | float, convention: str, classes: int | None) -> Schedule:
    if isinstance(schedule, str):
        raise ValueError(f"schedule = {said(schedule)} must be a number or a schedule, such as Cosine(0.1, end=30)")  # noqa: TRY004
    if not isinstance(schedule, Schedule):
        return Constant(theta_from(schedule, convention, classes=classes))
    if convention != "paper":
        raise ValueError(f"convention = {convention!r} goes with a number; must be 'paper' for a schedule (theta_from translates)")
    return schedule
