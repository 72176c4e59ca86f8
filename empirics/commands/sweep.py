"""The subcommand ``tsla sweep``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tsla.empirics.runs.files import must_be_folder, must_be_writable
from tsla.empirics.training import sweeps

FOLDER = Path("build/sweeps")


def sweep(args: argparse.Namespace) -> int:
    """``tsla sweep``: all runs of a file; prints where the record is, and the failed runs on standard error. 1 if there are any."""
    wanted = sweeps.read(args.file)
    must_be_folder("out", args.out)
    folder = args.out or FOLDER / wanted.name
    must_be_writable(out=folder / f"{wanted.name}.parquet", inputs={"FILE": args.file})
    found = sweeps.run(wanted, folder, origin=f"tsla sweep {args.file}", backend=args.backend, address=args.address, jobs=args.jobs)
    if found.record is not None:
        print(found.record)
    if found.failed:
        print(f"{len(found.failed)} of {len(wanted.configs)} runs failed:", file=sys.stderr)
    for label, reason, command in found.failed:
        print(f"  {label}: {reason}\n    {command}", file=sys.stderr)
    return 1 if found.failed else 0
