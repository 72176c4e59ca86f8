"""``tsla docs``."""

from __future__ import annotations

import argparse

from tsla.options import Parser

ABOUT = "write the tables of docs/ from the records, or check them"
EXAMPLE = "docs --check"
EXTRA = "runs"
CHECKOUT = "docs"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("name", nargs="*", help="documents, such as study for docs/study.md (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing: one line a document that is not what the records give")


def run(args: argparse.Namespace) -> int:
    """Write the documents; with ``--check`` look at them, and return 1 where one says something else."""
    from tsla.figures import documents

    made = documents.texts(args.name)
    if not args.check:
        print(*documents.write(made), sep="\n")
        return 0
    stale = documents.stale(made)
    for path in stale:
        print(f"{path} is not what the records give; `tsla docs {path.stem}` writes it")
    return int(bool(stale))
