"""Runs do what the algorithms say, step by step and in law."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.random import SFC64, Generator, SeedSequence

from tests.empirics.simulation.bits import assert_same
from tests.empirics.simulation.stages import NOISY, stage
from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import TIE_BREAK, Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import Trajectory, shrunk, simulate
from tsla.theory.constants import Array
from tsla.theory.plan import OfStep, Stage

TSLA = (stage(0.1, 0.6, 12), stage(0.05, 0.0, 9), stage(0.08, 0.3, 9, decay_steps=4.0))


def slow(problem: Problem, oracle: Oracle, stages: tuple[Stage, ...], replicas: int, seed: int, *, shrink: bool = False) -> Trajectory:
    """One replica and one step at a time, in Python's own numbers, fed by the same noise; ``shrink`` puts 0 for ĝ."""
    d = problem.dimension
    rng = Generator(SFC64(SeedSequence(seed).spawn(1)[0]))  # that of the first block, which holds all of so few replicas
    w = [[float(x) for x in problem.start] for _ in range(replicas)]
    sigma, beta, nu = math.sqrt(oracle.sigma2), math.sqrt(oracle.beta2), math.sqrt(oracle.nu2)
    rho = oracle.c / (sigma * nu) if sigma * nu > 0 else 0.0
    grad2 = [[sum(x * x for x in problem.gradient(np.array(row))) for row in w]]
    mean, gap = [[math.nan] * replicas], [[float(problem.value(np.array(row))) - problem.minimum for row in w]]
    for part in stages:
        history: list[list[float]] = [[] for _ in range(replicas)]
        for t in range(int(part.steps)):
            shape = (2, replicas, d)
            xi, other = rng.standard_normal(shape) if oracle.noise == "normal" else 2.0 * rng.integers(0, 2, shape, dtype=np.int8) - 1
            eta, theta = float(part.eta), float(part.theta)
            if part.decay_steps is not None:
                eta /= 1 + t / float(part.decay_steps)
            for r in range(replicas):
                true = [float(x) for x in problem.gradient(np.array(w[r]))]
                norm2 = sum(x * x for x in true)
                history[r].append(norm2)
                for i in range(d):
                    noise, fresh = float(xi[r][i]) / math.sqrt(d), float(other[r][i]) / math.sqrt(d)
                    opposing = -beta * true[i] / max(math.sqrt(norm2), TIE_BREAK * beta, 1e-300)
                    bias = opposing if oracle.bias == "opposing" else beta / math.sqrt(d)
                    g = true[i] + sigma * noise
                    ghat = 0.0 if shrink else true[i] + bias + nu * (rho * noise + math.sqrt(1 - rho**2) * fresh)
                    w[r][i] -= eta * ((1 - theta) * g + theta * ghat)
            grad2.append([sum(x * x for x in problem.gradient(np.array(row))) for row in w])
            mean.append([sum(seen) / len(seen) for seen in history])
            gap.append([float(problem.value(np.array(row))) - problem.minimum for row in w])
    return Trajectory(np.arange(len(gap)), np.array(grad2), np.array(mean), np.array(gap))


@pytest.mark.parametrize(("name", "kwargs"), [("stall", {}), ("sine_valley", {"dimension": 3}), ("rotated_sine_valley", {"dimension": 4})])
@pytest.mark.parametrize(("bias", "noise"), list(itertools.product(("opposing", "fixed"), ("normal", "rademacher"))))
def test_agrees_with_the_slow_loop(name: str, kwargs: dict[str, int], bias: str, noise: str) -> None:
    problem, oracle = problems.get(name, **kwargs), replace(NOISY, bias=bias, noise=noise)
    fast = simulate(problem, oracle, TSLA, replicas=4, seed=3, checkpoints=range(31))
    assert_same(fast, slow(problem, oracle, TSLA, 4, 3), 1e-10)


