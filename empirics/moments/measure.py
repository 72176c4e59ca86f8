"""Gradient moments of a network on more examples than fit at once, with intervals, of the whole and of each layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.models.inputs import ToLogits, check_module
from tsla.empirics.models.state import private_randomness
from tsla.empirics.moments.estimators import MIN_GROUPS, Accumulator, Estimates
from tsla.empirics.moments.examples import Batch, Collate, Drawn, ExamplePool, Unpack, batches_of, is_set
from tsla.empirics.moments.mode import mode
from tsla.empirics.moments.per_example import GradientProducts, Known, gradient_products
from tsla.empirics.moments.per_example.gradients import MICROBATCH
from tsla.empirics.moments.per_example.totals import refuse_lost
from tsla.empirics.moments.per_example.watch import ONE_AT_A_TIME
from tsla.empirics.runs.progress import Progress
from tsla.empirics.smoothing.cross_entropy import CrossEntropy, of_whole_examples
from tsla.empirics.smoothing.labels import Smoothing, evaluated
from tsla.empirics.smoothing.targets import Targets
from tsla.theory.constants import real, whole
from tsla.theory.moments import Moments
from tsla.theory.text import Printed

Batches = Iterable[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Measurement(Printed):
    """What was measured at one set of weights.

    estimates:   of the moments of single examples, with intervals from the batches
    layers:      unbiased moments of each layer's own gradient; they add up to ``estimates.moments``. A layer is not among them where
                 its gradients are so short that float32 does not hold their squares
    examples:    how many were measured
    population:  how many there are, where they were drawn without replacement; else None
    silent:      whether every ĝ is exactly 0, as for smoothing="own": then smoothing is the shrinkage control of C17, and nothing else
    mode:        how the model was run, in words (:func:`tsla.empirics.moments.mode.mode`)
    batch_size:  None; or B where the moments are those of batches of B, whose examples the model couples
    """

    estimates: Estimates
    layers: Mapping[str, Moments] = field(repr=False)
    examples: int
    population: int | None
    silent: bool
    mode: str
    batch_size: int | None = None

    def table(self) -> str:
        """What was measured, and a row a moment."""
        of = "" if self.population is None else f" of {self.population:,}"
        each = "" if self.batch_size is None else f", in batches of {self.batch_size}"
        return f"{self.examples:,}{of} examples{each}; {self.mode}\n{self.estimates.table()}"

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
    collate: Collate | None = None,
    unpack: Unpack | None = None,
    logits: ToLogits | None = None,
    progress: Progress | None = None,
    microbatch: int = MICROBATCH,
    batch_norm: str | None = None,
    seed: int = 0,
    loss: CrossEntropy | nn.Module | None = None,
) -> Measurement:
    """Measure ``model`` on ``batches``: a DataLoader, a list or anything that gives batches, or a set of examples.

    A set is (inputs, labels), or what has items and a length and is no list: its examples are drawn at random without replacement, until
    ``until`` is reached or all are measured. A batch is (inputs, labels), (inputs, labels, ŷ), (inputs, labels, indices of the examples),
    or a dictionary with labels or label and all inputs. Inputs and logits are in any form that :func:`tsla.gradient_moments` takes.

    smoothing:   as for :func:`tsla.gradient_moments`, but that a ŷ for each example, ``(n, K)``, comes with its batch.
                 "prior" is that of all batches, which are gone through twice
    until:       stop as soon as δ and θ* are known to this relative half-width (0.05: to 5 %), from MIN_GROUPS batches at least
    population:  M, where the batches are drawn at random without replacement from M examples, as those of a set are; else they are
                 independent draws
    collate:     of a set, makes a batch of a list of items, as collate_fn of a DataLoader; by default they are stacked
    unpack:      for other batches, a function from a batch to (inputs, labels) or (inputs, labels, ŷ)
    logits:      as for :func:`tsla.gradient_moments`
    progress:    told after each batch
    seed:        of the draw, and of the model's own randomness, such as dropout, another in each batch
    loss:        of an example, as for :func:`tsla.gradient_moments`, but that a position can't be an example of its own: the positions of
                 a sequence depend on each other, and estimates take examples for independent

    Batches are moved to the model's device; all of one size serve the intervals best. The model and the random states of Python, NumPy and
    torch are left as they were: what a loader or a set draws from these comes of ``seed``.
    Raises ValueError for fewer than 2 examples, and as :func:`tsla.gradient_moments`.
    """
    if until is not None:
        real("until", until, above=0)
    seed = whole("seed", seed, at_least=0, at_most=2**63 - 1)
    check_module(model)
    loss = of_whole_examples(loss)
    _check_smoothing(smoothing, batches)
    weight = next(model.parameters(), None)
    device = torch.device("cpu") if weight is None else weight.device
    with ONE_AT_A_TIME, private_randomness((seed + 1) % 2**63, device):  # another stream than that of the model
        if is_set(batches):
            pool = ExamplePool(batches, "uniform", device, collate=collate, unpack=unpack)
            batches, population = DrawnBatches(pool, seed), len(pool) if population is None else population
        if isinstance(smoothing, str) and smoothing == "prior":
            smoothing = class_frequencies(model, batches, loss, unpack, logits)
        options = {"logits": logits, "microbatch": microbatch, "batch_norm": batch_norm, "loss": loss}
        sums, longest = Accumulator(), 0.0
        for products in _products((batch.to(device) for batch in batches_of(batches, unpack)), model, smoothing, seed, options):
            sums.add(products)
            longest = max(longest, products.longest)
            if progress is not None:
                progress.advance(f"{sums.examples:,} examples")
            if until is not None and sums.examples > 1 and sums.estimates(population=population).precise(until):
                break
    if sums.examples < 2:
        raise ValueError(f"batches have {sums.examples} examples in all; must be at least 2, for a variance")
    refuse_lost(longest, products.G)
    estimates = sums.estimates(population=population)
    layers, how = sums.layer_moments(population=population), mode(model, batch_norm)
    return Measurement(estimates, layers, sums.examples, population, silent=sums.silent, mode=how)


def _products(
    batches: Iterable[Batch], model: nn.Module, smoothing: Smoothing, seed: int, options: Mapping[str, Any]
) -> Iterator[GradientProducts]:
    """Of each batch, with randomness of the model's that is another in each."""
    seeds, known = torch.Generator().manual_seed(seed), Known()
    for inputs, labels, y_hat in batches:
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(2**62, (), generator=seeds)))
            found = gradient_products(model, inputs, labels, smoothing if y_hat is None else y_hat, known=known, **options)
        yield found


