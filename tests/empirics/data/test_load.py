"""Data sets are found by name; a random choice of training examples gets the noise, and a test set of its own stays whole and clean."""

from __future__ import annotations

import gzip
import operator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.refusals import refusals
from tsla.empirics.data.datasets import Examples, Split, load, names, split

N, TEST, CLASSES = 60, 9, 7


def examples() -> Examples:
    """The image of example i has the pixels i, 100 + i: an image tells its number, and the number mod 7 is its class."""
    number = np.arange(N + TEST)
    inputs = np.stack([number, 100 + number], axis=1).astype(np.uint8)[:, None, None]
    labels = number % CLASSES
    return Examples(inputs[:N], labels[:N], CLASSES, inputs[N:], labels[N:])


def numbers(inputs: torch.Tensor) -> list[int]:
    return [round(255 * float(x)) for x in inputs[:, 0, 0, 0]]


def test_names() -> None:
    assert names() == ("cifar10", "cifar100", "cub200", "digits", "dogs", "fashion-mnist", "folder", "mnist")


def test_without_a_test_set_four_of_five_examples_are_for_training() -> None:
    found = load("digits")
    assert (len(found.train_labels), len(found.test_labels)) == (1437, 360)


def chosen(train_size: int | None = 40, label_noise: float = 0.0, seed: int = 0) -> Split:
    return split(examples(), train_size=train_size, label_noise=label_noise, seed=seed)


def test_inputs_are_scaled_to_the_unit_interval() -> None:
    found = chosen()
    assert found.train_inputs.dtype == found.test_inputs.dtype == torch.float32
    assert (found.train_inputs[:, 0, 0, 1] == torch.tensor([(100 + i) / 255 for i in numbers(found.train_inputs)])).all()
    assert found.classes == CLASSES


def test_the_choice_is_random_and_labels_stay_with_their_images() -> None:
    found, other = chosen(), chosen(seed=1)
    chosen_numbers = numbers(found.train_inputs)
    assert len(set(chosen_numbers)) == 40
    assert set(chosen_numbers) < set(range(N))
    assert chosen_numbers != sorted(chosen_numbers)
    assert set(chosen_numbers) != set(numbers(other.train_inputs))
    assert found.train_labels.tolist() == [i % CLASSES for i in chosen_numbers]


@pytest.mark.parametrize("train_size", [1, 40, 60, None])
def test_the_test_set_is_whole_and_clean(train_size: int | None) -> None:
    found = chosen(train_size, label_noise=1.0)
    assert len(found.train_labels) == (train_size or N)
    assert numbers(found.test_inputs) == list(range(N, N + TEST))
    assert found.test_labels.tolist() == [i % CLASSES for i in range(N, N + TEST)]


def test_noise_does_not_touch_the_data() -> None:
    data = examples()
    split(data, train_size=None, label_noise=1.0, seed=2)
    assert (data.labels == examples().labels).all()


test_bad_arguments = refusals(
    operator.call,
    (lambda: load("imagenet"), "data = 'imagenet' must be one of cifar10, .*, mnist$"),
    (lambda: load("_split"), "data = '_split' must be one of"),
    (lambda: load("digits", size=8), "size = 8 has no use with data = 'digits'"),
    (lambda: load("mnist", per_class=8), "per_class = 8 has no use with data = 'mnist'"),
    (lambda: load("folder", size=0), "size = 0 must be a whole number, at least 1"),
    (lambda: chosen(61), "train_size = 61 must be a whole number, at least 1 and at most 60"),  # data with a test set may be chosen whole
)


@pytest.mark.parametrize(
    ("name", "file", "source"),
    [
        ("cifar10", "cifar-10-python.tar.gz", "https://"),
        ("cifar100", "cifar-100-python.tar.gz", "https://"),
        ("cub200", "CUB_200_2011.tgz", "http"),
        ("dogs", "lists.tar", "http"),
        ("fashion-mnist", "train-images-idx3-ubyte.gz", ".* Debian package dataset-fashion-mnist"),
    ],
)
def test_missing_and_other_files_are_refused(tmp_path: Path, name: str, file: str, source: str) -> None:
    with pytest.raises(ValueError, match=f"must be a folder that holds {file}, from {source}"):
        load(name, folder=tmp_path)
    (tmp_path / file).write_bytes(gzip.compress(b"another file"))
    with pytest.raises(ValueError, match=f"has the SHA-256 [0-9a-f]{{64}}; must be [0-9a-f]{{64}}: get {file} again, from {source}"):
        load(name, folder=tmp_path)
