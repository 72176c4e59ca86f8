"""The step size along the epochs, as a part of the full one."""

from __future__ import annotations

from math import cos, pi

STEP_SIZES = ("constant", "step", "cosine")


def factor(step_sizes: str, epoch: int, *, epochs: int, warmup: int) -> float:
    """What the full step size is multiplied with in an epoch, counted from 0, of a run of ``epochs``.

    "step" falls to a tenth at half and to a hundredth at three quarters of the run (He et al., 2016); "cosine" is half a period from 1 to 0
    (Loshchilov and Hutter, 2017) over the epochs after the warm-up. In the ``warmup`` first epochs the step rises evenly to that.
    """
    if epoch < warmup:
        return (epoch + 1) / (warmup + 1)
    if step_sizes == "step":
        return 0.1 ** ((2 * epoch >= epochs) + (4 * epoch >= 3 * epochs))
    if step_sizes == "cosine":
        return (1 + cos(pi * (epoch - warmup) / (epochs - warmup))) / 2
    return 1.0
