"""The tables of ``docs/branches.md``, which ``python -m tsla.empirics.experiments.sign_prediction.document`` writes from the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.experiments.sign_prediction.predictions import PREDICTORS
from tsla.empirics.experiments.sign_prediction.verdicts import verdict
from tsla.empirics.runs import markdown, records
from tsla.empirics.runs.records import Record

RECORDS = {"MLP": "branches", "ResNet-8": "branches_resnet8"}
"""The primary comparison is the MLP's."""
DOCUMENT = Path("docs/branches.md")
BEGIN, END = "<!-- written by python -m tsla.empirics.experiments.sign_prediction.document -->", "<!-- end -->"
PRIMARY = {"K": 30, "scope": "premise", "rival": "plain", "outcome": "grad2", "predictor": "floor"}
"""What ``docs/study_plan.md`` named before the runs."""
Row = Mapping[Any, Any]
NAMES = {"grad2": "‖∇F‖²", "F": "F"}


def primary(found: pd.DataFrame) -> Row:
    """The row of the primary comparison in a table of :func:`tsla.empirics.experiments.sign_prediction.verdict`."""
    row: Row = found[(found[list(PRIMARY)] == pd.Series(PRIMARY)).all(axis=1)].to_dict("records")[0]
    return row


def decided(row: Row) -> str:
    """As the plan has it, by the interval of the hit rate less that of the better rule that does not look."""
    if row["above_low"] > 0:
        return "supported as a predictor"
    return "refuted as a predictor" if row["above_high"] < 0 else "not decided"


def table(found: pd.DataFrame, scope: str) -> str:
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


def where(network: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """The settings of some configurations in words, for which alone their verdict speaks."""

    def all_of(name: str) -> str:
        return markdown.listed(f"{config[name]:g}" for config in configs)

    noise = markdown.listed(f"{100 * config['label_noise']:g}" for config in configs)
    examples = f"{markdown.listed(config['data'] for config in configs)}, {configs[0]['train_size']:,} examples, {noise} % wrong labels"
    return f"{network} on {examples}, plain SGD with constant step sizes of {all_of('eta')}, batches of {all_of('batch_size')}"


def tables(network: str, record: Record) -> str:
    """What the document says of a network, from its record."""
    rows = record.table
    found = verdict(rows)
    first = primary(found)
    gone = rows.drop_duplicates(["seed", "label_noise", "batch_size", "eta"])
    said = (
        f"C12 and C14 are **{decided(first)}** on these settings: {where(network, record.config['configs'])}. "
        f"Hit rate {_shown(first, 'hit')}, less the better rule {_shown(first, 'above')}, "
        f"{first['established']:g} signs, {rows['seed'].nunique()} seeds. "
        f"{int(gone['diverged'].sum())} of {len(gone)} cells diverged and are left out."
    )
    parts = (
        ("the sign of the floor, ‖∇F‖² after 30 steps, against plain SGD", said),
        ("snapshots with ηL ≤ 1, as C12 asks", table(found, "premise")),
        ("all snapshots", table(found, "all")),
    )
    return "\n\n".join(f"### {network}: {title}\n\n{text}" for title, text in parts)


def whole(folder: Path) -> str:
    """The tables of all networks, from their records in a folder."""
    return "\n\n".join(tables(network, records.read(folder / f"{name}.parquet")) for network, name in RECORDS.items())


def main() -> None:
    """Put the tables into the document."""
    markdown.put(DOCUMENT, BEGIN, END, whole(records.FOLDER))


if __name__ == "__main__":
    main()
