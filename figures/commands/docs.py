"""``tsla docs``."""

from __future__ import annotations

import argparse

from tsla.options import Parser

ABOUT = "write, check or print the tables of docs/, from the records"
EXAMPLE = "docs --check"
EXTRA = "runs"
CHECKOUT = "docs"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument("name", nargs="*", help="documents, such as study for docs/study.md (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing: one line a document that is not what the records give")
    parser.add_argument("--table", metavar="PAGE.TABLE", help="print a table that is too long for its page, such as study.along")
    parser.add_argument("--csv", action="store_true", help="print the table as CSV, with all digits")
    parser.set_defaults(settle=_settle)
    parser.give_json()


def _settle(args: argparse.Namespace) -> None:
    if args.csv and args.table is None:
        raise ValueError("--csv prints a table; must be given with --table")
    if args.csv and args.json:
        raise ValueError("--csv and --json exclude each other; must be one of them")
    if args.table is not None and (args.name or args.check):
        raise ValueError(f"--table {args.table} prints one table; must be given without {'--check' if args.check else args.name[0]}")


def run(args: argparse.Namespace) -> int:
    """Write the documents; with ``--check`` look at them, and return 1 where one says something else; with ``--table`` print."""
    from tsla.empirics.runs.files import write_texts
    from tsla.figures import documents
    from tsla.theory.commands.answer import print_json, print_result

    if args.table is not None:
        title, table = documents.table(args.table)
        answer = table.csv() if args.csv else f"{title}\n\n{table.text()}\n"
        print_json({"table": args.table, "title": title, "rows": table.rows()}) if args.json else print(answer, end="")
        return 0
    made = documents.texts(args.name)
    if not args.check:
        written = [str(path) for path in write_texts(made)]
        print_result(args, lambda: {"written": written}, lambda: "\n".join(written))
        return 0
    stale = documents.stale(made)
    if args.json:
        print_json({"stale": [str(path) for path in stale]})
    else:
        for path in stale:
            print(f"{path} is not what the records give; `tsla docs {path.stem}` writes it")
    return int(bool(stale))
