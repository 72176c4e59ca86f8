"""The compiled steps see the noise of the general ones, bit by bit, and make the same run to rounding."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from importlib import import_module
from inspect import signature

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SFC64, Generator

from tests.empirics.simulation.bits import assert_same, assert_same_bits
from tests.empirics.simulation.stages import NOISY, PLAN, stage
from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.extras import MissingExtraError
from tsla.theory.constants import Array
from tsla.theory.testing.planted import assert_rejects

compiled = pytest.importorskip("tsla.empirics.simulation.compiled", reason="numba is not installed", exc_type=ModuleNotFoundError)

LAWS = [replace(NOISY, bias="fixed"), Oracle(2.0), Oracle(0.0, 0.3), Oracle(1.0, 0.0, 0.5, -0.4)]


def words(rng: Generator) -> Array:
    return rng.bit_generator.state["state"]["state"].copy()


def assert_drawn_by_numpy(found: tuple[Array, Array]) -> None:
    rng = Generator(SFC64(11))
    assert (found[0] == rng.standard_normal(len(found[0]))).all()
    assert (found[1] == words(rng)).all()


def test_numbers_are_those_of_numpy_to_the_last_bit() -> None:
    """4 million: 2,000 of them from beyond the last layer, and 40,000 near an edge."""
    state, out = words(Generator(SFC64(11))), np.empty(4_000_000)
    compiled.draw(state, out)
    assert (np.abs(out) > compiled.END).sum() > 900
    assert_drawn_by_numpy((out, state))
    assert_rejects(assert_drawn_by_numpy, (np.where(np.arange(len(out)) == 3_999_999, np.nextafter(out, 9), out), state))
    assert_rejects(assert_drawn_by_numpy, (out, state + np.uint64(1)))


@given(x=st.floats(-4e6, 4e6) | st.floats(-10, 10) | st.integers(-1_000_000, 1_000_000).map(lambda k: k * math.pi / 2))
def test_sine_is_the_sine(x: float) -> None:
    assert compiled.sine(x) == pytest.approx(math.sin(x), rel=1e-9, abs=3e-16)


def made(name: str) -> Problem:
    """In three dimensions, where it has a choice."""
    arguments = signature(import_module(f"tsla.empirics.simulation.problems.{name}").problem).parameters
    return problems.get(name, **({"dimension": 3} if "dimension" in arguments else {}))


COORDINATEWISE = [name for name in problems.names() if problems.get(name).coordinatewise is not None]


def assert_runs_agree(problem: Problem, oracle: Oracle = NOISY) -> None:
    plan = [stage(s.eta / problem.L, s.theta, int(s.steps), s.decay_steps) for s in PLAN]
    slow, fast = (simulate(problem, oracle, plan, replicas=9, seed=3, compiled=compiled) for compiled in (False, True))
    assert_same(fast, slow)
    planted = simulate(problem, oracle, [*plan[:2], stage(0.0801 / problem.L, 0.3, 21, 4.0)], replicas=9, seed=3)
    assert_rejects(lambda wrong: assert_same(fast, wrong), planted)


@pytest.mark.parametrize("name", COORDINATEWISE)
def test_every_coordinatewise_problem_runs_as_on_the_general_path(name: str) -> None:
    assert_runs_agree(made(name))


@pytest.mark.parametrize("oracle", LAWS, ids=str)
def test_every_law_of_the_oracle_runs_as_on_the_general_path(oracle: Oracle) -> None:
    assert_runs_agree(made("sine_valley"), oracle)


def test_planted_wrong_slope_is_seen() -> None:
    assert_rejects(assert_runs_agree, replace(made("geman_mcclure"), coordinatewise=lambda x: 2 * x / (1 + x * x) ** 2.00001))


def test_what_a_slope_closes_over_is_part_of_it() -> None:
    for L in (1.0, 3.0, 1.0):
        run = simulate(problems.get("stall", L=L), Oracle(0.0), [stage(0.1, 0.0, 6)], replicas=1, seed=0, checkpoints=[6], compiled=True)
        assert run.gap[0, 0] == pytest.approx(L / 2 * (1 - 0.1 * L) ** 12, rel=1e-12)


def test_the_bits_do_not_depend_on_the_threads() -> None:
    problem = problems.get("sine_valley", dimension=50)
    one, two = (simulate(problem, NOISY, PLAN, replicas=700, seed=4, threads=threads, compiled=True) for threads in (1, 2))
    assert_same_bits(one, two)


def test_a_diverging_run_says_so() -> None:
    stages = [stage(0.0, 0.0, 7), stage(3.0, 0.0, 2000)]
    for name, step in (("stall", "27"), ("sine_valley", r"\d+")):  # of stall, w_t = (-2)^(t - 7)
        with pytest.raises(
            FloatingPointError, match=rf"left \[-1e\+06, 1e\+06\].* at step {step} with eta = 3; eta <= 1/L = .* does not diverge"
        ):
            simulate(problems.get(name), Oracle(0.0), stages, replicas=2, seed=0, compiled=True)


def test_a_start_that_is_not_trusted_is_refused() -> None:
    with pytest.raises(FloatingPointError, match="at step 0"):
        simulate(problems.get("cosine"), NOISY, [stage(0.1, 0.0, 5)], replicas=2, seed=0, start=[1.1e6], compiled=True)


test_what_is_not_compiled_is_refused = refusals(
    lambda problem, oracle: simulate(problems.get(problem), oracle, PLAN, replicas=2, seed=0, compiled=True),
    ("rotated_sine_valley", NOISY, "problem = 'rotated_sine_valley' must be coordinate-wise for compiled = True"),
    ("stall", Oracle(1.0, noise="rademacher"), "noise = 'rademacher' must be 'normal' for compiled = True"),
)


def test_without_numba_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tsla.empirics.simulation.compiled")
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtraError, match=r"^compiled = True needs numba: pip install 'tsla\[fast\]'"):
        simulate(problems.get("stall"), NOISY, PLAN, replicas=2, seed=0, compiled=True)
