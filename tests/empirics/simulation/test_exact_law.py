"""The exact law is the law of the algorithm, and the simulator has it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from tests.empirics.simulation.stages import quadratic, stage
from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.exact_law import Law, exact_law
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.constants import Array
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import assert_rejects


def steps_of(stages: tuple[Stage, ...]) -> list[tuple[float, float, bool]]:
    """``eta_t``, ``theta`` and whether a stage begins, of every step."""
    return [
        (float(part.eta) / (1 + (0 if part.decay_steps is None else t / float(part.decay_steps))), float(part.theta), t == 0)
        for part in stages
        for t in range(int(part.steps))
    ]


def noise_variance(oracle: Oracle, theta: float) -> float:
    return (1 - theta) ** 2 * oracle.sigma2 + theta**2 * oracle.nu2 + 2 * theta * (1 - theta) * oracle.c


def of_a_quadratic(curvatures: Array, oracle: Oracle, stages: tuple[Stage, ...]) -> Array:
    """Rows ``grad2, mean_grad2, gap`` after each step, (steps+1, 3): the recursion of means and variances, for the fixed bias."""
    d = len(curvatures)
    mean, variance = np.ones(d), np.zeros(d)
    seen: list[float] = []
    rows = []
    for eta, theta, begins in [*steps_of(stages), (0.0, 0.0, False)]:
        second = mean**2 + variance
        rows.append([curvatures**2 @ second, np.mean(seen) if seen else np.nan, curvatures @ second / 2])
        seen = ([] if begins else seen) + [curvatures**2 @ second]
        mean = mean - eta * (curvatures * mean + theta * np.sqrt(oracle.beta2 / d))
        variance = (1 - eta * curvatures) ** 2 * variance + eta**2 * noise_variance(oracle, theta) / d
    return np.array(rows)


def rows_of(law: Law) -> Array:
    return np.stack([law.grad2, law.mean_grad2, law.gap], axis=1)


TSLA = (stage(0.2, 0.6, 7), stage(0.1, 0.0, 5), stage(0.3, 0.3, 6, decay_steps=4.0))
FIXED = Oracle(1.0, 0.3, 0.5, 0.2, bias="fixed")


def agrees(rows: Array, expected: Array, tolerance: float = 1e-9) -> None:
    assert np.isnan(rows) == pytest.approx(np.isnan(expected))
    assert np.nanmax(np.abs(rows / expected - 1)) <= tolerance


@pytest.mark.parametrize("noise", ["normal", "rademacher"])
@pytest.mark.parametrize("curvatures", [[1.0], [0.05, 0.3, 0.3, 2.0]])
def test_quadratics_in_closed_form(curvatures: list[float], noise: str) -> None:
    """Only mean and variance matter: the same numbers for normal noise and for signs."""
    problem, oracle = quadratic(np.array(curvatures)), replace(FIXED, noise=noise)
    expected = of_a_quadratic(np.array(curvatures), oracle, TSLA)
    for of in (problem, replace(problem, minimiser=None)):  # no minimiser is needed
        law = exact_law(of, oracle, TSLA, checkpoints=range(19))
        agrees(rows_of(law), expected)
        assert law.error <= 1e-10
    for wrong in (stage(0.2, 0.6 * (1 + 1e-7), 7), stage(0.2 * (1 + 1e-7), 0.6, 7)):
        planted = exact_law(problem, oracle, (wrong, *TSLA[1:]), checkpoints=range(19))
        assert_rejects(lambda rows: agrees(rows, expected), rows_of(planted))


def test_a_hundred_thousand_small_steps() -> None:
    """η = 1e-3: the noise of a step is a thousandth of what the panels span."""
    eta, steps = 1e-3, 10**5
    law = exact_law(problems.get("stall"), Oracle(1.0), [stage(eta, 0, steps)], checkpoints=[10, 1000, steps])
    shrink = (1 - eta) ** (2 * law.step)
    settled = eta / (2 - eta)
    assert law.grad2 == pytest.approx(shrink + settled * (1 - shrink), rel=1e-9)
    summed = (1 - settled) * -np.expm1(2 * law.step * np.log1p(-eta)) / (1 - (1 - eta) ** 2)
    assert law.mean_grad2 == pytest.approx(summed / law.step + settled, rel=1e-9)


def enumerated(problem: Problem, oracle: Oracle, stages: tuple[Stage, ...]) -> Array:
    """All paths of the signs, one after the other; rows as in :func:`of_a_quadratic`; one dimension."""
    sigma, nu = np.sqrt(oracle.sigma2), np.sqrt(oracle.nu2)
    rho = oracle.c / (sigma * nu) if sigma * nu else 0.0
    steps = steps_of(stages)
    signs = [(a, b) for a in (-1, 1) for b in (-1, 1)]
    paths = []
    for path in itertools.product(signs, repeat=len(steps)):
        w, seen, rows = problem.start, [], []
        for (eta, theta, begins), (xi, other) in zip([*steps, (0.0, 0.0, False)], [*path, (0, 0)], strict=True):
            gradient = problem.gradient(w)
            grad2 = float(gradient @ gradient)
            rows.append([grad2, np.mean(seen) if seen else np.nan, float(problem.gap(w))])
            seen = ([] if begins else seen) + [grad2]
            ghat = gradient + oracle.offset(gradient) + nu * (rho * xi + np.sqrt(1 - rho**2) * other)
            w = w - eta * ((1 - theta) * (gradient + sigma * xi) + theta * ghat)
        paths.append(rows)
    return np.mean(paths, axis=0)


SHORT = (stage(0.1, 0.6, 2), stage(0.05, 0.0, 1), stage(0.08, 0.3, 2, decay_steps=4.0))


@pytest.mark.parametrize("name", ["cosine", "geman_mcclure", "sine_valley"])
@pytest.mark.parametrize("bias", ["fixed", "opposing"])
def test_signs_enumerated(name: str, bias: str) -> None:
    """The start is far from where the opposing bias turns, so that it is smooth on all the paths."""
    problem, oracle = problems.get(name), replace(FIXED, noise="rademacher", bias=bias)
    law = exact_law(problem, oracle, SHORT, checkpoints=range(6))
    agrees(rows_of(law), enumerated(problem, oracle, SHORT))
    if bias == "fixed":
        assert law.error <= 1e-9


def by_trapezoid(problem: Problem, oracle: Oracle, stages: tuple[Stage, ...], low: float, high: float, points: int) -> Array:
    """The density itself on an even grid, carried forward by the trapezoidal rule, which is spectrally exact for smooth densities that end
    in zeros; rows as above, from step 1; one dimension, normal noise, the fixed bias."""
    x = np.linspace(low, high, points)
    slope, gap, h = problem.gradient(x[:, None])[:, 0], problem.gap(x[:, None]), x[1] - x[0]
    density: Array | None = None
    seen: list[float] = []
    rows = []
    for eta, theta, begins in steps_of(stages):
        before = float(problem.gradient(problem.start) @ problem.gradient(problem.start)) if density is None else h * slope**2 @ density
        seen = ([] if begins else seen) + [before]
        s = eta * np.sqrt(noise_variance(oracle, theta))

        def kernel(mean: Array, s: float = s) -> Array:
            return np.exp(-(((x[:, None] - mean) / s) ** 2) / 2) / (s * np.sqrt(2 * np.pi))

        beta = theta * np.sqrt(oracle.beta2)
        if density is None:
            density = kernel(problem.start - eta * (problem.gradient(problem.start) + beta))[:, 0]
        else:
            density = h * kernel(x - eta * (slope + beta)) @ density
        rows.append([h * slope**2 @ density, np.mean(seen), h * gap @ density])
    return np.array(rows)


@pytest.mark.parametrize(("name", "low", "high"), [("cosine", -4, 7), ("geman_mcclure", -4, 5), ("sine_valley", -4, 5)])
def test_normal_noise_by_another_method(name: str, low: float, high: float) -> None:
    problem = problems.get(name)
    parts = (stage(0.12, 0.3, 8), stage(0.08, 0.0, 4), stage(0.12, 0.1, 3, decay_steps=9.0))
    law = exact_law(problem, FIXED, parts, checkpoints=range(1, 16))
    agrees(rows_of(law), by_trapezoid(problem, FIXED, parts, low, high, 1501))
    assert law.error <= 1e-10


def test_the_kinks_of_the_opposing_bias() -> None:
    """Two steps on w²/2: the inner expectation in closed form, the outer by adaptive quadrature between the kinks."""
    eta, theta, oracle = 0.3, 0.7, Oracle(1.0, beta2=0.4, nu2=0.1)
    s = eta * np.sqrt(noise_variance(oracle, theta))

    def drift(w: float) -> float:
        return w - eta * (w - theta * np.sqrt(oracle.beta2) * w / max(abs(w), oracle.width))

    def integrand(w: float) -> float:
        return (drift(w) ** 2 + s**2) * np.exp(-(((w - drift(0.2)) / s) ** 2) / 2) / (s * np.sqrt(2 * np.pi))

    points = [drift(0.2) - 10 * s, -oracle.width, oracle.width, drift(0.2) + 10 * s]
    expected = sum(quad(integrand, a, b, epsabs=1e-14, epsrel=1e-13)[0] for a, b in itertools.pairwise(points))
    law = exact_law(problems.get("stall"), oracle, [stage(eta, theta, 2)], start=[0.2], checkpoints=[2])
    assert law.grad2[0] == pytest.approx(expected, rel=1e-10)
    assert law.error <= 1e-9
    inside = quad(integrand, points[0], points[3], epsabs=1e-14, epsrel=1e-13)[0]  # blind to the kinks
    assert law.grad2[0] == pytest.approx(inside, rel=1e-3)


def test_the_stall_of_c13() -> None:
    """η = 1/L: ``E‖∇F‖² = θ²δσ² + (1-θ)²σ²`` after any number of steps, where ``|Lw|`` is never under the width."""
    oracle = Oracle(1.0, beta2=0.1, noise="rademacher")
    law = exact_law(problems.get("stall"), oracle, [stage(1.0, 0.4, 50)], checkpoints=[1, 2, 50])
    assert law.grad2 == pytest.approx(0.16 * 0.1 + 0.36, rel=1e-9)


def test_equal_coordinates_are_one_law() -> None:
    """100 dimensions with σ² are 100 times one dimension with σ²/100; a coordinate of its own changes only itself."""
    many, one = problems.get("sine_valley", dimension=100), problems.get("sine_valley")
    part = Oracle(**{name: getattr(FIXED, name) / 100 for name in ("sigma2", "beta2", "nu2", "c")}, bias="fixed")
    law, each = exact_law(many, FIXED, TSLA, checkpoints=[0, 18]), exact_law(one, part, TSLA, checkpoints=[0, 18])
    agrees(rows_of(law), 100 * rows_of(each))
    start = np.full(100, 3.0)
    start[7] = 1.0
    other = exact_law(many, FIXED, TSLA, start=start, checkpoints=[0, 18])
    agrees(rows_of(other), 99 * rows_of(each) + rows_of(exact_law(one, part, TSLA, start=[1.0], checkpoints=[0, 18])))


def test_the_error_is_one() -> None:
    """What ``error`` says is more than what the numbers are off by, also where the panels do not suffice: signs among the kinks."""
    oracle = replace(FIXED, bias="opposing", noise="rademacher")
    few = (stage(0.3, 0.5, 5),)
    law = exact_law(problems.get("stall"), oracle, few, start=[0.2], checkpoints=[5])
    expected = enumerated(replace(problems.get("stall"), start=np.array([0.2])), oracle, few)[-1]
    off = np.abs(rows_of(law)[0] / expected - 1).max()
    assert off <= 10 * law.error
    assert law.error < 1


# --- the simulator has this law ---


Setting = tuple[Problem, Oracle, tuple[Stage, ...]]


def settings() -> list[Setting]:
    """Every problem with every method and oracle: 4 x 4 x 3 settings less 4, for the opposing bias asks for one dimension."""
    tasks = [problems.get("stall"), problems.get("geman_mcclure"), problems.get("cosine"), problems.get("sine_valley", dimension=3)]
    methods = [
        lambda L: (stage(0.3 / L, 0.0, 12),),
        lambda L: (stage(0.5 / L, 0.5, 15),),
        lambda L: (stage(0.4 / L, 0.7, 9), stage(0.2 / L, 0.0, 9)),
        lambda L: (stage(0.5 / L, 0.3, 8, decay_steps=5.0),),
    ]
    pairs = ("fixed", "normal"), ("fixed", "rademacher"), ("opposing", "normal")
    oracles = [Oracle(2.0, 0.5, 0.7, 0.4, bias=bias, noise=noise) for bias, noise in pairs]
    return [
        (task, oracle, method(task.L))
        for task, method, oracle in itertools.product(tasks, methods, oracles)
        if task.dimension == 1 or oracle.bias == "fixed"
    ]


def last(setting: Setting) -> int:
    return sum(int(part.steps) for part in setting[2])


@pytest.fixture(scope="module")
def simulated() -> Array:
    """Means and standard errors of the three quantities at the end, (settings, 3, 2): independent over settings."""
    rows = []
    for seed, setting in enumerate(settings()):
        run = simulate(*setting, replicas=10_000, seed=seed, checkpoints=[last(setting)])
        rows.append([(x[-1].mean(), stats.sem(x[-1])) for x in (run.grad2, run.mean_grad2, run.gap)])
    return np.array(rows)


def z_scores(simulated: Array, laws: list[Law]) -> Array:
    """(simulated mean - exact)/standard error, (settings, 3)."""
    exact = np.array([rows_of(law)[-1] for law in laws])
    return (simulated[..., 0] - exact) / simulated[..., 1]


def laws_of(chosen: list[Setting], eta: float = 1.0, theta: float = 1.0) -> list[Law]:
    laws = []
    for problem, oracle, stages in chosen:
        altered = [replace(part, eta=part.eta * eta, theta=part.theta * theta) for part in stages]
        laws.append(exact_law(problem, oracle, altered, checkpoints=[last((problem, oracle, stages))], tolerance=1e-6))
    return laws


def are_standard(scores: Array) -> None:
    """The sum of squares of each column lies in the 99.9 % interval of chi-square, for the three together."""
    low, high = stats.chi2.ppf([0.0005 / 3, 1 - 0.0005 / 3], len(scores))
    sums = (scores**2).sum(axis=0)
    assert (low <= sums).all()
    assert (sums <= high).all()


def test_the_simulator_has_the_exact_law(simulated: Array) -> None:
    laws = laws_of(settings())
    assert max(law.error for law in laws) <= 1e-4
    are_standard(z_scores(simulated, laws))


@pytest.mark.parametrize("wrong", [{"eta": 1.02}, {"theta": 1.1}])
def test_a_law_of_other_steps_is_rejected(simulated: Array, wrong: dict[str, float]) -> None:
    some = slice(None, None, 4)  # of the settings are enough to tell
    assert_rejects(are_standard, z_scores(simulated[some], laws_of(settings()[some], **wrong)))


# --- refusals ---

test_refusals = refusals(
    lambda changed: exact_law(**{"problem": problems.get("stall"), "oracle": FIXED, "stages": TSLA} | changed),
    ({"problem": problems.get("rotated_sine_valley")}, "problem = rotated_sine_valley must be separable"),
    (
        {"problem": problems.get("cosine", dimension=2), "oracle": Oracle(1, 1)},
        "bias = 'opposing' must be 'fixed' for cosine in 2 dimensions: it couples coordinates",
    ),
    ({"oracle": Oracle(1.0, noise="student", dof=5)}, "noise = 'student' must be normal or rademacher for an exact law"),
    ({"oracle": Oracle(1.0, variance="rising")}, "variance = 'rising' must be constant for an exact law"),
    ({"stages": ()}, r"stages = \(\) is empty"),
    ({"start": [1.0, 2.0]}, r"start has shape \(2,\); the exact law of stall needs \(1,\)"),
    ({"checkpoints": [19]}, "checkpoints = 19 must be at most 18, the steps of the run"),
    ({"tolerance": 0}, "tolerance = 0 must be a finite number above 0"),
)
