"""Small forms of networks that are in use, none of which anything in this project was made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from tests.empirics.moments.per_example.functions import Standardised
from tests.empirics.moments.per_example.oracle import CLASSES
from tests.empirics.moments.per_example.parts import Case, Written, head, parameter

VOCABULARY = 9  # cases draw their ids below it


def convnext_block(width: int) -> nn.Module:
    """Liu et al., 2022: depthwise 7×7, LayerNorm over the channels, two linear layers, layer scale."""

    def forward(s: Any, x: Tensor) -> Tensor:
        y = s.norm(s.depthwise(x).permute(0, 2, 3, 1))
        return x + (s.gamma * s.down(F.gelu(s.up(y)))).permute(0, 3, 1, 2)

    return Written(
        forward,
        depthwise=nn.Conv2d(width, width, 7, padding=3, groups=width),
        norm=nn.LayerNorm(width),
        up=nn.Linear(width, 4 * width),
        down=nn.Linear(4 * width, width),
        gamma=nn.Parameter(torch.full((width,), 0.3)),
    )


def convnext() -> nn.Module:
    blocks = nn.Sequential(nn.Conv2d(3, 8, 2, stride=2), convnext_block(8), convnext_block(8))
    return Written(lambda s, x: s.head(s.norm(s.blocks(x).mean((-2, -1)))), blocks=blocks, norm=nn.LayerNorm(8), head=head(8))


def mixer() -> nn.Module:
    """Tolstikhin et al., 2021: one network over the 16 tokens, one over the 8 channels."""

    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.stem(x).flatten(2).transpose(1, 2)
        x = x + s.over_tokens(s.norms[0](x).transpose(1, 2)).transpose(1, 2)
        x = x + s.over_channels(s.norms[1](x))
        return s.head(s.norms[2](x).mean(1))

    return Written(
        forward,
        stem=nn.Conv2d(3, 8, 2, stride=2),
        norms=nn.ModuleList([nn.LayerNorm(8) for _ in range(3)]),
        over_tokens=nn.Sequential(nn.Linear(16, 12), nn.GELU(), nn.Linear(12, 16)),
        over_channels=nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8)),
        head=head(8),
    )


def inverted() -> nn.Module:
    """Howard et al., 2019: expansion, depthwise convolution, squeeze and excitation, projection."""

    def forward(s: Any, x: Tensor) -> Tensor:
        y = s.wide(x)
        return x + s.project(y * s.squeeze(y))

    expand = nn.Conv2d(6, 12, 1, bias=False), nn.BatchNorm2d(12), nn.Hardswish(inplace=True)
    depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU6(inplace=True)
    squeeze = nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 12, 1), nn.Hardsigmoid()
    return Written(
        forward,
        wide=nn.Sequential(*expand, *depthwise),
        squeeze=nn.Sequential(*squeeze),
        project=nn.Sequential(nn.Conv2d(12, 6, 1, bias=False), nn.BatchNorm2d(6)),
    )


def mobile_net() -> nn.Module:
    stem = nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6), nn.Hardswish(inplace=True)
    model = nn.Sequential(*stem, inverted(), inverted(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head(6))
    model(torch.randn(30, 3, 8, 8) + 0.5)  # running statistics that are not 0 and 1
    return model


def lstm_classifier() -> nn.Module:
    def forward(s: Any, ids: Tensor) -> Tensor:
        _, (h, _) = s.lstm(s.embedding(ids))
        return s.head(torch.cat([h[-2], h[-1]], dim=1))

    return Written(
        forward,
        embedding=nn.Embedding(VOCABULARY, 8, padding_idx=0),
        lstm=nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True),
        head=nn.Sequential(nn.LayerNorm(12), head(12)),
    )


def pooled_classifier() -> nn.Module:
    """A learned query attends to tokens that know their position; padding is masked."""

    def forward(s: Any, ids: Tensor) -> Tensor:
        x = s.embedding(ids) + s.position(torch.arange(ids.shape[1]))
        scores = (torch.tanh(x) @ s.query).masked_fill(ids == 0, -1e4)
        return s.head((scores.softmax(1).unsqueeze(2) * x).sum(1))

    embedding, position = nn.Embedding(VOCABULARY, 8, padding_idx=0), nn.Embedding(16, 8)
    return Written(forward, embedding=embedding, position=position, query=parameter(8), head=head(8))


def language_model() -> nn.Module:
    """A causal transformer of fused projections, whose head is its embedding; classes are the first words."""

    def forward(s: Any, ids: Tensor) -> Tensor:
        n, length = ids.shape
        x = s.tokens(ids) + s.positions[:, :length]
        q, k, v = s.fused(s.norm(x)).view(n, length, 3, 2, -1).permute(2, 0, 3, 1, 4)
        x = x + s.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, length, -1))
        y = s.norm(x)
        x = x + s.down(F.silu(s.gate(y)) * s.up(y))
        return (s.norm(x)[:, -1] @ s.tokens.weight.T)[:, :CLASSES]

    sizes = {"fused": (8, 24), "out": (8, 8), "gate": (8, 12), "up": (8, 12), "down": (12, 8)}
    linear = {name: nn.Linear(*size, bias=False) for name, size in sizes.items()}
    return Written(forward, tokens=nn.Embedding(VOCABULARY, 8), positions=parameter(1, 16, 8), norm=nn.RMSNorm(8), **linear)


def dense_net() -> nn.Module:
    """Huang et al., 2017: each layer sees what all layers before it made."""

    def forward(s: Any, x: Tensor) -> Tensor:
        features = [s.stem(x)]
        for layer in s.layers:
            features.append(layer(torch.cat(features, dim=1)))
        return s.head(s.transition(torch.cat(features, dim=1)).mean((2, 3)))

    def layer(channels: int) -> nn.Module:
        return nn.Sequential(nn.GroupNorm(2, channels), nn.ReLU(inplace=True), nn.Conv2d(channels, 4, 3, padding=1, bias=False))

    return Written(
        forward,
        stem=nn.Conv2d(3, 4, 3, padding=1, bias=False),
        layers=nn.ModuleList(map(layer, (4, 8, 12))),
        transition=nn.Sequential(nn.GroupNorm(4, 16), nn.ReLU(inplace=True), nn.Conv2d(16, 8, 1, bias=False), nn.AvgPool2d(2)),
        head=head(8),
    )


def pre_activation_block(inputs: int, outputs: int, stride: int) -> nn.Module:
    def forward(s: Any, x: Tensor) -> Tensor:
        y = F.relu(s.norm(x))
        return s.shortcut(y) + s.skip_gain * s.inner(y)

    first, second = Standardised(inputs, outputs, 3, stride, padding=1), Standardised(outputs, outputs, 3, padding=1)
    return Written(
        forward,
        norm=nn.GroupNorm(2, inputs),
        inner=nn.Sequential(first, nn.GroupNorm(2, outputs), nn.ReLU(), second),
        shortcut=nn.Conv2d(inputs, outputs, 1, stride) if inputs != outputs else nn.Identity(),
        skip_gain=nn.Parameter(torch.tensor(0.2)),
    )


def pre_activation() -> nn.Module:
    """Qiao et al., 2019: kernels are standardised."""
    blocks = Standardised(3, 4, 3, padding=1), pre_activation_block(4, 4, 1), pre_activation_block(4, 8, 2)
    return nn.Sequential(*blocks, nn.GroupNorm(2, 8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head(8))


def windows(shift: int, width: int = 8, size: int = 2) -> nn.Module:
    """Liu et al., 2021: attention in shifted windows with a table of relative positions; all windows of all examples in one batch."""
    at = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")).flatten(1)
    apart = at[:, :, None] - at[:, None, :] + size - 1
    entry = apart[0] * (2 * size - 1) + apart[1]

    def forward(s: Any, x: Tensor) -> Tensor:
        n, h, w, _ = x.shape
        y = torch.roll(s.norm(x), (-shift, -shift), (1, 2))
        y = y.view(n, h // size, size, w // size, size, width).transpose(2, 3).reshape(-1, size**2, width)
        q, k, v = s.fused(y).view(len(y), size**2, 3, 2, -1).permute(2, 0, 3, 1, 4)
        bias = s.table[entry.flatten()].view(size**2, size**2, 2).permute(2, 0, 1)
        y = (q @ k.transpose(-2, -1) / 2 + bias).softmax(-1) @ v
        y = s.out(y.transpose(1, 2).reshape(len(y), size**2, width))
        y = y.view(n, h // size, w // size, size, size, width).transpose(2, 3).reshape(n, h, w, width)
        return x + torch.roll(y, (shift, shift), (1, 2))

    fused, out = nn.Linear(width, 3 * width), nn.Linear(width, width)
    return Written(forward, norm=nn.LayerNorm(width), fused=fused, out=out, table=parameter((2 * size - 1) ** 2, 2))


def swin() -> nn.Module:
    def forward(s: Any, x: Tensor) -> Tensor:
        return s.head(s.blocks(s.stem(x).permute(0, 2, 3, 1)).mean((1, 2)))

    return Written(forward, stem=nn.Conv2d(3, 8, 2, stride=2), blocks=nn.Sequential(windows(shift=0), windows(shift=1)), head=head(8))


def u_net() -> nn.Module:
    """Down, up again by a transposed convolution, and the two joined."""

    def forward(s: Any, x: Tensor) -> Tensor:
        skip = s.down(x).relu_()
        return s.head(s.join(torch.cat([skip, s.up(s.middle(skip))], 1)).relu()).amax((2, 3))

    return Written(
        forward,
        down=nn.Conv2d(3, 4, 3, padding=1),
        middle=nn.Sequential(nn.Conv2d(4, 6, 2, stride=2), nn.InstanceNorm2d(6, affine=True), nn.PReLU(6)),
        up=nn.ConvTranspose2d(6, 4, 2, stride=2),
        join=nn.Conv2d(8, 4, 3, padding=1, padding_mode="reflect"),
        head=nn.Conv2d(4, CLASSES, 1),
    )


def of_images(make: Callable[[], nn.Module], *, training: bool = True) -> Case:
    return Case(make, (3, 8, 8), training=training)


def of_words(make: Callable[[], nn.Module]) -> Case:
    return Case(make, (7,), ids=True)


NETWORKS: dict[str, Case] = {
    "ConvNeXt": of_images(convnext),
    "MLP-Mixer": of_images(mixer),
    "MobileNet": of_images(mobile_net, training=False),
    "DenseNet": of_images(dense_net),
    "pre-activation ResNet, standardised": of_images(pre_activation),
    "Swin": of_images(swin),
    "U-Net": of_images(u_net),
    "LSTM": of_words(lstm_classifier),
    "attention pooling": of_words(pooled_classifier),
    "language model": of_words(language_model),
}
