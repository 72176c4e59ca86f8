"""Planned seeds give the power that was asked for, no fewer do, and the interval of their number covers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from tests.planted import assert_rejects
from tsla.empirics.runs import records
from tsla.empirics.statistics import power
from tsla.empirics.statistics.checkpoints import plan, table
from tsla.empirics.statistics.pilot import pilot
from tsla.empirics.statistics.power import Need, need, paired_power, sd_interval, seeds_for

RUNS = 40_000
PILOTS = 800


def rejections(n: int, mean: float, sd: float, level: float, seed: int = 0) -> float:
    """Share of paired t-tests, of n pairs with a large common part, that reject."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 3, size=(RUNS, n))
    a = shared + rng.normal(mean, sd / math.sqrt(2), size=shared.shape)
    b = shared + rng.normal(0, sd / math.sqrt(2), size=shared.shape)
    return float(np.mean(stats.ttest_rel(a, b, axis=1).pvalue < level))


def within(share: float, probability: float) -> bool:
    """Whether a share of RUNS is within 4 standard errors: missed once in 16,000."""
    return abs(share - probability) <= 4 * math.sqrt(probability * (1 - probability) / RUNS)


# --- the power of the test


def by_quadrature(n: int, d: float, level: float) -> float:
    """The definition: a normal mean over an independent root of chi-square, integrated over the quantiles of the latter."""
    reach, shift = stats.t.isf(level / 2, n - 1), d * math.sqrt(n)

    def given_spread(u: float) -> float:
        edge = reach * math.sqrt(stats.chi2.ppf(u, n - 1) / (n - 1))
        return float(stats.norm.sf(edge - shift) + stats.norm.cdf(-edge - shift))

    return float(integrate.quad(given_spread, 0, 1, epsabs=1e-11, epsrel=1e-9, limit=500)[0])


# the last three are where SciPy's noncentral t gives nan
CASES = [(2, 0.1, 0.05), (2, 5, 0.05), (5, 2, 0.001), (10, 1, 0.05), (50, 0.4, 0.01), (100_000, 0.01, 0.05)]
CASES += [(2, 50, 0.001), (3, 5, 0.001), (3, 50, 1e-6)]


def power_is_exact(function: Callable[[int, float, float], float]) -> None:
    for n, d, level in CASES:
        assert function(n, d, level) == pytest.approx(by_quadrature(n, d, level), rel=1e-8)


def test_power_is_that_of_quadrature() -> None:
    power_is_exact(lambda n, d, level: paired_power(n, d, level=level))


def test_planted_powers_are_rejected() -> None:
    assert_rejects(power_is_exact, lambda n, d, level: float(stats.norm.sf(stats.norm.isf(level / 2) - d * math.sqrt(n))))
    assert_rejects(power_is_exact, lambda n, d, level: float(stats.nct.sf(stats.t.isf(level, n - 1), n - 1, d * math.sqrt(n))))  # one-sided
    assert_rejects(power_is_exact, lambda n, d, level: paired_power(n, d / math.sqrt(2), level=level))  # not paired


def test_power_without_an_effect_is_the_level_and_the_sign_does_not_matter() -> None:
    assert [paired_power(7, d, level=0.03) for d in (0.0, 1e-300, 1e-12, 1e-7)] == pytest.approx([0.03] * 4, rel=1e-12)
    assert paired_power(7, -0.8) == paired_power(7, 0.8)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("level", [0.05, 1e-6, 1e-9])
def test_huge_effects_join_on(n: int, level: float) -> None:
    below, above = (paired_power(n, power.LARGEST / math.sqrt(n) * factor, level=level) for factor in (1 - 1e-9, 1 + 1e-9))
    assert above == pytest.approx(below, abs=2e-9)
    assert paired_power(n, 1e200, level=level) == 1


def test_a_table_of_cohen() -> None:
    """Two-sided 5 %, power 0.8: 199, 34 and 15 pairs for d = 0.2, 0.5, 0.8, as G*Power and statsmodels have it."""
    assert [seeds_for(d) for d in (0.2, 0.5, 0.8)] == [199, 34, 15]


