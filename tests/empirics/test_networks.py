"""The residual network: its shapes, its wiring, and that its examples don't see each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from empirics.networks import BasicBlock, resnet
from tests.planted import assert_rejects

IMAGES = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def small() -> nn.Sequential:
    torch.manual_seed(1)
    return resnet(channels=2, classes=3, widths=(4, 8, 12)).double()


def keeps_examples_apart(model: nn.Module) -> None:
    model.train()
    together = model(IMAGES)
    alone = torch.cat([model(IMAGES[i : i + 1]) for i in range(len(IMAGES))])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)


def test_examples_are_independent_in_training_mode() -> None:
    keeps_examples_apart(small())


def test_planted_batch_normalisation_is_rejected() -> None:
    assert_rejects(keeps_examples_apart, nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten()).double())


@pytest.mark.parametrize(("size", "sizes"), [(8, [8, 4, 2]), (7, [7, 4, 2])])
def test_each_block_but_the_first_halves_the_image(size: int, sizes: list[int]) -> None:
    model, seen = small(), []
    for block in (layer for layer in model if isinstance(layer, BasicBlock)):
        block.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:])))
    logits = model(torch.zeros(5, 2, size, size, dtype=torch.float64))
    assert seen == [(width, s, s) for width, s in zip((4, 8, 12), sizes, strict=True)]
    assert logits.shape == (5, 3)


def test_number_of_parameters() -> None:
    norm, stem = 2, 2 * 4 * 9 + 2 * 4
    first = 2 * 4 * 4 * 9 + 2 * norm * 4
    second = 4 * 8 * 9 + 8 * 8 * 9 + 2 * norm * 8 + 4 * 8
    third = 8 * 12 * 9 + 12 * 12 * 9 + 2 * norm * 12 + 8 * 12
    head = 12 * 3 + 3
    assert sum(p.numel() for p in small().parameters()) == stem + first + second + third + head


@pytest.mark.parametrize(("inputs", "outputs", "stride", "identity"), [(4, 4, 1, True), (4, 4, 2, False), (4, 8, 1, False)])
def test_shortcut_is_the_identity_where_shapes_allow(inputs: int, outputs: int, stride: int, identity: bool) -> None:
    block = BasicBlock(inputs, outputs, stride).double()
    nn.init.zeros_(block.residual[-1].weight)  # the residual is now 0, so what is left is the shortcut
    x = torch.randn(2, inputs, 6, 6, dtype=torch.float64)
    expected = x if identity else nn.functional.conv2d(x, block.shortcut.weight, stride=stride)
    assert torch.equal(block(x), expected.relu())


def test_widths_that_the_groups_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5.*divisible"):
        resnet(channels=1, classes=2, widths=(5,))
