"""The benchmark of training: its throughput beside a bare PyTorch loop of the same settings, written by hand.

``python -m tests.benchmarks.train``: label-smoothed SGD, epochs of steps alone, of which no evaluation and no measurement is part. Rounds
are interleaved. Both loops end the first epoch with the same weights, or the row says so. Writes ``train.md`` and ``train.json``, and says
of each target whether it holds; the exit code is 0 either way.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.benchmarks.harness import page, timing
from tsla.empirics.data.datasets import Split
from tsla.empirics.runs.progress import Progress
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.devices import device_of, numerics, on_device, taken
from tsla.empirics.training.loop import _Run
from tsla.empirics.training.setup import initial_model, training_split
from tsla.figures import markdown

LEAST = 0.95  # of the throughput of the bare loop
EPOCHS = 10**6  # more than are ever timed
BASE = TrainingConfig("lsr", 0, epochs=EPOCHS, theta=0.1, measure_at=())
COLUMNS = ("setting", "throughput ÷ bare loop, median (range)", "ms a step", "rounds kept, dropped")
Epoch = Callable[[], object]


@dataclass(frozen=True)
class Setting:
    """A configuration; ``images``: random ones of this shape, in place of its data."""

    name: str
    config: TrainingConfig
    images: tuple[int, int, int, int] | None = None

    def split(self) -> Split:
        """The data."""
        if self.images is None:
            return training_split(self.config)
        generator = torch.Generator().manual_seed(0)
        inputs, labels = torch.rand(self.images, generator=generator), torch.randint(10, self.images[:1], generator=generator)
        return Split(inputs, labels, inputs[:1], labels[:1], classes=10)

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return -(-(self.images[0] if self.images else self.config.train_size or 0) // self.config.batch_size)


SETTINGS = (
    Setting("mlp, digits, batches of 16", replace(BASE, model="mlp")),
    Setting("resnet8, digits, batches of 16, momentum", replace(BASE, momentum=0.9, weight_decay=1e-4)),
    Setting("resnet20, 3×32×32, batches of 64, momentum", replace(BASE, model="resnet20", batch_size=64, momentum=0.9), (512, 3, 32, 32)),
)


def ours(setting: Setting) -> tuple[Epoch, nn.Module]:
    """An epoch of :func:`tsla.train`, and the model that it trains."""
    split = setting.split()
    model = initial_model(setting.config, split)
    return _Run(setting.config, model, split, None, None).train_epoch, model


def bare(setting: Setting) -> tuple[Epoch, nn.Module]:
    """The same by hand."""
    config, device = setting.config, device_of(setting.config)
    split = on_device(setting.split(), device, config)
    inputs, labels = split.train_inputs, split.train_labels
    model = initial_model(config, split).to(device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)
    forward = torch.compile(model) if config.compile else model
    optimiser = torch.optim.SGD(model.parameters(), lr=config.eta, momentum=config.momentum, weight_decay=config.weight_decay)
    generator = torch.Generator().manual_seed(config.seed)

    def epoch() -> None:
        with numerics(config):
            for batch in torch.randperm(len(labels), generator=generator).to(device).split(config.batch_size):
                optimiser.zero_grad()
                with torch.autocast(device.type, torch.bfloat16) if config.precision == "bf16" else nullcontext():
                    loss = cross_entropy(forward(inputs[batch]), labels[batch], label_smoothing=config.theta)
                loss.backward()
                optimiser.step()

    return epoch, model


CONTESTANTS = {"ours": ours, "bare": bare}


@dataclass
class Row:
    """The calls of both, in seconds a step; ``problem``: how the two differ, if they do."""

    setting: str
    on: str
    problem: str = ""
    calls: dict[str, list[timing.Call | None]] = field(default_factory=dict)

    @property
    def ratio(self) -> timing.Spread | None:
        """Our throughput over that of the bare loop."""
        return timing.ratios(self.calls["bare"], self.calls["ours"]) if self.calls else None

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        ratio = self.ratio
        seconds = [call.seconds for call in self.calls.get("ours", []) if call is not None]
        each = f"{1e3 * statistics.median(seconds):.3g}" if seconds else ""
        rounds = f"{ratio.kept}, {ratio.dropped}" if ratio else ""
        return f"{self.setting}; {self.on}", f"{ratio or ''}{'; ' * bool(self.problem)}{self.problem}", each, rounds

    def verdict(self) -> str:
        """What was measured, and whether it is enough."""
        return page.judged(f"{self.setting}: throughput over that of the bare loop", self.ratio, least=LEAST, problem=self.problem)


def run(setting: Setting, rounds: int, budget: float, advance: Callable[[str], None]) -> Row:
    """Let both make an epoch, compare their weights, then time them: ``budget`` seconds a call, about."""
    advance(f"{setting.name}: warm-up")
    made = {name: contestant(setting) for name, contestant in CONTESTANTS.items()}
    for epoch, _ in made.values():
        epoch()
    row = Row(setting.name, taken(setting.config), disagreement(*(model for _, model in made.values())))
    device = device_of(setting.config).type
    epochs = {name: max(1, int(budget / timing.timed(epoch, device=device).seconds)) for name, (epoch, _) in made.items()}
    repeats = min(epochs.values())
    clocks = {name: partial(timing.timed, epoch, repeats=repeats, steps=setting.steps, device=device) for name, (epoch, _) in made.items()}
    row.calls = timing.interleaved(clocks, dict.fromkeys(clocks, rounds), lambda what: advance(f"{setting.name}: {what}"))
    return row


def disagreement(one: nn.Module, other: nn.Module) -> str:
    """Why two models are not the same to rounding, or nothing."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    off = max(float((a - b).detach().abs().max() / b.detach().abs().max()) for a, b in pairs)
    return "" if off < 1e-3 else f"other weights: off by {off:.2g}"


def write(folder: Path, rounds: int, rows: Sequence[Row]) -> None:
    """``train.json`` and ``train.md``."""
    table = markdown.table(COLUMNS, [row.cells() for row in rows])
    page.write(folder, "train", "Training: throughput", page.about(rounds, ("torch",)), rows, table, [row.verdict() for row in rows])


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.train", description="Throughput of training.")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a call, about")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    parser.add_argument("--precision", default="float32", help="float32 or bf16")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run, write after every setting, and say whether the targets hold."""
    options = parse(arguments)
    how = {name: getattr(options, name) for name in ("threads", "device", "precision", "channels_last", "compile")}
    rows: list[Row] = []
    with Progress("train", total=len(SETTINGS) * (1 + options.rounds)) as progress:
        for setting in SETTINGS:
            rows.append(run(replace(setting, config=replace(setting.config, **how)), options.rounds, options.seconds, progress.advance))
            write(options.out, options.rounds, rows)
    sys.stdout.write("\n".join([str(options.out / "train.md"), *(row.verdict() for row in rows), ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
