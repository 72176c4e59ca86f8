"""C2: V(θ) bounds the second moment of every joint distribution of (g, ĝ), and is the exact one of a label that is flipped at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support.distributions import Joint, joints
from tests.claims.support.marks import properties
from tests.claims.support.recursions import exact
from tsla.theory import smoothing, variance
from tsla.theory.testing.domain import deltas, for_all, positive, thetas

Lemma = Callable[..., Any]


loose = st.just(1.0) | st.floats(1, 10)


@for_all(joints(), thetas, loose, loose)
def bounds_every_distribution(lemma: Lemma, joint: Joint, theta: float, looser: float, looser_hat: float) -> None:
    """Also where A2 and A3 are not tight."""
    sigma2 = looser * joint.s2
    delta = looser_hat * joint.shat2 / sigma2
    assert joint.smoothed(theta) <= lemma(sigma2, delta, theta) * (1 + 1e-12) + joint.rounding


@for_all(joints(), thetas)
def is_exact_for_a_label_flipped_at_random(lemma: Lemma, joint: Joint, theta: float) -> None:
    """With probability θ the sample is given the label ŷ, else y: no mixture, and so nothing is lost by convexity."""
    flipped = Joint(
        np.concatenate([(1 - theta) * joint.p, theta * joint.p]),
        np.concatenate([joint.g - joint.gradient, joint.ghat - joint.gradient]),
        np.zeros((2 * len(joint.p), joint.g.shape[1])),
    )
    second_moment = flipped.mean_square(flipped.g)
    assert lemma(joint.s2, joint.shat2 / joint.s2, theta) == pytest.approx(second_moment, rel=1e-12)


@for_all(joints(), joints("equal"), thetas)
def is_attained_without_mixture(lemma: Lemma, joint: Joint, equal: Joint, theta: float) -> None:
    """At both ends of θ, and where ĝ = g."""
    for end in (0.0, 1.0):
        assert lemma(joint.s2, joint.shat2 / joint.s2, end) == pytest.approx(joint.smoothed(end), rel=1e-12, abs=joint.rounding)
    assert lemma(equal.s2, 1.0, theta) == pytest.approx(equal.smoothed(theta), rel=1e-12, abs=equal.rounding)


@for_all(positive(), st.floats(0, 10), st.floats(0.001, 1))
def lowers_the_variance_iff_delta_is_below_one(lemma: Lemma, sigma2: float, delta: float, theta: float) -> None:
    assume(abs(delta - 1) > 1e-9)
    assert (lemma(sigma2, delta, theta) < sigma2) == (delta < 1)


@pytest.mark.claim("C2", "property")
def test_no_distribution_exceeds_it(evidence: Callable[..., None]) -> None:
    bounds_every_distribution(lambda sigma2, delta, theta: variance.from_bounds(sigma2=sigma2, delta=delta, theta=theta).lemma)
    evidence("No random joint distribution of g and ĝ exceeds V. A label that is flipped at random attains it.")


@for_all(positive(), deltas)
def gives_the_papers_value(paper_theta: Callable[[Any], Any], sigma2: float, delta: float) -> None:
    """V(θ) = 2δσ²/(1+δ) ≤ 2δσ², at which both labels contribute the same."""
    theta = paper_theta(delta)
    value = 2 * exact(delta) * exact(sigma2) / (1 + exact(delta))
    assert float(smoothing.lemma(sigma2, delta, theta)) == pytest.approx(float(value), rel=1e-12, abs=1e-15 * sigma2)
    assert smoothing.lemma(sigma2, delta, theta) <= 2 * delta * sigma2 + 1e-15 * sigma2
    assert (1 - theta) * sigma2 == pytest.approx(float(theta * delta * sigma2), rel=1e-12, abs=1e-15 * sigma2)


@pytest.mark.claim("C2", "property")
@given(positive(), st.sampled_from([1e-12, 1e-30]) | st.floats(1e-6, 10))
def test_value_at_the_papers_theta(sigma2: float, delta: float) -> None:
    """To the last digits also where 1 - 1/(1+δ) has none left."""
    expected = float(2 * exact(delta) * exact(sigma2) / (1 + exact(delta)))
    assert float(smoothing.lemma_at_paper_theta(sigma2, delta)) == pytest.approx(expected, rel=1e-14)
    said = variance.from_bounds(sigma2=sigma2, delta=delta)
    assert float(said.lemma) == pytest.approx(expected, rel=1e-14)
    assert float(said.theta) == pytest.approx(1 / (1 + delta), rel=1e-14)


WRONG: dict[str, Lemma] = {
    "weights squared": lambda sigma2, delta, theta: (1 - theta) ** 2 * sigma2 + theta**2 * delta * sigma2,
    "doubled": lambda sigma2, delta, theta: 2 * smoothing.lemma(sigma2, delta, theta),
    "root of delta": lambda sigma2, delta, theta: smoothing.lemma(sigma2, np.sqrt(delta), theta),
    "swapped": lambda sigma2, delta, theta: theta * sigma2 + (1 - theta) * delta * sigma2,
    "delta without sigma2": lambda sigma2, delta, theta: (1 - theta) * sigma2 + theta * delta,
    "squared delta": lambda sigma2, delta, theta: smoothing.lemma(sigma2, delta**2, theta),
    "always lower": lambda sigma2, delta, theta: (1 - theta / 2) * sigma2,
}


test_lemma = properties(
    "C2",
    smoothing.lemma,
    {
        bounds_every_distribution: [wrong for name, wrong in WRONG.items() if name not in ("doubled", "root of delta")],
        is_exact_for_a_label_flipped_at_random: [WRONG["doubled"], WRONG["root of delta"]],
        is_attained_without_mixture: [WRONG["doubled"], WRONG["swapped"]],
        lowers_the_variance_iff_delta_is_below_one: [WRONG["always lower"]],
    },
)
test_paper_theta = properties(
    "C2",
    smoothing.paper_theta,
    {gives_the_papers_value: [lambda delta: delta / (1 + delta), lambda delta: 1 / (1 + delta**2), lambda delta: np.ones_like(delta)]},
)
