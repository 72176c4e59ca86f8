"""The subcommands that run something and write records. ``tsla.py`` parses, this answers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from math import isfinite
from pathlib import Path

import pandas as pd

from empirics import checkpoints, measured_checkpoint, reading, synthetic, training
from empirics.experiments import EXPERIMENTS
from empirics.progress import Progress
from empirics.records import FOLDER
from empirics.records import write as write_record
from empirics.runs import make_records
from theory.commands import print_result

RUNS = Path("build/runs")


def simulate(args: argparse.Namespace) -> None:
    """``tsla simulate``: a bound's own plan, run, beside the bound."""
    result = synthetic.beside_bound(
        args.problem, args.method, eps=args.eps, sigma2=args.sigma2, delta=args.delta, replicas=args.seeds, seed=args.seed
    )
    print_result(args, lambda: result, lambda: "\n".join(f"  {name:14} {value}" for name, value in result.items()))


def train(args: argparse.Namespace) -> None:
    """``tsla train``: one run, a row an epoch; with ``--out`` a record, with ``--checkpoint`` the final weights."""
    given = {name: value for name, value in vars(args).items() if name in training.TrainingConfig.__dataclass_fields__}
    if "epochs" in given:  # the defaults of a shorter run
        given.setdefault("drop", given["epochs"] // 2)
        given["measure_at"] = tuple(epoch for epoch in training.TrainingConfig.measure_at if epoch <= given["epochs"])
    config = training.TrainingConfig(**{"seed": 0} | given)
    rows, model = [], training.initial_model(config)
    with Progress("train", total=config.epochs + 1) as progress:
        for row in training.train(config, model):
            if not isfinite(row["train_loss"]):
                raise ValueError(f"eta = {config.eta} is too large: the run diverged in epoch {row['epoch']}")
            rows.append(row)
            progress.advance(f"epoch {row['epoch']}, test accuracy {row['test_accuracy']:.3f}")
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="%.4g"))
    if args.out is not None:
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in asdict(config).items() if hasattr(args, name))
        write_record(args.out, table, asdict(config), f"tsla train {options}")
    if args.checkpoint is not None:
        checkpoints.write(args.checkpoint, model, network=training.network(config), training=asdict(config))


def measure(args: argparse.Namespace) -> None:
    """``tsla measure``: what smoothing does at the weights of a checkpoint."""
    setting = reading.Setting.of(theta=args.theta, batch_size=args.batch_size, eta=args.eta, L=args.L, eta_L=args.eta_L)
    names = ("model", "smoothing", "examples", "until", "chunk", "batch_norm", "seed")
    found = measured_checkpoint.measured(args.checkpoint, args.data, setting, **{name: getattr(args, name) for name in names})
    print_result(args, lambda: found, lambda: f"{measured_checkpoint.headline(found)}\n{reading.table(found)}")


def records(args: argparse.Namespace) -> None:
    """``tsla records``: run experiments, by default those of the report."""
    names = args.name or [name for name, experiment in EXPERIMENTS.items() if experiment.in_report]
    for path in make_records(names, out=FOLDER, build=RUNS):
        print(path)
