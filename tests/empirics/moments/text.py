"""A small text classifier of our own, with the traits of those that people have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from tests.empirics.moments.per_example.oracle import CLASSES, labels_for
from tests.empirics.moments.per_example.parts import Written

WORDS, LENGTH, WIDTH = 11, 6, 8
LABELS = labels_for(8)
Mix = Callable[[Tensor], Tensor]


@dataclass
class Output:
    """What it returns: no tensor, and no tuple."""

    logits: Tensor
    hidden: Tensor


class Text(nn.Module):
    """Padded tokens attend to each other under their masks. Where no example is padded, the mask is left out.

    Positions are looked up by the shape of the ids, the activation is made anew in each pass, and the head shares the table of words.
    ``mix`` happens to the tokens of all examples wherever one of them is padded. ``again`` calls the middle: a checkpoint does it twice.
    """

    def __init__(self, mix: Mix = lambda x: x, again: Callable[..., Tensor] = lambda middle, *given: middle(*given)) -> None:
        super().__init__()
        self.words, table = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.positions = Written(lambda s, ids: s.table(torch.arange(ids.shape[1])[None]), table=table)
        self.fused, self.out, self.norm = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self._mix, self._again = mix, again

    def forward(self, ids: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Output:
        padded = mask is not None and not bool(mask.all())
        x = self.words(ids) + self.positions(ids).to(ids.device)
        bias = torch.zeros(len(ids), 1, ids.shape[1], dtype=x.dtype).masked_fill(mask[:, None] == 0, -1e9) if padded else None
        x = self._again(self.middle, x, bias)
        if padded:
            x = self._mix(x)
        kept = torch.ones_like(ids) if mask is None else mask
        pooled = (x * kept[..., None]).sum(1) / kept.sum(1, keepdim=True)
        return Output(scale * (self.norm(pooled) @ self.words.weight.T)[:, :CLASSES], x)

    def middle(self, x: Tensor, bias: Tensor | None) -> Tensor:
        q, k, v = self.fused(x).chunk(3, -1)
        return nn.Tanh()(x + self.out(scaled_dot_product_attention(q, k, v, attn_mask=bias)))


def with_checkpoint(*, use_reentrant: bool) -> Text:
    return Text(again=lambda middle, *given: checkpoint(middle, *given, use_reentrant=use_reentrant))


def text(make: Callable[[], Text] = Text) -> Text:
    torch.manual_seed(0)
    return make().double()


def unrolled() -> nn.Module:
    """A cell for each word that the longest example has: another path for each microbatch."""

    def forward(s: Any, ids: Tensor, mask: Tensor) -> Tensor:
        state = torch.zeros(len(ids), 4, dtype=torch.float64)
        for t in range(int(mask.sum(1).max())):
            state = torch.where(mask[:, t, None] > 0, torch.tanh(s.cell(torch.cat([s.words(ids[:, t]), state], 1))), state)
        return s.head(state)

    torch.manual_seed(0)
    return Written(forward, words=nn.Embedding(WORDS, 3), cell=nn.Linear(7, 4), head=nn.Linear(4, CLASSES)).double()


def as_one_tensor(model: nn.Module) -> nn.Module:
    """The same network of ids and masks in one tensor ``(n, 2, LENGTH)``, with logits as they are: what needs no other form."""
    return Written(lambda s, x: s.model(ids=x[:, 0], mask=x[:, 1]).logits, model=model)


LENGTHS = {
    "all padded": [3, 5, 4, 2, 3, 1, 4, 5],
    "none padded": [LENGTH] * 8,
    "the first padded": [3, *[LENGTH] * 7],
    "the first unpadded": [*[LENGTH] * 4, 5, 4, LENGTH, 3],
    "one in the middle": [*[LENGTH] * 5, 2, LENGTH, LENGTH],
}


def tokens(lengths: list[int]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = (torch.arange(LENGTH) < torch.tensor(lengths)[:, None]).long()
    return {"ids": torch.randint(1, WORDS, mask.shape, generator=generator) * mask, "mask": mask}


def one_tensor(given: dict[str, Tensor]) -> Any:
    return torch.stack([given["ids"], given["mask"]], 1)
