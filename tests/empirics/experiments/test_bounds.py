"""Experiments with known constants: their tables hold the theorem's own numbers, and runs that can be made again by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.empirics.simulation.stages import stage
from tsla.empirics.experiments import bounds as synthetic
from tsla.empirics.experiments.registry import EXPERIMENTS
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import Trajectory, simulate

SHRUNK = {"name": "a name", "problem": "stall", "problem_options": {}, "seed": 5, "replicas": 30, "T": [4, 64]}
RATE = EXPERIMENTS["rates"].configs[0] | SHRUNK
SMOOTHED = RATE | {"method": "lsr", "eta": "1/L", "oracle": {"sigma2": 1.0, "beta2": 0.1, "nu2": 0.1}}
STALL = EXPERIMENTS["stall"].configs[0] | {"eps": 0.5, "horizon": 80, "methods": ["sgd", "lsr", "tsla"], "replicas": 20, "seed": 6}
REGIME = EXPERIMENTS["regimes"].configs[0] | {"method": "tsla", "q": 2, "eps": [0.7], "replicas": 8, "seed": 7}


def run_by_hand(stages: list[tuple[float, float, int]], oracle: dict[str, Any], problem: str = "stall", **how: Any) -> Trajectory:
    return simulate(problems.get(problem), Oracle(**oracle), [stage(*of) for of in stages], **how)


# --- rates


def test_rates_of_sgd_at_the_best_step_size() -> None:
    table = synthetic.rates(RATE)
    for T, rows in table.groupby("T"):
        eta = min(1.0, math.sqrt(2 * 0.5 / T))  # L = 1, F0 = 1/2, σ² = 1
        assert rows["eta"].unique() == pytest.approx([eta])
        assert rows["bound"].unique() == pytest.approx([2 * 0.5 / (eta * T) + eta])
        run = run_by_hand([(eta, 0.0, T)], RATE["oracle"], replicas=30, seed=5, checkpoints=[T])
        assert (rows["mean_grad2"].to_numpy() == run.mean_grad2[0]).all()
    assert table["T"].tolist() == [4] * 30 + [64] * 30
    assert table["replica"].tolist() == [*range(30), *range(30)]
    assert table[["instance", "problem", "method", "claim"]].drop_duplicates().to_numpy().tolist() == [["a name", "stall", "sgd", "C4"]]


@pytest.mark.parametrize(("theta", "used"), [(None, 1 / 1.2), (1.0, 1.0), (0.25, 0.25)])
def test_rates_of_lsr(theta: float | None, used: float) -> None:
    table = synthetic.rates(SMOOTHED | {"theta": theta})
    assert table["theta"].unique() == pytest.approx([used])
    assert (table["eta"] == 1).all()
    bounds = table.groupby("T")["bound"].first()
    assert bounds.to_dict() == pytest.approx({T: 1 / T + (1 - used) + used * 0.2 for T in (4, 64)})
    run = run_by_hand([(1.0, used, 64)], SMOOTHED["oracle"], replicas=30, seed=5, checkpoints=[64])
    assert table["mean_grad2"].to_numpy()[30:] == pytest.approx(run.mean_grad2[0])


def test_the_attained_instances_come_near_their_bound() -> None:
    attained = [config for config in EXPERIMENTS["rates"].configs if config["name"] == "attained"]
    assert {config["method"] for config in attained} == {"sgd", "lsr"}
    for config in attained:
        table = synthetic.rates(config | {"T": [256], "replicas": 50})
        ratio = table["mean_grad2"].mean() / table["bound"].iloc[0]
        assert 0.95 < ratio <= 1.05


# --- the stall


def test_stall_runs_each_plan_to_its_end_and_lsr_to_the_horizon() -> None:
    table = synthetic.stall(STALL)
    last = table.groupby("method")["step"].max()
    T1 = math.ceil(math.log(0.5 * 1.1 / 0.1))  # μ = η1 = 1, F0 = 1/2, δσ² = 0.1
    eta2 = 0.5**2 / 2
    assert last.to_dict() == {"sgd": 4 * 0.5 / (eta2 * 0.25), "lsr": 80, "tsla": T1 + math.ceil(8 * 0.1 / (eta2 * 0.25))}
    assert T1 in set(table[table["method"] == "tsla"]["step"])
    assert table["floor"].unique() == pytest.approx([2 * 0.1 / 1.1])
    assert table["eps"].unique() == [0.5]
    assert ((table["low"] <= table["grad2"]) & (table["grad2"] <= table["high"])).all()


def test_stall_is_the_mean_over_the_replicas() -> None:
    rows = synthetic.stall(STALL | {"methods": ["lsr"]})
    run = run_by_hand([(1.0, 1 / 1.1, 80)], STALL["oracle"], replicas=20, seed=6)
    assert rows["step"].tolist() == run.step.tolist()
    assert rows["grad2"].to_numpy() == pytest.approx(run.grad2.mean(axis=1))
    error = run.grad2.std(axis=1, ddof=1) / math.sqrt(20)
    assert (rows["high"] - rows["grad2"]).to_numpy() == pytest.approx(2.093024054 * error)  # t(0.975, 19) = 2.093024054


# --- regimes


def test_regimes_of_tsla() -> None:
    rows = synthetic.regimes(REGIME)
    delta, eps2 = 0.2 * 0.7**2, 0.7**2
    L, mu, F0 = 8.0, 0.1755, 9 + 3 * math.sin(3) ** 2
    T1 = math.ceil(math.log(mu * F0 * (1 + delta) / delta) * L / mu)
    eta2 = eps2 / (2 * L)
    T2 = math.ceil(8 * delta / (mu * eta2 * eps2))
    assert rows["steps"].unique() == [T1 + T2]
    assert rows["delta"].unique() == pytest.approx([delta])
    assert rows["gap_bound"].unique() == pytest.approx([(1 - mu / L) ** T1 * F0 + delta / ((1 + delta) * mu)])
    oracle = {"sigma2": 1.0, "beta2": delta / 2, "nu2": delta / 2}
    run = run_by_hand([(1 / L, 1 / (1 + delta), T1), (eta2, 0.0, T2)], oracle, replicas=8, seed=7, problem="sine_valley")
    assert rows["mean_grad2"].to_numpy() == pytest.approx(run.mean_grad2[-1])
    assert rows["gap"].to_numpy() == pytest.approx(run.gap[run.step == T1][0])
    there = [step for step, values in zip(run.step, run.mean_grad2, strict=True) if step > T1 and values.mean() <= eps2]
    assert rows["needed"].unique() == [min(there)]


def test_needed_counts_the_first_stage_though_its_gradients_were_small_enough() -> None:
    """At so large a target the start is already there; the theorem speaks of the second stage alone."""
    rows = synthetic.regimes(REGIME | {"eps": [6.0]})
    delta, F0 = 0.2 * 36, 9 + 3 * math.sin(3) ** 2
    T1 = math.ceil(math.log(0.1755 * F0 * (1 + delta) / delta) * 8 / 0.1755)
    assert T1 > 1
    assert rows["needed"].min() > T1


def test_regimes_of_other_methods_have_no_first_stage_and_a_row_an_eps_and_replica() -> None:
    rows = synthetic.regimes(REGIME | {"method": "sgd-pl-last", "replicas": 4})
    assert rows[["gap", "gap_bound"]].isna().all().all()
    assert rows["claim"].unique() == ["C15a"]
    rows = synthetic.regimes(REGIME | {"method": "sgd", "eps": [1.0, 0.7]})
    assert rows["eps"].tolist() == [1.0] * 8 + [0.7] * 8
    assert rows["replica"].tolist() == [*range(8), *range(8)]
