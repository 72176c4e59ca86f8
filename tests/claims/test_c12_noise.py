"""C12: N(θ) over finite sample spaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.claims.support.distributions import Joint, joints
from tests.claims.support.marks import properties
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import for_all, thetas

OfMoments = Callable[[Moments, float], Any]


@for_all(joints(), thetas)
def is_the_sum_over_samples(noise: OfMoments, joint: Joint, theta: float) -> None:
    """E‖g_LS - E g_LS‖²; with the squared bias of the mean it is the whole second moment about ∇F."""
    smoothed = joint.g + theta * (joint.ghat - joint.g)
    value = float(noise(joint.moments, theta))
    assert value == pytest.approx(joint.mean_square(smoothed - joint.p @ smoothed), rel=1e-12, abs=joint.rounding)
    assert joint.moments.bias(theta) + value == pytest.approx(joint.smoothed(theta), rel=1e-12, abs=joint.rounding)


test_noise = properties(
    "C12",
    Moments.noise,
    {
        is_the_sum_over_samples: [
            Moments.second_moment,
            lambda m, theta: replace(m, c=0.0).noise(theta),
            lambda m, theta: m.noise(1 - theta),
        ]
    },
    found="N(θ) equals the sum over finite sample spaces. N(θ) + θ²β² equals the whole second moment there.",
)
