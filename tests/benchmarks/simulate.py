"""The benchmark of the simulator: its rate beside NumPy's rate of drawing the same numbers and nothing else, and beside other libraries.

``python -m tests.benchmarks.simulate``: 1,000 replicas in 1, 10 and 100 dimensions of label-smoothed SGD with a bias, two normals a
coordinate-step. Rounds are interleaved. Writes ``simulate.md`` and ``simulate.json``, and says of each target whether it holds; the exit
code is 0 either way.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence

from tests.benchmarks.harness import page, simulate_peers, timing
from tests.benchmarks.harness.simulate_peers import ETA, ORACLE, THETA
from tsla.empirics.runs.progress import Progress
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.figures import markdown
from tsla.theory.constants import Array
from tsla.theory.plan import Stage

REPLICAS = 1000
NUMBERS = 16384  # drawn by one call of NumPy: what is quickest
WARM_UP = 60  # steps, after which the contestants' mean squared gradients are compared
SEPARATE = 6.0  # standard errors between two means from which one of them is wrong
CASES = (("sine_valley", 1), ("sine_valley", 10), ("sine_valley", 100), ("geman_mcclure", 10), ("geman_mcclure", 100))
COLUMNS = ("problem", "d", "contestant", "rate ÷ NumPy's normals alone, median (range)", "ns a coordinate-step", "rounds kept, dropped")


@dataclass(frozen=True)
class Setting:
    """A problem, and the threads of those who have them."""

    problem: str
    d: int
    threads: int
    replicas: int = REPLICAS

    @property
    def made(self) -> Problem:
        """The problem."""
        return problems.get(self.problem, dimension=self.d)


Work = Callable[[Setting, int], Array | None]  # makes so many steps from the start; the last ‖∇F‖², (replicas,)


def numbers(setting: Setting, steps: int) -> None:
    """Two normals a coordinate-step, and nothing else."""
    calls = math.ceil(2 * setting.replicas * setting.d * steps / (setting.threads * NUMBERS))

    def fill(seed: SeedSequence) -> None:
        rng, out = Generator(SFC64(seed)), np.empty(NUMBERS)
        for _ in range(calls):
            rng.standard_normal(out=out)

    with ThreadPoolExecutor(setting.threads) as pool:
        list(pool.map(fill, SeedSequence(0).spawn(setting.threads)))


def own(setting: Setting, steps: int, *, compiled: bool) -> Array:
    """The simulator."""
    if compiled:
        import_module("numba")  # its absence is a row of the table
    stage = Stage(np.asarray(ETA), np.asarray(THETA), np.asarray(float(steps)))
    run = simulate(
        setting.made,
        ORACLE,
        [stage],
        replicas=setting.replicas,
        seed=0,
        checkpoints=[steps],
        threads=setting.threads,
        compiled=compiled,
    )
    return run.grad2[0]


def loop(setting: Setting, steps: int) -> Array:
    """A plain loop over seeds and steps, with NumPy for the d coordinates."""
    problem, last = setting.made, np.empty(setting.replicas)
    for seed in range(setting.replicas):
        rng, w = Generator(SFC64(seed)), problem.start.copy()
        for _ in range(steps):
            g, ghat = (x[0] for x in ORACLE.draw(problem.gradient(w)[None], rng))
            w -= ETA * ((1 - THETA) * g + THETA * ghat)
        last[seed] = np.sum(problem.gradient(w) ** 2)
    return last


def peer(name: str) -> Work:
    """A library's version of the same loop, which gives the last iterates."""

    def work(setting: Setting, steps: int) -> Array:
        last = getattr(simulate_peers, f"{name}_loop")(setting.problem, setting.made.start, setting.replicas, steps, setting.threads)
        return np.sum(setting.made.gradient(last) ** 2, axis=1)

    return work


CONTESTANTS: dict[str, Work] = {
    "numbers": numbers,
    "general": partial(own, compiled=False),
    "compiled": partial(own, compiled=True),
    "loop": loop,
    **{name: peer(name) for name in ("numpy", "numba", "torch", "jax")},
}


