"""E1-E5 by the study: the primary comparisons of docs/study_plan.md, as a family, on the confirmatory seeds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.claims.support.marks import of_claims
from tests.planted import Rejects
from tsla.empirics.experiments.study import verdicts
from tsla.empirics.experiments.study.comparisons import CLAIMS, KEPT
from tsla.empirics.experiments.study.outcomes import summary
from tsla.empirics.experiments.study.scope import scope
from tsla.empirics.experiments.study.settings import DECAYED, FEWER_SEEDS, PRIMARY, SETTINGS, TUNING_SEEDS
from tsla.empirics.experiments.study.verdicts import IN_FAVOUR, REFUTED, SUPPORTED, Finding, Study
from tsla.figures.gallery import best_drop

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


def test_confirmatory_seeds_are_fresh_and_enough() -> None:
    for name, setting in SETTINGS.items():
        seeds = study().runs.loc[study().runs["setting"] == name, "seed"].unique()
        assert set(seeds) == set(setting.seeds if setting.primary else setting.seeds[:FEWER_SEEDS])
        assert not set(seeds) & set(FIRST_SEEDS), "those of the first confirmatory runs, which were looked at"
        assert len(seeds) >= 10
        assert not set(seeds) & set(TUNING_SEEDS)


def stated(claim: str) -> str:
    """The cell of docs/study.md with the verdict on a claim."""
    text = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    (cell,) = re.findall(rf"^\| {claim} \| ([^|]*) \| [^|]*: [^|]* \|$", text.split("### The primary")[0], flags=re.MULTILINE)
    return str(cell)


World = Callable[[], Study]


def decided(claim: str, world: World) -> str:
    """The verdict, from the outcomes of each run on."""
    return verdicts.verdict(claim, of_claim(verdicts.family(world()), claim))


def is_stated(claim: str, world: World) -> None:
    assert stated(claim).startswith(f"{decided(claim, world)} on these settings: ")


@pytest.mark.parametrize("claim", of_claims(IN_FAVOUR, "measurement"))
def test_primary_comparisons(claim: str, evidence: Callable[..., None]) -> None:
    is_stated(claim, study)
    found = of_claim(findings(), claim)
    assert [one.setting for one in found] == list(PRIMARY)
    sign = "negative" if IN_FAVOUR[claim] < 0 else "positive"
    said = f"{verdicts.DIFFERENCES[claim]}, {sign} in favour: "
    said += "; ".join(f"{one.setting}: {one.interval}, p = {one.p:.2g}" for one in found)
    verdict = verdicts.verdict(claim, found)
    if claim == "E1":
        literal = [verdicts.e1_literally(study(), setting) for setting in PRIMARY]
        said += f"; without the control {'; '.join(str(one.interval) for one in literal)}"
        verdict = f"{verdicts.verdict(claim, literal)}, but beyond shrinking: {verdict}"
    if claim in KEPT:
        said += f"; exploratory, where the step size decays by steps: {later(claim)}"
    evidence(
        f"{len(PRIMARY)} settings, step sizes tuned for each arm, Holm over {len(findings())} tests: {said}",
        verdict=verdict,
        scope=verdicts.where(found),
    )


def later(claim: str) -> str:
    """What was found where the step size decays; no part of the verdict."""
    found = [(setting, verdicts.decayed(study(), claim, setting)) for setting in DECAYED]
    return "; ".join(f"{setting}: {main.interval}, less plain training {less_none.interval}" for setting, (main, less_none, _) in found)


RAW = {"E2": "train_loss", "E3": "test_accuracy", "E4": "test_loss", "E5": "test_accuracy"}
TREATED = {"E2": "lsr", "E3": "tsla", "E4": "tsla", "E5": "own-hard-tsla"}
TEN_TIMES_WHAT_MATTERS = {"E2": -0.1, "E3": 0.05, "E4": -0.1, "E5": 0.05}
"""In favour of the claim, as the plan has it: of an accuracy, of the logarithm of a loss."""


@cache
def with_effect(claim: str, side: int) -> Study:
    """The study as if the claim were true of each treated run's own outcome, or with ``side`` = -1 the opposite."""
    ours = study()
    if claim == "E1":  # what smoothing does beyond the control has the sign of c, where c is large
        c = -0.9 * side * np.sqrt(ours.paths["s2"] * ours.paths["shat2"])
        return replace(ours, paths=ours.paths.assign(c=c))
    rows, effect = ours.epochs, side * TEN_TIMES_WHAT_MATTERS[claim]
    moved = rows[RAW[claim]] + effect if claim in KEPT else rows[RAW[claim]] * np.exp(effect)
    rows = rows.assign(**{RAW[claim]: moved.where(rows["arm"].str.fullmatch(rf"{TREATED[claim]}(-[\d.]+)+"), rows[RAW[claim]])})
    return replace(ours, epochs=rows, runs=summary(rows))


