"""What ``tsla power`` answers: the seeds that each checkpoint of a pilot asks for, the fewest, and where so many are first enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tsla.empirics.statistics.intervals import probability
from tsla.empirics.statistics.pilot import Pilot
from tsla.empirics.statistics.power import LEVEL, MOST, POWER, Need, need
from tsla.theory.constants import whole
from tsla.theory.text import aligned, count, number, wrapped


def plan(
    found: Pilot, *, effect: float | None = None, level: float = LEVEL, power: float = POWER, seeds: int | None = None
) -> dict[str, Any]:
    """What ``tsla power`` answers, as one JSON object.

    checkpoints:  a row each: ``at``, mean difference, sd, and the fields of :class:`Need`; n is null where there is no spread or no effect
    best:         the row of the largest standardised effect: the fewest seeds
    first:        the first row for which ``seeds`` suffice, so many steps are enough; null where none does, or where seeds is None

    The best of many checkpoints of a pilot looks better than it is: choose it on the pilot, and test on other seeds.
    Raises ValueError where no checkpoint can be planned with.
    """
    if seeds is not None:
        whole("seeds", seeds, at_least=2)
    probability("level", level)
    probability("power", power)
    checkpoints, why = [], ""
    for at, values in zip(found.checkpoint, found.differences, strict=True):
        row: dict[str, Any] = {"at": None if found.axis is None else float(at), "mean": float(np.mean(values))}
        try:
            row |= asdict(need(values, effect=effect, level=level, power=power))
        except ValueError as error:
            why = str(error)
            row |= dict.fromkeys(Need.__dataclass_fields__)
        checkpoints.append(row)
    possible = [row for row in checkpoints if row["n"] is not None]
    if not possible:
        raise ValueError(why)
    enough = [row for row in possible if seeds is not None and row["n"] <= seeds]
    return {
        "axis": found.axis,
        "pilot_seeds": found.differences.shape[1],
        "level": level,
        "power": power,
        "effect": effect,
        "seeds": seeds,
        "checkpoints": checkpoints,
        "best": max(possible, key=lambda row: abs(row["d"])),
        "first": enough[0] if enough else None,
    }


def table(answer: Mapping[str, Any]) -> str:
    """The answer for a person: a row a checkpoint, then what to do."""
    axis, seeds = answer["axis"], answer["seeds"]
    rows = [[axis or "", "mean difference", "sd", "effect/sd", "seeds", "95 % interval"]]
    for row in answer["checkpoints"]:
        at = "" if row["at"] is None else count(row["at"])
        rest = ["", "", "", "not to be planned with"] if row["n"] is None else _cells(row)
        rows.append([at, number(row["mean"]), *rest])
    best, first = answer["best"], answer["first"]
    where = "" if axis is None else f" at {axis} {count(best['at'])}"
    lines = [
        f"paired t-test at level {answer['level']:g}, power {answer['power']:g}; pilot of {answer['pilot_seeds']} seeds",
        aligned(rows, right=frozenset({0, 1, 2, 3, 4})),
        wrapped(
            f"Fewest seeds: {count(best['n'])} (interval {_span(best)}){where}, for an effect of {number(best['effect'])}.",
            indent="  ",
            more="",
        ),
    ]
    if answer["effect"] is None:
        own = "The effect is the pilot's own mean, whose error the interval leaves out; give the smallest effect worth finding."
        lines.append(wrapped(own, indent="  ", more=""))
    if seeds is not None:
        verdict = (
            "are not enough" if first is None else "are enough" if axis is None else f"are first enough at {axis} {count(first['at'])}"
        )
        lines.append(f"  {count(seeds)} seeds {verdict}.")
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [number(row["sd"]), number(row["d"]), count(row["n"]), _span(row)]


def _span(row: Mapping[str, Any]) -> str:
    return f"{count(row['low'])} to {count(row['high']) if row['high'] < MOST else 'over 1e9'}"
