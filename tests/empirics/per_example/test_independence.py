"""Models whose examples are not independent are refused by name; those that only look so are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.per_example.cases import Written
from tests.empirics.per_example.oracle import labels_for
from tests.planted import assert_rejects
from tsla.empirics.moments import gradient_moments
from tsla.empirics.moments_loop import moments_by_loop
from tsla.empirics.per_example import gradient_products
from tsla.empirics.per_example.probe import Probe

N = 6


def attention_over_the_batch(x: Tensor) -> Tensor:
    return torch.softmax(x @ x.T, dim=1) @ x


COUPLED: dict[str, Callable[[Tensor], Tensor]] = {
    "centred": lambda x: x - x.mean(0),
    "normalised": lambda x: (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt(),
    "attention over the batch": attention_over_the_batch,
    "neighbours": lambda x: x + x.roll(1, 0),
    "sorted": lambda x: x.sort(0).values,
    "scaled by their number": lambda x: x / len(x),
    "largest of the batch": lambda x: x / x.abs().amax(0),
}


def refuses(couple: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    model = Written(lambda s, x: s.head(torch.tanh(couple(s.layer(x)))), layer=nn.Linear(3, 5), head=nn.Linear(5, 4))
    refused = False
    try:
        gradient_products(model, torch.randn(N, 3), labels_for(N))
    except ValueError as error:
        refused = "independent" in str(error)
    assert refused


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_examples_are_refused(name: str) -> None:
    refuses(COUPLED[name])


def test_independent_examples_are_not() -> None:
    assert_rejects(refuses, lambda x: x)


def test_it_is_the_comparison_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "compare", lambda self, logits: None)
    assert_rejects(refuses, COUPLED["centred"])


@pytest.mark.parametrize("half", [False, True])
def test_rounding_and_random_draws_are_no_coupling(half: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU(), nn.Dropout(0.5 if not half else 0), nn.Linear(300, 4)
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        gradient_products(model, torch.randn(N, 300), labels_for(N))


def test_a_model_that_has_diverged_is_measured() -> None:
    model = nn.Linear(3, 4)
    model.weight.data.fill_(float("inf"))
    assert not gradient_products(model, torch.ones(N, 3), labels_for(N)).gg.isfinite().all()


def test_a_model_may_write_into_its_input() -> None:
    torch.manual_seed(0)
    x = torch.randn(N, 3).double()
    layer = nn.Linear(3, 4).double()
    kept = x.clone()
    writes, does_not = Written(lambda s, x: s.layer(x.mul_(2)), layer=layer), Written(lambda s, x: s.layer(2 * x), layer=layer)
    expected = moments_by_loop(does_not, x, labels_for(N))
    for measure in (gradient_moments, moments_by_loop):
        assert measure(writes, x, labels_for(N)).s2 == pytest.approx(expected.s2, rel=1e-10)
    assert torch.equal(x, kept)


def test_hooks_on_parameters_are_refused() -> None:
    model = nn.Linear(3, 4)
    handle = model.weight.register_hook(lambda D: 2 * D)
    with pytest.raises(ValueError, match="parameter weight has a hook"):
        gradient_products(model, torch.randn(N, 3), labels_for(N))
    handle.remove()
    gradient_products(model, torch.randn(N, 3), labels_for(N))
