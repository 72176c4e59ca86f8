"""The pretrained network: its weights are those of the file, it sees what is on photographs, and its parts fit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cache

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tests.refusals import refusals
from tsla.empirics.models import efficientnet
from tsla.empirics.models.efficientnet import FIRST, INPUTS, NAME, SIDE, frozen
from tsla.empirics.models.networks import build
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.testing.planted import Rejects, assert_rejects

IMAGES = torch.rand(3, 3, 12, 10, generator=torch.Generator().manual_seed(0))
PHOTOGRAPHS = {"flower.jpg": 985, "china.jpg": 698}  # of ImageNet's classes a daisy and a palace


frozen_part = cache(frozen)


def made(trained: str = "all", *, seed: int = 0, classes: int = 4, pretrained: bool = True, hidden: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    shape = INPUTS.get(trained, IMAGES.shape[1:])
    return build(NAME, shape=shape, classes=classes, pretrained=pretrained, trained=trained, hidden=hidden)


# --- the weights


def has_the_weights_of_the_file(pretrained: bool) -> None:
    body = [value for key, value in made(pretrained=pretrained).state_dict().items() if not key.startswith("head")]
    file = [value for key, value in efficientnet._weights().items() if not key.startswith("_fc")]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(body, file, strict=True))


def test_each_weight_but_those_of_the_head_is_that_of_the_file(rejects: Rejects) -> None:
    rejects(has_the_weights_of_the_file, right=True, wrong=False)


@cache
def photograph(name: str) -> Tensor:
    """The middle of it, in [0, 1]."""
    whole = torch.tensor(load_sample_image(name)).permute(2, 0, 1)[None] / 255
    side = min(whole.shape[2:])
    left = (whole.shape[3] - side) // 2
    return interpolate(whole[:, :, :, left : left + side], size=(SIDE, SIDE), mode="bilinear", antialias=True)


def sees(look: Callable[[Tensor], Tensor]) -> None:
    """With the classifier of ImageNet."""
    weights = efficientnet._weights()
    for name, label in PHOTOGRAPHS.items():
        probabilities = (frozen_part("head")(look(photograph(name))) @ weights["_fc.weight"].T + weights["_fc.bias"]).softmax(1)
        assert probabilities[0].argmax() == label


def test_it_sees_what_is_on_photographs_and_nothing_on_darker_ones(rejects: Rejects) -> None:
    rejects(sees, right=nn.Identity(), wrong=lambda image: image / 255)


# --- its parts


@pytest.mark.parametrize("trained", INPUTS)
def test_the_parts_are_the_whole(trained: str) -> None:
    def is_the_whole(seed: int) -> None:
        parts = made(trained, seed=seed, hidden=5)(frozen_part(trained)(IMAGES))
        assert torch.allclose(made(hidden=5)(IMAGES), parts, rtol=0, atol=1e-5)

    is_the_whole(0)
    assert_rejects(is_the_whole, 1)


def test_grey_images_are_images_of_equal_colours() -> None:
    torch.manual_seed(0)
    grey = build(NAME, shape=(1, 12, 10), classes=4, pretrained=True)
    assert torch.allclose(grey(IMAGES[:, :1]), made()(IMAGES[:, :1].expand(-1, 3, -1, -1)), rtol=0, atol=1e-4)


def keeps_examples_apart(pretrained: bool) -> None:
    model = made(pretrained=pretrained).train()
    assert torch.allclose(model(IMAGES)[:1], model(IMAGES[:1]), rtol=0, atol=1e-5)
    assert torch.equal(model(IMAGES), model(IMAGES))


def test_examples_are_independent_in_training_where_the_statistics_are_those_of_imagenet(rejects: Rejects) -> None:
    rejects(keeps_examples_apart, right=True, wrong=False)


@pytest.mark.parametrize(("trained", "hidden"), [("all", 0), ("last-block", 3), ("head", 3)])
def test_moments_are_those_of_a_loop(trained: str, hidden: int) -> None:
    inputs = IMAGES[:2] if trained == "all" else frozen_part(trained)(IMAGES[:2])
    model, labels = made(trained, hidden=hidden).double(), torch.tensor([0, 1])
    found, expected = (asdict(of(model, inputs.double(), labels)) for of in (gradient_moments, moments_by_loop))
    assert found == pytest.approx(expected, rel=1e-9)


test_networks_that_are_refused = refusals(
    lambda arguments: build(**{"name": NAME, "shape": (3, 8, 8), "classes": 10} | arguments),
    ({"shape": (2, 8, 8)}, r"shape = \(2, 8, 8\) must be \(1 or 3, height, width\) for model = 'efficientnet-lite0'"),
    ({"shape": (3, 8)}, r"shape = \(3, 8\) must be"),
    ({"pretrained": True, "trained": "head"}, r"shape = \(3, 8, 8\) must be \(1280,\) for .*, of which 'head' is trained"),
    ({"trained": "head", "shape": (1280,)}, "trained = 'head' must be 'all' for a network that is not pretrained"),
    ({"trained": "stem"}, f"trained = 'stem' must be one of {', '.join(FIRST)}"),
    ({"hidden": -1}, "hidden = -1 must be a whole number, at least 0"),
    ({"classes": 1}, "classes = 1 must be a whole number, at least 2"),
    ({"name": "mlp", "hidden": 3}, "hidden must be left out with model = 'mlp': only efficientnet-lite0 has that"),
)
