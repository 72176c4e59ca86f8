"""Small networks, each for one way in which a parameter may be used."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.nn.utils import parametrizations, parametrize, prune, rnn
from torch.utils.checkpoint import checkpoint

from tests.empirics.moments.per_example.oracle import CLASSES

WIDTH, TOKENS, ENTRIES = 6, 4, 9
Part = Callable[[], Any] | tuple[int, ...] | int


@dataclass(frozen=True)
class Case:
    """``make()`` is the network; an example has this ``shape``, or is so many ids of tokens."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    ids: bool = False
    training: bool = True

    def network(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        torch.manual_seed(0)
        return self.make().to(dtype).train(self.training)

    def inputs(self, n: int, dtype: torch.dtype = torch.float64) -> Tensor:
        torch.manual_seed(1)
        return torch.randint(ENTRIES, (n, *self.shape)) if self.ids else torch.randn(n, *self.shape).to(dtype)


class Written(nn.Module):
    """A network given by its parts and a function of itself and its input."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], /, **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self._written = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self._written(self, *inputs)


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape) / 2)


def head(features: int = WIDTH) -> nn.Linear:
    return nn.Linear(features, CLASSES)


def square() -> nn.Parameter:
    return parameter(WIDTH, WIDTH)


def vector() -> nn.Parameter:
    return parameter(WIDTH)


def layer() -> nn.Linear:
    return nn.Linear(WIDTH, WIDTH)


def table() -> nn.Embedding:
    return nn.Embedding(ENTRIES, WIDTH)


USUAL: dict[str, Part] = {"a": layer, "b": layer, "p": vector, "q": vector, "r": vector, "w": square, "e": table, "head": head}


def written(forward: Callable[[Any, Tensor], Tensor], usual: str, *shape: int, ids: bool = False, **parts: Part) -> Case:
    """A network of the parts that USUAL names and others: what makes a part, the shape of a parameter, or the features of a head.

    By default an example is a vector.
    """

    def made(part: Part) -> Any:
        return part() if callable(part) else parameter(*part) if isinstance(part, tuple) else head(part)

    parts = {name: USUAL[name] for name in (*usual.split(), "head")} | parts
    return Case(lambda: Written(forward, **{name: made(part) for name, part in parts.items()}), shape or (WIDTH,), ids=ids)


def of_tokens(forward: Callable[[Any, Tensor], Tensor], usual: str, **parts: Part) -> Case:
    return written(forward, usual, TOKENS, WIDTH, **parts)


# --- layers with rules, made anew for each case


def image(layer: Callable[[], nn.Module], *shape: int, features: int) -> Case:
    """A layer on an image of this shape, that comes out with so many features; something trainable comes before and after it."""
    return Case(lambda: nn.Sequential(layer(), nn.Tanh(), nn.Flatten(), head(features)), shape)


def after_linear(layer: Callable[[], nn.Module], *shape: int, training: bool = True) -> Case:
    """A layer between two linear ones, so that its input's gradient matters; ``shape`` of an example is kept by it."""
    features = int(torch.Size(shape).numel())
    return Case(
        lambda: nn.Sequential(nn.Linear(shape[-1], shape[-1]), layer(), nn.Tanh(), nn.Flatten(), head(features)), shape, training=training
    )


def with_statistics(norm: nn.Module, *shape: int) -> nn.Module:
    """A norm whose running statistics are not 0 and 1, and whose scale is not 1."""
    for p in norm.parameters():
        nn.init.normal_(p)
    norm.train()(torch.randn(20, *shape) * 2 + 1)
    return norm


def looked_up(tokens: int, width: int, **options: Any) -> Case:
    return Case(lambda: nn.Sequential(nn.Embedding(ENTRIES, width, **options), nn.Flatten(), head(tokens * width)), (tokens,), ids=True)


LAYERS: dict[str, Case] = {
    "linear": after_linear(lambda: nn.Linear(WIDTH, WIDTH), WIDTH),
    "linear without bias": after_linear(lambda: nn.Linear(WIDTH, WIDTH, bias=False), WIDTH),
    "linear of tokens": after_linear(lambda: nn.Linear(WIDTH, WIDTH), TOKENS, WIDTH),
    "linear of an image of tokens": after_linear(lambda: nn.Linear(WIDTH, WIDTH), 2, TOKENS, WIDTH),
    "linear of one token": after_linear(lambda: nn.Linear(WIDTH, WIDTH), 1, WIDTH),
    "linear with one output": Case(lambda: nn.Sequential(nn.Linear(WIDTH, 1), nn.Tanh(), nn.Linear(1, CLASSES)), (WIDTH,)),
    "conv1d": image(lambda: nn.Conv1d(2, 4, 3), 2, 8, features=24),
    "conv1d, stride, padding, dilation": image(lambda: nn.Conv1d(2, 4, 3, stride=2, padding=2, dilation=2), 2, 8, features=16),
    "conv2d": image(lambda: nn.Conv2d(2, 4, 3), 2, 6, 5, features=48),
    "conv2d, uneven": image(lambda: nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), 2, 7, 6, features=128),
    "conv2d, stride leaves pixels over": image(lambda: nn.Conv2d(2, 4, 3, stride=3), 2, 8, 7, features=16),
    "conv2d, stride and dilation": image(lambda: nn.Conv2d(2, 4, 2, stride=3, dilation=2), 2, 7, 7, features=16),
    "conv2d, patches": image(lambda: nn.Conv2d(2, 4, 2, stride=2), 2, 6, 6, features=36),
    "conv2d, 1x1": image(lambda: nn.Conv2d(4, 5, 1), 4, 3, 3, features=45),
    "conv2d, groups": image(lambda: nn.Conv2d(4, 6, 3, groups=2, padding=1), 4, 4, 4, features=96),
    "conv2d, depthwise": image(lambda: nn.Conv2d(4, 4, 3, groups=4, padding=1, stride=2), 4, 6, 6, features=36),
    "conv2d, depthwise with multiplier": image(lambda: nn.Conv2d(3, 6, 3, groups=3, bias=False), 3, 5, 5, features=54),
    "conv2d, same, odd": image(lambda: nn.Conv2d(2, 3, 3, padding="same", dilation=2), 2, 5, 5, features=75),
    "conv2d, same, even": image(lambda: nn.Conv2d(2, 3, (2, 4), padding="same"), 2, 5, 5, features=75),
    "conv1d, same, even, dilation": image(lambda: nn.Conv1d(2, 3, 4, padding="same", dilation=3), 2, 9, features=27),
    "conv2d, valid": image(lambda: nn.Conv2d(2, 3, 3, padding="valid"), 2, 5, 5, features=27),
    "conv2d, circular": image(lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), 2, 4, 4, features=48),
    "conv2d, reflect": image(lambda: nn.Conv2d(2, 3, 3, padding="same", padding_mode="reflect"), 2, 4, 4, features=48),
    "conv3d": image(lambda: nn.Conv3d(2, 3, 2, stride=(1, 2, 1), padding=1, bias=False), 2, 3, 4, 3, features=144),
    "conv3d, groups, dilation": image(lambda: nn.Conv3d(2, 4, 2, groups=2, dilation=(2, 1, 1)), 2, 4, 3, 3, features=32),
    "two convolutions": Case(
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, stride=2), nn.Flatten(), head(12)), (1, 6, 6)
    ),
    "group norm": image(lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4)), 2, 5, 5, features=36),
    "group norm of vectors": after_linear(lambda: nn.GroupNorm(2, WIDTH), WIDTH),
    "group norm of one channel each": image(lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.GroupNorm(4, 4)), 2, 8, features=24),
    "layer norm": after_linear(lambda: nn.LayerNorm(WIDTH), WIDTH),
    "layer norm of tokens": after_linear(lambda: nn.LayerNorm(WIDTH), TOKENS, WIDTH),
    "layer norm of several dimensions": after_linear(lambda: nn.LayerNorm((TOKENS, WIDTH)), 2, TOKENS, WIDTH),
    "layer norm of all dimensions": after_linear(lambda: nn.LayerNorm((TOKENS, WIDTH)), TOKENS, WIDTH),
    "layer norm without bias": after_linear(lambda: nn.LayerNorm(WIDTH, bias=False), TOKENS, WIDTH),
    "rms norm": after_linear(lambda: nn.RMSNorm(WIDTH), TOKENS, WIDTH),
    "rms norm of several dimensions": after_linear(lambda: nn.RMSNorm((TOKENS, WIDTH), eps=1e-3), 2, TOKENS, WIDTH),
    "instance norm": after_linear(lambda: nn.InstanceNorm1d(TOKENS, affine=True), TOKENS, WIDTH),
    "instance norm of images": after_linear(lambda: nn.InstanceNorm2d(2, affine=True), 2, TOKENS, WIDTH),
    "instance norm in evaluation": after_linear(
        lambda: with_statistics(nn.InstanceNorm1d(TOKENS, affine=True, track_running_stats=True), TOKENS, WIDTH),
        TOKENS,
        WIDTH,
        training=False,
    ),
    "batch norm of vectors": after_linear(lambda: with_statistics(nn.BatchNorm1d(WIDTH), WIDTH), WIDTH, training=False),
    "batch norm of tokens": after_linear(lambda: with_statistics(nn.BatchNorm1d(TOKENS), TOKENS, WIDTH), TOKENS, WIDTH, training=False),
    "batch norm of images": after_linear(lambda: with_statistics(nn.BatchNorm2d(2), 2, 3, 3), 2, 3, 3, training=False),
    "embedding": looked_up(TOKENS, WIDTH),
    "embedding, repeated tokens": looked_up(20, 2),
    "embedding, padding": looked_up(20, 2, padding_idx=4),
    "embedding, padding from the end": looked_up(20, 2, padding_idx=-2),
    "embedding, last as padding": looked_up(20, 2, padding_idx=-1),
    "embedding, one id an example": Case(lambda: nn.Sequential(table(), head()), (), ids=True),
}


