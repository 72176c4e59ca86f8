"""``tsla train``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING

from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.configuration.given import add_options, configuration
from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.text import blocks, finite

if TYPE_CHECKING:
    from tsla.empirics.training.loop import Row

ABOUT = "train a network once, measuring gradient moments"
DETAILS = "Alone, or under torchrun."
EXAMPLE = "train --method tsla --model mlp --epochs 2 --drop 1 --measure-at 0,2"
EXTRA = "torch"
WATCH = (
    "also L, sigma2, delta and the PL ratio where moments are measured. "
    "A look takes about as long as five epochs of the default run; how long is said after the first one"
)


def add(parser: Parser) -> None:
    """Its options."""
    add_options(parser)
    parser.add_argument("--config", type=Path, help="a TOML file of these names; options win")
    parser.add_argument("--state", type=Path, help="a file that keeps where the run is: a killed one goes on there, to the same bits")
    parser.add_argument("--watch", action="store_true", help=WATCH)
    about = "show what the moments say while the run goes on; with a file, such as live.html, also there for a browser"
    parser.add_argument("--live", nargs="?", const=True, metavar="PAGE", help=about)
    parser.add_argument("--out", type=Path, help="write the record to this Parquet file")
    parser.add_argument("--checkpoint", type=Path, help="write the final weights to this file, for `tsla measure`")
    parser.give_json()
    parser.need("method", unless="config")


def run(args: argparse.Namespace) -> None:
    """One run, a row an epoch; with ``--out`` a record, with ``--checkpoint`` the final weights.

    Under torchrun all processes run it, and the first one speaks and writes.
    """
    import pandas as pd

    from tsla.empirics.models import checkpoints
    from tsla.empirics.runs.files import deliver, must_be_writable, remove
    from tsla.empirics.runs.records import write as write_record
    from tsla.empirics.training import processes, setup
    from tsla.empirics.training.devices import device_of
    from tsla.empirics.training.loop import train
    from tsla.empirics.training.watched import watched

    config = configuration(args)
    if args.watch and args.state is not None:
        raise ValueError(f"state = {args.state} must be left out with --watch, which looks at the weights of every epoch")
    if args.live and not config.measure_at:
        raise ValueError("live has no use where no moments are measured; give --measure-at the epochs to show")
    page = Path(args.live) if isinstance(args.live, str) else None
    must_be_writable(out=args.out, checkpoint=args.checkpoint, state=args.state, live=page, inputs={"config": args.config})
    with processes.group(config.device):
        split = setup.training_split(config)
        model = setup.initial_model(config, split)
        run = watched(config, model, split, tell=_tell) if args.watch else train(config, model, split=split, state=args.state)
        if processes.rank() > 0:
            for row in run:
                _refuse_divergence(config, row)
            return
        try:
            rows = _lively(config, run, page) if args.live else _shown(config, run)
        except _DivergedError:
            if args.state is not None:  # from which the same command would diverge again
                remove(args.state)
            raise
        table = pd.DataFrame(rows)
        about = config.flat() | {"device": device_of(config).type}
        network = setup.network(config, split)
        deliver(
            lambda: print_result(
                args,
                lambda: {"config": about, "rows": list(map(finite, rows))},  # nan where nothing was measured
                lambda: _table(config, rows),
            ),
            state=args.state,
            out=(args.out, lambda path: write_record(path, table, about, config.command_line(), modules=(__name__,), compressed=False)),
            checkpoint=(args.checkpoint, lambda path: checkpoints.write(path, model, network=network, training=config.flat())),
        )


def _table(config: TrainingConfig, rows: list[Row]) -> str:
    """A line an epoch, in blocks; "-" where nothing was measured."""
    names = dict.fromkeys(name for row in rows for name in row if name not in ("method", "seed", "epoch"))  # a row without a look has fewer
    columns = [[name, *(_cell(row.get(name)) for row in rows)] for name in ("epoch", *names)]
    return f"{config.method}, seed {config.seed}\n{blocks(columns)}"


def _cell(value: float | str | None) -> str:
    if isinstance(value, str):
        return value
    return "-" if value is None or not isfinite(value) else f"{value:.4g}"


def _shown(config: TrainingConfig, run: Iterator[Row]) -> list[Row]:
    """All rows, with a bar meanwhile."""
    from tsla.empirics.runs.progress import Progress
    from tsla.empirics.training.devices import taken

    rows: list[Row] = []
    delta = nan
    with Progress("train", total=config.epochs + 1) as progress:
        for row in run:
            _refuse_divergence(config, row)
            if not rows:  # by now nothing is left to refuse
                _tell(taken(config))
            rows.append(row)
            if row["s2"]:
                delta = row["shat2"] / row["s2"]
            progress.advance(
                f"epoch {row['epoch']}, loss {row['train_loss']:.4g}, test accuracy {row['test_accuracy']:.3f}, "
                f"step size {row['eta']:.3g}, theta {row['theta']:.3g}, delta {delta:.3g}"
            )
    return rows


def _lively(config: TrainingConfig, run: Iterator[Row], page: Path | None) -> list[Row]:
    """All rows, with what their moments say meanwhile."""
    from tsla.empirics.moments.live import THETA, Live
    from tsla.empirics.training.devices import taken
    from tsla.theory.moments import MOMENTS, Moments

    rows: list[Row] = []
    with Live(theta=config.theta or THETA, batch_size=config.batch_size, page=page, unit="epoch") as live:
        for row in run:
            _refuse_divergence(config, row)
            if not rows:
                _tell(taken(config))
            rows.append(row)
            if row["s2"] is not None:
                live.update(row["epoch"], Moments(*(row[name] for name in MOMENTS)), row["train_loss"])
    return rows


def _tell(line: str) -> None:
    """A line on standard error, from the first process."""
    from tsla.empirics.training import processes

    if processes.rank() == 0:
        print(f"train: {line}", file=sys.stderr)


class _DivergedError(ValueError):
    """A run that is over, since its loss is no number."""


def _refuse_divergence(config: TrainingConfig, row: Row) -> None:
    if not isfinite(row["train_loss"]):
        raise _DivergedError(f"eta = {config.eta} is too large: the run diverged in epoch {row['epoch']}")
