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
from tsla.empirics.experiments.study.words import NOT_RUN, not_run, said, shared, title
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

    few, at_edge = found(PRIMARY[0], 10, 0.1), found(PRIMARY[2], 60, 0.001, eta=1.6)
    sure = [found(PRIMARY[place], 60, 0.001) for place in (1, 3)]
    assert few.power < 0.1
    assert said("second", "constant", [few, *sure, at_edge], name_noise=True) == [
        (
            "second",
            "constant",
            "no benefit that matters",
            "MLP-64 on digits with 40 % wrong labels and Fashion-MNIST with 40 % wrong labels (60 seeds, power above 0.95)",
        ),
        (
            "second",
            "constant",
            "can't tell",
            (
                f"MLP-64 on digits with 20 % wrong labels (10 seeds, power {few.power:.2f}); "
                "MLP-64 on Fashion-MNIST with 20 % wrong labels (60 seeds, power above 0.95, η at the edge of its grid)"
            ),
        ),
    ]
    (twice,) = said("second", "constant", [few, few])
    assert twice[3] == f"MLP-64 on digits and digits (`a`, 10 seeds, power {few.power:.2f})"


def test_what_settings_share_is_said_once() -> None:
    group = PARTS["resnet8"][:2]
    optimiser = "SGD with momentum 0.9 and weight decay 0.0005"
    assert title(group) == "step decay of the step size, no wrong labels"
    assert shared(group) == f"20 epochs, {optimiser}, 1,000 examples and batches of 16 for ResNet-8"
    assert shared([*group, PARTS["mlp"][0], SCRATCH_SETTINGS[0]]) == (
        f"20 epochs, {optimiser}, 1,000 examples and batches of 16 for ResNet-8 and MLP-64, "
        "10,000 examples and batches of 64 for ResNet-20 with GroupNorm"
    )
    ((*_, word, where),) = not_run("third", [group, [], SCRATCH_SETTINGS[:1]])
    assert (word, where) == (
        NOT_RUN,
        f"ResNet-8 on digits and Fashion-MNIST ({title(group)}); ResNet-20 with GroupNorm on CIFAR-100 ({title(group)})",
    )
    assert not not_run("third", [[], []])
