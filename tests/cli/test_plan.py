"""`tsla plan`: predictions and plans from a record, a recommendation where validation allows one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.cli.support import Run, as_json
from tests.empirics.advice.plan.pilots import CONFIG, DIGITS, PLAN, growing, rows
from tsla.empirics.advice.plan import validation
from tsla.empirics.advice.plan.advice import advise, table
from tsla.empirics.advice.plan.pilot import pilot_of
from tsla.empirics.experiments.planner.rules import RULES
from tsla.empirics.runs import records
from tsla.theory.moments import MOMENTS
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import WIDTH, Json


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A pilot of five epochs, watched."""
    at = (0, 1, 2, 5)
    table = rows(at, {"beta2": growing(at, doubling=2)}, epochs=5)
    path = tmp_path / "pilot.parquet"
    records.write(path, table.assign(eta_L=[0.1, 0.3, 0.4, np.nan, np.nan, 0.4]), CONFIG, "")
    return path


def test_predictions_are_those_of_the_moments(run: Run) -> None:
    found = as_json(run(f"{PLAN} --outcome test_loss --json"))
    names = "pilot outcome theta batch_size unit epochs eta_L predictions until helps_at recommendation advice"
    assert set(found) == set(names.split())
    assert (found["theta"], found["batch_size"], found["epochs"], found["eta_L"]) == (0.3, 16, 20, None)
    table = records.read(DIGITS).table
    row = table[(table["method"] == "sgd") & (table["seed"] == 0) & (table["epoch"] == 5)].iloc[0]
    (line,) = [line for line in found["predictions"] if line["epoch"] == 5]
    B, t = 16, 0.3
    noise = (1 - t) ** 2 * row["s2"] + t**2 * row["nu2"] + 2 * t * (1 - t) * row["c"]
    plain, smoothed = row["s2"] / B, t**2 * row["beta2"] + noise / B
    assert line == pytest.approx(
        {
            "epoch": 5,
            "delta": row["shat2"] / row["s2"],
            "delta0": row["grad2"] / row["s2"],
            "ratio": smoothed / plain,
            "shrink_ratio": ((1 - t) ** 2 * plain + t**2 * row["grad2"]) / plain,
            "beyond": (smoothed - (1 - t) ** 2 * plain - t**2 * row["grad2"]) / plain,
            "delta_at_batch_size": (B * row["beta2"] + row["nu2"]) / row["s2"],
            "critical_batch_size": max((row["s2"] - noise) / (t**2 * row["beta2"]), 0),
            "floor_is_lower": smoothed < plain,
            "theta_star": np.clip((row["s2"] - row["c"]) / (B * row["beta2"] + row["s2"] + row["nu2"] - 2 * row["c"]), 0, 1),
            "theta_for_step": line["theta_star"],
        }
    )
    watched = {"delta_at_batch_size": "delta", "variance": "B_c", "floor": "floor", "beyond": "beyond"}
    pilot = pilot_of(DIGITS, method="sgd", seed=0)
    assert found["until"] == {name: RULES[rule].plan(pilot).drop for name, rule in watched.items()}


def test_the_run_to_be_planned_may_differ_from_the_pilot(run: Run, mine: Path) -> None:
    plain = as_json(run(f"plan --pilot {mine} --outcome test_loss --json"))
    assert (plain["epochs"], plain["eta_L"]) == (20, pytest.approx(0.3))
    other = as_json(run(f"plan --pilot {mine} --outcome test_loss --theta 0.1 --batch-size 64 --epochs 40 --eta 0.05 --json"))
    assert (other["theta"], other["batch_size"], other["epochs"], other["eta_L"]) == (0.1, 64, 40, pytest.approx(0.15))
    assert (plain["recommendation"]["drop"], other["recommendation"]["drop"]) == (10, 20)  # half of the epochs
    for first, second in zip(plain["predictions"], other["predictions"], strict=True):
        assert second["delta_at_batch_size"] > first["delta_at_batch_size"]
        assert second["critical_batch_size"] > first["critical_batch_size"]
        assert second["theta_for_step"] < first["theta_for_step"] < first["theta_star"]
    given = as_json(run(f"plan --pilot {mine} --outcome test_loss --eta-L 0.15 --theta 0.1 --batch-size 64 --epochs 40 --json"))
    assert given["until"] == other["until"]


def test_what_no_epoch_of_the_pilot_shows_is_called_extrapolated(run: Run, mine: Path) -> None:
    def until(epochs: int) -> list[str]:
        lines = run(f"plan --pilot {mine} --outcome test_loss --epochs {epochs}").splitlines()
        start = lines.index("smoothing helps") + 1
        return [line.split("  ")[1] for line in lines[start:] if not line.startswith("    ")]

    assert not any("extrapolated" in said for said in until(5))
    longer = until(400)
    assert any("extrapolated from epoch 5" in said for said in longer)
    seen = [said for said in longer if "extrapolated" not in said]
    assert all(said == "never" or int(said.removeprefix("before epoch ")) <= 5 for said in seen)