@dataclass
class Row:
    """How long a contestant needed; ``ratio``: of its rate to that of NumPy's numbers; ``problem``: why there is no time."""

    setting: Setting
    contestant: str
    problem: str = ""
    seconds: float | None = None
    ratio: timing.Spread | None = None
    calls: list[timing.Call | None] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        rounds = f"{self.ratio.kept}, {self.ratio.dropped}" if self.ratio else ""
        each = "" if self.seconds is None else f"{1e9 * self.seconds / (self.setting.replicas * self.setting.d):.3g}"
        return self.setting.problem, str(self.setting.d), self.contestant, str(self.ratio or self.problem), each, rounds


def run(setting: Setting, rounds: int, budget: float, progress: Progress) -> list[Row]:
    """Let all contestants make some steps, compare what they found, then time them: ``budget`` seconds a call, about."""
    rows = [Row(setting, name) for name in CONTESTANTS]
    clocks, reference = {}, None
    for row in rows:
        progress.advance(f"{setting.problem}, d = {setting.d}: {row.contestant} warms up")
        work = CONTESTANTS[row.contestant]
        try:
            found = work(setting, WARM_UP)
            reference = found if row.contestant == "general" else reference
            row.problem = disagreement(found, reference)
        except ModuleNotFoundError as error:
            row.problem = f"{error.name} is not installed"
        if not row.problem:
            once = timing.timed(partial(work, setting, WARM_UP), steps=WARM_UP).seconds
            steps = max(1, int(budget / once))
            clocks[row.contestant] = partial(timing.timed, partial(work, setting, steps), steps=steps)
    calls = timing.interleaved(
        clocks, dict.fromkeys(clocks, rounds), lambda what: progress.advance(f"{setting.problem}, d = {setting.d}: {what}")
    )
    for row in rows:
        row.calls = calls.get(row.contestant, [])
        row.ratio = timing.ratios(calls["numbers"], row.calls)
        seconds = [call.seconds for call in row.calls if call is not None]
        row.seconds = statistics.median(seconds) if seconds else None
    return rows


def disagreement(found: Array | None, reference: Array | None) -> str:
    """Why the last ``‖∇F‖²`` of two contestants are not of one law, or nothing."""
    if found is None or reference is None:
        return ""
    error = math.sqrt((found.var() + reference.var()) / len(found))
    off = abs(found.mean() - reference.mean())
    return "" if off <= SEPARATE * error else f"another law: mean ‖∇F‖² {found.mean():.4g}, ours {reference.mean():.4g}"


def verdicts(rows: Sequence[Row]) -> list[str]:
    """One line a target and case: what was measured, and whether it holds."""
    lines = []
    for setting in dict.fromkeys(row.setting for row in rows):
        found = {row.contestant: row for row in rows if row.setting == setting}
        for name, base, least in (("general", "numbers", 0.5), ("compiled", "numbers", 1.5), ("compiled", "loop", 100.0)):
            what = f"{setting.problem}, d = {setting.d}: rate of {name} over {base}"
            lines.append(page.judged(what, timing.ratios(found[base].calls, found[name].calls), least=least))
    return lines


def write(folder: Path, threads: int, rounds: int, rows: Sequence[Row]) -> None:
    """``simulate.json`` and ``simulate.md``."""
    run = f"{REPLICAS} replicas, eta {ETA}, theta {THETA}, {ORACLE}"
    header = page.about(rounds, ("numpy", "numba", "torch", "jax"), threads=str(threads), run=run)
    table = markdown.table(COLUMNS, [row.cells() for row in rows])
    page.write(folder, "simulate", "The simulator: rates", header, rows, table, verdicts(rows))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.simulate", description="Rates of the simulator.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a call, about")
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run, write after every case, and say whether the targets hold."""
    options = parse(arguments)
    rows: list[Row] = []
    with Progress("simulate", total=len(CASES) * (len(CONTESTANTS) + options.rounds)) as progress:
        for name, d in CASES:
            rows += run(Setting(name, d, options.threads, options.replicas), options.rounds, options.seconds, progress)
            write(options.out, options.threads, options.rounds, rows)
    sys.stdout.write("\n".join([str(options.out / "simulate.md"), *verdicts(rows), ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
