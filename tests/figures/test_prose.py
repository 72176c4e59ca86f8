"""Numbers in the prose of documents are those of the records: each of these sentences is made from them, and stands on its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.figures.planting import with_error
from tsla.empirics.advice.plan.validation import best_naive
from tsla.empirics.experiments.error_rates.rates import RATES
from tsla.empirics.experiments.planner.rules import RULES
from tsla.empirics.experiments.planner.validation import validated
from tsla.empirics.experiments.rates.samples import MARKS, RESAMPLES
from tsla.empirics.experiments.rates.verdicts import CURVE, TOLERANCE
from tsla.empirics.runs import records
from tsla.figures.markdown import BEGIN, END
from tsla.theory.testing.planted import Rejects

WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NAIVE = {"never": "never to smooth", "half": "half of the run", "always": "always"}


def planner(folder: Path) -> Iterator[str]:
    found = validated(folder)
    judging, tests = len(found["judging"]), found["tests"]
    more = min(sum(value > 0 for value in test["by_setting"].values()) for test in tests)
    yield f"on each of the {WORDS[judging]} judging settings. Each has more on {WORDS[more]} of them at least."
    chosen = next(test for test in tests if (test["outcome"], test["kind"]) == ("grad2", "theory"))
    less = sum(value < 0 for value in chosen["by_setting"].values())
    where = f"in the mean and on {WORDS[less]}" if chosen["difference"] < 0 else f"on {WORDS[less]}"
    yield f"For ‖∇F‖² {chosen['rule']} has less regret {where} of the settings. {WORDS[len(found['data'])].title()} data sets don't"
    regret = {line["rule"]: 100 * line["regret"] for line in found["rules"] if line["outcome"] == "grad2"}
    seen = [regret[rule] for rule in ("floor", "B_c", "theta*")]
    yield f"There floor, B_c and θ* have {min(seen):.0f} to {max(seen):.0f} % regret"
    yield f"and never to smooth has {regret['never']:.0f} %. The building settings had chosen another rule, {chosen['rule']}."
    best = {outcome: NAIVE[best_naive(found, outcome)["rule"]] for outcome in ("train_loss", "grad2", "test_loss", "test_accuracy")}
    of_training = f"{best['train_loss']} for F and ‖∇F‖²" if best["train_loss"] == best["grad2"] else f"{best['train_loss']} for F"
    yield f"It is {of_training}, {best['test_loss']} for the test loss, and {best['test_accuracy']} for accuracy."
    examples, epochs = re.findall(r"([\d,]+) (?:examples|epochs)", found["scope"])
    yield f"an MLP, {examples} examples and {epochs} epochs"
    yield f"That makes {len(RULES)} rules."


def rates(folder: Path) -> Iterator[str]:
    curves, annealed = (records.read(folder / f"{name}.parquet").table for name in ("measured_rates", "annealed"))
    (points,) = curves.groupby(CURVE, sort=False).size().unique()
    yield f"**ε** takes {WORDS[points]} log-spaced values."
    eps = curves.groupby(CURVE, sort=False, dropna=False)["eps"]
    yield f"So it is measured over fewer decades, {np.log10(eps.max() / eps.min()).min():.1f} at least."
    yield f"between {MARKS} log-spaced checkpoints a stage"
    yield f"percentiles of {RESAMPLES:,} resamples"
    yield f"the *plan on the same grid*, and allow {TOLERANCE:g}."

    def of(arm: str, against: str, **where: float) -> pd.DataFrame:
        rows = annealed[(annealed["arm"] == arm) & (annealed["against"] == against)]
        return rows[(rows[list(where)] == pd.Series(where)).all(axis=1)]

    dropped = of("two-level dropped", "two-level none")
    cases = "every case" if (dropped["ratio_high"] < 1).all() else "some cases"
    yield f"needs fewer samples than none in {cases}, {dropped['ratio'].min():.1g} to {dropped['ratio'].max():.1g} times as many."
    biased = of("three-phase annealed", "three-phase dropped", bias=1)
    kind = "more" if (biased["ratio_low"] > 1).sum() > (biased["ratio_high"] < 1).sum() else "fewer"
    ends = f"{biased['ratio'].min():.1g} to {biased['ratio'].max():.2g}"
    yield f"Elsewhere θ°(η) takes, with the three phases, {ends} times as many samples as none or dropping, and oftener {kind} of them"
    unbiased = of("three-phase annealed", "three-phase dropped", bias=0)
    never = "never" if not (unbiased["ratio_low"] > 1).any() else "seldom"
    yield f"θ°(η) {never} needs more samples than smoothing that is dropped, and in most cases fewer."
    assert (unbiased["ratio_high"] < 1).mean() > 1 / 2
    most = ceil(100 * of("three-phase annealed", "three-phase none", bias=0)["ratio"].max()) / 100
    yield f"With the three phases it needs at most {most:g} of those of none."
    samples = samples_of(annealed)
    levels = (samples["two-level annealed"] / samples["two-level none"])[samples["bias"] == 0]
    yield f"With TSLA's two levels it needs {levels.min():.2f} to {levels.max():.2f} of them."
    yield from between_schedules(samples)


def samples_of(annealed: pd.DataFrame) -> pd.DataFrame:
    """The samples that each arm needs, a row a case."""
    case = ["problem", "eps", "delta", "sigma2", "bias"]
    sides = (annealed[[*case, side, f"{side}_samples"]].set_axis([*case, "arm", "samples"], axis=1) for side in ("arm", "against"))
    return pd.concat(sides).pivot_table(index=case, columns="arm", values="samples").reset_index()


def between_schedules(samples: pd.DataFrame) -> Iterator[str]:
    """Of the three phases over the two levels, in every case."""
    over = {arm: samples[f"three-phase {arm}"] / samples[f"two-level {arm}"] for arm in ("none", "dropped", "annealed")}
    excess = (samples["delta"] * samples["sigma2"] / samples["eps"] ** 2).round(9)
    valley, stall = (samples["problem"] == problem for problem in ("sine_valley", "stall"))
    none, dropped, annealed = (over[arm][valley] for arm in over)
    yield f"two levels need {none.min():.0f} to {none.max():.0f} times fewer samples than the three phases without smoothing."
    yield f"With dropped smoothing they need up to {dropped.max():.0f} times fewer, and the same where any smoothing gets there at once."
    assert (dropped[excess < 2] == 1).all()
    assert (dropped[excess >= 2] > 1).all()
    yield f"With θ°(η) the three phases need {annealed.min():.1g} to {annealed.max():.0f} times as many as the two levels."
    yield f"TSLA's levels are later in {'all' if (over['none'][stall] < 1).all() else 'some'} cases without smoothing."
    large = excess[stall & (excess > excess[stall & (over["dropped"] >= 1)].max())].min()
    yield f"With dropped smoothing they are later where δσ² is {large:.0f} ε² or more."
    yield f"With θ°(η) they are {'nowhere' if (over['annealed'][stall] <= 1).all() else 'somewhere'} sooner."


def estimators(folder: Path) -> Iterator[str]:
    record = records.read(folder / "coverage.parquet")
    configs, table = record.config["configs"], record.table
    percent = 100 * table["covered"] / table["trials"]
    shifted, until = table["rule"] == "shifted", table["rule"].str.startswith("until")

    def ends(rows: pd.Series) -> str:
        return f"{percent[rows].min():.0f} to {percent[rows].max():.0f} %"

    (population,), (noise,) = ({config[name] for config in configs} for name in ("population", "label_noise"))
    yield f"Populations: {population:,} digits of which {100 * noise:.0f} % have a wrong label"
    first, second, third = dict.fromkeys(config["epoch"] for config in configs)
    yield f"(before epochs {first}, {second} and {third}) of a ResNet, an MLP and a CNN."
    batches = {key: table["rule"].eq(f"batch of {key[1]}") & table["groups"].eq(key[0]) for key in ((64, 1), (64, 16), (256, 16))}
    few = until | batches[256, 16]
    (draws,), (draws_few,) = (table["trials"][rows].unique() for rows in (~few, few))
    yield f"{draws:,} draws ({draws_few:,} for `until` and for 256 batches)"
    yield f"over the {WORDS[len(configs)]} populations"
    large = ends(shifted & (table["examples"] == 512))
    yield f"From 512 examples in 16 or 32 groups every quantity at every point is covered with {large}."
    late = (table["network"] == "ResNet") & (table["epoch"] == third) & table["quantity"].isin(["grad2", "s2", "second_moment"])
    yield f"are covered with {ends(shifted & late & (table['examples'] < 512))} from 128 or 256 examples."
    yield f"From 256 batches of 16, which is the number that it takes by default, every quantity is covered with {ends(batches[256, 16])}"
    yield f"and from 64 of them with {ends(batches[64, 16])}."
    yield f"late in training are covered with {ends(batches[64, 1] & late)}."
    yield f"*Fewer than 16 groups.* From 8, coverage is anywhere from {ends(shifted & (table['groups'] == 8))}."
    unbounded = shifted & (table["unbounded"] > 0.5)
    yield f"are unbounded, they cover with up to {percent[unbounded].max():.0f} %"
    pooled = table[until].groupby(["rule", "quantity"])[["covered", "trials"]].sum()
    off = ceil((100 * pooled["covered"] / pooled["trials"] - 95).abs().max())
    yield f"pooled coverage stays within {off} % of the level."
    yield f"more than the {table['examples'][until].max():,.0f} examples after which drawing was given up"


FALLS_SHORT = {
    "In about {} of 100 simulated studies without an effect one of the 25": ("study", "family"),
    "the interval of one setting excludes it in about {} of 100 cases": ("third round", "excluded"),
    "In about {} of 100 groups some setting has the word": ("third round", "no benefit"),
    "some setting has the word falsely, with normal differences in {}.": ("third round", "no benefit, normal"),
    "an interval calls one setting one way or the other in about {} of 100 cases": ("predictions", "P3"),
    "and some of nine settings in {}.": ("predictions", "any of P3"),
    "a setting is called in {} of 100 cases": ("predictions", "P4"),
    "some drop does so on about {} of 100 lines": ("drops", "any drop"),
    "As many normal differences give {}, so": ("drops", "a drop, normal"),
    "Its interval covers with about {} %.": ("regret", "regret"),
    "all that it may choose the interval covers with {} %": ("regret", "beside what tuning may choose"),
    "Student's interval covers with about {} %, of 100 with": ("runs", "interval of 20"),
    "%, of 100 with {} %, of 400": ("runs", "interval of 100"),
    "%, of 400 with {} %.": ("runs", "interval of 400"),
    "the interval covers with about {} and 91 %": ("branches", "interval, MLP"),
    "the interval covers with about 92 and {} %": ("branches", "interval, ResNet-8"),
    "there is none in {} and 9 % of the cases": ("branches", "sign, MLP"),
    "there is none in 8 and {} % of the cases": ("branches", "sign, ResNet-8"),
    "The bootstrap over the settings of ResNet-8 covers with about {} %": ("hit rates", "interval, ResNet-8"),
    "asks for finds the effect with about {} %, where": ("planned seeds", "power from a pilot"),
    "changes the variance where it does not in {} of 100 cases": ("monitored", "said"),
    "some of twenty looks in about {}.": ("monitored", "ever said"),
}
"""What is said under "Where they fail" of a rate, in per cent."""


def intervals(folder: Path) -> Iterator[str]:
    record = records.read(folder / "error_rates.parquet").table
    rates = {(rate.simulation, rate.measure): rate.measured(record).estimate for rate in RATES}
    yield from (words.format(f"{100 * rates[of]:.0f}") for words, of in FALLS_SHORT.items())


PAGES: dict[str, tuple[Callable[[Path], Iterator[str]], str, str]] = {
    "planner": (planner, "planner", "regret"),
    "rates": (rates, "annealed", "ratio"),
    "estimators": (estimators, "coverage", "covered"),
    "intervals": (intervals, "error_rates", "events"),
}
"""Name of a page -> its sentences, and the record and column that are changed to see whether they notice."""


@pytest.mark.parametrize("name", PAGES)
def test_the_prose_says_what_the_records_give(name: str, tmp_path: Path, rejects: Rejects) -> None:
    sentences, record, column = PAGES[name]
    text = re.sub(f"{BEGIN}.*?{END}", "", (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    prose = " ".join(text.split())

    def are_said(folder: Path) -> None:
        assert [sentence for sentence in sentences(folder) if sentence not in prose] == []

    source = ROOT / "records"
    wrong = with_error(source, tmp_path, record, lambda table: table.assign(**{column: 0.7 * table[column]}))
    rejects(are_said, right=source, wrong=wrong)
