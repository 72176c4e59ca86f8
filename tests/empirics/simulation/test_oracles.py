"""The constants of an oracle are those of its draws."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator
from scipy import stats

from tests.refusals import refusals
from tsla.empirics.simulation.oracles import TIE_BREAK, Oracle
from tsla.theory.constants import Array
from tsla.theory.testing.planted import assert_rejects

DRAWS = 200_000
GRADIENT = np.array([1.0, -2.0, 0.5])
CONSTANTS = {"sigma2": 1.7, "beta2": 0.4, "nu2": 0.9, "c": 0.6}
NOISES = ({"noise": "normal"}, {"noise": "rademacher"}, {"noise": "student", "dof": 9.0})
LAWS = [{"bias": bias} | noise for bias, noise in itertools.product(("opposing", "fixed"), NOISES)]


def rng(seed: int = 0) -> Generator:
    return Generator(np.random.SFC64(seed))


def unbiased_samples(oracle: Oracle) -> dict[str, Array]:
    """Independent samples whose expectations are the oracle's constants: from pairs of draws, so that no mean is estimated first."""
    true = np.broadcast_to(GRADIENT, (DRAWS, GRADIENT.size))
    g, ghat = (x - true for x in oracle.draw(true, rng()))
    g1, g2, h1, h2 = g[::2], g[1::2], ghat[::2], ghat[1::2]

    def inner(a: Array, b: Array) -> Array:
        return np.sum(a * b, axis=1)

    return {
        "sigma2": inner(g1 - g2, g1 - g2) / 2,
        "beta2": inner(h1, h2),
        "nu2": inner(h1 - h2, h1 - h2) / 2,
        "c": inner(g1 - g2, h1 - h2) / 2,
    }


def agrees(samples: Array, constant: float) -> bool:
    """Whether the mean is within 5 standard errors: a right constant fails with probability 6e-7."""
    return bool(abs(samples.mean() - constant) <= 5 * samples.std() / math.sqrt(samples.size) + 1e-12)


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("c", [0.6, 0.0, -1.2])
def test_constants_are_those_of_the_draws(law: dict[str, Any], c: float) -> None:
    constants = CONSTANTS | {"c": c}
    samples = unbiased_samples(Oracle(**constants, **law))
    for name, constant in constants.items():
        assert agrees(samples[name], constant), name
        assert constant == 0 or not agrees(samples[name], 1.05 * constant), name


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_means_are_the_gradient_and_the_gradient_plus_bias(law: dict[str, Any]) -> None:
    oracle = Oracle(**CONSTANTS, **law)
    g, ghat = oracle.draw(np.broadcast_to(GRADIENT, (DRAWS, 3)), rng())
    beta = math.sqrt(0.4)
    bias = -beta * GRADIENT / np.linalg.norm(GRADIENT) if law["bias"] == "opposing" else np.full(3, beta / math.sqrt(3))
    for coordinate in range(3):
        assert agrees(g[:, coordinate], GRADIENT[coordinate])
        assert agrees(ghat[:, coordinate], GRADIENT[coordinate] + bias[coordinate])
        assert not agrees(ghat[:, coordinate], GRADIENT[coordinate])


def test_without_noise_or_bias_both_are_the_gradient() -> None:
    for oracle in (Oracle(0.0), Oracle(0.0, noise="rademacher"), Oracle(0.0, bias="fixed")):
        for drawn in oracle.draw(GRADIENT[None], rng()):
            assert (drawn == GRADIENT).all()


@pytest.mark.parametrize(("c", "sign"), [(1.0, 1), (-1.0, -1)])
def test_full_correlation_is_the_same_noise_up_to_sign(c: float, sign: int) -> None:
    g, ghat = Oracle(1.0, nu2=1.0, c=c).draw(np.zeros((50, 3)), rng())
    assert ghat == pytest.approx(sign * g, rel=1e-14)


