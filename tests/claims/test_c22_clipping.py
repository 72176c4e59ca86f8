"""C22: the bias and the error of clipping over finite sample spaces, the bound at 50 digits, and runs on which clipping stands still."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import exact
from tests.claims.support.refusals import premises
from tsla.empirics.statistics.betting import p_values
from tsla.theory import clipping, sgd
from tsla.theory.bound import Bound
from tsla.theory.constants import Array, Constants
from tsla.theory.testing.domain import constants, for_all, positive, step_counts, step_sizes
from tsla.theory.testing.planted import Rejects
from tsla.theory.testing.wrong import scaled

# --- the bias ---


def clipped(g: Array, clip: float) -> Array:
    """Rows that are longer than ``clip`` at that length."""
    return np.asarray(g * np.minimum(1, clip / np.maximum(np.linalg.norm(g, axis=-1, keepdims=True), 1e-300)))


@for_all(st.integers(2, 6), st.integers(0, 10**6), st.floats(0.05, 3), st.floats(0, 0.95))
def holds_over_finite_sample_spaces(bias2: Callable[..., Any], outcomes: int, seed: int, clip: float, share: float) -> None:
    """In the plane, with a mean whose length is that share of the threshold; E‖clip(g) - ∇F‖² is at most σ²."""
    rng = np.random.default_rng(seed)
    p, noise = rng.dirichlet(np.ones(outcomes)), rng.standard_cauchy((outcomes, 2))
    mean = share * clip * np.array([1.0, 0.0])
    g = mean + noise - p @ noise
    sigma2 = float(p @ np.sum((g - mean) ** 2, axis=1))
    after = clipped(g, clip)
    found = float(np.sum((p @ after - mean) ** 2))
    assert found <= float(bias2(sigma2, clip, share * clip)) * (1 + 1e-9) + 1e-12 * sigma2
    assert float(p @ np.sum((after - mean) ** 2, axis=1)) <= sigma2 * (1 + 1e-9)


@for_all(positive(0.1, 10), st.floats(0.01, 0.3))
def is_nearly_attained(bias2: Callable[..., Any], clip: float, part: float) -> None:
    """At ∇F = 0 two outcomes, of which one is clipped, have the bias ``(√(τ²+σ²) - τ)/2``: it is σ²/(4τ) as σ → 0."""
    sigma2 = (part * clip) ** 2
    longer = clip + np.sqrt(clip**2 + sigma2)
    p = sigma2 / (longer**2 + sigma2)
    bias = p * clip - (1 - p) * p * longer / (1 - p)
    assert bias**2 == pytest.approx(float(bias2(sigma2, clip, 0)), rel=part**2)


def of_other_noise(factor: float) -> Callable[..., Any]:
    return lambda sigma2, clip, steepest: clipping.bias2(factor * sigma2, clip, steepest)


test_bias = properties(
    "C22",
    clipping.bias2,
    {
        holds_over_finite_sample_spaces: [lambda s2, clip, steepest: clipping.bias2(s2, clip, 0) / 4],
        is_nearly_attained: [of_other_noise(0.5), of_other_noise(2)],
    },
    found="Over finite sample spaces the bias of clipping is at most σ²/(4(τ-S)). One of them nearly attains that.",
)


# --- the progress that is left ---


@for_all(st.integers(2, 6), st.integers(0, 10**6), st.floats(0.05, 3), st.floats(0.01, 4))
def is_made_over_finite_sample_spaces(progress: Callable[..., Any], outcomes: int, seed: int, clip: float, slope: float) -> None:
    """In the plane, with a mean that may be longer than the threshold."""
    rng = np.random.default_rng(seed)
    p, noise = rng.dirichlet(np.ones(outcomes)), rng.standard_cauchy((outcomes, 2))
    noise -= p @ noise
    least = float(progress(float(p @ np.sum(noise**2, axis=1)), clip, slope))
    assert float(p @ clipped(noise + np.array([slope, 0.0]), clip)[:, 0]) >= least - 1e-9 * (abs(least) + slope)


@for_all(positive(0.1, 10), st.floats(0.01, 2.5), st.floats(0.01, 1))
def is_attained(progress: Callable[..., Any], clip: float, share: float, part: float) -> None:
    """By ``τ ± r``, where ``r = √((τ-S)² + σ²)`` is at most 2τ."""
    slope = share * clip
    reach = abs(clip - slope) + part * (2 * clip - abs(clip - slope))
    p = (slope - clip + reach) / (2 * reach)
    made = p * clip + (1 - p) * (clip - reach)
    assert made == pytest.approx(float(progress(reach**2 - (clip - slope) ** 2, clip, slope)), abs=1e-9 * clip)


test_progress = properties(
    "C22",
    clipping.progress,
    {
        is_made_over_finite_sample_spaces: [lambda s2, clip, slope: clipping.progress(s2, clip, slope) + slope / 20],
        is_attained: [lambda s2, clip, slope: clipping.progress(s2 / 2, clip, slope)],
    },
    found="However steep F is, a clipped step goes along ∇F by (τ+S-√((τ-S)²+σ²))/2 and more, with S = ‖∇F‖. Two outcomes attain that.",
)


# --- where it stands still ---


@for_all(st.builds(Fraction, st.integers(1, 40), st.sampled_from([1, 3, 7])), st.builds(Fraction, st.integers(1, 16), st.just(16)))
def is_an_oracle_that_is_clipped_to_nothing(standstill: Callable[..., Any], clip: Fraction, part: Fraction) -> None:
    """g = ∇F + 2τ with probability σ²/(4τ²+σ²), else ∇F - σ²/(2τ): in fractions."""
    sigma2 = 4 * clip**2 * part**2
    p, here = sigma2 / (4 * clip**2 + sigma2), sigma2 / (4 * clip)
    outcomes = ((p, 2 * clip), (1 - p, -sigma2 / (2 * clip)))
    assert sum(q * noise for q, noise in outcomes) == 0
    assert sum(q * noise**2 for q, noise in outcomes) == sigma2
    assert sum(q * max(-clip, min(clip, here + noise)) for q, noise in outcomes) == 0
    assert float(here) ** 2 == pytest.approx(float(standstill(float(sigma2), float(clip))), rel=1e-12)


test_standstill = properties(
    "C22",
    clipping.standstill,
    {is_an_oracle_that_is_clipped_to_nothing: [lambda s2, clip: clipping.standstill(s2, clip) / 4]},
    found="There is noise that meets A2 with which E clip(g) = 0 at ‖∇F‖ = σ²/(4τ).",
)


# --- the bound ---


@for_all(st.data(), constants(), step_counts, positive(0.1, 10), st.floats(0, 0.9))
def is_the_biased_descent(bound: Callable[..., Bound], data: st.DataObject, k: Constants, T: int, clip: float, share: float) -> None:
    """2F0/(ηT) + β² + ηLσ² with β = σ²/(4(τ-S)), at 50 digits."""
    eta, steepest = data.draw(step_sizes(float(k.L))), share * clip
    show("bound sgd-clipped", k, eta=eta, T=T, clip=clip, steepest=steepest)
    bias = exact(k.sigma2) / (4 * (exact(clip) - exact(steepest)))
    expected = 2 * exact(k.F0) / (exact(eta) * T) + bias**2 + exact(eta) * exact(k.L) * exact(k.sigma2)
    said = bound(k, eta=eta, T=T, clip=clip, steepest=steepest)
    assert float(said.total) == pytest.approx(float(expected), rel=1e-12)


SIGMA2, CLIP, ETA, STEPS, REPLICAS = 1.0, 0.6, 0.01, 2000, 200


def gradients_along(clip: float) -> Array:
    """Mean of ‖∇F‖² along runs on w²/2 under the noise of the standstill, from where clipped SGD stands still; shape (REPLICAS,)."""
    rng, here = np.random.default_rng(0), float(np.sqrt(clipping.standstill(SIGMA2, CLIP)))
    p = SIGMA2 / (4 * CLIP**2 + SIGMA2)
    w, total = np.full(REPLICAS, here), np.zeros(REPLICAS)
    for _ in range(STEPS):
        total += w**2
        g = w + np.where(rng.random(REPLICAS) < p, 2 * CLIP, -SIGMA2 / (2 * CLIP))
        w -= ETA * np.clip(g, -clip, clip)
    return total / STEPS


def stays(clip: float) -> float:
    """Near σ⁴/(16τ²), and below twice that; the mean over it."""
    measured = float(gradients_along(clip).mean()) / float(clipping.standstill(SIGMA2, CLIP))
    assert 0.8 < measured < 2
    return measured


@pytest.mark.claim("C22", "Monte Carlo")
def test_clipped_sgd_stays_where_it_stands_still(evidence: Callable[..., None]) -> None:
    times = stays(CLIP)
    evidence(
        f"In runs on that instance clipped SGD stays at {times:.2f} times ‖∇F‖² = σ⁴/(16τ²). Plain SGD does not stay there.",
        headline=f"stalls at {times:.2f} times σ⁴/(16τ²)",
    )


@pytest.mark.claim("C22", "Monte Carlo", planted=True)
def test_plain_sgd_does_not(rejects: Rejects) -> None:
    rejects(stays, right=CLIP, wrong=1e9)


def is_not_exceeded(bound: Callable[..., Bound]) -> None:
    """By runs of which ``‖∇F‖`` is never above 0.55."""
    k = Constants(L=1, sigma2=SIGMA2, F0=float(clipping.standstill(SIGMA2, CLIP)) / 2)
    said = bound(k, eta=ETA, T=STEPS, clip=CLIP, steepest=0.55)
    assert float(p_values(gradients_along(CLIP), float(said.total))) >= 0.001


@pytest.mark.claim("C22", "Monte Carlo", planted=True)
def test_the_bound_of_plain_sgd_is_exceeded(rejects: Rejects) -> None:
    rejects(is_not_exceeded, right=clipping.bound, wrong=lambda k, *, eta, T, **_: sgd.bound(k, eta=eta, T=T))


test_bound = properties(
    "C22",
    clipping.bound,
    {
        is_the_biased_descent: [
            scaled(clipping.bound, clipping=0.5),
            scaled(clipping.bound, noise=0.5),
            lambda k, **run: clipping.bound(k, **run | {"steepest": 0.0}),
        ]
    },
)

K = Constants(L=1, sigma2=1, F0=1)

test_refusals = premises(
    operator.call,
    (lambda: clipping.bias2(1, 0, 0), "clip = 0 must be a finite number above 0"),
    (lambda: clipping.bias2(1, 2, 2), "steepest = 2 is not below clip = 2; C22 needs ‖∇F‖ <= steepest < clip"),
    (lambda: clipping.progress(1, 2, -1), "slope = -1 must be a finite number at least 0"),
    (lambda: clipping.standstill(5, 1), "sigma2 = 5 must be at most 4*clip² for the instance of C22"),
    (lambda: clipping.bound(K, eta=2, T=1, clip=2, steepest=1), "eta = 2 is larger than 1/L = 1; C22 needs 0 < eta <= 1/L"),
)
