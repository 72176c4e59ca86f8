"""A killed run goes on to the bits of an undisturbed one, and no other run's file is taken for its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.empirics.simulation.bits import assert_same_bits
from tests.empirics.simulation.stages import PLAN, stage
from tests.planted import assert_rejects
from tsla.empirics.runs import records
from tsla.empirics.runs import resume as snapshot
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import Trajectory, simulate

NOISY = Oracle(1.0, 0.3, 0.5, 0.2)
COMPILED = [False, pytest.param(True, marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed"))]


class KilledError(Exception):
    pass


def run(state: Path | None, *, die_at: int | None = None, **changed: object) -> Trajectory:
    def progress(step: int, _: int) -> None:
        heard.append(step)
        if step == die_at:
            raise KilledError

    heard.clear()
    arguments: dict[str, object] = {"replicas": 700, "seed": 4, "checkpoints": [0, 10, 30, 40, 50, 60, 71], "threads": 2} | changed
    return simulate(problems.get("sine_valley", dimension=50), NOISY, PLAN, state=state, progress=progress, **arguments)


heard: list[int] = []


@pytest.fixture(autouse=True)
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SECONDS", 0.0)
    monkeypatch.setattr(snapshot, "SHARE", np.inf)


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("die_at", [10, 30, 40, 60])
def test_a_broken_run_goes_on_to_the_same_bits(tmp_path: Path, die_at: int, compiled: bool) -> None:
    """Broken within a stage, at its end, and in a stage whose step size falls; resumed with another number of threads."""
    whole, state = run(None, compiled=compiled), tmp_path / "state"
    with pytest.raises(KilledError):
        run(state, die_at=die_at, compiled=compiled)
    assert state.exists()
    resumed = run(state, compiled=compiled, threads=1)
    assert heard == [step for step in (10, 30, 40, 50, 60, 71) if step > die_at]
    assert_same_bits(whole, resumed)
    assert_same_bits(whole, run(state, compiled=compiled))
    assert heard == []  # the run was over
    assert list(tmp_path.iterdir()) == [state]


@pytest.mark.parametrize("name", ["w", "grad2_sum", "generators", "done", "grad2"])
def test_every_part_of_the_file_counts(tmp_path: Path, name: str) -> None:
    whole, state = run(None), tmp_path / "state"
    with pytest.raises(KilledError):
        run(state, die_at=40)
    arrays = dict(np.load(state, allow_pickle=False))
    arrays[name] = arrays[name] * arrays[name].dtype.type(2)
    with state.open("wb") as file:
        np.savez(file, **arrays)
    assert_rejects(lambda wrong: assert_same_bits(whole, wrong), run(state))


@pytest.mark.parametrize(
    "changed",
    [{"seed": 5}, {"replicas": 701}, {"checkpoints": [71]}, {"start": np.full(50, 2.0)}, {"compiled": True}],
    ids=str,
)
def test_another_run_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    if "compiled" in changed and find_spec("numba") is None:
        pytest.skip("numba is not installed")
    state = tmp_path / "state"
    with pytest.raises(KilledError):
        run(state, die_at=30)
    before = state.read_bytes()
    with pytest.raises(ValueError, match=r"state = .*state must be a snapshot of this very run; it is another's: remove it"):
        run(state, **changed)
    assert state.read_bytes() == before


def test_another_problem_oracle_or_plan_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def other(name: str = "stall", L: float = 1.0, oracle: Oracle = NOISY, eta: float = 0.1, die_at: int | None = None) -> None:
        def progress(step: int, _: int) -> None:
            if step == die_at:
                raise KilledError

        problem = problems.get(name, **({"L": L} if name == "stall" else {}))
        simulate(problem, oracle, [stage(eta, 0.5, 9)], replicas=3, seed=0, start=[1.0], state=state, progress=progress)

    with pytest.raises(KilledError):
        other(die_at=5)
    for changed in ({"name": "cosine"}, {"L": 1.5}, {"oracle": Oracle(1.0, 0.3, 0.5, 0.1)}, {"eta": 0.11}):
        with pytest.raises(ValueError, match="it is another's"):
            other(**changed)
    other()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "state"
    state.write_bytes(content)
    with pytest.raises(ValueError, match=r"state = .*state must be a snapshot of a run; it is not one"):
        run(state)
    assert state.read_bytes() == content


def test_a_snapshot_is_taken_when_it_is_due_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SECONDS", 1000.0)
    file = snapshot.Snapshot(tmp_path / "state", "this")
    file.save_if_due(lambda: {"x": np.ones(1)})
    assert not file.path.exists()
    file.last -= 1001
    file.save_if_due(lambda: {"x": np.ones(1)})
    assert file.path.exists()
    monkeypatch.setattr(snapshot, "SECONDS", 0.0)
    monkeypatch.setattr(snapshot, "SHARE", 0.05)
    file.last, file.cost = time.monotonic() - 100, 6.0  # writing took 6 s: 100 s are not yet twenty times as long
    file.path.unlink()
    file.save_if_due(lambda: {"x": np.ones(1)})
    assert not file.path.exists()


def test_a_file_of_other_versions_or_sources_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    with pytest.raises(KilledError):
        run(state, die_at=30)
    monkeypatch.setattr(records, "environment", lambda *_: {"code": "other"})
    with pytest.raises(ValueError, match="it is another's"):
        run(state)


# Not the true environment: an edit of the sources while the test runs is not what it is about.
SCRIPT = """
import sys, time
from pathlib import Path
from tsla.empirics.runs import records, resume
from tsla.empirics.simulation import simulate
from tests.empirics.runs.test_resume import run
records.environment = lambda *_: {}
resume.SECONDS, resume.SHARE = 0.0, float("inf")
def tell(progress, done, rules):
    print(done, flush=True)
    time.sleep(0.3)
simulate._tell = tell
run(Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_process_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "environment", lambda *_: {})
    state = tmp_path / "state"
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SCRIPT, str(state)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], env={**os.environ}
    )
    assert process.stdout is not None
    with process.stdout as lines:
        while int(next(lines)) < 40:
            pass
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed = run(state)
    assert heard == [50, 60, 71]
    assert_same_bits(run(None), resumed)
