"""Gradient moments of a network on more examples than fit at once, with intervals, of the whole and of each layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tsla.empirics.moments.estimators import MIN_GROUPS, Accumulator, Estimates
from tsla.empirics.moments.per_example import gradient_products
from tsla.empirics.moments.per_example.gradients import MICROBATCH
from tsla.empirics.runs.progress import Progress
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, of_whole_examples
from tsla.empirics.smoothing.labels import Smoothing, evaluated
from tsla.empirics.smoothing.targets import Targets
from tsla.theory.constants import real, whole
from tsla.theory.moments import Moments

Batches = Iterable[Sequence[Tensor]]


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was measured at one set of weights.

    estimates:   of the moments of single examples, with intervals from the batches
    layers:      unbiased moments of each layer's own gradient; they add up to ``estimates.moments``
    examples:    how many were measured
    population:  how many there are, where they were drawn without replacement; else None
    silent:      whether every ĝ is exactly 0, as for smoothing="own": then smoothing is the shrinkage control of C17, and nothing else
    """

    estimates: Estimates
    layers: Mapping[str, Moments]
    examples: int
    population: int | None
    silent: bool

    @property
    def exact(self) -> bool:
        """All examples were measured: values are those of the population, and intervals are points."""
        return self.examples == self.population

    @property
    def trusted(self) -> bool:
        """The intervals rest on enough batches to cover as often as they say, or on none."""
        return self.exact or self.estimates.groups >= MIN_GROUPS


def measure(
    model: nn.Module,
    batches: Batches,
    smoothing: Smoothing = "uniform",
    *,
    until: float | None = None,
    population: int | None = None,
    progress: Progress | None = None,
    microbatch: int = MICROBATCH,
    batch_norm: str | None = None,
    seed: int = 0,
    loss: CrossEntropy | nn.Module | None = None,
) -> Measurement:
    """Measure ``model`` on ``batches``: a DataLoader, or anything that gives ``(inputs, labels)`` or ``(inputs, labels, ŷ)``.

    smoothing:   as for :func:`tsla.gradient_moments`, but that a ŷ for each example, ``(n, K)``, comes with its batch.
                 "prior" is that of all batches, which are gone through twice
    until:       stop as soon as δ and θ* are known to this relative half-width (0.05: to 5 %), from MIN_GROUPS batches at least
    population:  M, where the batches are drawn at random without replacement from M examples; else they are independent draws
    progress:    told after each batch
    seed:        of the model's own randomness, such as dropout, another in each batch
    loss:        of an example, as for :func:`tsla.gradient_moments`, but that a position can't be an example of its own: the positions of
                 a sequence depend on each other, and estimates take examples for independent

    Batches are moved to the model's device; all of one size serve the intervals best. The model and the random state are left as they were.
    Raises ValueError for fewer than 2 examples, and as :func:`tsla.gradient_moments`.
    """
    if until is not None:
        real("until", until, above=0)
    loss = of_whole_examples(loss)
    _check_smoothing(smoothing, batches)
    if isinstance(smoothing, str) and smoothing == "prior":
        smoothing = class_frequencies(model, batches, loss)
    sums, seeds = Accumulator(), torch.Generator().manual_seed(seed)
    for batch in batches:
        inputs, labels, y_hat = _parts(batch, smoothing, model)
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**62, (), generator=seeds)))
            products = gradient_products(model, inputs, labels, y_hat, microbatch=microbatch, batch_norm=batch_norm, loss=loss)
        sums.add(products)
        if progress is not None:
            progress.advance(f"{sums.examples:,} examples")
        if until is not None and sums.examples > 1 and sums.estimates(population=population).precise(until):
            break
    estimates = sums.estimates(population=population)
    return Measurement(estimates, sums.layer_moments(population=population), sums.examples, population, silent=sums.silent)


def draw(
    inputs: Tensor, labels: Tensor, y_hat: Tensor | None = None, *, examples: int | None = None, seed: int = 0
) -> list[tuple[Tensor, ...]]:
    """``examples`` of these, by default all, drawn at random without replacement, in batches for :func:`measure`.

    At least 2 MIN_GROUPS batches as far as there are examples, nearly equal, of at most MICROBATCH. ``y_hat`` ``(n, K)`` goes with its
    examples. Raises ValueError for fewer than 4 examples, but where that is all, and for more than there are.
    """
    wanted = len(inputs) if examples is None else examples
    least = min(4, len(inputs))  # fewer batches give no interval
    whole("examples", wanted, at_least=least, at_most=len(inputs))
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))[:wanted]
    number = max(-(-wanted // MICROBATCH), min(wanted, 2 * MIN_GROUPS))
    tables = [table for table in (inputs, labels, y_hat) if table is not None]
    return [tuple(table[rows] for table in tables) for rows in torch.tensor_split(order, number)]


def class_frequencies(model: nn.Module, batches: Batches, loss: CrossEntropy) -> Tensor:
    """How often each of the model's K classes is among the labels of all batches, ``(K,)``, float64; for soft labels, their mean."""
    logits, counts = None, torch.zeros((), dtype=torch.float64)
    for inputs, labels, *_ in batches:
        logits = evaluated(model, inputs[:1]) if logits is None else logits
        counts = counts + Targets(loss, labels, logits).counts().cpu()
    return counts / counts.sum()


def _check_smoothing(smoothing: Smoothing, batches: Batches) -> None:
    if isinstance(smoothing, Tensor) and smoothing.ndim == 2 and len(smoothing) > 1:
        raise ValueError(f"smoothing has {len(smoothing)} rows; a label for each example comes as the third part of its batch")
    if isinstance(smoothing, str) and smoothing == "prior" and isinstance(batches, Iterator):
        raise ValueError("smoothing = 'prior' goes through all batches twice; give a DataLoader or a list, or the frequencies as a tensor")


def _parts(batch: Any, smoothing: Smoothing, model: nn.Module) -> tuple[Tensor, Tensor, Smoothing]:
    """Inputs, labels and ŷ of a batch, on the model's device."""
    if not isinstance(batch, list | tuple) or len(batch) not in (2, 3) or not all(isinstance(part, Tensor) for part in batch):
        raise ValueError(f"batches gave a {type(batch).__name__}; must give tensors (inputs, labels) or (inputs, labels, smoothing)")
    weight = next(model.parameters(), None)
    inputs, labels = batch[:2] if weight is None else (part.to(weight.device) for part in batch[:2])
    return inputs, labels, batch[2] if len(batch) == 3 else smoothing