def test_rademacher_noise_has_unit_norm_and_normal_noise_has_not() -> None:
    fair, normal = (Oracle(4.0, noise=noise).draw(np.zeros((50, 5)), rng())[0] for noise in ("rademacher", "normal"))
    assert np.sum(fair**2, axis=1) == pytest.approx(4, rel=1e-14)
    assert np.std(np.sum(normal**2, axis=1)) > 1


@given(
    gradient=st.lists(st.floats(-5, 5), min_size=1, max_size=6),
    exponent=st.integers(-12, 2),
    beta2=st.floats(0, 10),
    bias=st.sampled_from(["opposing", "fixed"]),
)
def test_bias_never_exceeds_beta(gradient: list[float], exponent: int, beta2: float, bias: str) -> None:
    """A3 as an inequality everywhere, and an equality at width and beyond."""
    oracle, true = Oracle(1.0, beta2=beta2, bias=bias), np.array([gradient]) * 10.0**exponent
    norm2 = float(np.sum(oracle.offset(true) ** 2))
    assert norm2 <= beta2 * (1 + 1e-12)
    if bias == "fixed" or np.linalg.norm(true) >= oracle.width * (1 + 1e-12):
        assert norm2 == pytest.approx(beta2, rel=1e-12)


def test_opposing_bias_is_the_sign_rule_in_one_dimension() -> None:
    oracle = Oracle(1.0, beta2=0.25)
    w = np.array([[-3.0], [-1e-3], [0.0], [2e-4], [1e-3], [3.0]])
    assert oracle.width == pytest.approx(0.5 * TIE_BREAK)
    assert oracle.offset(w)[:, 0] == pytest.approx([0.5, 0.5, 0, -0.2, -0.5, -0.5], rel=1e-12)


def test_same_randomness_is_consumed_whatever_the_constants() -> None:
    noise, states = [], []
    for oracle in (Oracle(1.0), Oracle(1.0, 0.5, 0.3, 0.1), Oracle(1.0, 0.1, bias="fixed"), Oracle(1.0, 0.0, 1.0, 1.0), Oracle(0.0)):
        used = rng()
        noise.append(oracle.draw(np.zeros((7, 3)), used)[0].tolist())
        states.append(used.standard_normal())
    assert noise[0] == noise[1] == noise[2] == noise[3] != noise[4]
    assert len(set(states)) == 1
    assert states[0] != rng().standard_normal()


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_draws_at_points_and_into_given_arrays_are_the_same(law: dict[str, Any]) -> None:
    oracle, true, room = Oracle(**CONSTANTS, **law, variance="rising"), np.broadcast_to(GRADIENT, (7, 3)), np.empty((3, 7, 3))
    drawn, at = oracle.draw(true, rng()), oracle.draw_at(np.zeros((7, 3)), true, rng(), room)
    for a, b in zip(drawn, at, strict=True):
        assert (a == b).all()
        assert np.shares_memory(b, room)


def test_delta() -> None:
    assert Oracle(2.0, 0.5, 0.3).delta == pytest.approx(0.4)
    with pytest.raises(ValueError, match="sigma2 = 0 must be a finite number above 0"):
        _ = Oracle(0.0, 0.5).delta


test_bad_fields = refusals(
    lambda fields: Oracle(**{"sigma2": 1.0} | fields),
    ({"sigma2": -1.0}, "sigma2 = -1 must be a finite number at least 0"),
    ({"beta2": -1e-9}, "beta2 = -1e-09 must be"),
    ({"nu2": math.inf}, "nu2 = inf must be"),
    ({"nu2": True}, "nu2 = True must be"),
    ({"c": math.nan}, "c = nan must be"),
    ({"nu2": 0.25, "c": 0.51}, r"c = 0.51 must be at most sqrt\(sigma2 \* nu2\) = 0.5 in size"),
    ({"nu2": 0.25, "c": -0.51}, "c = -0.51 must be"),
    ({"c": 1e-9}, "c = 1e-09 must be"),
    ({"bias": "helping"}, "bias = 'helping' must be one of opposing, fixed"),
    ({"noise": "cauchy"}, "noise = 'cauchy' must be one of normal, rademacher, student"),
    ({"noise": "student"}, "dof = nan must be a finite number above 2"),
    ({"noise": "student", "dof": 2.0}, "dof = 2 must be a finite number above 2"),
    ({"dof": 5.0}, "dof = 5.0 must be None: normal noise has no degrees of freedom"),
    ({"variance": "wild"}, "variance = 'wild' must be one of constant, rising, falling"),
    ({"knee": 0.0}, "knee = 0 must be a finite number above 0"),
)


