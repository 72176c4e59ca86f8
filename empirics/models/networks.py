"""Networks for images: residual ones (He et al., 2016) of the CIFAR and of the ImageNet form, and small ones.

By default their norm is GroupNorm, which keeps the examples of a batch independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from tsla.empirics.models import efficientnet
from tsla.empirics.models.state import in_float32
from tsla.theory.constants import must_be_one_of, whole

GROUPS = 4
"""Of GroupNorm in ``resnet`` and in the CIFAR form, whose first stage has 16 channels."""
IMAGENET_GROUPS = 32
"""Of GroupNorm in the ImageNet form (Wu and He, 2018)."""
HIDDEN = 64
"""Units of the hidden layer of "mlp"."""
LARGE = 64
"""Side of an image, in pixels, from which on the ImageNet form quarters it before the first stage."""

Norm = Callable[[int], nn.Module]  # from the number of channels
Shortcut = Callable[[int, int, int, Norm], nn.Module]  # from channels in, channels out and stride

_group_norm = partial(nn.GroupNorm, GROUPS)


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def projection(inputs: int, outputs: int, stride: int, norm: Norm) -> nn.Module:
    """A 1×1 convolution."""
    return _conv(inputs, outputs, 1, stride)


def normed_projection(inputs: int, outputs: int, stride: int, norm: Norm) -> nn.Module:
    """A 1×1 convolution and a norm: option B of He et al. (2016)."""
    return nn.Sequential(_conv(inputs, outputs, 1, stride), norm(outputs))


class Padding(nn.Module):
    """Each ``stride``-th pixel, with zeros for the new channels; no parameters: option A of He et al. (2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.new, self.stride = outputs - inputs, stride

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` to ``(n, outputs, h/stride, w/stride)``."""
        return pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class _Block(nn.Module):
    """A residual beside a shortcut: ``(n, inputs, h, w)`` to ``(n, expansion * width, h/stride, w/stride)``."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, norm: Norm = _group_norm, shortcut: Shortcut = projection) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.residual = self._residual(inputs, width, stride, norm)
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else shortcut(inputs, outputs, stride, norm)

    def _residual(self, inputs: int, width: int, stride: int, norm: Norm) -> nn.Sequential:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        return torch.relu(self.residual(x) + self.shortcut(x))


class BasicBlock(_Block):
    """Two 3×3 convolutions beside a shortcut: ``(n, inputs, h, w)`` to ``(n, width, h/stride, w/stride)``."""

    def _residual(self, inputs: int, width: int, stride: int, norm: Norm) -> nn.Sequential:
        return nn.Sequential(_conv(inputs, width, 3, stride), norm(width), nn.ReLU(), _conv(width, width, 3, 1), norm(width))


class Bottleneck(_Block):
    """1×1, 3×3 and 1×1 convolutions, the last to ``4 * width`` channels; the stride is at the 3×3 one, as in torchvision."""

    expansion = 4

    def _residual(self, inputs: int, width: int, stride: int, norm: Norm) -> nn.Sequential:
        outputs = self.expansion * width
        middle = [_conv(inputs, width, 1, 1), norm(width), nn.ReLU(), _conv(width, width, 3, stride), norm(width), nn.ReLU()]
        return nn.Sequential(*middle, _conv(width, outputs, 1, 1), norm(outputs))


def _network(
    stem: Sequence[nn.Module],
    block: type[_Block],
    widths: Sequence[int],
    depths: Sequence[int],
    classes: int,
    norm: Norm,
    shortcut: Shortcut,
) -> nn.Sequential:
    """``stem``, which gives ``widths[0]`` channels; a stage of blocks a width, each but the first halving the image; pooling; the head."""
    blocks: list[nn.Module] = []
    inputs = widths[0]
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for i in range(depth):
            blocks.append(block(inputs, width, 2 if stage > 0 and i == 0 else 1, norm, shortcut))
            inputs = block.expansion * width
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def resnet(*, channels: int, classes: int, widths: tuple[int, ...], norm: Norm = _group_norm) -> nn.Sequential:
    """A stem, one block a width (each but the first halves the image), global pooling and a linear layer.

    Maps ``(n, channels, h, w)`` to logits ``(n, classes)``. ``norm`` makes a norm for so many channels, as ``nn.BatchNorm2d`` does; by
    default it is GroupNorm, and widths must be multiples of 4, the number of groups.
    """
    stem = [_conv(channels, widths[0], 3, 1), norm(widths[0]), nn.ReLU()]
    return _network(stem, BasicBlock, widths, [1] * len(widths), classes, norm, projection)


def _cifar(depth: int, channels: int, classes: int, norm: Norm) -> nn.Sequential:
    """Three stages of ``depth`` blocks, of 16, 32 and 64 channels; shortcuts have no parameters."""
    stem = [_conv(channels, 16, 3, 1), norm(16), nn.ReLU()]
    return _he(_network(stem, BasicBlock, (16, 32, 64), [depth] * 3, classes, norm, Padding))


def _imagenet(block: type[_Block], depths: Sequence[int], shape: tuple[int, int, int], classes: int, norm: Norm) -> nn.Sequential:
    """Four stages, of widths 64 to 512, behind a 7×7 stem with pooling, or, for small images, a 3×3 stem without."""
    channels, *size = shape
    large = min(size) >= LARGE
    stem = [_conv(channels, 64, 7, 2) if large else _conv(channels, 64, 3, 1), norm(64), nn.ReLU()]
    pooling = [nn.MaxPool2d(3, stride=2, padding=1)] if large else []
    return _he(_network([*stem, *pooling], block, (64, 128, 256, 512), depths, classes, norm, normed_projection))


def _he(model: nn.Sequential) -> nn.Sequential:
    """The model, with the initial convolutions of He et al. (2015): normal, of variance 2 over the fan-out."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


CIFAR = {"resnet20": 3, "resnet32": 5, "resnet56": 9}
"""Blocks a stage."""
IMAGENET: dict[str, tuple[type[_Block], tuple[int, ...]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}
"""The block, and how many of it a stage."""
NETWORKS = ("mlp", "resnet8", *CIFAR, *IMAGENET, efficientnet.NAME)
NORMS = ("group", "batch")


@in_float32()
def build(name: str, *, shape: tuple[int, ...], classes: int, norm: str = "group", **own: Any) -> nn.Sequential:
    """The network ``name``, one of NETWORKS: ``(n, *shape)`` to logits ``(n, classes)``.

    name:  "mlp" has one hidden layer of HIDDEN units, and no norm; "resnet8" is ``resnet(widths=(16, 32, 64))``; "resnet20" to "resnet56"
           have the CIFAR form, "resnet18" to "resnet50" the ImageNet form, with a 3×3 stem and without pooling for images below 64 pixels
    shape: of an image, (channels, height, width)
    norm:  "group" or "batch" (BatchNorm couples the examples of a batch)
    own:   what "efficientnet-lite0" alone has: see :func:`tsla.empirics.models.efficientnet.build`. Its norm is BatchNorm

    Weights are of float32, and come from torch's global generator. As many parameters as the networks of the paper: with three channels,
    269,722 in "resnet20" for 10 classes, 11,689,512 in "resnet18" for 1,000. Raises ValueError for any other name, norm or size.
    """
    must_be_one_of("model", name, NETWORKS)
    if name == efficientnet.NAME:
        return efficientnet.build(shape, classes, **own)
    if own:
        raise ValueError(f"{', '.join(own)} must be left out with model = {name!r}: only {efficientnet.NAME} has that")
    must_be_one_of("norm", norm, NORMS)
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape = {shape} must be (channels, height, width), each at least 1")
    whole("classes", classes, at_least=2)
    if name == "mlp":
        return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))
    groups = IMAGENET_GROUPS if name in IMAGENET else GROUPS
    layer: Norm = nn.BatchNorm2d if norm == "batch" else partial(nn.GroupNorm, groups)
    if name in IMAGENET:
        return _imagenet(*IMAGENET[name], shape, classes, layer)
    if name in CIFAR:
        return _cifar(CIFAR[name], shape[0], classes, layer)
    return resnet(channels=shape[0], classes=classes, widths=(16, 32, 64), norm=layer)
