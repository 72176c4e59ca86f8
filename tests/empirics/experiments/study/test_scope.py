"""Where a verdict was found is said in words that follow the configurations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tsla.empirics.experiments.study.scope import NAMES, scope
from tsla.empirics.experiments.study.settings import DECAYED, PRIMARY, SETTINGS
from tsla.empirics.experiments.study.verdicts import Finding, where
from tsla.empirics.models.networks import HIDDEN

PLAIN = SETTINGS["mlp, digits, 20 % noise"]


def test_the_primary_settings() -> None:
    assert scope([SETTINGS[name] for name in PRIMARY]) == (
        "MLP-64 on digits and Fashion-MNIST, 20 and 40 % wrong labels; ResNet-8 on digits, 20 % wrong labels; "
        "1,000 examples, 20 epochs, batches of 16, SGD with momentum 0 and weight decay 0, constant step size"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "resnet8"}, "ResNet-8 on digits, 20 % wrong labels; 1,000"),
        ({"data": "mnist"}, "MLP-64 on MNIST, 20 %"),
        ({"label_noise": 0.125}, "on digits, 12.5 % wrong labels"),
        ({"momentum": 0.9}, "momentum 0.9 and"),
        ({"decay": "step"}, "step decay of the step size"),
    ],
)
def test_what_is_changed_is_said(changed: dict[str, Any], said: str) -> None:
    assert NAMES["mlp"] == f"MLP-{HIDDEN}"
    assert said not in scope([PLAIN])
    assert said in scope([replace(PLAIN, **changed)])


def test_no_pair_is_said_that_was_not_run_and_what_differs_is_listed() -> None:
    assert scope(list(DECAYED.values())).startswith("MLP-64 on digits, 20 and 40 % wrong labels and Fashion-MNIST, 20 % wrong labels; ")
    assert scope([PLAIN, next(iter(DECAYED.values()))]).endswith("constant step size and step decay of the step size")


def test_findings_say_how_well_they_looked() -> None:
    def found(setting: str, seeds: int, spread: float) -> Finding:
        return Finding("E3", setting, "a less b", spread * np.resize([-1.0, 1.0], seeds), 1.0)

    few, many, other = found(PRIMARY[0], 10, 0.1), found(PRIMARY[1], 60, 0.001), found(PRIMARY[-1], 20, 0.5)
    said = where([few, many, other])
    assert f"20 and 40 % wrong labels (10 to 60 seeds, power {few.power:.2f} to 1.00); ResNet-8" in said
    assert f"(20 seeds, power {other.power:.2f}); 1,000 examples" in said
    assert few.power < 0.1
