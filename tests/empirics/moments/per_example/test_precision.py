"""In float32, in half precision and under autocast: as exact as plain autograd is there, with sums that are more exact."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.cases import ALL
from tests.empirics.moments.per_example.oracle import CLASSES, Gradients, by_autograd, errors, is_right, labels_for
from tests.empirics.moments.per_example.parts import WIDTH, Case, Written, head, layer, parameter
from tsla.empirics.moments.per_example import GradientProducts, ghost_norm, gradient_products, precision, terms
from tsla.empirics.moments.per_example.linear import EmbeddingWeight
from tsla.theory.testing.planted import assert_rejects

N = 5
# torch warns that it copies the input to pad it unevenly, and that it is slow.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
]


@pytest.mark.parametrize("name", ALL)
def test_float32(name: str) -> None:
    """Against float64: for every parameter half of the examples are within 2e-5, and none is off by more than 1e-4."""
    case = ALL[name]
    expected = by_autograd(case.network(), case.inputs(N))
    found = gradient_products(case.network(torch.float32), case.inputs(N, torch.float32), labels_for(N))
    for k, error in enumerate(relative(found, expected)):
        assert median(error) < 2e-5, found.names[k]
        assert max(error) < 1e-4, found.names[k]


def relative(found: GradientProducts, expected: Gradients) -> list[list[float]]:
    """For each parameter and example the error of ``‖g_i‖²`` and ``‖ĝ_i‖²``, next to its size and to rounding of the largest."""
    squares = [torch.stack([t.square().reshape(N, -1).sum(1) for t in pair]) for pair in zip(expected.g, expected.h, strict=True)]
    least = 1e-10 * max(float(square.max()) for square in squares)
    tables = [torch.stack((gg, hh)) for gg, hh in zip(found.gg, found.hh, strict=True)]
    return [((a - b).abs() / (b + least)).max(0).values.tolist() for a, b in zip(tables, squares, strict=True)]


# --- half precision

HALVES = [
    "linear of tokens",
    "two convolutions",
    "conv2d, groups",
    "layer norm of tokens",
    "group norm",
    "embedding, repeated tokens",
    "encoder layer",
]
HALVES += ["@", "vision transformer", "weight norm", "head of the embedding, by @", "prelu", "folded and not"]


def is_close_in(dtype: torch.dtype, tolerance: float, case: Case) -> None:
    """Within rounding of plain autograd in the same precision."""
    model, inputs = case.network(dtype), case.inputs(N, dtype)
    found, expected = gradient_products(model, inputs, labels_for(N)), by_autograd(model, inputs)
    assert all(G.dtype == torch.float32 for G in (*found.G, *found.G_hat))
    wrong = {name: error for name, error in errors(found, expected, tolerance, eps=2e-3).items() if not error < tolerance}
    assert not wrong, wrong


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", HALVES)
def test_models_in_half_precision(name: str, dtype: torch.dtype) -> None:
    """Within rounding of plain autograd in the same precision, which sums in it too."""
    is_close_in(dtype, 0.1 if dtype == torch.bfloat16 else 0.02, ALL[name])


@pytest.mark.parametrize("name", HALVES)
def test_autocast(name: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        is_close_in(torch.float32, 0.06, ALL[name])


def sums_are_exact(plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    """With inputs and weights that bfloat16 holds exactly, what autocast leaves to rounding are the gradients of the activations.

    Those of the last layer are formed of them without any sum in half precision: ``G`` is their mean to float32's rounding.
    """
    torch.manual_seed(1)
    model, x = nn.Linear(64, CLASSES), torch.randn(200, 64).bfloat16().float()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.bfloat16())
    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16):
        plant(patch)
        patch.setattr(terms, "BLOCK_EXAMPLES", 200)
        found = gradient_products(model, x, labels_for(200), microbatch=200)
        logits = model(x).detach()
    D = (logits.double().softmax(1) - nn.functional.one_hot(labels_for(200), CLASSES)).bfloat16().double()
    expected = D.T @ x.double() / 200
    assert found.G[0].dtype == torch.float32
    assert float((found.G[0] - expected).norm() / expected.norm()) < 1e-6
    squares = D.square().sum(1) * x.double().square().sum(1)
    assert float(((found.gg[0] - squares) / squares).abs().max()) < 1e-6


def test_sums_are_not_taken_in_half_precision() -> None:
    switch = precision._autocast

    def never_off(wanted: dict[str, tuple[bool, torch.dtype]]) -> ExitStack:
        return switch({device: pair for device, pair in wanted.items() if pair[0]})

    sums_are_exact(lambda patch: None)
    assert_rejects(sums_are_exact, lambda patch: patch.setattr(precision, "_autocast", never_off))


def test_autocast_inside_of_a_model() -> None:
    """What is repeated runs under the autocast that it met, also after the model has left it."""

    def partly(s: Any, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            x = s.first(x) @ s.weight
        return s.head(x.float())

    torch.manual_seed(0)
    model, x = Written(partly, first=layer(), weight=parameter(WIDTH, WIDTH), head=head()), torch.randn(N, WIDTH)
    found = gradient_products(model, x, labels_for(N))
    assert all(error < 0.03 for error in errors(found, by_autograd(model, x)).values())


def test_large_sums_in_float32() -> None:
    """Long rows: a mean over very many positions is as exact as over few."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 4000, CLASSES))
    x = torch.randn(2, 4000, 8) + 1
    found = gradient_products(model, x, labels_for(2))
    exact = errors(found, by_autograd(model.double(), x.double()))
    assert max(exact.values()) < 1e-5