def draw(
    inputs: Tensor, labels: Tensor, y_hat: Tensor | None = None, *, examples: int | None = None, seed: int = 0
) -> list[tuple[Tensor, ...]]:
    """``examples`` of these, by default all, drawn at random without replacement, in batches for :func:`measure`.

    At least 2 MIN_GROUPS batches as far as there are examples, nearly equal, of at most MICROBATCH. ``y_hat`` ``(n, K)`` goes with its
    examples. Raises ValueError for fewer than 4 examples, but where that is all, and for more than there are.
    """
    least = min(4, len(inputs))  # fewer batches give no interval
    wanted = len(inputs) if examples is None else whole("examples", examples, at_least=least, at_most=len(inputs))
    tables = [table for table in (inputs, labels, y_hat) if table is not None]
    return [tuple(table[rows] for table in tables) for rows in _drawn(len(inputs), wanted, wanted, seed)]


class DrawnBatches:
    """All examples of a set in batches as of :func:`draw`, but that none is of one example alone; each is made when its turn comes."""

    def __init__(self, pool: ExamplePool, seed: int) -> None:
        self._pool, self._seed = pool, seed

    def __iter__(self) -> Iterator[Batch]:
        n = len(self._pool)
        return (self._pool.batch(rows) for rows in _drawn(n, n, max(n // 2, 1), self._seed))


def _drawn(examples: int, wanted: int, most: int, seed: int) -> list[Drawn]:
    """Indices of so many of the examples, in ``most`` batches at most."""
    order = torch.randperm(examples, generator=torch.Generator().manual_seed(seed))[:wanted].numpy()
    return np.array_split(order, max(-(-wanted // MICROBATCH), min(most, 2 * MIN_GROUPS)))


def class_frequencies(
    model: nn.Module, batches: Batches, loss: CrossEntropy, unpack: Unpack | None = None, logits: ToLogits | None = None
) -> Tensor:
    """How often each of the model's K classes is among the labels of all batches, ``(K,)``, float64; for soft labels, their mean."""
    some, counts = None, torch.zeros((), dtype=torch.float64)
    for inputs, labels, _ in batches_of(batches, unpack):
        some = evaluated(model, inputs[:1], logits) if some is None else some
        counts = counts + Targets(loss, labels, some).counts().cpu()
    return counts / counts.sum()


def _check_smoothing(smoothing: Smoothing, batches: Batches) -> None:
    if isinstance(smoothing, Tensor) and smoothing.ndim == 2 and len(smoothing) > 1:
        raise ValueError(f"smoothing has {len(smoothing)} rows; a label for each example comes as the third part of its batch")
    if isinstance(smoothing, str) and smoothing == "prior" and isinstance(batches, Iterator):
        raise ValueError("smoothing = 'prior' goes through all batches twice; give a DataLoader or a list, or the frequencies as a tensor")
