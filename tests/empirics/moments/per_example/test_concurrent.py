"""The backward passes for the two labels give at once what they give one after the other, and leave as little behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from threading import get_ident, local
from unittest.mock import Mock

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from tests.empirics.moments.per_example.cases import EACH_WAY
from tests.empirics.moments.per_example.oracle import agrees, by_autograd, labels_for
from tests.empirics.moments.per_example.parts import WIDTH, Backward, Written, head, layer, parameter
from tsla.empirics.moments.per_example import concurrent, gradient_products, gradients
from tsla.empirics.moments.per_example.uses import Uses
from tsla.theory.testing.planted import assert_rejects

# torch warns that it copies the input to pad it unevenly.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
N, MICROBATCH = 7, 2  # four microbatches, the last of one example


Wrong = Callable[[pytest.MonkeyPatch], None]


class _OfTheOther(local):
    """What either thread sets here it finds exchanged."""

    def __setattr__(self, name: str, label: int) -> None:
        super().__setattr__(name, 1 - label)


def _labels_exchanged(patch: pytest.MonkeyPatch) -> None:
    """Each pass takes itself for that of the other label."""
    patch.setattr("tsla.empirics.moments.per_example.microbatch.local", _OfTheOther)


def _taken_up_by_nobody(patch: pytest.MonkeyPatch) -> None:
    """What one pass leaves to the other is lost."""
    patch.setattr(Uses, "_turn", lambda self, call: self._of.clear())


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The thread that each backward pass was made in, and how many threads that one used."""
    seen: list[tuple[int, int]] = []
    passing = Uses.passing
    monkeypatch.setattr(Uses, "passing", lambda self: seen.append((get_ident(), torch.get_num_threads())) or passing(self))
    monkeypatch.setattr(gradients, "can_be_two", lambda: True)
    return seen


def the_same_as_autograd(name: str) -> None:
    model, inputs = EACH_WAY[name].network(), EACH_WAY[name].inputs(N)
    agrees(gradient_products(model, inputs, labels_for(N), microbatch=MICROBATCH), by_autograd(model, inputs))


@pytest.mark.parametrize("name", EACH_WAY)
def test_the_same_as_autograd(name: str, seen: list[tuple[int, int]]) -> None:
    the_same_as_autograd(name)
    assert len(seen) == 8


@pytest.mark.parametrize("wrong", [None, _labels_exchanged, _taken_up_by_nobody])
def test_the_passes_work_for_each_other(wrong: Wrong | None, seen: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    if wrong is None:
        the_same_as_autograd("linear of tokens")
        return
    wrong(monkeypatch)
    assert_rejects(the_same_as_autograd, "linear of tokens")


def test_the_passes_share_the_threads(seen: list[tuple[int, int]]) -> None:
    gradient_products(nn.Linear(3, 4), torch.randn(5, 3), labels_for(5))
    (one, threads), (other, others) = seen
    assert (threads, others) == (1, 1)
    assert {one, other} > {get_ident()}


ALONE: dict[str, Callable[[], nn.Module]] = {
    "drawing at random": lambda: nn.Dropout(0.5),
    "a module that is called again": lambda: Written(lambda s, x: x * s.p, p=parameter(WIDTH)),  # no rule knows the product
    "a backward pass of one's own": lambda: Written(lambda s, x: Backward.apply(x, lambda D: D)),
    "a checkpoint": lambda: Written(lambda s, x: checkpoint(s.layer, x, use_reentrant=False), layer=layer()),
}


@pytest.mark.parametrize("name", ALONE)
def test_what_uses_more_than_the_graph_is_alone(name: str, seen: list[tuple[int, int]]) -> None:
    gradient_products(nn.Sequential(ALONE[name](), head()), torch.randn(4, WIDTH), labels_for(4))
    assert seen == [(get_ident(), 2)] * 2


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_either_comes_out_when_both_are_done(failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    passing, begun, ended = Uses.passing, count(), []

    @contextmanager
    def fails(self: Uses) -> Iterator[None]:
        which = next(begun)
        with passing(self):
            yield
        ended.append(which)
        if which == failing:
            raise RuntimeError("planted")

    monkeypatch.setattr(gradients, "can_be_two", lambda: True)
    monkeypatch.setattr(Uses, "passing", fails)
    with pytest.raises(RuntimeError, match="planted"):
        gradient_products(nn.Linear(3, 4), torch.randn(4, 3), labels_for(4))
    assert set(ended) == {0, 1}


def test_both_have_what_this_thread_has(monkeypatch: pytest.MonkeyPatch) -> None:
    variable: ContextVar[int] = ContextVar("variable")
    variable.set(1)
    found: list[tuple[int, bool, int]] = []

    def look() -> None:
        found.append((variable.get(), torch.is_autocast_enabled("cpu"), torch.get_num_threads()))

    with torch.autocast("cpu", torch.bfloat16):
        concurrent.both(look, look)
    assert found == [(1, True, 1)] * 2
    monkeypatch.setattr(ThreadPoolExecutor, "submit", Mock(side_effect=RuntimeError("can't start new thread")))
    concurrent.both(look, look)
    assert found[2:] == [(1, False, 1), (1, False, 2)]  # one after the other


def test_other_threads_are_not_watched() -> None:
    """Somebody's training goes on beside, and measures, too."""
    cases = [EACH_WAY[name] for name in ("linear of tokens", "rule and fallback")]
    pairs = [(case.network(), case.inputs(N)) for case in cases]
    expected = [by_autograd(*pair) for pair in pairs]

    def measure(which: int) -> None:
        for _ in range(10):
            agrees(gradient_products(*pairs[which], labels_for(N)), expected[which])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(measure, [0, 1]))


def test_a_mode_is_not_left_alone() -> None:
    with FlopCounterMode(display=False) as two:
        gradient_products(nn.Linear(3, 4), torch.randn(4, 3), labels_for(4))
    torch.set_num_threads(1)
    with FlopCounterMode(display=False) as one:
        gradient_products(nn.Linear(3, 4), torch.randn(4, 3), labels_for(4))
    torch.set_num_threads(2)
    assert two.get_total_flops() == one.get_total_flops()


def test_one_processor_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert not concurrent.can_be_two()
    monkeypatch.setattr(concurrent.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert concurrent.can_be_two()
    torch.set_num_threads(1)
    assert not concurrent.can_be_two()
    torch.set_num_threads(2)