@pytest.mark.parametrize(
    "planted",
    [
        (TSLA[0], TSLA[1], stage(0.08, 0.3, 9)),  # no decay
        (TSLA[0], TSLA[1], stage(0.08, 0.3, 9, decay_steps=4.01)),
        (stage(0.1, 0.61, 12), *TSLA[1:]),
        (TSLA[1], TSLA[0], TSLA[2]),  # stages swapped
    ],
)
def test_slow_loop_sees_planted_errors(planted: tuple[Stage, ...]) -> None:
    problem = problems.get("sine_valley")
    fast = simulate(problem, NOISY, planted, replicas=4, seed=3, checkpoints=range(31))
    with pytest.raises(AssertionError):
        assert_same(fast, slow(problem, NOISY, TSLA, 4, 3), 1e-4)


def test_shrunk_is_the_run_with_zero_for_the_smoothing_oracle() -> None:
    problem = problems.get("sine_valley", dimension=2)
    constant = (stage(0.1, 0.6, 12), stage(0.08, 0.3, 9, decay_steps=4.0), stage(0.5, 1.0, 5))
    control = simulate(problem, NOISY, shrunk(constant), replicas=4, seed=3, checkpoints=range(27))
    assert_same(control, slow(problem, NOISY, constant, 4, 3, shrink=True), 1e-10)
    with pytest.raises(AssertionError):
        assert_same(control, slow(problem, NOISY, constant, 4, 3), 1e-2)


def test_recording_does_not_change_the_run() -> None:
    problem = problems.get("sine_valley")
    every, last = (simulate(problem, NOISY, TSLA, replicas=5, seed=7, checkpoints=c) for c in (range(31), [30]))
    assert (every.gap[-1] == last.gap[0]).all()


# Checkpoints, start, progress


def test_default_checkpoints_hold_the_start_the_ends_and_about_sixty_steps_between() -> None:
    stages = [stage(0.1, 0.5, 777), stage(0.01, 0.0, 1223)]
    run = simulate(problems.get("cosine"), NOISY, stages, replicas=2, seed=0)
    steps = run.step.tolist()
    assert steps == sorted(set(steps))
    assert {0, 1, 2, 3, 777, 2000} <= set(steps)
    assert 40 <= len(steps) <= 63
    late = np.diff(np.log([s for s in steps if s > 100 and s != 777]))
    assert late == pytest.approx(np.log(2000) / 59, rel=0.2)
    assert run.grad2.shape == run.mean_grad2.shape == run.gap.shape == (len(steps), 2)


def test_stages_of_no_steps_are_skipped() -> None:
    problem = problems.get("sine_valley")
    with_empty = simulate(problem, NOISY, [stage(0.1, 0.5, 0), stage(0.1, 0.0, 20)], replicas=2, seed=0)
    without = simulate(problem, NOISY, [stage(0.1, 0.0, 20)], replicas=2, seed=0)
    assert_same(with_empty, without, 0.0)
    assert simulate(problem, NOISY, [stage(0.1, 0.5, 0)], replicas=2, seed=0).step.tolist() == [0]


@pytest.mark.parametrize("start", [[2.0, -1.0], [[2.0, -1.0], [0.5, 0.25], [0.0, 0.0]]])
def test_start_may_be_one_point_or_one_a_replica(start: Array) -> None:
    problem, given = problems.get("geman_mcclure", dimension=2), np.array(start)
    run = simulate(problem, NOISY, TSLA, replicas=3, seed=0, start=given, checkpoints=[0, 30])
    assert run.gap[0] == pytest.approx(problem.gap(np.broadcast_to(given, (3, 2))))
    assert (given == np.array(start)).all()
    assert (problem.start == problems.get("geman_mcclure", dimension=2).start).all()


def test_progress_hears_of_every_checkpoint() -> None:
    heard: list[tuple[int, int]] = []
    simulate(problems.get("cosine"), NOISY, TSLA, replicas=2, seed=0, checkpoints=[30, 4, 0], progress=lambda *done: heard.append(done))
    assert heard == [(0, 30), (4, 30), (30, 30)]


