"""Small networks, each for one way in which a parameter is used in a forward function."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.utils.checkpoint import checkpoint

from tests.empirics.moments.per_example.oracle import CLASSES
from tests.empirics.moments.per_example.parts import TOKENS, WIDTH, Case, Written, encoder, head, headed, layer, of_tokens, table, written


def vision_transformer(added: Callable[[Tensor, Tensor], Tensor], positions: int = 5) -> Case:
    """Patches, a class token, a position embedding of the root module, and layer scale: ``added`` is how the position comes in."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.patches(x).flatten(2).transpose(1, 2)
        x = added(torch.cat((s.token.expand(x.shape[0], -1, -1), x), dim=1), s.position)
        y = s.norm(x)
        x = x + s.gamma * s.attention(y, y, y, need_weights=False)[0]
        return x[:, 0]

    parts = {"norm": lambda: nn.LayerNorm(WIDTH), "attention": lambda: nn.MultiheadAttention(WIDTH, 2, batch_first=True), "gamma": (WIDTH,)}
    embedding = {"patches": lambda: nn.Conv2d(1, WIDTH, 2, stride=2), "token": (1, 1, WIDTH), "position": (1, positions, WIDTH)}
    return headed(forward, "", 1, 4, 4, **embedding, **parts)


class Standardised(nn.Conv2d):
    """A convolution whose kernel is standardised on the way."""

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, (self.weight - mean) / (var + 1e-5).sqrt(), self.bias, self.stride, self.padding, self.dilation, self.groups)


def in_place_on_a_view(of: Callable[[Tensor], Tensor]) -> Case:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        of(h).add_(s.p)
        return h.tanh().mean(1)

    return of_tokens(forward, "a p")


def set_item(s: Any, x: Tensor) -> Tensor:
    h = s.a(x)
    h[:, 1] = s.p
    h[:, :1] += s.p
    return h.tanh().mean(1)


def in_place_residual(s: Any, x: Tensor) -> Tensor:
    h = s.a(x)
    h += s.b(h.clone())
    h += s.p
    h *= s.q
    return h.relu_()


def made_in_place(s: Any, x: Tensor) -> Tensor:
    w = s.w * 1
    w += s.p
    y = F.linear(s.a(x), w).tanh()
    w = w.clone()
    w[0] = s.p
    return F.linear(y, w)


def to_experts(s: Any, x: Tensor) -> Tensor:
    """Each token goes to the expert that it likes best: how many come to one depends on their values."""
    tokens = x.reshape(-1, WIDTH)
    weights = s.gate(tokens).softmax(1)
    out = torch.zeros_like(tokens)
    for k, expert in enumerate(s.experts):
        own = (weights.argmax(1) == k).nonzero().squeeze(1)
        out = out.index_add(0, own, expert(tokens[own]) * weights[own, k : k + 1])
    return out.view(x.shape).mean(1)


def iterated(s: Any, x: Tensor) -> Tensor:
    """A fixed point, after as many steps as these examples need."""
    z, off = torch.zeros_like(x), 1.0
    with torch.no_grad():
        while off > 10 * torch.finfo(x.dtype).eps:
            before, z = z, torch.tanh(s.a(z) / 4 + x)
            off = float((z - before).norm())  # of all of them
    return s.b(torch.tanh(s.a(z) / 4 + x))


def hooked(x: Tensor) -> Tensor:
    """Its gradient is another function of itself, for each example apart."""
    x.register_hook(lambda D: D * D.abs())
    return x


def slope(s: Any, x: Tensor) -> Tensor:
    """With the derivative of a function of a layer's output, held fixed."""
    x = x.clone().requires_grad_()
    y = s.a(x)
    return y + torch.autograd.grad(y.sin().sum(), x, retain_graph=True)[0]


