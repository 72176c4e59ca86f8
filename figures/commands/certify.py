"""``tsla certify``, once the certificates have been run."""

from __future__ import annotations

import argparse

from tsla.options import Parser

ABOUT = "run every certificate, and print a row a claim"
DETAILS = "Their record is written, and what failed is listed. Then the exit code is 1."
EXAMPLE = "certify"
EXTRA = "all"
CHECKOUT = "records"


def add(_: Parser) -> None:
    """It has no options."""


def run(_: argparse.Namespace) -> int:
    """A row a claim, and whatever failed. Returns 1 where something did."""
    from tsla.empirics.runs.records import FOLDER
    from tsla.figures import certified

    found = certified.read(FOLDER / "certificates.parquet")
    print(certified.summary(found))
    return int(bool(certified.failures(found)))
