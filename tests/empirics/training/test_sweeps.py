"""A sweep is all runs of a grid, each as if run alone; what is done stays done, and what dies takes nothing with it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pandas as pd
import pytest

from tests.empirics.runs.parts import age, does_what_is_lost_and_no_more, rewritten
from tests.refusals import refusals
from tsla import cli
from tsla.empirics.runs import provenance, records
from tsla.empirics.runs.parallel import Workers, workers
from tsla.empirics.training import sweeps
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.loop import Row, train
from tsla.empirics.training.sweeps import engine, one
from tsla.empirics.training.sweeps.dashboard import line
from tsla.empirics.training.sweeps.one import Run, table
from tsla.extras import MissingExtraError
from tsla.theory.testing.planted import assert_rejects

FILE = """
name = "tiny"
seeds = [0, 1]
[fixed]
data = "digits"
model = "mlp"
train-size = 64
epochs = 2
measure-at = [0]
[grid]
method = ["sgd", "lsr"]
eta = [0.1, 1]
"""
FIXED: dict[str, Any] = {"model": "mlp", "train_size": 64, "epochs": 2, "measure_at": (0,)}
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


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "sweep.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def runs_of(text: str, folder: str = "out") -> list[Run]:
    return [Run(config, Path(folder).resolve()) for config in sweeps.read(written(text)).configs]


def tiny(text: str = FILE, folder: str = "out", **options: Any) -> sweeps.Outcome:
    return sweeps.run(sweeps.read(written(text)), Path(folder), origin="tsla sweep sweep.toml", **{"jobs": 1} | options)


def recorded(text: str = FILE, folder: str = "out", **options: Any) -> Path:
    """The record of a sweep all of whose runs ended well."""
    found = tiny(text, folder, **options)
    assert found.failed == ()
    assert found.record is not None
    return found.record


# --- the file


def test_a_file_is_the_grid_times_the_seeds() -> None:
    sweep = sweeps.read(written(FILE))
    expected = [TrainingConfig(method, seed, eta=eta, **FIXED) for method, eta, seed in product(["sgd", "lsr"], [0.1, 1.0], [0, 1])]
    assert (sweep.name, list(sweep.configs)) == ("tiny", expected)
    assert [sweep.label(config) for config in sweep.configs[:2]] == ["sgd eta 0.1 seed 0", "sgd eta 0.1 seed 1"]

    counted = sweeps.read(written(FILE.replace("seeds = [0, 1]", "seeds = { first = 5, count = 3 }")))
    assert [config.seed for config in counted.configs[:3]] == [5, 6, 7]


def test_what_a_run_has_no_use_for_makes_no_other_run() -> None:
    sweep = sweeps.read(written(FILE.replace("eta = [0.1, 1]", "drop = [2, 0]\ntheta = [0.1, 0.2]").replace('"lsr"]', '"lsr", "tsla"]')))
    labels = [sweep.label(config).removesuffix(" seed 0") for config in sweep.configs if config.seed == 0]
    smoothed = [f"theta {theta}" for theta in (0.1, 0.2)]
    assert labels == ["sgd", *(f"lsr {how}" for how in smoothed), *(f"tsla drop {drop} {how}" for drop in (2, 0) for how in smoothed)]
    assert sweep.configs[:2] == tuple(TrainingConfig("sgd", seed=seed, **FIXED) for seed in (0, 1))


REFUSALS = {
    "not TOML": ("name = ", "sweep.toml: Invalid value"),
    "not UTF-8": ("\udcff", "sweep.toml: 'utf-8' codec"),
    "no name": (FILE.replace('name = "tiny"', ""), "name = None must be letters"),
    "a path for a name": (FILE.replace('"tiny"', '"../tiny"'), "name = '../tiny' must be letters"),
    "an unknown table": (
        FILE.replace("[grid]", "[gird]"),
        "gird = {'eta': [0.1, 1], 'method': ['sgd', 'lsr']} is unknown here; must be one of name",
    ),
    "an unknown field": (FILE.replace("epochs", "epoch"), "epoch = 2 is unknown here; must be one of method, epochs"),
    "another spelling": (FILE.replace("train-size", "train_size"), "train_size = 64 must be spelled train-size"),
    "a varied machine": (FILE.replace("eta = [0.1, 1]", "threads = [1, 2]"), "threads = [1, 2] is varied and must be fixed"),
    "an unknown varied field": (FILE.replace("eta", "lr"), "lr = [0.1, 1] is unknown here"),
    "no method": ('name = "a"\nseeds = [0]\n[fixed]\n[grid]\n', "method is missing; must stand in [fixed] or [grid]"),
    "no table": ("fixed = 1\n" + FILE.replace("[fixed]", "[grid.x]"), "fixed = 1 must be a table"),
    "a seed that is fixed": (FILE.replace("epochs = 2", "seed = 2"), "seed = 2 is unknown here"),
    "fixed and varied": (FILE.replace("epochs = 2", "eta = 0.3"), "eta = [0.1, 1] is varied and must not be fixed too"),
    "no list": (FILE.replace("[0.1, 1]", "0.1"), "eta = 0.1 must be a list of one or more values"),
    "an empty list": (FILE.replace("[0.1, 1]", "[]"), "eta = [] must be a list of one or more values"),
    "a value twice": (FILE.replace("[0.1, 1]", "[1, 0.1, 1.0]"), "eta = [1, 0.1, 1.0] has 1.0 twice"),
    "a seed twice": (FILE.replace("[0, 1]", "[3, 3]"), "seeds = [3, 3] has 3 twice"),
    "no seeds": (FILE.replace("seeds = [0, 1]", ""), "seeds = None must be a list"),
    "no count": (FILE.replace("[0, 1]", "{ first = 1 }"), "count = None must be a whole number"),
    "a count of none": (FILE.replace("[0, 1]", "{ count = 0 }"), "count = 0 must be a whole number, 1 ... 1000000"),
    "an endless count": (FILE.replace("[0, 1]", "{ count = 1_000_000_000_000 }"), "count = 1000000000000 must be a whole number"),
    "more runs than a memory holds": (FILE.replace("[0, 1]", "{ count = 999_999 }"), "runs; must be at most 1000000"),
    "lists in lists": ("a = " + "[" * 3000 + "]" * 3000, "nested too deep"),
    "a last seed": (FILE.replace("[0, 1]", "{ first = 0, last = 3 }"), "last = 3 is unknown here; must be one of first, count"),
    "a bad value in the last run": (FILE.replace("[0.1, 1]", "[0.1, -1]"), "eta = -1 must be above 0"),
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.values(), ids=REFUSALS)
def test_other_files_are_refused_in_one_line_before_anything_runs(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sweep.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SystemExit) as end:
        cli.main(["sweep", "sweep.toml"])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("tsla sweep: sweep.toml: ")
    assert message in err
    assert os.listdir() == ["sweep.toml"]  # noqa: PTH208 - all of it, hidden files too


def test_a_missing_file_is_refused_and_the_example_is_none() -> None:
    with pytest.raises(ValueError, match=r"FILE = nowhere\.toml: no such file"):
        sweeps.read(Path("nowhere.toml"))
    assert len(sweeps.read(Path(__file__).parents[3] / "examples" / "sweep.toml").configs) == 12


# --- the results


def is_the_sweep(path: Path) -> None:
    """The record holds what :func:`train` yields for every configuration, in the order of the sweep."""
    record = records.read(path)
    configs = [TrainingConfig.of_flat(config) for config in record.config["configs"]]
    assert configs == list(sweeps.read(written(FILE)).configs)
    expected = pd.concat([pd.DataFrame(list(train(config))) for config in configs], ignore_index=True)
    pd.testing.assert_frame_equal(record.table[expected.columns], expected, check_dtype=False)


def test_the_record_is_every_run_as_if_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", str(written(FILE)), "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert out == "build/sweeps/tiny/tiny.parquet\n"
    is_the_sweep(path := Path(out.strip()))
    record = records.read(path)
    assert record.command == "tsla sweep sweep.toml"
    lines = err.splitlines()
    assert len(lines) == 8
    assert all(line.startswith(f"tiny {i + 1}/8  ") for i, line in enumerate(lines))
    assert any("lsr eta 1.0 seed 1  done  F " in line for line in lines)

    keys = ["method", "config_eta", "seed", "epoch"]
    parts, merged = (table.sort_values(keys, ignore_index=True) for table in (pd.read_parquet(path.parent / "runs"), record.table))
    pd.testing.assert_frame_equal(parts, merged)
    records.write(path, record.table.iloc[::-1].reset_index(drop=True), record.config, record.command)  # planted: the runs are swapped
    assert_rejects(is_the_sweep, path)


def test_runs_of_all_kinds_have_the_same_columns() -> None:
    measured = TrainingConfig("lsr", 0, epochs=2, drop=1, measure_at=(0,), model="mlp", train_size=64)
    (row, *_) = rows = list(train(measured))
    bare = [{name: value if name in ("method", "seed", "epoch") or name[:3] in ("eta", "the") else None for name, value in row.items()}]
    other = replace(measured, train_size=None, measure_at=(), folder="photos", data="folder")
    for name, (config, some) in {"a": (measured, rows), "b": (other, bare)}.items():
        records.write(Path(f"both/{name}.parquet"), table(config, some), {}, "")
    assert table(measured, rows).dtypes.equals(table(other, bare).dtypes)
    whole = pd.read_parquet("both")
    assert whole["train_size"].isna().sum() == 1
    assert list(whole["folder"].dropna()) == ["photos"]


# --- what is done stays done


def test_what_is_done_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Path("out/runs")
    does_what_is_lost_and_no_more(recorded, runs)
    parts = age(runs)
    recorded(FILE.replace("[fixed]", "[fixed]\nthreads = 2"))  # the same runs on another machine
    assert rewritten(runs) == set()
    elsewhere = provenance.environment() | {"code": "000000000000"}
    monkeypatch.setattr(provenance, "environment", lambda *_: elsewhere)
    tiny()
    assert rewritten(runs) == parts


# --- what fails, fails alone


@pytest.fixture
def failing() -> Iterator[pytest.MonkeyPatch]:
    """One of the eight runs raises in its second epoch, until this is undone."""

    def broken(config: TrainingConfig, **options: Any) -> Iterator[Row]:
        for row in train(config, **options):
            if (config.method, config.eta, config.seed, row["epoch"]) == ("sgd", 1.0, 1, 1):
                raise RuntimeError("no\nluck")
            yield row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one, "train", broken)
        yield patch


def test_a_run_that_fails_is_listed_with_its_command_and_stops_no_other(
    failing: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["sweep", str(written(FILE)), "--jobs", "1"]) == 1
    out, err = capsys.readouterr()
    record, runs = records.read(Path(out.strip())), Path("build/sweeps/tiny/runs")
    assert len(record.config["configs"]) == len(list(runs.iterdir())) == 7
    title, failure, command = err.splitlines()[-3:]
    assert title == "1 of 8 runs failed:"
    assert failure == "  sgd eta 1.0 seed 1: RuntimeError: no luck"

    failing.undo()
    assert_rejects(is_the_sweep, Path(out.strip()))
    assert cli.main([*shlex.split(command)[1:], "--out", "again.parquet"]) == 0
    again = records.read(Path("again.parquet"))
    assert TrainingConfig.of_flat(again.config) == sweeps.read(Path("sweep.toml")).configs[3]

    age(runs)
    assert cli.main(["sweep", "sweep.toml", "--jobs", "1"]) == 0
    assert len(rewritten(runs)) == 1
    is_the_sweep(Path(out.strip()))


def test_without_status_and_state_runs_go_on_and_one_that_fails_is_listed(failing: pytest.MonkeyPatch) -> None:
    Path("out").mkdir()
    Path("out/state").symlink_to("nowhere")  # so that neither can be written
    found = tiny()
    assert [(label, reason) for label, reason, _ in found.failed] == [("sgd eta 1.0 seed 1", engine.UNKNOWN)]
    assert found.record is not None
    assert len(records.read(found.record).config["configs"]) == 7
    failing.undo()
    is_the_sweep(recorded())


class Deadly(Workers):
    """A worker that dies of one run, as one does that runs out of memory; the runs that were still to come are lost with it."""

    def each(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        for (run,) in arguments:
            if run.config.seed == 0:
                run.say({"ended": None, "where": "here", "seconds": 0.0, "pid": 0})
                raise RuntimeError("killed")
            yield function(run)


def test_a_run_that_kills_its_workers_is_given_up_and_stops_no_other() -> None:
    runs = runs_of(FILE.replace("measure-at = [0]", "measure-at = []"))[:3]
    engine._run_all(runs, Deadly("loky", 1))
    lost = "its worker was lost 3 times: killed"
    assert [run.seen().get("error") for run in runs] == [lost, None, lost]
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


# --- the dashboard


def test_a_line_says_how_far_a_run_is_and_how_it_ended() -> None:
    seen = {"where": "host", "seconds": 12.4, "pid": 1, "ended": None}
    numbers = {"epoch": 3, "train_loss": 0.51234, "test_accuracy": 0.8765}
    assert line(seen, 20) == "epoch 0 of 20  12 s  on host"
    assert line(seen | numbers, 20) == "epoch 3 of 20  F 0.5123  test accuracy 0.876  12 s  on host"
    assert line(seen | numbers | {"ended": "done"}, 20) == "done  F 0.5123  test accuracy 0.876  12 s  on host"
    assert line(seen | {"ended": "failed", "error": "ValueError: no"}, 20) == "failed: ValueError: no  12 s  on host"