# --- layers without rules


def last_output(s: Any, x: Tensor) -> Tensor:
    return s.head(s.layer(x)[0][:, -1])


def cell_by_cell(s: Any, x: Tensor) -> Tensor:
    """The same parameters again and again."""
    state = (x.new_zeros(len(x), 5), x.new_zeros(len(x), 5))
    for token in x.unbind(1):
        state = s.cell(token, state)
    return s.head(state[0])


def outputs_in_place(s: Any, x: Tensor) -> Tensor:
    out, (h, _) = s.layer(x)
    return s.head(out.relu_()[:, -1] + h.tanh_()[0])


def packed(s: Any, x: Tensor) -> Tensor:
    lengths = (x[:, :, 0] > 0).sum(1).clamp(min=1)
    return s.head(s.layer(rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[1][0][-1])


def recurrent(
    layer: Callable[..., nn.Module], features: int = 5, forward: Callable[[Any, Tensor], Tensor] = last_output, **options: Any
) -> Case:
    return of_tokens(forward, "", layer=lambda: layer(WIDTH, 5, **{"batch_first": True} | options), head=features)


class Backward(torch.autograd.Function):
    """The identity, whose backward pass is another function."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.change = change
        return x.clone()

    @staticmethod
    def backward(ctx: Any, D: Tensor) -> tuple[Tensor, None]:
        return ctx.change(D), None


class Squared(torch.autograd.Function):
    """``(x Wᵀ)²`` with a backward pass of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return (x @ weight.T).square()

    @staticmethod
    def backward(ctx: Any, D: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        D = 2 * D * (x @ weight.T)
        return D @ weight, D.T @ x


OTHER_LAYERS: dict[str, Case] = {
    "transposed convolution": image(lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1), 2, 3, 3, features=75),
    "prelu": after_linear(lambda: nn.PReLU(TOKENS), TOKENS, WIDTH),
    "prelu with one slope": after_linear(nn.PReLU, WIDTH),
    "bilinear": written(
        lambda s, x: s.head(s.pair(x, s.other(x))), "", pair=lambda: nn.Bilinear(WIDTH, 3, 5), other=lambda: nn.Linear(WIDTH, 3), head=5
    ),
    "lstm": recurrent(nn.LSTM),
    "lstm, two layers both ways": recurrent(nn.LSTM, 10, num_layers=2, bidirectional=True),
    "lstm, projected": recurrent(nn.LSTM, 3, proj_size=3),
    "gru": recurrent(nn.GRU),
    "rnn": recurrent(nn.RNN),
    "gru, last state": recurrent(nn.GRU, forward=lambda s, x: s.head(s.layer(x)[1][-1])),
    "gru, tokens first": recurrent(nn.GRU, forward=lambda s, x: s.head(s.layer(x.transpose(0, 1))[0][-1]), batch_first=False),
    "lstm cell in a loop": of_tokens(cell_by_cell, "", cell=lambda: nn.LSTMCell(WIDTH, 5), head=5),
    "lstm, outputs changed in place": recurrent(nn.LSTM, forward=outputs_in_place),
    "lstm of packed sequences": recurrent(nn.LSTM, forward=packed),
    "embedding bag": Case(lambda: nn.Sequential(nn.EmbeddingBag(ENTRIES, WIDTH), head()), (TOKENS,), ids=True),
    "embedding bag, sums with padding": Case(
        lambda: nn.Sequential(nn.EmbeddingBag(ENTRIES, WIDTH, mode="sum", padding_idx=3), head()), (12,), ids=True
    ),
    "custom autograd function": written(lambda s, x: s.head(Squared.apply(s.a(x), s.w)), "a", w=(5, WIDTH), head=5),
    "custom autograd function twice": written(lambda s, x: s.head(Squared.apply(Squared.apply(x, s.w).tanh(), s.w)), "w"),
    "custom operator": written(lambda s, x: s.head(product(product(s.a(x), s.w).tanh(), s.w)), "a w"),
    "torchscript": Case(lambda: nn.Sequential(scripted(nn.Sequential(layer(), nn.Tanh(), layer())), nn.Tanh(), head()), (WIDTH,)),
}


@torch.library.custom_op("tsla_tests::product", mutates_args=())
def product(x: Tensor, weight: Tensor) -> Tensor:
    return x @ weight.T


def _product_backward(ctx: Any, D: Tensor) -> tuple[Tensor, Tensor]:
    x, weight = ctx.saved_tensors
    return D @ weight, D.T @ x


product.register_autograd(_product_backward, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs))


