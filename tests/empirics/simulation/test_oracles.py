"""The constants of an oracle are those of its draws."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator
from scipy import stats
from torch import Tensor, nn

from tests.planted import assert_rejects
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import TIE_BREAK, Oracle
from tsla.empirics.simulation.problems import Problem, chain, softmax_regression, two_layer
from tsla.empirics.simulation.problems._examples import EmpiricalRisk, ExampleOracle, Model, digits
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.constants import Array
from tsla.theory.plan import Stage

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


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("name", CONSTANTS)
def test_planted_wrong_constant_is_rejected(law: dict[str, Any], name: str) -> None:
    samples = unbiased_samples(Oracle(**CONSTANTS | {name: 1.05 * CONSTANTS[name]}, **law))
    assert not agrees(samples[name], CONSTANTS[name])


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
    states = []
    for oracle in (Oracle(1.0), Oracle(0.0), Oracle(2.0, 0.5, 0.3, 0.1), Oracle(1.0, 0.1, bias="fixed"), Oracle(1.0, 0.0, 1.0, 1.0)):
        used = rng()
        oracle.draw(np.ones((7, 3)), used)
        states.append(used.standard_normal())
    assert len(set(states)) == 1
    assert states[0] != rng().standard_normal()


def test_one_hot_noise_is_paired_across_oracles() -> None:
    plain, _ = Oracle(2.0).draw(np.zeros((7, 3)), rng())
    other, _ = Oracle(2.0, 0.5, 0.3, 0.1).draw(np.zeros((7, 3)), rng())
    assert (plain == other).all()


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


@pytest.mark.parametrize(
    ("fields", "message"),
    [
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
    ],
)
def test_bad_fields(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Oracle(**{"sigma2": 1.0} | fields)


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


# Examples for noise

POINTS = 3
CLASSES = 10


class TwoLayers(nn.Module):
    """The network of ``two_layer`` in torch."""

    def __init__(self, w: Array, hidden: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.tensor(w[: hidden * 64].reshape(hidden, 64)))
        self.second = nn.Parameter(torch.tensor(w[hidden * 64 :].reshape(CLASSES, hidden)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.first.T) @ torch.tanh(self.second).T / self.first.shape[0] ** 0.5


class Linear(nn.Module):
    """Softmax regression in torch."""

    def __init__(self, w: Array, _: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(w.reshape(CLASSES, 64)))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


SMOOTH = np.array([0.3, 0.2, *[0.5 / 8] * 8])
DATA = pytest.mark.parametrize(
    ("model", "peer"), [(softmax_regression.model, Linear), (two_layer.model, TwoLayers)], ids=["softmax", "two_layer"]
)


def data_and_weights(model: Model, n: int = 40, hidden: int = 5) -> tuple[EmpiricalRisk, Array]:
    inputs, labels = digits(n)
    d = CLASSES * 64 if model is softmax_regression.model else hidden * (64 + CLASSES)
    return EmpiricalRisk(model, inputs, labels), np.random.default_rng(3).normal(size=d)


@DATA
def test_moments_of_examples_are_those_of_torch_one_example_at_a_time(model: Model, peer: type[nn.Module]) -> None:
    data, w = data_and_weights(model)
    inputs, labels = torch.tensor(data.inputs), torch.tensor(data.labels.argmax(axis=1))
    for smooth, name in ((np.full(CLASSES, 0.1), "uniform"), (SMOOTH, torch.tensor(SMOOTH))):
        mine = ExampleOracle(data, sigma2=6.0, smooth=smooth).moments(w)
        theirs = moments_by_loop(peer(w, 5), inputs, labels, name)
        for moment in ("grad2", "s2", "shat2", "c", "beta2", "nu2"):
            assert getattr(mine, moment) == pytest.approx(getattr(theirs, moment), rel=1e-9), moment
    assert np.sum(data.gradient(w) ** 2) == pytest.approx(mine.grad2, rel=1e-12)


@DATA
def test_linearity_in_the_label(model: Model, peer: type[nn.Module]) -> None:
    """C1: the gradient at the mixed label is the mix of the gradients."""
    data, w = data_and_weights(model)
    index = np.arange(40)[None]
    g, ghat = data.sample(w[None], index, SMOOTH)
    mixed = EmpiricalRisk(model, data.inputs, 0.7 * data.labels + 0.3 * SMOOTH)
    assert mixed.gradient(w) == pytest.approx(0.7 * g[0] + 0.3 * ghat[0], rel=1e-12, abs=1e-15)


def example_samples(oracle: ExampleOracle, w: Array, draws: int = 40_000) -> dict[str, Array]:
    """Independent samples whose expectations are the moments of the oracle at w."""
    true = oracle.examples.gradient(w)
    random, parts = rng(), []
    for _ in range(draws // 1000):
        many = np.broadcast_to(true, (1000, w.size))
        g, ghat = (x - true for x in oracle.draw_at(np.broadcast_to(w, (1000, w.size)), many, random))
        products = {"s2": (g, g), "shat2": (ghat, ghat), "c": (g, ghat), "beta2": (ghat[::2], ghat[1::2]), "bias": (g[::2], g[1::2])}
        parts.append({name: np.einsum("ij,ij->i", a, b) for name, (a, b) in products.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@DATA
@pytest.mark.parametrize("batch_size", [1, 4])
def test_draws_of_examples_have_the_moments_of_the_full_pass(model: Model, peer: type[nn.Module], batch_size: int) -> None:
    data, w = data_and_weights(model)
    oracle = ExampleOracle(data, sigma2=6.0, batch_size=batch_size)
    samples, moments = example_samples(oracle, w), oracle.moments(w)
    assert agrees(samples["bias"], 0)  # A2: the mean of g is the gradient
    for name in ("s2", "shat2", "c", "beta2"):
        assert agrees(samples[name], getattr(moments, name)), name
        assert not agrees(samples[name], 1.3 * getattr(moments, name)), name
    elsewhere = oracle.moments(0.5 * w)
    assert not agrees(samples["s2"], elsewhere.s2)  # σ² is a function of w


@pytest.mark.parametrize(("name", "sigma2"), [("softmax_regression", softmax_regression.SIGMA2), ("two_layer", two_layer.SIGMA2)])
def test_variance_of_examples_stays_under_the_stated_bound(name: str, sigma2: float) -> None:
    problem = problems.get(name, examples=200)
    assert problem.examples is not None
    oracle = ExampleOracle(problem.examples, sigma2=sigma2)
    found = [oracle.moments(scale * np.random.default_rng(0).normal(size=problem.dimension)).s2 for scale in (0, 0.01, 0.3, 3, 100, 1e4)]
    assert max(found) <= sigma2
    assert max(found) > 0.005 * sigma2
    assert oracle.moments(problem.start).delta > 0


def test_the_label_of_examples_at_the_start_is_more_bias_than_noise_where_it_is_known_exactly() -> None:
    """At W = 0 the uniform label is the network's own output: ``ĝ = 0``, so that ``ŝ² = ‖∇F‖²`` and c = 0, the control of C17."""
    problem = problems.get("softmax_regression", examples=200)
    assert problem.examples is not None
    moments = ExampleOracle(problem.examples, sigma2=2.0).moments(problem.start)
    assert moments.shat2 == pytest.approx(moments.grad2, rel=1e-12)
    assert moments.nu2 == pytest.approx(0, abs=1e-14)
    assert moments.c == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sigma2": 0.0}, "sigma2 = 0 must be"),
        ({"batch_size": 0}, "batch_size = 0 must be"),
        ({"smooth": np.full(10, 0.2)}, "smooth = .* must be 10 probabilities that add up to 1"),
        ({"smooth": np.full(5, 0.2)}, "smooth = .* must be 10 probabilities"),
        ({"smooth": np.array([1.5, -0.5, *[0.0] * 8])}, "smooth = -0.5 must be"),
    ],
)
def test_bad_fields_of_the_oracle_of_examples(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExampleOracle(data_and_weights(softmax_regression.model)[0], **{"sigma2": 2.0} | fields)


def by_hand(problem: Problem, batch_size: int, smooth: Array, eta: float, theta: float, steps: int, seed: int) -> Array:
    """``‖∇F(w_t)‖²`` of one replica of softmax regression, example by example, fed by the same random numbers as the simulator's block."""
    assert problem.examples is not None
    inputs, labels, ridge = problem.examples.inputs, problem.examples.labels, problem.examples.ridge
    (own,) = np.random.SeedSequence(seed).spawn(1)
    random, W, history = Generator(np.random.SFC64(own)), np.zeros((CLASSES, 64)), []
    for _ in range(steps):
        step = np.zeros_like(W)
        for i in random.integers(0, len(inputs), size=(1, batch_size))[0]:
            odds = np.exp(W @ inputs[i])
            mixed = (1 - theta) * labels[i] + theta * smooth
            step += np.outer(odds / odds.sum() - mixed, inputs[i]) / batch_size
        W = W - eta * (step + ridge * W)
        full = ridge * W
        for x, y in zip(inputs, labels, strict=True):
            odds = np.exp(W @ x)
            full = full + np.outer(odds / odds.sum() - y, x) / len(inputs)
        history.append(np.sum(full**2))
    return np.array(history)


def check_run_on_examples(smooth: Array) -> None:
    problem = problems.get("softmax_regression", examples=60)
    assert problem.examples is not None
    oracle = ExampleOracle(problem.examples, sigma2=2.0, batch_size=3, smooth=SMOOTH)
    stage = Stage(np.asarray(1.5), np.asarray(0.3), np.asarray(8.0))
    run = simulate(problem, oracle, [stage], replicas=1, seed=4, checkpoints=range(1, 9))
    assert run.grad2[:, 0] == pytest.approx(by_hand(problem, 3, smooth, 1.5, 0.3, 8, 4), rel=1e-9)


def test_a_run_on_examples_is_sgd_on_smoothed_labels() -> None:
    check_run_on_examples(SMOOTH)
    assert_rejects(check_run_on_examples, np.full(CLASSES, 0.1))


@pytest.mark.parametrize("name", ["softmax_regression", "two_layer"])
def test_a_run_on_examples_has_the_same_bits_in_one_and_two_threads(name: str) -> None:
    problem = problems.get(name, examples=100)
    assert problem.examples is not None
    oracle, stage = ExampleOracle(problem.examples, sigma2=6.0), Stage(np.asarray(0.5), np.asarray(0.2), np.asarray(20.0))
    one, two = (simulate(problem, oracle, [stage], replicas=40, seed=0, checkpoints=[20], threads=threads) for threads in (1, 2))
    assert (one.grad2 == two.grad2).all()
    assert (one.gap == two.gap).all()
    assert (one.gap < problem.gap(problem.start)).mean() > 0.9


# The oracle of the chain


@pytest.mark.parametrize("p", [0.1, 0.7])
def test_chain_oracle_is_unbiased_and_its_variance_is_that_of_the_next_coordinate(p: float) -> None:
    w = np.array([1.2, -0.8, 0.7, 0.1, 0.0, 0.0])
    true, many = chain.gradient(w), np.broadcast_to(w, (DRAWS, 6))
    g, _ = chain.ChainOracle(p).draw_at(many, np.broadcast_to(true, (DRAWS, 6)), rng())
    assert true[3] != 0
    for i in range(6):
        assert agrees(g[:, i], true[i])
    square = np.sum((g - true) ** 2, axis=1)
    assert agrees(square, true[3] ** 2 * (1 - p) / p)
    assert not agrees(square, 1.05 * true[3] ** 2 * (1 - p) / p)
    assert square.mean() < chain.ChainOracle(p).sigma2


def test_a_run_on_the_chain_stays_above_1_while_news_is_awaited() -> None:
    problem, steps = problems.get("chain"), 300
    stage = Stage(np.asarray(1 / 152), np.asarray(0.0), np.asarray(float(steps)))
    runs = {p: simulate(problem, chain.ChainOracle(p), [stage], replicas=50, seed=0, checkpoints=[steps]) for p in (0.02, 1.0)}
    assert (runs[0.02].mean_grad2 > 1).all()
    assert runs[0.02].gap.mean() > runs[1.0].gap.mean()  # with all the news it gets further


def test_chain_oracle_makes_every_coordinate_wait_for_news() -> None:
    """From 0, a step finds one coordinate at most, and only with news: finding k of them takes at least k waits of mean ``1/p``."""
    p, k, random, replicas = 0.02, 3, rng(), 400
    w, found, time = np.zeros((replicas, 10)), np.zeros(replicas), np.zeros(replicas)
    for t in range(2000):
        w = w - chain.ChainOracle(p).draw_at(w, chain.gradient(w), random)[0] / 152
        beyond = np.max(np.where(np.abs(w) > 0.25, np.arange(1, 11), 0), axis=1)
        assert (beyond <= found + 1).all()
        found = np.maximum(found, beyond)
        time = np.where((found >= k) & (time == 0), t + 1, time)
    assert (time > 0).all()
    error = time.std() / math.sqrt(replicas)
    assert time.mean() > k / p - 3 * error
    assert time.mean() < 10 * k / p  # and so the wait is for news, mostly


def test_bad_probability_of_the_chain_oracle() -> None:
    with pytest.raises(ValueError, match="p = 0 must be a finite number above 0 and at most 1"):
        chain.ChainOracle(0.0)
