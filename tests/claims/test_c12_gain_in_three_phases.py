"""C12: three phases at one θ, their largest step size, and what they gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.biased import Problem
from tests.claims.support.counterexample import show
from tests.claims.support.marks import properties
from tests.claims.support.recursions import Exact, exact, mp, step_sizes_of
from tsla.theory import sgd_pl, smoothed_pl
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import between, constants, for_all
from tsla.theory.testing.wrong import stage_changed

Planner = Callable[..., Plan]


def least_error2(k: Constants, oracle: SmoothingOracle, scale: Exact) -> tuple[Exact, Exact]:
    """M at ηL = ``scale`` and the θ that attains it, at 50 digits."""
    s2, beta2, nu2, c = map(exact, (k.sigma2, oracle.beta2, oracle.nu2, oracle.c))
    curvature = beta2 + scale * (s2 + nu2 - 2 * c)
    theta = min(max(scale * (s2 - c) / curvature, mp.mpf(0)), mp.mpf(1)) if curvature > 0 else mp.mpf(0)
    return theta**2 * beta2 + scale * ((1 - theta) ** 2 * s2 + theta**2 * nu2 + 2 * theta * (1 - theta) * c), theta


def largest_scale(k: Constants, oracle: SmoothingOracle, half: Exact) -> Exact:
    """The largest x in (0, 1] with M(x) ≤ ``half`` in closed form: without smoothing, with nothing else, or with θ inside, where
    x²(σ²ν²-c²) + x(σ²β² - half·D) - half·β² = 0, D = σ²+ν²-2c."""
    if least_error2(k, oracle, mp.mpf(1))[0] <= half:
        return mp.mpf(1)
    s2, beta2, nu2, c = map(exact, (k.sigma2, oracle.beta2, oracle.nu2, oracle.c))
    a, b = s2 * nu2 - c**2, s2 * beta2 - half * (s2 + nu2 - 2 * c)
    roots = [half / s2, (half - beta2) / nu2 if nu2 > 0 else mp.mpf(0)]
    root = mp.sqrt(b**2 + 4 * a * half * beta2)
    roots += [(root - b) / (2 * a) if b < 0 else 2 * half * beta2 / (b + root)] if a > 0 else [half * beta2 / b] if b > 0 else []
    return max(x for x in roots if 0 < x <= 1 and abs(least_error2(k, oracle, x)[0] / half - 1) < mp.mpf(10) ** -30)


Short = tuple[Constants, SmoothingOracle, float]
"""Constants, oracle and ε."""


@st.composite
def short_runs(draw: st.DrawFn) -> Short:
    """Runs of at most some thousand steps, with ε² on both sides of 2σ², and of β². Correlated a little short of perfectly, where no
    noise would be left."""
    k = draw(constants(noiseless=False, kappa=st.floats(1, 20)))
    nu2 = draw(between(1e-2, 3, 0.0)) * float(k.sigma2)
    oracle = SmoothingOracle(
        beta2=draw(between(1e-2, 3, 0.0)) * float(k.sigma2),
        nu2=nu2,
        c=draw(between(-0.9, 0.99, 0.0)) * np.sqrt(float(k.sigma2) * nu2),
    )
    assume(oracle.beta2 + oracle.nu2 > 0)
    return k, oracle, float(np.sqrt(float(k.sigma2) * draw(st.floats(0.1, 3))))


@for_all(short_runs(), costs=4)
def reaches_the_target_by_recursion(steps: Planner, problem: Short) -> None:
    """a ← (1-η_t μ) a + (η_t/2)(θ²β² + η_t L N(θ)) over the first two phases, then C12's sum over the third."""
    k, oracle, eps = problem
    delta = oracle.moments(k.sigma2).delta
    show("compare", k, L=k.L, mu=k.mu, sigma2=k.sigma2, F0=k.F0, delta=delta, eps=eps, **vars(oracle))
    *before, third = steps(k, oracle, eps=eps).stages
    unit = Problem(k, oracle, 1 / float(k.L))
    bias, noise, mu = (float(x) for x in (third.theta**2 * oracle.beta2, k.L * unit.noise(float(third.theta)), k.mu))
    a = float(k.F0)
    for stage in before:
        assert stage.theta == third.theta
        for eta in step_sizes_of(stage):
            a = (1 - eta * mu) * a + eta / 2 * (bias + eta * noise)
    eta = float(third.eta)
    assert 2 * a / (eta * float(third.steps)) + bias + eta * noise <= eps**2 * (1 + 1e-9)


