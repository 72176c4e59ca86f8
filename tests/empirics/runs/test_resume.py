"""A killed run goes on to the bits of an undisturbed one, and no other run's file is taken for its own."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from numpy.random import Generator

from tests.empirics.runs.resumable import KINDS, Bits, KilledError, Kind, in_another_process, saving_always
from tests.empirics.simulation.stages import NOISY, stage
from tests.empirics.training.children import CONTEXT
from tsla.empirics.runs import arrays, provenance, tensors
from tsla.empirics.runs.resume import Codec, StateFile
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.theory.constants import Array
from tsla.theory.testing.planted import assert_rejects

# --- the file

CODECS = pytest.mark.parametrize(("codec", "content"), [(arrays, np.arange(3.0)), (tensors, torch.arange(3.0))], ids=["arrays", "tensors"])


@CODECS
def test_a_state_is_what_was_saved(codec: Codec, content: Any, tmp_path: Path) -> None:
    file = StateFile(tmp_path / "new" / "state", "run", codec)
    assert file.load() is None
    file.save_if_due(lambda: {"x": content}, over=True)
    found = StateFile(file.path, "run", codec).load()
    assert found is not None
    assert found["x"].tolist() == [0, 1, 2]
    assert list(file.path.parent.iterdir()) == [file.path]
    with pytest.raises(ValueError, match=r"^state = .*state must be the state of this very run; it is another's: remove it, or choose"):
        StateFile(file.path, "other", codec).load()


@CODECS
@pytest.mark.parametrize("bytes_", [b"", b"no archive", b"PK\x03\x04 broken", b"csys\nexit\n(tR."], ids=["empty", "text", "broken", "code"])
def test_a_file_that_is_no_state_is_refused_and_stays(codec: Codec, content: Any, bytes_: bytes, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(bytes_)
    with pytest.raises(ValueError, match=r"^state = .*state must be the state of a run; it is not a file of [^\n]*$"):
        StateFile(tmp_path / "state", "run", codec).load()
    assert (tmp_path / "state").read_bytes() == bytes_
    codec.save(tmp_path / "state", {"x": content})
    with pytest.raises(ValueError, match="it is another's"):
        StateFile(tmp_path / "state", "run", codec).load()
    with pytest.raises(ValueError, match=r"^state = .* can't be read: Is a directory; must be the state of a run$"):
        StateFile(tmp_path, "run", codec).load()


@CODECS
def test_a_state_that_cannot_be_written_is_said_once(codec: Codec, content: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    file = StateFile(tmp_path / "file" / "state", "run", codec)
    for _ in range(2):
        file.save_if_due(lambda: {"x": content}, over=True)
    assert [record.getMessage() for record in caplog.records] == [
        f"state = {file.path} can't be written: File exists; the run goes on without"
    ]


@pytest.mark.parametrize(
    ("ago", "cost", "how", "due"),
    [
        (10, 0.0, {}, False),
        (31, 0.0, {}, True),  # half a minute
        (0, 0.0, {"milestone": True}, True),
        (100, 6.0, {"milestone": True}, False),  # writing took 6 s: 100 s are not yet twenty times as long
        (130, 6.0, {}, True),
        (0, 6.0, {"over": True}, True),
    ],
)
def test_a_state_is_saved_when_it_is_due_and_not_before(ago: int, cost: float, how: dict[str, bool], due: bool, tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state", "run", arrays, time.monotonic() - ago, cost)
    file.save_if_due(dict, **how)
    assert file.path.exists() == due
    file.path.unlink(missing_ok=True)
    file.save_if_due(dict)
    assert not file.path.exists(), "a state that was just saved is not due again"


# --- runs


@pytest.fixture
def always() -> Iterator[None]:
    with saving_always():
        yield


def same_bits(expected: Bits, found: Bits) -> None:
    different = [name for name in {*expected, *found} if expected.get(name) != found.get(name)]
    assert not different


def broken_off(kind: Kind, state: Path, die_at: int, **how: Any) -> None:
    with pytest.raises(KilledError):
        kind.run(state, die_at, **how)


NUMBA = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
# Within a stage or an epoch, at its end, in another one, and where all is done but to say so.
RUNS = [
    pytest.param("simulated", {}, (2, 3, 4, 6), id="simulated"),
    pytest.param("simulated", {"compiled": True}, (2, 3, 4, 6), id="compiled", marks=NUMBA),
    *[pytest.param("trained", {"method": method}, (1, 5, 12, 20), id=method) for method in ("tsla", "annealed", "adaptive")],
    # It goes on with its running statistics.
    pytest.param("trained", {"model": "resnet8", "norm": "batch", "epochs": 2, "measure_at": (2,)}, (3,), id="batch norm"),
]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(("name", "how", "moments"), RUNS)
def test_a_broken_run_goes_on_to_the_same_bits(name: str, how: dict[str, Any], moments: tuple[int, ...], tmp_path: Path) -> None:
    kind, state = KINDS[name], tmp_path / "state"
    expected, total = kind.run(None, **how)
    for moment in moments:
        state.unlink(missing_ok=True)
        broken_off(kind, state, moment, **how)
        for left in (total - moment, 0):  # then the run was over
            found, done = kind.run(state, **how, **kind.otherwise)
            same_bits(expected, found)
            assert done == left
    assert list(tmp_path.iterdir()) == [state]


@pytest.mark.parametrize("name", KINDS)
def test_the_end_is_saved_however_long_that_takes(name: str, tmp_path: Path) -> None:
    first, _ = KINDS[name].run(tmp_path / "state")
    again, done = KINDS[name].run(tmp_path / "state")
    assert done == 0
    same_bits(first, again)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(("name", "part"), [(name, part) for name, kind in KINDS.items() for part in kind.parts])
def test_a_state_that_forgets_is_rejected(name: str, part: str, tmp_path: Path) -> None:
    """One part is that of an earlier state."""
    kind, early, late = KINDS[name], tmp_path / "early", tmp_path / "late"
    broken_off(kind, early, 2)
    broken_off(kind, late, kind.total * 2 // 3)
    kind.codec.save(late, kind.codec.load(late) | {part: kind.codec.load(early)[part]})
    expected, _ = kind.run(None)
    assert_rejects(lambda found: same_bits(expected, found), kind.run(late)[0])


@dataclass(frozen=True)
class Shifted:
    """An oracle that prints an array."""

    shifts: Array

    def draw_at(self, w: Array, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        g, ghat = NOISY.draw_at(w, gradient, rng, out)
        return g + self.shifts.sum(), ghat


MANY = np.zeros(2000)
"""More numbers than NumPy prints."""
OTHERS = [
    *[("simulated", {}, changed) for changed in ({"seed": 5}, {"replicas": 701}, {"checkpoints": [71]}, {"start": np.full(50, 2.0)})],
    *[("simulated", {}, {"oracle": Oracle(1.0, 0.3, 0.5, 0.1)}), ("simulated", {}, {"stages": [stage(0.11, 0.6, 71)]})],
    ("simulated", {}, {"problem": problems.get("rotated_sine_valley", dimension=50)}),
    ("simulated", {"problem": problems.get("quadratic", dimension=50)}, {"problem": problems.get("quadratic", dimension=50, L=1.5)}),
    ("simulated", {"oracle": Shifted(MANY)}, {"oracle": Shifted(np.where(np.arange(2000) == 1000, 5.0, MANY))}),
    pytest.param("simulated", {}, {"compiled": True}, marks=NUMBA),
    *[("trained", {}, changed) for changed in ({"seed": 4}, {"method": "lsr"}, {"eta": 0.2}, {"epochs": 5}, {"weights": 4})],
]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(("name", "how", "changed"), OTHERS)
def test_the_state_of_another_run_is_refused_and_stays(name: str, how: dict[str, Any], changed: dict[str, Any], tmp_path: Path) -> None:
    kind, state = KINDS[name], tmp_path / "state"
    broken_off(kind, state, 3, **how)
    before = state.read_bytes()
    with pytest.raises(ValueError, match="must be the state of this very run; it is another's"):
        kind.run(state, **how | changed)
    with patch.object(provenance, "environment", lambda *_: {"code": "other"}), pytest.raises(ValueError, match="it is another's"):
        kind.run(state, **how)
    assert state.read_bytes() == before


@pytest.mark.usefixtures("always")
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("name", KINDS)
def test_a_process_killed_at_three_moments_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    kind, state, seen = KINDS[name], tmp_path / "state", []
    for moment in (2, kind.total // 2, kind.total - 2):
        child = CONTEXT.Process(target=in_another_process, args=(name, state))
        child.start()
        while not (state.exists() and kind.done(kind.codec.load(state)) >= moment):
            assert child.is_alive()
            time.sleep(0.01)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        seen.append(kind.done(kind.codec.load(state)))
    assert seen == sorted(seen)
    assert seen[-1] < kind.total
    same_bits(kind.run(None)[0], kind.run(state)[0])
