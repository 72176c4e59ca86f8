"""The batch of DistributedDataParallel is that of all ranks together."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor

from tsla.empirics.moments.per_example.totals import GradientProducts


def over_ranks(own: GradientProducts, group: dist.ProcessGroup) -> GradientProducts:
    """The products of the examples of all ranks, in the order of the ranks; the same on each. Every rank must call it."""
    tables: list[tuple[Tensor, Tensor, Tensor]] = [(own.gg, own.hh, own.gh)] * dist.get_world_size(group)
    dist.all_gather_object(tables, (own.gg, own.hh, own.gh), group=group)
    gg, hh, gh = (torch.cat(columns, dim=1) for columns in zip(*tables, strict=True))
    share = own.gg.shape[1] / gg.shape[1]
    G, G_hat = (tuple(_summed(mean * share, group) for mean in means) for means in (own.G, own.G_hat))
    return replace(own, gg=gg, hh=hh, gh=gh, G=G, G_hat=G_hat)


def _summed(tensor: Tensor, group: dist.ProcessGroup) -> Tensor:
    dist.all_reduce(tensor, group=group)
    return tensor
