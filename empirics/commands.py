"""The subcommands that run something and write records. ``tsla.py`` parses, this answers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite
from pathlib import Path

import pandas as pd
from torch import nn

from empirics import assumptions, checkpoints, measured_checkpoint, reading, synthetic, training
from empirics.experiments import EXPERIMENTS
from empirics.power import pilot, plan
from empirics.power import table as power_table
from empirics.progress import Progress
from empirics.records import FOLDER
from empirics.records import read as read_record
from empirics.records import write as write_record
from empirics.runs import make_records
from empirics.sgd import default_checkpoints
from theory.commands import print_result

RUNS = Path("build/runs")


def simulate(args: argparse.Namespace) -> None:
    """``tsla simulate``: a bound's own plan, run, beside the bound; ``--out`` writes the checkpoints, and the assumptions there."""
    what = synthetic.planned(args.problem, args.method, eps=args.eps, budget=args.T, sigma2=args.sigma2, delta=args.delta)
    stages = what.plan.stages
    marks = default_checkpoints(stages)
    with Progress("simulate", total=len(marks)) as progress:
        result, checkpoints = synthetic.beside_bound(
            what,
            replicas=args.seeds,
            seed=args.seed,
            progress=lambda done, total: progress.advance(f"step {done:,} of {total:,}"),
            state=args.state,
        )
    watched = assumptions.synthetic(what.problem, what.oracle, stages, seed=args.seed, stated=what.constants)
    broken = assumptions.violations(watched, what.constants)
    result["assumptions"] = assumptions.effect(watched, stages, what.constants)
    result["violations"] = [asdict(violation) for violation in broken]
    print_result(args, lambda: result, lambda: "\n".join(f"  {name:14} {value}" for name, value in result.items()))
    if args.out is not None:
        seen = pd.DataFrame([row.columns() for row in watched])
        config = {name: getattr(args, name) for name in ("problem", "method", "eps", "T", "sigma2", "delta", "seeds", "seed")}
        options = " ".join(f"--{name} {value}" for name, value in config.items() if value is not None)
        write_record(args.out, checkpoints.merge(seen, on="step", how="left"), config, f"tsla simulate {options}")


def power(args: argparse.Namespace) -> None:
    """``tsla power``: seeds and steps to tell two methods apart."""
    if not args.record.is_file():
        raise ValueError(f"record = {args.record}: no such file")
    unclear = [text for text in args.where if "=" not in text]
    if unclear:
        raise ValueError(f"where = {unclear[0]!r} must be NAME=VALUE, a column and what it must hold")
    where = dict(text.split("=", 1) for text in args.where)
    found = pilot(read_record(args.record).table, column=args.column, a=args.a, b=args.b, where=where)
    answer = plan(found, effect=args.effect, level=args.level, power=args.power, seeds=args.seeds)
    print_result(args, lambda: answer, lambda: power_table(answer))


def train(args: argparse.Namespace) -> None:
    """``tsla train``: one run, a row an epoch; with ``--out`` a record, with ``--checkpoint`` the final weights."""
    given = {name: value for name, value in vars(args).items() if name in training.TrainingConfig.__dataclass_fields__}
    if "epochs" in given:  # the defaults of a shorter run
        given.setdefault("drop", given["epochs"] // 2)
        given["measure_at"] = tuple(epoch for epoch in training.TrainingConfig.measure_at if epoch <= given["epochs"])
    config = training.TrainingConfig(**{"seed": 0} | given)
    rows, model = [], training.initial_model(config)
    run = _watched(config, model) if args.watch else training.train(config, model)
    with Progress("train", total=config.epochs + 1) as progress:
        for row in run:
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


def _watched(config: training.TrainingConfig, model: nn.Module) -> Iterator[training.Row]:
    """The rows of training; those at which moments are measured carry what :mod:`empirics.assumptions` sees there."""
    split, per_epoch = training.training_split(config), -(-config.train_size // config.batch_size)
    rows: list[training.Row] = []

    def run() -> Iterator[tuple[int, float]]:
        for row in training.train(config, model):
            rows.append(row)
            if row["epoch"] in config.measure_at:
                yield row["epoch"] * per_epoch, config.rule(min(row["epoch"], config.epochs - 1))[0]

    for seen in assumptions.network(model, split.train_inputs, split.train_labels, run(), batch_size=config.batch_size):
        rows[-1] |= seen.columns()
        yield from rows
        rows.clear()
    yield from rows


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