@pytest.mark.parametrize("d", [0.03, 0.4, 1.0, 3.0, 40.0])
@pytest.mark.parametrize(("level", "asked"), [(0.05, 0.8), (0.001, 0.99), (0.2, 0.25)])
def test_the_smallest_number_that_suffices(d: float, level: float, asked: float) -> None:
    n = seeds_for(d, level=level, power=asked)
    assert n == seeds_for(-d, level=level, power=asked)
    assert paired_power(n, d, level=level) >= asked
    assert n == 2 or paired_power(n - 1, d, level=level) < asked


# --- planned seeds do in simulation what they promise


Formula = Callable[[float, float, float], int]  # effect, standard deviation of the differences, power -> n


def keeps_its_promise(formula: Formula) -> None:
    """At n the power is at least that asked for, and not by more than one seed; without an effect, the level is kept."""
    for effect, sd, asked in ((2.0, 1.0, 0.8), (1.2, 1.0, 0.9), (0.5, 1.0, 0.8)):
        n = formula(effect, sd, asked)
        achieved = rejections(n, effect, sd, 0.05, seed=n)
        error = 4 * math.sqrt(asked * (1 - asked) / RUNS)
        assert achieved >= asked - error, (effect, n, achieved)
        assert rejections(n - 1, effect, sd, 0.05, seed=n) <= asked + error, (effect, n)
        assert within(rejections(n, 0.0, sd, 0.05, seed=n + 1), 0.05)


def test_seeds_keep_their_promise() -> None:
    keeps_its_promise(lambda effect, sd, asked: seeds_for(effect / sd, power=asked))


def normal_formula(effect: float, sd: float, asked: float) -> int:
    return max(2, math.ceil(((stats.norm.isf(0.025) + stats.norm.isf(1 - asked)) * sd / effect) ** 2))


def unpaired_formula(effect: float, sd: float, asked: float) -> int:
    """The common part of standard deviation 3 counts as noise of both, as it does where the seeds are not shared."""
    return seeds_for(effect / math.sqrt(sd**2 + 2 * 3**2), power=asked)


@pytest.mark.parametrize("formula", [normal_formula, unpaired_formula])
def test_planted_formulas_are_rejected(formula: Formula) -> None:
    assert_rejects(keeps_its_promise, formula)


def test_the_power_found_in_simulation_is_the_power_computed() -> None:
    for n, d in ((3, 2.0), (8, 1.0), (40, 0.3)):
        assert within(rejections(n, d, 1.0, 0.05, seed=n), paired_power(n, d))
        assert not within(rejections(n, d, 1.0, 0.05, seed=n), paired_power(n + 1, d))


# --- the interval from the pilot


Interval = Callable[[float, int], tuple[float, float]]


def covers(interval: Interval, m: int) -> None:
    samples = np.random.default_rng(m).normal(0, 2, size=(5_000, m)).std(axis=1, ddof=1)
    ends = np.array([interval(float(sd), m) for sd in samples])
    share = np.mean((ends[:, 0] <= 2) & (ends[:, 1] >= 2))
    assert abs(share - 0.95) <= 4 * math.sqrt(0.95 * 0.05 / len(samples)), share


@pytest.mark.parametrize("m", [3, 10])
def test_the_interval_of_the_standard_deviation_covers(m: int) -> None:
    covers(sd_interval, m)


def normal_interval(sd: float, m: int) -> tuple[float, float]:
    reach = 1.96 * math.sqrt(2 / (m - 1))
    return sd * math.sqrt(max(0, 1 - reach)), sd * math.sqrt(1 + reach)


@pytest.mark.parametrize("m", [3, 10])
def test_planted_interval_does_not_cover(m: int) -> None:
    assert_rejects(lambda interval: covers(interval, m), normal_interval)


def n_is_covered(wanted: Callable[[np.ndarray], Need]) -> None:
    """n is monotone in the standard deviation, so that its interval covers at least as often; whole numbers make it more."""
    truth = seeds_for(0.5)
    pilots = np.random.default_rng(1).normal(9, 1, size=(PILOTS, 6))
    found = [wanted(sample) for sample in pilots]
    share = np.mean([each.low <= truth <= each.high for each in found])
    assert share >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / len(pilots)), share
    assert share <= 0.99, share


