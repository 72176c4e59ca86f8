"""Models whose examples are not independent are refused by name; those that only look so are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.oracle import labels_for
from tests.empirics.moments.per_example.parts import Backward, Written
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import measure
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.empirics.moments.per_example import gradient_products
from tsla.theory.testing.planted import assert_rejects

N = 6


def where(x: Tensor, rows: slice, new: Tensor) -> Tensor:
    chosen = torch.zeros(len(x), 1, dtype=torch.bool)
    chosen[rows] = True
    return torch.where(chosen, new, x)


def hooked(x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    x = x.clone()
    x.register_hook(change)
    return x


def hooked_module(register: str, hook: Callable[..., tuple[Tensor]]) -> nn.Module:
    layer = nn.Hardtanh(-100, 100)
    getattr(layer, register)(hook)
    return layer


def centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


def running_sum_back(x: Tensor) -> Tensor:
    return x.flip(0).cumsum(0).flip(0)


Couple = Callable[[Tensor], Tensor]
COUPLED: dict[str, Couple] = {
    "centred": centred,
    "normalised": lambda x: (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt(),
    "attention over the batch": lambda x: torch.softmax(x @ x.T, dim=1) @ x,
    "the neighbour before": lambda x: x + x.roll(1, 0),
    "the neighbour after": lambda x: x + x.roll(-1, 0),
    "sorted": lambda x: x.sort(0).values,
    "scaled by their number": lambda x: x / len(x),
    "largest of the batch": lambda x: x / x.abs().amax(0),
    "running sum": lambda x: x.cumsum(0),
    "running sum from the last": running_sum_back,
    "mixed with the reversed": lambda x: x + x.flip(0),
    "only the last": lambda x: where(x, slice(-1, None), x + x[0]),
    "only the first": lambda x: where(x, slice(1), x + x[-1]),
    "only the even ones": lambda x: where(x, slice(0, None, 2), x + x.roll(-1, 0)),
    "only the odd ones": lambda x: where(x, slice(1, None, 2), x + x.roll(1, 0)),
    "difference to the one before": lambda x: x + torch.diff(x, dim=0, prepend=x[:1]),
    "difference to the one after": lambda x: x + torch.diff(x, dim=0, append=x[-1:]),
    # in the backward pass alone
    "centred gradient": lambda x: Backward.apply(x, centred),
    "running sum of gradients": lambda x: Backward.apply(x, lambda D: D.cumsum(0)),
    "running sum of gradients from the last": lambda x: Backward.apply(x, running_sum_back),
    "hook on a tensor": lambda x: hooked(x, centred),
    "hook that divides by their number": lambda x: hooked(x, lambda D: D / len(D)),
    "hook on the layer's own output": lambda x: [x, x.register_hook(centred)][0],
    "loop, divided by their number": lambda x: torch.stack([t / len(x) for t in x]),
    "hook on a module": hooked_module("register_full_backward_hook", lambda m, D_in, D: (centred(D_in[0]),)),
    "hook of the old kind": hooked_module("register_backward_hook", lambda m, D_in, D: (centred(D_in[0]),)),
    "hook before a module": hooked_module("register_full_backward_pre_hook", lambda m, D: (centred(D[0]),)),
    "value of the mean detached": lambda x: x + x.mean(0) - x.mean(0).detach(),
    "the mean's data": lambda x: x + x.mean(0) - x.mean(0).data,
}
INDEPENDENT: dict[str, Couple] = {
    "identity": lambda x: x,
    "gradient doubled": lambda x: Backward.apply(x, lambda D: 2 * D),
    "hook that doubles": lambda x: hooked(x, lambda D: 2 * D),
    "straight through": lambda x: x + (x.round() - x).detach(),
}


def recurrent(kind: type[nn.Module], **options: object) -> nn.Module:
    """A classifier of ``(n, 5, 4)``; without ``batch_first`` the examples are steps in time to the layer."""
    width = 12 if options.get("bidirectional") else 6
    return Written(lambda s, x: s.head(s.layer(x)[0][:, -1]), layer=kind(4, 6, **options), head=nn.Linear(width, 4))


RECURRENT = {
    "GRU": lambda **given: recurrent(nn.GRU, **given),
    "LSTM": lambda **given: recurrent(nn.LSTM, **given),
    "RNN": lambda **given: recurrent(nn.RNN, **given),
    "GRU of two layers": lambda **given: recurrent(nn.GRU, num_layers=2, **given),
    "GRU in both directions": lambda **given: recurrent(nn.GRU, bidirectional=True, **given),
    "transformer": lambda **given: nn.Sequential(
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, **given), nn.LayerNorm(4), nn.GroupNorm(1, 5), nn.Flatten(), nn.Linear(20, 4)
    ),
}


def with_layer(couple: Couple) -> nn.Module:
    return Written(lambda s, x: s.head(torch.tanh(couple(s.layer(x)))), layer=nn.Linear(4, 5), head=nn.Linear(5, 4))


def is_refused(make: Callable[[], nn.Module], *shape: int, microbatch: int = 32) -> bool:
    """Whether gradients of so many examples are refused; else they are those of the loop."""
    torch.manual_seed(0)
    model, x = make().double(), torch.randn(*shape).double()
    try:
        found = gradient_moments(model, x, labels_for(len(x)), microbatch=microbatch)
    except ValueError as error:
        if "does not treat the examples of a batch independently" not in str(error):
            raise
        return True
    assert astuple(found) == pytest.approx(astuple(moments_by_loop(model, x, labels_for(len(x)))), rel=1e-9, abs=1e-12)
    return False


def refuses(couple: Couple, n: int = 6, microbatch: int = 32) -> None:
    assert is_refused(lambda: with_layer(couple), n, 4, microbatch=microbatch)


@pytest.mark.parametrize(("n", "microbatch"), [(2, 32), (3, 32), (6, 32), (33, 32), (5, 2)])
@pytest.mark.parametrize("name", COUPLED)
def test_coupled_examples_are_refused(name: str, n: int, microbatch: int) -> None:
    refuses(COUPLED[name], n, microbatch)


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_examples_are_not(name: str, n: int) -> None:
    assert not is_refused(lambda: with_layer(INDEPENDENT[name]), n, 4)


@pytest.mark.parametrize("name", COUPLED)
def test_one_example_is_refused_or_right(name: str) -> None:
    """No other example is there; neither is one where microbatches hold one each."""
    for n in (1, 3):
        is_refused(lambda: with_layer(COUPLED[name]), n, 4, microbatch=1)


@pytest.mark.parametrize("n", [2, 6, 33])
@pytest.mark.parametrize("name", RECURRENT)
def test_the_first_dimension_is_that_of_the_examples(name: str, n: int) -> None:
    assert is_refused(RECURRENT[name], n, 5, 4)
    assert not is_refused(lambda: RECURRENT[name](batch_first=True), n, 5, 4)


@pytest.mark.parametrize("name", ["GRU", "transformer"])
def test_monitor_and_measure_refuse_too(name: str) -> None:
    model, data = RECURRENT[name](), (torch.randn(8, 5, 4), labels_for(8))
    message = "does not treat the examples of a batch independently"
    with pytest.raises(ValueError, match=message):
        measure(model, [data])
    with pytest.warns(UserWarning, match=message):
        MomentsMonitor(model, data, every=1, examples=8).step()


def first_copy_alone(k: int) -> list[list[int]]:
    """The probe as copies of the first example, all of whose neighbours are itself."""
    return [[0]] if k > 1 else [[0, 0]]


@pytest.mark.parametrize(
    ("name", "where", "wrong"),
    [
        ("running sum", "elsewhere", first_copy_alone),
        ("only the odd ones", "elsewhere", first_copy_alone),
        ("difference to the one before", "elsewhere", first_copy_alone),
        ("centred", "Probe.compare", lambda self, logits, detours: None),
        ("centred gradient", "Probe.compare_gradients", lambda self, true, squares: None),
    ],
)
def test_planted_probes_are_rejected(name: str, where: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"tsla.empirics.moments.per_example.probe.{where}", wrong)
    assert_rejects(refuses, COUPLED[name])


def in_two_orders(x: Tensor, s: Any) -> Tensor:
    """Halves change places and change back, which nothing but a look at the gradients tells."""
    there = s.layer(torch.cat([x[len(x) // 2 :], x[: len(x) // 2]])).tanh()
    return torch.cat([there[-(len(x) // 2) :], there[: -(len(x) // 2)]]) + s.layer(x)


def refuses_two_orders(n: int) -> None:
    assert is_refused(lambda: Written(lambda s, x: s.head(in_two_orders(x, s)), layer=nn.Linear(4, 5), head=nn.Linear(5, 4)), n, 4)


def test_two_uses_of_a_parameter_in_different_orders_are_refused_where_no_rule_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    refuses_two_orders(N)
    monkeypatch.setattr("tsla.empirics.moments.per_example.probe.Probe.compare_gradients", lambda self, true, squares: None)
    assert_rejects(refuses_two_orders, N)


def hides_a_class(couple: Couple) -> nn.Module:
    """With a logit of -inf, as where a class is not to be had."""
    hidden = torch.tensor([0.0, 0, 0, -torch.inf])
    return Written(lambda s, x: s.head(torch.tanh(couple(s.layer(x)))) + hidden, layer=nn.Linear(4, 5), head=nn.Linear(5, 4))


def test_an_infinite_logit_hides_no_coupling() -> None:
    x, smoothing = torch.randn(N, 4), torch.tensor([1 / 3, 1 / 3, 1 / 3, 0])
    with pytest.raises(ValueError, match="independently"):
        gradient_moments(hides_a_class(centred), x, torch.arange(N) % 3, smoothing)
    assert gradient_moments(hides_a_class(lambda x: x), x, torch.arange(N) % 3, smoothing).s2 > 0


@pytest.mark.parametrize("half", [False, True])
def test_rounding_and_random_draws_are_no_coupling(half: bool) -> None:
    torch.manual_seed(0)
    wide = nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU()
    model = nn.Sequential(*wide, nn.Dropout(0 if half else 0.5), nn.Linear(300, 4))
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
    for moments in (gradient_moments, moments_by_loop):
        assert moments(writes, x, labels_for(N)).s2 == pytest.approx(expected.s2, rel=1e-10)
    assert torch.equal(x, kept)


def test_hooks_on_parameters_are_refused() -> None:
    model = nn.Linear(3, 4)
    handle = model.weight.register_hook(lambda D: 2 * D)
    with pytest.raises(ValueError, match="parameter weight has a hook"):
        gradient_products(model, torch.randn(N, 3), labels_for(N))
    handle.remove()
    gradient_products(model, torch.randn(N, 3), labels_for(N))
