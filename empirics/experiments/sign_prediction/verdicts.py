"""How often the predicted sign came true, among the signs that the branches established."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.experiments.sign_prediction.comparators import looked_up, regressed
from tsla.empirics.experiments.sign_prediction.predictions import OUTCOMES, PREDICTORS, RIVALS
from tsla.empirics.statistics.clusters import clustered
from tsla.empirics.statistics.intervals import Interval
from tsla.theory.constants import Array
from tsla.theory.text import listed

RULES = ("always", "never")
"""What does not look: smoothing always lowers the outcome, or never."""
SCOPES = {"premise": 1.0, "all": np.inf}
"""Of the snapshots, those with ``ηL`` up to this: as C12 asks, or all."""
PRIMARY = {"K": 30, "scope": "premise", "rival": "plain", "outcome": "grad2", "predictor": "floor"}
"""The primary comparison, which ``docs/study_plan.md`` named before the runs."""
SETTING = ("label_noise", "batch_size", "eta")
"""What varies independently. Seeds of a setting repeat its signs, and all snapshots and strengths of a run have its weights and batches."""
CASE = (*SETTING, "snapshot", "theta")
UNITS: Mapping[str, Sequence[str]] = {"setting": SETTING, "case": CASE, "seed": ("seed",)}
"""What may be resampled. Only settings count: intervals over the others, which are smaller, take for independent what is not."""
Row = Mapping[Any, Any]


def verdict(table: pd.DataFrame) -> pd.DataFrame:
    """Hit rates of the predictors in a table of the experiment's ``run``, for each horizon, scope, rival and outcome.

    Only signs count that the paired 95 % interval establishes. A rate is of all these signs, with the 95 % interval over settings of
    :func:`tsla.empirics.statistics.clusters.clustered`. Columns, of which ``hit`` and ``above`` come with ``_low`` and ``_high``:

    scope:     "premise", the snapshots with ``ηL <= 1``, as C12 asks; "all"
    rows, established, units, lowered:  how many rows, how many of them established, in how many settings, and the part of the established
               where smoothing lowered the outcome
    hit:       the hit rate
    balanced:  the mean of the hit rates where it lowered and where it raised: 1/2 for whatever does not look; nan where it always did one
    above:     the hit rate less that of the better of "always" and "never", which each resample chooses anew

    What has established signs in fewer than two settings has no rows.
    """
    comparisons = product(sorted(table["K"].unique()), SCOPES, RIVALS, OUTCOMES)
    about = ({"K": K, "scope": scope, "rival": rival, "outcome": outcome} for K, scope, rival, outcome in comparisons)
    return pd.DataFrame(one | line for one in about for line in _lines(table, one, SETTING))


def primary(table: pd.DataFrame, unit: Sequence[str] = SETTING) -> Row:
    """The line of the primary comparison, as in :func:`verdict`, with intervals over ``unit``, which is one of UNITS."""
    return next(line for line in _lines(table, PRIMARY, unit) if line["predictor"] == PRIMARY["predictor"])


def _lines(table: pd.DataFrame, about: Row, unit: Sequence[str]) -> Iterator[dict[str, Any]]:
    rows = _rows(table, about)
    clear, lowered = _established(rows, about)
    of = _number(clear, unit)
    if of.nunique() < 2:
        return
    said = {"always": True, "never": False} | {name: clear[f"{name}_{about['rival']}"] < 0 for name in PREDICTORS}
    hits = pd.DataFrame({name: lowered == what for name, what in said.items()})
    found = clustered(_with_lead, hits.astype(np.float64), of)
    by_truth = hits.groupby(lowered).mean()
    counts: dict[str, Any] = {"rows": len(rows), "established": len(clear), "units": of.nunique(), "lowered": float(lowered.mean())}
    for i, name in enumerate(said):
        balanced = float(by_truth[name].mean()) if len(by_truth) == 2 else np.nan
        yield {"predictor": name, **counts, "balanced": balanced} | _numbers("hit", found, (0, i)) | _numbers("above", found, (1, i))


def _with_lead(rates: Array) -> Array:
    """Hit rates ``(..., k)``, which begin with those of RULES, and the same less the better of these: ``(..., 2, k)``."""
    return np.stack([rates, rates - rates[..., : len(RULES)].max(axis=-1, keepdims=True)], axis=-2)


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """The primary prediction beside rules, the others being fitted to outcomes of the very experiment, on the signs of that comparison.

    Columns: ``rule``; ``fitted``, to what; ``hit``, its hit rate; ``lead``, the prediction's hit rate less it; both with ``_low`` and
    ``_high``, over settings as in :func:`verdict`. The regression is on log B, log η, θ and the part of wrong labels.
    """
    clear, lowered = _established(_rows(table, PRIMARY), PRIMARY)
    features = clear[["theta", "label_noise"]].assign(B=np.log(clear["batch_size"]), eta=np.log(clear["eta"]))
    said = {
        ("floor", "nothing"): clear["floor_plain"] < 0,
        ("always", "nothing"): True,
        ("never", "nothing"): False,
        ("logistic regression", "other settings"): regressed(features, lowered, _number(clear, SETTING)),
        ("logistic regression", "other seeds"): regressed(features, lowered, clear["seed"]),
        ("look-up table", "other seeds"): looked_up(lowered, _number(clear, CASE)),
    }
    hits = pd.DataFrame({rule: lowered == what for rule, what in said.items()})
    found = clustered(lambda rates: np.stack([rates, rates[..., :1] - rates], axis=-2), hits.astype(np.float64), _number(clear, SETTING))
    return pd.DataFrame(
        {"rule": rule, "fitted": fitted, **_numbers("hit", found, (0, i)), **_numbers("lead", found, (1, i))}
        for i, (rule, fitted) in enumerate(said)
    )


def _rows(table: pd.DataFrame, about: Row) -> pd.DataFrame:
    kept: pd.Series[bool] = ~table["diverged"].astype(bool) & (table["K"] == about["K"]) & (table["eta_L"] <= SCOPES[about["scope"]])
    return table[kept]


def _established(rows: pd.DataFrame, about: Row) -> tuple[pd.DataFrame, pd.Series[bool]]:
    """The rows with a sign, and whether smoothing lowered the outcome there."""
    difference = f"{about['outcome']}_{about['rival']}"
    lowered, raised = rows[f"{difference}_high"] < 0, rows[f"{difference}_low"] > 0
    return rows[lowered | raised], lowered[lowered | raised]


def _number(rows: pd.DataFrame, unit: Sequence[str]) -> pd.Series[int]:
    """The number of each row's unit."""
    return rows.groupby(list(unit)).ngroup()


def _numbers(name: str, found: Interval, at: tuple[int, int]) -> dict[str, float]:
    return {name: float(found.estimate[at]), f"{name}_low": float(found.low[at]), f"{name}_high": float(found.high[at])}


def decided(row: Row) -> str:
    """As the plan has it, by the interval of the hit rate less that of the better rule that does not look."""
    if row["above_low"] > 0:
        return "supported as a predictor"
    return "refuted as a predictor" if row["above_high"] < 0 else "not decided as a predictor"


def where(network: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """The settings of some configurations in words, for which alone their verdict speaks."""

    def all_of(name: str) -> str:
        return listed(f"{config[name]:g}" for config in configs)

    noise = listed(f"{100 * config['label_noise']:g}" for config in configs)
    examples = f"{listed(config['data'] for config in configs)}, {configs[0]['train_size']:,} examples, {noise} % wrong labels"
    return f"{network} on {examples}, plain SGD with constant step sizes of {all_of('eta')}, batches of {all_of('batch_size')}"
