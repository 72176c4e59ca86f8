"""The benchmark of the gradient moments: time and memory beside one forward and two backward passes, and beside the other libraries.

``python -m tests.benchmarks.moments --quick``: ResNet-18 with GroupNorm at batch 64, all contestants. Without ``--quick`` also the grid of
networks and batches. Every contestant has a process of its own. Writes ``moments.md`` and ``moments.json``, and says of each target whether
it holds; the exit code is 0 either way.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.benchmarks.harness import networks, peers, report, timing
from tests.benchmarks.harness.competitor import Contestant, Setting, memory_of_one_call
from tests.benchmarks.harness.report import HEADLINE, Case, Row
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.moments.per_example import gradient_products
from tsla.empirics.runs.progress import Progress
from tsla.theory.moments import Moments

COMPILED = ("floor, compiled", "torch.func, compiled")
MEMORY_CALLS, MEMORY_CALLS_OF_HEADLINE = 3, 7  # of fresh processes: what the allocator asks for differs by a quarter from one to the next
SLOW, SLOW_ROUNDS = 60.0, 2  # seconds a call from which a contestant gets no more rounds than this
PRECISION_EXAMPLES = 16
TEXT = ("distilbert", 32)
"""What is as large as people's language models is measured at one batch."""
BESIDE = ("floor", "tsla", "loop", "opacus", "backpack")
"""In each case of the grid. The headline has all peers."""
TOLERANCE = {"": 1e-3, "channels_last": 1e-3, "memory kept": 1e-3, "bf16": 5e-2}  # of the largest moment


@dataclass(frozen=True)
class Bench:
    """Runs cases on one device with one seed."""

    device: str
    seed: int
    rounds: int

    def run(self, case: Case, progress: Progress) -> list[Row]:
        """One case: memory, then agreement with the loop, then time."""
        setting = Setting(case.network, case.batch, case.variant, self.device, self.seed)
        rows = [Row(case, name) for name in case.contestants]
        with ExitStack() as stack:
            ready: dict[str, Contestant] = {}
            reference: Moments | None = None
            for row in sorted(rows, key=lambda row: row.contestant != "loop"):  # the loop first: it is what the others are held against
                progress.advance(f"{case}: agreement of {row.contestant}")
                contestant = stack.enter_context(Contestant(setting, row.contestant))
                try:
                    row.way, found = contestant.prepare()
                    reference = found if row.contestant == "loop" else reference
                    row.difference = agreement(found, reference, TOLERANCE[case.variant])
                except Exception as error:  # a refusal is a result
                    row.problem = reason(error)
                    continue
                ready[row.contestant] = contestant
            calls = self._time(ready, lambda what: progress.advance(f"{case}: {what}"))
        for row in rows:
            row.calls = calls.get(row.contestant, [])
            progress.advance(f"{case}: memory of {row.contestant}")
            if row.contestant in ready:
                self._memory(row, setting)
        report.relate(rows)
        return rows

    def _memory(self, row: Row, setting: Setting) -> None:
        calls = MEMORY_CALLS_OF_HEADLINE if (row.case.network, row.case.batch) == HEADLINE else MEMORY_CALLS
        try:
            row.memory = statistics.median_low(memory_of_one_call(setting, row.contestant, row.way) for _ in range(calls))
        except Exception as error:  # too large a batch is a result
            row.problem = f"memory: {reason(error)}"

    def _time(self, ready: dict[str, Contestant], advance: report.Advance) -> dict[str, list[timing.Call | None]]:
        """Rounds of all contestants, with quick calls repeated and slow ones in fewer rounds."""
        seconds = {name: contestant.seconds() for name, contestant in ready.items()}
        clocks = {name: partial(contestant.timed, seconds[name]) for name, contestant in ready.items()}
        rounds = {name: min(self.rounds, SLOW_ROUNDS) if once > SLOW else self.rounds for name, once in seconds.items()}
        return timing.interleaved(clocks, rounds, advance)


def reason(error: Exception) -> str:
    """One line that says why there is no result."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    first = next(iter(str(error).strip().splitlines()), "")
    return first if isinstance(error, peers.UnsupportedError) else f"{type(error).__name__}: {first[:160]}"


def agreement(found: Moments | None, reference: Moments | None, tolerance: float) -> float | None:
    """Largest difference of a moment, as a share of the largest moment; None for the floor, which has none. Refuses what is too far off."""
    if found is None or reference is None:
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
    model, inputs = model.double(), inputs.double() if inputs.is_floating_point() else inputs
    exact = asdict(moments_by_loop(model, inputs, labels))
    norms = torch.stack((products.gg.sum(0), products.hh.sum(0))).double().cpu()
    relative = (norms / norms_by_loop(model, inputs, labels) - 1).abs()
    errors = {name: abs(fast[name] - exact[name]) / abs(exact[name]) for name in exact}
    return {**errors, "norms, median": float(relative.median()), "norms, worst": float(relative.max())}


def norms_by_loop(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """``‖g_i‖²`` and ``‖ĝ_i‖²``, ``(2, n)``, one example at a time."""
    squares = torch.zeros(2, len(inputs), dtype=torch.float64)
    for i in range(len(inputs)):
        for k, loss in enumerate(peers.losses(model(inputs[i : i + 1]), labels[i : i + 1])):
            gradients = torch.autograd.grad(loss.sum(), list(model.parameters()), retain_graph=k == 0)
            squares[k, i] = sum(float(g.square().sum()) for g in gradients)
    return squares


def cases_of(options: argparse.Namespace) -> list[Case]:
    """The headline, its variants, and the grid. Contestants named on the command line are those of every case, beside the floor."""
    gpu = options.device != "cpu"
    images = [network for network in options.networks if network != TEXT[0]]
    chosen = [HEADLINE] if options.quick else [(network, batch) for network in images for batch in options.batches]
    cases = []
    if HEADLINE in chosen:
        cases.append(Case(*HEADLINE, contestants=tuple(name for name in peers.CONTESTANTS if gpu or name not in COMPILED)))
        variants = [Case(*HEADLINE, "channels_last"), Case(*HEADLINE, "bf16") if gpu else Case(*HEADLINE, "memory kept")]
        cases += variants[1:] if options.quick else variants
    cases += [Case(*pair, contestants=BESIDE) for pair in chosen if pair != HEADLINE]
    if TEXT[0] in options.networks and not options.quick:
        cases.append(Case(*TEXT, contestants=BESIDE))
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
    warnings.simplefilter("ignore")
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
