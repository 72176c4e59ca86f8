"""How cost grows: what is timed at several sizes, and the exponent of its growth.

``python -m tests.benchmarks.scale``: moments of networks, simulated runs, sweeps and records, in one thread. Sizes take turns. An exponent
is the slope of log time on log size over the medians, with Student's interval at 95 %. Then sweeps whose workers are lost, which are
simulated. Writes ``scale.md`` and ``scale.json``, and with ``--page`` the tables of a page; the exit code is 0 whatever is found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tests.benchmarks import simulate
from tests.benchmarks.harness import networks, page, sweeping, timing
from tests.benchmarks.harness.growth import Ladder, Row, Rung, Work, climb, rung
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.runs import records
from tsla.empirics.runs.files import write_text
from tsla.empirics.runs.parallel import workers
from tsla.empirics.runs.progress import Progress
from tsla.empirics.training import sweeps
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.devices import threads
from tsla.empirics.training.sweeps.one import Run
from tsla.figures import markdown

BEGIN = "<!-- written by make bench-scale -->"
COLUMNS = ("what", "grows with", "from, to", "exponent [95 %]", "time at the largest")
LOSSES = ("workers", "epochs until one of them is lost, mean", "runs that end well", "part of the epochs in vain")
SMALL, SMALL_JOBS = 3, 12  # sizes of a ladder, and runs, in a trial
JOBS, SLEEP = 1000, 0.005  # runs of a sweep, of two rows each, and the seconds of a row
WARM_UP = 0.5  # seconds of a row, while the other workers import what they need
ROWS = 1000  # of a part of a record
MILLION, TARGET = 10**6, 1.0  # rows, and seconds in which they are to be read


# --- what is timed


class Tokens(nn.Module):
    """A layer of a transformer on tokens ``(n, T, 64)``, whose mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        self.head = nn.Linear(64, networks.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layer(x).mean(1))
        return logits


def moments(model: nn.Module, inputs: Tensor, classes: int = networks.CLASSES) -> Work:
    """The moments of a batch."""
    return partial(gradient_moments, model, inputs, torch.randint(classes, inputs.shape[:1]))


def of_moments(seconds: float) -> Iterable[Ladder]:
    """Moments, by what they may be many of."""

    def parameters(width: int) -> Rung:
        deep, head = nn.Linear(width, width), nn.Linear(width, networks.CLASSES)
        model = nn.Sequential(nn.Linear(64, width), nn.Tanh(), deep, nn.Tanh(), head)
        return rung(sum(p.numel() for p in model.parameters()), moments(model, torch.randn(64, 64)), seconds)

    def batch(n: int) -> Rung:
        model, inputs, _ = networks.build("small-cnn", n, 0)
        return rung(n, moments(model, inputs), seconds)

    def classes(K: int) -> Rung:
        model = nn.Sequential(nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, K))
        return rung(K, moments(model, torch.randn(64, 64), K), seconds)

    def tokens(T: int) -> Rung:
        return rung(T, moments(Tokens(), torch.randn(8, T, 64)), seconds)

    yield Ladder("moments, MLP, 64 examples", "parameters", (128, 256, 512, 1024, 2048), parameters)
    yield Ladder("moments, small CNN", "examples", (16, 32, 64, 128, 256), batch)
    yield Ladder("moments, MLP, 64 examples", "classes", (16, 64, 256, 1024, 4096), classes)
    yield Ladder("moments, transformer layer, 8 examples", "tokens", (32, 64, 128, 256, 512), tokens)


