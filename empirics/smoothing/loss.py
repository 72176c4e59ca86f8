"""The loss of label smoothing for training loops of whatever kind: which label is mixed in, how strongly, and only where one trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla.empirics.smoothing.labels import distribution as checked_distribution
from tsla.empirics.smoothing.labels import predictions
from tsla.empirics.smoothing.schedules import Constant, Schedule, State
from tsla.theory.constants import real, whole

Part = str | Tensor | nn.Module
Distribution = Part | Mapping[Any, float]
REDUCTIONS = ("mean", "sum", "none")


def _paper(strength: float, classes: int | None) -> float:
    return strength


def _others(strength: float, classes: int | None) -> float:
    if classes is None:
        raise ValueError("classes = None must be the number of classes, which convention = 'others' needs")
    whole("classes", classes, at_least=2)
    return min(float(real("strength", strength, at_most=1 - 1 / classes)) * classes / (classes - 1), 1.0)  # rounding may exceed 1


def _confidence(strength: float, classes: int | None) -> float:
    return 1 - strength


CONVENTIONS: Mapping[str, Callable[[float, int | None], float]] = {
    "paper": _paper,
    "torch": _paper,
    "timm": _paper,
    "others": _others,
    "confidence": _confidence,
}


def theta_from(strength: float, convention: str = "paper", *, classes: int | None = None) -> float:
    """The θ of ``(1-θ) y + θ/K``, as in the paper, from a strength in another convention of uniform smoothing over K ``classes``.

    "paper", "torch", "timm":  θ, spread over all K classes
    "others":                  ``α <= 1 - 1/K``, spread over the K - 1 classes that are not the label's: ``θ = αK/(K-1)``
    "confidence":              what is left of the one-hot label, ``1 - θ``

    Raises ValueError for another convention, for strengths outside the range, and where "others" is not told the ``classes``.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention = {convention!r} must be one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[convention](float(real("strength", strength, at_least=0, at_most=1)), classes)


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
    reduction:     "mean", "sum" or "none" over the n examples
    prior:         frequencies or counts ``(K,)``, for "prior"
    classes:       K, for the convention "others"

    ``state_dict`` holds the state of the schedule. Raises ValueError for what is not as said.
    """

    def __init__(
        self,
        distribution: Distribution = "uniform",
        schedule: Schedule | float = 0.1,
        *,
        convention: str = "paper",
        reduction: str = "mean",
        prior: Tensor | None = None,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction = {reduction!r} must be one of {', '.join(REDUCTIONS)}")
        mixture = distribution if isinstance(distribution, Mapping) else {distribution: 1.0}
        self._uniform = list(mixture) == ["uniform"]
        self._weights = _weights(mixture)
        self._parts = nn.ModuleList(_part(part, prior) for part in mixture)
        if convention == "others" and not self._uniform:
            raise ValueError("convention = 'others' goes with distribution = 'uniform'; must be another")
        self.schedule = _schedule(schedule, convention, classes)
        self.reduction = reduction

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

    def forward(self, logits: Tensor, labels: Tensor, inputs: Tensor | None = None) -> Tensor:
        """The loss of logits ``(n, K)`` at class indices ``(n,)`` or probabilities ``(n, K)``, as of mixup; a scalar, or ``(n,)``.

        ``inputs`` are what a teacher sees. Raises ValueError where it has none.
        """
        theta = self.theta if self.training and torch.is_grad_enabled() else 0.0
        if self._uniform or not theta:
            return cross_entropy(logits, labels, label_smoothing=theta, reduction=self.reduction)
        return cross_entropy(logits, self._mixed(logits, labels, inputs, theta), reduction=self.reduction)

    def get_extra_state(self) -> State:
        """The state of the schedule."""
        return self.schedule.state_dict()

    def set_extra_state(self, state: State) -> None:
        """Give the schedule its state back."""
        self.schedule.load_state_dict(state)

    def _mixed(self, logits: Tensor, labels: Tensor, inputs: Tensor | None, theta: float) -> Tensor:
        """``(1-θ) y + θ ŷ``, ``(n, K)``."""
        expected = logits.shape if labels.is_floating_point() else logits.shape[:1]
        if logits.ndim != 2 or labels.shape != expected:
            raise ValueError(
                f"labels have shape {tuple(labels.shape)}; must be class indices (n,) or probabilities (n, K) for logits (n, K), "
                f"here {tuple(logits.shape)}"
            )
        own = logits.detach().softmax(1, dtype=torch.promote_types(logits.dtype, torch.float32))
        true = labels.to(own) if labels.is_floating_point() else _one_hot(labels, own)
        mixed = (1 - theta) * true
        for weight, part in zip(self._weights, self._parts, strict=True):
            mixed = mixed + theta * weight * part(own, inputs)
        return mixed


def _schedule(schedule: Schedule | float, convention: str, classes: int | None) -> Schedule:
    if not isinstance(schedule, Schedule):
        return Constant(theta_from(schedule, convention, classes=classes))
    if convention != "paper":
        raise ValueError(f"convention = {convention!r} goes with a number; must be 'paper' for a schedule (theta_from translates)")
    return schedule


def _weights(mixture: Mapping[Any, float]) -> list[float]:
    weights = [float(real("weight in distribution", weight, at_least=0)) for weight in mixture.values()]
    if abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"weights in distribution add up to {sum(weights):g}; must add up to 1")
    return weights


def _one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """Like torch's own, which would make an accelerator wait."""
    return torch.zeros_like(like).scatter_(1, labels[:, None], 1.0)


