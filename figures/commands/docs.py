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
    parser.give_json()


def run(args: argparse.Namespace) -> int:
    """Write the documents; with ``--check`` look at them, and return 1 where one says something else."""
    from tsla.figures import documents
    from tsla.theory.commands.answer import print_json, print_result

    made = documents.texts(args.name)
    if not args.check:
        written = [str(path) for path in documents.write(made)]
        print_result(args, lambda: {"written": written}, lambda: "\n".join(written))
        return 0
    stale = documents.stale(made)
    if args.json:
        print_json({"stale": [str(path) for path in stale]})
    else:
        for path in stale:
            print(f"{path} is not what the records give; `tsla docs {path.stem}` writes it")
    return int(bool(stale))
