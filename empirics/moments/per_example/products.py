"""What is measured of per-example gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class GradientProducts:
    """Of the per-example gradients ``g_i`` and ``ĝ_i`` with respect to each of the parameters ``names``.

    gg, hh, gh:  ``‖g_i‖²``, ``‖ĝ_i‖²``, ``⟨g_i, ĝ_i⟩``; ``(parameters, n)``, float64, on the CPU
    G, G_hat:    the means over the n examples, shaped like the parameters, on their device, in float32 at least
    """

    names: tuple[str, ...]
    gg: Tensor
    hh: Tensor
    gh: Tensor
    G: tuple[Tensor, ...]
    G_hat: tuple[Tensor, ...]


def rows_by_layer(names: Sequence[str]) -> dict[str, list[int]]:
    """Rows of the parameters of each layer, by the name of the layer: a parameter's without its last part."""
    layers: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        layers.setdefault(name.rpartition(".")[0], []).append(row)
    return layers
