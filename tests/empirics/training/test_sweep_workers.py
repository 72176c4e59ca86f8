"""A sweep goes on where its workers die or are killed, runs on those of a cluster, and refuses those that cannot be had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest

from tests.empirics.training.sweeping import FILE, recorded, runs_of, tiny, written
from tests.refusals import refusals
from tsla import cli
from tsla.empirics.runs.parallel import Workers, workers
from tsla.empirics.training.sweeps import engine
from tsla.empirics.training.sweeps.one import Run
from tsla.extras import MissingExtraError

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")
LONG = """
name = "long"
seeds = [0, 1]
[fixed]
method = "lsr"
model = "mlp"
train-size = 64
epochs = 80
measure-at = []
"""


class Deadly(Workers):
    """A worker that dies of one run, as one does that runs out of memory; the runs that were still to come are lost with it."""

    asked: ClassVar[list[list[Run]]] = []

    def each(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        self.asked.append([run for (run,) in arguments])
        for (run,) in arguments:
            if run.config.seed == 0:
                run.say({"ended": None, "where": "here", "seconds": 0.0, "pid": 0})
                raise RuntimeError("killed")
            yield function(run)


def test_a_run_that_kills_its_workers_is_given_up_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deadly, "asked", asked := list[list[Run]]())
    runs = runs_of(FILE.replace("measure-at = [0]", "measure-at = []"))[:3]
    engine._run_all(runs, Deadly("loky", 1))
    lost = "its worker was lost 3 times: killed"
    assert [run.seen().get("error") for run in runs] == [lost, None, lost]
    assert asked[1] == [runs[1], runs[2], runs[0]], "what was under way is run again after all others"
    assert runs[1].seen()["ended"] == "done"


def test_workers_that_start_nothing_are_not_asked_again_and_again() -> None:
    broken = Mock(Workers, each=Mock(side_effect=RuntimeError("no workers")))
    with pytest.raises(RuntimeError, match="no workers"):
        engine._run_all(runs_of(FILE)[:1], broken)


# --- what is killed goes on


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The record of LONG where nothing was killed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        return recorded(LONG).read_bytes()


def killed_after(epoch: int, run: Run) -> int | None:
    """Kill the process that the run is in, if it is under way and past the epoch. Returns what was killed."""
    seen = run.seen()
    if seen.get("ended") or seen.get("epoch", 0) < epoch:
        return None
    pid = int(seen["pid"])
    os.kill(pid, signal.SIGSTOP)  # so that it cannot end between a look and the kill
    under_way = not run.seen()["ended"]
    os.kill(pid, signal.SIGKILL if under_way else signal.SIGCONT)
    return pid if under_way else None


def test_killed_workers_are_run_again(undisturbed: bytes) -> None:
    runs = runs_of(LONG)
    killed: list[int] = []
    deadline = time.monotonic() + 60

    def kill_one() -> None:
        while not killed and time.monotonic() < deadline:
            killed.extend(pid for pid in [killed_after(3, runs[0])] if pid is not None)
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    whole = recorded(LONG, jobs=2).read_bytes()
    killer.join()
    assert killed not in ([], [os.getpid()])
    assert whole == undisturbed
    assert all(run.seen()["pid"] != killed[0] for run in runs)


def test_a_killed_sweep_goes_on_where_it_was(undisturbed: bytes) -> None:
    run, _ = runs_of(LONG, "build/sweeps/long")
    command = [sys.executable, "-m", "tsla", "sweep", "sweep.toml", "--jobs", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own command
        while process.poll() is None and killed_after(20, run) is None:
            time.sleep(0.01)
    assert not run.seen()["ended"]
    assert run.state.exists()
    assert cli.main(["sweep", "sweep.toml", "--jobs", "1"]) == 0
    assert Path("build/sweeps/long/long.parquet").read_bytes() == undisturbed
    assert not run.state.exists()


# --- where it runs


test_workers_that_cannot_be_had_are_refused = refusals(
    lambda options: ExitStack().enter_context(workers(**options)),
    ({"backend": "slurm"}, "backend = 'slurm' must be one of loky, ray, dask"),
    ({"address": "here:1"}, "address = 'here:1' must come with backend ray or dask"),
    ({"backend": "ray", "address": "127.0.0.1:1"}, "address = '127.0.0.1:1' must be that of a running cluster"),
    ({"backend": "dask", "address": "tcp://127.0.0.1:99999"}, "address = 'tcp://127.0.0.1:99999' must be that of a running cluster"),
    ({"jobs": 0}, "jobs = 0 must be a whole number, at least 1"),
)


MODULES = {"ray": "ray", "dask": "distributed"}


@pytest.mark.parametrize(("backend", "module"), MODULES.items())
def test_a_backend_that_is_not_installed_is_refused_in_one_line(backend: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"^backend = '{backend}' needs {module}: pip install 'tsla\[cluster\]'$"):
        tiny(backend=backend)
    assert not list(Path("out").rglob("*"))


CLUSTERS = {
    "ray": """
import ray
from ray.cluster_utils import Cluster
cluster = Cluster()
for _ in range(2):
    cluster.add_node(num_cpus=1)
address, stop = cluster.address, cluster.shutdown
""",
    "dask": """
from distributed import LocalCluster
cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
address, stop = cluster.scheduler_address, cluster.close
""",
}


@pytest.mark.parametrize("backend", CLUSTERS)
def test_a_cluster_gives_the_same_bytes(backend: str) -> None:
    if find_spec(MODULES[backend]) is None:
        pytest.skip(f"{backend} is not installed (extra cluster)")
    local = recorded(folder="local")
    script = f"""
import sys
from tsla import cli
if __name__ == "__main__":
    {CLUSTERS[backend].strip().replace(chr(10), chr(10) + "    ")}
    try:
        code = cli.main(["sweep", "sweep.toml", "--backend", "{backend}", "--address", address, "--out", "far"])
    finally:
        stop()
    sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", str(written(script, "cluster.py"))], capture_output=True, text=True, timeout=300)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert Path("far/tiny.parquet").read_bytes() == local.read_bytes()
    seen = [run.seen() for run in runs_of(FILE, "far")]
    assert len({run["pid"] for run in seen}) == 2
    assert backend != "ray" or len({run["where"] for run in seen}) == 2, "both nodes"