def test_the_interval_of_the_number_of_seeds_covers() -> None:
    n_is_covered(lambda sample: need(sample, effect=0.5))


def test_planted_intervals_of_the_number_of_seeds_are_rejected() -> None:
    def with_low_for_n(sample: np.ndarray) -> Need:
        found = need(sample, effect=0.5)
        return Need(**{**vars(found), "high": found.n})

    assert_rejects(n_is_covered, with_low_for_n)
    assert_rejects(n_is_covered, lambda sample: need(sample))  # the pilot's own mean is another effect


def test_need_by_hand() -> None:
    found = need([1.0, 2.0, 3.0, 6.0])
    assert (found.effect, found.sd) == (3, pytest.approx(math.sqrt(14 / 3)))
    assert found.d == pytest.approx(3 / math.sqrt(14 / 3))
    assert found.n == seeds_for(found.d)
    assert found.achieved == paired_power(found.n, found.d) >= 0.8
    low, high = sd_interval(found.sd, 4)
    assert (found.low, found.high) == (seeds_for(3 / low), seeds_for(3 / high))
    assert found.low < found.n < found.high
    assert need([1.0, 2.0, 3.0, 6.0], effect=1.0).n > found.n
    assert need([-1.0, -2.0, -3.0, -6.0]).n == found.n


def test_an_end_beyond_what_is_counted() -> None:
    found = need([1.0, -1.0], effect=0.0002)
    assert found.high == power.MOST
    assert found.low < found.n < found.high


# --- reading the pilot


def long(**changes: object) -> pd.DataFrame:
    """Two methods, 3 epochs, 4 seeds in another order for each, and something in common to each seed; not measured at epoch 1."""
    rng = np.random.default_rng(3)
    rows = [
        {"method": method, "seed": seed, "epoch": epoch, "loss": 10.0 * seed + (method == "b") * epoch + rng.normal(0, 0.1)}
        for method, seeds in (("a", (3, 1, 0, 2)), ("b", (0, 1, 2, 3)), ("other", (7,)))
        for seed in seeds
        for epoch in (2, 0, 1)
    ]
    frame = pd.DataFrame(rows)
    frame.loc[frame["epoch"] == 1, "loss"] = np.nan
    return frame.assign(**changes)


def test_pairs_by_method_and_seed() -> None:
    frame = long()
    found = pilot(frame, a="b", b="a", column="loss")
    assert (found.axis, found.checkpoint.tolist(), found.differences.shape) == ("epoch", [0, 2], (2, 4))
    value = frame.set_index(["method", "seed", "epoch"])["loss"]
    for i, epoch in enumerate((0, 2)):
        by_hand = [value["b", seed, epoch] - value["a", seed, epoch] for seed in range(4)]
        assert found.differences[i] == pytest.approx(by_hand, rel=1e-15)


def test_two_columns_and_one_column() -> None:
    frame = pd.DataFrame({"T": [5, 5, 9, 9], "seed": [0, 1] * 2, "x": [1.0, 2.0, 3.0, 4.0], "y": [0.0, 3.0, 1.0, 1.0]})
    two = pilot(frame, a="x", b="y", column=None)
    one = pilot(frame.assign(gain=frame["x"] - frame["y"]), a=None, b=None, column="gain")
    for found in (two, one):
        assert (found.axis, found.checkpoint.tolist(), found.differences.tolist()) == ("T", [5, 9], [[1, -1], [2, 3]])
    assert pilot(frame.drop(columns="T").assign(seed=range(4)), a="x", b="y", column=None).differences.tolist() == [[1, -1, 2, 3]]
    assert pilot(frame, a="x", b="y", column=None, where={"T": "9"}).differences.tolist() == [[2, 3]]


def test_replicas_pair_too_and_text_is_chosen_by_text() -> None:
    frame = pd.DataFrame({"method": ["a", "b"] * 4, "replica": [0, 0, 1, 1] * 2, "on": ["p"] * 4 + ["q"] * 4, "v": np.arange(8.0) ** 2})
    found = pilot(frame, a="b", b="a", column="v", where={"on": "q"})
    assert (found.axis, found.differences.tolist()) == (None, [[25 - 16, 49 - 36]])


