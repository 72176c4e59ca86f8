"""What every benchmark says: what its numbers depend on, and of each target whether it holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.harness import timing
from tsla.empirics.runs.files import write_text
from tsla.empirics.runs.provenance import environment

DISTURBED = "~: other processes disturbed every round, and all are counted."


def about(rounds: int, libraries: Sequence[str], **more: str) -> dict[str, str]:
    """What the numbers depend on; ``more`` is said between the versions and the rounds."""
    here = environment()
    return {
        "machine": here["machine"],
        "versions": ", ".join([f"Python {here['python']}", *(f"{name} {_installed(name)}" for name in libraries)]),
        **more,
        "rounds": f"{rounds}, interleaved; a call is set aside where others use more than {timing.FOREIGN_SHARE:.0%} of all cores",
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"


def judged(what: str, found: timing.Spread | float | None, *, least: float = 0.0, most: float = math.inf, problem: str = "") -> str:
    """What was measured, and whether it is from ``least`` to ``most``; with a ``problem`` it is not."""
    if found is None:
        return f"{what}: not measured, {target(least, most)}"
    value, shown = (found.median, str(found)) if isinstance(found, timing.Spread) else (found, f"{found:.2f}")
    return f"{what}: {shown}, {target(least, most)}: {'holds' if least <= value <= most and not problem else 'does not hold'}"


def target(least: float, most: float) -> str:
    """What is aimed at, on the one side that it has."""
    return f"target ≥ {least:g}" if least else f"target ≤ {most:g}"


def listed(lines: Sequence[str] | Mapping[str, str]) -> list[str]:
    """As a list of Markdown."""
    return [f"- {line}" for line in (map(": ".join, lines.items()) if isinstance(lines, Mapping) else lines)]


def write(folder: Path, name: str, title: str, header: Mapping[str, str], rows: Sequence[Any], table: str, targets: Sequence[str]) -> None:
    """``NAME.json`` with all that was measured, and ``NAME.md`` with its table."""
    content = {"header": header, "rows": [asdict(row) for row in rows], "targets": targets}
    lines = [f"# {title}", "", *listed(header), "", table, "", DISTURBED, "", "Targets:", "", *listed(targets), ""]
    for path, text in ((f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False)), (f"{name}.md", "\n".join(lines))):
        write_text(folder / path, text)
