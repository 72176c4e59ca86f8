"""``tsla check``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tsla.extras import needing
from tsla.options import Parser

if TYPE_CHECKING:
    from tsla.figures.checking import Checked

ABOUT = "rerun the evidence of a claim, or decide one's own theorem"
DETAILS = (
    "With a claim its evidence is rerun and its section printed. With a file of one's own the theorems that it declares are decided. "
    "With neither all the evidence is rerun, and records/evidence.json and paper_checks.md are written."
)
EXAMPLE = "check examples/theorems/heavy_ball.py"
EXTRA = "all"

BUILD = Path("build")


def checkout(args: argparse.Namespace) -> str:
    """The folder that is needed: the tests, but not for a file of one's own."""
    return "" if _is_file(args.claim) else "tests"


def add(parser: Parser) -> None:
    """Its options."""
    parser.add_argument(
        "claim",
        nargs="?",
        help="a claim, such as C5; or a file of Python, such as my_paper.py, which is executed: the theorems that it declares are decided",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where the page of a file's theorems goes; paper_checks.md beside the file"
    )
    parser.give_json()


def run(args: argparse.Namespace) -> int:
    """All the evidence, or that of one claim, or of the theorems of a file. Returns 1 where something failed."""
    from tsla.theory.commands.answer import print_result

    found = _checked(args)
    print_result(args, lambda: found.json, lambda: found.text)
    return int(not found.passed)


def _checked(args: argparse.Namespace) -> Checked:
    if _is_file(args.claim):
        path = Path(args.claim)
        with needing("certify"):  # and runs, of which it says so by itself
            from tsla.figures import checking

            return checking.decide_file(path, args.out or path.parent / "paper_checks.md")
    from tsla.figures import checking

    if args.out is not None:
        raise ValueError(f"out = {args.out} has no use without a file of theorems")
    return checking.write_paper_checks(BUILD) if args.claim is None else checking.section(args.claim, BUILD)


def _is_file(claim: str | None) -> bool:
    return claim is not None and (claim.endswith(".py") or "/" in claim)
