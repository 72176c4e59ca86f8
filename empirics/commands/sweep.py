"""``tsla sweep``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tsla.options import Parser, whole

INTERRUPTED = "the same command goes on where it was"
ABOUT = "many training runs, resumable: a grid times seeds"
DETAILS = "On all cores, or on a cluster."
EXAMPLE = "sweep examples/sweep.toml"
EXTRA = "torch"

FOLDER = Path("build/sweeps")


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a TOML file such as examples/sweep.toml")
    parser.add_argument(
        "--backend", choices=["loky", "ray", "dask"], default="loky", help="loky (default): processes of this machine; or a cluster"
    )
    parser.add_argument("--address", help="of a running Ray or Dask cluster (default: one is started here)")
    parser.add_argument("--jobs", type=whole, metavar="N", help="at most this many runs at once (default: one for each core)")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where the results go (default build/sweeps/NAME); shared by all of a cluster"
    )
    parser.give_json()


def run(args: argparse.Namespace) -> int:
    """All runs of a file; prints where the record is, and the failed runs on standard error. 1 if there are any."""
    from tsla.empirics.runs.files import must_be_folder, must_be_writable
    from tsla.empirics.training import sweeps
    from tsla.theory.commands.answer import print_json

    wanted = sweeps.read(args.file)
    must_be_folder("out", args.out)
    folder = args.out or FOLDER / wanted.name
    must_be_writable(out=folder / f"{wanted.name}.parquet", inputs={"FILE": args.file})
    found = sweeps.run(wanted, folder, origin=f"tsla sweep {args.file}", backend=args.backend, address=args.address, jobs=args.jobs)
    record = None if found.record is None else str(found.record)
    if args.json:
        failed = [dict(zip(("label", "reason", "command"), one, strict=True)) for one in found.failed]
        print_json({"record": record, "failed": failed})
    elif record is not None:
        print(record)
    if found.failed:
        print(f"{len(found.failed)} of {len(wanted.configs)} runs failed:", file=sys.stderr)
    for label, reason, command in found.failed:
        print(f"  {label}: {reason}\n    {command}", file=sys.stderr)
    return 1 if found.failed else 0
