"""A measured rate of an interval or a test, and what it may lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tsla.empirics.statistics.intervals import IntervalOf, share

Kind = Literal["covers", "false alarms", "power"]
COVERAGE = 0.95
LACKS: Mapping[tuple[str, str], float] = {
    ("study", "family"): 0.05,
    ("study", "family, normal"): 0.04,
    ("third round", "no benefit"): 0.13,
    ("third round", "no benefit, normal"): 0.12,
    ("predictions", "any of P3"): 0.33,
    ("predictions", "P4"): 0.1,
    ("planned seeds", "power from a pilot"): 0.05,
    ("regret", "regret"): 0.2,
    ("regret", "beside what tuning may choose"): 0.16,
    ("drops", "a drop"): 0.03,
    ("drops", "any drop"): 0.18,
    ("drops", "any drop, normal"): 0.2,
    ("runs", "interval of 20"): 0.06,
    ("runs", "interval of 100"): 0.02,
    ("branches", "interval, MLP"): 0.03,
    ("branches", "sign, MLP"): 0.03,
    ("branches", "interval, ResNet-8"): 0.05,
    ("branches", "sign, ResNet-8"): 0.05,
    ("hit rates", "interval, ResNet-8"): 0.16,
    ("monitored", "ever said"): 0.64,
}
"""Simulation and measure -> by how much the rate is known to fall short of its level. ``docs/intervals.md`` says so of each, and why."""
CONFIDENCE = 0.999
"""Of the interval by which a measured rate is held against its level: of some eighty rows one in twenty would fail by chance at 0.95."""


@dataclass(frozen=True)
class Rate:
    """A row of the table.

    simulation, measure:  of the record
    what:                 whose rate it is, in words
    unit:                 what varies independently, and is drawn anew in each trial
    kind, level:          an interval covers with at least this probability; a test raises false alarms with at most it, and finds what is
                          there with about it. A power without a level was not promised to anybody
    used_by:              the functions that make or ask for it, below ``tsla``
    """

    simulation: str
    measure: str
    what: str
    unit: str
    kind: Kind
    level: float | None
    used_by: tuple[str, ...] = ()

    def rows(self, record: pd.DataFrame, unit: str = "right") -> pd.DataFrame:
        """Its rows of the record; ``unit`` is "right" or "wrong". Raises ValueError where there are none."""
        rows = record[(record["simulation"] == self.simulation) & (record["measure"] == self.measure) & (record["unit"] == unit)]
        if rows.empty:
            raise ValueError(f"record has no trials of {self.simulation}, {self.measure}; must have some: `tsla records error_rates`")
        return rows

    def measured(self, record: pd.DataFrame, unit: str = "right", level: float = COVERAGE) -> IntervalOf[float]:
        """By the record, with the interval over trials. Raises what :meth:`rows` raises."""
        rows = self.rows(record, unit)
        return share(int(rows["events"].sum()), int(rows["trials"].sum()), level=level)

    def keeps(self, record: pd.DataFrame, unit: str = "right") -> bool:
        """Whether chance explains what is beyond the level, and what the rate is known to lack. A power must not be above it either."""
        if self.level is None:
            return True
        found, lacks = self.measured(record, unit, CONFIDENCE), LACKS.get((self.simulation, self.measure), 0.0)
        low_enough, high_enough = found.low <= self.level + lacks, found.high >= self.level - lacks
        return {"covers": high_enough, "false alarms": low_enough, "power": low_enough and high_enough}[self.kind]
