"""Networks: their shapes, sizes, wiring and initial weights, and that their examples don't see each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import pytest
import torch
from torch import nn

from tests.refusals import refusals
from tsla.empirics.models.networks import CIFAR, IMAGENET, BasicBlock, Bottleneck, Padding, build, resnet
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.testing.planted import assert_rejects

IMAGES = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def keeps_examples_apart(model: nn.Module) -> None:
    model.train()
    together = model(IMAGES)
    alone = torch.cat([model(IMAGES[i : i + 1]) for i in range(len(IMAGES))])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)


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


# --- networks by name


PUBLISHED = {
    ("resnet8", 10): 77_850,  # not published: added up
    ("resnet20", 10): 269_722,
    ("resnet32", 10): 464_154,
    ("resnet56", 10): 853_018,
    ("resnet18", 1000): 11_689_512,
    ("resnet34", 1000): 21_797_672,
    ("resnet50", 1000): 25_557_032,
}


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("name", "classes"), PUBLISHED)
def test_as_many_parameters_as_published(name: str, classes: int, norm: str) -> None:
    with torch.device("meta"):
        model = build(name, shape=(3, 32, 32) if classes == 10 else (3, 224, 224), classes=classes, norm=norm)
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED[name, classes]


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("resnet20", (1, 28, 28), [(16, 28, 28), (32, 14, 14), (64, 7, 7)]),
        ("resnet8", (1, 8, 8), [(16, 8, 8), (32, 4, 4), (64, 2, 2)]),
        ("resnet8", (1, 7, 7), [(16, 7, 7), (32, 4, 4), (64, 2, 2)]),
        ("resnet18", (3, 224, 224), [(64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]),
        ("resnet50", (3, 224, 224), [(64, 112, 112), (64, 56, 56), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7)]),
        ("resnet34", (1, 64, 64), [(64, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]),
        ("resnet18", (3, 63, 80), [(64, 63, 80), (128, 32, 40), (256, 16, 20), (512, 8, 10)]),
    ],
)
def test_sizes_along_the_network(name: str, shape: tuple[int, int, int], expected: list[tuple[int, ...]]) -> None:
    """Of the images that the pooled stem and the blocks give, less repetitions, and of the logits."""
    seen: list[tuple[int, ...]] = []
    with torch.device("meta"):
        model = build(name, shape=shape, classes=7)
        for layer in model[2:-3]:
            layer.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:])))
        assert model(torch.zeros(2, *shape)).shape == (2, 7)
    assert list(dict.fromkeys(seen)) == expected


def described(layers: Iterable[nn.Module]) -> str:
    """Kinds of the layers, with kernel and stride."""
    said = {
        nn.Conv2d: lambda layer: f"conv{layer.kernel_size[0]}/{layer.stride[0]}",
        nn.MaxPool2d: lambda layer: f"pool{layer.kernel_size}/{layer.stride}",
        nn.GroupNorm: lambda _: "norm",
        nn.ReLU: lambda _: "relu",
    }
    return " ".join(said[type(layer)](layer) for layer in layers)


def test_layers_of_stem_and_residuals() -> None:
    with torch.device("meta"):
        large, small = (build("resnet50", shape=(3, side, side), classes=2) for side in (64, 63))
        basic, bottleneck = BasicBlock(4, 8, 2), Bottleneck(4, 8, 2)
    assert described(large[:4]) == "conv7/2 norm relu pool3/2"
    assert described(small[:3]) == "conv3/1 norm relu"
    assert described(basic.residual) == "conv3/2 norm relu conv3/1 norm"
    assert described(bottleneck.residual) == "conv1/1 norm relu conv3/2 norm relu conv1/1 norm"


def test_blocks_of_each_stage() -> None:
    for name, (block, depths) in IMAGENET.items():
        with torch.device("meta"):
            blocks = [layer for layer in build(name, shape=(3, 32, 32), classes=2) if isinstance(layer, BasicBlock | Bottleneck)]
        assert [type(b) for b in blocks] == [block] * sum(depths)
        projections = [i for i, b in enumerate(blocks) if not isinstance(b.shortcut, nn.Identity)]
        firsts = [sum(depths[:stage]) for stage in range(4)]
        assert projections == (firsts if block is Bottleneck else firsts[1:])  # a bottleneck's first stage has more channels than the stem


def test_shortcut_without_parameters() -> None:
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    y = Padding(4, 8, 2, nn.BatchNorm2d)(x)
    assert y.shape == (2, 8, 3, 3)
    assert not y[:, 4:].any()
    for c in range(4):
        for i in range(3):
            for j in range(3):
                assert torch.equal(y[:, c, i, j], x[:, c, 2 * i, 2 * j])


def test_initial_weights_of_resnet8_are_those_of_its_layers_made_in_order() -> None:
    torch.manual_seed(3)
    model = build("resnet8", shape=(1, 8, 8), classes=10)
    torch.manual_seed(3)
    sizes = [(1, 16, 3), (16, 16, 3), (16, 16, 3), (16, 32, 3), (32, 32, 3), (16, 32, 1), (32, 64, 3), (64, 64, 3), (32, 64, 1)]
    expected = [nn.Conv2d(a, b, kernel, bias=False).weight for a, b, kernel in sizes] + [nn.Linear(64, 10).weight]
    found = [p for p in model.parameters() if p.ndim > 1]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_initial_convolutions_are_normal_with_the_variance_of_he() -> None:
    torch.manual_seed(0)
    model = build("resnet18", shape=(3, 32, 32), classes=10)
    for conv in (module for module in model.modules() if isinstance(module, nn.Conv2d)):
        count, fan_out = conv.weight.numel(), conv.weight[:, 0].numel()
        ratio = float(conv.weight.detach().square().mean()) * fan_out / 2
        assert abs(ratio - 1) < 5 * (2 / count) ** 0.5  # a χ² of `count` degrees of freedom, divided by it
        assert conv.weight.abs().max() > 2 * (2 / fan_out) ** 0.5  # two standard deviations; a uniform one ends at √3


@pytest.mark.parametrize("name", ["mlp", "resnet8", "resnet20", "resnet18", "resnet50"])
def test_examples_are_independent_in_networks_with_group_norm(name: str) -> None:
    torch.manual_seed(1)
    keeps_examples_apart(build(name, shape=(2, 8, 8), classes=3).double())


@pytest.mark.parametrize("name", ["resnet8", "resnet20"])
def test_examples_are_coupled_in_networks_with_batch_norm(name: str) -> None:
    torch.manual_seed(1)
    assert_rejects(keeps_examples_apart, build(name, shape=(2, 8, 8), classes=3, norm="batch").double())


@pytest.mark.parametrize("name", ["resnet8", *CIFAR, *IMAGENET])
@pytest.mark.parametrize(("norm", "kind"), [("group", nn.GroupNorm), ("batch", nn.BatchNorm2d)])
def test_all_norms_are_of_the_asked_for_kind(name: str, norm: str, kind: type[nn.Module]) -> None:
    with torch.device("meta"):
        model = build(name, shape=(1, 8, 8), classes=3, norm=norm)
    assert {type(module) for module in model.modules()} & {nn.GroupNorm, nn.BatchNorm2d} == {kind}


def test_moments_of_a_network_with_shortcuts_without_parameters() -> None:
    torch.manual_seed(1)
    model, labels = build("resnet20", shape=(2, 8, 8), classes=3).double(), torch.tensor([0, 1, 2, 1])
    found, expected = (asdict(of(model, IMAGES, labels)) for of in (gradient_moments, moments_by_loop))
    assert found == pytest.approx(expected, rel=1e-9)


test_networks_that_are_refused = refusals(
    lambda arguments: build(**{"name": "mlp", "shape": (1, 8, 8), "classes": 10} | arguments),
    ({"name": "resnet9"}, "model = 'resnet9' must be one of mlp, resnet8, resnet20, resnet32, resnet56, resnet18, resnet34, resnet50"),
    ({"norm": "layer"}, "norm = 'layer' must be one of group, batch"),
    ({"shape": (8, 8)}, r"shape = \(8, 8\) must be \(channels, height, width\), each at least 1"),
    ({"shape": (1, 0, 8)}, r"shape = \(1, 0, 8\) must be"),
    ({"classes": 1}, "classes = 1 must be a whole number, at least 2"),
)
