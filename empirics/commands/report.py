"""``tsla report``, what it runs itself. ``tsla/cli.py`` parses, this answers."""

from __future__ import annotations

import argparse

from tsla.empirics.experiments import live
from tsla.empirics.runs.records import FOLDER, LIVE


def report(_: argparse.Namespace) -> int:
    """``tsla report``, what it runs itself. Returns 1 where a record is not current."""
    live.run(LIVE)
    return int(not live.check(FOLDER, LIVE))
