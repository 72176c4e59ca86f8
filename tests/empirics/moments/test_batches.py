"""Batches as loaders give them are taken for what they are, and refused by name where they may be more than one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.empirics.moments.support import CLASSES, data
from tests.empirics.moments.text import LABELS, LENGTHS, text, tokens
from tests.refusals import refusals
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import measure
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects

LENGTHS_OF_ALL = LENGTHS["one in the middle"]
ALL = tokens(LENGTHS_OF_ALL)
IDS, MASK, Y = ALL["ids"], ALL["mask"], LABELS
SOFT = torch.softmax(torch.arange(24.0).view(8, 3).sin().double(), 1)


class Rows(Dataset[Any]):
    """What has items and a length, and nothing else."""

    def __init__(self, item: Callable[[int], Any]) -> None:
        self.item = item

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return self.item(index)


def ragged(index: int) -> dict[str, Any]:
    return {"ids": IDS[index, : LENGTHS_OF_ALL[index]].tolist(), "label": int(Y[index])}


def padded(items: list[dict[str, Any]]) -> dict[str, Tensor]:
    ids = [torch.tensor(item["ids"]) for item in items]
    rows = nn.utils.rnn.pad_sequence([*ids, torch.zeros(6).long()], batch_first=True)[:-1]
    return {"ids": rows, "mask": (rows > 0).long(), "labels": torch.tensor([item["label"] for item in items])}


TAKEN: dict[str, tuple[Callable[[int], Any], dict[str, Any]]] = {
    "(inputs, label)": (lambda i: ((IDS[i], MASK[i]), Y[i]), {}),
    "(dict, label)": (lambda i: ({"ids": IDS[i], "mask": MASK[i]}, int(Y[i])), {}),
    "dict with labels": (lambda i: {"ids": IDS[i], "mask": MASK[i], "labels": Y[i]}, {}),
    "dict of arrays with label": (lambda i: {"ids": IDS[i].numpy(), "mask": MASK[i].numpy(), "label": int(Y[i])}, {}),
    "with its index": (lambda i: ((IDS[i], MASK[i]), Y[i], 100 + i), {}),
    "of other form": (lambda i: (IDS[i], MASK[i], Y[i]), {"unpack": lambda batch: (batch[:2], batch[2])}),
    "padded by collate": (ragged, {"collate": padded}),
}


def by_measure(rows: Dataset[Any], *, collate: Any = None, **options: Any) -> Moments:
    loader = DataLoader(rows, batch_size=4, collate_fn=collate)
    return measure(text(), loader, population=8, **options).estimates.moments


def by_measure_of_set(rows: Dataset[Any], **options: Any) -> Moments:
    found = measure(text(), rows, **options)
    assert found.exact
    return found.estimates.moments


def by_monitor(rows: Any, **options: Any) -> Moments:
    monitor = MomentsMonitor(text(), rows, every=1, microbatch=4, **options)
    monitor.step()
    assert monitor.rows[0]["reason"] == ""
    return Moments(**{name: monitor.rows[0][name] for name in MOMENTS})


def by_monitor_of_loader(rows: Dataset[Any], *, collate: Any = None, **options: Any) -> Moments:
    return by_monitor(DataLoader(rows, batch_size=2, collate_fn=collate), **options)


def take_every_form(call: Callable[..., Moments]) -> None:
    expected = gradient_moments(text(), ALL, Y)
    for form, (item, options) in TAKEN.items():
        found = call(Rows(item), **options)
        wanted = [getattr(expected, name) for name in MOMENTS]
        assert [getattr(found, name) for name in MOMENTS] == pytest.approx(wanted, rel=1e-9), form


def with_the_first_label(rows: Rows, **options: Any) -> Moments:
    """All examples with the label of the first, where the labels are a part of a dictionary."""
    first = rows.item(0)
    label = next((name for name in ("label", "labels") if isinstance(first, dict) and name in first), None)
    return by_measure_of_set(rows if label is None else Rows(lambda i: rows.item(i) | {label: first[label]}), **options)


@pytest.mark.parametrize("right", [by_measure, by_measure_of_set, by_monitor, by_monitor_of_loader])
def test_batches_and_items(right: Callable[..., Moments], rejects: Rejects) -> None:
    rejects(take_every_form, right=right, wrong=with_the_first_label)


def test_a_label_for_each_example_comes_third_or_from_unpack() -> None:
    expected = gradient_moments(text(), ALL, Y, SOFT)
    for batch, unpack in ((((IDS, MASK), Y, SOFT), None), ({"x": ALL, "y": Y, "soft": SOFT}, lambda batch: tuple(batch.values()))):
        found = measure(text(), [batch], unpack=unpack, population=8).estimates.moments
        assert found.shat2 == pytest.approx(expected.shat2, rel=1e-9)


test_refused_batches = refusals(
    lambda batch, unpack=None: measure(text(), [batch], unpack=unpack),
    (IDS, r"a batch is a Tensor; must be \(inputs, labels\), or give unpack=, a function from a batch to \(inputs, labels\)"),
    ((IDS, MASK, Y, Y), r"a batch is a tuple of 4 parts; must be"),
    ((IDS, Y.tolist()), r"labels a list; must be a tensor \(n,\) or \(n, K\), or give unpack="),
    ((["a", "b"], Y), "inputs hold no tensor; must be"),
    ({"ids": IDS, "target": Y}, "a batch is a dictionary of ids, target; must have labels or label, one of them, or give unpack="),
    ({"ids": IDS, "label": Y, "labels": Y}, "dictionary of ids, label, labels; must have labels or label, one of them"),
    ((IDS, MASK, Y), r"three parts, the last two torch.int64 \(8, 6\) and torch.int64 \(8,\); must be \(inputs, labels, ŷ\)"),
    ((IDS, MASK.sum(1), Y), r"or \(inputs, labels, indices\) with no index twice, or give unpack="),
    ((IDS[:1], MASK[:1].sum(1), Y[:1]), "with no index twice"),
    ((IDS, Y, torch.ones(8)), r"the last two torch.int64 \(8,\) and torch.float32 \(8,\)"),
    ((IDS, Y), lambda batch: batch[0], r"unpack= returned a Tensor; must be \(inputs, labels\)"),
)


def test_a_last_batch_of_one_example_is_of_the_kind_of_those_before() -> None:
    whole, alone = ((ALL, Y, torch.arange(8)), ({"ids": IDS[:1], "mask": MASK[:1]}, Y[:1], torch.tensor([8])))
    assert measure(text(), [whole, alone]).examples == 9
    with pytest.raises(ValueError, match="no index twice"):
        measure(text(), [alone, whole])


# --- items that make no batch: a run goes on without them


ITEMS: dict[str, tuple[Callable[[int], Any], dict[str, Any], str]] = {
    "no pair": (lambda i: IDS[i], {}, r"items of dataset make no batch \(an item is a Tensor\); must be pairs"),
    "a word for a label": (lambda i: (IDS[i], "cat"), {}, "items of dataset make no batch .*; must be pairs"),
    "of many lengths": (
        lambda i: (IDS[i, : 1 + i % 5], 1),
        {},
        "items of dataset make no batch .*; or give collate=, the collate_fn of your",
    ),
    "fewer in the batch": (
        lambda i: (IDS[i], 1),
        {"collate": lambda items: (IDS[:2], Y[:2])},
        "4 items of dataset made a batch of 2 inputs",
    ),
    "an item that breaks": (lambda i: {}[i], {}, "KeyError"),
}


@pytest.mark.parametrize("wrong", ITEMS)
def test_refused_items(wrong: str) -> None:
    item, options, message = ITEMS[wrong]
    monitor = MomentsMonitor(text(), Rows(item), every=1, examples=8, microbatch=4, **options)
    with pytest.warns(UserWarning, match=message):
        monitor.step()


def test_batches_of_coupled_examples_are_taken_as_well() -> None:
    """Of the gradient of whole batches too, in any form."""
    plain = minibatch_moments(text(), ({"ids": IDS, "mask": MASK}, Y), batch_size=4, batches=4)
    found = minibatch_moments(text(), Rows(ragged), batch_size=4, batches=4, collate=padded, logits=lambda output: output.logits)
    assert found.moments.s2 == pytest.approx(plain.moments.s2, rel=1e-9)


def test_a_list_of_two_tensors_is_inputs_and_labels() -> None:
    inputs, classes = data(8)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, CLASSES))
    found = measure(model, [[inputs, classes]], population=8).estimates.moments
    assert found == measure(model, DataLoader(TensorDataset(inputs, classes), batch_size=8), population=8).estimates.moments
