"""The subcommands that run something and write records. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from tsla.empirics import assumptions
from tsla.empirics.experiments import bounds as synthetic
from tsla.empirics.runs.files import deliver, must_be_there, must_be_writable
from tsla.empirics.runs.progress import Progress
from tsla.empirics.runs.records import FOLDER, LIVE
from tsla.empirics.runs.records import read as read_record
from tsla.empirics.runs.records import write as write_record
from tsla.empirics.simulation.simulate import default_checkpoints
from tsla.empirics.statistics.power import pilot, plan
from tsla.empirics.statistics.power import table as power_table
from tsla.theory.commands import print_result

RUNS = Path("build/runs")


def simulate(args: argparse.Namespace) -> None:
    """``tsla simulate``: a bound's own plan, run, beside the bound; ``--out`` writes the checkpoints, and the assumptions there."""
    must_be_writable(out=args.out, state=args.state)
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
    seen = pd.DataFrame([row.columns() for row in watched])
    config = {name: getattr(args, name) for name in ("problem", "method", "eps", "T", "sigma2", "delta", "seeds", "seed")}
    options = " ".join(f"--{name} {value}" for name, value in config.items() if value is not None)
    table = checkpoints.merge(seen, on="step", how="left")
    deliver(
        lambda: print_result(args, lambda: result, lambda: "\n".join(f"  {name:14} {value}" for name, value in result.items())),
        state=args.state,
        out=(args.out, lambda path: write_record(path, table, config, f"tsla simulate {options}", modules=(synthetic.__name__,))),
    )


def power(args: argparse.Namespace) -> None:
    """``tsla power``: seeds and steps to tell two methods apart."""
    must_be_there("record", args.record, "a record such as `tsla train --out` writes")
    unclear = [text for text in args.where if "=" not in text]
    if unclear:
        raise ValueError(f"where = {unclear[0]!r} must be NAME=VALUE, a column and what it must hold")
    where = dict(text.split("=", 1) for text in args.where)
    found = pilot(read_record(args.record).table, column=args.column, a=args.a, b=args.b, where=where)
    answer = plan(found, effect=args.effect, level=args.level, power=args.power, seeds=args.seeds)
    print_result(args, lambda: answer, lambda: power_table(answer))


def measure(args: argparse.Namespace) -> None:
    """``tsla measure``: what smoothing does at the weights of a checkpoint."""
    from tsla.empirics.advice.measure import Setting
    from tsla.empirics.advice.measure import checkpoint as measured_checkpoint

    setting = Setting.of(theta=args.theta, batch_size=args.batch_size, eta=args.eta, L=args.L, eta_L=args.eta_L)
    names = ("folder", "model", "smoothing", "examples", "until", "chunk", "batch_norm", "seed")
    found = measured_checkpoint.measured(args.checkpoint, args.data, setting, **{name: getattr(args, name) for name in names})
    print_result(args, found.json, lambda: f"{measured_checkpoint.headline(found)}\n{found}")


def certify(_: argparse.Namespace) -> None:
    """``tsla certify``, first half: run every certificate anew, whatever an earlier call has done, and write their record."""
    from tsla.empirics.experiments.runner import make_records

    with TemporaryDirectory() as build:
        for path in make_records(["certificates"], out=FOLDER, build=Path(build)):
            print(path)


def records(args: argparse.Namespace) -> int:
    """``tsla records``: run experiments, by default those of the report; with ``--check`` look at the records that there are."""
    from tsla.empirics.experiments.registry import EXPERIMENTS
    from tsla.empirics.experiments.runner import make_records

    if args.check:
        return _check_records(args.name)
    names = args.name or [name for name, experiment in EXPERIMENTS.items() if experiment.in_report]
    for path in make_records(names, out=FOLDER, build=RUNS):
        print(path)
    return 0


def _check_records(names: list[str]) -> int:
    """One line a record; 1 where one is not what today's code says."""
    from tsla.empirics.experiments.recheck import recheck

    code = 0
    for found in recheck(names):
        print(found)
        code |= not found.current
    return code


def report(_: argparse.Namespace) -> int:
    """``tsla report``, what it runs itself. Returns 1 where a record is not current."""
    from tsla.empirics.experiments import live

    live.run(LIVE)
    return int(not live.check(FOLDER, LIVE))
