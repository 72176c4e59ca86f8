"""C17: what the zero vector does as a smoothing label, and what a real one does beyond it, summed over finite sample spaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.distributions import Joint, joints
from tests.claims.support.marks import properties
from tsla.theory import smoothing
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import for_all, thetas

Control = Callable[..., Any]


def shrunk(joint: Joint, theta: float) -> float:
    """E‖(1-θ)g - ∇F‖², one sample after the other."""
    return joint.about_gradient((1 - theta) * joint.g)


@for_all(joints(), thetas)
def is_the_second_moment_of_a_smaller_step(control: Control, joint: Joint, theta: float) -> None:
    assert float(control(joint.moments, theta)) == pytest.approx(shrunk(joint, theta), rel=1e-12, abs=joint.rounding)


@for_all(joints(), thetas)
def is_the_difference_from_a_smaller_step(beyond: Control, joint: Joint, theta: float) -> None:
    difference = joint.smoothed(theta) - shrunk(joint, theta)
    assert float(beyond(joint.moments, theta)) == pytest.approx(difference, rel=1e-12, abs=joint.rounding)


@for_all(joints("zero"), thetas)
def is_the_delta_of_the_zero_vector(delta0: Control, joint: Joint, theta: float) -> None:
    """ĝ = 0 satisfies A3 with δ0, c = 0, and the lemma counts its smaller step as variance reduction."""
    delta = float(delta0(joint.moments))
    assert delta * joint.s2 == pytest.approx(joint.shat2, rel=1e-12)
    assert joint.c == pytest.approx(0, abs=joint.rounding)
    assert joint.smoothed(theta) == pytest.approx(shrunk(joint, theta), rel=1e-12)
    assert joint.smoothed(theta) <= float(smoothing.lemma(joint.s2, delta, theta)) + joint.rounding


test_second_moment_of_the_control = properties(
    "C17",
    lambda m, theta: m.shrunk.second_moment(theta),
    {
        is_the_second_moment_of_a_smaller_step: [
            lambda m, theta: (1 - theta) ** 2 * m.s2,  # gradient forgotten
            lambda m, theta: m.shrunk.lemma(theta),
        ]
    },
)
test_beyond = properties(
    "C17",
    Moments.beyond,
    {
        is_the_difference_from_a_smaller_step: [
            lambda m, theta: replace(m, c=m.c / 2).beyond(theta),
            lambda m, theta: replace(m, c=0.0).beyond(theta),
            lambda m, theta: replace(m, grad2=0.0).beyond(theta),  # against no direction
            Moments.excess,  # against plain SGD
            lambda m, theta: replace(m, c=-m.c).beyond(theta),
            lambda m, theta: m.beyond(1 - theta),
        ]
    },
)
test_delta_of_the_control = properties(
    "C17",
    lambda m: m.shrunk.delta,
    {is_the_delta_of_the_zero_vector: [lambda m: m.s2 / m.grad2, lambda m: (m.grad2 / m.s2) ** 0.5]},
)


@pytest.mark.claim("C17", "property")
def test_a_zero_label_is_a_smaller_step(evidence: Callable[..., None]) -> None:
    @given(joints("zero"), thetas, st.floats(0.01, 1))
    def check(joint: Joint, theta: float, eta: float) -> None:
        smoothed = eta * smoothing.mix(joint.g, joint.ghat, theta)
        assert smoothed == pytest.approx((1 - theta) * eta * joint.g, rel=1e-12, abs=1e-15)
        if joint.grad2 < joint.s2:
            control = joint.moments.shrunk
            assert 0.5 < control.theta_star <= 1
            assert control.second_moment(control.theta_star) < joint.s2

    check()
    evidence("With ĝ = 0 smoothing lowers the second moment too. The formula for what smoothing does beyond that is exact to 1e-12.")


@pytest.mark.claim("C17", "property")
@given(joints(), st.floats(0.1, 0.9), st.floats(1, 10))
def test_a_label_no_better_than_zero_helps_only_through_c(joint: Joint, theta: float, looser: float) -> None:
    """ŝ² ≥ ‖∇F‖², that is δ ≥ δ0, and c ≥ 0: not beyond a smaller step."""
    no_better = replace(joint.moments, shat2=looser * max(joint.grad2, joint.shat2), c=abs(joint.c))
    assert no_better.beyond(theta) >= 0