def of_simulation(seconds: float) -> Iterable[Ladder]:
    """Runs of the simulator: general, and compiled where there is numba."""

    def made(compiled: bool, at: Callable[[int], tuple[int, int, int]], size: int) -> Rung:
        replicas, d, steps = at(size)
        setting = simulate.Setting("sine_valley", d, 1, replicas)
        return rung(size, partial(simulate.own, setting, steps, compiled=compiled), seconds)

    for name, compiled in (("general", False), ("compiled", True))[: 2 if find_spec("numba") else 1]:
        for grows_with, fixed, sizes, at in (
            ("seeds", "d = 10, 200 steps", (250, 500, 1000, 2000, 4000), lambda seeds: (seeds, 10, 200)),
            ("d", "500 seeds, 200 steps", (1, 4, 16, 64, 256), lambda d: (500, d, 200)),
            ("T", "500 seeds, d = 10", (100, 300, 1000, 3000, 10000), lambda T: (500, 10, T)),
        ):
            yield Ladder(f"{name} runs, {fixed}", grows_with, sizes, partial(made, compiled, at))


def of_sweeps(seconds: float, folder: Path, jobs: int) -> Iterable[Ladder]:
    """A sweep's bookkeeping by the runs that it has, and ``jobs`` runs that sleep by the workers that they have."""

    def told(n: int) -> list[Run]:
        runs = sweeping.runs(folder / f"told-{n}", n)
        for run in runs:
            run.say({"epoch": 0, "seconds": 0.0, "where": "here", "pid": 0, "ended": None})
        return runs

    def saying(n: int) -> Rung:
        first = told(n)[0]
        return rung(n, lambda: first.say(first.seen()), seconds)

    def looking(n: int) -> Rung:
        runs = told(n)
        return rung(n, lambda: [run.seen() for run in runs], seconds)

    def again(n: int) -> Rung:
        runs = sweeping.runs(folder / f"again-{n}", n)
        for run in runs:
            sweeping.pretend(run)
        sweep = sweeps.Sweep("scale", tuple(run.config for run in runs), ("seed",))
        return rung(n, lambda: sweeps.run(sweep, runs[0].folder, origin=""), seconds)

    def with_workers(count: int) -> Rung:
        def clock() -> timing.Call:
            warm_up, runs = (sweeping.runs(Path(mkdtemp(dir=folder)), n) for n in (2 * count, jobs))
            with workers(jobs=count) as pool:
                list(pool.each(sweeping.pretend, [(run, WARM_UP) for run in warm_up]))
                call = timing.timed(lambda: list(pool.each(sweeping.pretend, [(run, SLEEP) for run in runs])))
            return timing.Call(call.seconds, 0.0)  # what the workers use is not used by others

        return Rung(count, clock)

    sizes = (32, 64, 128, 256, 512, 1024)
    yield Ladder("a run of a sweep writes its status", "runs", sizes, saying)
    yield Ladder("a look at all that is under way", "runs", sizes, looking)
    yield Ladder("a sweep is called again when all is done", "runs", sizes[:4], again)
    yield Ladder(f"{jobs:,} runs that sleep for {2e3 * SLEEP:g} ms", "workers", (1, 2, 4, 8), with_workers, rounds=2)


