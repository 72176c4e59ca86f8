"""Choosing on the tuning seeds and comparing on the others, on tables whose answer is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from tsla.empirics.experiments.study.outcomes import OUTCOMES, Choice, best, differences, summary, tuned
from tsla.empirics.experiments.study.settings import EPOCHS

SETTING = "a setting"


def epochs(arm: str, eta: float, seed: int, *, loss: float, accuracy: float) -> pd.DataFrame:
    epoch = np.arange(EPOCHS + 1)
    run = {"setting": SETTING, "arm": arm, "eta": eta, "seed": seed, "epoch": epoch, "train_loss": loss * (EPOCHS + 1 - epoch)}
    return pd.DataFrame(run | {"grad2": 1.0, "test_ece": 0.1, "test_loss": loss, "test_accuracy": accuracy})


def table() -> pd.DataFrame:
    arms = (("none", 0.1, 1.0, 0.80), ("none", 0.2, 2.0, 0.85), ("lsr-0.1", 0.1, 1.5, 0.9), ("lsr-0.1", 0.2, 1.2, 0.7))
    runs = [
        epochs(arm, eta, seed, loss=loss + 0.001 * seed, accuracy=accuracy + 0.001 * seed)
        for seed, (arm, eta, loss, accuracy) in product((0, 1, 2), arms)
    ]
    return summary(pd.concat(runs))


def test_a_summary_has_the_stated_means() -> None:
    rows = epochs("none", 0.1, 0, loss=2.0, accuracy=0.5)
    found = summary(rows).iloc[0]
    early = [np.log(2.0 * (EPOCHS + 1 - epoch)) for epoch in (1, 2, 3)]
    assert found["early loss"] == pytest.approx(np.mean(early))
    assert found["loss"] == pytest.approx(np.log(2.0))
    assert found["accuracy"] == 0.5


def test_each_outcome_chooses_its_own_step_size() -> None:
    assert tuned(table(), SETTING, "none", "loss") == Choice("none", 0.1)
    assert tuned(table(), SETTING, "none", "accuracy") == Choice("none", 0.2)
    assert best(table(), SETTING, ["none", "lsr-0.1"], "accuracy") == Choice("lsr-0.1", 0.1)
    assert best(table(), SETTING, ["none", "lsr-0.1"], "test loss") == Choice("none", 0.1)


@pytest.mark.parametrize("more", [0.0, 1e-15])
def test_of_equal_means_the_smaller_step_is_chosen_and_then_the_larger_theta(more: float) -> None:
    """However the last bits of the means are rounded."""
    cells = (("tsla-0.3-4", 0.2, 0.9 + more), ("tsla-0.1-4", 0.1, 0.9 + 2 * more), ("tsla-0.3-4", 0.1, 0.9))
    found = summary(pd.concat([epochs(arm, eta, 0, loss=1.0, accuracy=accuracy) for arm, eta, accuracy in cells]))
    assert best(found, SETTING, list(found["arm"]), "accuracy") == Choice("tsla-0.3-4", 0.1)


def test_differences_are_paired_by_seed() -> None:
    rows = table().sample(frac=1, random_state=0)
    found = differences(rows, SETTING, Choice("lsr-0.1", 0.1), Choice("none", 0.2), "accuracy")
    assert found == pytest.approx([0.05, 0.05, 0.05])


def test_a_diverged_run_is_chosen_by_nobody() -> None:
    losses = {(0.1, 0): 1.1, (0.1, 1): np.nan, (0.2, 0): 1.2, (0.2, 1): 1.2}
    found = summary(pd.concat([epochs("none", eta, seed, loss=loss, accuracy=0.5) for (eta, seed), loss in losses.items()]))
    assert all(tuned(found, SETTING, "none", outcome).eta == 0.2 for outcome in OUTCOMES if outcome != "gradient")
    with pytest.raises(ValueError, match="diverged"):
        differences(found, SETTING, Choice("none", 0.1), Choice("none", 0.2), "accuracy")


def test_missing_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="no run"):
        best(table(), SETTING, ["tsla-0.1-3"], "loss")
    with pytest.raises(ValueError, match="has no run"):
        differences(table(), SETTING, Choice("none", 0.4), Choice("none", 0.1), "loss")
    some = table().query("not (arm == 'none' and seed == 2) and not (arm == 'lsr-0.1' and seed == 0)")
    with pytest.raises(ValueError, match="other seeds"):
        differences(some, SETTING, Choice("lsr-0.1", 0.1), Choice("none", 0.1), "loss")


@pytest.mark.parametrize("fewer", ["none", "lsr-0.1"])
def test_where_one_has_fewer_seeds_they_are_those_compared(fewer: str) -> None:
    arms, whole = (Choice("lsr-0.1", 0.2), Choice("none", 0.1)), table()
    whole.loc[whole["seed"] == 1, "loss"] = 100.0 * np.arange(4)  # that a pair taken from two seeds is seen
    some = whole.query(f"not (arm == '{fewer}' and seed == 0)")
    assert differences(some, SETTING, *arms, "loss") == pytest.approx(differences(whole, SETTING, *arms, "loss")[1:])