def scripted(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        for deprecated in (DeprecationWarning, FutureWarning):  # by torch's version
            warnings.simplefilter("ignore", deprecated)
        return torch.jit.script(module)


# --- attention


def attending(
    tokens: int = TOKENS,
    *,
    training: bool = True,
    tokens_first: bool = False,
    memory: int | None = None,
    masked: bool = False,
    weights: bool = False,
    **options: Any,
) -> Case:
    """Attention in front of a head; ``tokens_first`` hands over ``(tokens, n, width)``."""
    dim = 0 if tokens_first else 1

    def forward(s: Any, x: Tensor) -> Tensor:
        padding = (x[..., 0] > 1) if masked else None
        x = x.transpose(0, 1) if tokens_first else x
        keys = s.memory(x.flip(dim)).tanh() if memory else x
        out, attended = s.attention(x, keys, keys, key_padding_mask=padding, need_weights=weights)
        logits = s.head(out.mean(dim))
        return logits + attended.mean((1, 2))[:, None] * attended[:, 0, :CLASSES] if weights else logits

    def parts() -> dict[str, nn.Module]:
        sizes = {"kdim": memory, "vdim": memory} if memory and memory != WIDTH else {}
        attention = nn.MultiheadAttention(WIDTH, 2, batch_first=not tokens_first, **sizes, **options)
        return {"attention": attention, "head": head()} | ({"memory": nn.Linear(WIDTH, memory)} if memory else {})

    return Case(lambda: Written(forward, **parts()), (tokens, WIDTH), training=training)


def encoder(**options: Any) -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 2, 8, dropout=0.0, batch_first=True, **options)