test_bad_arguments = refusals(
    lambda changed: simulate(problems.get("cosine"), NOISY, **{"stages": TSLA, "replicas": 2, "seed": 0} | changed),
    ({"replicas": 0}, "replicas = 0 must be a whole number, at least 1"),
    ({"replicas": 1.5}, "replicas = 1.5 must be a whole number"),
    ({"stages": []}, "is empty; a run needs at least one Stage"),
    ({"stages": [Stage(np.array([0.1, 0.2]), np.zeros(()), np.ones(()))]}, r"stages\[0\].eta has shape \(2,\); a run needs a single"),
    ({"stages": [Stage(np.array(0.1), np.zeros(()), np.array(1.5))]}, r"stages\[0\].steps = 1.5 must be a whole number"),
    ({"start": [1.0, 2.0]}, r"start has shape \(2,\); cosine with 2 replicas needs \(1,\) or \(2, 1\)"),
    ({"start": [math.nan]}, "start = nan must be"),
    ({"checkpoints": []}, "is empty; a run needs at least one step"),
    ({"checkpoints": [3, 31]}, "checkpoints = 31 must be at most 30, the steps of the run"),
    ({"checkpoints": [-1]}, "checkpoints = -1 must be"),
    ({"checkpoints": [[5, 6], [7, 8]]}, r"^checkpoints has shape \(2, 2\); must be a list of steps"),
    ({"stages": (part for part in TSLA)}, "^stages is a generator; must be a list of Stage"),
    ({"stages": TSLA[0]}, "^stages is a Stage; must be a list of Stage"),
    ({"stages": [TSLA[0], 3]}, r"^stages\[1\] = 3 must be a Stage"),
    ({"state": "a string"}, "^state = 'a string' must be a Path"),
    ({"step": 3}, "^step = 3 must be a function"),
    ({"step": lambda w, d, state, t: w}, r"^step gives ndarray; must give \(w, state\)"),
    ({"step": lambda w, d, state, t: (w[:1], state)}, r"^step gives w of shape \(1, 1\) .* at step 0; must be numbers of shape \(2, 1\)"),
    ({"step": lambda w, d, state, t: (None, state)}, r"^step gives w of shape \(\) and type object at step 0; must be numbers"),
)


@pytest.mark.parametrize("last", [4, 29])
def test_a_rule_that_gives_nan_is_refused_at_its_step(last: int) -> None:
    def rule(w: Array, direction: Array, state: None, t: int) -> tuple[Array, None]:
        return w * math.nan if t == last else w - 0.1 * direction, state

    with pytest.raises(FloatingPointError, match=f"^step gives w = nan at step {last}; must be finite"):
        simulate(problems.get("cosine"), NOISY, TSLA, replicas=2, seed=0, step=rule)


class Same:
    """Gives ∇F, or a copy of it, for ĝ as well."""

    def __init__(self, copies: bool) -> None:
        self.copies = copies

    def draw_at(self, w: Array, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        return gradient, gradient.copy() if self.copies else gradient


def test_a_sampler_may_give_one_array_twice() -> None:
    once, twice = (simulate(problems.get("sine_valley"), Same(copies), TSLA, replicas=2, seed=0) for copies in (False, True))
    assert_same(once, twice, 0.0)


@pytest.mark.parametrize(
    ("factor", "steps", "step"),
    [
        (np.ones_like, 2000, 1030),  # η∇F is 3·2^1023, in the middle of a leg
        (np.ones_like, 600, 607),  # ‖∇F‖² is 2^1024, which no later operation says
        (lambda t: np.where(t < 520, 1.0, 1 / 6), 2000, 2007),  # the same, and then the run comes back
    ],
)
def test_a_diverging_run_says_so(factor: OfStep, steps: int, step: int) -> None:
    """It is the sequence ``(-2)^t``, after 7 steps that stand still."""
    stages = [stage(0.0, 0.0, 7), replace(stage(3.0, 0.0, steps), factor=factor)]
    with pytest.raises(FloatingPointError, match=f"left the range of float64 at step {step} with eta = 3; eta <= 1/L = 1 does not"):
        simulate(problems.get("stall"), Oracle(0.0), stages, replicas=2, seed=0, checkpoints=[7 + steps])
