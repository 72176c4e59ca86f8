"""``tsla certify``, what it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory


def run(args: argparse.Namespace) -> None:
    """Run every certificate anew, whatever an earlier call has done, and write their record."""
    from tsla.empirics.experiments.runner import make_records
    from tsla.empirics.runs.records import FOLDER

    with TemporaryDirectory() as build:
        for path in make_records(["certificates"], out=FOLDER, build=Path(build)):
            if not args.json:
                print(path)
