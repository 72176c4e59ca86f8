"""The split is a partition of scikit-learn's digits, and the noise is as much as was asked for, where it was asked for."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.refusals import refusals
from tsla.empirics.data.datasets import CLASSES, Split, load

# No image occurs twice in the data, so that an image tells which example it is, and so what its true label was.
TRUE = {image.tobytes(): label for image, label in zip((load_digits().images / 16).astype(np.float32), load_digits().target, strict=True)}


def true_labels(inputs: torch.Tensor) -> np.ndarray:
    return np.array([TRUE[image.numpy().tobytes()] for image in inputs[:, 0]])


def noisy(label_noise: float, *, train_size: int = 1000, seed: int = 0) -> Split:
    return load("digits", train_size=train_size, label_noise=label_noise, seed=seed)


def test_split_is_a_partition() -> None:
    split = noisy(0.2)
    images = [image.numpy().tobytes() for image in torch.cat((split.train_inputs, split.test_inputs))[:, 0]]
    assert len(images) == 1797
    assert set(images) == set(TRUE)


def test_shapes_types_and_range() -> None:
    split = noisy(0.2, train_size=60)
    assert split.train_inputs.shape == (60, 1, 8, 8)
    assert split.test_inputs.shape == (1737, 1, 8, 8)
    assert (split.train_labels.shape, split.test_labels.shape) == ((60,), (1737,))
    assert split.train_inputs.dtype == split.test_inputs.dtype == torch.float32
    assert split.train_labels.dtype == split.test_labels.dtype == torch.int64
    assert float(split.train_inputs.min()) == 0
    assert float(split.train_inputs.max()) == 1


@pytest.mark.parametrize(("label_noise", "moved"), [(0.0, 0), (0.2, 200), (0.0004, 0), (0.25, 250), (1.0, 1000)])
def test_exactly_the_asked_for_fraction_is_moved_to_another_class(label_noise: float, moved: int) -> None:
    split = noisy(label_noise)
    assert (split.train_labels.numpy() != true_labels(split.train_inputs)).sum() == moved
    assert 0 <= int(split.train_labels.min()) <= int(split.train_labels.max()) < CLASSES
    assert (split.test_labels.numpy() == true_labels(split.test_inputs)).all()
    assert torch.equal(split.train_inputs, noisy(0.0).train_inputs)


def test_noise_is_uniform_over_the_other_classes() -> None:
    split = noisy(1.0, train_size=1796)
    offsets = (split.train_labels.numpy() - true_labels(split.train_inputs)) % CLASSES
    counts = np.bincount(offsets, minlength=CLASSES)
    assert counts[0] == 0
    expected = 1796 / 9
    assert ((counts[1:] - expected) ** 2 / expected).sum() < 26.1  # χ² with 8 degrees of freedom: above with probability 1e-3


def test_global_random_state_is_neither_used_nor_changed() -> None:
    np.random.seed(0)  # noqa: NPY002 - the legacy global state is what is being watched
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_before = torch.get_rng_state()
    noisy(0.5)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


test_bad_arguments = refusals(
    lambda arguments: load("digits", **{"train_size": 60, "label_noise": 0.2, "seed": 0} | arguments),
    ({"label_noise": -0.1}, r"label_noise = -0.1 must lie in \[0, 1\]"),
    ({"label_noise": 1.1}, r"label_noise = 1.1 must lie in"),
    ({"label_noise": float("nan")}, r"label_noise = nan must lie in"),
    ({"train_size": 0}, r"train_size = 0 must be a whole number, at least 1 and at most 1796"),
    ({"train_size": 1797}, r"train_size = 1797 must be a whole number, at least 1 and at most 1796"),
)


@pytest.mark.parametrize(
    ("train_size", "label_noise", "seed", "expected"),
    [
        (1000, 0.2, 0, "0470e7b286c4a9aedd3929099813a4dc5f603624813285c747ec83425e0292f0"),
        (1000, 0.2, 7, "d6945a485ece330665ea096f5aa19f92a2026cc3b04d645f2bae2cce5c00c4c9"),
        (1796, 1.0, 11, "d3b4d2d1436e39792210467f7fae203aa9778146e692957bc8e14dcaaef9b029"),
    ],
)
def test_splits_are_those_of_the_records(train_size: int, label_noise: float, seed: int, expected: str) -> None:
    split, digest = noisy(label_noise, train_size=train_size, seed=seed), hashlib.sha256()
    for tensor in (split.train_inputs, split.train_labels, split.test_inputs, split.test_labels):
        digest.update(tensor.numpy().tobytes())
    assert digest.hexdigest() == expected
