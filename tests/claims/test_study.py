"""E1-E5 by the study: the comparisons of docs/study_plan.md on the confirmatory seeds, and the words that the documents have for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from tests.claims.support.marks import of_claims
from tests.claims.support.worlds import DECIDED, World, families, page, study, with_effect, world
from tsla.empirics.experiments.study import third_verdicts, verdicts
from tsla.empirics.experiments.study.comparisons import CLAIMS, KEPT, LATER_CLAIMS, Of
from tsla.empirics.experiments.study.findings import CANT_TELL, IN_FAVOUR, MATTERS, REFUTED, SUPPORTED, THETA, Finding, Runs, e1
from tsla.empirics.experiments.study.scope import NAMES, network, noise
from tsla.empirics.experiments.study.settings import DECAYED, EARLY, FEWER_SEEDS, PRIMARY, SETTINGS, TUNING_SEEDS
from tsla.empirics.experiments.study.third import EVERY, FIRST_CONFIRMING
from tsla.empirics.experiments.study.third_verdicts import PLANNED, UNTUNED
from tsla.empirics.experiments.study.words import NOT_RUN, Said
from tsla.figures.documents import study as study_page
from tsla.figures.documents import study_third as third_page
from tsla.figures.documents.findings import hundredths
from tsla.figures.evidence import Table
from tsla.theory.testing.planted import Rejects

MEASURED = {
    "E1": f"variance ratio less that of the control, θ = {THETA}, epochs {EARLY[0]} to {EARLY[-1]}",
    "E2": f"log F, mean of epochs {EARLY[0]} to {EARLY[-1]}",
    "E2 by accuracy": f"test accuracy, as a fraction, mean of epochs {EARLY[0]} to {EARLY[-1]}",
    "E3": "test accuracy, as a fraction",
    "E4": "log test loss",
    "E5": "test accuracy, as a fraction",
}
"""By the rows of the plans: of what the findings are mean paired differences."""
FIRST_SEEDS = range(10)


def test_confirmatory_seeds_are_fresh_and_enough() -> None:
    for name, setting in SETTINGS.items():
        seeds = study().runs.loc[study().runs["setting"] == name, "seed"].unique()
        assert set(seeds) == set(setting.seeds if setting.primary else setting.seeds[:FEWER_SEEDS])
        assert not set(seeds) & set(FIRST_SEEDS), "those of the first confirmatory runs, which were looked at"
        assert len(seeds) >= 10
        assert not set(seeds) & set(TUNING_SEEDS)


def test_seeds_of_the_third_round_are_fresh() -> None:
    for name, rows in world().third.runs.groupby("setting"):
        assert set(rows["seed"]) == set(PLANNED[str(name)].seeds)
        assert rows["seed"].min() == FIRST_CONFIRMING
    assert world().third.tuning.get("seed", pd.Series(dtype=int)).lt(FIRST_CONFIRMING).all()


def said(claim: str, make: Callable[[], World]) -> list[Said]:
    """What is said of each setting, those of the third round first: they are nearer to the claim's own."""
    second, third = families(make)
    return third_verdicts.by_setting(claim, third) + verdicts.by_setting(claim, second)


def is_stated(claim: str, make: Callable[[], World]) -> None:
    """The pages of both rounds have the claim's tables: each setting with its difference and its word."""
    second, third = families(make)
    assert study_page.of_claim(claim, second) in page("study")
    for row in (row for row in MATTERS if row.split()[0] == claim):
        assert third_page.of_claim(row, third) in page("study_third")


@pytest.mark.parametrize("claim", of_claims(DECIDED, "measurement"))
def test_primary_comparisons(claim: str, evidence: Callable[..., None]) -> None:
    is_stated(claim, world)
    second, third = ([one for one in found if one.claim.split()[0] == claim] for found in families(world))
    assert [one.setting for one in second] == list(PRIMARY)
    sign = "Less" if IN_FAVOUR[claim] < 0 else "More"
    finding = (
        "The tables have mean differences of runs with the same seeds, in brackets their 95 % intervals. "
        f"{sign} than 0 is in favour of the claim. Each arm has the step size that was best for it. "
        f"Holm's p counts all {len(families(world)[0])} tests of the second round. "
        "In the third round it counts those of a schedule and a share of wrong labels."
    )
    found = {(one.claim, one.setting, one.differences.tobytes()): one.word for one in (*second, *third)}
    words = Counter(found.values())
    headline = f"{SUPPORTED} in {words[SUPPORTED]} and {REFUTED} in {words[REFUTED]} of {len(found)} comparisons"
    evidence(finding, settings=said(claim, world), headline=headline, tables=[*of_second(claim, second), *of_third(third)])


def of_second(claim: str, found: list[Finding]) -> list[Table]:
    """A table of the primary settings; of claims that have one, another of where the step size decays, which is no part of the verdict."""
    tables = [compared(f"Second round, {MEASURED[claim]}:", found, named)]
    if claim == "E1":
        rows = [[named(setting), str(e1(study().paths, setting, "ratio").interval)] for setting in PRIMARY]
        tables.append(("The same less plain SGD, without the control:", [["setting", "difference"], *rows]))
    if claim in KEPT:
        decayed = [(setting, verdicts.decayed(study(), claim, setting)) for setting in DECAYED]
        rows = [[named(setting), str(main.interval), str(less_none.interval)] for setting, (main, less_none, _) in decayed]
        caption = "The same where the step size decays by steps. This is exploratory and no part of the verdict:"
        tables.append((caption, [["setting", "difference", "less plain training"], *rows]))
    return tables