@pytest.mark.parametrize("share", [None, 0.0])
def test_sums_that_nearly_cancel(share: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean gradient near a minimum is far shorter than those of the examples, and its square has float32's digits still."""
    torch.manual_seed(0)
    model, x = nn.Linear(256, 16, bias=False), torch.randn(256) + 1e-3 * torch.randn(8, 256)
    nn.init.zeros_(model.weight)
    labels = (1 + torch.tensor([1.0, -1.0]).repeat(4)[:, None] * torch.tensor([0.5, -0.5]).repeat(8)) / 16
    if share is not None:
        monkeypatch.setattr(ghost_norm, "CANCELLED", share)
    exact = gradient_products(copy.deepcopy(model).double(), x.double(), labels).mean_products[0, 0]

    def check(dtype: torch.dtype) -> None:
        found = gradient_products(model.to(dtype), x.to(dtype), labels, means=False).mean_products[0, 0]
        assert abs(float(found / exact) - 1) < 1e-4

    if share is None:
        check(torch.float32)
    else:
        assert_rejects(check, torch.float32)


@pytest.mark.parametrize("share", [None, 0.0])
def test_slopes_that_add_up_to_nothing(share: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of keys do, over the positions: where the inputs have much in common, the products of positions nearly cancel."""
    torch.manual_seed(0)
    query = 0.1 * torch.randn(64)
    model = Written(
        lambda s, x: s.head((s.key(x) @ query.to(x)).softmax(1)[..., None].mul(x.tanh()).sum(1)), key=nn.Linear(64, 64), head=head(64)
    )
    x, labels = torch.randn(N, 8, 64) + 1000 * torch.randn(64), labels_for(N)
    if share is not None:
        monkeypatch.setattr(ghost_norm, "CANCELLED", share)

    def check(dtype: torch.dtype) -> None:
        found = errors(gradient_products(model.to(dtype), x.to(dtype), labels), exact)["key.weight"]
        assert found < 0.02  # a loop in float32 is as far off

    exact = by_autograd(copy.deepcopy(model).double(), x.double())
    if share is None:
        check(torch.float32)
    else:
        assert_rejects(check, torch.float32)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_ids_of_either_size(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    for by_ghost_norm in (True, False):
        monkeypatch.setattr(EmbeddingWeight, "ghost_norm_is_cheaper", lambda self, by_ghost_norm=by_ghost_norm: by_ghost_norm)
        is_right(ALL["embedding, padding"].network(), ALL["embedding, padding"].inputs(N).to(dtype))
