"""What other processes run: they are forked from a server that has imported this, and start at once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import distributed

from tsla.empirics.training import processes
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import train
from tsla.empirics.training.setup import initial_model

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def result(config: TrainingConfig, path: Path | None = None) -> dict[str, Any]:
    """Rows and final weights."""
    model = initial_model(config)
    return {"rows": list(train(config, model, state=path)), "weights": model.state_dict()}


def on_rank(rank: int, size: int, folder: Path, config: TrainingConfig) -> None:
    """One of ``size`` processes that train together: what it finds, with the weights of the parts and without, and again from the state."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
    try:
        found = {"right": result(config, folder / "state")}
        processes.wait()
        found["again"] = result(config, folder / "state")
        share = processes.share
        with patch.object(processes, "share", lambda batch: (share(batch)[0], 1.0)):
            found["planted"] = result(config)
        try:
            result(TrainingConfig("sgd", 0, norm="batch", train_size=20, measure_at=()))
        except ValueError as error:
            found["refusal"] = str(error)
        torch.save(found, folder / f"{rank}.pt")
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
