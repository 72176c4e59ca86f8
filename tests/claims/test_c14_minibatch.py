"""C14: batches drawn with replacement from small sample spaces, every batch enumerated, on both sides of the critical size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.distributions import Joint
from tests.claims.support.domain import costly, positive
from tests.claims.support.refusals import refuses
from tests.planted import Rejects
from tsla.theory import biased, minibatch
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants

Critical = Callable[..., Any]
Delta = Callable[..., Any]

LARGEST = 5
"""Batches of up to so many of three samples are enumerated: 3⁵ of them."""


@st.composite
def spaces(draw: st.DrawFn) -> tuple[Joint, SmoothingOracle]:
    """Three samples in up to two dimensions, and ĝ so near to g that thresholds are among the small batch sizes; the moments beside it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(1, 2))
    p, g = rng.dirichlet(3 * np.ones(3)), rng.normal(size=(3, d))
    towards, bias = draw(st.floats(-0.5, 1.5)), draw(st.floats(0.1, 1.5)) * rng.normal(size=d)
    mean = p @ g
    joint = Joint(p, g, mean + bias + towards * (g - mean) + 0.5 * rng.normal(size=(3, d)))
    off = joint.p @ joint.ghat - joint.gradient
    nu2 = joint.mean_square(joint.ghat - joint.p @ joint.ghat)
    limit = np.sqrt(joint.s2 * nu2)
    return joint, SmoothingOracle(beta2=float(off @ off), nu2=nu2, c=np.clip(joint.c, -limit, limit))


def batch_means(joint: Joint, B: int) -> Joint:
    """The sample space of all batches of B, as one of their means."""
    index = np.array(list(product(range(len(joint.p)), repeat=B)))
    return replace(joint, p=joint.p[index].prod(axis=1), g=joint.g[index].mean(axis=1), ghat=joint.ghat[index].mean(axis=1))


strengths = st.just(1.0) | st.floats(0.05, 1)


def is_where_the_sign_changes(critical: Critical) -> None:
    """Smoothing lowers E‖g_LS - ∇F‖² of the batch iff B < B_c(θ)."""

    @costly(2)
    @given(spaces(), strengths, st.integers(1, LARGEST))
    def check(space: tuple[Joint, SmoothingOracle], theta: float, B: int) -> None:
        joint, oracle = space
        batches = batch_means(joint, B)
        lower = batches.s2 - batches.smoothed(theta)
        assume(abs(lower) > 1e-9 * batches.s2)
        show("critical-batch", None, sigma2=joint.s2, **vars(oracle), theta=theta)
        assert (lower > 0) == (float(critical(joint.s2, oracle, theta)) > B)

    check()


def is_a_batch_size_at_which_nothing_changes(critical: Critical) -> None:
    """Between two whole sizes, both second moments are a + b/B, as two enumerations determine; they cross at B_c(θ)."""

    @costly(2)
    @given(spaces(), strengths)
    def check(space: tuple[Joint, SmoothingOracle], theta: float) -> None:
        joint, oracle = space
        one, three = (batch_means(joint, B) for B in (1, 3))
        gains = [batches.s2 - batches.smoothed(theta) for batches in (one, three)]
        per_batch = (gains[0] - gains[1]) * 3 / 2
        stays = gains[0] - per_batch
        assume(abs(stays) > 1e-3 * joint.s2)
        show("critical-batch", None, sigma2=joint.s2, **vars(oracle), theta=theta)
        assert float(critical(joint.s2, oracle, theta)) == pytest.approx(-per_batch / stays, rel=1e-9, abs=1e-9)

    check()


CRITICAL = [is_where_the_sign_changes, is_a_batch_size_at_which_nothing_changes]


@pytest.mark.claim("C14", "property")
@pytest.mark.parametrize("check", CRITICAL)
def test_critical_batch_size(check: Callable[[Critical], None]) -> None:
    check(minibatch.critical_batch_size)


@pytest.mark.claim("C14", "property")
def test_batches_on_both_sides(evidence: Callable[..., None]) -> None:
    """g = ±1, ĝ = 1/2 in both cases: β² = 1/4, σ² = 1, ν² = 0. B_c(1) = 4, B_c(1/2) = 12, and at B = 4 nothing changes."""
    joint = Joint(np.array([0.5, 0.5]), np.array([[1.0], [-1.0]]), np.array([[0.5], [0.5]]))
    changes = [np.sign(batches.smoothed(1) - batches.s2) for batches in (batch_means(joint, B) for B in (1, 2, 3, 4, 5, 8))]
    assert changes == [-1, -1, -1, 0, 1, 1]
    oracle = SmoothingOracle(beta2=0.25, nu2=0)
    assert [float(minibatch.critical_batch_size(1, oracle, theta)) for theta in (1, 0.5)] == [4, 12]
    assert [float(minibatch.delta(1, oracle, B)) for B in (1, 4, 8)] == [0.25, 1, 2]
    evidence("batches enumerated on both sides: the sign changes at (s²-N(θ))/(θ²β²)")