def without_gradients(s: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        return s.inner(x)


def with_gradients(s: Any, x: Tensor) -> Tensor:
    with torch.enable_grad():
        return s.act(s.a(x))


def by_mask(s: Any, x: Tensor) -> Tensor:
    """Every example has exactly one token that is kept, but for the network that is chance."""
    keep = x[:, :, 0] == x[:, :, 0].amax(1, keepdim=True)
    return s.a(x[keep]).tanh()


FUNCTIONS: dict[str, Case] = {
    "vision transformer": vision_transformer(operator.add),
    "vision transformer, in place": vision_transformer(operator.iadd),
    "vision transformer, sliced": vision_transformer(lambda x, position: x + position[:, : x.size(1)], positions=10),
    "positions looked up": headed(lambda s, x: (s.e(x) + s.p(torch.arange(x.size(1)))).tanh().mean(1), "e", TOKENS, ids=True, p=table),
    "positions looked up for each example": headed(
        lambda s, x: (s.e(x) + s.p(torch.arange(x.size(1)).expand_as(x))).tanh().mean(1), "e", TOKENS, ids=True, p=table
    ),
    "sequence first": of_tokens(
        lambda s, x: s.norm(s.a(x.transpose(0, 1)) + s.p).tanh().mean(0), "a", p=(TOKENS, 1, WIDTH), norm=lambda: nn.LayerNorm(WIDTH)
    ),
    "sequence first, as long as the batch": headed(
        lambda s, x: (s.a(x.transpose(0, 1)) + s.p).tanh().mean(0), "a", 5, WIDTH, p=(5, 1, WIDTH)
    ),
    "functional linear": headed(lambda s, x: F.linear(x, s.w, s.p).tanh(), "w p"),
    "functional linear with a vector": headed(lambda s, x: x * F.linear(x, s.p)[:, None], "p"),
    "functional convolution": headed(lambda s, x: F.conv2d(x, s.w, stride=2).tanh().flatten(1), "", 2, 5, 5, w=(3, 2, 2, 2), head=12),
    "matmul": headed(lambda s, x: torch.matmul(s.a(x), s.w).tanh(), "a w"),
    "@": of_tokens(lambda s, x: (s.a(x) @ s.w).tanh().mean(1), "a w"),
    "@ from the left": of_tokens(lambda s, x: (s.w @ s.a(x)).tanh().mean(1), "a", w=(3, TOKENS)),
    "einsum": of_tokens(lambda s, x: torch.einsum("ntd,tde->ne", s.a(x), s.w).tanh(), "a", w=(TOKENS, WIDTH, WIDTH)),
    "addmm": headed(lambda s, x: torch.addmm(s.p, s.a(x), s.w).tanh(), "a p w"),
    "scale, power, division": headed(lambda s, x: (s.p * s.a(x)).exp() ** s.q / (1 + s.r**2), "a p q r"),
    "numbers": headed(lambda s, x: s.p * s.a(x) + s.q - s.r, "a", p=(), q=(), r=(1,)),
    "added on either side": headed(lambda s, x: s.p + torch.add(s.q, s.a(x)) + torch.add(x, s.r, alpha=2), "a p q r"),
    "added, broadcast": of_tokens(lambda s, x: (s.a(x)[:, :, None] + s.p).tanh().mean((1, 2)), "a", p=(TOKENS, 3, 1)),
    "where, clamp, cat": headed(lambda s, x: torch.where(x > 0, s.p, s.a(x)) + torch.cat([s.q.expand(len(x), -1), x], 1)[:, 3:9], "a p q"),
    "transposed": headed(lambda s, x: s.a(x) @ s.w.T + F.linear(x, s.w.t()), "a w"),
    "low rank": headed(lambda s, x: F.linear(s.a(x), s.w + s.u @ s.v), "a w", u=(WIDTH, 2), v=(2, WIDTH)),
    "made by a network": headed(
        lambda s, x: F.linear(s.a(x), s.h(s.code).tanh().view(WIDTH, WIDTH), s.code),
        "a",
        code=(WIDTH,),
        h=lambda: nn.Linear(WIDTH, WIDTH * WIDTH),
    ),
    "standardised kernels": headed(
        lambda s, x: s.c(s.c(x).tanh()).flatten(1), "", 2, 4, 4, c=lambda: Standardised(2, 2, 3, padding=1), head=32
    ),
    "queries of attention": of_tokens(
        lambda s, x: F.scaled_dot_product_attention(s.q.expand(len(x), -1, -1), s.a(x), x).flatten(1), "a", q=(1, 2, WIDTH), head=2 * WIDTH
    ),
    "expanded along the second dimension": headed(lambda s, x: (s.q.expand(-1, len(x), -1) * s.a(x)).tanh().sum(0), "a", q=(2, 1, WIDTH)),
    "expanded along two dimensions": of_tokens(lambda s, x: (s.q.expand(len(x), TOKENS, -1) + s.a(x)).tanh().mean(1), "a", q=(1, 1, WIDTH)),
    "expanded as": of_tokens(lambda s, x: (s.q.expand_as(x) * s.a(x)).tanh().mean(1), "a", q=(WIDTH,)),
    "queries without a batch": of_tokens(
        lambda s, x: F.softmax(torch.einsum("qd,ntd->nqt", s.q, s.a(x)), -1).matmul(x).flatten(1), "a", q=(2, WIDTH), head=2 * WIDTH
    ),
    "repeated token": of_tokens(lambda s, x: torch.cat((s.p.repeat(len(x), 1, 1), s.a(x)), 1).tanh().mean(1), "a", p=(1, 2, WIDTH)),
    "folded": of_tokens(lambda s, x: s.a(x.reshape(-1, WIDTH)).view(len(x), -1, WIDTH).tanh().mean(1), "a"),
    "folded twice": of_tokens(lambda s, x: s.a(s.a(x.reshape(-1, WIDTH)).tanh()).view(len(x), -1, WIDTH).mean(1), "a"),
    "folded and not": of_tokens(lambda s, x: s.a(s.a(x.reshape(-1, WIDTH)).tanh().view(len(x), -1, WIDTH)).mean(1), "a"),
    "folded in a window": of_tokens(
        lambda s, x: s.w(s.a(x)).mean(1),
        "a",
        w=lambda: Written(lambda s, x: x + s.layer(x.view(-1, 2, WIDTH)).reshape(x.shape), layer=encoder()),
    ),
    "folded, time in front": of_tokens(lambda s, x: s.a(x.transpose(0, 1).reshape(-1, WIDTH)).tanh().view(-1, len(x), WIDTH).mean(0), "a"),
    "folded in two steps": of_tokens(
        lambda s, x: s.a(s.a(x).view(-1, 2, WIDTH).view(-1, WIDTH)).view(len(x), -1, WIDTH).tanh().mean(1), "a"
    ),
    "folded, norm": of_tokens(
        lambda s, x: s.norm(s.a(x).flatten(0, 1)).view(len(x), -1, WIDTH).tanh().mean(1), "a", norm=lambda: nn.LayerNorm(WIDTH)
    ),
    "folded, transposed in place": of_tokens(
        lambda s, x: s.a(x.view(-1, 2, WIDTH).transpose_(0, 1)).transpose(0, 1).reshape(x.shape).tanh().mean(1), "a"
    ),
    "folded, made weight": of_tokens(lambda s, x: F.linear(x.reshape(-1, WIDTH), s.w.T).view(len(x), -1, WIDTH).tanh().mean(1), "w"),
    "flattened by view": of_tokens(lambda s, x: s.a(x).relu().view(x.size(0), -1), "a", head=24),
    "in place, residual": headed(in_place_residual, "a b p q"),
    "in place, on a view": in_place_on_a_view(lambda h: h[:, 0]),
    "in place, on a view of all": in_place_on_a_view(lambda h: h.view(len(h), -1, WIDTH)),
    "in place, items": of_tokens(set_item, "a p"),
    "in place, relu after a convolution": Case(
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Conv2d(3, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), head(12)),
        (1, 6, 6),
    ),
    "dense concatenation": headed(
        lambda s, x: torch.cat([x, y := s.a(x).relu(), s.b(torch.cat([x, y], 1)).relu()], 1),
        "a",
        b=lambda: nn.Linear(2 * WIDTH, 3),
        head=15,
    ),
    "made in place": headed(made_in_place, "w p a"),
    "tokens to experts": of_tokens(
        to_experts, "", gate=lambda: nn.Linear(WIDTH, 3), experts=lambda: nn.ModuleList([layer() for _ in range(3)])
    ),
    "tokens by a mask": of_tokens(by_mask, "a"),
    "complex numbers": headed(lambda s, x: torch.fft.irfft(torch.fft.rfft(s.a(x)) * torch.view_as_complex(s.p), n=WIDTH), "a", p=(4, 2)),
    "one tensor for two outputs": headed(
        lambda s, x: (b := s.two(x))[0] * b[1],
        "",
        two=lambda: Written(lambda s, x: (h := s.a(x.reshape(-1, 3)).view(x.shape), h), a=nn.Linear(3, 3)),
    ),
    "in place, logits": written(lambda s, x: s.head(x).mul_(2).add_(s.p), "", p=(CLASSES,)),
    "in place, relu after tokens": of_tokens(lambda s, x: s.a(x).relu_().mean(1), "a"),
    "in place, relu after conv1d": headed(lambda s, x: s.a(x).relu_().flatten(1), "", 2, 8, a=lambda: nn.Conv1d(2, 2, 3), head=12),
    "inside of vmap": headed(lambda s, x: torch.vmap(lambda t: F.linear(t, s.w))(s.a(x)), "a w"),
    "vmap over weights": headed(lambda s, x: torch.vmap(lambda w: F.linear(x, w))(s.w).tanh().mean(0), "", w=(3, WIDTH, WIDTH)),
    "loop over examples": written(lambda s, x: torch.stack([s.head(s.a(t).tanh() + s.p) for t in x]), "a p"),
    "loop over examples, without parameters": headed(lambda s, x: torch.stack([t.sin() for t in s.a(x)]), "a"),
    "several outputs": headed(
        lambda s, x: (b := s.two(x))[0] * b[1], "", two=lambda: Written(lambda s, x: (s.a(x), s.b(x).tanh()), a=layer(), b=layer())
    ),
    "checkpoint": headed(
        lambda s, x: checkpoint(s.inner, x, use_reentrant=False), "", inner=lambda: nn.Sequential(layer(), nn.Tanh(), nn.PReLU(), layer())
    ),
    "checkpoint, channels normalised": headed(
        lambda s, x: checkpoint(s.inner, x, use_reentrant=False),
        "",
        inner=lambda: nn.Sequential(layer(), nn.GroupNorm(2, WIDTH), nn.Tanh(), layer()),
    ),
    "iterated without gradients": headed(iterated, "a b"),
    "hook on what a layer gives": headed(lambda s, x: hooked(s.a(x)).tanh(), "a"),
    "hooks, and in place between": headed(lambda s, x: hooked(hooked(s.a(x)).add_(s.p)).tanh(), "a p"),
    "hook on what has no rule": headed(lambda s, x: hooked(s.act(s.a(x))).tanh(), "a", act=nn.PReLU),
    "hook on one of several outputs": headed(
        lambda s, x: hooked(s.rnn(x[:, None])[1][0])[-1], "", rnn=lambda: nn.LSTM(WIDTH, WIDTH, batch_first=True)
    ),
    "hook on what is made of a parameter": headed(lambda s, x: F.linear(s.a(x), hooked(2 * s.w)).tanh(), "a w"),
    "a derivative of what is used again": headed(slope, "a"),
    "gradients again where there were none": headed(
        without_gradients, "", inner=lambda: Written(with_gradients, a=layer(), act=nn.PReLU())
    ),
}
