"""Augmentation of images: a random crop of the padded image, and a random reflection."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from tsla.theory.constants import whole


def augment(inputs: Tensor, generator: torch.Generator, *, padding: int = 4, flip: bool = True) -> Tensor:
    """Each image ``(n, C, H, W)``, padded by ``padding`` zeros on all sides, cropped to its size at a random place, and reflected or not.

    Reflections are left to right, of each image with probability 1/2. Draws come from ``generator``, whose device need not be that of the
    inputs: one on the CPU draws the same for all of them. The inputs stay as they are. Raises ValueError for other shapes, and a negative
    padding.
    """
    if inputs.ndim != 4:
        raise ValueError(f"inputs have shape {tuple(inputs.shape)}; must be (n, C, H, W)")
    whole("padding", padding, at_least=0)
    n, channels, height, width = inputs.shape
    device, own = inputs.device, generator.device
    top, left = torch.randint(2 * padding + 1, (2, n, 1), generator=generator, device=own).to(device)
    rows, columns = top + torch.arange(height, device=device), left + torch.arange(width, device=device)
    if flip:
        reflected = torch.randint(2, (n, 1), generator=generator, device=own).to(device).bool()
        columns = torch.where(reflected, columns.flip(1), columns)
    at = rows[:, :, None] * (width + 2 * padding) + columns[:, None, :]
    padded = pad(inputs, (padding, padding, padding, padding)).flatten(2)
    return padded.gather(2, at.flatten(1)[:, None].expand(-1, channels, -1)).view(inputs.shape)