def bias_falls_too(s2: float, oracle: SmoothingOracle, theta: float) -> float:
    """The sign is that of one sample, at every batch size."""
    gain = s2 - biased.noise(s2, oracle, theta) - theta**2 * oracle.beta2
    return np.inf if gain > 0 else 0.0


def from_delta_alone(s2: float, oracle: SmoothingOracle, theta: float) -> Any:
    """B_c(1) at every θ."""
    return minibatch.critical_batch_size(s2, oracle)


def bias_by_theta_once(s2: float, oracle: SmoothingOracle, theta: float) -> Any:
    return minibatch.critical_batch_size(s2, oracle, theta) * theta


def covariance_forgotten(s2: float, oracle: SmoothingOracle, theta: float) -> Any:
    return minibatch.critical_batch_size(s2, SmoothingOracle(beta2=oracle.beta2, nu2=oracle.nu2), theta)


def bias_twice(s2: float, oracle: SmoothingOracle, theta: float) -> Any:
    return minibatch.critical_batch_size(s2, oracle, theta) - 1


@pytest.mark.claim("C14", "property", planted=True)
@pytest.mark.parametrize("check", CRITICAL)
@pytest.mark.parametrize("wrong", [bias_falls_too, from_delta_alone, bias_by_theta_once, covariance_forgotten, bias_twice])
def test_wrong_sizes_are_rejected(check: Callable[[Critical], None], wrong: Critical, rejects: Rejects) -> None:
    rejects(check, right=minibatch.critical_batch_size, wrong=wrong)


# --- δ of a batch ---


def is_the_ratio_of_the_batch(delta: Delta) -> None:
    """E‖ĝ - ∇F‖² over E‖g - ∇F‖², both of the batch; under 1 iff B < B_c(1)."""

    @costly(2)
    @given(spaces(), st.integers(1, LARGEST))
    def check(space: tuple[Joint, SmoothingOracle], B: int) -> None:
        joint, oracle = space
        batches = batch_means(joint, B)
        value = float(delta(joint.s2, oracle, B))
        assert value == pytest.approx(batches.shat2 / batches.s2, rel=1e-9)
        if abs(value - 1) > 1e-9:
            assert (value < 1) == (float(minibatch.critical_batch_size(joint.s2, oracle)) > B)

    check()


@pytest.mark.claim("C14", "property")
def test_delta() -> None:
    is_the_ratio_of_the_batch(minibatch.delta)


@pytest.mark.claim("C14", "property", planted=True)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda s2, oracle, B: (oracle.beta2 + oracle.nu2) / s2,
        lambda s2, oracle, B: (oracle.beta2 + oracle.nu2 / B) / s2,
        lambda s2, oracle, B: B * (oracle.beta2 + oracle.nu2) / s2,
    ],
)
def test_wrong_deltas_are_rejected(wrong: Delta, rejects: Rejects) -> None:
    rejects(is_the_ratio_of_the_batch, right=minibatch.delta, wrong=wrong)


# --- at a step size ---


@st.composite
def oracles(draw: st.DrawFn) -> tuple[float, SmoothingOracle]:
    s2, nu2 = draw(positive()), draw(st.just(0.0) | positive())
    c = draw(st.sampled_from([-1.0, 0.0, 1.0]) | st.floats(-1, 1)) * np.sqrt(s2) * np.sqrt(nu2)
    return s2, SmoothingOracle(beta2=draw(st.just(0.0) | positive()), nu2=nu2, c=c)


def is_where_the_floors_cross(critical: Critical) -> None:
    """C12's floor with σ², ν² and c over B, with smoothing and without."""

    @given(oracles(), strengths, positive(), st.floats(1e-3, 1), st.integers(1, 64))
    def check(problem: tuple[float, SmoothingOracle], theta: float, L: float, part: float, B: int) -> None:
        s2, oracle = problem
        batch = SmoothingOracle(beta2=oracle.beta2, nu2=oracle.nu2 / B, c=oracle.c / B)
        k, eta = Constants(L=L, sigma2=s2 / B, F0=1), part / L
        smoothed, plain = (
            sum(float(term) for name, term in biased.bound(k, batch, eta=eta, T=1, theta=t).terms.items() if name != "optimisation")
            for t in (theta, 0)
        )
        assume(abs(smoothed - plain) > 1e-9 * (plain + part * float(batch.nu2)))
        show("critical-batch", None, sigma2=s2, **vars(oracle), theta=theta, L=L, eta=eta)
        size = float(critical(s2, oracle, L=L, eta=eta, theta=theta))
        assert (smoothed < plain) == (size > B)
        if size > 0:
            assert size <= float(minibatch.critical_batch_size(s2, oracle, theta)) * (1 + 1e-12)

    check()


