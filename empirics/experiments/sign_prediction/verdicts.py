"""How often the predicted sign came true, among the signs that the branches established."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.experiments.sign_prediction.predictions import OUTCOMES, PREDICTORS, RIVALS
from tsla.empirics.statistics.intervals import student_t
from tsla.theory.text import listed

RULES = ("always", "never")
"""What does not look: smoothing always lowers the outcome, or never."""
PRIMARY = {"K": 30, "scope": "premise", "rival": "plain", "outcome": "grad2", "predictor": "floor"}
"""The primary comparison, which ``docs/study_plan.md`` named before the runs."""
Row = Mapping[Any, Any]


def verdict(table: pd.DataFrame) -> pd.DataFrame:
    """Hit rates of the predictors in a table of the experiment's ``run``, for each horizon, scope, rival and outcome.

    Only signs count that the paired 95 % interval establishes. The rows of a seed depend on each other: a rate is the mean of the seeds'
    own rates, with Student's 95 % interval over the seeds, cut to [0, 1]. Columns, of which rates come with ``_low`` and ``_high``:

    scope:     "premise", the snapshots with ``ηL <= 1``, as C12 asks; "all"
    rows, established, lowered:  how many rows, how many of them established, and the part of these where smoothing lowered the outcome
    hit:       the hit rate
    balanced:  the mean of the hit rates where it lowered and where it raised, on seeds that have both: 1/2 for whatever does not look
    above:     the hit rate less that of the better of "always" and "never", paired by seed

    What has established signs on fewer than two seeds has no rows.
    """
    kept = table[~table["diverged"].astype(bool)].reset_index(drop=True)
    lines = (
        {"K": K, "scope": scope, "rival": rival, "outcome": outcome} | line
        for K, at_horizon in kept.groupby("K")
        for scope, rows in (("premise", at_horizon[at_horizon["eta_L"] <= 1]), ("all", at_horizon))
        for rival in RIVALS
        for outcome in OUTCOMES
        for line in _lines(rows, f"{outcome}_{rival}", rival)
    )
    return pd.DataFrame(lines)


def _lines(rows: pd.DataFrame, difference: str, rival: str) -> Iterator[dict[str, Any]]:
    lowered, raised = rows[f"{difference}_high"] < 0, rows[f"{difference}_low"] > 0
    clear, truth = rows[lowered | raised], lowered[lowered | raised]
    if clear["seed"].nunique() < 2:
        return
    said = {"always": True, "never": False} | {name: clear[f"{name}_{rival}"] < 0 for name in PREDICTORS}
    hits = pd.DataFrame({name: truth == what for name, what in said.items()})
    by_seed = hits.groupby(clear["seed"]).mean()
    by_truth = hits.groupby([clear["seed"], truth]).mean().groupby("seed").filter(lambda group: len(group) == 2).groupby("seed").mean()
    rule = by_seed[list(RULES)].mean().idxmax()
    for name in said:
        yield (
            {"predictor": name, "rows": len(rows), "established": len(clear), "lowered": float(truth.mean())}
            | _interval("hit", by_seed[name], within=(0, 1))
            | _interval("balanced", by_truth[name], within=(0, 1))
            | _interval("above", by_seed[name] - by_seed[rule])
        )


def _interval(name: str, samples: pd.Series[float], *, within: tuple[float, float] = (-np.inf, np.inf)) -> dict[str, float]:
    found = student_t(samples.to_numpy(dtype=np.float64)) if len(samples) > 1 else None
    ends = np.clip((found.estimate, found.low, found.high), *within) if found else (np.nan,) * 3
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(float, ends), strict=True))


def primary(found: pd.DataFrame) -> Row:
    """The row of the primary comparison in a table of :func:`verdict`."""
    row: Row = found[(found[list(PRIMARY)] == pd.Series(PRIMARY)).all(axis=1)].to_dict("records")[0]
    return row


def decided(row: Row) -> str:
    """As the plan has it, by the interval of the hit rate less that of the better rule that does not look."""
    if row["above_low"] > 0:
        return "supported as a predictor"
    return "refuted as a predictor" if row["above_high"] < 0 else "not decided"


def where(network: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """The settings of some configurations in words, for which alone their verdict speaks."""

    def all_of(name: str) -> str:
        return listed(f"{config[name]:g}" for config in configs)

    noise = listed(f"{100 * config['label_noise']:g}" for config in configs)
    examples = f"{listed(config['data'] for config in configs)}, {configs[0]['train_size']:,} examples, {noise} % wrong labels"
    return f"{network} on {examples}, plain SGD with constant step sizes of {all_of('eta')}, batches of {all_of('batch_size')}"
