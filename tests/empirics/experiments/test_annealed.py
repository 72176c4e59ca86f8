"""Annealed smoothing: the arms follow θ°(η_t) and share their step sizes, and are compared on the same noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tsla.empirics.experiments.rates import annealed
from tsla.empirics.simulation.oracles import Oracle
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Array, Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import assert_rejects

PAIR = {"problem": "stall", "sigma2": 0.01, "delta": 0.1, "bias": 0.5, "noise": "normal", "eps": 0.03, "replicas": 40, "seed": 5}


def step_sizes(stages: tuple[Stage, ...]) -> Array:
    return np.concatenate([stage.eta / (1 + np.arange(int(stage.steps)) / (stage.decay_steps or np.inf)) for stage in stages])


def anneals(arms: dict[str, tuple[Stage, ...]]) -> None:
    """The same step sizes in all arms of a schedule, and θ within a factor PIECE of θ°(η_t)."""
    known = SmoothingOracle(beta2=0.05, nu2=0.05).moments(1.0)
    for schedule in ("two-level", "three-phase"):
        eta = step_sizes(arms[f"{schedule} none"])
        for smoothing in ("dropped", "annealed"):
            np.testing.assert_allclose(step_sizes(arms[f"{schedule} {smoothing}"]), eta, rtol=1e-12)
        best = known.theta_for_step(eta)
        theta = np.concatenate([np.full(int(stage.steps), float(stage.theta)) for stage in arms[f"{schedule} annealed"]])
        assert (theta >= best * (1 - 1e-12)).all()
        assert (theta <= best * annealed.PIECE).all()
        assert not any(stage.theta for stage in arms[f"{schedule} none"])


def test_arms() -> None:
    constants, oracle = Constants(L=1, mu=1, sigma2=1, delta=0.1, F0=0.5), Oracle(1.0, beta2=0.05, nu2=0.05)
    arms = annealed.arms(constants, oracle, 0.2)
    anneals(arms)
    (smoothed, plain) = arms["two-level dropped"]
    (first, second) = METHODS["tsla"](constants, eps=0.2).stages
    assert [smoothed.theta, plain.theta, smoothed.steps, plain.steps] == [first.theta, 0, first.steps, second.steps]
    assert_rejects(anneals, arms | {"three-phase annealed": arms["three-phase none"]})
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
    total = METHODS["sgd-pl"](Constants(L=1, mu=1, sigma2=0.01, delta=0.1, F0=0.5), eps=0.03).total
    assert rows["horizon"].unique() == [4 * total]
