"""``tsla train``. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from math import isfinite, nan
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from tsla.empirics import training
from tsla.empirics.assumptions import network_run
from tsla.empirics.data.datasets import Split
from tsla.empirics.models import checkpoints
from tsla.empirics.runs.files import deliver, must_be_there, must_be_writable
from tsla.empirics.runs.progress import Progress
from tsla.empirics.runs.records import write as write_record
from tsla.empirics.training import processes
from tsla.empirics.training.command_line import ALL, command_line
from tsla.empirics.training.config import DROPPING, kinds
from tsla.empirics.training.devices import device_of, on_device, taken


def train(args: argparse.Namespace) -> None:
    """``tsla train``: one run, a row an epoch; with ``--out`` a record, with ``--checkpoint`` the final weights.

    Under torchrun all processes run it, and the first one speaks and writes.
    """
    given = _given(args)
    config = training.TrainingConfig.of(**{"seed": 0} | given)
    if args.watch and args.state is not None:
        raise ValueError(f"state = {args.state} must be left out with --watch, which looks at the weights of every epoch")
    must_be_writable(out=args.out, checkpoint=args.checkpoint, state=args.state, inputs={"config": args.config})
    with processes.group(config.device):
        split = training.training_split(config)
        model = training.initial_model(config, split)
        run = _watched(config, model, split) if args.watch else training.train(config, model, split=split, state=args.state)
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


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of the configuration that the options give, and else the file. Raises ValueError where nobody gives the method."""
    known = kinds(training.TrainingConfig)
    given = {} if args.config is None else _file(args.config, known)
    given |= {name: value for name, value in vars(args).items() if name in known}
    if "method" not in given:
        raise ValueError("the following arguments are required: --method")
    if "drop" in vars(args) and given["method"] not in DROPPING:
        raise ValueError(f"drop = {args.drop} has no use with --method {given['method']}; it goes with {' or '.join(DROPPING)}")
    return {name: None if value == ALL else value for name, value in given.items()}


def _file(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a TOML file says; its names are those of the options."""
    must_be_there("config", path, "a TOML file")
    try:
        found = {name.replace("-", "_"): value for name, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}
    except ValueError as error:  # no TOML, or no text
        raise ValueError(f"config = {path} must be a TOML file: {error}") from error
    for name in found:
        if name not in known:
            raise ValueError(f"config = {path}: unknown name {name}; must be one of {', '.join(known)}")
    return found


def _shown(config: training.TrainingConfig, run: Iterator[training.Row]) -> list[training.Row]:
    """All rows, with a bar meanwhile."""
    rows: list[training.Row] = []
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


def _refuse_divergence(config: training.TrainingConfig, row: training.Row) -> None:
    if not isfinite(row["train_loss"]):
        raise ValueError(f"eta = {config.eta} is too large: the run diverged in epoch {row['epoch']}")


def _watched(config: training.TrainingConfig, model: nn.Module, split: Split) -> Iterator[training.Row]:
    """The rows of training; those at which moments are measured carry what :mod:`tsla.empirics.assumptions` sees there."""
    per_epoch = -(-len(split.train_labels) // config.batch_size)
    here = on_device(split, device_of(config), config)
    rows: list[training.Row] = []

    def run() -> Iterator[tuple[int, float]]:
        for row in training.train(config, model, split=split):
            rows.append(row)
            if row["epoch"] in config.measure_at:
                yield row["epoch"] * per_epoch, row["eta"]

    how: dict[str, Any] = {"smoothing": config.smoothing, "batch_size": config.batch_size}
    for seen in network_run.network(model, here.train_inputs, here.train_labels, run(), **how):
        rows[-1] |= seen.columns()
        yield from rows
        rows.clear()
    yield from rows
