"""Every command of an installation, called where no checkout is: ``python -m tests.supply.commands``, in a folder with FILES.

Its help is asked for, and its own example is run. A command that needs a checkout has to say so in one line.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePath

import tsla
from tsla.cli import COMMANDS

FILES = ("digits.parquet", "sweep.toml", "heavy_ball.py")
"""What the examples name, by the last part of its path."""
CHECKOUT = {"records": "records", "certify": "records", "figures": "records", "report": "records", "docs": "docs"}
"""Command whose example needs a checkout -> a folder that it has."""
MORE = {"train": ["--checkpoint", "digits.pt"]}
"""What an example is run with besides: a file that a later one reads."""


def failed() -> Iterator[str]:
    """What went wrong, a line a call."""
    for name, modules in COMMANDS.items():
        module = import_module(modules[-1])
        example = [PurePath(word).name if PurePath(word).name in FILES else word for word in module.EXAMPLE.split()]
        yield from _wrong([name, "--help"])
        yield from _wrong([*example, *MORE.get(name, [])], folder=CHECKOUT.get(name, ""))


def _wrong(words: list[str], folder: str = "") -> Iterator[str]:
    """What is wrong with a call: one that needs a ``folder`` must be refused, and any other must succeed."""
    called = subprocess.run([sys.executable, "-m", "tsla", *words], check=False, capture_output=True, text=True)  # noqa: S603 - our own
    refusal = f"tsla {words[0]}: {folder}/ is not here; "
    refused = (called.returncode, called.stderr.count("\n")) == (2, 1) and called.stderr.startswith(refusal)
    if not (refused if folder else called.returncode == 0):
        yield f"tsla {' '.join(words)}: exit code {called.returncode}: {called.stderr.strip() or called.stdout[-200:]}"


def main() -> int:
    """Print what failed. Raises ValueError where tsla is that of a checkout, or a file is missing."""
    if (Path(tsla.__file__).parent / "theory").is_symlink():
        raise ValueError(f"tsla = {tsla.__file__} is of a checkout; must be an installed one")
    if missing := [name for name in FILES if not Path(name).is_file()]:
        raise ValueError(f"{missing[0]} is not here; the examples need {', '.join(FILES)}")
    lines = list(failed())
    sys.stdout.write("".join(f"{line}\n" for line in lines) + f"{len(COMMANDS)} commands, {len(lines)} calls failed\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
