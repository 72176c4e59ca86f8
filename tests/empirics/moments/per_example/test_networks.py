"""All six moments of networks that are in use, against their definitions on gradients from plain autograd."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from tests.empirics.moments.per_example.networks import NETWORKS
from tests.empirics.moments.per_example.oracle import by_autograd, labels_for
from tests.theory.population import by_definition
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import assert_rejects

N = 9


def measured(name: str, dtype: torch.dtype = torch.float64) -> Moments:
    case = NETWORKS[name]
    return gradient_moments(case.network(dtype), case.inputs(N, dtype), labels_for(N), microbatch=4)


def is_right(name: str, found: Moments, tolerance: float) -> None:
    case = NETWORKS[name]
    gradients = by_autograd(case.network(), case.inputs(N))
    g, h = (torch.cat([t.reshape(N, -1) for t in label], dim=1).numpy() for label in (gradients.g, gradients.h))
    expected = dict(zip(MOMENTS, by_definition(g, h).tolist(), strict=True))
    rounding = tolerance / 100 * (expected["s2"] * expected["shat2"]) ** 0.5  # which c, a sum of either sign, may be no larger than
    assert asdict(found) == {key: pytest.approx(value, rel=tolerance, abs=rounding if key == "c" else 0) for key, value in expected.items()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("name", NETWORKS)
def test_in_either_precision(name: str, dtype: torch.dtype, tolerance: float) -> None:
    is_right(name, measured(name, dtype), tolerance)


@pytest.mark.parametrize("moment", MOMENTS)
def test_each_moment_counts(moment: str) -> None:
    found = measured("MLP-Mixer")
    wrong = Moments(**asdict(found) | {moment: getattr(found, moment) * 1.0003})
    assert_rejects(lambda found: is_right("MLP-Mixer", found, 1e-4), wrong)
