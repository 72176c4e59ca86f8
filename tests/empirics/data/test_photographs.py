"""CUB-200-2011, Stanford Dogs and a user's folder: each image gets its label, and broken files are refused."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.empirics.data.making import image, noise, tar
from tsla.empirics.data.datasets import Examples, cub200, dogs, folder, load  # type: ignore[attr-defined]
from tsla.empirics.data.datasets._images import decoded

SIDE = 4


def pixels(i: int) -> np.ndarray:
    """Image number i, ``(4, 4, 3)``."""
    return noise(SIDE, SIDE, 3, seed=i)


def is_image(found: np.ndarray, i: int) -> bool:
    return bool((found == pixels(i).transpose(2, 0, 1)).all())


# --- decoding


def test_pixels_are_those_of_the_file() -> None:
    assert is_image(decoded(image(pixels(0)), SIDE, "x"), 0)
    assert is_image(decoded(image(pixels(1), "bmp"), SIDE, "x"), 1)


def test_jpeg() -> None:
    flat = np.full((16, 16, 3), (200, 100, 50), dtype=np.uint8)
    found = decoded(image(flat, "jpeg"), 8, "x").astype(int)
    assert found.shape == (3, 8, 8)
    assert np.abs(found - np.array([200, 100, 50])[:, None, None]).max() <= 3  # JPEG rounds


def test_grey_images_get_three_equal_colours() -> None:
    grey = noise(SIDE, SIDE)
    assert (decoded(image(grey), SIDE, "x") == grey).all()


def test_the_middle_square_is_taken() -> None:
    for turned in (False, True):
        wide = np.zeros((8, 24, 3), dtype=np.uint8)
        wide[:, 8:16] = 255
        found = decoded(image(wide.swapaxes(0, 1) if turned else wide), 8, "x")
        assert found.shape == (3, 8, 8)
        assert (found == 255).all()


@pytest.mark.parametrize(
    "content", [b"", b"no image", image(noise(64, 64, 3))[:3000], image(noise(64, 64, 3), "jpeg")[:2000], image(pixels(0), "gif")]
)
def test_broken_and_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^birds: x.jpg (cannot be read: |must be an image in one of the formats .png, ).*$"):
        decoded(content, SIDE, "birds: x.jpg")


def test_an_image_that_would_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 7)
    with pytest.raises(ValueError, match=r"x cannot be read: .*decompression bomb"):
        decoded(image(pixels(0)), SIDE, "x")


# --- CUB-200-2011


BIRDS = ["001.Auk/Auk_0001.jpg", "001.Auk/Auk_0002.jpg", "200.Yellowthroat/Y_0001.jpg"]


def birds(path: Path, **changes: bytes) -> Examples:
    """The second image is for testing."""
    tables = {
        "images": "".join(f"{i} {name}\n" for i, name in enumerate(BIRDS, 1)).encode(),
        "image_class_labels": b"1 1\n2 1\n3 200\n",
        "train_test_split": b"1 1\n2 0\n3 1\n",
    }
    members = {f"CUB_200_2011/{name}.txt": table for name, table in (tables | changes).items()}
    images = {f"CUB_200_2011/images/{name}": image(pixels(i)) for i, name in enumerate(BIRDS)}
    file = tar(path / cub200.ARCHIVE.name, images | {"attributes.txt": b"not needed"} | members)
    return cub200.examples(path, size=SIDE, archive=file)


# --- Stanford Dogs


def listed(names: list[str], labels: list[int]) -> bytes:
    stream = io.BytesIO()
    cells = np.array(names, dtype=object)[:, None]
    savemat(stream, {"file_list": cells, "annotation_list": cells, "labels": np.array(labels, dtype=np.uint8)[:, None]})
    return stream.getvalue()


DOGS = ["n02085620-Chihuahua/n02085620_1.jpg", "n02085620-Chihuahua/n02085620_2.jpg", "n02116738-hunting_dog/n02116738_3.jpg"]


def hounds(path: Path, test: bytes = listed(DOGS[2:], [120])) -> Examples:
    images = tar(path / "images.tar", {f"Images/{name}": image(pixels(i)) for i, name in enumerate(DOGS)})
    lists = tar(path / "lists.tar", {"file_list.mat": b"not needed", "train_list.mat": listed(DOGS[1::-1], [1, 1]), "test_list.mat": test})
    return dogs.examples(path, size=SIDE, images=images, lists=lists)


@pytest.mark.parametrize(
    ("read", "changes", "message"),
    [
        (birds, {"image_class_labels": b"1 1\n2 1\n3 201\n"}, f"must hold CUB_200_2011/images/{BIRDS[2]}, of a class below 200"),
        (birds, {"images": b"1 ../../evil.jpg\n"}, r"must hold CUB_200_2011/images/\.\./\.\./evil.jpg"),
        (birds, {"image_class_labels": b"1 1\n"}, "CUB_200_2011.tgz cannot be read"),
        (birds, {"image_class_labels": b"1 one\n2 1\n3 1\n"}, "CUB_200_2011.tgz cannot be read"),
        (birds, {"train_test_split": b"1 1\n2 1\n3 1\n"}, "CUB_200_2011.tgz must list images for training and for testing"),
        (birds, {"images": b"\xff"}, "CUB_200_2011.tgz cannot be read"),
        (hounds, {"test": listed(DOGS, [1, 1, 121])}, f"images.tar must hold Images/{DOGS[2]}, of a class below 120"),
        (hounds, {"test": listed(["n0/missing.jpg"], [1])}, "images.tar must hold Images/n0/missing.jpg"),
        (hounds, {"test": listed(DOGS, [1, 1])}, "lists.tar: test_list.mat cannot be read"),
        (hounds, {"test": b"no table"}, "lists.tar: test_list.mat cannot be read"),
        (hounds, {"test": listed(DOGS, [1, 1, 120])[:300]}, "lists.tar: test_list.mat cannot be read"),
    ],
)
def test_tables_and_lists_that_do_not_fit_are_refused(
    tmp_path: Path, read: Callable[..., Examples], changes: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, **changes)


# --- a folder


def pictures(path: Path) -> Path:
    """Two classes, two images of each for training and one for testing; image number 2 * i + class."""
    for number, name in enumerate(["train/b/x.png", "train/a/y.PNG", "train/b/z.bmp", "train/a/z.png", "test/b/x.png", "test/a/x.png"]):
        where = path / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(image(pixels(number), where.suffix.lower()[1:]))
    (path / "train/a/notes.txt").write_text("no image")
    (path / "train/readme.txt").write_text("no class")
    return path


@pytest.mark.parametrize(
    ("read", "classes", "labels", "test_labels", "order"),
    [
        (birds, 200, [0, 199], [0], (0, 2, 1)),
        (hounds, 120, [0, 0], [119], (1, 0, 2)),
        (lambda path: folder.examples(pictures(path), size=SIDE), 2, [0, 0, 1, 1], [0, 1], (1, 3, 0, 2, 5, 4)),
    ],
)
def test_each_image_gets_its_label(
    tmp_path: Path, read: Callable[[Path], Examples], classes: int, labels: list[int], test_labels: list[int], order: tuple[int, ...]
) -> None:
    found = read(tmp_path)
    assert (found.classes, found.labels.tolist(), found.test_labels.tolist()) == (classes, labels, test_labels)
    assert [is_image(x, i) for x, i in zip([*found.inputs, *found.test_inputs], order, strict=True)] == [True] * len(order)


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    assert is_image(folder.examples(pictures(tmp_path)).test_inputs[0], 5)
    there = tmp_path / "test/a/x.png"
    times = (there.stat().st_atime_ns, there.stat().st_mtime_ns)
    there.write_bytes(image(pixels(7)))
    os.utime(there, ns=times)  # as archives are unpacked
    assert is_image(folder.examples(tmp_path).test_inputs[0], 7)


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (pictures(tmp_path) / "test/a/y.png").symlink_to("nowhere.png")
    with pytest.raises(ValueError, match=r"test/a/y\.png cannot be read: No such file or directory"):
        folder.examples(tmp_path)


def test_folder_is_loaded_by_its_name(tmp_path: Path) -> None:
    split = load("folder", folder=pictures(tmp_path), train_size=3)
    assert split.train_inputs.shape == (3, 3, SIDE, SIDE)
    assert split.test_labels.tolist() == [0, 1]
    assert (split.test_inputs[0].mul(255).round().numpy() == pixels(5).transpose(2, 0, 1)).all()
    assert split.classes == 2


@pytest.mark.parametrize(("shape", "size", "side"), [((4, 4), None, 4), ((5, 5), None, 64), ((4, 5), None, 64), ((5, 4), 6, 6)])
def test_squares_of_one_size_keep_it(tmp_path: Path, shape: tuple[int, int], size: int | None, side: int) -> None:
    """All other images are of 4×4 pixels."""
    (pictures(tmp_path) / "test/a/x.png").write_bytes(image(noise(*shape, 3)))
    split = load("folder", folder=tmp_path, size=size)
    assert split.train_inputs.shape[2:] == split.test_inputs.shape[2:] == (side, side)


@pytest.mark.parametrize("size", [None, SIDE])
@pytest.mark.parametrize(
    ("content", "says"), [(b"broken", "must be an image"), (image(noise(64, 64, 3))[:3000], "cannot be read"), (None, "cannot be read")]
)
def test_a_broken_image_is_named(tmp_path: Path, content: bytes | None, says: str, size: int | None) -> None:
    """Without a content there is a folder of the image's name."""
    path = pictures(tmp_path) / "test/a/x.png"
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} {says}.*$"):
        load("folder", folder=tmp_path, size=size)


def test_folders_of_another_form_are_refused(tmp_path: Path) -> None:
    for where in (None, tmp_path):
        with pytest.raises(ValueError, match=r"folder = .* must be a folder that holds train/CLASS/ and test/CLASS/"):
            load("folder", folder=where)
    (pictures(tmp_path) / "test/c").mkdir()
    with pytest.raises(ValueError, match=r"has the training classes \['a', 'b'\] and others for testing, \['c'\]"):
        load("folder", folder=tmp_path)
    (tmp_path / "test/c").rmdir()
    for file in (tmp_path / "test").rglob("*.png"):
        file.unlink()
    with pytest.raises(ValueError, match="must list images for training and for testing"):
        load("folder", folder=tmp_path)