def of_records(seconds: float, folder: Path) -> Iterable[Ladder]:
    """Records, by their rows: 12 measured numbers, an epoch, a seed and a method in each."""

    def made(rows: int) -> pd.DataFrame:
        k, rng = np.arange(rows), np.random.default_rng(0)
        named = {"method": np.where(k // 20 % 2, "sgd", "lsr"), "seed": k // 20, "epoch": k % 20}
        return pd.DataFrame(named | {f"measured_{column}": rng.standard_normal(rows) for column in range(12)})

    def write(path: Path, table: pd.DataFrame) -> None:
        records.write(path, table, {}, "", rows=[ROWS] * (len(table) // ROWS))

    def writing(rows: int) -> Rung:
        return rung(rows, partial(write, folder / "written.parquet", made(rows)), seconds)

    def reading(rows: int) -> Rung:
        path = folder / f"{rows}.parquet"
        write(path, made(rows))
        return rung(rows, partial(records.read, path), seconds)

    def reading_runs(runs: int) -> Rung:
        path = folder / f"{runs}-runs.parquet"
        configs = [TrainingConfig("sgd", seed).flat() for seed in range(runs)]
        records.write(path, made(runs), {"configs": configs}, "", rows=[1] * runs)
        return rung(runs, partial(records.read, path), seconds)

    yield Ladder("a record is written", "rows", (1_000, 4_000, 16_000, 64_000), writing)
    yield Ladder("a record is read", "rows", (1_000, 10_000, 100_000, MILLION), reading)
    yield Ladder("a record of runs of one row is read", "runs", (1_000, 5_000, 25_000, 125_000), reading_runs)


def losses(jobs: int) -> list[tuple[str, ...]]:
    """The rows of the table of what happens where workers are lost."""
    rows = []
    for count in (10, 100, 1000):
        for life in (100_000, 10_000, 2_000, 500):
            well, in_vain = sweeping.survived(jobs, count, life)
            rows.append((f"{count:,}", f"{life / count:g}", f"{well:,} of {jobs:,}", f"{in_vain:.0%}"))
    return rows


# --- what is said of it


def verdict(rows: Sequence[Row]) -> str:
    """Whether a record of a million rows is read in time."""
    found = next((row.seconds[-1] for row in rows if row.what == "a record is read" and row.sizes[-1] == MILLION), None)
    what = f"A record of {MILLION:,} rows is read"
    if found is None:
        return f"{what}: not measured, target ≤ {TARGET:g} s"
    return f"{what} in {found:.2f} s, target ≤ {TARGET:g} s: {'holds' if found <= TARGET else 'does not hold'}"


def text(about: dict[str, str], rows: Sequence[Row], jobs: int) -> str:
    """The tables."""
    parts = [
        "\n".join(page.listed(about)),
        markdown.table(COLUMNS, [row.cells() for row in rows]),
        f"~: other processes disturbed every round of a size. {verdict(rows)}.",
        f"Sweeps of {jobs:,} runs of {sweeping.EPOCHS} epochs whose workers are lost, by simulation:",
        markdown.table(LOSSES, losses(jobs)),
    ]
    return "\n\n".join(parts)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description="How cost grows, with fitted exponents.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a call, at least")
    parser.add_argument("--small", action="store_true", help="the smallest sizes alone, and few runs: a trial")
    parser.add_argument("--only", default="", help="what has these words in it")
    parser.add_argument("--page", type=Path, help="a page with a place for the tables")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    options = parser.parse_args(arguments)
    if options.page:  # refused now, and not when all is measured
        try:
            filled(options.page, "")
        except (OSError, ValueError) as error:
            parser.error(f"page = {options.page} {error}")
    return options


def filled(page: Path, found: str) -> str:
    """The page with what was found in its place. Raises ValueError where it has none."""
    return markdown.filled(page.read_text(encoding="utf-8"), [found], BEGIN)


def main(arguments: list[str] | None = None) -> int:
    """Run, write after every ladder, and print the tables."""
    options = parse(arguments)
    jobs, rows = SMALL_JOBS if options.small else JOBS, list[Row]()
    header = page.about(options.rounds, ("numpy", "torch", "numba"), threads="1")
    with TemporaryDirectory() as folder, threads(1):
        at, seconds = Path(folder), options.seconds
        ladders = *of_moments(seconds), *of_simulation(seconds), *of_sweeps(seconds, at, jobs), *of_records(seconds, at)
        todo = [ladder for ladder in ladders if options.only in ladder.what]
        with Progress("scale", total=sum(min(options.rounds, ladder.rounds) for ladder in todo)) as progress:
            for ladder in todo:
                sizes = ladder.sizes[:SMALL] if options.small else ladder.sizes
                rows.append(climb(replace(ladder, sizes=sizes), options.rounds, progress))
                content = {"header": header, "rows": [vars(row) for row in rows]}
                write_text(options.out / "scale.json", json.dumps(content, indent=1, ensure_ascii=False))
    found = text(header, rows, jobs)
    write_text(options.out / "scale.md", f"# How cost grows\n\n{found}\n")
    if options.page:
        write_text(options.page, filled(options.page, found))
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
