"""Small forms of networks that are in use, none of which anything in this project was made for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from tests.empirics.moments.per_example.cases import Case
from tests.empirics.moments.per_example.oracle import CLASSES

VOCABULARY = 9  # cases draw their ids below it


class ConvNeXtBlock(nn.Module):
    """Liu et al., 2022: depthwise 7×7, LayerNorm over the channels, two linear layers, layer scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(F.gelu(self.up(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem, self.blocks = nn.Conv2d(3, width, 2, stride=2), nn.Sequential(ConvNeXtBlock(width), ConvNeXtBlock(width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.stem(x)).mean((-2, -1))))


class Mixer(nn.Module):
    """Tolstikhin et al., 2021: one network over the tokens, one over the channels."""

    def __init__(self, tokens: int = 16, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 2, stride=2)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.over_tokens = nn.Sequential(nn.Linear(tokens, 12), nn.GELU(), nn.Linear(12, tokens))
        self.over_channels = nn.Sequential(nn.Linear(width, 12), nn.GELU(), nn.Linear(12, width))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = x + self.over_tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        x = x + self.over_channels(self.norms[1](x))
        return self.head(self.norms[2](x).mean(1))


class Inverted(nn.Module):
    """Howard et al., 2019: expansion, depthwise convolution, squeeze and excitation, projection."""

    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(width, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.Hardswish(inplace=True))
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True)
        )
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, wide, 1), nn.Hardsigmoid()
        )
        self.project = nn.Sequential(nn.Conv2d(wide, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(self.expand(x))
        return x + self.project(y * self.squeeze(y))


def mobile_net() -> nn.Module:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.Hardswish(inplace=True),
        Inverted(6, 12),
        Inverted(6, 12),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, CLASSES),
    )
    model(torch.randn(30, 3, 8, 8) + 0.5)  # running statistics that are not 0 and 1
    return model


class LstmClassifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(12), nn.Linear(12, CLASSES))

    def forward(self, ids: Tensor) -> Tensor:
        _, (h, _) = self.lstm(self.embedding(ids))
        return self.head(torch.cat([h[-2], h[-1]], dim=1))


class PooledClassifier(nn.Module):
    """A learned query attends to tokens that know their position; padding is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.position = nn.Embedding(VOCABULARY, 8, padding_idx=0), nn.Embedding(16, 8)
        self.query = nn.Parameter(torch.randn(8))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
        scores = (torch.tanh(x) @ self.query).masked_fill(ids == 0, -1e4)
        return self.head((scores.softmax(1).unsqueeze(2) * x).sum(1))


class LanguageModel(nn.Module):
    """A causal transformer of fused projections, whose head is its embedding; classes are the first words."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, width), nn.Parameter(torch.randn(1, 16, width) / 3)
        self.norm, self.fused, self.out = nn.RMSNorm(width), nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate, self.up, self.down = (nn.Linear(a, b, bias=False) for a, b in ((width, 12), (width, 12), (12, width)))

    def forward(self, ids: Tensor) -> Tensor:
        n, length = ids.shape
        x = self.tokens(ids) + self.positions[:, :length]
        q, k, v = self.fused(self.norm(x)).view(n, length, 3, 2, -1).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, length, -1))
        y = self.norm(x)
        x = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return (self.norm(x)[:, -1] @ self.tokens.weight.T)[:, :CLASSES]


