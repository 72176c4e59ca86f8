"""The graph of a pass is gone when the measurement is, without the garbage collector: what it holds is most of the memory."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from weakref import ref

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.oracle import labels_for
from tests.empirics.moments.per_example.parts import Backward, Written, parameter
from tsla.empirics.moments.per_example import gradient_products
from tsla.empirics.moments.per_example.call import Call
from tsla.theory.testing.planted import assert_rejects

N = 6


class Marker:
    """Lives as long as the graph."""


MARKERS: list[ref[Marker]] = []


def marked(x: Tensor) -> Tensor:
    """The identity, whose backward pass holds a marker."""
    marker = Marker()
    MARKERS.append(ref(marker))
    return Backward.apply(x, lambda D, held=marker: D)


def by_rules() -> nn.Module:
    return Written(lambda s, x: s.head(marked(s.first(x))), first=nn.Linear(3, 5), head=nn.Linear(5, 4))


def by_fallback() -> nn.Module:
    return Written(lambda s, x: s.head(marked(s.first(x)) * s.p), first=nn.Linear(3, 5), p=parameter(5), head=nn.Linear(5, 4))


def shared() -> nn.Module:
    return Written(lambda s, x: s.head(s.first(marked(s.first(x)))), first=nn.Linear(3, 3), head=nn.Linear(3, 4))


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaves_no_graph(make: Callable[[], nn.Module], *, collect: bool = False) -> None:
    MARKERS.clear()
    gradient_products(make(), torch.randn(N, 3), labels_for(N), microbatch=2)
    if collect:
        gc.collect()
    assert len(MARKERS) >= 4  # the probe and three microbatches
    assert not [marker for marker in MARKERS if marker() is not None]


@pytest.mark.parametrize(
    ("make", "collect"),
    [(by_rules, False), (shared, False), (by_fallback, True)],  # the closures of torch.func hold each other for a while
)
def test_no_graph_is_left(make: Callable[[], nn.Module], collect: bool) -> None:
    leaves_no_graph(make, collect=collect)


def test_a_hook_that_keeps_its_call_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsla.empirics.moments.per_example.call.ref", lambda call: lambda: call)
    monkeypatch.setattr(Call, "forget", lambda self: None)
    assert_rejects(leaves_no_graph, by_rules)
