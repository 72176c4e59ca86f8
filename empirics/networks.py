"""Residual networks (He et al., 2016) with GroupNorm, which keeps the examples of a batch independent, or with another norm."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

GROUPS = 4

Norm = Callable[[int], nn.Module]  # from the number of channels


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(GROUPS, channels)


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut: ``(n, inputs, h, w)`` to ``(n, outputs, h/stride, w/stride)``."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm = _group_norm) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            _conv(inputs, outputs, 3, stride),
            norm(outputs),
            nn.ReLU(),
            _conv(outputs, outputs, 3, 1),
            norm(outputs),
        )
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else _conv(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        return torch.relu(self.residual(x) + self.shortcut(x))


def resnet(*, channels: int, classes: int, widths: tuple[int, ...], norm: Norm = _group_norm) -> nn.Sequential:
    """A stem, one block a width (each but the first halves the image), global pooling and a linear layer.

    Maps ``(n, channels, h, w)`` to logits ``(n, classes)``. ``norm`` makes a norm for so many channels, as ``nn.BatchNorm2d`` does; by
    default it is GroupNorm, and widths must be multiples of 4, the number of groups.
    """
    stem: list[nn.Module] = [_conv(channels, widths[0], 3, 1), norm(widths[0]), nn.ReLU()]
    blocks = [BasicBlock(a, b, 1 if i == 0 else 2, norm) for i, (a, b) in enumerate(zip((widths[0], *widths), widths, strict=False))]
    head: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], classes)]
    return nn.Sequential(*stem, *blocks, *head)
