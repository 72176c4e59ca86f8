"""The tables of ``docs/intervals.md``: how often intervals cover and tests raise false alarms, as measured, beside what they say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tsla.empirics.experiments.error_rates.laws import LAWS
from tsla.empirics.experiments.error_rates.rate import LACKS, Rate
from tsla.empirics.experiments.error_rates.rates import RATES
from tsla.empirics.runs import records
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.figures import markdown

TITLES = ("what", "unit", "it says", "measured", "with the wrong unit", "trials")


def tables(folder: Path) -> tuple[str, str]:
    """A section for each simulated law, and where each rate is used."""
    record = records.read(folder / "error_rates.parquet")
    sections = (
        (law, markdown.table(TITLES, (_cells(rate, record.table) for rate in RATES if rate.simulation == name)))
        for name, law in LAWS.items()
    )
    seeds = ", ".join(map(str, record.seeds))
    found = "\n\n".join(f"{markdown.paragraph(law)}\n\n{table}" for law, table in sections)
    return f"{found}\n\nThe seed of all trials is {seeds}.", _used()


def _used() -> str:
    """A line for what is made or used in the same functions."""
    by_functions: dict[tuple[str, ...], list[str]] = {}
    for rate in RATES:
        by_functions.setdefault(rate.used_by, []).append(rate.what)
    lines = ((what[0] if len(what) == 1 else f"{what[0]}, and {len(what) - 1} more", used) for used, what in by_functions.items() if used)
    return markdown.table(("what", "made or used in"), ((what, ", ".join(f"`{name}`" for name in used)) for what, used in lines))


def _cells(rate: Rate, record: pd.DataFrame) -> tuple[str, ...]:
    right, short = rate.measured(record), ", falls short" if (rate.simulation, rate.measure) in LACKS else ""
    trials = int(rate.rows(record)["trials"].sum())
    return (rate.what, rate.unit, _said(rate), _percent(right) + short, _percent(rate.measured(record, "wrong")), f"{trials:,}")


def _said(rate: Rate) -> str:
    at = {"covers": "covers", "false alarms": "at most", "power": "finds"}[rate.kind]
    return "finds" if rate.level is None else f"{at} {100 * rate.level:g} %"


def _percent(found: IntervalOf[float]) -> str:
    estimate, low, high = (f"{100 * value:.1f}" for value in (found.estimate, found.low, found.high))
    return f"{estimate} % [{low}, {high}]"