@for_all(short_runs(), costs=20)
def reaches_the_target_on_a_quadratic(steps: Planner, problem: Short) -> None:
    k, oracle, eps = problem
    *before, third = steps(k, oracle, eps=eps).stages
    state, theta, along = quadratic.start(k), float(third.theta), Problem(k, oracle, float(third.eta))
    for stage in before:
        *_, state = along.walk(state, step_sizes_of(stage), theta)
    assert quadratic.mean_gradient2(list(along.walk(state, step_sizes_of(third), theta))) <= eps**2


@for_all(short_runs(), costs=2)
def is_plain_sgd_at_the_noise_that_is_left(steps: Planner, problem: Short) -> None:
    """σ3² = M(η3)/(η3 L), η3 from the closed form: C15b's own lengths and step sizes at that variance, smoothed at θ°(η3)."""
    k, oracle, eps = problem
    scale = largest_scale(k, oracle, exact(eps) ** 2 / 2)
    error, theta = least_error2(k, oracle, scale)
    left = Constants(L=k.L, mu=k.mu, F0=k.F0, sigma2=float(error / scale))
    assert left.sigma2 <= k.sigma2 * (1 + 1e-12)
    for stage, plain in zip(steps(k, oracle, eps=eps).stages, sgd_pl.three_phase_steps(left, eps=eps).stages, strict=True):
        assert float(stage.theta) == pytest.approx(float(theta), rel=1e-9, abs=1e-12)
        assert abs(stage.steps - plain.steps) <= 1  # a ceiling of what is off by 1e-11
        assert float(stage.eta) == pytest.approx(float(plain.eta), rel=1e-9)
        assert stage.decay_steps == plain.decay_steps


def smoothed_as_at_the_largest_step(k: Constants, oracle: SmoothingOracle, *, eps: float) -> Plan:
    """θ* of C11 in all phases."""
    right, star = smoothed_pl.steps(k, oracle, eps=eps), oracle.moments(k.sigma2).theta_star
    return replace(right, stages=tuple(replace(stage, theta=star) for stage in right.stages))


phases = partial(stage_changed, smoothed_pl.steps)
test_steps = properties(
    "C12",
    smoothed_pl.steps,
    {
        reaches_the_target_by_recursion: [
            phases(2, steps=0.5),
            phases(1, steps=0.3),
            phases(2, eta=2.0),
            smoothed_as_at_the_largest_step,
            # as if all of the second moment fell with the step size
            lambda k, oracle, *, eps: smoothed_pl.steps(k, replace(oracle, beta2=0, nu2=oracle.beta2 + oracle.nu2), eps=eps),
        ],
        reaches_the_target_on_a_quadratic: [phases(2, eta=5.0)],
        is_plain_sgd_at_the_noise_that_is_left: [
            lambda k, oracle, *, eps: sgd_pl.three_phase_steps(k, eps=eps),
            phases(0, steps=1.5),
            phases(1, decay_steps=2.0),
        ],
    },
)


@for_all(short_runs())
def is_the_closed_form(scale: Callable[..., Any], problem: Short) -> None:
    """To 1e-12, as far as M(x) tells one x from another: its elasticity is at least 0.1."""
    k, oracle, eps = problem
    half = exact(eps) ** 2 / 2
    expected = largest_scale(k, oracle, half)
    assume(least_error2(k, oracle, expected * (1 + mp.mpf(10) ** -20))[0] / half - 1 > mp.mpf(10) ** -21 or expected == 1)
    value = float(scale(k.sigma2, oracle, np.float64(eps) ** 2))
    assert value == pytest.approx(float(expected), rel=1e-12)
    assert expected < 1 or value == 1


