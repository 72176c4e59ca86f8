"""A network of a few parts and its inputs, written in a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

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


def layer() -> nn.Linear:
    return nn.Linear(WIDTH, WIDTH)


def table() -> nn.Embedding:
    return nn.Embedding(ENTRIES, WIDTH)


USUAL: dict[str, Part] = {"a": layer, "b": layer, "p": (WIDTH,), "q": (WIDTH,), "r": (WIDTH,), "w": (WIDTH, WIDTH), "e": table}


def written(forward: Callable[[Any, Tensor], Tensor], usual: str, *shape: int, ids: bool = False, **parts: Part) -> Case:
    """A network of the parts that USUAL names and others: what makes a part, the shape of a parameter, or the features of a head.

    By default an example is a vector.
    """

    def made(part: Part) -> Any:
        return part() if callable(part) else parameter(*part) if isinstance(part, tuple) else head(part)

    parts = {name: USUAL[name] for name in usual.split()} | {"head": head} | parts
    return Case(lambda: Written(forward, **{name: made(part) for name, part in parts.items()}), shape or (WIDTH,), ids=ids)


def headed(forward: Callable[[Any, Tensor], Tensor], usual: str, *shape: int, ids: bool = False, **parts: Part) -> Case:
    """The same, whose head comes after the function."""
    return written(lambda s, x: s.head(forward(s, x)), usual, *shape, ids=ids, **parts)


def of_tokens(forward: Callable[[Any, Tensor], Tensor], usual: str, **parts: Part) -> Case:
    return headed(forward, usual, TOKENS, WIDTH, **parts)


class Backward(torch.autograd.Function):
    """The identity, whose backward pass is another function."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.change = change
        return x.clone()

    @staticmethod
    def backward(ctx: Any, D: Tensor) -> tuple[Tensor, None]:
        return ctx.change(D), None


def encoder(**options: Any) -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 2, 8, dropout=0.0, batch_first=True, **options)


def frozen(model: nn.Module, *names: str) -> nn.Module:
    """The model, without gradients for parameters whose names begin so."""
    for name, p in model.named_parameters():
        p.requires_grad_(not name.startswith(names))
    return model
