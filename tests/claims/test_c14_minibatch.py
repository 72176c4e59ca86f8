"""C14: batches drawn with replacement from small sample spaces, every batch enumerated, on both sides of the critical size."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.distributions import Joint
from tests.claims.support.marks import properties
from tests.claims.support.refusals import premises
from tsla.theory import biased
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants, step_scale
from tsla.theory.moments import Moments
from tsla.theory.testing.domain import between, for_all, positive

Critical = Callable[..., Any]

LARGEST = 5
"""Batches of up to so many of three samples are enumerated: 3⁵ of them."""


@st.composite
def spaces(draw: st.DrawFn) -> Joint:
    """Three samples in up to two dimensions, and ĝ so near to g that thresholds are among the small batch sizes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(1, 2))
    p, g = rng.dirichlet(3 * np.ones(3)), rng.normal(size=(3, d))
    towards, bias = draw(st.floats(-0.5, 1.5)), draw(st.floats(0.1, 1.5)) * rng.normal(size=d)
    mean = p @ g
    return Joint(p, g, mean + bias + towards * (g - mean) + 0.5 * rng.normal(size=(3, d)))


def batch_means(joint: Joint, B: int) -> Joint:
    """The sample space of all batches of B, as one of their means."""
    index = np.array(list(product(range(len(joint.p)), repeat=B)))
    return replace(joint, p=joint.p[index].prod(axis=1), g=joint.g[index].mean(axis=1), ghat=joint.ghat[index].mean(axis=1))


def show_critical_batch(m: Moments, **run: float) -> None:
    show("critical-batch", None, sigma2=m.s2, beta2=m.beta2, nu2=m.nu2, c=m.c, **run)


strengths = st.just(1.0) | st.floats(0.05, 1)


@for_all(spaces(), strengths, st.integers(1, LARGEST), costs=2)
def is_where_the_sign_changes(critical: Critical, joint: Joint, theta: float, B: int) -> None:
    """Smoothing lowers E‖g_LS - ∇F‖² of the batch iff B < B_c(θ)."""
    batches = batch_means(joint, B)
    lower = batches.s2 - batches.smoothed(theta)
    assume(abs(lower) > 1e-9 * batches.s2)
    show_critical_batch(joint.moments, theta=theta)
    assert (lower > 0) == (float(critical(joint.moments, theta)) > B)


@for_all(spaces(), strengths, costs=2)
def is_a_batch_size_at_which_nothing_changes(critical: Critical, joint: Joint, theta: float) -> None:
    """Between two whole sizes, both second moments are a + b/B, as two enumerations determine; they cross at B_c(θ)."""
    one, three = (batch_means(joint, B) for B in (1, 3))
    gains = [batches.s2 - batches.smoothed(theta) for batches in (one, three)]
    per_batch = (gains[0] - gains[1]) * 3 / 2
    stays = gains[0] - per_batch
    assume(abs(stays) > 1e-3 * joint.s2)
    show_critical_batch(joint.moments, theta=theta)
    assert float(critical(joint.moments, theta)) == pytest.approx(-per_batch / stays, rel=1e-9, abs=1e-9)


@pytest.mark.claim("C14", "property")
def test_batches_on_both_sides(evidence: Callable[..., None]) -> None:
    """g = ±1, ĝ = 1/2 in both cases: β² = 1/4, σ² = 1, ν² = 0. B_c(1) = 4, B_c(1/2) = 12, and at B = 4 nothing changes."""
    joint = Joint(np.array([0.5, 0.5]), np.array([[1.0], [-1.0]]), np.array([[0.5], [0.5]]))
    changes = [np.sign(batches.smoothed(1) - batches.s2) for batches in (batch_means(joint, B) for B in (1, 2, 3, 4, 5, 8))]
    assert changes == [-1, -1, -1, 0, 1, 1]
    assert [joint.moments.critical_batch_size(theta) for theta in (1, 0.5)] == [4, 12]
    assert [joint.moments.at_batch_size(B).delta for B in (1, 4, 8)] == [0.25, 1, 2]
    evidence(
        "In an enumeration of batches on both sides, smoothing lowers the second moment below B = (s²-N(θ))/(θ²β²) and raises it above."
    )


WRONG: list[Critical] = [
    lambda m, theta: np.inf if m.gain(theta) > m.bias(theta) else 0.0,  # the bias falls too
    lambda m, theta: m.critical_batch_size(),  # from delta alone
    lambda m, theta: m.critical_batch_size(theta) * theta,  # bias by theta once
    lambda m, theta: replace(m, c=0.0).critical_batch_size(theta),
    lambda m, theta: m.critical_batch_size(theta) - 1,  # bias twice
]
test_critical_batch_size = properties(
    "C14", Moments.critical_batch_size, dict.fromkeys((is_where_the_sign_changes, is_a_batch_size_at_which_nothing_changes), WRONG)
)


# --- the moments of a batch ---


@for_all(spaces(), st.integers(1, LARGEST), costs=2)
def is_that_of_all_batches(at_batch_size: Callable[[Moments, int], Moments], joint: Joint, B: int) -> None:
    """All six; and δ of the batch is under 1 iff B < B_c(1)."""
    found, batches = at_batch_size(joint.moments, B), batch_means(joint, B)
    assert asdict(found) == pytest.approx(asdict(batches.moments), rel=1e-9, abs=joint.rounding)
    if abs(found.delta - 1) > 1e-9:
        assert (found.delta < 1) == (joint.moments.critical_batch_size() > B)