def test_a_record_on_disk(tmp_path: Path) -> None:
    records.write(tmp_path / "pilot.parquet", long(), {"seed": 3}, "tsla nothing")
    found = plan(pilot(records.read(tmp_path / "pilot.parquet").table, a="b", b="a", column="loss"))
    assert found["pilot_seeds"] == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pilot(long(), a="a", b="b", column="nope"), "column = 'nope' must be a column of the record: method, seed, epoch, loss"),
        (lambda: pilot(long(), a="a", b="b", column=None), "column = None must be a column"),
        (lambda: pilot(long(), a="a", b=None, column="loss"), "a = 'a' and b = None go together"),
        (lambda: pilot(long(), a="a", b="c", column="loss"), "b = 'c' must be a method of the record, .*: a, b, other"),
        (lambda: pilot(long(), a="a", b="other", column="loss"), "a = 'a' and b = 'other' must have the same epoch and seed"),
        (lambda: pilot(long(), a="a", b="b", column="method"), "column = 'method' must hold numbers"),
        (lambda: pilot(long(), a="seed", b="loss", column="loss"), "column = 'loss' has no use"),
        (lambda: pilot(long(), a="a", b="b", column="loss", where={"epoch": "7"}), "where epoch = 7: must leave some rows; .* 2, 0, 1"),
        (lambda: pilot(long(), a="a", b="b", column="loss", where={"epoch": "x"}), "where epoch = x must be a number"),
        (lambda: pilot(long(), a="a", b="b", column="loss", where={"q": "1"}), "where = 'q' must be a column"),
        (lambda: pilot(long(), a="a", b="b", column="loss", where={"epoch": "1"}), "must hold values that are not missing"),
        (
            lambda: pilot(pd.concat([long(q=1), long(q=2)]), a="a", b="b", column="loss"),
            "a seed must have one row at each epoch; these rows mix q; choose one, such as --where q=1 .there are 1; 2.",
        ),
        (lambda: pilot(long().drop(columns="seed"), a="a", b="b", column="loss"), "must have a column seed or replica"),
        (lambda: pilot(long().drop(columns="method"), a="a", b="b", column="loss"), "a column for a and b, = 'method' must be a column"),
        (
            lambda: pilot(pd.DataFrame({"T": [1, 1, 2], "seed": [0, 1, 0], "x": [1.0, 2, 3]}), a=None, b=None, column="x"),
            "every T must have the same",
        ),
        (lambda: need([1.0]), r"differences has shape \(1,\), one for each seed of the pilot; must be \(m,\), m at least 2"),
        (lambda: need([0.1, 0.1, 0.1]), "differences = 0.1 must not all be equal"),
        (lambda: need([1.0, -1.0]), "effect = 0 must not be 0"),
        (lambda: need([1.0, math.nan]), "differences = nan must be a finite number"),
        (lambda: seeds_for(0.0), "d = 0 must not be 0"),
        (lambda: seeds_for(1.0, level=0.0), "level = 0 must be a finite number above 0"),
        (lambda: seeds_for(1.0, power=1.0), "power = 1 must be below 1"),
        (lambda: seeds_for(1.0, level=0.5, power=0.4), "power = 0.4 must be above level = 0.5"),
        (lambda: seeds_for(1e-6), "d = 1e-06 must be larger: .* more than 1e.09 seeds"),
        (lambda: paired_power(1, 1.0), "n = 1 must be a whole number, at least 2"),
        (lambda: plan(pilot(long(), a="a", b="b", column="loss"), seeds=1), "seeds = 1 must be a whole number, at least 2"),
        (lambda: plan(pilot(long(), a="a", b="b", column="loss"), power=2.0), "power = 2 must be below 1"),
        (lambda: plan(pilot(pd.DataFrame({"seed": [0, 1], "x": [1.0, 1.0]}), a=None, b=None, column="x")), "must not all be equal"),
    ],
)
def test_bad_arguments(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# --- nothing is mixed in silence


def columns(**changes: object) -> pd.DataFrame:
    """One method of :func:`long`, with two columns to compare and the settings of the run."""
    rows = long()[lambda frame: frame["method"] == "a"]
    return rows.assign(x=rows["loss"] + 1, y=rows["loss"] ** 2, model="mlp", eta=0.1, theta=0.3, diverged=rows["seed"] == 2).assign(
        **changes
    )


def by_seed(first: object, second: object) -> Callable[[pd.DataFrame], list[object]]:
    return lambda frame: [first if seed < 2 else second for seed in frame["seed"]]


PAIRED = {"a": "a", "b": "b", "column": "loss"}
COLUMNS = {"a": "x", "b": "y", "column": None}
ONE = {"a": None, "b": None, "column": "x"}
LAST = {"where": {"epoch": "2"}}
MIXED: dict[str, tuple[Callable[[], pd.DataFrame], dict[str, Any], str]] = {
    "methods": (lambda: pd.concat([columns(), columns(method="b")]), COLUMNS, "these rows mix method; .* --where method=a .there are a; b"),
    "methods, one column": (lambda: pd.concat([columns(), columns(method="b")]), ONE, "these rows mix method; .* --where method=a"),
    "methods, one to a seed": (lambda: columns(method=by_seed("sgd", "lsr")), COLUMNS, "run alike; these rows mix method; .* method=lsr"),
    "methods, one to a seed, at one epoch": (
        lambda: columns(method=by_seed("sgd", "lsr")),
        COLUMNS | LAST,
        "run alike; these rows mix method",
    ),
    "epochs": (lambda: columns().drop(columns="epoch").dropna(), COLUMNS, "a seed must have one row; the record holds rows more than once"),
    "epochs by another name": (lambda: columns().rename(columns={"epoch": "week"}).dropna(), COLUMNS, "these rows mix week; .* week=2"),
    "models": (lambda: pd.concat([columns(), columns(model="resnet")]), COLUMNS, "these rows mix model"),
    "models, one to a seed": (
        lambda: columns(model=by_seed("mlp", "a resnet")),
        COLUMNS,
        "run alike; these rows mix model; .* 'model=a resnet'",
    ),
    "step sizes": (lambda: pd.concat([columns(), columns(eta=0.3)]), COLUMNS, "these rows mix eta; .* eta=0.1 .there are 0.1; 0.3"),
    "step sizes, one to a seed": (lambda: columns(eta=by_seed(0.1, 0.3)), COLUMNS | LAST, "run alike; these rows mix eta"),
    "strengths, one to a seed": (lambda: columns(theta=by_seed(0.1, 0.3)), COLUMNS | LAST, "run alike; these rows mix theta"),
    "strengths, paired": (lambda: long(theta=by_seed(0.1, 0.3)), PAIRED, "a: every seed must have been run alike; these rows mix theta"),
    "data of the methods": (lambda: long(data=lambda rows: rows["method"]), PAIRED, "a and b must have the same data; they have a and b"),
    "a row twice": (
        lambda: pd.concat([columns(), columns().head(1)]),
        COLUMNS,
        "a seed must have one row at each epoch; .* rows more than once",
    ),
    "a row twice, paired": (
        lambda: pd.concat([long(), long().head(1)]),
        PAIRED,
        "a seed must have one row at each epoch; .* rows more than once",
    ),
    "seeds that are missing": (
        lambda: columns(seed=lambda rows: rows["seed"].replace(3, np.nan)),
        COLUMNS,
        "seed must not be missing .* in 3",
    ),
    "epochs that are missing": (
        lambda: columns(epoch=lambda rows: rows["epoch"].replace(2, np.nan)),
        COLUMNS,
        "epoch must not be missing .* in 4",
    ),
    "other seeds at each epoch": (
        lambda: columns(seed=lambda rows: rows["seed"] + 4 * rows["epoch"]),
        ONE,
        "every epoch must have the same seeds",
    ),
    "a run that failed": (
        lambda: columns(y=lambda rows: rows["y"].where(rows["seed"] != 1)),
        COLUMNS,
        "'x' and b = 'y' must be missing together",
    ),
    "no seeds": (lambda: columns().drop(columns="seed"), COLUMNS, "the record must have a column seed or replica"),
}


@pytest.mark.parametrize("name", MIXED)
def test_what_is_mixed_is_named(name: str) -> None:
    make, given, message = MIXED[name]
    with pytest.raises(ValueError, match=message):
        pilot(make(), **given)


@pytest.mark.parametrize("given", [COLUMNS, ONE, COLUMNS | LAST])
def test_what_is_not_mixed_is_planned_with(given: dict[str, Any]) -> None:
    """A strength that adapts, a schedule of step sizes, and how a run ended, differ and are no settings."""
    rows = columns(
        theta=lambda frame: frame["loss"] / 9,
        eta=lambda frame: 0.1 / (1 + frame["epoch"]),
        phase=lambda frame: "at " + frame["epoch"].astype(str),
    )
    assert pilot(rows, **given).differences.shape[1] == 4
    either = long(claim=lambda frame: "C" + frame["method"], eta=lambda frame: frame["method"].map({"a": 0.1}).fillna(0.2))
    assert pilot(either, **PAIRED).differences.shape == (2, 4)


def test_the_record_of_digits_mixes_methods() -> None:
    table = records.read(records.FOLDER / "digits.parquet").table
    with pytest.raises(
        ValueError, match="a seed must have one row at each epoch; these rows mix method; choose one, such as --where method=sgd"
    ):
        pilot(table, a="s2", b="shat2", column=None)
    sgd = table[(table["method"] == "sgd") & (table["epoch"] == 0)].sort_values("seed")
    found = pilot(table, a="s2", b="shat2", column=None, where={"method": "sgd", "epoch": "0"})
    assert found.differences.tolist() == [(sgd["s2"] - sgd["shat2"]).tolist()]


# --- which checkpoint


def growing() -> pd.DataFrame:
    """Differences whose mean grows, while the spread has its least at step 100; all zero at step 1."""
    z = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    z = (z - z.mean()) / z.std(ddof=1)
    spread = {1: (0.0, 0.0), 10: (0.5, 2.0), 100: (1.0, 1.0), 1000: (2.0, 4.0)}
    return pd.DataFrame(
        [{"step": step, "seed": seed, "gain": mean + sd * x} for step, (mean, sd) in spread.items() for seed, x in enumerate(z)]
    )


def test_the_best_and_the_first_checkpoint() -> None:
    found = pilot(growing(), a=None, b=None, column="gain")
    answer = plan(found, seeds=40)
    rows = {row["at"]: row for row in answer["checkpoints"]}
    assert rows[1]["n"] is None
    assert [rows[step]["d"] for step in (10, 100, 1000)] == pytest.approx([0.25, 1.0, 0.5])
    assert [rows[step]["n"] for step in (10, 100, 1000)] == [seeds_for(d) for d in (0.25, 1.0, 0.5)]
    assert answer["best"] == rows[100]
    assert answer["first"] == rows[100]
    assert plan(found, seeds=200)["first"] == rows[10]
    assert plan(found, seeds=5)["first"] is None
    assert plan(found)["first"] is None
    fixed = plan(found, effect=0.25, seeds=40)
    assert [row["n"] for row in fixed["checkpoints"][1:]] == [seeds_for(0.25 / sd) for sd in (2.0, 1.0, 4.0)]


def test_the_table_says_what_the_answer_holds() -> None:
    found = pilot(growing(), a=None, b=None, column="gain")
    text = table(plan(found, seeds=40))
    for part in (
        "pilot of 20 seeds",
        "not to be planned with",
        f"Fewest seeds: {seeds_for(1.0)}",
        "at step 100",
        "first enough at step 100",
    ):
        assert part in text
    assert "pilot's own mean" in text
    assert "5 seeds are not enough." in table(plan(found, seeds=5))
    single = table(plan(pilot(growing(), a=None, b=None, column="gain", where={"step": "100"}), effect=0.5, seeds=99))
    assert "pilot's own mean" not in single
    assert "99 seeds are first enough at step 100" in single
