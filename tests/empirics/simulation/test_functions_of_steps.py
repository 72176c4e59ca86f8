"""Stages whose step sizes and weights are functions of the step: the general path, the compiled one and the exact law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.empirics.simulation.bits import assert_same
from tests.empirics.simulation.stages import stage
from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.exact_law import exact_law
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.constants import Array
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import assert_rejects

PROBLEM, ORACLE = problems.get("sine_valley"), Oracle(1.0, 0.1, 0.2, bias="fixed")
FIRST, SECOND = stage(0.1, 0.6, 5), stage(0.08, 0.3, 9)
MARKS = range(15)


def square_root(t: Array) -> Array:
    return np.sqrt(1 + t)


def falling(t: Array) -> Array:
    return 1 / (1 + t / 4)


RUNS: dict[str, Callable[..., Any]] = {
    "general": partial(simulate, replicas=6, seed=3),
    "compiled": partial(simulate, replicas=6, seed=3, compiled=True),
    "exact law": exact_law,
}
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


@every_run
def test_the_mean_is_that_of_the_weights(run: Callable[..., Any]) -> None:
    def is_the_weighted_mean(second: Stage) -> None:
        found = run(PROBLEM, ORACLE, (FIRST, second), checkpoints=MARKS)
        weights = square_root(np.arange(9.0)).reshape((-1,) + (1,) * (found.grad2.ndim - 1))
        mean = np.cumsum(weights * found.grad2[5:14], axis=0) / np.cumsum(weights, axis=0)
        assert found.mean_grad2[6:] == pytest.approx(mean, rel=1e-9)

    is_the_weighted_mean(replace(SECOND, weights=square_root))
    for wrong in (SECOND, replace(SECOND, weights=lambda t: square_root(t + 1))):  # not weighted; one step off
        assert_rejects(is_the_weighted_mean, wrong)


@every_run
def test_step_sizes_are_those_of_the_function(run: Callable[..., Any]) -> None:
    known = run(PROBLEM, ORACLE, (FIRST, replace(SECOND, decay_steps=np.asarray(4.0))), checkpoints=MARKS)

    def is_the_same_run(second: Stage) -> None:
        assert_same(run(PROBLEM, ORACLE, (FIRST, second), checkpoints=MARKS), known)

    is_the_same_run(replace(SECOND, factor=falling))
    assert_rejects(is_the_same_run, SECOND)


def test_an_average_of_the_last_iterates_is_of_nothing_before_them() -> None:
    late = replace(SECOND, weights=lambda t: np.where(t < 3, 0.0, 1.0))
    found = simulate(PROBLEM, ORACLE, (late,), replicas=4, seed=0, checkpoints=[3, 4, 9])
    assert np.isnan(found.mean_grad2[0]).all()
    assert np.isfinite(found.mean_grad2[1:]).all()


def test_a_run_goes_on_only_with_the_functions_that_it_began_with(tmp_path: Path) -> None:
    run = partial(simulate, PROBLEM, ORACLE, replicas=4, seed=0, checkpoints=[2, 9], state=tmp_path / "state")
    first = run((replace(SECOND, factor=falling),))
    assert run((replace(SECOND, factor=lambda t: falling(t)),)).gap.tobytes() == first.gap.tobytes()
    between = {"factor": lambda t: np.where(t == 5, 0, falling(t))}  # at a step that is not recorded
    for other in ({"factor": square_root}, {"factor": falling, "weights": square_root}, between):
        with pytest.raises(ValueError, match="must be the state of this very run"):
            run((replace(SECOND, **other),))


test_functions_that_are_none = refusals(
    lambda changed: simulate(PROBLEM, ORACLE, (replace(SECOND, **changed),), replicas=4, seed=0),
    ({"factor": lambda t: -t}, r"eta\*factor\(t\) = -0.08 must be a finite number at least 0"),
    ({"factor": lambda t: 1.0}, r"eta\*factor\(t\) has shape \(\); a run needs a number for each of the steps t, shape \(\d+,\)"),
    ({"weights": lambda t: t * np.nan}, r"weights\(t\) = nan must be a finite number at least 0"),
    ({"factor": falling, "decay_steps": np.asarray(4.0)}, "decay_steps and factor exclude each other"),
)


def test_what_is_printed_of_a_stage() -> None:
    changing = replace(SECOND, factor=falling, weights=square_root)
    assert changing.json() == pytest.approx(
        {"eta": 0.08, "theta": 0.3, "steps": 9, "last_eta": 0.08 / 3, "first_weight": 1 / 3, "last_weight": 1}
    )
    assert changing.said() == "0.08 to 0.02667"
    assert not changing.uniform
