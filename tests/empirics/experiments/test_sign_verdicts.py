"""A verdict on predicted signs counts what came true at settings, and its comparators learn from other settings only."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from tsla.empirics.experiments.sign_prediction.comparators import looked_up, regressed, weights
from tsla.empirics.experiments.sign_prediction.predictions import PREDICTORS, RIVALS
from tsla.empirics.experiments.sign_prediction.verdicts import SETTING, UNITS, compared, primary, verdict
from tsla.theory.testing.planted import Rejects


def made_up(hits: list[list[bool]], lowered: list[bool], *, clear: bool = True) -> pd.DataFrame:
    """One list of hits a setting, beside what happened at its strengths, on one seed; all predictors say the same."""
    rows = []
    for setting, of_setting in enumerate(hits):
        for theta, (hit, down) in enumerate(zip(of_setting, lowered, strict=True)):
            row = {"seed": 0, "label_noise": 0.2, "batch_size": 4**setting, "eta": 0.1, "snapshot": 0, "theta": theta / 10}
            row |= {"K": 30, "diverged": False, "eta_L": 0.5}
            centre, half = -1.0 if down else 1.0, 0.5 if clear else 2
            for name, rival in product(("grad2", "F"), RIVALS):
                row |= {f"{name}_{rival}_low": centre - half, f"{name}_{rival}_high": centre + half}
            row |= {f"{name}_{rival}": -1.0 if down == hit else 1.0 for name, rival in product(PREDICTORS, RIVALS)}
            rows.append(row)
    return pd.DataFrame(rows)


def judged(rows: pd.DataFrame, predictor: str = "floor", scope: str = "all") -> pd.Series:
    """The line of the verdict on these rows about ‖∇F‖² against plain SGD."""
    found = verdict(rows).set_index(["scope", "rival", "outcome", "predictor"])
    return found.loc[(scope, "plain", "grad2", predictor)]


def test_rates_are_of_all_established_signs() -> None:
    lowered = [True, True, True, False]
    rows = made_up([[True, True, True, True], [True, False, True, False]], lowered)
    found = judged(rows)
    assert (found["rows"], found["established"], found["units"], found["lowered"]) == (8, 8, 2, 0.75)
    assert [found[f"hit{end}"] for end in ("", "_low", "_high")] == [0.75, 0.5, 1]  # of two settings either may be drawn twice
    assert found["balanced"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert [found[f"above{end}"] for end in ("", "_low", "_high")] == [0, -0.25, 0.25]
    assert [judged(rows, name)["hit"] for name in ("always", "never")] == [0.75, 0.25]
    assert [judged(rows, name)["balanced"] for name in ("always", "never")] == [0.5, 0.5]


def test_a_flipped_prediction_never_hits() -> None:
    right, wrong = (judged(made_up([[hit] * 3] * 3, [True, False, False])) for hit in (True, False))
    assert (right["hit"], right["above"], wrong["hit"]) == (1, pytest.approx(1 / 3), 0)


def test_only_what_is_established_counts() -> None:
    sure, unsure = made_up([[True, True]] * 2, [True, False]), made_up([[False, False]] * 2, [True, False], clear=False)
    found = judged(pd.concat([sure, unsure]))
    assert (found["rows"], found["established"], found["hit"]) == (8, 4, 1)
    assert judged(pd.concat([sure, unsure.assign(diverged=True)]))["rows"] == 4


def test_the_premise_has_a_scope_of_its_own() -> None:
    inside, outside = (
        made_up([[True, True]] * 2, [True, False]).assign(eta_L=1.0),
        made_up([[False, False]] * 2, [True, False]).assign(eta_L=1.5),
    )
    assert [judged(pd.concat([inside, outside]), scope=scope)["hit"] for scope in ("premise", "all")] == [1, 0.5]


SETTINGS = made_up([[True, True], [True, False], [False, True], [True, True]], [True, False])


def more_seeds_say_nothing_new(unit: tuple[str, ...]) -> None:
    """Where all seeds of a setting agree, nine more of each leave the interval as wide as it is."""
    once, often = (primary(pd.concat([SETTINGS.assign(seed=seed) for seed in range(seeds)]), unit) for seeds in (2, 20))
    ends = ("hit_low", "hit_high", "above_low", "above_high")
    assert [once[end] for end in ends] == pytest.approx([often[end] for end in ends])
    assert once["hit_low"] < once["hit"] < once["hit_high"]


@pytest.mark.parametrize("wrong", [UNITS["seed"], ("seed", *SETTING)])
def test_the_unit_is_the_setting(wrong: tuple[str, ...], rejects: Rejects) -> None:
    rejects(more_seeds_say_nothing_new, right=SETTING, wrong=wrong)


def test_a_comparator_learns_from_the_others_only() -> None:
    """What a setting does is known from its other seeds, and not from other settings: here it is chance by B."""
    lowered = np.random.default_rng(3).random(20) < 0.5
    rows = [made_up([[bool(down)]], [bool(down)]).assign(batch_size=B) for B, down in enumerate(lowered, 1)]
    table = pd.concat([row.assign(seed=seed) for row in rows for seed in range(3)], ignore_index=True)
    found = compared(table).set_index(["rule", "fitted"])
    assert found.loc[("look-up table", "other seeds"), "hit"] == 1
    assert found.loc[("logistic regression", "other settings"), "hit"] < 0.8
    assert (found["lead"] == found.loc[("floor", "nothing"), "hit"] - found["hit"]).all()


def test_a_regression_knows_the_other_settings_or_the_other_seeds() -> None:
    """Of two settings that do one thing each, the other seeds show which, and the other setting shows the wrong one."""
    rows = [made_up([[down]], [down]).assign(batch_size=B) for B, down in ((1, True), (4, False))]
    table = pd.concat([row.assign(seed=seed) for row in rows for seed in range(3)], ignore_index=True)
    found = compared(table).set_index(["rule", "fitted"])["hit"]
    assert [found["logistic regression", fitted] for fitted in ("other seeds", "other settings")] == [1, 0]


def test_a_regression_does_not_know_the_part_that_it_predicts() -> None:
    features, apart = pd.DataFrame({"x": [-1.0, 1.0] * 6}), pd.Series([0] * 8 + [1] * 4)
    lowered = (features["x"] > 0) == (apart == 0)  # the two parts contradict each other
    assert not (regressed(features, lowered, apart) == lowered).any()


def test_a_look_up_table_goes_by_the_others_of_a_case_and_else_by_what_most_did() -> None:
    lowered, case = pd.Series([True, True, False, False, True, True]), pd.Series([0, 0, 0, 1, 2, 2])
    assert looked_up(lowered, case).tolist() == [True, True, True, True, True, True]
    assert looked_up(~lowered, case).tolist() == [False] * 6
    assert looked_up(pd.Series([True, False, False]), pd.Series([0, 0, 0])).tolist() == [False, False, False]  # one is even


def test_a_regression_finds_what_changes_at_a_batch_size() -> None:
    lowered = [B < 6 for B in range(12)]
    rows = [made_up([[True]], [down]).assign(batch_size=2**B, seed=B % 2) for B, down in enumerate(lowered)]
    found = compared(pd.concat(rows, ignore_index=True)).set_index(["rule", "fitted"])
    assert found.loc[("logistic regression", "other settings"), "hit"] >= 10 / 12
    same = compared(pd.concat([row.assign(grad2_plain_low=1.0, grad2_plain_high=2.0) for row in rows]).reset_index(drop=True))
    assert (same.loc[same["rule"] == "logistic regression", "hit"] == 1).all()  # where all others were raised, so is the next


def test_the_regression_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.random(60) < 0.3
    theirs = LogisticRegression(tol=1e-10).fit(X, y)
    expected = [*theirs.intercept_, *theirs.coef_[0]]
    assert weights(np.column_stack([np.ones(60), X]), y.astype(float)) == pytest.approx(expected, rel=1e-5)