test_the_moments_of_a_batch = properties(
    "C14",
    Moments.at_batch_size,
    {
        is_that_of_all_batches: [
            lambda m, B: m,
            lambda m, B: replace(m.at_batch_size(B), shat2=m.shat2 / B),  # the bias falls too
            lambda m, B: replace(m.at_batch_size(B), beta2=m.beta2 / B),
            lambda m, B: replace(m.at_batch_size(B), c=m.c),  # the covariance doesn't
            lambda m, B: replace(m.at_batch_size(B), s2=m.s2),
            lambda m, B: replace(m.at_batch_size(B), s2=m.s2 / B**2),  # noise falls too fast
            lambda m, B: replace(m.at_batch_size(B), s2=m.s2 * max(3 - B, 0) / (2 * B)),  # drawn without replacement
        ]
    },
)


# --- at a step size ---


@st.composite
def splits(draw: st.DrawFn) -> Moments:
    s2, nu2 = draw(positive()), draw(between(1e-3, 1e3, 0.0))
    c = draw(between(-1, 1, -1.0, 0.0, 1.0)) * np.sqrt(s2) * np.sqrt(nu2)
    return SmoothingOracle(beta2=draw(between(1e-3, 1e3, 0.0)), nu2=nu2, c=c).moments(s2)


@for_all(splits(), strengths, positive(), st.floats(1e-3, 1), st.integers(1, 64))
def is_where_the_floors_cross(critical: Critical, m: Moments, theta: float, L: float, part: float, B: int) -> None:
    """C12's floor with σ², ν² and c over B, with smoothing and without; a part of the size at η = 1/L, as N(θ) falls in both like 1/B."""
    batch = m.at_batch_size(B)
    k, oracle = Constants(L=L, sigma2=batch.s2, F0=1), SmoothingOracle(beta2=batch.beta2, nu2=batch.nu2, c=batch.c)
    bounds = [biased.bound(k, oracle, eta=part / L, T=1, theta=t).terms for t in (theta, 0)]
    smoothed, plain = (float(terms["bias"] + terms["noise"]) for terms in bounds)
    assume(abs(smoothed - plain) > 1e-9 * (plain + part * float(batch.nu2)))
    show_critical_batch(m, theta=theta, L=L, eta=part / L)
    size = float(critical(m, theta, eta_L=part))
    assert (smoothed < plain) == (size > B)
    assert size == pytest.approx(part * float(m.critical_batch_size(theta)), rel=1e-12)


test_critical_batch_size_for_a_step = properties(
    "C14",
    Moments.critical_batch_size,
    {
        is_where_the_floors_cross: [
            lambda m, theta, *, eta_L: m.critical_batch_size(theta),  # whatever the step
            lambda m, theta, *, eta_L: m.critical_batch_size(theta) * eta_L**2,
            lambda m, theta, *, eta_L: m.critical_batch_size(eta_L=eta_L),  # at full strength
        ]
    },
)


# --- edges ---


@pytest.mark.parametrize(("nu2", "c", "limit"), [(0.5, 0.0, np.inf), (4.0, 0.0, -np.inf), (1.0, 1.0, 0.0)])
def test_without_bias_the_size_does_not_matter(nu2: float, c: float, limit: float) -> None:
    m = SmoothingOracle(beta2=0, nu2=nu2, c=c).moments(1)
    assert m.critical_batch_size() == m.critical_batch_size(eta_L=0.1) == limit


def test_arrays_give_what_scalars_give() -> None:
    theta, beta2 = np.array([[0.25], [0.5], [1.0]]), np.array([0.0, 0.1, 2.0])
    together = SmoothingOracle(beta2=beta2, nu2=0.5).moments(1).critical_batch_size(theta)
    for i, j in np.ndindex(3, 3):
        assert together[i, j] == SmoothingOracle(beta2=beta2[j], nu2=0.5).moments(1).critical_batch_size(theta[i, 0])


M = SmoothingOracle(beta2=1, nu2=1, c=0.5).moments(1)

test_premises = premises(
    operator.call,
    (lambda: M.critical_batch_size(0), "theta = 0 must be a finite number above 0 and at most 1"),
    (lambda: M.critical_batch_size(1.5), "theta = 1.5 must be a finite number above 0 and at most 1"),
    (lambda: SmoothingOracle(beta2=1, nu2=1).moments(-1), "sigma2 = -1 must be a finite number at least 0"),
    (
        lambda: SmoothingOracle(beta2=1, nu2=1, c=1.5).moments(1),
        "c = 1.5 must lie within ±sqrt(sigma2*nu2) = ±1 (Cauchy-Schwarz)",
    ),
    (lambda: step_scale(eta=0.2, L=10, claim="C14"), "eta = 0.2 is larger than 1/L = 0.1; C14 needs 0 < eta <= 1/L"),
    (lambda: M.at_batch_size(0), "B = 0 must be a whole number, at least 1 and at most 9223372036854775807"),
    (lambda: M.at_batch_size(0.5), "B = 0.5 must be a whole number, at least 1 and at most 9223372036854775807"),  # type: ignore[arg-type]
)
