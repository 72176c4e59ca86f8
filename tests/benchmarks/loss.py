"""What SmoothedCrossEntropy costs beside torch's own loss, forward and backward: ``python -m tests.benchmarks.loss``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.benchmarks.harness import page, timing
from tsla.empirics.smoothing.loss import SmoothedCrossEntropy
from tsla.empirics.smoothing.schedules import TwoStage
from tsla.empirics.training.devices import threads
from tsla.figures import markdown

THETA = 0.1
TARGET = 1.05
SHAPES = ((64, 10), (256, 100), (128, 1000))
COLUMNS = ("examples × classes", "torch, µs", "time ÷ torch, median (range)", "rounds kept, dropped")


@dataclass(frozen=True)
class Row:
    """Of one shape ``(n, K)``: microseconds of torch's own, and the ratio of times of the same round."""

    shape: tuple[int, int]
    microseconds: float
    ratio: timing.Spread

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        n, classes = self.shape
        spread = f"{'' if self.ratio.kept else '~'}{self.ratio.median:.3f} ({self.ratio.low:.3f} to {self.ratio.high:.3f})"
        return f"{n} × {classes}", f"{self.microseconds:.1f}", spread, f"{self.ratio.kept}, {self.ratio.dropped}"


def run(shape: tuple[int, int], rounds: int, seconds: float) -> Row:
    """Time both on the same logits and labels, in ``rounds`` that are interleaved, each of about so many ``seconds``."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator, requires_grad=True)
    labels = torch.randint(shape[1], shape[:1], generator=generator)
    ours, theirs = SmoothedCrossEntropy("uniform", TwoStage(THETA, 1)), partial(cross_entropy, label_smoothing=THETA)
    losses = {"ours": ours, "torch": theirs}
    works = {name: partial(_forward_and_backward, loss, logits, labels) for name, loss in losses.items()}
    for work in works.values():
        work()
    repeats = max(1, round(seconds / timing.timed(works["torch"], repeats=20).seconds))
    timers = {name: partial(timing.timed, work, repeats=repeats) for name, work in works.items()}
    calls = timing.interleaved(timers, dict.fromkeys(timers, rounds))
    ratio = timing.ratios(calls["ours"], calls["torch"])
    assert ratio is not None
    return Row(shape, 1e6 * min(call.seconds for call in calls["torch"] if call is not None), ratio)


def _forward_and_backward(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor) -> None:
    logits.grad = None
    loss(logits, labels).backward()  # type: ignore[no-untyped-call]


def table(rows: Sequence[Row], rounds: int) -> str:
    """All rows as Markdown, with what they depend on and the verdict."""
    met = all(row.ratio.median <= TARGET for row in rows)
    title = "# The loss: time of forward and backward beside torch.nn.functional.cross_entropy(label_smoothing=θ)"
    header = page.about(rounds, ("torch",), threads=str(torch.get_num_threads()))
    verdict = f"Target: at most {TARGET:.2f} times torch's own time. {'Met.' if met else 'Not met.'}"
    lines = markdown.table(COLUMNS, [row.cells() for row in rows])
    return "\n".join([title, "", *page.listed(header), "", lines, "", page.DISTURBED, "", verdict, ""])


def main(arguments: list[str] | None = None) -> int:
    """Time all shapes, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.loss", description="Time of the loss beside torch's own.")
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--seconds", type=float, default=timing.SHORTEST, help="of a call, about")
    parser.add_argument("--threads", type=int, default=1, help="waking a second one would take longer than the loss itself")
    options = parser.parse_args(arguments)
    with threads(options.threads):
        rows = [run(shape, options.rounds, options.seconds) for shape in SHAPES]
        sys.stdout.write(table(rows, options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
