"""``tsla report``, what it runs itself."""

from __future__ import annotations

import argparse


def run(args: argparse.Namespace) -> int:
    """Returns 1 where a record is not current. Of the page alone nothing is run."""
    from tsla.empirics.experiments import live
    from tsla.empirics.runs.records import FOLDER, LIVE

    if args.page:
        return 0
    live.run(LIVE)
    return int(not live.check(args.records or FOLDER, LIVE))
