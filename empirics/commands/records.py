"""``tsla records``, and the first half of ``tsla certify``. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tsla.empirics.experiments.recheck import recheck
from tsla.empirics.experiments.registry import EXPERIMENTS
from tsla.empirics.experiments.runner import make_records
from tsla.empirics.runs.records import FOLDER

RUNS = Path("build/runs")


def records(args: argparse.Namespace) -> int:
    """``tsla records``: run experiments, by default those of the report; with ``--check`` look at the records that there are."""
    if args.check:
        return _check_records(args.name)
    names = args.name or [name for name, experiment in EXPERIMENTS.items() if experiment.in_report]
    for path in make_records(names, out=FOLDER, build=RUNS):
        print(path)
    return 0


def _check_records(names: list[str]) -> int:
    """One line a record; 1 where one is not what today's code says."""
    code = 0
    for found in recheck(names):
        print(found)
        code |= not found.current
    return code


def certify(_: argparse.Namespace) -> None:
    """``tsla certify``, first half: run every certificate anew, whatever an earlier call has done, and write their record."""
    with TemporaryDirectory() as build:
        for path in make_records(["certificates"], out=FOLDER, build=Path(build)):
            print(path)
