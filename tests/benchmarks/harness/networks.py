"""The networks of the benchmark: ten classes, images ``(n, 3, 32, 32)`` or texts ``(n, TOKENS)``, examples that no layer couples.

Every operation with parameters or a nonlinearity is a module that is called once: BackPACK asks for it, and it costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 10
GROUPS = 32
WORDS, TOKENS = 30_522, 64


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False), nn.GroupNorm(GROUPS, outputs)]


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, layers: list[nn.Module]) -> None:
        super().__init__()
        self.residual = nn.Sequential(*layers)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*_conv(inputs, outputs, 1, stride))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.residual(x) + self.shortcut(x))


def _basic(inputs: int, width: int, stride: int) -> _Residual:
    return _Residual(inputs, width, stride, [*_conv(inputs, width, 3, stride), nn.ReLU(), *_conv(width, width, 3)])


def _bottleneck(inputs: int, width: int, stride: int) -> _Residual:
    middle = [*_conv(inputs, width, 1), nn.ReLU(), *_conv(width, width, 3, stride), nn.ReLU()]
    return _Residual(inputs, 4 * width, stride, [*middle, *_conv(width, 4 * width, 1)])


def _resnet(block: Callable[[int, int, int], _Residual], depths: tuple[int, ...], expansion: int) -> nn.Sequential:
    """The CIFAR form: a 3×3 stem without pooling, then stages of 64, 128, 256, 512 channels, all but the first halving the image."""
    layers, channels = [*_conv(3, 64, 3), nn.ReLU()], 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for i in range(depth):
            layers.append(block(channels, width, 2 if stage > 0 and i == 0 else 1))
            channels = expansion * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


class _Block(nn.Module):
    """A pre-norm transformer block on ``(n, tokens, width)``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class _VisionTransformer(nn.Module):
    """Patches of 4×4, a class token and positions as parameters of the root, which no layer's rule covers."""

    def __init__(self, width: int = 192, depth: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.patches = nn.Sequential(nn.Conv2d(3, width, 4, 4), nn.Flatten(2))
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 65, width))
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        token, positions = (p.expand(x.shape[0], -1, -1) for p in (self.token, self.positions))
        tokens = torch.cat([token, self.patches(x).transpose(1, 2)], dim=1) + positions
        return self.head(self.norm(self.blocks(tokens))[:, 0])


class _SelfAttention(nn.Module):
    """Of linear layers, since Opacus has a rule for those and none for ``nn.MultiheadAttention``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (part(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        return self.out(nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class _TextBlock(nn.Module):
    """A post-norm transformer block on ``(n, tokens, width)``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention, self.norm1, self.norm2 = _SelfAttention(width, heads), nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))


class _TextClassifier(nn.Module):
    """Of the size of DistilBERT, 67 million parameters, on ids ``(n, TOKENS)``."""

    def __init__(self, width: int = 768, depth: int = 6, heads: int = 12) -> None:
        super().__init__()
        self.words, self.positions, self.norm = nn.Embedding(WORDS, width), nn.Embedding(512, width), nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(_TextBlock(width, heads) for _ in range(depth)))
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, CLASSES))

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        return self.head(self.blocks(self.norm(self.words(ids) + self.positions(places)))[:, 0])


def _small_cnn() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 8 * 8, CLASSES)),
    )


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "small-cnn": _small_cnn,
    "resnet18": lambda: _resnet(_basic, (2, 2, 2, 2), 1),
    "resnet50": lambda: _resnet(_bottleneck, (3, 4, 6, 3), 4),
    "vit-tiny": _VisionTransformer,
    "distilbert": _TextClassifier,
}


def build(name: str, batch: int, seed: int) -> tuple[nn.Module, Tensor, Tensor]:
    """A network as it is initialised, in training mode, with its inputs and labels ``(batch,)``: the same for a seed."""
    torch.manual_seed(seed)
    model = BUILDERS[name]()
    inputs = torch.randint(WORDS, (batch, TOKENS)) if name == "distilbert" else torch.randn(batch, 3, 32, 32)
    return model, inputs, torch.randint(CLASSES, (batch,))
