"""``tsla certify``, once the certificates have been run."""

from __future__ import annotations

import argparse

from tsla.options import Parser

ABOUT = "run every certificate, and print a row a claim"
DETAILS = "Their record is written. What failed is listed, and the exit code is then 1."
EXAMPLE = "certify"
EXTRA = "all"
CHECKOUT = "records"


def add(parser: Parser) -> None:
    """Its options."""
    parser.give_json()


def run(args: argparse.Namespace) -> int:
    """A row a claim, and whatever failed. Returns 1 where something did."""
    from dataclasses import asdict

    from tsla.empirics.runs.records import FOLDER
    from tsla.figures import certified
    from tsla.theory.commands.answer import print_result
    from tsla.theory.text import finite

    found = certified.read(FOLDER / "certificates.parquet")
    rows = [finite(asdict(certificate)) for certificate in found]
    print_result(args, lambda: {"certificates": rows, "failed": len(certified.failures(found))}, lambda: certified.summary(found))
    return int(bool(certified.failures(found)))
