"""The known networks of the real libraries: each is made, and the moments of its layers and of the whole are those of a loop."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import Any

import pytest
import torch

from tsla.empirics.experiments.known_architectures.networks import CONFIGS
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.testing.planted import Rejects

pytestmark = pytest.mark.filterwarnings("default")  # those of the libraries are their own
for library in ("torchvision", "timm", "transformers", "efficientnet_lite_pytorch"):
    pytest.importorskip(library)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["network"])
def test_moments_are_those_of_a_loop(config: dict[str, Any], rejects: Rejects) -> None:
    torch.manual_seed(0)
    module, _, function = config["make"].partition(":")
    model = getattr(import_module(module), function)(**config["options"]).eval()
    if config["data"] == "sentences":
        inputs = torch.randint(1, config["words"], (4, config["length"]))
        inputs[1::2, 20:] = 0
        labels = torch.arange(4)
    else:
        inputs, labels = torch.rand(4, 3, config["size"], config["size"]), torch.arange(4)

    found = asdict(gradient_moments(model, inputs, labels, "uniform"))

    def are_those_of_a_loop_with(smoothing: str) -> None:
        assert found == pytest.approx(asdict(moments_by_loop(model, inputs, labels, smoothing)), rel=1e-3)

    rejects(are_those_of_a_loop_with, right="uniform", wrong="own-hard")