AT_LENGTH = {
    (9, 0.1, 0.1, 9): "not at epoch 0, but at 2 of 4 measured epochs",
    (0.1, 9, 0.1, 9): "before epoch 1, and again at 1 of 3 later measured epochs",
}
"""β² at epochs 0, 1, 2 and 5, and when smoothing helps in three ways. A smaller step does as much at each epoch."""


def says_all_that_the_lines_show(shown: Callable[[Json], str], beta2: tuple[float, ...]) -> None:
    pilot = rows((0, 1, 2, 5), {"grad2": 0.1, "beta2": beta2, "c": 0.5, "nu2": 0.5}, epochs=5)[["epoch", *MOMENTS]]
    found = advise(pilot_of(pilot, theta=0.3, batch_size=16), "test_loss", validation.read())
    assert [line["ratio"] < 1 for line in found["predictions"]] == [value < 1 for value in beta2]
    assert all(line["beyond"] > 0 for line in found["predictions"])
    said = [line.split("  ")[1] for line in shown(found).split("smoothing helps\n")[1].splitlines() if not line.startswith("    ")]
    assert said == [AT_LENGTH[beta2]] * 3 + ["never"]


def until_it_first_does_not(found: Json) -> str:
    """As if what once does not help never did again."""
    return table(
        found | {"helps_at": {name: [epoch for epoch in at if epoch < found["until"][name]] for name, at in found["helps_at"].items()}}
    )


@pytest.mark.parametrize("beta2", AT_LENGTH)
def test_what_does_not_help_at_some_time_may_help_later(beta2: tuple[float, ...], rejects: Rejects) -> None:
    rejects(partial(says_all_that_the_lines_show, beta2=beta2), right=table, wrong=until_it_first_does_not)


BEST = {"train_loss": "never", "grad2": "never", "test_loss": "half", "test_accuracy": "always"}
DOES = {
    "never": ("none", 0, "never smooth"),
    "half": ("two-stage", 10, "smooth at theta = 0.3 in the first 10 of 20 epochs and then not"),
    "always": ("constant", 20, "smooth at theta = 0.3 in all 20 epochs"),
}


@pytest.mark.parametrize("outcome", BEST)
def test_the_naive_rule_that_was_best_is_named_with_how_sure_that_is(outcome: str, run: Run) -> None:
    found = as_json(run(f"{PLAN} --outcome {outcome} --json"))
    choice, known = found["recommendation"], validation.read()
    rule = BEST[outcome]
    schedule, drop, words = DOES[rule]
    assert (choice["outcome"], choice["rule"], choice["kind"], choice["theta"]) == (outcome, rule, "naive", 0.3)
    assert (choice["schedule"], choice["drop"]) == (schedule, drop)
    assert choice["least"] < choice["regret"] < choice["largest"] or rule == "always"  # which is the best of the sweep on every seed
    assert (choice["settings"], choice["scope"], choice["data"]) == (7, known["scope"], ["fashion", "mnist"])
    against = [(test["kind"], test["naive"], test["better"]) for test in choice["tests"]]
    assert against == [("theory", rule, False), ("practice", rule, False)]
    text = run(f"{PLAN} --outcome {outcome}")
    assert all(len(line) <= WIDTH for line in text.splitlines())
    assert " ".join(text.split("\n\n")[0].split()) == " ".join(found["advice"].split())
    answer, best, regret, theory, _, apart, scope = found["advice"].splitlines()
    assert answer == f"Moments could not tell when to drop smoothing for {outcome}."
    assert best == f"The best rule that looks at no pilot was '{rule}', which is to {words}."
    unit, test = validation.OUTCOMES[outcome], choice["tests"][0]
    said = [
        f"{100 * line[name]:.2f} {unit} ({100 * line['least']:.2f} to {100 * line['largest']:.2f})"
        for line, name in ((choice, "regret"), (test, "difference"))
    ]
    less = sum(value < 0 for value in test["by_setting"].values())
    assert regret.startswith(f"Its regret against the best of a sweep was {said[0]}.")
    assert theory == f"The rule of theory '{test['rule']}' had {said[1]} more regret than '{rule}', and less on {less} of 7 settings."
    assert (apart.endswith("2 data sets, too few for an interval."), scope) == (True, f"The settings are {known['scope']}.")


@pytest.mark.parametrize("epochs", [21, 23, 27])
def test_a_part_of_the_run_is_that_of_the_rule_whose_regret_is_said(epochs: int) -> None:
    pilot = pilot_of(DIGITS, method="sgd", seed=0, epochs=epochs)
    choice = advise(pilot, "test_loss", validation.read())["recommendation"]
    assert choice["rule"] == "half"
    assert choice["drop"] == RULES["half"].plan(pilot).drop


@pytest.mark.parametrize("regret", [-0.01, 0.01])
def test_a_regret_below_0_is_explained(regret: float) -> None:
    known = validation.read()
    for line in known["rules"]:
        line["regret"] = regret
    advice = advise(pilot_of(DIGITS, method="sgd", seed=0), "test_loss", known)["advice"]
    assert ("other seeds of the sweep chose worse" in advice) == (regret < 0)
