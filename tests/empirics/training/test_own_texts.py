"""Training on padded texts in dictionaries: a loop by hand does the same, whatever form they have, and so does a run that was killed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import tsla
from tests.empirics.moments.per_example.parts import Written
from tests.empirics.moments.text import CLASSES, LENGTH, WIDTH, WORDS, Text, as_one_tensor, one_tensor, text
from tests.empirics.runs.resumable import KilledError, saving_always
from tests.refusals import refusals
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.devices import threads
from tsla.theory.testing.planted import Rejects

Item = dict[str, Any]
CONFIG = TrainingConfig("tsla", epochs=2, drop=1, theta=0.4, eta=0.2, momentum=0.9, batch_size=4, measure_at=(0, 2))


def items(n: int, seed: int) -> list[Item]:
    draw = random.Random(seed)  # noqa: S311 - nothing to hide
    return [{"ids": draw.choices(range(1, WORDS), k=draw.randint(1, LENGTH)), "label": draw.randrange(CLASSES)} for _ in range(n)]


TRAIN, TEST = items(14, seed=0), [*items(5, seed=1), {"ids": [1] * LENGTH, "label": 2}]


def padded(some: list[Item], length: int = 0) -> dict[str, Tensor]:
    """To the longest of them, or to so many words."""
    longest = length or max(len(item["ids"]) for item in some)
    ids = torch.tensor([item["ids"] + [0] * (longest - len(item["ids"])) for item in some])
    return {"ids": ids, "mask": (ids > 0).long(), "labels": torch.tensor([item["label"] for item in some])}


def loaders(collate: Callable[[list[Item]], Any] = padded) -> Any:
    return tuple(DataLoader(of, batch_size=3, shuffle=True, collate_fn=collate) for of in (TRAIN, TEST))  # type: ignore[arg-type]


# --- the same by hand


def by_hand(config: TrainingConfig) -> Text:
    model = text()
    optimiser = torch.optim.SGD(model.parameters(), lr=config.eta, momentum=config.momentum)
    generator = torch.Generator().manual_seed(config.seed)
    for epoch in range(config.epochs):
        theta = config.theta if config.method == "lsr" or (config.method == "tsla" and epoch < config.drop) else 0.0
        for rows in torch.randperm(len(TRAIN), generator=generator).split(config.batch_size):
            batch = padded([TRAIN[i] for i in rows.tolist()])
            labels = batch.pop("labels")
            optimiser.zero_grad()
            cross_entropy(model(**batch).logits, labels, label_smoothing=theta).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return model


def does_what_a_loop_does(train: Callable[..., Iterator[Any]]) -> None:
    for method in ("sgd", "lsr", "tsla"):
        config, model = replace(CONFIG, method=method), text()
        *_, row = train(config, model, split=loaders())
        with threads(config.threads):
            expected = by_hand(config)
        assert all(torch.equal(found, weights) for found, weights in zip(model.parameters(), expected.parameters(), strict=True))
        alone = [(expected(torch.tensor([item["ids"]])).logits[0].detach(), item["label"]) for item in TEST]
        losses = [-float(logits.log_softmax(0)[label]) for logits, label in alone]
        assert row["test_loss"] == pytest.approx(sum(losses) / len(TEST), rel=1e-9)
        assert row["test_accuracy"] == pytest.approx(sum(int(logits.argmax()) == label for logits, label in alone) / len(TEST))
        inputs = padded(TRAIN)
        moments = asdict(moments_by_loop(expected, inputs, inputs.pop("labels")))
        assert {name: row[name] for name in moments} == pytest.approx(moments, rel=1e-9)


def test_a_loop_by_hand_does_the_same(rejects: Rejects) -> None:
    def without_masks(some: list[Item]) -> dict[str, Tensor]:
        return {name: part for name, part in padded(some).items() if name != "mask"}

    rejects(does_what_a_loop_does, right=tsla.train, wrong=lambda *given, split: tsla.train(*given, split=loaders(without_masks)))


# --- whatever form they have


WHOLE = [padded(of, LENGTH) for of in (TRAIN, TEST)]
PARTS = [(whole["ids"], whole["mask"], whole["labels"]) for whole in WHOLE]


def of_scores() -> nn.Module:
    return Written(lambda s, *given: {"scores": s.text(*given).logits}, text=text())


FORMS: dict[str, tuple[Callable[[], nn.Module], Any, dict[str, Any]]] = {
    "a dict and labels": (text, [({"ids": ids, "mask": mask}, labels) for ids, mask, labels in PARTS], {}),
    "a tuple and labels": (text, [((ids, mask), labels) for ids, mask, labels in PARTS], {}),
    "one tensor of whole numbers": (
        lambda: as_one_tensor(text()),
        [(one_tensor({"ids": ids, "mask": mask}), labels) for ids, mask, labels in PARTS],
        {},
    ),
    "items that stack": (text, [[{"ids": i, "mask": m, "labels": int(y)} for i, m, y in zip(*parts, strict=True)] for parts in PARTS], {}),
    "unpacked, and other outputs": (
        of_scores,
        [DataLoader(TensorDataset(*parts)) for parts in PARTS],
        {"unpack": lambda batch: (batch[:2], batch[2]), "logits": lambda output: output["scores"]},
    ),
    "collated": (text, (TRAIN, TEST), {"collate": padded}),
}


def form_makes_no_difference(train: Callable[..., Iterator[Any]]) -> None:
    config = replace(CONFIG, epochs=1, measure_at=(0, 1))
    expected = [{name: value for name, value in row.items() if name != "method"} for row in tsla.train(config, text(), split=loaders())]
    for form, (make, sets, options) in FORMS.items():
        for found, row in zip(train(config, make(), split=sets, **options), expected, strict=True):
            assert {name: found[name] for name in row} == pytest.approx(row, rel=1e-9), form


def test_the_form_makes_no_difference(rejects: Rejects) -> None:
    def exchanged(*given: Any, split: Any, **options: Any) -> Iterator[Any]:
        return tsla.train(*given, split=split[::-1], **options)

    rejects(form_makes_no_difference, right=tsla.train, wrong=exchanged)


def test_a_schedule_that_asks_for_the_largest_curvature() -> None:
    """Of an attention that has no second derivative in its fused form."""
    config = replace(CONFIG, method="annealed", epochs=1, drop=0, measure_at=())
    of_one_tensor, sets, _ = FORMS["one tensor of whole numbers"]
    found, expected = (next(tsla.train(config, model, split=of)) for model, of in ((text(), loaders()), (of_one_tensor(), sets)))
    assert 0 < found["theta"] < 1
    assert found["theta"] == pytest.approx(expected["theta"], rel=1e-6)


# --- killed


class Private(nn.Module):
    """Dropout whose draws are its own business."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x * torch.randint(2, x.shape, generator=self.generator) if self.training else x


