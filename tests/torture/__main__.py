"""Runs all modules here, and prints a line a kind: how many were tried, how many went wrong, and the first that did."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from importlib import import_module
from pkgutil import iter_modules

from tsla.theory.text import aligned


def main() -> int:
    """1 where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tries", type=int, default=5000, help="of each module")
    args = parser.parse_args()
    found: dict[str, list[str | None]] = defaultdict(list)
    for module in iter_modules(sys.modules["tests.torture"].__path__, "tests.torture."):
        if not module.name.endswith("__main__"):
            for kind, wrong in import_module(module.name).tries(args.seed, args.tries):
                found[kind].append(wrong)
    rows = [["kind", "tries", "failures"]]
    rows += [[kind, str(len(tried)), str(sum(wrong is not None for wrong in tried))] for kind, tried in sorted(found.items())]
    sys.stdout.write(aligned(rows, right=frozenset({1, 2})) + "\n")
    first = [(kind, next(wrong for wrong in tried if wrong is not None)) for kind, tried in sorted(found.items()) if any(tried)]
    for kind, wrong in first:
        sys.stdout.write(f"\n{kind}: {wrong}\n")
    return int(bool(first))


if __name__ == "__main__":
    sys.exit(main())
