"""C11: the exact second moment and its minimiser, against sums over finite sample spaces and a grid of θ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.distributions import Joint, joints
from tests.claims.support.marks import properties
from tsla.theory import smoothing, variance
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import for_all, positive, thetas

SecondMoment = Callable[[Moments, float], Any]
BestTheta = Callable[[Moments], Any]

GRID = np.linspace(0, 1, 51)


@for_all(joints(), thetas)
def is_the_sum_over_samples(second_moment: SecondMoment, joint: Joint, theta: float) -> None:
    assert float(second_moment(joint.moments, theta)) == pytest.approx(joint.smoothed(theta), rel=1e-12, abs=joint.rounding)


@for_all(joints(), thetas)
def is_what_the_lemma_drops(second_moment: SecondMoment, joint: Joint, theta: float) -> None:
    """V(θ) less θ(1-θ) E‖g - ĝ‖²."""
    dropped = smoothing.lemma(joint.s2, joint.shat2 / joint.s2, theta) - second_moment(joint.moments, theta)
    assert float(dropped) == pytest.approx(theta * (1 - theta) * joint.mean_square(joint.g - joint.ghat), rel=1e-12, abs=joint.rounding)


@pytest.mark.claim("C11", "property")
@given(joints(), thetas)
def test_excess_over_the_plain_direction(joint: Joint, theta: float) -> None:
    assert float(joint.moments.excess(theta)) == pytest.approx(joint.smoothed(theta) - joint.s2, rel=1e-12, abs=joint.rounding)


@for_all(joints())
def is_the_minimiser_on_a_grid(best_theta: BestTheta, joint: Joint) -> None:
    best = float(best_theta(joint.moments))
    assert 0 <= best <= 1
    assert joint.smoothed(best) <= min(joint.smoothed(theta) for theta in GRID) + joint.rounding


@for_all(joints())
def has_no_slope_inside(best_theta: BestTheta, joint: Joint) -> None:
    """The second moment is a parabola in θ: its values on both sides of an inner minimum are the same."""
    best = float(best_theta(joint.moments))
    room = min(best, 1 - best)
    assert joint.smoothed(best - room) == pytest.approx(joint.smoothed(best + room), rel=1e-9, abs=1e3 * joint.rounding)


@for_all(positive(), st.floats(1e-3, 10))
def is_the_papers_where_the_labels_are_independent(best_theta: BestTheta, s2: float, delta: float) -> None:
    """c = 0: θ* = 1/(1+δ), and the minimum δσ²/(1+δ) is half of the lemma's value there."""
    independent = Moments.of(s2=s2, shat2=delta * s2, c=0)
    best = best_theta(independent)
    assert float(best) == pytest.approx(float(smoothing.paper_theta(delta)), rel=1e-12)
    least = float(independent.second_moment(best))
    assert least == pytest.approx(delta * s2 / (1 + delta), rel=1e-12)
    assert least == pytest.approx(float(smoothing.lemma(s2, delta, best)) / 2, rel=1e-11)


@pytest.mark.claim("C11", "property")
def test_everything_that_the_moments_say(evidence: Callable[..., None]) -> None:
    @given(joints(), st.none() | thetas)
    def check(joint: Joint, theta: float | None) -> None:
        said = variance.from_moments(s2=joint.s2, shat2=joint.shat2, c=joint.c, grad2=joint.grad2, theta=theta)
        t = joint.s2 / (joint.s2 + joint.shat2) if theta is None else theta
        assert float(said.theta) == pytest.approx(t, rel=1e-14)
        assert float(said.exact) == pytest.approx(joint.smoothed(t), rel=1e-12, abs=joint.rounding)
        assert float(said.minimum) == pytest.approx(joint.smoothed(float(said.theta_star)), rel=1e-12, abs=joint.rounding)
        assert float(said.lemma) == pytest.approx(float(smoothing.lemma(joint.s2, joint.shat2 / joint.s2, t)), rel=1e-12)
        assert float(said.shrinkage) == pytest.approx(joint.about_gradient((1 - t) * joint.g), rel=1e-12, abs=joint.rounding)
        assert said.minimum <= said.exact + joint.rounding
        assert said.exact <= said.lemma + joint.rounding

    check()
    evidence(
        "The formula equals the sum over finite sample spaces to 1e-12. No θ of a grid gives less than θ*.",
        headline="equal to 1e-12",
    )


@pytest.mark.claim("C11", "property")
@given(joints(), positive())
def test_the_minimum_inside(joint: Joint, scale: float) -> None:
    """(s²ŝ² - c²)/(s² + ŝ² - 2c), and no less than 0, where ĝ = g too."""
    said = variance.from_moments(s2=scale * joint.s2, shat2=scale * joint.shat2, c=scale * joint.c)
    if 0 < said.theta_star < 1:
        difference = joint.mean_square(joint.g - joint.ghat)
        expected = scale * (joint.s2 * joint.shat2 - joint.c**2) / difference
        assert float(said.minimum) == pytest.approx(expected, rel=1e-9, abs=1e3 * scale * joint.rounding)
    assert said.minimum >= 0


@pytest.mark.claim("C11", "property")
def test_equal_labels_leave_nothing_to_smooth() -> None:
    assert Moments.of(s2=2, shat2=2, c=2).theta_star == Moments.of(s2=0, shat2=0, c=0).theta_star == 0
    assert variance.from_moments(s2=1, shat2=2, c=0.5).shrinkage is None
    bounded = variance.from_bounds(sigma2=1, delta=2)
    assert (bounded.exact, bounded.theta_star, bounded.minimum, bounded.shrinkage) == (None, None, None, None)


WRONG_MOMENTS: list[SecondMoment] = [
    lambda m, theta: replace(m, c=m.c / 2).second_moment(theta),
    lambda m, theta: replace(m, c=0.0).second_moment(theta),
    lambda m, theta: replace(m, c=-m.c).second_moment(theta),
    Moments.lemma,
    lambda m, theta: m.second_moment(theta) + theta * (1 - theta) * m.shat2,  # one power lost
    Moments.noise,  # bias forgotten
    lambda m, theta: m.second_moment(1 - theta),
]
test_second_moment = properties(
    "C11", Moments.second_moment, dict.fromkeys((is_the_sum_over_samples, is_what_the_lemma_drops), WRONG_MOMENTS)
)
test_best_theta = properties(
    "C11",
    lambda m: m.theta_star,
    {
        is_the_minimiser_on_a_grid: [
            lambda m: np.clip((m.s2 - m.c) / (m.s2 + m.shat2 - m.c), 0, 1),  # covariance once
            lambda m: 1 - m.theta_star,  # from the other label
            lambda m: m.slope() / m.curvature() if m.curvature() > 0 else 0.0,  # not clipped
            lambda m: replace(m, c=0.0).theta_star,
        ],
        has_no_slope_inside: [lambda m: replace(m, c=0.0).theta_star],
        is_the_papers_where_the_labels_are_independent: [lambda m: 1 - m.theta_star],
    },
)