class _Uniform(nn.Module):
    def forward(self, own: Tensor, inputs: Tensor | None) -> Tensor:
        return torch.full_like(own[:1], 1 / own.shape[1])


class _Own(nn.Module):
    def forward(self, own: Tensor, inputs: Tensor | None) -> Tensor:
        return own


class _OwnHard(nn.Module):
    def forward(self, own: Tensor, inputs: Tensor | None) -> Tensor:
        return _one_hot(own.argmax(1), own)


class _Fixed(nn.Module):
    """Probabilities ``(K,)``, which move with the loss but are configuration, no state."""

    probabilities: Tensor

    def __init__(self, name: str, probabilities: Tensor) -> None:
        super().__init__()
        if probabilities.ndim != 1:
            raise ValueError(f"{name} has shape {tuple(probabilities.shape)}; must be (K,)")
        checked = checked_distribution(name, probabilities[None], len(probabilities))[0]
        self.register_buffer("probabilities", checked.float().to(probabilities.device), persistent=False)

    def forward(self, own: Tensor, inputs: Tensor | None) -> Tensor:
        if len(self.probabilities) != own.shape[1]:
            raise ValueError(f"logits have {own.shape[1]} classes; must have {len(self.probabilities)}, as the distribution has")
        return self.probabilities


class _Teacher(nn.Module):
    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self._hidden = (teacher,)  # in a tuple it is no submodule: its weights are not the loss' parameters, and its mode is its own

    def forward(self, own: Tensor, inputs: Tensor | None) -> Tensor:
        if inputs is None:
            raise ValueError("inputs = None must be the inputs of the model, which the teacher sees as well")
        return predictions(self._hidden[0], inputs).to(own)


NAMED: Mapping[str, Callable[[], nn.Module]] = {"uniform": _Uniform, "own": _Own, "own-hard": _OwnHard}
"""Distributions by name: modules that map the model's own prediction ``(n, K)`` and the inputs to probabilities ``(n or 1, K)``."""


def _part(part: Part, prior: Tensor | None) -> nn.Module:
    if isinstance(part, nn.Module):
        return _Teacher(part)
    if isinstance(part, Tensor):
        return _Fixed("distribution", part)
    if part == "prior":
        return _Fixed("prior", _frequencies(prior))
    if part not in NAMED:
        raise ValueError(f"distribution = {part!r} must be one of {', '.join(NAMED)}, prior, a teacher (a module) or a tensor (K,)")
    return NAMED[part]()


def _frequencies(prior: Tensor | None) -> Tensor:
    if prior is None:
        raise ValueError("prior = None must be the frequencies or counts of the classes, (K,), for distribution = 'prior'")
    counts = prior.detach().double()
    if not (counts >= 0).all() or not 0 < float(counts.sum()) < float("inf"):
        raise ValueError("prior must be frequencies or counts of the classes: not negative, and not all 0")
    return counts / counts.sum()
