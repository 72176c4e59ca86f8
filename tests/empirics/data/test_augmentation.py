"""Crops and reflections, beside a loop over the images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.refusals import refusals
from tsla.empirics.data.augmentation import augment
from tsla.theory.testing.planted import assert_rejects

Augmentation = Callable[..., Tensor]


def images(n: int, *, height: int = 5, width: int = 6) -> Tensor:
    """Pixels that differ and are not 0."""
    return torch.arange(1.0, 1 + n * 2 * height * width).reshape(n, 2, height, width)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_loop(inputs: Tensor, generator: torch.Generator, *, padding: int = 4, flip: bool = True) -> Tensor:
    n, _, height, width = inputs.shape
    corners = torch.randint(2 * padding + 1, (2, n, 1), generator=generator)
    reflected = torch.randint(2, (n, 1), generator=generator) if flip else torch.zeros(n, 1)
    outputs = torch.zeros_like(inputs)
    for i in range(n):
        top, left = int(corners[0, i]) - padding, int(corners[1, i]) - padding
        for y in range(height):
            for x in range(width):
                at = (top + y, left + (width - 1 - x if reflected[i] else x))
                if 0 <= at[0] < height and 0 <= at[1] < width:
                    outputs[i, :, y, x] = inputs[i, :, at[0], at[1]]
    return outputs


def is_the_loop(augmentation: Augmentation) -> None:
    for padding in (0, 1, 4):
        for flip in (False, True):
            arguments = {"padding": padding, "flip": flip}
            assert torch.equal(augmentation(images(9), seeded(), **arguments), by_loop(images(9), seeded(), **arguments))


def test_it_is_what_a_loop_does() -> None:
    def same_crop_for_all(inputs: Tensor, generator: torch.Generator, **arguments: Any) -> Tensor:
        return augment(inputs.reshape(1, -1, *inputs.shape[2:]), generator, **arguments).reshape(inputs.shape)

    is_the_loop(augment)
    assert_rejects(is_the_loop, same_crop_for_all)


def outcomes_are_uniform(augmentation: Augmentation) -> None:
    """Each of 3 × 3 crops, reflected or not, comes as often: χ² with 17 degrees of freedom, above 40.8 with probability 1e-3."""
    inputs = images(1).expand(9000, -1, -1, -1)
    found, counts = torch.unique(augmentation(inputs, seeded(1), padding=1, flip=True).flatten(1), dim=0, return_counts=True)
    assert len(found) == 18
    assert float(((counts - 500) ** 2 / 500).sum()) < 40.8


def test_all_crops_and_reflections_are_equally_likely() -> None:
    outcomes_are_uniform(augment)
    assert_rejects(outcomes_are_uniform, lambda inputs, generator, **_: augment(inputs, generator, padding=0))


def test_only_the_generator_decides() -> None:
    inputs, before = images(9), torch.get_rng_state()
    assert torch.equal(augment(inputs, seeded(3)), augment(inputs, seeded(3)))
    assert not torch.equal(augment(inputs, seeded(3)), augment(inputs, seeded(4)))
    generator = seeded(3)
    assert not torch.equal(augment(inputs, generator), augment(inputs, generator))
    assert torch.equal(inputs, images(9))
    assert torch.equal(torch.get_rng_state(), before)


def test_no_images_stay_none() -> None:
    assert augment(images(0), seeded()).shape == (0, 2, 5, 6)


def test_the_layout_in_memory_does_not_matter() -> None:
    there = images(9).to(memory_format=torch.channels_last)
    assert torch.equal(augment(there, seeded()), augment(images(9), seeded()))


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.uint8, "meta"])
def test_type_and_device_stay(kind: torch.dtype | str) -> None:
    there = images(2).to(kind)
    found = augment(there, seeded())
    assert (found.dtype, found.device) == (there.dtype, there.device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_draws_are_the_same_on_every_device() -> None:
    found = augment(images(9).cuda(), seeded())
    assert found.is_cuda
    assert torch.equal(found.cpu(), augment(images(9), seeded()))


test_bad_arguments = refusals(
    lambda inputs, arguments: augment(inputs, seeded(), **arguments),
    (torch.zeros(3, 8, 8), {}, r"inputs have shape \(3, 8, 8\); must be \(n, C, H, W\)"),
    (torch.zeros(1, 3, 8, 8), {"padding": -1}, "padding = -1 must be a whole number, at least 0"),
)
