"""Two microbatches at once give what one after the other gives, and leave as little behind."""

from __future__ import annotations

from collections.abc import Iterator
from threading import get_ident

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.cases import EACH_WAY
from tests.empirics.moments.per_example.oracle import agrees, by_autograd, labels_for
from tests.empirics.moments.per_example.parts import WIDTH, Written, head, parameter
from tsla.empirics.moments.per_example import concurrent, gradient_products, gradients
from tsla.empirics.moments.per_example.microbatch import Microbatch

# torch warns that it copies the input to pad it unevenly.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
N, MICROBATCH = 7, 2  # four microbatches, the last of one example


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The thread that each microbatch's products were taken in, and how many threads that one used."""
    seen: list[tuple[int, int]] = []
    products = Microbatch.products
    monkeypatch.setattr(Microbatch, "products", lambda self: seen.append((get_ident(), torch.get_num_threads())) or products(self))
    monkeypatch.setattr(gradients, "can_be_two", lambda: True)
    return seen


@pytest.mark.parametrize("name", EACH_WAY)
def test_the_same_as_autograd(name: str, seen: list[tuple[int, int]]) -> None:
    model, inputs = EACH_WAY[name].network(), EACH_WAY[name].inputs(N)
    agrees(gradient_products(model, inputs, labels_for(N), microbatch=MICROBATCH), by_autograd(model, inputs))
    assert len(seen) == 4


def test_pairs_share_the_threads(seen: list[tuple[int, int]]) -> None:
    gradient_products(nn.Linear(3, 4), torch.randn(5, 3), labels_for(5), microbatch=2)
    idents, threads = zip(*seen, strict=True)
    assert threads == (1, 1, 2)  # and the last microbatch has no other beside it
    assert len(set(idents)) == 2


@pytest.mark.parametrize("name", ["dropout", "called again"])
def test_what_draws_at_random_or_calls_a_module_again_is_alone(name: str, seen: list[tuple[int, int]]) -> None:
    part = nn.Dropout(0.5) if name == "dropout" else Written(lambda s, x: x * s.p, p=parameter(WIDTH))  # no rule knows the product
    gradient_products(nn.Sequential(part, head()), torch.randn(4, WIDTH), labels_for(4), microbatch=2)
    assert {ident for ident, _ in seen} == {get_ident()}


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_either_comes_out_when_both_are_done(failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x: Tensor) -> Tensor:
            ctx.first = float(x.detach()[0, 0])
            return x.clone()

        @staticmethod
        def backward(ctx, D: Tensor) -> Tensor:
            done.append(int(ctx.first))
            if int(ctx.first) == failing:
                raise RuntimeError("planted")
            return D

    model = Written(lambda s, x: s.head(Fails.apply(s.layer(x))), layer=nn.Linear(1, 1), head=nn.Linear(1, 4))
    nn.init.ones_(model.layer.weight)
    nn.init.zeros_(model.layer.bias)
    monkeypatch.setattr(gradients, "can_be_two", lambda: True)
    with pytest.raises(RuntimeError, match="planted"):
        gradient_products(model, torch.tensor([[0.0], [0.0], [1.0], [1.0]]), labels_for(4), microbatch=2)
    assert set(done) == {0, 1}


def test_one_processor_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert not concurrent.can_be_two()
    monkeypatch.setattr(concurrent.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert concurrent.can_be_two()
    torch.set_num_threads(1)
    assert not concurrent.can_be_two()
    torch.set_num_threads(2)
