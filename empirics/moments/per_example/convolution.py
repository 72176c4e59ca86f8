"""Convolutions in one, two and three dimensions, with stride, padding, dilation and groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import torch
from torch import Tensor, nn

from tsla.empirics.moments.per_example.ghost_norm import GhostNormTerm
from tsla.empirics.moments.per_example.linear import Added, First
from tsla.empirics.moments.per_example.precision import without_autocast
from tsla.empirics.moments.per_example.terms import Term, Unsupported, accumulable, sum_of

# Forming gradients runs at the speed of a convolution, products between positions at that of small matrix products: measured, from half
# of it to five sixths.
_GHOST_NORM_COST = 1.4
FEW_CHANNELS = 16  # inputs a group of which the processor's kernels for convolutions are not filled


class ConvolutionWeight(GhostNormTerm):
    """The kernel ``(outputs, inputs / groups, *kernel)`` of a convolution of ``x`` ``(n, inputs, *size)``."""

    def __init__(
        self,
        parameter: nn.Parameter,
        x: Tensor,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> None:
        super().__init__(parameter)
        self.x, self.stride, self.padding, self.dilation, self.groups = x.detach(), tuple(stride), tuple(padding), tuple(dilation), groups

    @property
    def kernel(self) -> tuple[int, ...]:
        """Size of the kernel in each dimension."""
        return tuple(self.parameter.shape[2:])

    def per_example(self, label: int, rows: slice) -> Tensor:
        """By one convolution with a group for each example and group; by products of the patches where such groups have few channels."""
        x, D = accumulable(self.x[rows]), accumulable(self.signals[label][rows])
        if self.parameter.shape[1] < FEW_CHANNELS and not x.is_cuda:
            outputs = D.reshape(len(x) * self.groups, -1, prod(D.shape[2:]))
            gradient = outputs @ self._patches(self._padded(x)).transpose(1, 2)  # (..., offsets in the kernel times inputs)
            ordered = gradient.view(*gradient.shape[:2], -1, self.parameter.shape[1]).transpose(2, 3)
            return ordered.reshape(len(x), *self.parameter.shape)
        shape = (len(x) * self.parameter.shape[0], *self.parameter.shape[1:])
        x_merged, D_merged = (t.reshape(1, -1, *t.shape[2:]) for t in (x, D))
        return self._weight_gradient(x_merged, D_merged, shape, len(x) * self.groups).view(len(x), *self.parameter.shape)

    @without_autocast
    def total(self, label: int) -> Tensor:
        """The gradient that training would use."""
        return self._weight_gradient(accumulable(self.x), accumulable(self.signals[label]), self.parameter.shape, self.groups)

    def _weight_gradient(self, x: Tensor, D: Tensor, shape: Sequence[int], groups: int) -> Tensor:
        weight = x.new_empty(shape)  # of which the kernel wants the shape: torch.nn.grad's functions have it copied from an expanded one
        geometry = (self.stride, self.padding, self.dilation, False, [0], groups)
        gradient: Tensor = torch.ops.aten.convolution_backward(D, x, weight, None, *geometry, [False, True, False])[1]
        return gradient

    def ghost_norm_is_cheaper(self) -> bool:
        """Counted in multiplications for one label; the output's gradients are multiplied with each other three times."""
        outputs, patch = self.parameter.shape[0], prod(self.parameter.shape[1:])
        positions = prod(self._output_size())
        of_inputs = min(self._pixels() ** 2 * self.x.shape[1], positions**2 * patch * self.groups)
        return _GHOST_NORM_COST * (of_inputs + 3 * positions**2 * outputs) < positions * outputs * patch

    def _pixels(self) -> int:
        return prod(size + 2 * pad for size, pad in zip(self.x.shape[2:], self.padding, strict=True))

    def _output_size(self) -> list[int]:
        zipped = zip(self.x.shape[2:], self.kernel, self.stride, self.padding, self.dilation, strict=True)
        return [(size + 2 * pad - step * (kernel - 1) - 1) // stride + 1 for size, kernel, stride, pad, step in zipped]

    def input_products(self) -> Tensor:
        """Products between the patches of the input that the positions of the output see."""
        x = self._padded(accumulable(self.x))
        positions = prod(self._output_size())
        few_pixels = self._pixels() ** 2 < positions**2 * prod(self.kernel)
        return self._shifted(x) if few_pixels else self._unfolded(x)

    def rows(self) -> Tensor | None:
        """The patches of all examples, where there is one group."""
        return self._patches(self._padded(accumulable(self.x))).transpose(1, 2).flatten(0, 1) if self.groups == 1 else None

    def _padded(self, x: Tensor) -> Tensor:
        """With the padding, and each group as an example, ``(b, inputs / groups, *size)``."""
        x = nn.functional.pad(x, [pad for size in reversed(self.padding) for pad in (size, size)])
        return x.reshape(len(x) * self.groups, -1, *x.shape[2:])

    def _shifted(self, x: Tensor) -> Tensor:
        """Products of the pixels first, once each; then summed over the kernel's offsets, which only shift them."""
        size, positions = x.shape[2:], prod(self._output_size())
        pixels = x.flatten(2)
        between = (pixels.transpose(1, 2) @ pixels).view(-1, *size, *size)
        shifted = [between[(slice(None), *window, *window)] for window in self._windows()]
        return sum_of(shifted).reshape(len(x), positions, positions)

    def _unfolded(self, x: Tensor) -> Tensor:
        """Products of the patches, written out: for strides, where patches share few pixels."""
        patches = self._patches(x)
        return patches.transpose(1, 2) @ patches

    def _patches(self, x: Tensor) -> Tensor:
        """What the positions of the output see, ``(b, offsets in the kernel times inputs, positions)``."""
        return torch.cat([x[(slice(None), slice(None), *window)].flatten(2) for window in self._windows()], dim=1)

    def _windows(self) -> list[tuple[slice, ...]]:
        """For each offset in the kernel, the input pixels that it meets, one slice a dimension."""
        dimensions = list(zip(self.dilation, self.stride, self._output_size(), strict=True))
        return [
            tuple(slice(i * step, i * step + stride * (n - 1) + 1, stride) for i, (step, stride, n) in zip(offset, dimensions, strict=True))
            for offset in product(*(range(kernel) for kernel in self.kernel))
        ]

    def positions(self, label: int) -> Tensor:
        """D with the positions of a group in front of its outputs."""
        D = accumulable(self.signals[label])
        return D.reshape(len(D) * self.groups, -1, prod(D.shape[2:])).transpose(1, 2)


class ChannelBias(Added):
    """A bias of the channels, which stand in front of the positions."""

    def form(self, D: Tensor) -> Tensor:
        """D summed over the positions."""
        return D.reshape(*D.shape[:2], -1).sum(2)


def convolution(
    first: First,
    input: Tensor,  # noqa: A002
    weight: nn.Parameter,
    bias: nn.Parameter | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> list[Term]:
    """The terms of ``torch.conv1d``, ``conv2d`` and ``conv3d``."""
    dimensions = weight.ndim - 2
    x = first(input)
    if x is not input or input.ndim != weight.ndim:  # the examples are not in front
        raise Unsupported
    stride, dilation = _each(stride, dimensions), _each(dilation, dimensions)
    if padding == "same":  # an odd pixel goes to the right
        need = [step * (kernel - 1) for step, kernel in zip(dilation, weight.shape[2:], strict=True)]
        x = nn.functional.pad(x, [pad for total in reversed(need) for pad in (total // 2, total - total // 2)])
    pads = (0,) * dimensions if isinstance(padding, str) else _each(padding, dimensions)
    terms: list[Term] = [ConvolutionWeight(weight, x, stride, pads, dilation, groups)]
    return terms + ([] if bias is None else [ChannelBias(bias)])


def _each(value: int | Sequence[int], dimensions: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * dimensions if len(values) == 1 else values
