"""Weights in a file: those of `tsla train --checkpoint`, and those that other people save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from torch import Tensor

from tests.cli.measure.support import NETWORK, before, mlp, safetensors
from tests.cli.support import Run, as_json, ends
from tsla.empirics.models import checkpoints
from tsla.empirics.models.networks import build

TINY = "--epochs 3 --train-size 40 --model mlp --measure-at 0,3"


def test_train_writes_a_checkpoint_that_measure_reads(run: Run) -> None:
    """The last row of what it says has moments of the very weights that were written."""
    rows = as_json(run(f"train --method lsr {TINY} --seed 2 --label-noise 0.5 --checkpoint new/run.pt --json"))["rows"]
    assert [file.name for file in Path("new").iterdir()] == ["run.pt"]
    found = torch.load("new/run.pt", weights_only=True)
    assert set(found) == {"state_dict", "network", "training"}
    assert found["network"] == NETWORK
    assert found["training"].items() >= {"method": "lsr", "seed": 2, "label_noise": 0.5, "train_size": 40}.items()
    measured = as_json(run("measure --checkpoint new/run.pt --data digits --json"))
    assert measured["data"] == {"name": "digits", "seed": 2, "train_size": 40, "label_noise": 0.5}
    assert measured["moments"]["s2"]["value"] == pytest.approx(rows[-1]["s2"], rel=1e-3)


Saved = Callable[[dict[str, Tensor]], dict[str, Any]]
AVERAGED = {"n_averaged": torch.tensor(3)}
LOSS = {"loss.schedule.elapsed": torch.tensor(2.0), "loss._extra_state": {"elapsed": 2}}
WRAPPED: dict[str, tuple[Saved, str]] = {  # what people save, and what `tsla measure` says of it
    "the weights": (lambda state: state, ""),
    "with the epoch": (lambda state: {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}}}, ""),
    "as model": (lambda state: {"model": state, "name": "mlp"}, ""),
    "a name as model": (lambda state: {"state_dict": state, "model": "mlp"}, ""),
    "DataParallel": (lambda state: before("module.", state), "without the prefix module."),
    "torch.compile": (lambda state: {"model": before("_orig_mod.", state)}, "without the prefix _orig_mod."),
    "compiled, then distributed": (lambda state: before("module._orig_mod.", state), "without the prefix module._orig_mod."),
    "averaged": (lambda state: before("module.", state) | AVERAGED, "without the prefix module.; left out: n_averaged"),
    "Lightning": (
        lambda state: {"epoch": 2, "state_dict": before("model.", state) | LOSS},
        "without the prefix model.; left out: loss.schedule.elapsed",
    ),
}


def holds(path: str, expected: dict[str, Tensor]) -> None:
    found = checkpoints.build(checkpoints.read(Path(path)), "measured_models:mlp").state_dict()
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("saved", WRAPPED)
def test_weights_as_people_save_them(saved: str, caplog: pytest.LogCaptureFixture) -> None:
    of, says = WRAPPED[saved]
    torch.save(of(expected := mlp().state_dict()), "saved.pt")
    holds("saved.pt", expected)
    assert caplog.messages == ([f"checkpoint = saved.pt: {says}"] if says else [])


def test_a_file_of_safetensors() -> None:
    Path("model.safetensors").write_bytes(safetensors(before("module.", expected := mlp().state_dict())))
    holds("model.safetensors", expected)


def test_a_run_that_diverged_leaves_no_checkpoint_and_no_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(folder.iterdir())
    assert ends(f"train --method sgd {TINY} --eta 1e30 --checkpoint run.pt --state run.state".split()) == 2
    assert "too large: the run diverged" in capsys.readouterr().err
    assert set(folder.iterdir()) == before


def test_a_killed_writer_leaves_the_old_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "digits.pt"
    before = path.read_bytes()

    def killed(_: object, file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.write(path, build(**NETWORK), network=NETWORK, training={})
    assert path.read_bytes() == before
