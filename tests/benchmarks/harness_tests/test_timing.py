"""The clock's own logic, on clocks that are wound by hand."""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch

from tests.benchmarks.harness import timing
from tests.benchmarks.harness.timing import Call


def test_every_contestant_is_called_once_a_round_and_starts_a_round_in_turn() -> None:
    order: list[str] = []
    works = {name: lambda name=name: order.append(name) or Call(1.0, 0.0) for name in "abc"}
    calls = timing.interleaved(works, {"a": 3, "b": 3, "c": 1})
    assert order == ["a", "b", "c", "b", "a", "a", "b"]
    assert calls["c"] == [Call(1.0, 0.0), None, None]


def test_a_ratio_is_that_of_the_same_round_which_is_set_aside_when_either_call_was_disturbed() -> None:
    base = [Call(1.0, 0.0), Call(10.0, 0.0), Call(2.0, 0.0)]
    assert timing.ratios([Call(2.0, 0.0), Call(30.0, 0.0), None], base) == timing.Spread(2.5, 2.0, 3.0, 2, 0)
    base = [Call(1.0, 0.0), Call(1.0, 0.06), Call(1.0, 0.0)]
    assert timing.ratios([Call(2.0, 0.05), Call(9.0, 0.0), Call(9.0, 0.5)], base) == timing.Spread(2.0, 2.0, 2.0, 1, 2)
    disturbed = timing.ratios([Call(2.0, 0.5)], [Call(1.0, 0.0)])  # all of them: they count, and it shows
    assert (disturbed, str(disturbed)[0]) == (timing.Spread(2.0, 2.0, 2.0, 0, 1), "~")
    assert timing.ratios([], []) is None


def test_the_work_of_others_is_what_the_own_process_did_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = iter([100.0, 100.0 + 3600.0])
    monkeypatch.setattr(timing, "_busy_seconds", lambda: next(busy))
    assert timing.timed(lambda: time.sleep(0.01)).disturbed
    monkeypatch.setattr(timing, "_busy_seconds", lambda: 0.0)
    found = timing.timed(lambda: time.sleep(0.01), repeats=3)
    assert not found.disturbed
    assert 0.01 <= found.seconds < 0.03, "of one call of several"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the peak never falls, and only a fresh process can tell")
def test_the_peak_is_seen_after_it_is_gone() -> None:
    size = 200 * 2**20
    torch.ones(2 * size, dtype=torch.uint8)  # a higher peak before, which does not count
    assert 0.9 * size < timing.peak_increase(lambda: torch.ones(size, dtype=torch.uint8).max()) < 1.3 * size


def _allocate_beyond_the_limit() -> None:
    timing.limit_memory(share=0.0)
    torch.empty(2**30, dtype=torch.uint8)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no such limit elsewhere")
def test_too_large_a_batch_is_an_error_and_not_a_killed_process() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool, pytest.raises(RuntimeError, match="allocate"):
        pool.submit(_allocate_beyond_the_limit).result()
