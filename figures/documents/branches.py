"""The tables of ``docs/branches.md``: how often the moments told what smoothing would do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.experiments.sign_prediction.predictions import PREDICTORS
from tsla.empirics.experiments.sign_prediction.verdicts import UNITS, compared, decided, primary, verdict, where
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import markdown

RECORDS = {"MLP": "branches", "ResNet-8": "branches_resnet8"}
"""The primary comparison is the MLP's."""
Row = Mapping[Any, Any]
NAMES = {"grad2": "‖∇F‖²", "F": "F"}


def tables(folder: Path) -> tuple[str]:
    """Of all networks, one below the other."""
    found = {network: records.of(folder, name) for network, name in RECORDS.items()}
    return (markdown.sections(part for network, record in found.items() for part in _parts(network, record)),)


def _parts(network: str, record: Record) -> list[tuple[str, str]]:
    """What the document says of a network, from its record: titles and bodies."""
    rows = record.table
    found = verdict(rows)
    first = primary(rows)
    runs = rows.drop_duplicates(["seed", "label_noise", "batch_size", "eta"])
    said = (
        f"C12 and C14 are **{decided(first)}** on these settings: {where(network, record.config['configs'])}. "
        f"Hit rate {_shown(first, 'hit')}, less the better rule {_shown(first, 'above')}. "
        f"These are {first['established']:g} signs, of {first['units']} settings and {rows['seed'].nunique()} seeds. "
        f"{int(runs['diverged'].sum())} of {len(runs)} runs diverged and are left out."
    )
    return [
        (f"{network}: the sign of the floor, ‖∇F‖² after 30 steps, against plain SGD", markdown.paragraph(said)),
        (f"{network}: the same sign beside rules that are fitted to outcomes", _fitted(rows)),
        (f"{network}: what the interval takes for independent", _units(rows)),
        (f"{network}: snapshots with ηL ≤ 1, as C12 asks", _table(found, "premise")),
        (f"{network}: all snapshots", _table(found, "all")),
    ]


def _fitted(rows: pd.DataFrame) -> str:
    """One line a rule: what it is fitted to, and how often it hits."""
    lines = [(row["rule"], row["fitted"], _shown(row, "hit"), _shown(row, "lead")) for row in compared(rows).to_dict("records")]
    return markdown.table(("rule", "fitted to", "hit rate", "hit rate of floor, less its"), lines)


def _units(rows: pd.DataFrame) -> str:
    """One line a unit of resampling."""
    found = {name: primary(rows, unit) for name, unit in UNITS.items()}
    lines = [(name, str(row["units"]), _shown(row, "hit"), _shown(row, "above")) for name, row in found.items()]
    return markdown.table(("resampled", "there are", "hit rate of floor", "floor, less the better rule"), lines)


def _table(found: pd.DataFrame, scope: str) -> str:
    """One line a horizon, rival and outcome: the hit rates of the predictors, less those of the better rule that does not look."""
    groups = found[found["scope"] == scope].groupby(["K", "rival", "outcome"], sort=False)
    lines = [_line(rows.set_index("predictor").to_dict("index")) for _, rows in groups]
    above = tuple(f"{name}, less the better rule" for name in PREDICTORS)
    return markdown.table(("steps", "against", "of", "signs established", "lowered", "hit rate of floor", *above, "balanced, floor"), lines)


def _line(by_name: Mapping[Any, Row]) -> tuple[str, ...]:
    floor = by_name["floor"]
    about = (str(floor["K"]), floor["rival"], NAMES[floor["outcome"]])
    signs = (f"{floor['established']:g} of {floor['rows']:g}", f"{floor['lowered']:.2f}", _shown(floor, "hit"))
    return (*about, *signs, *(_shown(by_name[name], "above") for name in PREDICTORS), f"{floor['balanced']:.2f}")


def _shown(row: Row, name: str) -> str:
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"
