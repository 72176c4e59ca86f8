"""``tsla report``, what it runs itself."""

from __future__ import annotations

import argparse


def run(_: argparse.Namespace) -> int:
    """Returns 1 where a record is not current."""
    from tsla.empirics.experiments import live
    from tsla.empirics.runs.records import FOLDER, LIVE

    live.run(LIVE)
    return int(not live.check(FOLDER, LIVE))
