"""Small networks, each for one kind of layer: with rules, without, and attention."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import rnn

from tests.empirics.moments.per_example.oracle import CLASSES
from tests.empirics.moments.per_example.parts import ENTRIES, TOKENS, WIDTH, Case, Written, encoder, frozen, head, headed, layer, of_tokens

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


def in_evaluation(norm: Callable[[], nn.Module], *shape: int) -> Case:
    """The same with a norm whose running statistics are not 0 and 1, and whose scale is not 1."""

    def made() -> nn.Module:
        layer = norm()
        for p in layer.parameters():
            nn.init.normal_(p)
        layer.train()(torch.randn(20, *shape) * 2 + 1)
        return layer

    return after_linear(made, *shape, training=False)


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
    "instance norm in evaluation": in_evaluation(lambda: nn.InstanceNorm1d(TOKENS, affine=True, track_running_stats=True), TOKENS, WIDTH),
    "batch norm of vectors": in_evaluation(lambda: nn.BatchNorm1d(WIDTH), WIDTH),
    "batch norm of tokens": in_evaluation(lambda: nn.BatchNorm1d(TOKENS), TOKENS, WIDTH),
    "batch norm of images": in_evaluation(lambda: nn.BatchNorm2d(2), 2, 3, 3),
    "embedding": looked_up(TOKENS, WIDTH),
    "embedding, repeated tokens": looked_up(20, 2),
    "embedding, padding": looked_up(20, 2, padding_idx=4),
    "embedding, padding from the end": looked_up(20, 2, padding_idx=-2),
    "embedding, last as padding": looked_up(20, 2, padding_idx=-1),
    "embedding, one id an example": Case(lambda: nn.Sequential(nn.Embedding(ENTRIES, WIDTH), head()), (), ids=True),
}


# --- layers without rules


def last_output(s: Any, x: Tensor) -> Tensor:
    return s.layer(x)[0][:, -1]


def cell_by_cell(s: Any, x: Tensor) -> Tensor:
    """The same parameters again and again."""
    state = (x.new_zeros(len(x), 5), x.new_zeros(len(x), 5))
    for token in x.unbind(1):
        state = s.cell(token, state)
    return state[0]


def outputs_in_place(s: Any, x: Tensor) -> Tensor:
    out, (h, _) = s.layer(x)
    return out.relu_()[:, -1] + h.tanh_()[0]


def packed(s: Any, x: Tensor) -> Tensor:
    lengths = (x[:, :, 0] > 0).sum(1).clamp(min=1)
    return s.layer(rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[1][0][-1]


def recurrent(
    layer: Callable[..., nn.Module], features: int = 5, forward: Callable[[Any, Tensor], Tensor] = last_output, **options: Any
) -> Case:
    return of_tokens(forward, "", layer=lambda: layer(WIDTH, 5, **{"batch_first": True} | options), head=features)


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
    "bilinear": headed(
        lambda s, x: s.pair(x, s.other(x)), "", pair=lambda: nn.Bilinear(WIDTH, 3, 5), other=lambda: nn.Linear(WIDTH, 3), head=5
    ),
    "lstm": recurrent(nn.LSTM),
    "lstm, two layers both ways": recurrent(nn.LSTM, 10, num_layers=2, bidirectional=True),
    "lstm, projected": recurrent(nn.LSTM, 3, proj_size=3),
    "gru": recurrent(nn.GRU),
    "rnn": recurrent(nn.RNN),
    "gru, last state": recurrent(nn.GRU, forward=lambda s, x: s.layer(x)[1][-1]),
    "gru, tokens first": recurrent(nn.GRU, forward=lambda s, x: s.layer(x.transpose(0, 1))[0][-1], batch_first=False),
    "lstm cell in a loop": of_tokens(cell_by_cell, "", cell=lambda: nn.LSTMCell(WIDTH, 5), head=5),
    "lstm, outputs changed in place": recurrent(nn.LSTM, forward=outputs_in_place),
    "lstm of packed sequences": recurrent(nn.LSTM, forward=packed),
    "embedding bag": Case(lambda: nn.Sequential(nn.EmbeddingBag(ENTRIES, WIDTH), head()), (TOKENS,), ids=True),
    "embedding bag, sums with padding": Case(
        lambda: nn.Sequential(nn.EmbeddingBag(ENTRIES, WIDTH, mode="sum", padding_idx=3), head()), (12,), ids=True
    ),
    "custom autograd function": headed(lambda s, x: Squared.apply(s.a(x), s.w), "a", w=(5, WIDTH), head=5),
    "custom autograd function twice": headed(lambda s, x: Squared.apply(Squared.apply(x, s.w).tanh(), s.w), "w"),
    "custom operator": headed(lambda s, x: product(product(s.a(x), s.w).tanh(), s.w), "a w"),
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


def pooled(*layers: nn.Module) -> nn.Module:
    return Written(lambda s, x: s.head(s.layers(x).mean(1)), layers=nn.Sequential(*layers), head=head())


def with_memory(layer: Callable[[], nn.Module], tokens: int) -> Case:
    return headed(lambda s, x: s.layer(x, x.flip(1)).mean(1), "", tokens, WIDTH, layer=layer)


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