def pooled(*layers: nn.Module) -> nn.Module:
    return Written(lambda s, x: s.head(s.layers(x).mean(1)), layers=nn.Sequential(*layers), head=head())


def with_memory(layer: Callable[[], nn.Module], tokens: int) -> Case:
    return written(lambda s, x: s.head(s.layer(x, x.flip(1)).mean(1)), "", tokens, WIDTH, layer=layer)


ATTENTION: dict[str, Case] = {
    "self-attention": attending(),
    "self-attention, as many tokens as examples": attending(5),
    "self-attention, as many tokens as examples, tokens first": attending(5, tokens_first=True),
    "self-attention, one token": attending(1),
    "self-attention, one token, tokens first": attending(1, tokens_first=True),
    "self-attention, tokens first": attending(tokens_first=True),
    "self-attention with its weights": attending(weights=True),
    "self-attention, masked": attending(masked=True),
    "self-attention in evaluation": attending(training=False),
    "cross-attention": attending(memory=WIDTH),
    "cross-attention, tokens first": attending(5, memory=WIDTH, tokens_first=True),
    "cross-attention, other sizes": attending(memory=5),
    "attention with biases of keys": attending(add_bias_kv=True, add_zero_attn=True),
    "attention with biases of keys, tokens first": attending(5, add_bias_kv=True, tokens_first=True),
    "encoder layer": Case(lambda: pooled(encoder()), (TOKENS, WIDTH)),
    "encoder layer, norm first": Case(lambda: pooled(encoder(norm_first=True, activation="gelu")), (5, WIDTH)),
    "encoder layer in evaluation": Case(lambda: pooled(encoder()), (TOKENS, WIDTH), training=False),
    "encoder layer, half of it frozen": Case(lambda: frozen(pooled(encoder(), encoder()), "layers.0"), (TOKENS, WIDTH), training=False),
    "encoder": Case(lambda: pooled(nn.TransformerEncoder(encoder(), 2, enable_nested_tensor=False)), (5, WIDTH), training=False),
    "transformer": with_memory(lambda: nn.Transformer(WIDTH, 2, 1, 1, 8, 0.0, batch_first=True), 5),
    "decoder layer": with_memory(lambda: nn.TransformerDecoderLayer(WIDTH, 2, 8, 0.0, batch_first=True), TOKENS),
}


