"""Inside DistributedDataParallel the batch is that of all ranks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tsla.empirics.moments.full_batch import gradient_moments, layer_moments

SIZES = (5, 3)  # unequal shares


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).double()


def examples() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(sum(SIZES), 1, 6, 6).double(), torch.randint(3, (sum(SIZES),))


def on_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=len(SIZES))
    try:
        torch.save(measured(rank), f"{folder}/{rank}.pt")
        dist.barrier()
    finally:
        dist.destroy_process_group()


def measured(rank: int) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    model = DistributedDataParallel(network())
    x, y = (torch.split(t, SIZES)[rank] for t in examples())
    model(x).sum().backward()  # as between two steps of training
    before = [p.grad.clone() for p in model.parameters()]
    moments, layers = gradient_moments(model, x, y), layer_moments(model, x, y)
    assert all(torch.equal(a, p.grad) for a, p in zip(before, model.parameters(), strict=True))
    return asdict(moments), {name: asdict(layer) for name, layer in layers.items()}


def test_moments_of_the_whole_batch_on_every_rank(tmp_path: Path) -> None:
    mp.spawn(on_rank, (str(tmp_path),), nprocs=len(SIZES))
    expected, layers = gradient_moments(network(), *examples()), layer_moments(network(), *examples())
    for rank in range(len(SIZES)):
        found, found_layers = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found == pytest.approx(asdict(expected), rel=1e-10)
        assert found_layers.keys() == layers.keys()
        for name, moments in layers.items():
            assert found_layers[name] == pytest.approx(asdict(moments), rel=1e-10)


def test_one_share_alone_differs() -> None:
    """What each rank would find without the others is something else."""
    x, y = (torch.split(t, SIZES)[0] for t in examples())
    assert gradient_moments(network(), x, y).s2 != pytest.approx(gradient_moments(network(), *examples()).s2, rel=1e-3)
