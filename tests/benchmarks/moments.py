"""The benchmark of the gradient moments: time and memory beside one forward and two backward passes, and beside the other libraries.

``python -m tests.benchmarks.moments --quick``: ResNet-18 with GroupNorm at batch 64, all contestants. Without ``--quick`` also the grid of
networks and batches. Writes ``moments.md`` and ``moments.json``, and says of each target whether it holds; the exit code is 0 either way.
"""

from __future__ import annotations

import argparse
import copy
import math
import multiprocessing
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from empirics.moments import GradientMoments, gradient_moments
from empirics.moments_loop import moments_by_loop
from empirics.per_example import gradient_products
from empirics.progress import Progress
from tests.benchmarks import networks, peers, report, timing
from tests.benchmarks.report import HEADLINE, Case, Row

COMPILED = ("floor, compiled", "torch.func, compiled")
SLOW, SLOW_ROUNDS = 60.0, 2  # seconds a call from which a contestant gets no more rounds than this
TUNING_EXAMPLES = 32  # on which the fastest of a contestant's ways is found
PRECISION_EXAMPLES = 16
TOLERANCE = {"": 1e-3, "channels_last": 1e-3, "bf16": 5e-2}  # of the largest moment


@dataclass(frozen=True)
class Bench:
    """Runs cases on one device with one seed."""

    device: str
    seed: int
    rounds: int

    def load(self, case: Case) -> tuple[nn.Module, Tensor, Tensor]:
        """The model, inputs and labels of a case, on the device."""
        layout = torch.channels_last if case.variant == "channels_last" else torch.preserve_format
        model, inputs, labels = networks.build(case.network, case.batch, self.seed)
        return model.to(self.device, memory_format=layout), inputs.to(self.device, memory_format=layout), labels.to(self.device)

    def prepare(self, case: Case, way: peers.Way, model: nn.Module) -> peers.Measure:
        """A way on a copy of the model, since the libraries leave hooks; within autocast where the case asks for it."""
        measure = way.prepare(copy.deepcopy(model))

        def within(inputs: Tensor, labels: Tensor) -> GradientMoments | None:
            with torch.autocast(self.device.split(":")[0], torch.bfloat16):
                return measure(inputs, labels)

        return within if case.variant == "bf16" else measure

    def run(self, case: Case, progress: Progress) -> list[Row]:
        """One case: agreement with the loop, then memory, then time."""
        model, inputs, labels = self.load(case)
        reference, by_loop = self._first_call(self.prepare(case, peers.CONTESTANTS["loop"][0], model), inputs, labels)
        rows, works, seconds = [], {}, {}
        for name in case.contestants:
            progress.advance(f"{case}: agreement of {name}")
            rows.append(row := Row(case, name))
            try:
                row.way, measure = self._fastest(case, name, model, inputs, labels)
                found, seconds[name] = (reference, by_loop) if name == "loop" else self._first_call(measure, inputs, labels)
                row.difference = agreement(found, reference, TOLERANCE[case.variant])
            except Exception as error:  # a refusal is a result
                row.problem = reason(error)
                continue
            works[name] = partial(measure, inputs, labels)
        for row in rows:
            progress.advance(f"{case}: memory of {row.contestant}")
            row.memory = self._memory(row) if row.contestant in works else None
        calls = self._time(works, seconds, lambda what: progress.advance(f"{case}: {what}"))
        for row in rows:
            row.calls = calls.get(row.contestant, [])
        report.relate(rows)
        return rows

    def _first_call(self, measure: peers.Measure, inputs: Tensor, labels: Tensor) -> tuple[GradientMoments | None, float]:
        """What it found, and the seconds that it took."""
        found: list[GradientMoments | None] = []
        seconds = timing.timed(lambda: found.append(measure(inputs, labels)), device=self.device).seconds
        return found[0], seconds

    def _fastest(self, case: Case, name: str, model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[str, peers.Measure]:
        """The fastest of a contestant's ways on the first examples, by the best of three calls after one to warm up."""
        ways = peers.CONTESTANTS[name]
        if len(ways) == 1:
            return ways[0].label, self.prepare(case, ways[0], model)
        few, found, problem = (inputs[:TUNING_EXAMPLES], labels[:TUNING_EXAMPLES]), [], None
        for way in ways:
            try:
                measure = self.prepare(case, way, model)
                measure(inputs[:8], labels[:8])
                seconds = min(timing.timed(partial(measure, *few), device=self.device).seconds for _ in range(3))
                found.append((seconds, way.label, measure))
            except Exception as error:  # the next way may do
                problem = error
        if problem is not None and not found:
            raise problem
        return min(found, key=lambda entry: entry[0])[1:]

    def _memory(self, row: Row) -> int | None:
        """The peak of one call in a fresh process."""
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                return pool.submit(memory_of_one_call, self, row.case, row.contestant, row.way).result()
            except Exception as error:  # too large a batch is a result
                row.problem = f"memory: {reason(error)}"
                return None

    def _time(self, works: dict, seconds: dict[str, float], advance: report.Advance) -> dict[str, list[timing.Call | None]]:
        """Rounds of all contestants, with quick calls repeated and slow ones in fewer rounds."""
        clocks, rounds = {}, {}
        for name, work in works.items():
            # The first call also sets things up, so that a quick one is not what tells how often to repeat.
            once = seconds[name] if seconds[name] > 1 else timing.timed(work, device=self.device).seconds
            clocks[name] = partial(timing.timed, work, repeats=max(1, math.ceil(timing.SHORTEST / once)), device=self.device)
            rounds[name] = min(self.rounds, SLOW_ROUNDS) if once > SLOW else self.rounds
        return timing.interleaved(clocks, rounds, advance)


def memory_of_one_call(bench: Bench, case: Case, name: str, label: str) -> int | None:
    """In a fresh process: bytes that the first call adds to the model, the data and the imported library."""
    begin(bench.device)
    model, inputs, labels = bench.load(case)
    way = next(way for way in peers.CONTESTANTS[name] if way.label == label)
    return timing.peak_increase(partial(bench.prepare(case, way, model), inputs, labels), bench.device)


def begin(device: str) -> None:
    """What every process of the benchmark starts with."""
    warnings.simplefilter("ignore")  # the libraries' remarks on their own insides
    if not device.startswith("cuda"):
        timing.limit_memory()


def reason(error: Exception) -> str:
    """One line that says why there is no result."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    first = next(iter(str(error).strip().splitlines()), "")
    return first if isinstance(error, peers.UnsupportedError) else f"{type(error).__name__}: {first[:160]}"


def agreement(found: GradientMoments | None, reference: GradientMoments, tolerance: float) -> float | None:
    """Largest difference of a moment, as a share of the largest moment; None for the floor, which has none. Refuses what is too far off."""
    if found is None:
        return None
    a, b = (torch.tensor(list(asdict(moments).values()), dtype=torch.float64) for moments in (found, reference))
    off = float((a - b).abs().max() / b.abs().max())
    if not off <= tolerance:
        raise peers.UnsupportedError(f"its moments are not the loop's: off by {off:.1e} of the largest")
    return off


def precision_of(network: str, seed: int) -> dict[str, float] | str:
    """Relative errors of the fast form in float32, the loop in float64 being right: of each moment, and of the examples' squared norms."""
    model, inputs, labels = networks.build(network, PRECISION_EXAMPLES, seed)
    try:
        fast, products = asdict(gradient_moments(model, inputs, labels)), gradient_products(model, inputs, labels)
    except Exception as error:
        return reason(error)
    model, inputs = model.double(), inputs.double()
    exact = asdict(moments_by_loop(model, inputs, labels))
    norms = torch.stack((products.gg.sum(0), products.hh.sum(0))).double().cpu()
    relative = (norms / norms_by_loop(model, inputs, labels) - 1).abs()
    errors = {name: abs(fast[name] - exact[name]) / abs(exact[name]) for name in exact}
    return {**errors, "norms, median": float(relative.median()), "norms, worst": float(relative.max())}


def norms_by_loop(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """``‖g_i‖²`` and ``‖ĝ_i‖²``, ``(2, n)``, one example at a time."""
    squares = torch.zeros(2, len(inputs), dtype=inputs.dtype)
    for i in range(len(inputs)):
        for k, loss in enumerate(peers.losses(model(inputs[i : i + 1]), labels[i : i + 1])):
            gradients = torch.autograd.grad(loss.sum(), list(model.parameters()), retain_graph=k == 0)
            squares[k, i] = sum(float(g.square().sum()) for g in gradients)
    return squares


def cases_of(options: argparse.Namespace) -> list[Case]:
    """The headline, its variants, and the grid. Contestants named on the command line are those of every case, beside the floor."""
    gpu = options.device != "cpu"
    chosen = [HEADLINE] if options.quick else [(network, batch) for network in options.networks for batch in options.batches]
    cases = []
    if HEADLINE in chosen:
        cases.append(Case(*HEADLINE, contestants=tuple(name for name in peers.CONTESTANTS if gpu or name not in COMPILED)))
        variants = [Case(*HEADLINE, "channels_last", ("floor", "tsla")), *([Case(*HEADLINE, "bf16")] if gpu else [])]
        cases += [] if options.quick else variants
    cases += [Case(*pair) for pair in chosen if pair != HEADLINE]
    if options.contestants:
        wanted = tuple(name for name in peers.CONTESTANTS if name == "floor" or name in options.contestants)
        cases = [replace(case, contestants=wanted) for case in cases]
    return cases


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.moments", description="Time and memory of the gradient moments.")
    parser.add_argument("--quick", action="store_true", help="ResNet-18 at batch 64 only")
    parser.add_argument("--networks", nargs="+", choices=list(networks.BUILDERS), default=list(networks.BUILDERS))
    parser.add_argument("--batches", nargs="+", type=int, default=[8, 64, 256])
    parser.add_argument("--contestants", nargs="+", choices=list(peers.CONTESTANTS), help="in every case, beside the floor")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run, write after every case, and say whether the targets hold."""
    options = parse(arguments)
    begin(options.device)
    cases, bench = cases_of(options), Bench(options.device, options.seed, options.rounds)
    found = report.Report(report.header(options.device, options.seed, options.rounds))
    measured = list(dict.fromkeys(case.network for case in cases))
    steps = sum(2 * len(case.contestants) + options.rounds for case in cases) + len(measured)
    with Progress("moments", total=steps) as progress:
        for network in measured:
            found.precision[network] = precision_of(network, options.seed)
            progress.advance(f"precision on {network}")
        for case in cases:
            found.rows += bench.run(case, progress)
            found.write(options.out)
    sys.stdout.write("\n".join([str(options.out / "moments.md"), *found.verdicts(), ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
