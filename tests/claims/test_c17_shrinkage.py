"""C17: what the zero vector does as a smoothing label, and what a real one does beyond it, summed over finite sample spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.distributions import Joint, joints
from tests.claims.support.domain import thetas
from tests.planted import Rejects
from tsla.theory import shrinkage, smoothing

Control = Callable[..., Any]


def shrunk(joint: Joint, theta: float) -> float:
    """E‖(1-θ)g - ∇F‖², one sample after the other."""
    return joint.about_gradient((1 - theta) * joint.g)


def is_the_second_moment_of_a_smaller_step(second_moment: Control) -> None:
    @given(joints(), thetas)
    def check(joint: Joint, theta: float) -> None:
        value = float(second_moment(joint.s2, joint.grad2, theta))
        assert value == pytest.approx(shrunk(joint, theta), rel=1e-12, abs=joint.rounding)

    check()


def is_the_difference_from_a_smaller_step(beyond: Control) -> None:
    @given(joints(), thetas)
    def check(joint: Joint, theta: float) -> None:
        difference = joint.smoothed(theta) - shrunk(joint, theta)
        assert float(beyond(joint.shat2, joint.c, joint.grad2, theta)) == pytest.approx(difference, rel=1e-12, abs=joint.rounding)

    check()


def says_when_smoothing_does_more(helps_beyond: Control) -> None:
    """The sign of the difference, where it is not rounding."""

    @given(joints(), st.floats(0.01, 1))
    def check(joint: Joint, theta: float) -> None:
        difference = joint.smoothed(theta) - shrunk(joint, theta)
        if abs(difference) > 10 * joint.rounding:
            assert bool(helps_beyond(joint.s2, joint.shat2, joint.c, joint.grad2, theta)) == (difference < 0)

    check()


def is_the_delta_of_the_zero_vector(zero_vector_delta: Control) -> None:
    """ĝ = 0 satisfies A3 with δ0, c = 0, and the lemma counts its smaller step as variance reduction."""

    @given(joints("zero"), thetas)
    def check(joint: Joint, theta: float) -> None:
        delta0 = float(zero_vector_delta(joint.s2, joint.grad2))
        assert delta0 * joint.s2 == pytest.approx(joint.shat2, rel=1e-12)
        assert joint.c == pytest.approx(0, abs=joint.rounding)
        assert joint.smoothed(theta) == pytest.approx(shrunk(joint, theta), rel=1e-12)
        assert joint.smoothed(theta) <= float(smoothing.lemma(joint.s2, delta0, theta)) + joint.rounding

    check()


PAIRS = [
    (is_the_second_moment_of_a_smaller_step, shrinkage.second_moment),
    (is_the_difference_from_a_smaller_step, shrinkage.beyond),
    (says_when_smoothing_does_more, shrinkage.helps_beyond),
    (is_the_delta_of_the_zero_vector, shrinkage.zero_vector_delta),
]


@pytest.mark.claim("C17", "property")
@pytest.mark.parametrize(("check", "right"), PAIRS)
def test_control(check: Callable[[Control], None], right: Control) -> None:
    check(right)


@pytest.mark.claim("C17", "property")
def test_a_zero_label_is_a_smaller_step(evidence: Callable[..., None]) -> None:
    @given(joints("zero"), thetas, st.floats(0.01, 1))
    def check(joint: Joint, theta: float, eta: float) -> None:
        smoothed = eta * smoothing.mix(joint.g, joint.ghat, theta)
        assert smoothed == pytest.approx((1 - theta) * eta * joint.g, rel=1e-12, abs=1e-15)
        if joint.grad2 < joint.s2:
            theta_star = float(smoothing.best_theta(joint.s2, joint.grad2, 0))
            assert 0.5 < theta_star <= 1
            assert float(shrinkage.second_moment(joint.s2, joint.grad2, theta_star)) < joint.s2

    check()
    evidence("ĝ = 0 lowers the second moment too; the difference from it is exact to 1e-12")


@pytest.mark.claim("C17", "property")
@given(joints(), st.floats(0.1, 0.9), st.floats(1, 10))
def test_a_label_no_better_than_zero_helps_only_through_c(joint: Joint, theta: float, looser: float) -> None:
    """ŝ² ≥ ‖∇F‖², that is δ ≥ δ0, and c ≥ 0: not beyond a smaller step."""
    shat2 = looser * max(joint.grad2, joint.shat2)
    assert not shrinkage.helps_beyond(joint.s2, shat2, abs(joint.c), joint.grad2, theta)
    assert float(shrinkage.beyond(shat2, abs(joint.c), joint.grad2, theta)) >= 0


def gradient_forgotten(s2: float, grad2: float, theta: float) -> float:
    return (1 - theta) ** 2 * s2


def as_a_mixture(s2: float, grad2: float, theta: float) -> float:
    return (1 - theta) * s2 + theta * grad2


def cross_term_once(shat2: float, c: float, grad2: float, theta: float) -> float:
    return theta**2 * (shat2 - grad2) + theta * (1 - theta) * c


def against_plain(shat2: float, c: float, grad2: float, theta: float) -> float:
    return theta**2 * shat2 + 2 * theta * (1 - theta) * c


def sign_of_c(shat2: float, c: float, grad2: float, theta: float) -> float:
    return shrinkage.beyond(shat2, -c, grad2, theta)


def without_covariance(s2: float, shat2: float, c: float, grad2: float, theta: float) -> bool:
    return shat2 < grad2


def complement(s2: float, shat2: float, c: float, grad2: float, theta: float) -> bool:
    return 2 * theta * c < (1 - theta) * (grad2 - shat2)


def covariance_once(s2: float, shat2: float, c: float, grad2: float, theta: float) -> bool:
    return (1 - theta) * c < theta * (grad2 - shat2)


def inverted(s2: float, grad2: float) -> float:
    return s2 / grad2


def deviation(s2: float, grad2: float) -> float:
    return (grad2 / s2) ** 0.5


@pytest.mark.claim("C17", "property", planted=True)
@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (is_the_second_moment_of_a_smaller_step, gradient_forgotten),
        (is_the_second_moment_of_a_smaller_step, as_a_mixture),
        (is_the_difference_from_a_smaller_step, cross_term_once),
        (is_the_difference_from_a_smaller_step, against_plain),
        (is_the_difference_from_a_smaller_step, sign_of_c),
        (says_when_smoothing_does_more, without_covariance),
        (says_when_smoothing_does_more, complement),
        (says_when_smoothing_does_more, covariance_once),
        (is_the_delta_of_the_zero_vector, inverted),
        (is_the_delta_of_the_zero_vector, deviation),
    ],
)
def test_planted_errors_are_rejected(check: Callable[[Control], None], wrong: Control, rejects: Rejects) -> None:
    rejects(check, right=dict(PAIRS)[check], wrong=wrong)
