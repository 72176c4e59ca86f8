"""Examples and batches of them, of whatever kind of data set: from what people have to inputs, labels and ŷ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from tsla.empirics.models.inputs import Inputs, check_function
from tsla.empirics.runs.errors import first_line
from tsla.empirics.smoothing.labels import Smoothing, check_smoothing

Drawn = NDArray[np.int64]
"""Indices of examples."""
Unpack = Callable[[Any], Sequence[Any]]
"""From a batch to (inputs, labels) or (inputs, labels, ŷ)."""
Collate = Callable[[list[Any]], Any]
"""From items to a batch, as of a DataLoader."""
LABELS = ("labels", "label")
"""The names of labels in a batch that is a dictionary."""
UNPACK = "give unpack=, a function from a batch to (inputs, labels)"


class Batch(NamedTuple):
    """Examples with labels, and ŷ of each where it comes with them."""

    inputs: Inputs
    labels: Tensor
    y_hat: Tensor | None

    @classmethod
    def of(cls, batch: Any, unpack: Unpack | None = None, *, later: bool = False) -> Batch:
        """From what a DataLoader gives; ``unpack`` takes apart what is of no usual form.

        A pair is (inputs, labels). Of three parts the last is ŷ ``(n, K)``, or the indices of the examples, which are not used. Of a
        dictionary the labels are ``labels`` or ``label``, and the inputs all the rest. Raises ValueError for others, and for what may
        mean more than one thing. A ``later`` batch is of the kind that those before it were found to be.
        """
        if isinstance(batch, Batch):
            return batch
        whose, parts = ("a batch is", batch) if unpack is None else ("unpack= returned", unpack(batch))
        if isinstance(parts, Mapping) and unpack is None:
            parts = _of_mapping(parts)
        if not isinstance(parts, (tuple, list)) or len(parts) not in (2, 3):
            parted = f" of {len(parts)} parts" if isinstance(parts, (tuple, list)) else ""
            raise ValueError(f"{whose} a {type(parts).__name__}{parted}; must be (inputs, labels), or {UNPACK}")
        given, labels, *more = parts
        if not isinstance(labels, Tensor) or labels.ndim == 0:
            kind = "tensor of no dimension" if isinstance(labels, Tensor) else type(labels).__name__
            raise ValueError(f"{whose} (inputs, labels) with labels a {kind}; must be a tensor (n,) or (n, K), or {UNPACK}")
        inputs = Inputs.of(given)
        inputs.check_values(labels)
        return cls(inputs, labels, _y_hat(labels, more[0], later=later) if more else None)

    def rows(self, drawn: Drawn) -> Batch:
        """Those of these indices."""
        return self._map(lambda t: _rows(t, drawn))

    def to(self, device: torch.device) -> Batch:
        """On this device."""
        return self._map(lambda t: t.to(device))

    def _map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(self.inputs.map(function), function(self.labels), None if self.y_hat is None else function(self.y_hat))


def _of_mapping(batch: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    found = [name for name in LABELS if name in batch]
    if len(found) != 1:
        raise ValueError(f"a batch is a dictionary of {', '.join(map(str, batch))}; must have labels or label, one of them, or {UNPACK}")
    return {name: part for name, part in batch.items() if name not in LABELS}, batch[found[0]]


def batches_of(source: Iterable[Any], unpack: Unpack | None = None) -> Iterator[Batch]:
    """Each of them as :meth:`Batch.of` has it."""
    check_function("unpack", unpack)
    if not isinstance(source, Iterable):
        raise ValueError(f"batches are a {type(source).__name__}; must be a DataLoader, a list or a set of examples")  # noqa: TRY004
    later = False
    for batch in source:
        found = Batch.of(batch, unpack, later=later)
        later = later or len(found.labels) > 1
        yield found


def _y_hat(labels: Tensor, third: Any, *, later: bool) -> Tensor | None:
    """The third part of a batch where it is ŷ, None where it is the examples' indices: labels would be the same now and then.

    Of one example alone nothing can be said, but it may be ``later`` than batches of more.
    """
    if isinstance(third, Tensor) and (labels.ndim == 1) != labels.is_floating_point():
        if third.ndim == 2 and third.is_floating_point():
            return third
        if third.ndim == 1 and not third.is_floating_point() and len(torch.unique(third)) == len(third) and (later or len(third) > 1):
            return None
    kinds = " and ".join(
        f"{part.dtype} {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__ for part in (labels, third)
    )
    raise ValueError(
        f"a batch has three parts, the last two {kinds}; must be (inputs, labels, ŷ) with ŷ (n, K), "
        f"or (inputs, labels, indices) with no index twice, or {UNPACK}"
    )


class ExamplePool:
    """A set to draw examples from, onto ``device``.

    dataset:  (inputs, labels); what has a length and items (input, label) or whatever :meth:`Batch.of` takes; or a DataLoader of such items
    collate:  makes a batch of items; by default that of the DataLoader, or else items are stacked
    unpack:   as of :meth:`Batch.of`
    """

    def __init__(
        self, dataset: Any, smoothing: Smoothing, device: torch.device, *, collate: Collate | None = None, unpack: Unpack | None = None
    ) -> None:
        check_smoothing(smoothing)
        check_function("collate", collate)
        check_function("unpack", unpack)
        self.smoothing, self.device, self._unpack = smoothing, device, unpack
        if isinstance(dataset, DataLoader):
            dataset, collate = dataset.dataset, collate or dataset.collate_fn
        self._items, self._collate = dataset, collate or stacked
        self._whole = whole_set(dataset)
        indexed = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__") and getattr(dataset, "ndim", 1) > 0
        by_name = isinstance(dataset, Mapping) or hasattr(dataset, "iloc")  # as tables of pandas, whose items are columns
        if by_name or not indexed:
            raise ValueError(f"dataset is a {type(dataset).__name__}; must be (inputs, labels), a DataLoader, or have a length and items")
        if len(self) == 0:
            raise ValueError("dataset holds 0 examples; must be at least 1")
        if isinstance(smoothing, str) and smoothing == "prior":
            raise ValueError("smoothing = 'prior' would change with the examples drawn; give the frequencies of the classes as a tensor")
        if _by_example(smoothing) and len(smoothing) != len(self):
            raise ValueError(f"smoothing has {len(smoothing)} rows; must be (K,), or one row for each of the {len(self)} examples")

    def __len__(self) -> int:
        return len(self._items if self._whole is None else self._whole.labels)

    @property
    def stacks(self) -> bool:
        """Whether an example is the same in all batches: none is padded to the others of its batch."""
        return self._whole is not None or self._collate in (stacked, default_collate)

    def hold(self) -> None:
        """Read each item now, and not again."""
        self._items = [self._items[index] for index in range(len(self))]

    def take(self, drawn: Drawn) -> tuple[Inputs, Tensor, Smoothing]:
        """Inputs, labels and ŷ of these examples."""
        inputs, labels, y_hat = self.batch(drawn)
        smoothing = _rows(self.smoothing, drawn) if _by_example(self.smoothing) else self.smoothing
        return inputs, labels, smoothing if y_hat is None else y_hat

    def batch(self, drawn: Drawn) -> Batch:
        """These examples."""
        return (self._of_items(drawn) if self._whole is None else self._whole.rows(drawn)).to(self.device)

    def _of_items(self, drawn: Drawn) -> Batch:
        items = [self._items[index] for index in drawn.tolist()]
        try:
            batch = self._collate(items)
        except (TypeError, ValueError, RuntimeError, KeyError) as error:
            raise ValueError(
                f"items of dataset make no batch ({first_line(error)}); must be pairs (input, label) of tensors, arrays or numbers of one "
                "shape, or dictionaries of them; or give collate=, the collate_fn of your DataLoader"
            ) from error
        found = Batch.of(batch, self._unpack)
        if not len(found.inputs) == len(found.labels) == len(drawn):
            raise ValueError(
                f"{len(drawn)} items of dataset made a batch of {len(found.inputs)} inputs and {len(found.labels)} labels; "
                "must be as many, in the same order"
            )
        return found


def stacked(items: Sequence[Any]) -> Any:
    """A batch of items, each a tuple or a dictionary of tensors, arrays and numbers, or of more tuples and dictionaries."""
    if isinstance(items[0], Mapping):
        return {name: _column([item[name] for item in items]) for name in items[0]}
    if not isinstance(items[0], (tuple, list)):
        raise TypeError(f"an item is a {type(items[0]).__name__}")
    return tuple(_column(column) for column in zip(*items, strict=True))


def _column(parts: Sequence[Any]) -> Any:
    return stacked(parts) if isinstance(parts[0], (tuple, Mapping)) else torch.stack([torch.as_tensor(part) for part in parts])


def is_set(given: Any) -> bool:
    """Whether it is a set of examples and no batches of them: (inputs, labels), or what has a length and items and is no list."""
    if whole_set(given) is not None:
        return True
    return hasattr(given, "__getitem__") and hasattr(given, "__len__") and not isinstance(given, (tuple, list))


def whole_set(dataset: Any) -> Batch | None:
    """The set that (inputs, labels) are, all of them in tensors; None for another."""
    if not isinstance(dataset, (tuple, list)) or len(dataset) != 2 or not isinstance(dataset[1], Tensor) or dataset[1].ndim == 0:
        return None
    inputs, labels = Inputs.of(dataset[0]), dataset[1]
    inputs.check_values(labels)
    if len(inputs) != len(labels):
        raise ValueError(f"dataset holds {len(inputs)} inputs and {len(labels)} labels; must be equally many")
    return Batch(inputs, labels, None)


def _rows(tensor: Tensor, drawn: Drawn) -> Tensor:
    return tensor[torch.from_numpy(drawn).to(tensor.device)]


def _by_example(smoothing: Smoothing) -> TypeGuard[Tensor]:
    return isinstance(smoothing, Tensor) and smoothing.ndim > 1 and len(smoothing) > 1
