"""Runs the modules here in pieces, and prints a line a kind: how many were tried and went wrong, and how to see the first ones again."""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from operator import itemgetter
from pkgutil import iter_modules

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch: the pieces run side by side

import tests.torture
from tsla.empirics.runs.progress import Progress
from tsla.theory.text import aligned

PIECE = 100
"""Tries of one seed, but of a module with a ``PER_TRY``: there so many that are asked for are one try, and a piece."""
SHOWN = 3
"""Failures of a kind that are printed."""
Piece = tuple[str, int, int]
Tried = list[tuple[str, str | None]]
MODULES = [
    name
    for name in (module.name for module in iter_modules(tests.torture.__path__))
    if not name.startswith("_") and hasattr(import_module(f"tests.torture.{name}"), "tries")
]


def pieces(modules: Sequence[str], seed: int, tries: int) -> list[Piece]:
    """Module, seed and tries of each piece: a piece by itself is what that module does with this seed and so many tries.

    What takes longest is begun first.
    """
    sizes = {module: getattr(import_module(f"tests.torture.{module}"), "PER_TRY", 0) for module in modules}
    starts = {module: range(0, tries, size or PIECE) for module, size in sorted(sizes.items(), key=itemgetter(1), reverse=True)}
    return [
        (module, seed + place, min(sizes[module] or PIECE, tries - start))
        for module, of in starts.items()
        for place, start in enumerate(of)
    ]


def tried(module: str, seed: int, tries: int) -> Tried:
    """What came of a piece."""
    return list(import_module(f"tests.torture.{module}").tries(seed, tries))


def outcome(piece: Piece, done: Future[Tried]) -> Tried:
    """What came of it; where its process died, or its own code failed, that is a failure of the module."""
    try:
        return done.result()
    except Exception as error:  # whatever ended it
        return [(piece[0], f"ended in {type(error).__name__}: {error}")]


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"some of {', '.join(MODULES)} (default all)")
    parser.add_argument("--seed", type=int, default=0, help="of the first piece; each other has the next (default 0)")
    parser.add_argument(
        "--tries", type=int, default=10_000, help="of each module; of killed commands a hundredth, of commands in surroundings a 166th"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default one for each core)")
    args = parser.parse_args(arguments)
    if unknown := set(args.modules) - {*MODULES}:
        parser.error(f"MODULE = {min(unknown)} must be one of {', '.join(MODULES)}")
    found: dict[str, Tried] = defaultdict(list)
    again: dict[str, list[str]] = defaultdict(list)
    with ProcessPoolExecutor(args.jobs, get_context("fork")) as pool:
        todo = {pool.submit(tried, *piece): piece for piece in pieces(args.modules or MODULES, args.seed, args.tries)}
        with Progress("pieces", total=len(todo)) as progress:  # after the processes have parted: it may begin a thread
            for done in as_completed(todo):
                module, seed, tries = todo[done]
                progress.advance(f"{module}, seed {seed}")
                for kind, wrong in outcome(todo[done], done):
                    found[kind].append((kind, wrong))
                    if wrong is not None:
                        again[kind].append(f"\n{kind}: {wrong}\n  python -m tests.torture {module} --seed {seed} --tries {tries}\n")
    sys.stdout.write(table(found) + "\n" + "".join(said for kind in sorted(again) for said in again[kind][:SHOWN]))
    return int(bool(again))


def table(found: dict[str, Tried]) -> str:
    """A row a kind, and one of all."""
    counts = {kind: (len(of), sum(wrong is not None for _, wrong in of)) for kind, of in sorted(found.items())}
    counts["all"] = (sum(tries for tries, _ in counts.values()), sum(failures for _, failures in counts.values()))
    return aligned(
        [["kind", "tries", "failures"], *([kind, f"{n:,}", f"{bad:,}"] for kind, (n, bad) in counts.items())], right=frozenset({1, 2})
    )


if __name__ == "__main__":
    sys.exit(main())
