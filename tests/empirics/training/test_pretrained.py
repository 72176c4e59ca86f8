"""A run that trains a part of a pretrained network on features is that run on images; features are computed once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.empirics.data.making import image, image_folder, noise
from tests.empirics.training.tiny import near
from tsla.empirics.models.efficientnet import frozen
from tsla.empirics.models.features import folder
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.ensemble import train_together
from tsla.empirics.training.loop import train
from tsla.empirics.training.setup import initial_model, training_split
from tsla.theory.testing.planted import assert_rejects


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where features are kept while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield folder()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture
def config(images: Path) -> Callable[..., TrainingConfig]:
    def made(method: str = "lsr", **changes: object) -> TrainingConfig:
        usual = {"model": "efficientnet-lite0", "pretrained": True, "trained": "head", "data": "folder", "folder": str(images)}
        short = {"seed": 0, "epochs": 2, "batch_size": 3, "train_size": 7, "measure_at": (0, 2), "eta": 0.05}
        return TrainingConfig(method, **usual | short | changes)

    return made


# --- features in place of images


@pytest.mark.parametrize(("trained", "hidden"), [("head", 0), ("head", 6), ("last-block", 0)])
def test_training_on_features_is_training_on_images(trained: str, hidden: int, config: Callable[..., TrainingConfig]) -> None:
    """Losses, and moments, which are of the parameters that are trained."""
    own = config(trained=trained, hidden=hidden, epochs=1, measure_at=(1,), train_size=4, test_size=2)
    whole = nn.Sequential(frozen(trained), initial_model(own, training_split(own)))
    on_images = list(train(own, whole, split=training_split(replace(own, trained="all"))))

    def is_the_run_on_images(one: TrainingConfig) -> None:
        assert list(train(one)) == near(on_images, rel=1e-4, least=1e-6)

    is_the_run_on_images(own)
    assert_rejects(is_the_run_on_images, replace(own, eta=0.06))


def test_all_of_it_can_be_trained(config: Callable[..., TrainingConfig]) -> None:
    own = config(trained="all", epochs=1, measure_at=(), train_size=2, test_size=1)
    model = initial_model(own)
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    first, last = train(own, model)
    assert first["train_loss"] != last["train_loss"]
    changed = {name for name, weights in model.state_dict().items() if not torch.equal(weights, before[name])}
    assert changed == {name for name, _ in model.named_parameters()}  # and no statistics


@pytest.mark.parametrize("hidden", [0, 6])
def test_heads_trained_together_are_those_trained_one_by_one(hidden: int, config: Callable[..., TrainingConfig]) -> None:
    runs = [config(method, hidden=hidden, seed=seed) for method in ("sgd", "lsr") for seed in (0, 1)]
    for rows, own in zip(zip(*train_together(runs), strict=True), runs, strict=True):
        assert list(rows) == near(train(own), rel=1e-4, least=1e-6)


# --- features are computed once


@pytest.fixture
def computes(capsys: pytest.CaptureFixture[str]) -> Callable[[TrainingConfig], bool]:
    """Whether the features of a run are computed, which is said on standard error."""

    def looked_at(config: TrainingConfig) -> bool:
        capsys.readouterr()
        training_split(config)
        return "features: " in capsys.readouterr().err

    return looked_at


def test_features_are_computed_once_for_all_seeds_and_anew_for_other_images(
    config: Callable[..., TrainingConfig], computes: Callable[[TrainingConfig], bool], images: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(images, tmp_path / "other")
    training_split(config())
    copied, *others = (config(folder=str(other), **changes) for changes in ({}, {"seed": 1}, {"train_size": 3}, {"hidden": 4}))
    assert not any(map(computes, [copied, *others]))
    before = training_split(copied)
    (other / "train" / "a" / "0.png").write_bytes(image(noise(6, 6, 3, seed=99)))
    assert computes(copied)
    changed = (training_split(copied).train_inputs != before.train_inputs).any(1)
    assert changed.sum() <= 1
    assert torch.equal(training_split(copied).test_inputs, before.test_inputs)
    assert not computes(others[0])


def test_a_broken_file_is_computed_anew_and_one_that_cannot_be_written_is_said(
    config: Callable[..., TrainingConfig],
    computes: Callable[[TrainingConfig], bool],
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = training_split(config())
    assert [path.suffix for path in cache.iterdir()] == [".npy"] * len(list(cache.iterdir()))
    for path in cache.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert computes(config())
    assert torch.equal(training_split(config()).train_inputs, before.train_inputs)
    (tmp_path / "tsla").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert torch.equal(training_split(config()).train_inputs, before.train_inputs)
    assert "the features can't be kept in" in caplog.text


# --- refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augment": True}, "augment = True has no use with --trained head; it goes with --trained all"),
        ({"pool": 2, "trained": "last-block"}, "pool = 2 has no use with --trained last-block; it goes with --trained all"),
        ({"pretrained": False}, "trained = head has no use with --no-pretrained; it goes with --pretrained"),
    ],
)
def test_what_has_no_use_with_features(changes: dict[str, object], message: str, config: Callable[..., TrainingConfig]) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        next(train(config(**changes)))


@pytest.mark.parametrize("trained", ["all", "last-block"])
def test_more_than_heads_cannot_be_trained_together(trained: str, config: Callable[..., TrainingConfig]) -> None:
    with pytest.raises(ValueError, match=f"^trained = '{trained}' must be 'head' for runs that are trained together$"):
        train_together([config(trained=trained)])
