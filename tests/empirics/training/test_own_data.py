"""Training on data of one's own: any set of examples, the same run as on the project's; data and models that were exchanged are noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

import tsla
from tests.empirics.data.making import image, image_folder, noise
from tests.refusals import refusals
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import training_split

CONFIG = TrainingConfig("tsla", epochs=2, drop=1, train_size=60, test_size=30, model="mlp", eta=0.1, measure_at=(0, 2))
SPLIT = training_split(CONFIG)
TRAIN, TEST = (SPLIT.train_inputs, SPLIT.train_labels), (SPLIT.test_inputs, SPLIT.test_labels)


class Items(Dataset[dict[str, Any]]):
    """Items as dictionaries, their labels as numbers."""

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        self.inputs, self.labels = inputs, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"images": self.inputs[index], "label": int(self.labels[index])}


def images_and_labels(items: list[dict[str, Any]]) -> tuple[Tensor, Tensor]:
    return torch.stack([item["images"] for item in items]), torch.tensor([item["label"] for item in items])


FORMS: dict[str, Callable[..., Any]] = {
    "tensors": lambda *pair: pair,
    "a set": TensorDataset,
    "a loader": lambda *pair: DataLoader(TensorDataset(*pair), batch_size=7, shuffle=True),
    "a loader that collates": lambda *pair: DataLoader(Items(*pair), collate_fn=images_and_labels),
}


@pytest.mark.parametrize("form", FORMS)
def test_any_set_of_examples_gives_the_rows_of_its_tensors(form: str) -> None:
    of = FORMS[form]
    assert list(tsla.train(CONFIG, split=(of(*TRAIN), of(*TEST)))) == list(tsla.train(CONFIG, split=SPLIT))


test_what_are_no_two_sets_is_refused = refusals(
    lambda split: next(tsla.train(CONFIG, split=split)),
    (
        ((TRAIN[0], TRAIN[1].float()), TEST),
        r"labels of the training set have shape \(60,\) and type torch.float32 from .* must be \(n,\), 0, 1, 2",
    ),
    (((TRAIN[0], TRAIN[1] - 1), TEST), r"labels of the training set .* and type torch.int64 from -1 on; must be \(n,\), 0, 1, 2, ..."),
    ((TRAIN, (TEST[0][..., :4], TEST[1])), r"inputs have shape \(1, 8, 8\) in the training set and \(1, 8, 4\) in"),
    ((*TRAIN, *TEST), r"split is a tuple of 4 parts; must be \(training set, test set\), such as"),
    (TensorDataset(*TRAIN), "split is a TensorDataset; must be"),
)


def test_images_in_float64_are_trained_in_float32() -> None:
    double = tuple((inputs.double(), labels) for inputs, labels in (TRAIN, TEST))
    assert list(tsla.train(CONFIG, split=double)) == list(tsla.train(CONFIG, split=SPLIT))


@pytest.mark.parametrize("part", ["train_inputs", "train_labels", "test_inputs", "test_labels"])
def test_a_state_is_of_its_data(part: str, tmp_path: Path) -> None:
    list(islice(tsla.train(CONFIG, split=SPLIT, state=tmp_path / "state"), 2))
    other = replace(SPLIT, **{part: getattr(SPLIT, part).flip(0)})
    with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
        next(tsla.train(CONFIG, split=other, state=tmp_path / "state"))


class Net(nn.Module):
    """Prints its activation, which may be a lambda, by its address."""

    def __init__(self, activation: Callable[[Tensor], Tensor] = torch.relu, dropout: float = 0.1, scale: float = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers, self.dropout = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), nn.Dropout(dropout)
        self.activation, self.scale = activation, scale

    def extra_repr(self) -> str:
        return repr(self.activation)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.scale * self.activation(self.dropout(self.layers(inputs)))


@pytest.mark.parametrize(
    ("changed", "logits"),
    [({"activation": torch.tanh}, None), ({"dropout": 0.2}, None), ({"scale": 2}, None), ({}, lambda outputs: 2 * outputs)],
    ids=["another activation", "other dropout", "another forward", "other logits"],
)
def test_a_state_is_of_its_model(changed: dict[str, Any], logits: Callable[[Tensor], Tensor] | None, tmp_path: Path) -> None:
    list(islice(tsla.train(CONFIG, Net(), state=tmp_path / "state"), 2))
    with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
        next(tsla.train(CONFIG, Net(**changed), state=tmp_path / "state", logits=logits))


def test_a_state_goes_on_with_a_model_that_prints_an_address(tmp_path: Path) -> None:
    first, again = (Net(lambda outputs: outputs.relu()) for _ in range(2))
    assert repr(first) != repr(again)
    rows = list(tsla.train(CONFIG, first, state=tmp_path / "state"))
    assert list(tsla.train(CONFIG, again, state=tmp_path / "state")) == rows


def test_a_state_is_of_the_images_that_were_in_the_folder(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "images")
    config = TrainingConfig("sgd", epochs=1, data="folder", folder=str(folder), model="mlp", train_size=8, measure_at=())
    expected = list(tsla.train(config, state=tmp_path / "state"))
    assert list(tsla.train(config, state=tmp_path / "state")) == expected
    (folder / "train" / "a" / "0.png").write_bytes(image(noise(6, 6, 3, seed=99)))
    with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
        next(tsla.train(config, state=tmp_path / "state"))