def is_the_plain_one_at_the_largest_step(critical: Critical) -> None:
    """η = 1/L: N(θ) falls in both like 1/B. At a step size half as large, so is the batch size."""

    @given(oracles(), strengths, positive())
    def check(problem: tuple[float, SmoothingOracle], theta: float, L: float) -> None:
        s2, oracle = problem
        assume(oracle.beta2 > 0)
        plain = float(minibatch.critical_batch_size(s2, oracle, theta))
        for part in (1, 0.5):
            assert float(critical(s2, oracle, L=L, eta=part / L, theta=theta)) == pytest.approx(part * plain, rel=1e-12)

    check()


@pytest.mark.claim("C14", "property")
@pytest.mark.parametrize("check", [is_where_the_floors_cross, is_the_plain_one_at_the_largest_step])
def test_critical_batch_size_for_a_step(check: Callable[[Critical], None]) -> None:
    check(minibatch.critical_batch_size_for_step)


def whatever_the_step(s2: float, oracle: SmoothingOracle, *, L: float, eta: float, theta: float) -> Any:
    return minibatch.critical_batch_size(s2, oracle, theta)


def without_smoothness(s2: float, oracle: SmoothingOracle, *, L: float, eta: float, theta: float) -> Any:
    return minibatch.critical_batch_size(s2, oracle, theta) * eta


def at_full_strength(s2: float, oracle: SmoothingOracle, *, L: float, eta: float, theta: float) -> Any:
    return minibatch.critical_batch_size_for_step(s2, oracle, L=L, eta=eta)


@pytest.mark.claim("C14", "property", planted=True)
@pytest.mark.parametrize("wrong", [whatever_the_step, without_smoothness, at_full_strength])
def test_wrong_sizes_for_a_step_are_rejected(wrong: Critical, rejects: Rejects) -> None:
    rejects(is_where_the_floors_cross, right=minibatch.critical_batch_size_for_step, wrong=wrong)


# --- edges ---


@pytest.mark.parametrize(("nu2", "c", "limit"), [(0.5, 0.0, np.inf), (4.0, 0.0, -np.inf), (1.0, 1.0, 0.0)])
def test_without_bias_the_size_does_not_matter(nu2: float, c: float, limit: float) -> None:
    oracle = SmoothingOracle(beta2=0, nu2=nu2, c=c)
    assert float(minibatch.critical_batch_size(1, oracle)) == limit
    assert float(minibatch.critical_batch_size_for_step(1, oracle, L=10, eta=0.1)) == limit


def test_arrays_give_what_scalars_give() -> None:
    theta, beta2 = np.array([[0.25], [0.5], [1.0]]), np.array([0.0, 0.1, 2.0])
    together = minibatch.critical_batch_size(1, SmoothingOracle(beta2=beta2, nu2=0.5), theta)
    for i, j in np.ndindex(3, 3):
        assert together[i, j] == minibatch.critical_batch_size(1, SmoothingOracle(beta2=beta2[j], nu2=0.5), theta[i, 0])


ORACLE = SmoothingOracle(beta2=1, nu2=1, c=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: minibatch.critical_batch_size(1, ORACLE, 0), "theta = 0 must be a finite number above 0 and at most 1"),
        (lambda: minibatch.critical_batch_size(1, ORACLE, 1.5), "theta = 1.5 must be a finite number above 0 and at most 1"),
        (lambda: minibatch.critical_batch_size(-1, ORACLE), "sigma2 = -1 must be a finite number at least 0"),
        (
            lambda: minibatch.critical_batch_size(1, SmoothingOracle(beta2=1, nu2=1, c=1.5)),
            "c = 1.5 must lie within ±sqrt(sigma2*nu2) = ±1 (Cauchy-Schwarz)",
        ),
        (
            lambda: minibatch.critical_batch_size_for_step(1, ORACLE, L=10, eta=0.2),
            "eta = 0.2 is larger than 1/L = 0.1; C14 needs 0 < eta <= 1/L",
        ),
        (
            lambda: minibatch.critical_batch_size_for_step(1, ORACLE, L=10, eta=0.1, theta=0),
            "theta = 0 must be a finite number above 0 and at most 1",
        ),
        (
            lambda: minibatch.critical_batch_size_for_step(1, ORACLE, L=10, eta=0.1, theta=2),
            "theta = 2 must be a finite number above 0 and at most 1",
        ),
        (lambda: minibatch.critical_batch_size_for_step(1, ORACLE, L=0, eta=0.1), "L = 0 must be a finite number above 0"),
        (lambda: minibatch.delta(0, ORACLE, 1), "sigma2 = 0 must be a finite number above 0"),
        (lambda: minibatch.delta(1, ORACLE, 0.5), "B = 0.5 must be a finite number at least 1"),
    ],
)
def test_premises(call: Callable[[], Any], message: str) -> None:
    refuses(call, message)
