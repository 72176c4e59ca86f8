"""A run that is killed, at whatever moment, goes on and ends with the bits of one that was not."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

from tests.empirics.training import children
from tests.planted import assert_rejects
from tsla.empirics.runs import resume_training as state
from tsla.empirics.runs.resume_training import StateFile
from tsla.empirics.training import TrainingConfig, initial_model, train, training_split
from tsla.empirics.training.loop import _Run

CONFIG = TrainingConfig(
    "tsla",
    3,
    epochs=4,
    drop=2,
    train_size=300,
    batch_size=3,
    model="mlp",
    momentum=0.9,
    augment=True,
    step_sizes="cosine",
    measure_at=(0, 2, 4),
)
SMALL = replace(CONFIG, train_size=40, batch_size=8)  # five steps an epoch
STEPS = 100


@pytest.fixture(autouse=True)
def _at_every_step() -> Iterator[None]:
    """Also not the true environment: an edit of the sources while the test runs is not what it is about."""
    with children.saving_always():
        yield


def same_bits(expected: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["rows"] == expected["rows"]
    assert found["weights"].keys() == expected["weights"].keys()
    assert all(torch.equal(found["weights"][name], weights) for name, weights in expected["weights"].items())


def steps_done(path: Path) -> int:
    if not path.exists():
        return 0
    found = torch.load(path, weights_only=True)
    return int(STEPS * found["epoch"] + found["steps"])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_killed_at_three_moments_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    path, seen = tmp_path / "state", []
    for moment in (23, 140, 251):
        child = children.CONTEXT.Process(target=children.run, args=(CONFIG, path))
        child.start()
        while steps_done(path) < moment:
            assert child.is_alive()
            time.sleep(0.01)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        seen.append(steps_done(path))
    assert seen == sorted(seen)
    assert seen[-1] < STEPS * CONFIG.epochs
    same_bits(children.result(CONFIG), children.result(CONFIG, path))


class KilledError(Exception):
    pass


def killed_after(steps: int, config: TrainingConfig, path: Path) -> None:
    """Run until so many steps are saved."""
    left = [steps]
    save = StateFile.save_if_due

    def counting(self: StateFile, *args: Any, **how: Any) -> None:
        save(self, *args, **how)
        left[0] -= 1
        if not left[0]:
            raise KilledError

    with patch.object(StateFile, "save_if_due", counting), pytest.raises(KilledError):
        children.result(config, path)


@pytest.mark.parametrize("method", ["tsla", "annealed", "adaptive"])
@pytest.mark.parametrize("saves", [1, 6, 13, 24, 25])  # in an epoch, at its end, in another one, after the last, and over
def test_every_kind_of_run_goes_on_from_every_kind_of_state(method: str, saves: int, tmp_path: Path) -> None:
    config = replace(SMALL, method=method)
    killed_after(saves, config, tmp_path / "state")
    same_bits(children.result(config), children.result(config, tmp_path / "state"))


def test_batch_norm_goes_on_with_its_running_statistics(tmp_path: Path) -> None:
    config = replace(SMALL, model="resnet8", norm="batch", epochs=2, measure_at=(2,))
    killed_after(3, config, tmp_path / "state")
    same_bits(children.result(config), children.result(config, tmp_path / "state"))


@pytest.mark.parametrize("forgotten", ["optimiser", "augmentation", "steps", "schedule"])
def test_a_state_that_forgets_is_rejected(forgotten: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees each part of the state."""
    config = replace(SMALL, momentum=0.9)
    killed_after(8, config, tmp_path / "state")  # two steps into the second epoch, with the strength of the first two
    fresh = _Run(config, initial_model(config), training_split(config), None)._state()
    content = torch.load(tmp_path / "state", weights_only=True)
    if forgotten == "schedule":
        fresh["schedule"] = {"elapsed": 2}
    torch.save(content | {forgotten: fresh[forgotten]}, tmp_path / "state")
    assert_rejects(lambda found: same_bits(children.result(config), found), children.result(config, tmp_path / "state"))


def test_a_run_that_is_over_yields_its_rows_again_without_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = children.result(SMALL, tmp_path / "state")
    monkeypatch.setattr(_Run, "_step", None)
    same_bits(first, children.result(SMALL, tmp_path / "state"))
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_the_end_is_saved_however_long_that_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "SHARE", 1e-9)  # after the first state no other is due
    test_a_run_that_is_over_yields_its_rows_again_without_a_step(tmp_path, monkeypatch)


# --- the file


@pytest.mark.parametrize("changes", [{"seed": 4}, {"method": "lsr"}, {"eta": 0.2}, {"epochs": 5}])
def test_the_state_of_another_run_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    killed_after(3, SMALL, tmp_path / "state")
    with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
        next(train(replace(SMALL, **changes), state=tmp_path / "state"))


def test_the_state_of_other_weights_versions_and_no_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(3, SMALL, tmp_path / "state")
    with pytest.raises(ValueError, match="it is another's"):
        next(train(SMALL, initial_model(replace(SMALL, seed=4)), state=tmp_path / "state"))
    monkeypatch.setattr(state, "environment", lambda *_: {"code": "other"})
    with pytest.raises(ValueError, match="it is another's"):
        next(train(SMALL, state=tmp_path / "state"))
    (tmp_path / "text").write_text("no state", encoding="utf-8")
    with pytest.raises(ValueError, match=r"state = .*text must be the state of a run; it is not one"):
        next(train(SMALL, state=tmp_path / "text"))


def test_how_often_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "SECONDS", 30.0)
    monkeypatch.setattr(state, "SHARE", 0.05)
    file = StateFile(tmp_path / "state", "run")
    file.save_if_due(dict, within_epoch=True)
    assert not file.path.exists()  # not yet half a minute
    file.save_if_due(dict)
    assert file.path.exists()
    file.path.unlink()
    file.last, file.cost = time.monotonic() - 100, 6.0  # writing took 6 s: 100 s are not yet twenty times as long
    file.save_if_due(dict)
    assert not file.path.exists()
    file.last = time.monotonic() - 130
    file.save_if_due(dict, within_epoch=True)
    assert file.load() == {"identity": "run"}
