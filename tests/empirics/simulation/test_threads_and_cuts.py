"""Blocks of replicas: the bits of a run don't depend on the threads, nor on where it was cut, and memory not on its length."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest

from tests.empirics.simulation.bits import assert_same_bits
from tests.empirics.simulation.stages import NOISY, PLAN, stage
from tsla.empirics.simulation import problems
from tsla.empirics.simulation import simulate as sgd
from tsla.empirics.simulation.blocks import BLOCK, Block, blocks
from tsla.empirics.simulation.legs import legs, rules_of
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.constants import Array
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import assert_rejects


def made(replicas: int, d: int, seed: int = 0) -> list[Block]:
    problem = problems.get("sine_valley", dimension=d)
    return blocks(problem, NOISY, np.tile(problem.start, (replicas, 1)), np.zeros(replicas), seed)


@pytest.mark.parametrize("name", ["sine_valley", "rotated_sine_valley"])
def test_the_bits_do_not_depend_on_the_threads(name: str) -> None:
    problem = problems.get(name, dimension=50)
    one, two, four = (simulate(problem, NOISY, PLAN, replicas=700, seed=4, threads=threads) for threads in (1, 2, 4))
    assert len(made(700, 50)) == 8
    assert_same_bits(one, two)
    assert_same_bits(one, four)
    assert_rejects(lambda wrong: assert_same_bits(one, wrong), simulate(problem, NOISY, PLAN, replicas=700, seed=5, threads=2))


def test_the_bits_do_not_depend_on_where_the_run_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problems.get("sine_valley", dimension=50)
    whole = simulate(problem, NOISY, PLAN, replicas=700, seed=4)
    monkeypatch.setattr(sgd, "LEG", 7 * (700 * 50 + sgd.STEP))
    assert len(list(legs(rules_of(PLAN), [71], 7))) == 5 + 3 + 3
    assert_same_bits(whole, simulate(problem, NOISY, PLAN, replicas=700, seed=4))


def test_legs_end_at_checkpoints_and_stages_and_are_no_longer_than_asked() -> None:
    rules = rules_of((stage(0.1, 0.0, 10), stage(0.1, 0.0, 0), stage(0.1, 0.0, 5)))
    found = list(legs(rules, [0, 3, 10, 12], 4))
    assert [(leg.before, leg.begin, leg.end, leg.row) for leg in found] == [
        (0, 0, 3, 1),
        (0, 3, 4, None),
        (0, 4, 8, None),
        (0, 8, 10, 2),
        (10, 0, 2, 3),
        (10, 2, 4, None),
        (10, 4, 5, None),
    ]


@pytest.mark.parametrize(("replicas", "d"), [(1, 1), (3, 1), (1000, 10), (1000, 100), (999, 64), (3, 100_000), (BLOCK, 1), (BLOCK + 1, 1)])
def test_blocks_are_a_partition_in_pieces_that_fit(replicas: int, d: int) -> None:
    parts = made(replicas, d)
    assert [i for part in parts for i in range(replicas)[part.rows]] == list(range(replicas))
    for part in parts:
        rows = len(part.w)
        assert rows == part.rows.stop - part.rows.start >= 1
        assert rows == 1 or rows * d <= BLOCK + d
    if len(parts) > 1:
        assert len(parts) == replicas or len(parts).bit_count() == 1  # or a replica a block, or a number that cores divide
        assert len(parts) == replicas or replicas * d / len(parts) > BLOCK / 2


def test_blocks_hold_views_and_generators_of_their_own() -> None:
    parts = made(1000, 100)
    assert len({part.rng.standard_normal() for part in parts}) == len(parts)
    problem, w = problems.get("cosine"), np.zeros((20_000, 1))
    for part in blocks(problem, NOISY, w, np.zeros(20_000), 0):
        part.w += 1
    assert (w == 1).all()


def test_a_generator_goes_on_from_its_state() -> None:
    first, other = made(2, 3)[0], made(2, 3, seed=1)[0]
    first.rng.integers(0, 9, dtype=np.int32)  # leaves half of 64 bits over
    other.set_state(first.get_state())
    assert (other.rng.integers(0, 2**31, 5, dtype=np.int32) == first.rng.integers(0, 2**31, 5, dtype=np.int32)).all()
    assert other.rng.standard_normal() == first.rng.standard_normal()


def peak(steps: int) -> int:
    problem = problems.get("sine_valley", dimension=20)
    tracemalloc.start()
    try:
        simulate(problem, NOISY, [stage(0.05, 0.5, steps)], replicas=200, seed=0, checkpoints=[steps], threads=1)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_flat_in_the_number_of_steps() -> None:
    peak(2)  # what is imported and cached at the first call
    few, many = peak(20), peak(600)
    assert many < few + 40_000  # 600 steps of 200 x 20 numbers are 19 MB; one array is 32 kB


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("stages", "start", "message"),
    [
        ([stage(3.0, 0.0, 2000)], None, r"left the range of float64 at step \d+ with eta = 3; eta <= 1/L = 0.125 does not"),
        (PLAN, np.full(50, 1e200), "overflow"),
    ],
)
def test_what_leaves_float64_is_an_error_and_not_a_nan(threads: int, stages: list[Stage], start: Array | None, message: str) -> None:
    with pytest.raises(FloatingPointError, match=message):
        simulate(problems.get("sine_valley", dimension=50), NOISY, stages, replicas=700, seed=0, start=start, threads=threads)


def test_threads_are_those_given_or_asked_for_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (sgd._threads(None), sgd._threads(2)) == (3, 2)
    for nothing in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert 1 <= sgd._threads(None) <= (os.cpu_count() or 1)
    with pytest.raises(ValueError, match="threads = 0 must be"):
        sgd._threads(0)
