"""Measured rates: crossings, intervals and fits against slow versions and known laws; verdicts that can go each way; what is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.planted import assert_rejects
from tsla.empirics.experiments.rates import annealed
from tsla.empirics.experiments.rates import grids as rate_configs
from tsla.empirics.experiments.rates import samples as rates
from tsla.empirics.experiments.rates import verdicts as rate_verdicts
from tsla.empirics.experiments.rates.samples import Samples, first_at_most
from tsla.empirics.experiments.rates.verdicts import ATTAINED, FASTER, REFUTED
from tsla.empirics.runs import records
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.theory import annealing, smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Array, Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan, Stage

ROOT = Path(__file__).parents[3]
STALL: dict[str, Any] = {
    "problem": "stall",
    "sigma2": 1.0,
    "bias": 1.0,
    "noise": "rademacher",
    "method": "sgd",
    "q": 0,
    "scale": 0.2,
    "eps": [0.8, 0.55, 0.4, 0.3],
    "replicas": 100,
    "seed": 3,
}
PAIR = {"problem": "stall", "sigma2": 0.01, "delta": 0.1, "bias": 0.5, "noise": "normal", "eps": 0.03, "replicas": 40, "seed": 5}


def stall_constants(delta: float = 0.2, sigma2: float = 1.0) -> Constants:
    return Constants(L=1, mu=1, sigma2=sigma2, delta=delta, F0=0.5)


# --- when a target is reached

Crossing = Callable[[Array, Array, float], Array]


def by_walking(step: Array, curve: Array, target: float) -> float:
    """One curve, one checkpoint after the other."""
    previous: tuple[float, float] | None = None
    for t, value in zip(step, curve, strict=True):
        if value <= target:
            if previous is None:
                return float(t)
            t0, v0 = previous
            slope = (math.log(value) - math.log(v0)) / (math.log(t) - math.log(t0))
            return math.exp(math.log(t0) + (math.log(target) - math.log(v0)) / slope)
        previous = (float(t), float(value))
    return math.inf


def finds_crossings(crossing: Crossing) -> None:
    rng = np.random.default_rng(0)
    step = np.array([1, 2, 5, 9, 20, 70])
    curves = np.exp(rng.normal(size=(6, 200)))
    for target in (0.1, 0.5, 1.0, 100.0):
        expected = [by_walking(step, curves[:, i], target) for i in range(200)]
        np.testing.assert_allclose(crossing(step, curves, target), expected, rtol=1e-12)
    # A power of t is a line in logarithms: exact between checkpoints.
    np.testing.assert_allclose(crossing(step, 5 / step[:, None] ** 2.0, 0.2), [5])


def test_crossings() -> None:
    finds_crossings(first_at_most)


def at_a_checkpoint(step: Array, curves: Array, target: float) -> Array:
    there = curves <= target
    return np.where(there.any(axis=0), step[np.argmax(there, axis=0)].astype(float), np.inf)


def the_last_one(step: Array, curves: Array, target: float) -> Array:
    return first_at_most(step, np.maximum.accumulate(curves[::-1])[::-1], target)


@pytest.mark.parametrize("wrong", [at_a_checkpoint, the_last_one])
def test_planted_crossings(wrong: Crossing) -> None:
    assert_rejects(finds_crossings, wrong)


# --- intervals

STEP = np.unique(np.rint(np.geomspace(1, 4000, 50)))
EPS = np.array([0.5, 0.3, 0.2, 0.1])


def one_fit(rng: np.random.Generator) -> tuple[tuple[float, float, float], list[Samples]]:
    """Replicas ``a/t`` with a of mean 4: the mean is at most ε² from ``4/ε²`` on, and the exponent is 2."""
    points = []
    for eps in EPS:
        a = 4 * rng.exponential(size=60)
        points.append(Samples.of(STEP, a / STEP[:, None], float(eps**2), rates.resamples(60, int(rng.integers(1 << 30)))))
    return rates.exponent(EPS, points), points


def covers(level: float) -> None:
    """95 % of 150, within three standard errors and what the percentile bootstrap is short of at 60 skewed values."""
    rng, hits, samples_hit = np.random.default_rng(1), 0, 0
    rates_level, rates.LEVEL = rates.LEVEL, level
    try:
        for _ in range(150):
            (_, low, high), points = one_fit(rng)
            hits += low <= 2 <= high
            samples_hit += points[0].ends[0] <= 16 <= points[0].ends[1]
    finally:
        rates.LEVEL = rates_level
    assert 0.87 <= hits / 150 <= 0.995
    assert 0.86 <= samples_hit / 150 <= 0.995


def test_the_intervals_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "RESAMPLES", 300)
    covers(rates.LEVEL)
    assert_rejects(covers, 0.7)


def test_a_power_law_gives_its_exponent() -> None:
    points = [Samples(3 / eps**1.7, np.full(5, 3 / eps**1.7)) for eps in EPS]
    assert rates.exponent(EPS, points) == pytest.approx((1.7, 1.7, 1.7))


def test_a_target_that_some_resamples_miss_leaves_the_interval_open_above() -> None:
    points = [Samples(3 / eps**2, np.full(8, 3 / eps**2)) for eps in EPS]
    points[-1] = replace(points[-1], resampled=np.array([300.0] * 6 + [np.inf] * 2))
    estimate, low, high = rates.exponent(EPS, points)
    assert (estimate, low, high) == (pytest.approx(2), pytest.approx(2), np.inf)
    points[-1] = replace(points[-1], estimate=np.inf)
    assert np.isnan(rates.exponent(EPS, points)).all()


def test_resamples_are_of_replicas() -> None:
    weights = rates.resamples(7, 1)
    assert weights.sum(axis=0) == pytest.approx(1)
    assert (weights * 7 == np.rint(weights * 7)).all()
    assert (weights == rates.resamples(7, 1)).all()
    assert (weights != rates.resamples(7, 2)).any()


# --- one method on one problem


def exactly_needed(eps: float, *, scale: float = 1.0) -> float:
    """SGD by C4 on ``w²/2`` from 1: ``E w_t²`` by its recursion, and the first t at which the mean of those before t is at most ε²."""
    eta, square, total = eps**2 / 2, 1.0, 0.0
    for t in range(1, 10**6):
        total += square
        if scale * total / t <= eps**2:
            return t
        square = (1 - eta) ** 2 * square + eta**2
    raise AssertionError(eps)


def agrees_with_the_law(scale: float) -> None:
    table = rates.measure(STALL)
    expected = np.array([exactly_needed(eps, scale=scale) for eps in STALL["eps"]])
    error = (table["needed_high"] - table["needed_low"]).to_numpy() / 3.92
    assert (np.abs(table["needed"].to_numpy() - expected) < 4 * error + 1).all()  # a step, as checkpoints are whole


def test_samples_needed_agree_with_the_exact_law() -> None:
    agrees_with_the_law(1.0)
    assert_rejects(agrees_with_the_law, 0.6)


def test_tsla_is_counted_from_its_second_stage_on() -> None:
    config = STALL | {"method": "tsla", "q": 1, "scale": 0.5, "eps": [0.5, 0.4, 0.3]}
    rows = rates.measure(config)
    for i, eps in enumerate(config["eps"]):
        delta = 0.5 * eps
        T1 = math.ceil(math.log(0.5 * (1 + delta) / delta))
        T2 = math.ceil(16 * delta / eps**4)
        assert rows.loc[i, ["delta", "fixed", "planned"]].tolist() == pytest.approx([delta, T1, T1 + T2])
        stages = METHODS["tsla"](stall_constants(delta), eps=eps).stages
        oracle = Oracle(1.0, beta2=delta, noise="rademacher")
        run = simulate(problems.get("stall"), oracle, stages, replicas=100, seed=3 + i, checkpoints=range(1, T1 + T2 + 1))
        late = run.step > T1
        every_step = T1 + by_walking(run.step[late] - T1, run.mean_grad2[late].mean(axis=1), eps**2)
        assert rows.loc[i, "needed"] == pytest.approx(every_step, rel=0.03)
        assert rows.loc[i, "single"] <= rows.loc[i, "needed"]
        assert rows.loc[i, "at_end"] == run.mean_grad2[-1].mean()


def test_lsr_runs_on_where_it_is_not_to_arrive() -> None:
    rows = rates.measure(STALL | {"method": "lsr", "q": 1, "scale": 1.0, "eps": [0.3, 0.25, 0.2]})
    assert np.isinf(rows[["planned", "needed", "single", "predicted"]]).all().all()
    assert np.isnan(rows["exponent"]).all()
    assert rate_verdicts.verdict(rows) == ATTAINED
    easy = rates.measure(STALL | {"method": "lsr", "q": 1, "scale": 1.0, "eps": [0.3, 0.25, 0.2], "bias": 0.0, "noise": "normal"})
    assert np.isinf(easy["planned"]).all()
    assert rate_verdicts.verdict(easy.assign(needed=7.0)) == FASTER


def test_options_that_go_with_eps() -> None:
    rows = rates.measure(STALL | {"tied": {"L": 10.0}, "eps": [0.5, 0.4, 0.3]})
    assert rows["planned"].tolist() == pytest.approx([4 * (10 * eps) ** 2 / eps**4 for eps in (0.5, 0.4, 0.3)], abs=1)  # 4L²/ε⁴


def test_a_start_at_the_target_is_refused() -> None:
    with pytest.raises(ValueError, match=r"eps = 1.5 must be below ‖∇F\(w_0\)‖ = 1 of stall"):
        rates.measure(STALL | {"eps": [1.5, 1.2, 0.9]})


def test_same_seed_same_table() -> None:
    config = STALL | {"eps": [0.8, 0.7, 0.6], "replicas": 10}
    pd.testing.assert_frame_equal(rates.measure(config), rates.measure(config), check_exact=True)
    assert not rates.measure(config).equals(rates.measure(config | {"seed": 9}))


# --- predictions


def follows_the_plans(predicted: Callable[[str, float], float]) -> None:
    """The log-log slope of the plans between two ε so small that a logarithm no longer counts."""
    for method in ("lsr", "tsla", "lsr-pl", "smoothed-pl", "sgd", *rates.FAIR):
        for q in (0, 1, 2, 3, 4):
            far, near = 1e-40, 1e-50
            plans = []
            for eps in (far, near):
                delta = 0.25 * eps**q
                k = Constants(L=10, mu=1, sigma2=1, delta=delta, F0=1)
                if method == "smoothed-pl":
                    plans.append(smoothed_pl.steps(k, SmoothingOracle(beta2=delta / 2, nu2=delta / 2), eps=eps))
                else:
                    plans.append(METHODS[method](k, eps=eps))
            totals = [float(plan.total) for plan in plans]
            slope = np.inf if np.isinf(totals).any() else math.log(totals[1] / totals[0]) / math.log(far / near)
            assert predicted(method, q) == pytest.approx(slope, abs=0.02), (method, q)


def test_predictions_are_the_slopes_of_the_plans() -> None:
    follows_the_plans(rates.predicted)


@pytest.mark.parametrize("method", ["sgd", "sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr", "lsr-pl", "tsla", "smoothed-pl"])
def test_planted_predictions(method: str) -> None:
    assert_rejects(follows_the_plans, lambda name, q: 1.5 if name == method else rates.predicted(name, q))


@pytest.mark.parametrize(
    ("method", "q", "row"),
    [
        ("sgd", 3, "any"),
        ("tsla", 1, "δ ≥ ε²"),
        ("tsla", 2, "δ ~ ε²"),
        ("lsr", 3, "ε⁴ < δ < ε²"),
        ("lsr", 4, "δ ≤ ε⁴"),
        ("sgd-pl", 1, "any"),
    ],
)
def test_rows_of_c9(method: str, q: float, row: str) -> None:
    assert rates.regime(method, q) == row


# --- verdicts


def test_a_wrong_bound_is_refuted_and_the_right_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rate_verdicts.verdict(rates.measure(STALL)) == ATTAINED

    def eighth(constants: Constants, *, eps: float) -> Plan:
        plan = METHODS["sgd-exact"](constants, eps=eps)
        (stage,) = plan.stages
        return replace(plan, stages=(Stage(stage.eta, stage.theta, np.ceil(stage.steps / 8)),))

    monkeypatch.setattr(rates, "METHODS", {**METHODS, "sgd": eighth})
    assert rate_verdicts.verdict(rates.measure(STALL)) == REFUTED


def rows_of(**changes: Any) -> pd.DataFrame:
    """A made-up curve: 1/ε³ planned, half as many needed, 1/ε² for a single iterate."""
    eps = np.array([0.4, 0.2, 0.1])
    made = {"problem": "made up", "method": "tsla", "claim": "C8", "q": 1, "scale": 1.0, "sigma2": 1.0, "replicas": 9, "eps": eps}
    made |= {"predicted": 3.0, "planned": 8 / eps**3, "fixed": 5, "needed": 4 / eps**3, "single": 4 / eps**2, "at_end_low": eps**2 / 2}
    made |= {"exponent": 3.0, "exponent_low": 2.9, "exponent_high": 3.1, "planned_exponent": 3.0}
    made |= {"single_exponent": 2.0, "single_exponent_low": 1.9, "single_exponent_high": 2.1}
    return pd.DataFrame(made | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ATTAINED),
        ({"exponent_low": 2.5, "exponent_high": 2.8}, FASTER),
        ({"exponent_low": 2.5, "exponent_high": 2.9}, ATTAINED),
        ({"exponent_low": 3.2, "exponent_high": 3.4}, REFUTED),
        ({"exponent_low": 3.2, "exponent_high": 3.4, "predicted": 0.0}, ATTAINED),  # of a logarithm, more on a finite grid says nothing
        ({"at_end_low": 0.05}, REFUTED),
        ({"needed": np.inf}, REFUTED),
        ({"planned": np.inf, "needed": np.inf}, ATTAINED),
        ({"planned": np.inf}, FASTER),
        ({"fixed": 3000, "single_exponent_low": 3.2, "single_exponent_high": 3.4}, ATTAINED),  # of which the theorem does not speak
        ({"fixed": 3000}, FASTER),  # the plan fixes most of it: the single iterate counts, with its exponent 2
    ],
)
def test_verdicts(changes: dict[str, Any], said: str) -> None:
    assert rate_verdicts.verdict(rows_of(**changes)) == said


def test_summary_and_details_say_the_same() -> None:
    slow, fast = rows_of(), rows_of(problem="other", exponent_low=2.0, exponent_high=2.1)
    assert "| attained on made up; by single iterates nowhere |" in rate_verdicts.summary(pd.concat([slow, fast]))
    assert "faster than the bound on every instance tried (other)" in rate_verdicts.summary(fast)
    assert "refuted on other" in rate_verdicts.summary(pd.concat([slow, rows_of(problem="other", at_end_low=1.0)]))
    assert "by single iterates on made up" in rate_verdicts.summary(rows_of(single_exponent_high=2.9))
    (line,) = rate_verdicts.details(slow).splitlines()[2:]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:9] == ["δ ≥ ε²", "made up", "tsla", "1 ε", "3", "3.00", "3.00 [2.90, 3.10]", "2.00 [1.90, 2.10]", "0 %"]
    assert cells[9:] == ["50 %", "9", "0.4 to 0.1 (0.6 decades)", "attained"]


# --- annealed smoothing


def step_sizes(stages: tuple[Stage, ...]) -> Array:
    return np.concatenate([stage.eta / (1 + np.arange(int(stage.steps)) / (stage.decay_steps or np.inf)) for stage in stages])


def strengths(stages: tuple[Stage, ...]) -> Array:
    return np.concatenate([np.full(int(stage.steps), float(stage.theta)) for stage in stages])


def anneals(arms: dict[str, tuple[Stage, ...]]) -> None:
    """The same step sizes in all arms of a schedule, and θ within a factor PIECE of θ°(η_t)."""
    oracle = {"beta2": 0.05, "nu2": 0.05, "c": 0.0}
    for schedule in annealed.SCHEDULES:
        eta = step_sizes(arms[f"{schedule} none"])
        for smoothing in ("dropped", "annealed"):
            np.testing.assert_allclose(step_sizes(arms[f"{schedule} {smoothing}"]), eta, rtol=1e-12)
        best = annealing.best_theta(1.0, **oracle, L=1.0, eta=eta)
        theta = strengths(arms[f"{schedule} annealed"])
        assert (theta >= best * (1 - 1e-12)).all()
        assert (theta <= best * annealed.PIECE).all()
        assert not strengths(arms[f"{schedule} none"]).any()


def test_arms() -> None:
    constants, oracle = stall_constants(0.1), Oracle(1.0, beta2=0.05, nu2=0.05)
    arms = annealed.arms(constants, oracle, 0.2)
    anneals(arms)
    (smoothed, plain) = arms["two-level dropped"]
    (first, second) = METHODS["tsla"](constants, eps=0.2).stages
    assert [smoothed.theta, plain.theta, smoothed.steps, plain.steps] == [first.theta, 0, first.steps, second.steps]
    swapped = arms | {"three-phase annealed": arms["three-phase none"]}
    assert_rejects(anneals, swapped)
    started_anew = tuple(replace(stage, eta=arms["three-phase none"][0].eta) for stage in arms["three-phase annealed"])
    assert_rejects(anneals, arms | {"three-phase annealed": started_anew})


def test_compared_on_the_same_noise() -> None:
    """At σ² = 1 the first of the three phases has no length here: dropped and none are one run, and the ratio is 1 in every resample."""
    rows = annealed.compare(PAIR | {"sigma2": 1.0, "eps": 0.3}).set_index(["arm", "against"])
    same = rows.loc[("three-phase dropped", "three-phase none")]
    assert (same["ratio"], same["ratio_low"], same["ratio_high"]) == (1, 1, 1)
    other = rows.loc[("three-phase annealed", "three-phase none")]
    assert other["ratio_low"] < other["ratio"] < other["ratio_high"]


def test_contrasts_of_a_small_run() -> None:
    rows = annealed.compare(PAIR)
    assert list(zip(rows["arm"], rows["against"], strict=True)) == list(annealed.CONTRASTS)
    assert rows["ratio"].to_numpy() == pytest.approx(rows["arm_samples"].to_numpy() / rows["against_samples"].to_numpy())
    total = METHODS["sgd-pl"](stall_constants(0.1, 0.01), eps=0.03).total
    assert rows["horizon"].unique() == [4 * total]
    assert rate_verdicts.contrasts(rows).splitlines()[2].startswith("| stall | 0.03 | 0.1 | 0.5 |")


def test_who_needs_fewer() -> None:
    arm, against = annealed.CONTRASTS[0]
    made = {"arm": arm, "against": against, "bias": 0.5, "ratio": [0.5, 1.0, 2.0, 3.0]}
    made |= {"ratio_low": [0.4, 0.9, 1.5, 0.9], "ratio_high": [0.6, 1.1, 2.5, 9.0]}
    lines = rate_verdicts.who(pd.DataFrame(made)).splitlines()
    assert lines[0] == "|  | against | β²/(δσ²) = 0.5 |"
    assert lines[2] == f"| {arm} | {against} | fewer in 1, more in 1 of 4; 0.5 to 3 times |"


# --- what is run


def test_all_rows_of_c9_are_run_on_two_problems() -> None:
    made = pd.DataFrame([{**config, "regime": rates.regime(config["method"], config["q"])} for config in rate_configs.CONFIGS])
    for method, regimes in (
        ("sgd", {"any"}),
        ("tsla", {"δ ≥ ε²", "δ ~ ε²", "ε⁴ < δ < ε²", "δ ≤ ε⁴"}),
        ("lsr", {"δ ≥ ε²", "δ ~ ε²", "ε⁴ < δ < ε²", "δ ≤ ε⁴"}),
    ):
        rows = made[made["method"] == method]
        assert set(rows["regime"]) == regimes
        assert (rows.groupby("regime")["problem"].nunique() >= 2).all()
    assert set(made["method"]) >= {"sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl", "smoothed-pl"}
    seeds = {config["seed"] + i for config in rate_configs.CONFIGS for i in range(len(config["eps"]))}
    assert len(seeds) == sum(len(config["eps"]) for config in rate_configs.CONFIGS)


@pytest.fixture(scope="module")
def recorded() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [records.read(ROOT / "records" / f"{name}.parquet").table for name in ("measured_rates", "annealed")]
    return rows[0], rows[1]


def curves_of(record: pd.DataFrame, method: str) -> list[pd.DataFrame]:
    return [rows for _, rows in record[record["method"] == method].groupby(rate_verdicts.CURVE)]


def is_as_documented(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """What the document says in words."""
    record, contrasts = recorded
    assert all(rate_verdicts.verdict(rows) != REFUTED for _, rows in record.groupby(rate_verdicts.CURVE))
    for method in ("sgd", "lsr"):
        for rows in curves_of(record, method):
            assert rate_verdicts.verdict(rows) == ATTAINED
            if np.isfinite(rows["planned"]).all():
                assert rate_verdicts.single_attains(rows) == (rows["problem"].iloc[0] == "slow_valley")
    for rows in curves_of(record, "tsla"):
        q = rows["q"].iloc[0]
        assert not 2 < q < 4 or rate_verdicts.verdict(rows) == FASTER
        assert q >= 2 or not rate_verdicts.single_attains(rows)
    assert any(rate_verdicts.verdict(rows) == ATTAINED for rows in curves_of(record, "tsla") if rows["q"].iloc[0] < 2)
    for schedule in annealed.SCHEDULES:
        rows = contrasts[(contrasts["arm"] == f"{schedule} annealed") & (contrasts["against"] == f"{schedule} dropped")]
        unbiased = rows["bias"] == 0
        assert not (rows["ratio_low"][unbiased] > 1).any()
        assert (rows["ratio_high"][unbiased] < 1).mean() > 0.5
        assert (rows["ratio_low"][~unbiased] > 1).any()


def test_the_document_says_what_the_records_say(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    is_as_documented(recorded)
    record, contrasts = recorded
    assert_rejects(is_as_documented, (record.assign(single_exponent_high=record["exponent_high"]), contrasts))
    assert_rejects(is_as_documented, (record.assign(at_end_low=1.0), contrasts))
    assert_rejects(
        is_as_documented, (record, contrasts.assign(ratio_high=1 / contrasts["ratio_low"], ratio_low=1 / contrasts["ratio_high"]))
    )


def has_the_tables_of(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    document = (ROOT / rate_verdicts.DOCUMENT).read_text(encoding="utf-8")
    assert document == rate_verdicts.with_tables(document, *recorded), "`make rates` writes the tables anew"


def test_the_tables_of_the_document_are_those_of_the_records(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    has_the_tables_of(recorded)
    assert_rejects(has_the_tables_of, (recorded[0].assign(exponent=1.0), recorded[1]))
    assert_rejects(has_the_tables_of, (recorded[0], recorded[1].assign(ratio=1.0)))


def test_a_document_without_a_place_for_tables(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    with pytest.raises(ValueError, match="must have both around its tables"):
        rate_verdicts.with_tables("# Nothing", *recorded)
