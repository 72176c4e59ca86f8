"""Layers that know two ways to the same numbers: products between positions, and gradients that are formed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.cases import ALL
from tests.empirics.moments.per_example.layers import LAYERS
from tests.empirics.moments.per_example.oracle import agrees, by_autograd, is_right, labels_for
from tests.empirics.moments.per_example.parts import WIDTH, Written, head
from tsla.empirics.moments.per_example import convolution, ghost_norm, gradient_products, terms
from tsla.empirics.moments.per_example.convolution import ConvolutionWeight
from tsla.empirics.moments.per_example.linear import EmbeddingWeight, LinearWeight
from tsla.theory.testing.planted import assert_rejects

N = 5
TWO_WAYS = [name for name in LAYERS if name.startswith(("linear", "conv", "two conv", "embedding"))]
CONVOLUTIONS = [name for name in LAYERS if name.startswith(("conv", "two conv"))]
# torch warns that it copies the input to pad it unevenly.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def choose(patch: pytest.MonkeyPatch, *, by_ghost_norm: bool) -> None:
    for term in (ConvolutionWeight, LinearWeight, EmbeddingWeight):
        patch.setattr(term, "ghost_norm_is_cheaper", lambda self: by_ghost_norm)


@pytest.mark.parametrize("by_ghost_norm", [True, False], ids=["products of positions", "formed"])
@pytest.mark.parametrize("name", TWO_WAYS)
def test_either_way(name: str, by_ghost_norm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []
    original = ghost_norm.GhostNormTerm._by_ghost_norm
    choose(monkeypatch, by_ghost_norm=by_ghost_norm)
    monkeypatch.setattr(ghost_norm.GhostNormTerm, "_by_ghost_norm", lambda self: taken.append(True) or original(self))
    is_right(LAYERS[name].network(), LAYERS[name].inputs(N))
    assert bool(taken) == by_ghost_norm


@pytest.mark.parametrize("few_pixels", [True, False], ids=["shifted", "written out"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_products_of_patches_either_way(name: str, few_pixels: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, by_ghost_norm=True)
    other = "_unfolded" if few_pixels else "_shifted"
    monkeypatch.setattr(ConvolutionWeight, other, getattr(ConvolutionWeight, "_shifted" if few_pixels else "_unfolded"))
    is_right(LAYERS[name].network(), LAYERS[name].inputs(N))


@pytest.mark.parametrize("microbatch", [1, 2, 5])
@pytest.mark.parametrize("name", ["linear of tokens", "conv2d, groups", "embedding, repeated tokens"])
def test_sums_that_wait_for_more_examples(name: str, microbatch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, by_ghost_norm=True)
    monkeypatch.setattr(ghost_norm.GhostNormTerm, "entries", property(lambda self: 0))  # so that they wait until the end
    is_right(LAYERS[name].network(), LAYERS[name].inputs(N), microbatch=microbatch)


@pytest.mark.parametrize("wrong", [None, "rows", "positions"])
@pytest.mark.parametrize("name", TWO_WAYS)
def test_products_of_sums_that_are_not_formed(name: str, wrong: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it can be done: a sum is formed of several groups, and of the words of an embedding."""
    choose(monkeypatch, by_ghost_norm=True)
    monkeypatch.setattr(ghost_norm.GhostNormTerm, "entries", property(lambda self: 0))
    monkeypatch.setattr(ghost_norm.GhostNormTerm, "_rows_are_few", lambda self: True)
    monkeypatch.setattr(ghost_norm, "CANCELLED", 0)
    if wrong is None:
        is_right(LAYERS[name].network(), LAYERS[name].inputs(N))
    elif not name.startswith("embedding") and "groups" not in name and "depthwise" not in name:
        for term in (ConvolutionWeight, LinearWeight):
            right = getattr(term, wrong)
            monkeypatch.setattr(term, wrong, lambda self, *given, right=right: right(self, *given).roll(1, 0))
        assert_rejects(lambda name: is_right(LAYERS[name].network(), LAYERS[name].inputs(N)), name)