def with_words_left_out(some: list[Item]) -> dict[str, Tensor]:
    """A collate_fn that draws."""
    return padded([item | {"ids": random.choices(item["ids"], k=len(item["ids"]))} for item in some])  # noqa: S311


def goes_on(dropout: Callable[[], nn.Module], state: Path) -> None:
    def trained(die_at: int | None, path: Path | None) -> tuple[list[Any], list[Tensor]]:
        model, steps = text(lambda: Text(dropout())), count()

        def before(module: nn.Module, *_: Any) -> None:
            if module.training and next(steps) == die_at:
                raise KilledError

        model.register_forward_pre_hook(before)
        return list(tsla.train(CONFIG, model, split=loaders(with_words_left_out), state=path)), list(model.parameters())

    rows, weights = trained(None, None)
    torch.manual_seed(5)
    random.seed(5)
    with saving_always():
        with pytest.raises(KilledError):
            trained(6, state)
        found = trained(None, state)
        with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
            next(tsla.train(CONFIG, text(lambda: Text(dropout())), split=loaders(), state=state))
    state.unlink()
    assert found[0] == rows
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found[1], weights, strict=True))


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path, rejects: Rejects) -> None:
    """In the middle of an epoch, with dropout and a collate_fn that draws."""
    model = Text(nn.Dropout())
    before = torch.random.get_rng_state(), random.getstate()

    def undisturbed() -> bool:
        return torch.equal(torch.random.get_rng_state(), before[0]) and random.getstate() == before[1]

    list(tsla.train(replace(CONFIG, epochs=1, measure_at=()), model, split=loaders(with_words_left_out)))
    assert undisturbed()
    rejects(lambda dropout: goes_on(dropout, tmp_path / "state"), right=nn.Dropout, wrong=Private)


def test_a_collate_fn_draws_anew_for_each_batch() -> None:
    drawn = list[float]()

    def drawing(some: list[Item]) -> dict[str, Tensor]:
        drawn.append(random.random())  # noqa: S311
        return padded(some)

    list(tsla.train(replace(CONFIG, epochs=1, measure_at=()), text(), split=loaders(drawing)))
    assert len(set(drawn)) > 4  # batches of training


# --- refused


PAIRS = FORMS["a dict and labels"][1]
(IDS, MASK, LABELS), _ = PARTS
WITH_Y_HAT = DataLoader(TensorDataset(IDS, LABELS, torch.full((len(TRAIN), CLASSES), 1 / CLASSES)))
WITHOUT_LABELS = DataLoader(TRAIN, collate_fn=lambda some: {"ids": IDS})  # type: ignore[arg-type]
test_refused = refusals(
    lambda given: next(tsla.train(**{"config": CONFIG, "model": text()} | given)),
    ({"model": None, "split": PAIRS}, "model = None must be a network of your own for inputs that are not one tensor"),
    ({"config": replace(CONFIG, augment=True), "split": PAIRS}, "augment = True must be False: it goes with images"),
    ({"split": (WITH_Y_HAT, PAIRS[1])}, "the training set has a ŷ for each example; must have inputs and labels alone"),
    ({"split": (PAIRS[0], (PAIRS[1][0], LABELS[:6] + CLASSES))}, "labels run from .* the model gives K = 3 logits"),
    (
        {"split": [(IDS, LABELS)] * 2, "logits": lambda output: output.hidden},
        rf"logits of shape \(1, {LENGTH}, {WIDTH}\) for an example; must be \(1, classes\)",
    ),
    ({"split": (WITHOUT_LABELS, PAIRS[1])}, "a batch is a dictionary of ids; must have labels or label"),
    ({"split": None, "collate": padded}, "collate has no use without data of your own; give split="),
)