def tells_known_worlds(claim: str, in_favour: int) -> None:
    """An effect in the runs is supported, the opposite one refuted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(IN_FAVOUR, claim, in_favour)
        assert decided(claim, partial(with_effect, claim, 1)) == SUPPORTED
        assert decided(claim, partial(with_effect, claim, -1)) == REFUTED


@pytest.mark.parametrize("claim", of_claims(IN_FAVOUR, "measurement", planted=True))
def test_planted_effect_in_the_runs_is_rejected(claim: str, rejects: Rejects) -> None:
    rejects(partial(is_stated, claim), right=study, wrong=partial(with_effect, claim, 1))


@pytest.mark.parametrize("claim", of_claims(IN_FAVOUR, "measurement", planted=True))
def test_planted_direction_of_a_claim_is_rejected(claim: str, rejects: Rejects) -> None:
    rejects(partial(tells_known_worlds, claim), right=IN_FAVOUR[claim], wrong=-IN_FAVOUR[claim])


def exchanged(claim: str) -> Study:
    """The study with the runs of the dropped arm and those of its rival under each other's name."""
    ours, named = study(), []
    for setting, here in ours.epochs.groupby("setting"):
        if setting not in PRIMARY:
            continue
        (one,) = CLAIMS[claim](ours.tuning, str(setting))
        a, b = ((here["arm"] == choice.arm) & np.isclose(here["eta"], choice.eta) for choice in (one.a, one.b))
        named += [here[~(a | b)], here[a].assign(arm=one.b.arm, eta=one.b.eta), here[b].assign(arm=one.a.arm, eta=one.a.eta)]
    rows = pd.concat(named)
    return replace(ours, epochs=rows, runs=summary(rows))


@pytest.mark.parametrize("claim", of_claims(KEPT, "measurement", planted=True))
def test_planted_exchange_of_two_arms_is_rejected(claim: str, rejects: Rejects) -> None:
    rejects(partial(is_stated, claim), right=study, wrong=partial(exchanged, claim))


def test_a_decaying_step_size_changes_nothing_before_it_decays() -> None:
    keys = ["arm", "eta", "seed"]
    for setting in DECAYED.values():
        constant = study().runs[study().runs["setting"] == replace(setting, decay="constant").name]
        own = study().decay[study().decay["setting"] == setting.name]
        both = own.merge(constant, on=keys, suffixes=("", " constant"))
        assert len(both) >= FEWER_SEEDS
        assert np.allclose(both["early loss"], both["early loss constant"], atol=1e-3)
        assert np.abs(both["accuracy"] - both["accuracy constant"]).max() > 0.01


@pytest.mark.parametrize(("arm", "low", "high"), [("own-0.3", 0, 1e-4), ("own-hard-0.3", 1e-3, 1)])
def test_only_soft_own_predictions_are_the_control(arm: str, low: float, high: float) -> None:
    """ĝ = 0 for a soft own prediction (C17): the arms are one algorithm, and their first epochs agree to rounding."""
    rows = study().runs[np.isfinite(study().runs["early loss"])]
    keys = ["setting", "eta", "seed"]
    own, control = (rows[rows["arm"] == name].set_index(keys)["early loss"] for name in (arm, "shrink-0.3"))
    both = pd.concat([own, control], axis=1, join="inner")
    assert len(both) >= 20
    assert low <= np.abs(both.iloc[:, 0] - both.iloc[:, 1]).median() < high


@pytest.mark.parametrize("document_with_verdicts", ["README.md", "docs/study.md"])
def test_what_is_said_of_the_verdicts_names_their_settings(document_with_verdicts: str) -> None:
    said = " ".join((ROOT / document_with_verdicts).read_text(encoding="utf-8").split("### Verdicts")[0].split())
    assert scope([SETTINGS[name] for name in PRIMARY]) in said


def test_a_family_needs_its_runs() -> None:
    with pytest.raises(ValueError, match="has no run"):
        verdicts.family(replace(study(), runs=study().runs.iloc[:0]))


def test_the_figure_of_the_best_drop_names_its_settings() -> None:
    assert scope([SETTINGS[name] for name in best_drop.SETTINGS]) in best_drop.CAPTION