def of_third(found: list[Finding]) -> list[Table]:
    """A table for each row of the plan, of the settings with step decay and no wrong labels."""
    where = "the settings with step decay and no wrong labels; the others are in docs/study_third.md"
    primary = [one for one in found if PLANNED[one.setting].primary]
    rows = dict.fromkeys(one.claim for one in primary)
    return [
        compared(f"Third round, {MEASURED[row]}, {where}:", [one for one in primary if one.claim == row], network_and_data) for row in rows
    ]


def network_and_data(setting: str) -> str:
    return f"{network(EVERY[setting])} on {NAMES[EVERY[setting].data]}"


def named(setting: str) -> str:
    return f"{network_and_data(setting)}, {noise([EVERY[setting]])}"


def compared(caption: str, found: list[Finding], name: Callable[[str], str]) -> Table:
    lines = [[name(one.setting), str(one.interval), f"{one.adjusted:.2g}"] for one in found]
    return caption, [["setting", "difference", "Holm's p"], *lines]


@pytest.mark.parametrize("claim", DECIDED)
def test_every_setting_has_one_word_for_a_row(claim: str) -> None:
    _, third = families(world)
    for row in (row for row in MATTERS if row.split()[0] == claim):
        own = [one for one in third if one.claim == row]
        assert len({one.setting for one in own if one.setting not in UNTUNED}) == sum(one.setting not in UNTUNED for one in own)
        assert all(one.adjusted >= one.p for one in own)
        assert all(one.word == CANT_TELL for one in own if one.at_edge or one.power < 0.8)
    told = {word for _, _, word, _ in third_verdicts.by_setting(claim, third)}
    assert told <= {one.word for one in third} | {NOT_RUN}


def tells_known_worlds(claim: str, in_favour: int) -> None:
    """An effect in the runs is supported, the opposite one refuted: by the vote, and at each setting that can tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(IN_FAVOUR, claim, in_favour)
        for side, expected in ((1, SUPPORTED), (-1, REFUTED)):
            second, third = families(with_effect(claim, side))  # what is found is no matter of which way is in favour; the words are
            assert verdicts.verdict(claim, [one for one in second if one.claim == claim]) == expected
            assert {one.word for one in (*second, *third) if one.claim == claim} <= {expected, CANT_TELL}


@pytest.mark.parametrize("claim", of_claims(DECIDED, "measurement", planted=True))
def test_planted_effect_in_the_runs_is_rejected(claim: str, rejects: Rejects) -> None:
    rejects(partial(is_stated, claim), right=world, wrong=with_effect(claim, 1))


@pytest.mark.parametrize("claim", of_claims(DECIDED, "measurement", planted=True))
def test_planted_direction_of_a_claim_is_rejected(claim: str, rejects: Rejects) -> None:
    rejects(partial(tells_known_worlds, claim), right=IN_FAVOUR[claim], wrong=-IN_FAVOUR[claim])


def states_e1_beyond_the_control(way: str) -> None:
    """The documents have this way of E1 as the one that the words are about."""
    for name, paths, settings in (("study", world().second.paths, PRIMARY), ("study_third", world().third.paths, PLANNED)):
        section = page(name).partition("### E1")[2].partition("### E2")[0]
        there = set(paths["setting"]).intersection(settings)
        assert there
        assert all(f"| {hundredths(e1(paths, setting, way).interval)}" in section for setting in there)


@pytest.mark.claim("E1", "measurement", planted=True)
def test_planted_e1_without_its_control_is_rejected(rejects: Rejects) -> None:
    rejects(states_e1_beyond_the_control, right="beyond", wrong="ratio")


def exchanged(claim: str) -> World:
    """The world with the runs of the dropped arm and those of its rival under each other's name."""
    ours = world()
    return World(
        _exchanged(ours.second, CLAIMS[claim], PRIMARY), _exchanged(ours.third, LATER_CLAIMS[claim], set(ours.third.tuning["setting"]))
    )


def _exchanged(runs: Runs, of: Of, settings: Collection[str]) -> Runs:
    named = [runs.runs]
    for setting, here in runs.runs.groupby("setting"):
        if setting in settings:
            (one,) = of(runs.tuning, str(setting))
            a, b = ((here["arm"] == choice.arm) & np.isclose(here["eta"], choice.eta) for choice in (one.a, one.b))
            named += [here[a].assign(arm=one.b.arm, eta=one.b.eta), here[b].assign(arm=one.a.arm, eta=one.a.eta)]
    return replace(runs, runs=pd.concat(named).drop_duplicates(["setting", "arm", "eta", "seed"], keep="last"))


@pytest.mark.parametrize("claim", of_claims(KEPT, "measurement", planted=True))
def test_planted_exchange_of_two_arms_is_rejected(claim: str, rejects: Rejects) -> None:
    rejects(partial(is_stated, claim), right=world, wrong=partial(exchanged, claim))


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


def test_a_family_needs_its_runs() -> None:
    with pytest.raises(ValueError, match="has no run"):
        verdicts.family(replace(study(), runs=study().runs.iloc[:0]))
