"""``tsla train``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsla.options import Parser, number, whole

if TYPE_CHECKING:
    from tsla.empirics.training import Row, TrainingConfig

ABOUT = "train a network once, measuring gradient moments; alone, or under torchrun"
EXTRA = "torch"


def size(text: str) -> int | str:
    """A number of examples; "all" stands for itself."""
    return text if text == "all" else whole(text)


def epochs(text: str) -> tuple[int, ...]:
    """Numbers with commas between them."""
    return tuple(map(whole, text.split(","))) if text else ()


OPTIONS: dict[str, tuple[Any, str]] = {  # options of `tsla train`: their kind, and what they say; a kind of None is a switch
    "method": (str, "sgd, lsr, tsla, annealed, adaptive, or a control: shrink, shrink-tsla"),
    "seed": (whole, "of split, label noise, initial weights and batches; 0"),
    "epochs": (whole, "20"),
    "eta": (number, "step size; 0.1"),
    "theta": (number, "smoothing strength; 0.3"),
    "drop": (whole, "the epoch from which tsla does not smooth; half of the epochs"),
    "smoothing": (str, "uniform, prior, own or own-hard; uniform"),
    "data": (str, "digits, mnist, fashion-mnist, cifar10, cifar100, cub200, dogs or folder; digits"),
    "folder": (str, "where the files of the data are"),
    "train-size": (size, "training examples, or all; 1000"),
    "test-size": (size, "test examples, or all; all"),
    "pool": (whole, "means over squares of so many pixels a side; 1"),
    "label-noise": (number, "fraction of wrong labels; 0.2"),
    "augment": (None, "random crops and reflections"),
    "model": (str, "mlp, resnet8, resnet18, resnet20, resnet32, resnet34, resnet50 or resnet56; resnet8"),
    "norm": (str, "group or batch; group"),
    "batch-size": (whole, "16"),
    "momentum": (number, "0"),
    "weight-decay": (number, "0"),
    "warmup": (whole, "epochs in which the step size rises; 0"),
    "rates": (str, "constant, step or cosine; constant"),
    "measure-at": (epochs, "epochs before which moments are measured, such as 0,5,20; 0,1,2,5,10,20"),
    "measured-examples": (size, "training examples to measure moments on, or all; all"),
    "curvature": (None, "where moments are measured, also eta times the largest curvature"),
    "device": (str, "cpu, cuda, or auto: a GPU where there is one; cpu"),
    "threads": (whole, "of a process on the CPU; 1"),
    "precision": (str, "float32 or bf16; float32"),
    "channels-last": (None, "the memory format of images"),
    "compile": (None, "compile the network"),
    "deterministic": (None, "the same bits again on a GPU too"),
}


def add(parser: Parser) -> None:
    """Its options."""
    for name, (kind, says) in OPTIONS.items():
        how: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if kind is None else {"type": kind}
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, help=says, **how)
    parser.add_argument("--config", type=Path, help="a TOML file of these names; options win")
    parser.add_argument("--state", type=Path, help="a file that keeps where the run is: a killed one goes on there, to the same bits")
    parser.add_argument("--watch", action="store_true", help="also L, sigma2, delta and the PL ratio where moments are measured (slow)")
    parser.add_argument("--out", type=Path, help="write the record to this Parquet file")
    parser.add_argument("--checkpoint", type=Path, help="write the final weights to this file, for `tsla measure`")


def run(args: argparse.Namespace) -> None:
    """One run, a row an epoch; with ``--out`` a record, with ``--checkpoint`` the final weights.

    Under torchrun all processes run it, and the first one speaks and writes.
    """
    from dataclasses import asdict

    import pandas as pd

    from tsla.empirics import training
    from tsla.empirics.configuration.command_line import command_line
    from tsla.empirics.configuration.given import given_fields
    from tsla.empirics.models import checkpoints
    from tsla.empirics.runs.files import deliver, must_be_writable
    from tsla.empirics.runs.records import write as write_record
    from tsla.empirics.training import processes
    from tsla.empirics.training.devices import device_of
    from tsla.empirics.training.watched import watched

    given = given_fields(args)
    config = training.TrainingConfig.of(**{"seed": 0} | given)
    if args.watch and args.state is not None:
        raise ValueError(f"state = {args.state} must be left out with --watch, which looks at the weights of every epoch")
    must_be_writable(out=args.out, checkpoint=args.checkpoint, state=args.state, inputs={"config": args.config})
    with processes.group(config.device):
        split = training.training_split(config)
        model = training.initial_model(config, split)
        run = watched(config, model, split) if args.watch else training.train(config, model, split=split, state=args.state)
        if processes.rank() > 0:
            for row in run:
                _refuse_divergence(config, row)
            return
        table = pd.DataFrame(_shown(config, run))
        about = asdict(config) | {"device": device_of(config).type}
        network = training.network(config, split)
        deliver(
            lambda: print(table.to_string(index=False, float_format="%.4g")),
            state=args.state,
            out=(args.out, lambda path: write_record(path, table, about, command_line(given), modules=(__name__,))),
            checkpoint=(args.checkpoint, lambda path: checkpoints.write(path, model, network=network, training=asdict(config))),
        )


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
                print(f"train: {taken(config)}", file=sys.stderr)
            rows.append(row)
            if row["s2"]:
                delta = row["shat2"] / row["s2"]
            progress.advance(
                f"epoch {row['epoch']}, loss {row['train_loss']:.4g}, test accuracy {row['test_accuracy']:.3f}, "
                f"rate {row['eta']:.3g}, theta {row['theta']:.3g}, delta {delta:.3g}"
            )
    return rows


def _refuse_divergence(config: TrainingConfig, row: Row) -> None:
    if not isfinite(row["train_loss"]):
        raise ValueError(f"eta = {config.eta} is too large: the run diverged in epoch {row['epoch']}")