@pytest.mark.parametrize("entries", [1, 100])
def test_blocks_and_segments(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes that are for speed make no difference."""
    choose(monkeypatch, by_ghost_norm=False)
    monkeypatch.setattr(terms, "BLOCK_ENTRIES", entries)
    monkeypatch.setattr(terms, "SEGMENT", 7)
    monkeypatch.setattr(terms, "FEW_ENTRIES", 0)
    monkeypatch.setattr(convolution, "FEW_CHANNELS", 1 + entries % 4)
    terms._segment.cache_clear()
    for name in ("two convolutions", "conv2d, groups", "linear of tokens", "embedding"):
        is_right(LAYERS[name].network(), LAYERS[name].inputs(N))


# --- planted errors

Way = Callable[[ConvolutionWeight, Tensor], Tensor]
written_out = ConvolutionWeight._unfolded


def without_the_last_offset(self: ConvolutionWeight, x: Tensor) -> Tensor:
    patches = torch.cat([x[(slice(None), slice(None), *window)].flatten(2) for window in self._windows()[:-1]], dim=1)
    return patches.transpose(1, 2) @ patches


def of_the_first_pixels(self: ConvolutionWeight, x: Tensor) -> Tensor:
    """As if all offsets met the same pixels."""
    windows = self._windows()
    patches = torch.cat([x[(slice(None), slice(None), *windows[0])].flatten(2) for _ in windows], dim=1)
    return patches.transpose(1, 2) @ patches


def of_all_groups_together(self: ConvolutionWeight, x: Tensor) -> Tensor:
    return written_out(self, x.reshape(len(self.x), -1, *x.shape[2:])).repeat_interleave(self.groups, 0)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("conv2d", without_the_last_offset),
        ("conv2d, uneven", of_the_first_pixels),
        ("conv2d, groups", of_all_groups_together),
        ("conv2d, depthwise", of_all_groups_together),
    ],
)
def test_planted_products_of_patches_are_rejected(name: str, wrong: Way) -> None:
    def check(way: Way) -> None:
        with pytest.MonkeyPatch.context() as patch:
            choose(patch, by_ghost_norm=True)
            patch.setattr(ConvolutionWeight, "_unfolded", way)
            patch.setattr(ConvolutionWeight, "_shifted", way)
            is_right(LAYERS[name].network(), LAYERS[name].inputs(N))

    check(written_out)
    assert_rejects(check, wrong)


# --- layouts


@pytest.mark.parametrize("name", ["conv2d, uneven", "two convolutions", "conv2d, groups", "group norm", "batch norm of images"])
@pytest.mark.parametrize("inputs_too", [False, True])
def test_channels_last(name: str, inputs_too: bool) -> None:
    """The oracle is contiguous: torch 2.13's own gradient of a grouped kernel in this layout is wrong in float64 for a batch of one."""
    model, inputs = ALL[name].network(), ALL[name].inputs(N)
    expected = by_autograd(model, inputs)
    model = model.to(memory_format=torch.channels_last)
    inputs = inputs.contiguous(memory_format=torch.channels_last) if inputs_too else inputs
    agrees(gradient_products(model, inputs, labels_for(N)), expected)


@pytest.mark.parametrize("name", ["linear of tokens", "conv1d", "layer norm of tokens", "self-attention", "matmul"])
def test_inputs_that_are_not_contiguous(name: str) -> None:
    case = ALL[name]
    inputs = case.inputs(N)
    strided = torch.stack([inputs, torch.full_like(inputs, float("nan"))], dim=-1).movedim(0, -2)[..., 0].movedim(-1, 0)
    assert torch.equal(strided, inputs)
    assert not strided.is_contiguous()
    is_right(case.network(), strided)


def test_a_parameter_that_is_not_contiguous() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    model[0].weight = nn.Parameter(torch.randn(6, 8).double()[:, ::2].T)
    is_right(model, torch.randn(N, 6).double())


def test_the_way_is_chosen_by_cost() -> None:
    """Few positions: products between them. Many: gradients."""
    for tokens, expected in ((1, True), (50, False)):
        term = LinearWeight(nn.Parameter(torch.zeros(8, 8)), torch.zeros(2, tokens, 8))
        assert term.ghost_norm_is_cheaper() == expected


# --- parameters without entries

EMPTY: dict[str, tuple[Callable[[], nn.Module | nn.Parameter], Callable[[Any, Tensor], Tensor]]] = {
    "added": (lambda: nn.Parameter(torch.zeros(0)), lambda s, x: x[:, :0] + s.empty),
    "summed": (lambda: nn.Parameter(torch.zeros(0)), lambda s, x: s.empty.sum() + 0 * x),
    "a factor": (lambda: nn.Parameter(torch.zeros(WIDTH, 0)), lambda s, x: x @ s.empty),
    "linear": (lambda: nn.Linear(WIDTH, 0), lambda s, x: s.empty(x)),
    "linear of nothing": (lambda: nn.Linear(0, 1), lambda s, x: s.empty(x[:, :0])),
    "linear of tokens": (lambda: nn.Linear(WIDTH, 0), lambda s, x: s.empty(x[:, None].expand(-1, 4, -1)).sum(1)),
    "twice": (lambda: nn.Linear(WIDTH, 0), lambda s, x: s.empty(x) + s.empty(2 * x)),
    "embedding": (lambda: nn.Embedding(3, 0), lambda s, x: s.empty(x[:, 0].sign().long() + 1)),
    "norm": (lambda: nn.LayerNorm(0), lambda s, x: s.empty(x[:, :0])),
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op")
@pytest.mark.parametrize("name", EMPTY)
def test_a_parameter_without_entries_has_no_part(name: str) -> None:
    make, use = EMPTY[name]
    torch.manual_seed(0)
    model = Written(lambda s, x: s.head(x) + use(s, x).sum(1, keepdim=True), empty=make(), head=head())
    is_right(model.double(), torch.randn(N, WIDTH, dtype=torch.float64))