def test_largest_correlation_is_accepted_in_spite_of_rounding() -> None:
    for sigma2, nu2 in itertools.product((0.1, 0.3, 1.7), (0.2, 0.7, 1e-9)):
        for c in (math.sqrt(sigma2 * nu2), -math.sqrt(sigma2 * nu2)):
            _, ghat = Oracle(sigma2, nu2=nu2, c=c).draw(np.zeros((2, 2)), rng())
            assert np.isfinite(ghat).all()


# Heavy tails


def check_student(dof: float, planted_scale: float = 1.0) -> None:
    """Kolmogorov-Smirnov: the noise of one coordinate has Student's law, scaled to variance 1. A right law fails once in 10,000 seeds."""
    g, _ = Oracle(4.0, noise="student", dof=dof).draw(np.zeros((20_000, 3)), rng())
    unit = math.sqrt(4 / 3) * math.sqrt((dof - 2) / dof)  # σ/√d times the scale that makes the variance 1
    assert stats.kstest(g.ravel() * planted_scale / unit, stats.t(dof).cdf).pvalue > 1e-4


@pytest.mark.parametrize("dof", [2.5, 3.0, 9.0])
def test_student_noise_has_its_law_also_where_its_fourth_moment_is_infinite(dof: float) -> None:
    check_student(dof)
    assert_rejects(lambda scale: check_student(dof, scale), 1.05)


def test_student_tails_are_heavier_than_normal_ones() -> None:
    heavy, normal = (Oracle(1.0, **law).draw(np.zeros((DRAWS, 1)), rng())[0] for law in ({"noise": "student", "dof": 3.0}, {}))
    assert np.mean(np.abs(heavy) > 6) > 1e-3 > 1e-6 > np.mean(np.abs(normal) > 6)


# Noise that depends on w


def share(variance: str, norm2: float, knee: float) -> float:
    return {"constant": 1.0, "falling": knee / (knee + norm2), "rising": norm2 / (knee + norm2)}[variance]


@pytest.mark.parametrize("variance", ["constant", "rising", "falling"])
@pytest.mark.parametrize("knee", [0.5, 20.0])
def test_variances_at_w_are_the_stated_part_of_the_constants(variance: str, knee: float) -> None:
    oracle = Oracle(**CONSTANTS, variance=variance, knee=knee)
    part = share(variance, 1 + 4 + 0.25, knee)
    assert oracle.share(GRADIENT) == pytest.approx(part, rel=1e-14)
    samples = unbiased_samples(oracle)
    for name, constant in CONSTANTS.items():
        assert agrees(samples[name], constant if name == "beta2" else part * constant), name
        if name != "beta2":
            assert not agrees(samples[name], 1.05 * part * constant)
            assert variance == "constant" or not agrees(samples[name], constant)


@pytest.mark.parametrize("variance", ["rising", "falling"])
def test_stated_constants_are_the_suprema_over_w(variance: str) -> None:
    oracle = Oracle(1.0, variance=variance, knee=2.0)
    sizes = np.array([0.0, 1e-6, 1e-3, 1.0, 1e3, 1e6])[:, None] * np.array([[0.6, 0.8]])
    shares = oracle.share(sizes)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares.max() == pytest.approx(1, rel=1e-11)
    assert shares.min() == pytest.approx(0, abs=1e-11)
    assert (np.diff(shares) * (1 if variance == "rising" else -1) >= 0).all()
    g, _ = oracle.draw(sizes, rng())
    assert (g[0] == 0).all() == (variance == "rising")
