"""Where a verdict was found is said in words that follow the configurations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tsla.empirics.experiments.study.findings import Finding, finding
from tsla.empirics.experiments.study.scope import NETWORKS, network, scope
from tsla.empirics.experiments.study.settings import DECAYED, PRIMARY, SETTINGS
from tsla.empirics.experiments.study.third import PARTS, SCRATCH_SETTINGS
from tsla.empirics.experiments.study.words import NOT_RUN, said, title
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
    assert NETWORKS["mlp"] == f"MLP-{HIDDEN}"
    assert said not in scope([PLAIN])
    assert said in scope([replace(PLAIN, **changed)])


def test_no_pair_is_said_that_was_not_run_and_what_differs_is_listed() -> None:
    assert scope(list(DECAYED.values())).startswith("MLP-64 on digits, 20 and 40 % wrong labels and Fashion-MNIST, 20 % wrong labels; ")
    assert scope([PLAIN, next(iter(DECAYED.values()))]).endswith("constant step size and step decay of the step size")


def test_networks_of_one_kind_are_told_apart() -> None:
    settings = (*(setting for part in PARTS.values() for setting in part), *SCRATCH_SETTINGS)
    kinds = {(setting.model, setting.head, setting.norm): network(setting) for setting in settings}
    assert len(set(kinds.values())) == len(kinds) == 6


def test_a_word_stands_before_the_settings_that_it_holds_on_with_how_well_they_were_looked_at() -> None:
    def found(setting: str, seeds: int, spread: float, eta: float = 0.1) -> Finding:
        return replace(finding("E3", setting, "a less b", spread * np.resize([-1.0, 1.0], seeds), (eta,)), adjusted=1.0)

    few, sure, at_edge = found(PRIMARY[0], 10, 0.1), found(PRIMARY[1], 60, 0.001), found(PRIMARY[2], 60, 0.001, eta=1.6)
    lines = said("second", [few, sure, at_edge], [SETTINGS[PRIMARY[-1]]], name_noise=True)
    size = "(1,000 examples, batches of 16) on"
    assert few.power < 0.1
    assert lines == [
        ("second", "no benefit that matters", f"MLP-64 {size} digits with 40 % wrong labels (60 seeds, power 1.00)"),
        (
            "second",
            "can't tell",
            (
                f"MLP-64 {size} digits with 20 % wrong labels (10 seeds, power {few.power:.2f}), "
                "Fashion-MNIST with 20 % wrong labels (60 seeds, power 1.00, η at the edge of its grid)"
            ),
        ),
        ("second", NOT_RUN, f"ResNet-8 {size} digits with 20 % wrong labels"),
    ]
    (twice,) = said("a group", [few, few])
    assert twice[2].count("(`a`, 10 seeds") == 2


def test_a_group_says_what_its_settings_share() -> None:
    assert (
        title(PARTS["resnet8"][:3])
        == "step decay of the step size, no wrong labels; 20 epochs, SGD with momentum 0.9 and weight decay 0.0005"
    )