class DenseNet(nn.Module):
    """Huang et al., 2017: each layer sees what all layers before it made."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.layers = nn.ModuleList(
            [nn.Sequential(nn.GroupNorm(2, c), nn.ReLU(inplace=True), nn.Conv2d(c, 4, 3, padding=1, bias=False)) for c in (4, 8, 12)]
        )
        self.transition = nn.Sequential(nn.GroupNorm(4, 16), nn.ReLU(inplace=True), nn.Conv2d(16, 8, 1, bias=False), nn.AvgPool2d(2))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for layer in self.layers:
            features.append(layer(torch.cat(features, dim=1)))
        return self.head(self.transition(torch.cat(features, dim=1)).mean((2, 3)))


class Standardised(nn.Conv2d):
    """Qiao et al., 2019: a convolution with a standardised kernel, with a gain as in normaliser-free networks."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1)
        self.gain = nn.Parameter(torch.ones(outputs, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        weight = (self.weight - mean) * torch.rsqrt(torch.maximum(var * self.weight[0].numel(), torch.tensor(1e-4).to(var))) * self.gain
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class PreActivation(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(2, inputs), nn.GroupNorm(2, outputs)])
        self.convs = nn.ModuleList([Standardised(inputs, outputs, stride), Standardised(outputs, outputs)])
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else nn.Identity()
        self.skip_gain = nn.Parameter(torch.tensor(0.2))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norms[0](x))
        return self.shortcut(y) + self.skip_gain * self.convs[1](F.relu(self.norms[1](self.convs[0](y))))


def pre_activation() -> nn.Module:
    layers = [Standardised(3, 4), PreActivation(4, 4, 1), PreActivation(4, 8, 2), nn.GroupNorm(2, 8), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))


class Windows(nn.Module):
    """Liu et al., 2021: attention in shifted windows with a table of relative positions; all windows of all examples in one batch."""

    def __init__(self, width: int = 8, window: int = 2, shift: int = 1) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm, self.fused, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, 2) / 3)
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        apart = at[:, :, None] - at[:, None, :] + window - 1
        self.register_buffer("apart", apart[0] * (2 * window - 1) + apart[1])

    def forward(self, x: Tensor) -> Tensor:
        n, h, w, width = x.shape
        size = self.window
        y = torch.roll(self.norm(x), (-self.shift, -self.shift), (1, 2))
        y = y.view(n, h // size, size, w // size, size, width).transpose(2, 3).reshape(-1, size**2, width)
        q, k, v = self.fused(y).view(len(y), size**2, 3, 2, -1).permute(2, 0, 3, 1, 4)
        bias = self.table[self.apart.flatten()].view(size**2, size**2, 2).permute(2, 0, 1)
        y = (q @ k.transpose(-2, -1) / 2 + bias).softmax(-1) @ v
        y = self.out(y.transpose(1, 2).reshape(len(y), size**2, width))
        y = y.view(n, h // size, w // size, size, size, width).transpose(2, 3).reshape(n, h, w, width)
        return x + torch.roll(y, (self.shift, self.shift), (1, 2))


class Swin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 2, stride=2)
        self.blocks = nn.Sequential(Windows(shift=0), Windows())
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x).permute(0, 2, 3, 1)).mean((1, 2)))


class UNet(nn.Module):
    """Down, up again by a transposed convolution, and the two joined."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, padding=1)
        self.middle = nn.Sequential(nn.Conv2d(4, 6, 2, stride=2), nn.InstanceNorm2d(6, affine=True), nn.PReLU(6))
        self.up, self.join = nn.ConvTranspose2d(6, 4, 2, stride=2), nn.Conv2d(8, 4, 3, padding=1, padding_mode="reflect")
        self.head = nn.Conv2d(4, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.down(x).relu_()
        return self.head(self.join(torch.cat([skip, self.up(self.middle(skip))], 1)).relu()).amax((2, 3))


def of_images(make: Callable[[], nn.Module], *, training: bool = True) -> Case:
    return Case(make, (3, 8, 8), training=training)


def of_words(make: Callable[[], nn.Module]) -> Case:
    return Case(make, (7,), ids=True)


NETWORKS: dict[str, Case] = {
    "ConvNeXt": of_images(ConvNeXt),
    "MLP-Mixer": of_images(Mixer),
    "MobileNet": of_images(mobile_net, training=False),
    "DenseNet": of_images(DenseNet),
    "pre-activation ResNet, standardised": of_images(pre_activation),
    "Swin": of_images(Swin),
    "U-Net": of_images(UNet),
    "LSTM": of_words(LstmClassifier),
    "attention pooling": of_words(PooledClassifier),
    "language model": of_words(LanguageModel),
}
