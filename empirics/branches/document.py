"""The tables of ``docs/branches.md``, which ``python -m empirics.branches.document`` writes from the record."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from empirics import markdown, records
from empirics.branches.predictions import PREDICTORS
from empirics.branches.verdicts import verdict

RECORD = "branches"
DOCUMENT = Path("docs/branches.md")
BEGIN, END = "<!-- written by python -m empirics.branches.document -->", "<!-- end -->"
PRIMARY = {"K": 30, "scope": "premise", "rival": "plain", "outcome": "grad2", "predictor": "floor"}
"""What ``docs/study_plan.md`` named before the runs."""
NAMES = {"grad2": "‖∇F‖²", "F": "F"}


def primary(found: pd.DataFrame) -> pd.Series:
    """The row of the primary comparison in a table of :func:`empirics.branches.verdict`."""
    return found[(found[list(PRIMARY)] == pd.Series(PRIMARY)).all(axis=1)].iloc[0]


def decided(row: pd.Series) -> str:
    """As the plan has it, by the interval of the hit rate less that of the better rule that does not look."""
    if row["above_low"] > 0:
        return "supported as a predictor"
    return "refuted as a predictor" if row["above_high"] < 0 else "not decided"


def table(found: pd.DataFrame, scope: str) -> str:
    """One line a horizon, rival and outcome: the hit rates of the predictors, less those of the better rule that does not look."""
    lines = []
    for (K, rival, outcome), rows in found[found["scope"] == scope].groupby(["K", "rival", "outcome"], sort=False):
        by_name = rows.set_index("predictor")
        floor = by_name.loc["floor"]
        lines.append(
            (
                str(K),
                rival,
                NAMES[outcome],
                f"{floor['established']:g} of {floor['rows']:g}",
                f"{floor['lowered']:.2f}",
                _shown(floor, "hit"),
                *(_shown(by_name.loc[name], "above") for name in PREDICTORS),
                f"{floor['balanced']:.2f}",
            )
        )
    above = tuple(f"{name}, less the better rule" for name in PREDICTORS)
    return markdown.table(("steps", "against", "of", "signs established", "lowered", "hit rate of floor", *above, "balanced, floor"), lines)


def _shown(row: pd.Series, name: str) -> str:
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def tables(rows: pd.DataFrame) -> str:
    """All of the document, from the record's table."""
    found = verdict(rows)
    first = primary(found)
    gone = rows.drop_duplicates(["seed", "label_noise", "batch_size", "eta"])
    parts = (
        (
            "The primary comparison",
            f"C12 and C14 are **{decided(first)}**: hit rate {_shown(first, 'hit')}, less the better rule {_shown(first, 'above')}, "
            f"{first['established']:g} signs, {rows['seed'].nunique()} seeds. "
            f"{int(gone['diverged'].sum())} of {len(gone)} cells diverged and are left out.",
        ),
        ("Snapshots with ηL ≤ 1, as C12 asks", table(found, "premise")),
        ("All snapshots", table(found, "all")),
    )
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def main() -> None:
    """Put the tables into the document."""
    before, after = markdown.around(DOCUMENT.read_text(encoding="utf-8"), BEGIN, END)
    text = before + tables(records.read(records.FOLDER / f"{RECORD}.parquet").table) + after
    with records.replacing(DOCUMENT) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
