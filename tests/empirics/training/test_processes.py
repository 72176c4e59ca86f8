"""Two processes train as one does, to rounding, however unequal their parts of a batch are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.empirics.training import children
from tsla.empirics.training import processes
from tsla.empirics.training.configuration import TrainingConfig
from tsla.theory.testing.planted import assert_rejects

# Batches of 8 + 7 examples, and a last one of 1 + 0.
CONFIG = TrainingConfig(
    "tsla", 0, epochs=3, drop=2, train_size=61, batch_size=15, model="mlp", smoothing="prior", momentum=0.9, augment=True, measure_at=(0, 3)
)
ANNEALED = TrainingConfig("annealed", 0, epochs=2, drop=1, train_size=61, batch_size=15, model="mlp", measure_at=())


def on_two_ranks(folder: Path, config: TrainingConfig) -> list[dict[str, Any]]:
    folder.mkdir()
    ranks = [children.CONTEXT.Process(target=children.on_rank, args=(rank, 2, folder, config)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(120)
    assert [rank.exitcode for rank in ranks] == [0, 0]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def as_one_process(expected: dict[str, Any], found: dict[str, Any]) -> None:
    for ours, theirs in zip(found["rows"], expected["rows"], strict=True):
        assert list(ours) == list(theirs)
        for name, value in theirs.items():
            if name in ("test_accuracy", "test_ece"):  # rounding may turn a tie
                assert ours[name] == pytest.approx(value, abs=0.003)
            else:
                assert ours[name] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value)
    for name, weights in expected["weights"].items():
        torch.testing.assert_close(found["weights"][name], weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [CONFIG, ANNEALED], ids=lambda config: config.method)
def test_two_processes_are_one(tmp_path: Path, config: TrainingConfig) -> None:
    first, second = on_two_ranks(tmp_path / "ranks", config)
    assert first["right"]["rows"] == second["right"]["rows"]
    assert first["again"]["rows"] == first["right"]["rows"]  # from the file, which holds the end of the run
    assert all(torch.equal(first["again"]["weights"][name], weights) for name, weights in first["right"]["weights"].items())
    assert "norm = batch must be group for several processes on CPUs" in first["refusal"]
    expected = children.result(config)
    assert_rejects(lambda found: as_one_process(expected, found), first["planted"])
    as_one_process(expected, first["right"])


@pytest.mark.parametrize(("batch", "size"), [(16, 2), (13, 2), (1, 2), (2, 5), (1, 1)])
def test_weighted_parts_add_up_to_the_mean_over_the_batch(batch: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = torch.randn(batch, dtype=torch.float64)
    monkeypatch.setattr(processes, "size", lambda: size)
    total = 0.0
    for rank in range(size):
        monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
        part, weight = processes.share(batch)
        total += weight * float(losses[part].mean()) / size
    assert total == pytest.approx(float(losses.mean()))


def test_a_process_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with processes.group("cpu"):
        assert (processes.rank(), processes.size()) == (0, 1)
    model = torch.nn.Linear(1, 1)
    assert processes.joined(model, torch.device("cpu")) is model
    assert processes.agreed({"elapsed": 3}) == {"elapsed": 3}