test_largest_step_size = properties(
    "C12",
    smoothed_pl.largest_scale,
    {
        is_the_closed_form: [
            lambda sigma2, oracle, target2: smoothed_pl.largest_scale(sigma2, oracle, target2 * (1 + 1e-9)),
            lambda sigma2, oracle, target2: smoothed_pl.largest_scale(sigma2, oracle, 2 * target2),
            lambda sigma2, oracle, target2: np.minimum(1, target2 / (2 * sigma2)),
        ]
    },
    found="Three phases of SGD, smoothed at the strength that is best for the last step size, reach ε² by the recursion. "
    "That step size by bisection equals the root of its quadratic to 1e-12.",
)


Gain = Callable[..., Any]


@st.composite
def correlated(draw: st.DrawFn) -> Short:
    """c on both sides of σ², which needs ν² > σ²."""
    k = draw(constants(noiseless=False))
    s2, ratio = float(k.sigma2), draw(st.floats(1.1, 3))
    c = draw(st.just(1.0) | st.floats(-1, 1).map(lambda part: part * ratio)) * s2
    oracle = SmoothingOracle(beta2=draw(between(1e-2, 3, 0.0)) * s2, nu2=ratio**2 * s2, c=c)
    return k, oracle, float(np.sqrt(s2 * draw(st.floats(0.01, 3))))


@for_all(short_runs() | correlated(), costs=2)
def is_the_noise_that_is_left(gain: Gain, problem: Short) -> None:
    """σ3²/σ²: at most 1, and under 1 iff c < σ², as far as float64 tells."""
    k, oracle, eps = problem
    scale = largest_scale(k, oracle, exact(eps) ** 2 / 2)
    expected = float(least_error2(k, oracle, scale)[0] / scale / exact(k.sigma2))
    value = float(gain(k.sigma2, oracle, eps))
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert value <= 1 + 1e-12
    if abs(oracle.c / k.sigma2 - 1) > 1e-3:
        assert (value < 1 - 1e-12) == (oracle.c < k.sigma2)


def is_what_the_page_says(gain: Gain) -> None:
    """At c = 0: 1 - x/(β² + x(1 + ν²/σ²)), x = ε²σ²/(2σ3²). As ε → 0: 1 - ε²/(2β²) with bias, (σ²ν²-c²)/((σ²+ν²-2c)σ²) without."""
    s2, nu2 = 2.0, 3.0
    for beta2, eps in ((0.5, 0.1), (0.5, 0.7), (1e-3, 0.1), (4.0, 1.0)):
        value = float(gain(s2, SmoothingOracle(beta2=beta2, nu2=nu2), eps))
        x = eps**2 / (2 * value)
        assert value == pytest.approx(1 - x / (beta2 + x * (1 + nu2 / s2)), rel=1e-10)
    assert 1 - float(gain(s2, SmoothingOracle(beta2=0.5, nu2=nu2), 1e-3)) == pytest.approx(1e-6, rel=1e-5)
    for c in (-2.0, 0.0, 1.5):
        assert float(gain(s2, SmoothingOracle(beta2=0, nu2=nu2, c=c), 1e-3)) == pytest.approx(
            (s2 * nu2 - c**2) / ((s2 + nu2 - 2 * c) * s2), rel=1e-12
        )


WRONG_GAINS: list[Gain] = [
    lambda sigma2, oracle, eps: smoothed_pl.gain(sigma2, oracle, eps / np.sqrt(2)),
    lambda sigma2, oracle, eps: smoothed_pl.gain(sigma2, replace(oracle, beta2=0), eps),  # of unbiased labels
    lambda sigma2, oracle, eps: smoothed_pl.gain(sigma2, replace(oracle, c=0), eps),
]
test_gain = properties("C12", smoothed_pl.gain, dict.fromkeys((is_the_noise_that_is_left, is_what_the_page_says), WRONG_GAINS))
