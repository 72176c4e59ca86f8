"""Networks whose logits have positions, in each layout, with examples some of whose labels are ignored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

K, N, T = 4, 5, 3
IGNORED = -100


class Tagger(nn.Module):
    """Token by token, of logits ``(n, T, K)``; tokens see each other."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.mixed, self.head = nn.Embedding(7, 4), nn.Linear(T, T), nn.Linear(4, K)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.mixed(self.tokens(tokens).transpose(1, 2)).tanh().transpose(1, 2))


class First(nn.Module):
    """The same with the classes first, ``(n, K, T)``."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, tokens: Tensor) -> Tensor:
        return self.tagger(tokens).transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Case:
    """A network with examples, some of whose labels are ignored; of its logits the classes lie second, or last."""

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    last: bool = False

    def logits(self, x: Tensor) -> Tensor:
        """Of one example, with the classes second, as torch's losses want them."""
        logits = self.model(x[None])
        return logits.transpose(1, 2) if self.last else logits


def cases() -> dict[str, Case]:
    torch.manual_seed(0)
    tokens, tags = torch.randint(7, (N, T)), torch.randint(K, (N, T))
    tags[0, 1] = tags[2, 0] = tags[2, 2] = IGNORED
    pixels = torch.randint(K, (N, 3, 2))
    pixels[1, 0], pixels[3] = IGNORED, IGNORED
    pixels[3, 1, 1] = 2
    tagger = Tagger().double()
    segmenter = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.GELU(), nn.Conv2d(3, K, 1)).double()
    return {
        "one label": Case(nn.Linear(6, K).double(), torch.randn(N, 6).double(), torch.tensor([2, 0, 1, 1, 3])),
        "tokens": Case(tagger, tokens, tags, last=True),
        "classes first": Case(First(tagger), tokens, tags),
        "pixels": Case(segmenter, torch.randn(N, 1, 3, 2).double(), pixels),
    }
