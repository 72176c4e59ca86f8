"""Training a small ResNet on real data by plain SGD, with and without smoothing, measuring the gradient moments along the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from empirics.datasets import CLASSES, Split, digits
from empirics.moments import MOMENTS, gradient_moments
from empirics.networks import GROUPS, resnet

# method -> (smoothed?, does its first rule end at the drop epoch?). A control takes the step (1-θ)η where its partner smooths (C17).
METHODS = {
    "sgd": (False, False),
    "lsr": (True, False),
    "tsla": (True, True),
    "shrink": (False, False),
    "shrink-tsla": (False, True),
}


@dataclass(frozen=True)
class TrainingConfig:
    """One training run. Runs that differ in ``method`` alone share split, label noise, initial weights and batches.

    method:       one of METHODS; "shrink" and "shrink-tsla" are the controls of C17 for "lsr" and "tsla"
    seed:         seeds the split, the label noise, the initial weights and the order of the batches
    eta, theta:   step size and smoothing strength (uniform ŷ)
    drop:         the epoch from which "tsla" trains without smoothing
    measure_at:   the epochs before which the moments are measured, on all training examples
    """

    method: str
    seed: int
    epochs: int = 20
    eta: float = 0.1
    theta: float = 0.3
    drop: int = 10
    label_noise: float = 0.2
    batch_size: int = 16
    train_size: int = 1000
    widths: tuple[int, ...] = (16, 32, 64)
    measure_at: tuple[int, ...] = (0, 1, 2, 5, 10, 20)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method = {self.method!r} must be one of {', '.join(METHODS)}")
        if not 0 <= self.theta <= 1:
            raise ValueError(f"theta = {self.theta} must lie in [0, 1]")
        if not 0 < self.eta < float("inf"):
            raise ValueError(f"eta = {self.eta} must be above 0 and finite")
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} must be at least 1")
        if self.seed < 0:
            raise ValueError(f"seed = {self.seed} must be at least 0")
        if not self.widths or any(width < 1 or width % GROUPS for width in self.widths):
            raise ValueError(f"widths = {self.widths} must be one or more multiples of {GROUPS}")
        if any(not 0 <= epoch <= self.epochs for epoch in self.measure_at):
            raise ValueError(f"measure_at = {self.measure_at} must lie in 0 ... epochs = {self.epochs}")
        if not 0 <= self.drop <= self.epochs:
            raise ValueError(f"drop = {self.drop} must lie in 0 ... epochs = {self.epochs}")

    def rule(self, epoch: int) -> tuple[float, float]:
        """``(step size, smoothing strength)`` of the epoch, counted from 0."""
        smoothed, dropped = METHODS[self.method]
        first = not dropped or epoch < self.drop
        if smoothed:
            return self.eta, self.theta if first else 0.0
        return (self.eta * (1 - self.theta) if first and self.method != "sgd" else self.eta), 0.0


Row = dict[str, Any]


def network(config: TrainingConfig) -> dict[str, Any]:
    """The arguments of :func:`empirics.networks.resnet` for this run."""
    return {"channels": 1, "classes": CLASSES, "widths": config.widths}


def initial_model(config: TrainingConfig) -> nn.Module:
    """The network with its initial weights, which the seed decides alone."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return resnet(**network(config))


def training_split(config: TrainingConfig) -> Split:
    """The data of this run, with its label noise."""
    return digits(train_size=config.train_size, label_noise=config.label_noise, seed=config.seed)


def train(config: TrainingConfig, model: nn.Module | None = None) -> Iterator[Row]:
    """One row an epoch, before it and after the last: ``method, seed, epoch``, losses and accuracy *without* smoothing, and, at the
    epochs of ``measure_at``, the six gradient moments on the noisy training set (else None). ``model``, by default
    :func:`initial_model`, is trained in place.

    ``train_loss`` is ``F``: the mean unsmoothed cross-entropy on the noisy training labels. Deterministic on one machine.
    """  # noqa: D205 - the summary needs two lines
    split = training_split(config)
    model = initial_model(config) if model is None else model
    batches = torch.Generator().manual_seed(config.seed)
    for epoch in range(config.epochs + 1):
        yield {"method": config.method, "seed": config.seed, "epoch": epoch} | _measure(model, split, moments=epoch in config.measure_at)
        if epoch < config.epochs:
            eta, theta = config.rule(epoch)
            _run_epoch(model, split, batches, config.batch_size, eta, theta)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """One thread: the networks are too small for two, and the sums come out the same whoever calls."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_single_threaded()
def _run_epoch(model: nn.Module, split: Split, batches: torch.Generator, batch_size: int, eta: float, theta: float) -> None:
    optimiser = torch.optim.SGD(model.parameters(), lr=eta)
    order = torch.randperm(len(split.train_labels), generator=batches)
    for batch in torch.split(order, batch_size):
        optimiser.zero_grad()
        cross_entropy(model(split.train_inputs[batch]), split.train_labels[batch], label_smoothing=theta).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


@_single_threaded()
def _measure(model: nn.Module, split: Split, *, moments: bool) -> Row:
    with torch.no_grad():
        train_logits, test_logits = model(split.train_inputs), model(split.test_inputs)
    row: Row = {
        "train_loss": _mean_loss(train_logits, split.train_labels),
        "test_loss": _mean_loss(test_logits, split.test_labels),
        "test_accuracy": float((test_logits.argmax(1) == split.test_labels).double().mean()),
    }
    measured = asdict(gradient_moments(model, split.train_inputs, split.train_labels)) if moments else {}
    return row | {name: measured.get(name) for name in MOMENTS}


def _mean_loss(logits: Tensor, labels: Tensor) -> float:
    return float(cross_entropy(logits.double(), labels))
