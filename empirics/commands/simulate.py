"""``tsla simulate``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsla.empirics.simulation import problems
from tsla.options import Parser, whole
from tsla.theory.commands.options import add_numbers
from tsla.theory.methods import METHODS
from tsla.theory.text import count, noted, number, wrapped

ABOUT = "run a bound's own plan on a test problem"
DETAILS = (
    "The plan of `tsla steps METHOD` is run, and the mean of ‖∇F‖² over the replicas stands beside eps², which the bound promises. "
    "Of few replicas with long tails the 95 % interval covers less often. docs/intervals.md has how often."
)
EXAMPLE = "simulate --problem sine_valley --method tsla --eps 0.5 --seeds 20"
EXTRA = "runs"


def add(parser: Parser) -> None:
    """Its options."""
    known = problems.names()
    parser.add_argument("--problem", required=True, choices=known, metavar="PROBLEM", help=f"one of {', '.join(known)}")
    parser.add_argument(
        "--method", required=True, choices=METHODS, metavar="METHOD", help=f"whose plan to run, one of {', '.join(METHODS)}"
    )
    parser.add_argument("--seeds", type=whole, default=100, help="number of independent replicas (default 100)")
    parser.add_argument("--seed", type=whole, default=0, help="seed of the whole run (default 0)")
    parser.add_argument("--T", type=whole, metavar="N", help="number of steps, in place of --eps: for the smallest eps that they reach")
    parser.add_argument("--out", type=Path, help="write the checkpoints, and what holds there of the assumptions, to this Parquet file")
    parser.add_argument("--state", type=Path, help="a file that keeps where the run is: a killed one goes on there, to the same numbers")
    add_numbers(parser, "", "eps", sigma2=1.0, delta=0.1)


def run(args: argparse.Namespace) -> None:
    """The plan, run, beside the bound; ``--out`` writes the checkpoints, and the assumptions there."""
    from dataclasses import asdict

    import pandas as pd

    from tsla.empirics import assumptions
    from tsla.empirics.runs.files import deliver, must_be_writable
    from tsla.empirics.runs.progress import Progress
    from tsla.empirics.runs.records import write as write_record
    from tsla.empirics.simulation.legs import default_checkpoints
    from tsla.empirics.simulation.planned import beside_bound, planned
    from tsla.theory.commands.answer import print_result

    must_be_writable(out=args.out, state=args.state)
    what = planned(args.problem, args.method, eps=args.eps, budget=args.T, sigma2=args.sigma2, delta=args.delta)
    stages = what.plan.stages
    marks = default_checkpoints(stages)
    with Progress("simulate", total=len(marks)) as progress:
        result, checkpoints = beside_bound(
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
        lambda: print_result(args, lambda: result, lambda: _table(result)),
        state=args.state,
        out=(args.out, lambda path: write_record(path, table, config, f"tsla simulate {options}", modules=(planned.__module__,))),
    )


def _table(result: Mapping[str, Any]) -> str:
    """A row a value, and at the end whether the bound held."""
    rows = [
        ["bound", number(result["bound"]), f"eps² at eps = {number(result['eps'])}"],
        ["measured", number(result["measured"]), f"{number(result['low'])} to {number(result['high'])}, 95 % interval"],
        ["samples", count(result["samples"]), f"of each of {count(result['replicas'])} replicas; seed {result['seed']}"],
        ["assumptions", "", result["assumptions"]],
        ["violations", "", "; ".join(violation["effect"] for violation in result["violations"]) or "none"],
    ]
    head = f"{result['method']} on {result['problem']}: mean of ‖∇F‖² beside what its plan promises   ({result['claim']})"
    return "\n".join([wrapped(head), noted(rows, right=frozenset({1})), f"  the bound: {result['verdict']}"])
