"""Measured rates: crossings, intervals and fits against slow versions and known laws; verdicts that can go each way; what is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from tests.empirics.experiments.curves import curve
from tsla.empirics.experiments.rates import grids as rate_configs
from tsla.empirics.experiments.rates import samples as rates
from tsla.empirics.experiments.rates import verdicts as rate_verdicts
from tsla.empirics.experiments.rates.samples import Samples, first_at_most
from tsla.empirics.experiments.rates.verdicts import ATTAINED, FASTER, REFUTED, STEEPER
from tsla.empirics.runs import records
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.complexity import regime
from tsla.theory.constants import Array, Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Plan, Stage
from tsla.theory.testing.planted import Rejects, assert_rejects

ROOT = Path(__file__).parents[3]
STALL: dict[str, Any] = {"problem": "stall", "sigma2": 1.0, "bias": 1.0, "noise": "rademacher", "replicas": 100, "seed": 3}
STALL |= {"method": "sgd", "q": 0, "scale": 0.2, "eps": [0.8, 0.55, 0.4, 0.3]}


# --- when a target is reached


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


def finds_crossings(crossing: Callable[[Array, Array, float], Array]) -> None:
    rng = np.random.default_rng(0)
    step = np.array([1, 2, 5, 9, 20, 70])
    curves = np.exp(rng.normal(size=(6, 200)))
    for target in (0.1, 0.5, 1.0, 100.0):
        expected = [by_walking(step, curves[:, i], target) for i in range(200)]
        assert crossing(step, curves, target) == pytest.approx(expected, rel=1e-12)
    # A power of t is a line in logarithms: exact between checkpoints.
    np.testing.assert_allclose(crossing(step, 5 / step[:, None] ** 2.0, 0.2), [5])


def at_a_checkpoint(step: Array, curves: Array, target: float) -> Array:
    there = curves <= target
    return np.where(there.any(axis=0), step[np.argmax(there, axis=0)].astype(float), np.inf)


def the_last_one(step: Array, curves: Array, target: float) -> Array:
    return first_at_most(step, np.maximum.accumulate(curves[::-1])[::-1], target)


@pytest.mark.parametrize("wrong", [at_a_checkpoint, the_last_one])
def test_crossings(wrong: Callable[[Array, Array, float], Array], rejects: Rejects) -> None:
    rejects(finds_crossings, right=first_at_most, wrong=wrong)


# --- intervals

STEP = np.unique(np.rint(np.geomspace(1, 4000, 50)))
EPS = np.array([0.5, 0.3, 0.2, 0.1])


def covers(level: float) -> None:
    """95 % of 150, within three standard errors and what the percentile bootstrap is short of at 60 skewed values.

    Replicas are ``a/t`` with a of mean 4: the mean is at most ε² from ``4/ε²`` on, and the exponent is 2.
    """
    rng, hits, samples_hit = np.random.default_rng(1), 0, 0
    with patch.multiple(rates, RESAMPLES=300, LEVEL=level):
        for _ in range(150):
            draws = [(4 * rng.exponential(size=60), rates.resamples(60, int(rng.integers(1 << 30)))) for _ in EPS]
            points = [Samples.of(STEP, a / STEP[:, None], float(eps**2), weights) for eps, (a, weights) in zip(EPS, draws, strict=True)]
            _, low, high = rates.exponent(EPS, points)
            hits += low <= 2 <= high
            samples_hit += points[0].ends[0] <= 16 <= points[0].ends[1]
    assert 0.87 <= hits / 150 <= 0.995
    assert 0.86 <= samples_hit / 150 <= 0.995


def test_the_intervals_cover(rejects: Rejects) -> None:
    rejects(covers, right=rates.LEVEL, wrong=0.7)


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


def test_samples_needed_agree_with_the_exact_law(rejects: Rejects) -> None:
    rejects(agrees_with_the_law, right=1.0, wrong=0.6)


def test_tsla_is_counted_from_its_second_stage_on() -> None:
    config = STALL | {"method": "tsla", "q": 1, "scale": 0.5, "eps": [0.5, 0.4, 0.3]}
    rows = rates.measure(config)
    for i, eps in enumerate(config["eps"]):
        delta = 0.5 * eps
        T1 = math.ceil(math.log(0.5 * (1 + delta) / delta))
        T2 = math.ceil(16 * delta / eps**4)
        assert rows.loc[i, ["delta", "fixed", "planned"]].tolist() == pytest.approx([delta, T1, T1 + T2])
        stages = METHODS["tsla"](Constants(L=1, mu=1, sigma2=1, delta=delta, F0=0.5), eps=eps).stages
        oracle = Oracle(1.0, beta2=delta, noise="rademacher")
        run = simulate(problems.get("stall"), oracle, stages, replicas=100, seed=3 + i, checkpoints=range(1, T1 + T2 + 1))
        late = run.step > T1
        every_step = T1 + by_walking(run.step[late] - T1, run.mean_grad2[late].mean(axis=1), eps**2)
        assert rows.loc[i, "needed"] == pytest.approx(every_step, rel=0.03)
        assert rows.loc[i, "single"] <= rows.loc[i, "needed"]
        assert rows.loc[i, "at_end"] == run.mean_grad2[-1].mean()


def test_lsr_runs_on_where_it_is_not_to_arrive() -> None:
    config = STALL | {"method": "lsr", "q": 1, "scale": 1.0, "eps": [0.3, 0.25, 0.2]}
    rows = rates.measure(config)
    assert np.isinf(rows[["planned", "needed", "single", "predicted"]]).all().all()
    assert np.isnan(rows["exponent"]).all()
    assert rate_verdicts.verdict(rows) == ATTAINED
    easy = rates.measure(config | {"bias": 0.0, "noise": "normal"})
    assert np.isinf(easy["planned"]).all()
    assert rate_verdicts.verdict(easy.assign(needed=7.0)) == FASTER


def test_options_that_go_with_eps() -> None:
    rows = rates.measure(STALL | {"tied": {"L": 10.0}, "eps": [0.5, 0.4, 0.3]})
    assert rows["planned"].tolist() == pytest.approx([4 * (10 * eps) ** 2 / eps**4 for eps in (0.5, 0.4, 0.3)], abs=1)  # 4L²/ε⁴


def test_a_start_at_the_target_is_refused() -> None:
    with pytest.raises(ValueError, match=r"eps = 1.5 must be below ‖∇F\(w_0\)‖ = 1 of stall"):
        rates.measure(STALL | {"eps": [1.5, 1.2, 0.9]})


# --- verdicts


def test_a_wrong_bound_is_refuted_and_the_right_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rate_verdicts.verdict(rates.measure(STALL)) == ATTAINED

    def eighth(constants: Constants, *, eps: float) -> Plan:
        plan = METHODS["sgd-exact"](constants, eps=eps)
        (stage,) = plan.stages
        return replace(plan, stages=(Stage(stage.eta, stage.theta, np.ceil(stage.steps / 8)),))

    monkeypatch.setattr(rates, "METHODS", {**METHODS, "sgd": eighth})
    assert rate_verdicts.verdict(rates.measure(STALL)) == REFUTED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ATTAINED),
        ({"exponent_low": 2.5, "exponent_high": 2.8}, FASTER),
        ({"exponent_low": 2.5, "exponent_high": 2.9}, ATTAINED),
        ({"exponent_low": 3.2, "exponent_high": 3.4}, REFUTED),
        ({"exponent_low": 3.2, "exponent_high": 3.4, "predicted": 0.0}, STEEPER),  # of a logarithm, more on a finite grid says nothing
        ({"at_end_low": 0.05}, REFUTED),
        ({"needed": np.inf}, REFUTED),
        ({"planned": np.inf, "needed": np.inf}, ATTAINED),
        ({"planned": np.inf}, FASTER),
        ({"fixed": 3000, "single_exponent_low": 3.2, "single_exponent_high": 3.4}, STEEPER),  # of which the theorem does not speak
        ({"fixed": 3000}, FASTER),  # the plan fixes most of it: the single iterate counts, with its exponent 2
    ],
)
def test_verdicts(changes: dict[str, Any], said: str) -> None:
    assert rate_verdicts.verdict(curve(**changes)) == said


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ({}, False),  # the mean has the plan's exponent, and a single iterate a smaller one
        ({"single_exponent_high": 2.9}, True),
        ({"fixed": 3000}, True),
        ({"planned": np.inf, "needed": np.inf}, True),
    ],
)
def test_what_could_have_failed(changes: dict[str, Any], free: bool) -> None:
    assert rate_verdicts.could_have_failed(curve(**changes)) == free


def test_how_much_shorter_a_plan_could_be() -> None:
    """At its tightest target; stages of a length that is fixed are left as they are."""
    rows = curve(fixed=0)
    assert rate_verdicts.spare_factor(rows) == pytest.approx(2)
    assert rate_verdicts.spare_factor(rows.assign(needed=[1.0, 400.0, 10.0])) == pytest.approx(1000 / 400)
    assert rate_verdicts.spare_factor(curve(fixed=100.0, planned=1100.0, needed=200.0)) == pytest.approx(10)
    assert np.isnan(rate_verdicts.spare_factor(curve(planned=np.inf)))


# --- what is run


def test_all_rows_of_c9_are_run_on_two_problems() -> None:
    made = pd.DataFrame([{**config, "regime": regime(config["method"], config["q"])} for config in rate_configs.CONFIGS])
    by_delta = {"δ ≥ ε²", "δ ~ ε²", "ε⁴ < δ < ε²", "δ ≤ ε⁴"}
    for method, regimes in (("sgd", {"any"}), ("tsla", by_delta), ("lsr", by_delta)):
        rows = made[made["method"] == method]
        assert set(rows["regime"]) == regimes
        assert (rows.groupby("regime")["problem"].nunique() >= 2).all()
    assert set(made["method"]) >= {"sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl", "smoothed-pl"}
    seeds = {config["seed"] + i for config in rate_configs.CONFIGS for i in range(len(config["eps"]))}
    assert len(seeds) == sum(len(config["eps"]) for config in rate_configs.CONFIGS)


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
    for schedule in ("two-level", "three-phase"):
        rows = contrasts[(contrasts["arm"] == f"{schedule} annealed") & (contrasts["against"] == f"{schedule} dropped")]
        unbiased = rows["bias"] == 0
        assert not (rows["ratio_low"][unbiased] > 1).any()
        assert (rows["ratio_high"][unbiased] < 1).mean() > 0.5
        assert (rows["ratio_low"][~unbiased] > 1).any()


def test_the_document_says_what_the_records_say() -> None:
    record, contrasts = (records.read(ROOT / "records" / f"{name}.parquet").table for name in ("measured_rates", "annealed"))
    is_as_documented((record, contrasts))
    assert_rejects(is_as_documented, (record.assign(single_exponent_high=record["exponent_high"]), contrasts))
    assert_rejects(is_as_documented, (record.assign(at_end_low=1.0), contrasts))
    turned = contrasts.assign(ratio_high=1 / contrasts["ratio_low"], ratio_low=1 / contrasts["ratio_high"])
    assert_rejects(is_as_documented, (record, turned))
