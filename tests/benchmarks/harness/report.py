"""What the benchmark found, as tables, as JSON, and as a verdict on each target."""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from tests.benchmarks.harness import page, timing
from tsla.empirics.runs.files import write_text
from tsla.figures import markdown

HEADLINE = ("resnet18", 64)
PEERS = ("torch.func", "opacus", "backpack", "torchjd")
COLUMNS = ("case", "contestant", "time ÷ floor, median (range)", "seconds", "memory ÷ floor", "MiB", "rounds kept, dropped", "off the loop")
LIBRARIES = ("torch", "opacus", "backpack-for-pytorch", "torchjd", "opt_einsum")
GRID = ("case", "tsla ÷ floor", "best peer", "best peer ÷ tsla", "loop ÷ tsla", "memory of tsla ÷ floor")
MOST_TIME, LEAST_AHEAD, MOST_MEMORY = 1.15, 2.0, 1.3
"""What is aimed at in each case: time over the floor, the best peer's time over ours, and memory over the floor."""
Advance = Callable[[str], None]


@dataclass(frozen=True)
class Case:
    """A network, a number of examples, and a variant as in :class:`tests.benchmarks.harness.competitor.Setting`."""

    network: str
    batch: int
    variant: str = ""
    contestants: tuple[str, ...] = ("floor", "tsla", "loop")

    def __str__(self) -> str:
        return f"{self.network}, batch {self.batch}" + (f", {self.variant}" if self.variant else "")


@dataclass
class Row:
    """What a contestant needed in a case, in seconds and bytes; how far its moments are off the loop's; ``problem``: why it has none."""

    case: Case
    contestant: str
    way: str = ""
    problem: str = ""
    difference: float | None = None
    seconds: float | None = None
    memory: int | None = None
    time_ratio: timing.Spread | None = None
    memory_ratio: float | None = None
    calls: list[timing.Call | None] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        ratio, memory = self.time_ratio, None if self.memory is None else self.memory / 2**20
        rounds = f"{ratio.kept}, {ratio.dropped}" if ratio else ""
        numbers = [_number(self.seconds, ".4g"), _number(self.memory_ratio, ".2f"), _number(memory, ".0f")]
        return str(self.case), self.contestant, str(ratio or self.problem), *numbers, rounds, _number(self.difference, ".0e")


def relate(rows: list[Row]) -> None:
    """Set seconds, and the ratios to the floor of the case, where there is one."""
    floor = next((row for row in rows if row.contestant == "floor"), None)
    for row in rows:
        calls = [call for call in row.calls if call is not None]
        seconds = [call.seconds for call in calls if not call.disturbed] or [call.seconds for call in calls]
        row.seconds = statistics.median(seconds) if seconds else None
        if floor is not None:
            row.time_ratio = timing.ratios(row.calls, floor.calls)
            row.memory_ratio = row.memory / floor.memory if row.memory is not None and floor.memory else None