# --- parameters in forward functions


def frozen(model: nn.Module, *names: str) -> nn.Module:
    """The model, without gradients for parameters whose names begin so."""
    for name, p in model.named_parameters():
        p.requires_grad_(not name.startswith(names))
    return model


def vision_transformer(added: Callable[[Tensor, Tensor], Tensor], positions: int = 5) -> Case:
    """Patches, a class token, a position embedding of the root module, and layer scale: ``added`` is how the position comes in."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.patches(x).flatten(2).transpose(1, 2)
        x = added(torch.cat((s.token.expand(x.shape[0], -1, -1), x), dim=1), s.position)
        y = s.norm(x)
        x = x + s.gamma * s.attention(y, y, y, need_weights=False)[0]
        return s.head(x[:, 0])

    parts = {"norm": lambda: nn.LayerNorm(WIDTH), "attention": lambda: nn.MultiheadAttention(WIDTH, 2, batch_first=True), "gamma": vector}
    embedding = {"patches": lambda: nn.Conv2d(1, WIDTH, 2, stride=2), "token": (1, 1, WIDTH), "position": (1, positions, WIDTH)}
    return written(forward, "", 1, 4, 4, **embedding, **parts)


class Standardised(nn.Conv2d):
    """A convolution whose kernel is standardised on the way."""

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, (self.weight - mean) / (var + 1e-5).sqrt(), self.bias, self.stride, self.padding, self.dilation, self.groups)


def in_place_on_a_view(of: Callable[[Tensor], Tensor]) -> Case:
    def forward(s: Any, x: Tensor) -> Tensor:
        h = s.a(x)
        of(h).add_(s.p)
        return s.head(h.tanh().mean(1))

    return of_tokens(forward, "a p")


def set_item(s: Any, x: Tensor) -> Tensor:
    h = s.a(x)
    h[:, 1] = s.p
    h[:, :1] += s.p
    return s.head(h.tanh().mean(1))


def in_place_residual(s: Any, x: Tensor) -> Tensor:
    h = s.a(x)
    h += s.b(h.clone())
    h += s.p
    h *= s.q
    return s.head(h.relu_())


def made_in_place(s: Any, x: Tensor) -> Tensor:
    w = s.w * 1
    w += s.p
    y = F.linear(s.a(x), w).tanh()
    w = w.clone()
    w[0] = s.p
    return s.head(F.linear(y, w))


def to_experts(s: Any, x: Tensor) -> Tensor:
    """Each token goes to the expert that it likes best: how many come to one depends on their values."""
    tokens = x.reshape(-1, WIDTH)
    weights = s.gate(tokens).softmax(1)
    out = torch.zeros_like(tokens)
    for k, expert in enumerate(s.experts):
        own = (weights.argmax(1) == k).nonzero().squeeze(1)
        out = out.index_add(0, own, expert(tokens[own]) * weights[own, k : k + 1])
    return s.head(out.view(x.shape).mean(1))


def by_mask(s: Any, x: Tensor) -> Tensor:
    """Every example has exactly one token that is kept, but for the network that is chance."""
    keep = x[:, :, 0] == x[:, :, 0].amax(1, keepdim=True)
    return s.head(s.a(x[keep]).tanh())


FUNCTIONS: dict[str, Case] = {
    "vision transformer": vision_transformer(operator.add),
    "vision transformer, in place": vision_transformer(operator.iadd),
    "vision transformer, sliced": vision_transformer(lambda x, position: x + position[:, : x.size(1)], positions=10),
    "positions looked up": written(
        lambda s, x: s.head((s.e(x) + s.p(torch.arange(x.size(1)))).tanh().mean(1)), "e", TOKENS, ids=True, p=table
    ),
    "positions looked up for each example": written(
        lambda s, x: s.head((s.e(x) + s.p(torch.arange(x.size(1)).expand_as(x))).tanh().mean(1)), "e", TOKENS, ids=True, p=table
    ),
    "sequence first": of_tokens(
        lambda s, x: s.head(s.norm(s.a(x.transpose(0, 1)) + s.p).tanh().mean(0)),
        "a",
        p=(TOKENS, 1, WIDTH),
        norm=lambda: nn.LayerNorm(WIDTH),
    ),
    "sequence first, as long as the batch": written(
        lambda s, x: s.head((s.a(x.transpose(0, 1)) + s.p).tanh().mean(0)), "a", 5, WIDTH, p=(5, 1, WIDTH)
    ),
    "functional linear": written(lambda s, x: s.head(F.linear(x, s.w, s.p).tanh()), "w p"),
    "functional linear with a vector": written(lambda s, x: s.head(x * F.linear(x, s.p)[:, None]), "p"),
    "functional convolution": written(
        lambda s, x: s.head(F.conv2d(x, s.w, stride=2).tanh().flatten(1)), "", 2, 5, 5, w=(3, 2, 2, 2), head=12
    ),
    "matmul": written(lambda s, x: s.head(torch.matmul(s.a(x), s.w).tanh()), "a w"),
    "@": of_tokens(lambda s, x: s.head((s.a(x) @ s.w).tanh().mean(1)), "a w"),
    "@ from the left": of_tokens(lambda s, x: s.head((s.w @ s.a(x)).tanh().mean(1)), "a", w=(3, TOKENS)),
    "einsum": of_tokens(lambda s, x: s.head(torch.einsum("ntd,tde->ne", s.a(x), s.w).tanh()), "a", w=(TOKENS, WIDTH, WIDTH)),
    "addmm": written(lambda s, x: s.head(torch.addmm(s.p, s.a(x), s.w).tanh()), "a p w"),
    "scale, power, division": written(lambda s, x: s.head((s.p * s.a(x)).exp() ** s.q / (1 + s.r**2)), "a p q r"),
    "numbers": written(lambda s, x: s.head(s.p * s.a(x) + s.q - s.r), "a", p=(), q=(), r=(1,)),
    "added on either side": written(lambda s, x: s.head(s.p + torch.add(s.q, s.a(x)) + torch.add(x, s.r, alpha=2)), "a p q r"),
    "added, broadcast": of_tokens(lambda s, x: s.head((s.a(x)[:, :, None] + s.p).tanh().mean((1, 2))), "a", p=(TOKENS, 3, 1)),
    "where, clamp, cat": written(
        lambda s, x: s.head(torch.where(x > 0, s.p, s.a(x)) + torch.cat([s.q.expand(len(x), -1), x], 1)[:, 3:9]), "a p q"
    ),
    "transposed": written(lambda s, x: s.head(s.a(x) @ s.w.T + F.linear(x, s.w.t())), "a w"),
    "low rank": written(lambda s, x: s.head(F.linear(s.a(x), s.w + s.u @ s.v)), "a w", u=(WIDTH, 2), v=(2, WIDTH)),
    "made by a network": written(
        lambda s, x: s.head(F.linear(s.a(x), s.h(s.code).tanh().view(WIDTH, WIDTH), s.code)),
        "a",
        code=vector,
        h=lambda: nn.Linear(WIDTH, WIDTH * WIDTH),
    ),
    "standardised kernels": written(
        lambda s, x: s.head(s.c(s.c(x).tanh()).flatten(1)), "", 2, 4, 4, c=lambda: Standardised(2, 2, 3, padding=1), head=32
    ),
    "queries of attention": of_tokens(
        lambda s, x: s.head(F.scaled_dot_product_attention(s.q.expand(len(x), -1, -1), s.a(x), x).flatten(1)),
        "a",
        q=(1, 2, WIDTH),
        head=2 * WIDTH,
    ),
    "queries without a batch": of_tokens(
        lambda s, x: s.head(F.softmax(torch.einsum("qd,ntd->nqt", s.q, s.a(x)), -1).matmul(x).flatten(1)), "a", q=(2, WIDTH), head=2 * WIDTH
    ),
    "repeated token": of_tokens(lambda s, x: s.head(torch.cat((s.p.repeat(len(x), 1, 1), s.a(x)), 1).tanh().mean(1)), "a", p=(1, 2, WIDTH)),
    "folded": of_tokens(lambda s, x: s.head(s.a(x.reshape(-1, WIDTH)).view(len(x), -1, WIDTH).tanh().mean(1)), "a"),
    "folded twice": of_tokens(lambda s, x: s.head(s.a(s.a(x.reshape(-1, WIDTH)).tanh()).view(len(x), -1, WIDTH).mean(1)), "a"),
    "folded and not": of_tokens(lambda s, x: s.head(s.a(s.a(x.reshape(-1, WIDTH)).tanh().view(len(x), -1, WIDTH)).mean(1)), "a"),
    "folded in a window": of_tokens(
        lambda s, x: s.head(s.w(s.a(x)).mean(1)),
        "a",
        w=lambda: Written(lambda s, x: x + s.layer(x.view(-1, 2, WIDTH)).reshape(x.shape), layer=encoder()),
    ),
    "folded, time in front": of_tokens(
        lambda s, x: s.head(s.a(x.transpose(0, 1).reshape(-1, WIDTH)).tanh().view(-1, len(x), WIDTH).mean(0)), "a"
    ),
    "folded in two steps": of_tokens(
        lambda s, x: s.head(s.a(s.a(x).view(-1, 2, WIDTH).view(-1, WIDTH)).view(len(x), -1, WIDTH).tanh().mean(1)), "a"
    ),
    "folded, norm": of_tokens(
        lambda s, x: s.head(s.norm(s.a(x).flatten(0, 1)).view(len(x), -1, WIDTH).tanh().mean(1)), "a", norm=lambda: nn.LayerNorm(WIDTH)
    ),
    "folded, transposed in place": of_tokens(
        lambda s, x: s.head(s.a(x.view(-1, 2, WIDTH).transpose_(0, 1)).transpose(0, 1).reshape(x.shape).tanh().mean(1)), "a"
    ),
    "folded, made weight": of_tokens(
        lambda s, x: s.head(F.linear(x.reshape(-1, WIDTH), s.w.T).view(len(x), -1, WIDTH).tanh().mean(1)), "w"
    ),
    "flattened by view": of_tokens(lambda s, x: s.head(s.a(x).relu().view(x.size(0), -1)), "a", head=24),
    "in place, residual": written(in_place_residual, "a b p q"),
    "in place, on a view": in_place_on_a_view(lambda h: h[:, 0]),
    "in place, on a view of all": in_place_on_a_view(lambda h: h.view(len(h), -1, WIDTH)),
    "in place, items": of_tokens(set_item, "a p"),
    "in place, relu after a convolution": Case(
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Conv2d(3, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), head(12)),
        (1, 6, 6),
    ),
    "dense concatenation": written(
        lambda s, x: s.head(torch.cat([x, y := s.a(x).relu(), s.b(torch.cat([x, y], 1)).relu()], 1)),
        "a",
        b=lambda: nn.Linear(2 * WIDTH, 3),
        head=15,
    ),
    "made in place": written(made_in_place, "w p a"),
    "tokens to experts": of_tokens(
        to_experts, "", gate=lambda: nn.Linear(WIDTH, 3), experts=lambda: nn.ModuleList([layer() for _ in range(3)])
    ),
    "tokens by a mask": of_tokens(by_mask, "a"),
    "complex numbers": written(
        lambda s, x: s.head(torch.fft.irfft(torch.fft.rfft(s.a(x)) * torch.view_as_complex(s.p), n=WIDTH)), "a", p=(4, 2)
    ),
    "one tensor for two outputs": written(
        lambda s, x: s.head((b := s.two(x))[0] * b[1]),
        "",
        two=lambda: Written(lambda s, x: (h := s.a(x.reshape(-1, 3)).view(x.shape), h), a=nn.Linear(3, 3)),
    ),
    "in place, logits": written(lambda s, x: s.head(x).mul_(2).add_(s.p), "", p=(CLASSES,)),
    "in place, relu after tokens": of_tokens(lambda s, x: s.head(s.a(x).relu_().mean(1)), "a"),
    "in place, relu after conv1d": written(lambda s, x: s.head(s.a(x).relu_().flatten(1)), "", 2, 8, a=lambda: nn.Conv1d(2, 2, 3), head=12),
    "inside of vmap": written(lambda s, x: s.head(torch.vmap(lambda t: F.linear(t, s.w))(s.a(x))), "a w"),
    "vmap over weights": written(lambda s, x: s.head(torch.vmap(lambda w: F.linear(x, w))(s.w).tanh().mean(0)), "", w=(3, WIDTH, WIDTH)),
    "loop over examples, without parameters": written(lambda s, x: s.head(torch.stack([t.sin() for t in s.a(x)])), "a"),
    "several outputs": written(
        lambda s, x: s.head((b := s.two(x))[0] * b[1]), "", two=lambda: Written(lambda s, x: (s.a(x), s.b(x).tanh()), a=layer(), b=layer())
    ),
    "checkpoint": written(
        lambda s, x: s.head(checkpoint(s.inner, x, use_reentrant=False)),
        "",
        inner=lambda: nn.Sequential(layer(), nn.Tanh(), nn.PReLU(), layer()),
    ),
}


# --- parameters that are used more than once, or not at all


def stashing(s: Any, x: Tensor) -> Tensor:
    """Keeps what it made of its parameter, for others to use."""
    s.made = s.p * 2
    return F.linear(x, s.made)


def deep() -> nn.Module:
    return nn.Sequential(layer(), nn.Tanh(), layer(), nn.Tanh(), head())


def cached(s: Any, x: Tensor) -> Tensor:
    with parametrize.cached():
        return s.head(s.a(s.a(s.a(x).tanh()).tanh()))


SHARED: dict[str, Case] = {
    "linear twice": written(lambda s, x: s.head(s.a(s.a(x).tanh())), "a"),
    "linear of a vector and of tokens": of_tokens(lambda s, x: s.head(s.a(s.a(x).tanh().mean(1)).tanh()), "a"),
    "convolution twice": written(
        lambda s, x: s.head(F.avg_pool2d(s.c(s.c(x).tanh()), 2).flatten(1)), "", 2, 4, 4, c=lambda: nn.Conv2d(2, 2, 3, padding=1), head=8
    ),
    "norm twice": written(lambda s, x: s.head(s.n(s.n(x).tanh())), "", n=lambda: nn.LayerNorm(WIDTH)),
    "embedding twice": written(lambda s, x: s.head(s.e(x).mean(1) * s.e(x.flip(1)[:, :2]).sum(1)), "e", TOKENS, ids=True),
    "head of the embedding": written(
        lambda s, x: s.head(F.linear(s.a(s.e(x)).tanh().mean(1), s.e.weight)), "e a", TOKENS, ids=True, head=ENTRIES
    ),
    "head of the embedding, by @": written(
        lambda s, x: s.head(s.a(s.e(x)).tanh().mean(1) @ s.e.weight.T), "e a", TOKENS, ids=True, head=ENTRIES
    ),
    "rule and fallback": written(lambda s, x: s.head(s.a(x).tanh() @ s.a.weight), "a"),
    "rule and fallback, the other way": written(lambda s, x: s.head(s.a((x @ s.a.weight).tanh())), "a"),
    "fallback twice": written(lambda s, x: s.head(s.p(s.a(s.p(x)))), "a", p=lambda: nn.PReLU(WIDTH)),
    "recurrent network twice": of_tokens(
        lambda s, x: s.head(s.r(s.r(x)[0])[0][:, -1]), "", r=lambda: nn.GRU(WIDTH, WIDTH, batch_first=True)
    ),
    "recurrent network twice, and its weight": of_tokens(
        lambda s, x: s.head(s.r(s.r(x)[0])[0][:, -1] @ s.r.weight_ih_l0[:WIDTH]), "", r=lambda: nn.LSTM(WIDTH, WIDTH, batch_first=True)
    ),
    "made before the module that owns it": written(lambda s, x: s.head(s.a(x @ (s.a.weight.T * 1.5))), "a"),
    "made and kept": written(lambda s, x: s.head(F.linear(s.a(x).tanh(), s.a.made)), "", a=lambda: Written(stashing, p=square())),
    "made once, used thrice": written(cached, "", a=lambda: parametrizations.weight_norm(layer())),
    "made in front of rules": written(
        lambda s, x: s.head(s.m(x)), "", m=lambda: Written(lambda s, x: s.c(s.b(x @ s.p.T).tanh()), p=square(), b=layer(), c=layer())
    ),
    "one tensor under two names": Case(lambda: two_names(), (WIDTH,)),
    "attention twice": written(lambda s, x: s.head(s.t(s.t(x)).mean(1)), "", 5, WIDTH, t=encoder),
    "bias of two layers": Case(lambda: one_bias(), (TOKENS, WIDTH)),
    "unused": written(lambda s, x: s.head(s.a(x)), "a b p"),
    "used without effect": written(lambda s, x: (s.a(x), s.head(x))[1], "a"),
    "head that is not looked at": written(
        lambda s, x: ((h := s.a(x).tanh()), s.aux(h), s.head(h))[2], "a", aux=lambda: nn.Sequential(layer(), nn.PReLU())
    ),
    "stopped": written(lambda s, x: s.head(s.a(x) + Backward.apply(s.b(s.c(s.a(x))), lambda D: None)), "a b", c=nn.PReLU),
    "detached": written(lambda s, x: s.head(s.a(x) + s.b(x).detach() * s.p.detach()), "a b p"),
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
    "weight norm twice": written(lambda s, x: s.head(s.a(s.a(x).tanh())), "", a=lambda: parametrizations.weight_norm(layer())),
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
