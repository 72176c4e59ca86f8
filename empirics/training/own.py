"""Data of one's own for a run: any sets of examples, in whatever form a model is called with."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsla.empirics.data.datasets import Split
from tsla.empirics.models.inputs import Inputs
from tsla.empirics.models.state import private_randomness
from tsla.empirics.moments.examples import Batch, Collate, ExamplePool, Unpack

READ = 256
"""Items that are made into a batch at once to read their labels."""


class Collated:
    """Inputs of items that are made into a batch each time they are asked for, as padded texts are: :class:`Inputs` of some of n examples.

    What a collate_fn draws depends on ``seed`` and on the examples asked for, and on nothing else.
    """

    def __init__(self, pool: ExamplePool, dtype: torch.dtype, seed: int) -> None:
        self._pool, self._dtype, self._seed = pool, dtype, seed

    def __len__(self) -> int:
        return len(self._pool)

    def __getitem__(self, rows: slice | Tensor) -> Inputs:
        return self.batch(rows).inputs

    def batch(self, rows: slice | Tensor) -> Batch:
        """Inputs with their labels."""
        drawn = np.arange(len(self))[rows] if isinstance(rows, slice) else rows.cpu().numpy()
        with private_randomness((self._seed + zlib.crc32(drawn.tobytes())) % 2**63, self._pool.device):
            return _in(self._dtype, self._pool.batch(drawn))


OwnInputs = Inputs | Collated
"""Of n examples, with ``inputs[rows]`` as :class:`Inputs`."""


@dataclass(frozen=True, eq=False)
class OwnSplit:
    """Training and test examples, as :class:`Split` has them, but of any form, and on the device of the run; labels ``(n,)`` int64."""

    train_inputs: OwnInputs
    train_labels: Tensor
    test_inputs: OwnInputs
    test_labels: Tensor
    classes: int


Data = Split | OwnSplit


def own_split(
    sets: Any, model: nn.Module | None, *, device: torch.device, seed: int, collate: Collate | None, unpack: Unpack | None
) -> Data:
    """The data of a run from ``(training set, test set)``, each as :func:`tsla.measure` takes one: (inputs, labels), a DataLoader, of which
    the set and its collate_fn are used, or what has a length and items.

    Each item is read once. Batches are made of them anew where ``collate``, or the DataLoader's collate_fn, may pad an example to the
    others of its batch. Numbers with a fraction, and uint8 as images have it, get the type of the weights of ``model``; where that is None,
    all numbers become float32. There are as many classes as labels say.

    Raises ValueError for what is no such pair, for images of two shapes, for a ŷ beside the labels, and for a label that is no whole number
    from 0 on.
    """  # noqa: D205 - the summary needs more lines
    if not isinstance(sets, (tuple, list)) or len(sets) != 2:
        parted = f" of {len(sets)} parts" if isinstance(sets, (tuple, list)) else ""
        raise ValueError(f"split is a {type(sets).__name__}{parted}; must be (training set, test set), such as ((x, y), (x2, y2))")
    weight = None if model is None else next((p for p in model.parameters() if p.is_floating_point()), None)
    dtype = torch.float32 if weight is None else weight.dtype
    with private_randomness(seed, device):
        pools = [ExamplePool(data, "uniform", device, collate=collate, unpack=unpack) for data in sets]
        (inputs, labels), (test_inputs, test_labels) = (
            _read(name, pool, dtype, seed) for name, pool in zip(("training", "test"), pools, strict=True)
        )
    classes = int(max(labels.max(), test_labels.max())) + 1
    if model is None:
        inputs, test_inputs = (part[:].map(Tensor.float) for part in (inputs, test_inputs))
    forms: list[Any] = [part.form if isinstance(part, Inputs) else None for part in (inputs, test_inputs)]
    if all(isinstance(form, Tensor) for form in forms):
        _check_shapes(*forms)
        return Split(forms[0], labels, forms[1], test_labels, classes)
    return OwnSplit(inputs, labels, test_inputs, test_labels, classes)


def in_parts(inputs: OwnInputs, most: int) -> Iterator[Inputs]:
    """All of them, at most so many at once."""
    return (inputs[start : start + most] for start in range(0, len(inputs), most))


def _read(name: str, pool: ExamplePool, dtype: torch.dtype, seed: int) -> tuple[OwnInputs, Tensor]:
    """Inputs and labels of all examples."""
    if pool.stacks:
        whole = _in(dtype, pool.batch(np.arange(len(pool))))
        return whole.inputs, _labels(name, [whole])
    pool.hold()
    inputs = Collated(pool, dtype, seed)
    return inputs, _labels(name, (inputs.batch(slice(start, start + READ)) for start in range(0, len(pool), READ)))


def _labels(name: str, batches: Iterable[Batch]) -> Tensor:
    parts: list[Tensor] = []
    for _, labels, y_hat in batches:
        if y_hat is not None:
            raise ValueError(f"the {name} set has a ŷ for each example; must have inputs and labels alone: smoothing says what ŷ is")
        parts.append(labels)
    labels = torch.cat(parts)
    if labels.ndim != 1 or labels.is_floating_point() or labels.is_complex() or labels.min() < 0:
        low = f" from {labels.min().item()} on" if not labels.is_complex() else ""
        raise ValueError(
            f"labels of the {name} set have shape {tuple(labels.shape)} and type {labels.dtype}{low}; must be (n,), 0, 1, 2, ..."
        )
    return labels.long()


def _in(dtype: torch.dtype, batch: Batch) -> Batch:
    """Numbers with a fraction in the type of the weights; others, as ids of words, as they are."""
    of_type = batch.inputs.map(lambda t: t.to(dtype) if t.is_floating_point() or t.dtype == torch.uint8 else t)
    return batch._replace(inputs=of_type)


def _check_shapes(train: Tensor, test: Tensor) -> None:
    """Images, and features, are all of one shape; texts need not be."""
    if train.is_floating_point() and train.shape[1:] != test.shape[1:]:
        shapes = f"{tuple(train.shape[1:])} in the training set and {tuple(test.shape[1:])} in the test set"
        raise ValueError(f"inputs have shape {shapes}; must be one")