@dataclass
class Report:
    """Header, rows, and by network the relative errors of the fast form, or why there are none."""

    header: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    precision: dict[str, dict[str, float] | str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """``moments.json`` and ``moments.md``."""
        content = {**asdict(self), "targets": self.verdicts()}
        for name, text in (("moments.json", json.dumps(content, indent=1, ensure_ascii=False)), ("moments.md", self.page())):
            write_text(folder / name, text)

    def page(self) -> str:
        """The report in Markdown."""
        lines = ["# The gradient moments: time and memory", "", *page.listed(self.header), ""]
        lines += [self.grid(), "", f"Aimed at: {MOST_TIME:g} at most, {LEAST_AHEAD:g} at least, {MOST_MEMORY:g} at most.", ""]
        lines += [markdown.table(COLUMNS, [row.cells() for row in self.rows]), "", f"{page.DISTURBED} How they got there:", ""]
        lines += [f"- {row.case}, {row.contestant}: {row.way}" for row in self.rows if row.contestant in PEERS and row.way]
        lines += [f"- {row.case}, {row.contestant}, problem: {row.problem}" for row in self.rows if row.problem]
        lines += ["", "tsla in float32, relative error, the loop in float64 being right:", ""]
        for network, errors in self.precision.items():
            text = errors if isinstance(errors, str) else ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
            lines.append(f"- {network}: {text}")
        return "\n".join([*lines, "", "Targets:", "", *page.listed(self.verdicts()), ""])

    def grid(self) -> str:
        """A row a case: tsla over the floor, and beside the best of those that give the moments."""
        return markdown.table(GRID, [_beside(case, rows) for case, rows in self._by_case().items()])

    def _by_case(self) -> dict[Case, dict[str, Row]]:
        found: dict[Case, dict[str, Row]] = {}
        for row in self.rows:
            found.setdefault(row.case, {})[row.contestant] = row
        return found

    def verdicts(self) -> list[str]:
        """One line a target: what was measured, and whether it holds."""
        by_case = self._by_case()
        headline = next((rows for case, rows in by_case.items() if (case.network, case.batch, case.variant) == (*HEADLINE, "")), {})
        cases = [*by_case.values()]
        beside_loop = [_ratio_of(rows, "tsla", "loop") for rows in cases]
        return [
            page.judged("headline, time of tsla over the floor", _ratio_of(headline, "tsla", "floor"), most=MOST_TIME),
            page.judged("headline, memory of tsla over the floor", _memory_of(headline), most=MOST_MEMORY),
            page.judged("headline, time of the best peer over tsla", _best_peer(headline)[1], least=2.8),
            page.judged("headline, time of torch.func over tsla", _ratio_of(headline, "torch.func", "tsla"), least=3.5),
            page.judged("time of tsla over the loop, the largest of all cases", max(_known(beside_loop), default=None), most=1.0),
            _met("time of tsla over the floor", [_ratio_of(rows, "tsla", "floor") for rows in cases], most=MOST_TIME),
            _met("time of the best peer over tsla", [_best_peer(rows)[1] for rows in cases], least=LEAST_AHEAD),
            _met("memory of tsla over the floor", [_memory_of(rows) for rows in cases], most=MOST_MEMORY),
        ]


def _beside(case: Case, rows: Mapping[str, Row]) -> tuple[str, ...]:
    name, ahead = _best_peer(rows)
    numbers = (_ratio_of(rows, "tsla", "floor"), ahead, _ratio_of(rows, "loop", "tsla"), _memory_of(rows))
    over_floor, *others = (_number(number, ".2f") for number in numbers)
    return str(case), over_floor, name, *others


def _best_peer(rows: Mapping[str, Row]) -> tuple[str, float | None]:
    """The quickest of the other libraries, and its time over ours; nothing where none was measured."""
    found = {name: ratio for name in PEERS if (ratio := _ratio_of(rows, name, "tsla")) is not None}
    best = min(found, key=found.__getitem__, default="")
    return best, found.get(best)


def _ratio_of(rows: Mapping[str, Row], name: str, base: str) -> float | None:
    spread = timing.ratios(rows[name].calls, rows[base].calls) if name in rows and base in rows else None
    return spread.median if spread else None


def _memory_of(rows: Mapping[str, Row]) -> float | None:
    return rows["tsla"].memory_ratio if "tsla" in rows else None


def _met(what: str, found: Sequence[float | None], *, least: float = 0.0, most: float = math.inf) -> str:
    """In how many cases a target is met, of those that were measured."""
    known = _known(found)
    return f"{what}: {sum(least <= value <= most for value in known)} of {len(known)} cases meet {page.target(least, most)}"


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def header(device: str, seed: int, rounds: int) -> dict[str, str]:
    """What the numbers depend on."""
    card = torch.cuda.get_device_name() if device.startswith("cuda") else device
    threads = f"{torch.get_num_threads()}, OMP_WAIT_POLICY={os.environ.get('OMP_WAIT_POLICY')}"
    return page.about(rounds, LIBRARIES, device=card, threads=threads, seed=str(seed))


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
