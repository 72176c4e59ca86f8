"""The sentence of each figure, from a small table by hand: every number is another, so that none can stand in another's place."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from tsla.figures import gallery

MODULES = gallery.modules()


def rows(columns: str, *values: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(values), columns=columns.split())


def dropped() -> pd.DataFrame:
    """A drop at epoch 4 and none; for all but one outcome only one that is never made is better."""
    lines = [
        (setting, outcome, theta, drop, *((-1, -0.5) if (outcome == "loss" or drop == 20) else (-1, 1)))
        for setting, outcome, theta, drop in product("ab", ("loss", "test loss"), (0.1, 0.3), (4, 20))
    ]
    higher = [("a", "accuracy", 0.1, 4, 0.5, 1), ("b", "accuracy", 0.1, 4, -1, -0.5), ("b", "accuracy", 0.3, 4, -1, 1)]
    return rows("setting outcome theta drop low high", *lines, *higher)


MADE: dict[str, tuple[pd.DataFrame, str]] = {
    "best_drop": (
        dropped(),
        (
            "Some drop inside the run beats no smoothing, by its own 95 % interval: log F in 4 of 4 lines, log test loss in 0 of 4 lines, "
            "test accuracy in 1 of 3 lines"
        ),
    ),
    "bias_and_noise": (
        rows("epoch theta best least", (0, 0.0, 0.1, 0.6), (0, 1.0, 0.1, 0.6), (5, 0.0, 0.2, 0.7), (20, 0.0, 0.3, 0.8)),
        "The best strength θ° is 0.10, 0.20, 0.30 at epochs 0, 5, 20, and leaves 0.60, 0.70, 0.80 of plain SGD's floor",
    ),
    "bound_and_measured": (
        rows("panel mean bound", ("sgd", 1, 10), ("lsr", 1, 2), ("attained", 9, 10), ("attained", 6, 10)),
        "Runs reach 0.10 to 0.50 of their bounds, and 0.60 to 0.90 on the instances that attain them",
    ),
    "critical_batch": (
        rows(
            "method epoch median theta batch_size",
            *(("sgd", 0, 90.2, 0.3, 16), ("sgd", 1, 70, 0.3, 16), ("sgd", 2, 50, 0.3, 16)),
            *(("lsr", 2, 7, 0.3, 16), ("sgd", 0, 30, 1.0, 16), ("sgd", 2, -1, 1.0, 16)),
        ),
        "Along SGD's path the critical batch size goes from 90 to 50 at θ = 0.3 and from 30 to none at θ = 1; the run has batches of 16",
    ),
    "delta_along_training": (
        rows(
            "method epoch mean quantity",
            *(("sgd", 0, 9, "delta"), ("sgd", 20, 2, "delta"), ("sgd", 20, 0.5, "delta0"), ("lsr", 20, 7, "delta")),
            *(("sgd", 20, 0.1, "beyond"), ("lsr", 20, -0.1, "beyond")),
        ),
        "At the end of SGD's path δ is 2.00, 4 times that of the zero vector; smoothing does more than shrink there on the path of LSR",
    ),
    "fair_verdict": (
        rows(
            "map ratio",
            *(("tsla", 0.5), ("tsla", 1.0), ("tsla", 3.0), ("tsla", 0.9)),
            *(("sharpened", 1.5), ("sharpened", 1.25), ("sharpened", 0.2), ("sharpened", 0.3), ("apart", 0.1), ("apart", 0.7)),
        ),
        (
            "Against fair rivals TSLA's bound is the best one on 25.0 % of the map, sharpened on 50.0 %, by at most 1.50; with bias told "
            "apart, smoothing needs 0.10 to 0.70 of plain SGD's samples"
        ),
    ),
    "forest": (
        rows("word", *([("supported",)] * 3), *([("refuted",)] * 2), ("can't tell",)),
        "Of 6 comparisons: 3 supported, 2 refuted, 1 can't tell",
    ),
    "measured_rates": (
        rows("exponent single_exponent predicted", (4.1, 3, 4), (3.85, 4.15, 4), (3, 3, 4)),
        "The exponent is within 0.2 of the predicted one in 2 of 3 runs at a random iterate, and in 1 at a single one",
    ),
    "phases": (
        rows(
            "fewest kappa rivals",
            *(("tsla", 10.0, "C9"), ("sgd", 10.0, "C9"), ("tsla", 1000.0, "C9"), ("tsla", 10.0, "C15"), ("lsr-pl", 10.0, "C15")),
            *(("sgd", 10.0, "C15"), ("sgd", 10.0, "C15"), ("lsr", 1000.0, "C15")),
        ),
        (
            "TSLA's plan is the shortest on 50 % (κ = 10) and 100 % (κ = 1000) of the map among the paper's three methods, on 25 % "
            "(κ = 10) and 0 % (κ = 1000) where the others may use A4 too"
        ),
    ),
    "regimes": (
        rows(
            "method eps samples q kind",
            *((name, 0.1, few, q, "asked for") for q in (1, 2, 3, 4) for name, few in (("sgd-pl", 5 - q), ("tsla", 3), ("lsr-pl", 2.5))),
            *((name, 0.5, 10 - few, q, "asked for") for q in (1, 2, 3, 4) for name, few in (("sgd-pl", 1), ("tsla", 9))),
            *(("tsla", 0.1, 0, q, "needed") for q in (1, 2, 3, 4)),
        ),
        "At ε = 0.1 TSLA's bound asks for the fewest samples in 0 of the 4 rows of C9 (SGD, PL-aware (C15b): 2; LSR with A4 (C15): 2)",
    ),
    "slack": (
        rows(
            "claim kind mean low high",
            *(("C3", "worst case", 0.995, 0.9, 1), ("C4", "worst case", 0.5, 0.5, 0.5), ("C4", "run", 1.1, 0.9, 1.3)),
            *(("C5", "run", 1.2, 1.1, 1.3), ("C7", "run", 0.3, 0.2, 1.4), ("C8", "worst case", 0.98, 0.98, 0.98)),
        ),
        "3 of 5 bounds are attained to 1 %; 2 of 3 runs have a mean above their bound, 1 by more than their interval",
    ),
    "smoothing_buys": (
        rows(
            "panel curve parameter x value",
            *(("samples", "e", 0.1, 0.2, 0.5), ("samples", "e", 0.1, 0.9, 0.6), ("samples", "e", 0.01, 0.015, 0.1)),
            *(("floor", "θ°", 1.0, 0.5, 0.3), ("floor", "θ°", 0.3, 0.5, 0.2), ("floor", "θ°", 0.01, 0.5, 0.008), ("floor", "W", 1.0, 0, 9)),
        ),
        (
            "Smoothing halves plain SGD's samples only where δ is at most 2 times ε²/(2σ²); at δ = 0.1 its floor is 0.80 of plain SGD's "
            "for ηL = 0.01, 0.30 for ηL = 1"
        ),
    ),
    "stall_and_cure": (
        rows("method step mean target", ("lsr", 1, 9, 1), ("lsr", 8, 5, 1), ("sgd", 1, 2, 1), ("sgd", 7, 1, 1), ("sgd", 8, 0.5, 1)),
        "LSR ends at 5.0 times the target ε². First seen under it: SGD at step 7",
    ),
    "tempered": (
        rows(
            "setting method outcome low high",
            *(("a", "lsr", "test_loss", 1, 2), ("b", "lsr", "test_loss", 1, 2), ("c", "lsr", "test_loss", -1, 2)),
            *(("a", "lsr", "tempered", 1, 2), ("b", "lsr", "tempered", -1, 1), ("c", "lsr", "tempered", -2, 3)),
            *(("d", "lsr", outcome, -2, -1) for outcome in ("test_loss", "tempered", "tempered")),
            *(("d", "tsla", "test_loss", 1, 2), ("d", "lsr", "test_ece", 1, 2)),
        ),
        (
            "Smoothed to the end, the test loss is worse than without smoothing on 2 of 4 settings; at the best "
            "temperature on 1, and better on 2"
        ),
    ),
    "training_curves": (
        rows(
            "method outcome less epoch mean low high",
            *(("lsr", "test_accuracy", "sgd", 20, 2.0, 1.0, 3.0), ("tsla", "test_accuracy", "sgd", 20, -1.5, -8.5, 5.5)),
            *(("lsr", "test_accuracy", "sgd", 5, 7.0, 6.0, 8.0), ("lsr", "test_loss", "sgd", 20, 9.0, 8.0, 10.0)),
            ("lsr", "test_accuracy", "nothing", 20, 70.0, 60.0, 80.0),
        ),
        "Test accuracy at the end, less plain SGD's, in points: LSR +2.0 [+1.0, +3.0], TSLA -1.5 [-8.5, +5.5]",
    ),
    "variance_against_theta": (
        rows(
            "curve theta mean epoch",
            *(("θ*", 0.9, 0.1, 0), ("θ*", 0.5, 0.2, 20), ("lemma V(θ)", 0.0, 1.0, 0), ("exact", 0.0, 1.0, 0)),
            *(("lemma V(θ)", 0.5, 3.0, 20), ("exact", 0.5, 1.5, 20), ("step (1-θ)η", 0.5, 0.5, 20)),
        ),
        "The best strength θ* is 0.90, 0.50 at epochs 0, 20; the lemma is up to 2 times the exact second moment",
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_finding_says_what_the_numbers_are(name: str) -> None:
    numbers, sentence = MADE[name]
    assert MODULES[name].finding(numbers) == sentence
