"""E1-E5 by the study: the primary comparisons of docs/study_plan.md, as a family, on the confirmatory seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsla.empirics.statistics import paired_p_value
from tsla.empirics.study import document, verdicts
from tsla.empirics.study.settings import FEWER_SEEDS, PRIMARY, SETTINGS, TUNING_SEEDS
from tsla.empirics.study.verdicts import IN_FAVOUR, REFUTED, SUPPORTED, Finding, Study

FIRST_SEEDS = range(10)
ROOT = Path(__file__).parents[2]


@cache
def study() -> Study:
    return verdicts.load(ROOT / "records")


@cache
def findings() -> list[Finding]:
    return verdicts.family(study())


def of_claim(found: list[Finding], claim: str) -> list[Finding]:
    return [one for one in found if one.claim == claim]


def marked(*, planted: bool = False) -> list[object]:
    return [pytest.param(claim, marks=pytest.mark.claim(claim, "measurement", planted=planted)) for claim in IN_FAVOUR]


def test_confirmatory_seeds_are_fresh_and_enough() -> None:
    for name, setting in SETTINGS.items():
        seeds = study().runs.loc[study().runs["setting"] == name, "seed"].unique()
        assert set(seeds) == set(setting.seeds if setting.primary else setting.seeds[:FEWER_SEEDS])
        assert not set(seeds) & set(FIRST_SEEDS), "those of the first confirmatory runs, which were looked at"
        assert len(seeds) >= 10
        assert not set(seeds) & set(TUNING_SEEDS)


@pytest.mark.parametrize("claim", marked())
def test_primary_comparisons(claim: str, evidence: Callable[..., None]) -> None:
    found = of_claim(findings(), claim)
    assert [one.setting for one in found] == list(PRIMARY)
    said = "; ".join(f"{one.setting}: {one.interval}, p = {one.p:.2g}" for one in found)
    decided = verdicts.verdict(claim, found)
    if claim == "E1":
        literal = [verdicts.e1_literally(study(), setting) for setting in PRIMARY]
        said += f"; without the control {'; '.join(str(one.interval) for one in literal)}"
        decided = f"{verdicts.verdict(claim, literal)}, but beyond shrinking: {decided}"
    seeds = " to ".join(str(n) for n in sorted({len(one.differences) for one in found}))
    evidence(
        f"{len(PRIMARY)} settings, {seeds} seeds, step sizes tuned for each arm, Holm over {len(findings())} tests: {said}", verdict=decided
    )


@pytest.mark.parametrize("claim", marked(planted=True))
def test_a_planted_effect_decides(claim: str) -> None:
    """Findings moved by ten times what matters, with their own scatter, must be called supported, and the other way round refuted."""
    own = of_claim(findings(), claim)
    scatter = max(float(np.std(one.differences)) for one in own)
    for side, expected in ((1, SUPPORTED), (-1, REFUTED)):
        move = side * IN_FAVOUR[claim] * max(10 * verdicts.MATTERS[claim], 5 * scatter)
        differences = [one.differences - one.differences.mean() + move for one in own]
        moved = [replace(one, differences=d, p=float(paired_p_value(d))) for one, d in zip(own, differences, strict=True)]
        assert verdicts.verdict(claim, moved) == expected


def test_own_predictions_are_the_control() -> None:
    """ĝ = 0 for a soft own prediction (C17): the arms are one algorithm, and their first epochs agree to rounding."""
    rows = study().runs[np.isfinite(study().runs["early loss"])]
    keys = ["setting", "eta", "seed"]
    own, control = (rows[rows["arm"] == arm].set_index(keys)["early loss"] for arm in ("own-0.3", "shrink-0.3"))
    both = pd.concat([own, control], axis=1, join="inner")
    assert len(both) >= 20
    assert np.abs(both.iloc[:, 0] - both.iloc[:, 1]).median() < 1e-4


def test_other_arms_are_not_the_control() -> None:
    rows = study().runs[np.isfinite(study().runs["early loss"])]
    keys = ["setting", "eta", "seed"]
    other, control = (rows[rows["arm"] == arm].set_index(keys)["early loss"] for arm in ("own-hard-0.3", "shrink-0.3"))
    both = pd.concat([other, control], axis=1, join="inner")
    assert np.abs(both.iloc[:, 0] - both.iloc[:, 1]).median() > 1e-3


def test_the_document_has_these_tables() -> None:
    text = (ROOT / document.DOCUMENT).read_text(encoding="utf-8")
    assert document.verdicts(findings()) in text
    assert document.comparisons(study(), findings()) in text


def test_a_family_needs_its_runs() -> None:
    with pytest.raises(ValueError, match="has no run"):
        verdicts.family(replace(study(), runs=study().runs.iloc[:0]))
