"""All cases, with those of parameters that are used more than once or not at all, and of derived ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.nn.utils import parametrizations, parametrize, prune

from tests.empirics.moments.per_example.functions import FUNCTIONS
from tests.empirics.moments.per_example.layers import ATTENTION, LAYERS, OTHER_LAYERS
from tests.empirics.moments.per_example.parts import (
    ENTRIES,
    TOKENS,
    WIDTH,
    Backward,
    Case,
    Written,
    encoder,
    frozen,
    head,
    headed,
    layer,
    of_tokens,
    parameter,
    written,
)


def stashing(s: Any, x: Tensor) -> Tensor:
    """Keeps what it made of its parameter, for others to use."""
    s.made = s.p * 2
    return F.linear(x, s.made)


def deep() -> nn.Module:
    return nn.Sequential(layer(), nn.Tanh(), layer(), nn.Tanh(), head())


def cached(s: Any, x: Tensor) -> Tensor:
    with parametrize.cached():
        return s.a(s.a(s.a(x).tanh()).tanh())


def sorted_by(s: Any, x: Tensor) -> Tensor:
    """Goes through the layer in order of a value, as sentences do in order of their length, and once more as it is."""
    order = x[:, 0].argsort()
    return s.a(x[order]).tanh()[order.argsort()] + s.a(x.sin())


def in_order(move: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> Case:
    return headed(lambda s, x: back(s.a(move(x)).tanh()) + s.a(x), "a")


def backwards(x: Tensor) -> list[int]:
    return [*reversed(range(len(x)))]


SHARED: dict[str, Case] = {
    "sorted and put back": headed(sorted_by, "a"),
    "turned round": in_order(lambda x: x.flip(0), lambda x: torch.flip(x, (0,))),
    "rolled": in_order(lambda x: x.roll(1, 0), lambda x: torch.roll(x, -1, 0)),
    "selected": in_order(lambda x: x.index_select(0, torch.tensor(backwards(x))), lambda x: x[backwards(x)]),
    "head of the sorted embedding": headed(
        lambda s, x: F.linear(s.a(s.e(x[(o := x.sum(1).argsort())])).tanh().mean(1)[o.argsort()], s.e.weight),
        "e a",
        TOKENS,
        ids=True,
        head=ENTRIES,
    ),
    "linear twice": headed(lambda s, x: s.a(s.a(x).tanh()), "a"),
    "linear of a vector and of tokens": of_tokens(lambda s, x: s.a(s.a(x).tanh().mean(1)).tanh(), "a"),
    "convolution twice": headed(
        lambda s, x: F.avg_pool2d(s.c(s.c(x).tanh()), 2).flatten(1), "", 2, 4, 4, c=lambda: nn.Conv2d(2, 2, 3, padding=1), head=8
    ),
    "norm twice": headed(lambda s, x: s.n(s.n(x).tanh()), "", n=lambda: nn.LayerNorm(WIDTH)),
    "embedding twice": headed(lambda s, x: s.e(x).mean(1) * s.e(x.flip(1)[:, :2]).sum(1), "e", TOKENS, ids=True),
    "head of the embedding": headed(lambda s, x: F.linear(s.a(s.e(x)).tanh().mean(1), s.e.weight), "e a", TOKENS, ids=True, head=ENTRIES),
    "head of the embedding, by @": headed(lambda s, x: s.a(s.e(x)).tanh().mean(1) @ s.e.weight.T, "e a", TOKENS, ids=True, head=ENTRIES),
    "rule and fallback": headed(lambda s, x: s.a(x).tanh() @ s.a.weight, "a"),
    "rule and fallback, the other way": headed(lambda s, x: s.a((x @ s.a.weight).tanh()), "a"),
    "fallback twice": headed(lambda s, x: s.p(s.a(s.p(x))), "a", p=lambda: nn.PReLU(WIDTH)),
    "recurrent network twice": of_tokens(lambda s, x: s.r(s.r(x)[0])[0][:, -1], "", r=lambda: nn.GRU(WIDTH, WIDTH, batch_first=True)),
    "recurrent network twice, and its weight": of_tokens(
        lambda s, x: s.r(s.r(x)[0])[0][:, -1] @ s.r.weight_ih_l0[:WIDTH], "", r=lambda: nn.LSTM(WIDTH, WIDTH, batch_first=True)
    ),
    "made before the module that owns it": headed(lambda s, x: s.a(x @ (s.a.weight.T * 1.5)), "a"),
    "made and kept": headed(lambda s, x: F.linear(s.a(x).tanh(), s.a.made), "", a=lambda: Written(stashing, p=parameter(WIDTH, WIDTH))),
    "made once, used thrice": headed(cached, "", a=lambda: parametrizations.weight_norm(layer())),
    "made in front of rules": headed(
        lambda s, x: s.m(x), "", m=lambda: Written(lambda s, x: s.c(s.b(x @ s.p.T).tanh()), p=parameter(WIDTH, WIDTH), b=layer(), c=layer())
    ),
    "one tensor under two names": Case(lambda: two_names(), (WIDTH,)),
    "attention twice": headed(lambda s, x: s.t(s.t(x)).mean(1), "", 5, WIDTH, t=encoder),
    "bias of two layers": Case(lambda: one_bias(), (TOKENS, WIDTH)),
    "unused": headed(lambda s, x: s.a(x), "a b p"),
    "used without effect": written(lambda s, x: (s.a(x), s.head(x))[1], "a"),
    "head that is not looked at": written(
        lambda s, x: ((h := s.a(x).tanh()), s.aux(h), s.head(h))[2], "a", aux=lambda: nn.Sequential(layer(), nn.PReLU())
    ),
    "stopped": headed(lambda s, x: s.a(x) + Backward.apply(s.b(s.c(s.a(x))), lambda D: None), "a b", c=nn.PReLU),
    "detached": headed(lambda s, x: s.a(x) + s.b(x).detach() * s.p.detach(), "a b p"),
    "frozen weight": Case(lambda: frozen(deep(), "2.weight"), (WIDTH,)),
    "frozen bias": Case(lambda: frozen(deep(), "0.bias", "2.bias"), (WIDTH,)),
    "frozen front": Case(lambda: frozen(deep(), "0"), (WIDTH,)),
    "frozen head": Case(lambda: frozen(deep(), "4"), (WIDTH,)),
    "frozen kernel": Case(
        lambda: frozen(nn.Sequential(nn.Conv1d(1, 3, 3), nn.GroupNorm(3, 3), nn.Flatten(), head(12)), "0.weight", "1.bias"), (1, WIDTH)
    ),
    "frozen part of what is made": Case(
        lambda: frozen(nn.Sequential(parametrizations.weight_norm(layer()), head()), "0.parametrizations.weight.original0"), (WIDTH,)
    ),
    "only the bias of the head": Case(lambda: frozen(nn.Sequential(layer(), head()), "0", "1.weight"), (WIDTH,)),
}


def two_names() -> nn.Module:
    model = nn.Sequential(layer(), nn.Tanh(), layer(), head())
    model[2].weight = model[0].weight
    return model


def one_bias() -> nn.Module:
    model = Written(lambda s, x: s.head(s.b(s.a(x)[:, 0].tanh())), a=layer(), b=layer(), head=head())
    model.b.bias = model.a.bias
    return model


def normed(norm: Callable[..., nn.Module], training: bool = True) -> Case:
    return Case(
        lambda: nn.Sequential(norm(nn.Conv2d(1, 3, 3)), nn.ReLU(), norm(nn.Conv2d(3, 3, 2)), nn.Flatten(), norm(head(27))),
        (1, 6, 6),
        training=training,
    )


DERIVED: dict[str, Case] = {
    "weight norm": normed(parametrizations.weight_norm),
    "weight norm in evaluation": normed(parametrizations.weight_norm, training=False),
    "spectral norm": normed(parametrizations.spectral_norm),
    "spectral norm in evaluation": normed(parametrizations.spectral_norm, training=False),
    "orthogonal": Case(lambda: nn.Sequential(parametrizations.orthogonal(layer()), nn.Tanh(), head()), (WIDTH,)),
    "pruned": normed(lambda module: prune.l1_unstructured(module, "weight", 0.5)),
    "weight norm twice": headed(lambda s, x: s.a(s.a(x).tanh()), "", a=lambda: parametrizations.weight_norm(layer())),
}

ALL: dict[str, Case] = LAYERS | OTHER_LAYERS | ATTENTION | FUNCTIONS | SHARED | DERIVED
# One for each way: a rule, a formed gradient, an embedding, a fallback, a made weight, shared ones, folded examples.
EACH_WAY = {
    name: ALL[name]
    for name in (
        "conv2d, uneven",
        "linear of tokens",
        "layer norm of tokens",
        "batch norm of images",
        "embedding, padding",
        "gru",
        "cross-attention, tokens first",
        "self-attention, as many tokens as examples",
        "vision transformer, sliced",
        "spectral norm",
        "rule and fallback",
        "head of the embedding, by @",
        "folded and not",
        "sequence first, as long as the batch",
        "tokens to experts",
        "lstm of packed sequences",
    )
}
