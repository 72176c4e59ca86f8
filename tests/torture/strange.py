"""What is given for an argument by mistake: numbers, arrays, texts, tensors, networks and batches, as they should not be."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

Draw = random.Random
N, K = 9, 4
"""Examples and classes of what works."""

NUMBERS: tuple[Callable[[], Any], ...] = (
    *(lambda x=x: x for x in (0, 0.0, -0.0, 1, 1.0, -1, 2, 3, 0.5, 1.5, float("nan"), float("inf"), float("-inf"))),
    *(lambda x=x: x for x in (5e-324, 1e-310, 2.3e-308, 1e-300, 1e-155, 1e-16, 1e16, 1e155, 1e300, 1.7e308, 1 - 2**-53, 1 + 2**-52)),
    *(lambda x=x: x for x in (2**31, 2**63, 2**64, -(2**63), 10**400, -(10**400), 10**307)),
    *(lambda x=x: x for x in (np.float16(0.1), np.float16(6e4), np.float32(1e38), np.longdouble("1e4000"), np.uint8(255), np.int8(-128))),
    *(lambda x=x: x for x in (True, np.bool_(True), 1j, Fraction(1, 3), Decimal("0.1"), pd.NA, pd.NaT, np.datetime64("2020-01-01"))),
)
TEXTS: tuple[Callable[[], Any], ...] = tuple(
    lambda x=x: x
    for x in ("", " ", "1", "nan", "inf", "٣", "１", "½", "uniform", "sgd", "\0", "\n", "a\nb", "x" * 3000, "\udcff", "../..", b"1")
)
ARRAYS: tuple[Callable[[], Any], ...] = (
    *(lambda x=x: list(x) for x in ((), (1.0,), (0.5, 1.0), (1.0, float("nan")), ("1",), (None,), ((1.0, 2.0), (3.0,)))),
    lambda: np.array([]),
    lambda: np.zeros((0, 3)),
    lambda: np.array(0.5),
    lambda: np.array([0.1, 0.2, 0.3], dtype=np.float16),
    lambda: np.array([0.1, 0.2, 0.3, 0.4])[::2],
    lambda: np.full((3, 2), 0.25).T[::-1],
    lambda: np.broadcast_to(0.5, (2, 2)),
    lambda: np.array([1, 2], dtype=np.uint8),
    lambda: np.array([2**63], dtype=np.uint64),
    *(lambda x=x: np.array(x) for x in ((0.5, np.inf), (5e-324, 1.0), (0.5 + 0j,), ("0.5",), (0.5, None))),
    lambda: np.array([(1.0, 2)], dtype=[("a", float), ("b", int)]),
    lambda: np.array([True, False]),
    lambda: np.ma.masked_array([0.5, 1.0], mask=[False, True]),
    lambda: np.ma.masked,
    lambda: np.matrix([[0.5, 1.0]]),
    lambda: pd.Series([0.5, 1.0], index=[5, 5]),
    lambda: pd.Series([0.5, None], dtype="Float64"),
    lambda: pd.DataFrame({"a": [0.5]}),
    lambda: pd.Series(["a"], dtype="category"),
    lambda: torch.tensor(0.5),
    lambda: torch.tensor([0.5, 1.0], requires_grad=True),
    lambda: torch.tensor(0.5, device="meta"),
    lambda: torch.tensor([0.5], dtype=torch.bfloat16),
)
OTHERS: tuple[Callable[[], Any], ...] = (
    *(lambda x=x: x for x in (None, (), frozenset(), ..., NotImplemented, range(3), slice(None), Path("no/where"), int, np)),
    lambda: {},
    lambda: {"a": 1.0},
    object,
    lambda: (x for x in (0.5,)),
    lambda: lambda *_: 0.5,
    lambda: memoryview(b"abc"),
    lambda: np.random.default_rng(0),
)


def anything(draw: Draw) -> Any:
    """Of any kind."""
    return draw.choice(draw.choice((NUMBERS, TEXTS, ARRAYS, OTHERS)))()


def in_place_of(value: Any, draw: Draw) -> Any:
    """What somebody gave who meant ``value``: mostly of its kind."""
    for kind, others in KINDS.items():
        if isinstance(value, kind) and draw.random() < 0.75:
            return others(value, draw)
    return anything(draw)


def _number(_: Any, draw: Draw) -> Any:
    return draw.choice(draw.choice((NUMBERS, NUMBERS, ARRAYS)))()


def _array(value: Any, draw: Draw) -> Any:
    changes: tuple[Callable[[Any], Any], ...] = (
        lambda a: a[:0],
        lambda a: a * np.nan,
        lambda a: a * 1e200,
        lambda a: a.astype(np.float16),
        lambda a: a.astype(complex),
        lambda a: a.astype(str),
        lambda a: a.astype(object),
        lambda a: a[..., None],
        lambda a: a[::-1],
        lambda a: np.ma.masked_less(a, 0.5),
        lambda a: -a - 1,
        lambda a: a.tolist(),
        lambda a: pd.Series(a.ravel()),
        lambda a: a.ravel()[0],
    )
    return draw.choice(changes)(value) if draw.random() < 0.7 else _number(value, draw)


TENSORS: tuple[Callable[[Tensor], Any], ...] = (
    *(lambda t, n=n: t[:n] for n in (0, 1, -1)),
    *(lambda t, d=d: t.to(d) for d in (torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool)),
    *(lambda t, d=d: t.to(d) for d in (torch.complex64, torch.int8, torch.float8_e4m3fn)),
    *(lambda t, x=x: t.double() * x for x in (float("nan"), 0.0, 1e20, 1e300, -1.0)),
    *(lambda t, x=x: t * x for x in (10**6, -1, 3)),
    lambda t: (t.float() * 1e-30).to(t.dtype),
    lambda t: t.float().masked_fill(torch.ones_like(t, dtype=torch.bool).cumsum(0) == 2, float("inf")),
    lambda t: t + 1,
    lambda t: t.flip(0),
    lambda t: t.flatten(),
    lambda t: t[None],
    lambda t: t[..., None],
    lambda t: t.transpose(0, -1),
    lambda t: t.transpose(0, -1).contiguous().transpose(0, -1),
    lambda t: t[:1].expand(t.shape),
    lambda t: t.flatten()[0],
    lambda t: t.flatten()[:0],
    lambda t: t.to("meta"),
    lambda t: t.float().to_sparse(),
    lambda t: t.float().requires_grad_(),
    lambda t: torch.cat([t, t]),
    lambda t: t.numpy(),
    lambda t: t.tolist(),
    lambda t: nn.Parameter(t.float()),
    lambda t: torch.nested.nested_tensor(list(t)) if t.ndim > 1 else t,
)


class Head(nn.Module):
    """Logits, changed."""

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.change = nn.Linear(5, K), change

    def forward(self, x: Tensor) -> Any:
        """What ``change`` makes of them."""
        return self.change(self.layer(x))


def _filled(value: float) -> nn.Module:
    layer = nn.Linear(5, K)
    nn.init.constant_(layer.weight, value)
    return layer


def _half_frozen() -> nn.Module:
    layer = nn.Linear(5, K)
    layer.weight.requires_grad_(False)
    return layer


MODELS: tuple[Callable[[], Any], ...] = (
    lambda: nn.Linear(5, K).requires_grad_(False),
    _half_frozen,
    lambda: nn.Sequential(*[nn.Linear(5, 5)] * 2, nn.Linear(5, K)),  # one layer, twice
    *(lambda d=d: nn.Linear(5, K, dtype=d) for d in (torch.float16, torch.float64, torch.bfloat16, torch.complex64)),
    lambda: nn.Linear(5, K, device="meta"),
    *(lambda sizes=sizes: nn.Linear(*sizes) for sizes in ((5, 1), (5, 0), (4, K))),
    lambda: nn.LazyLinear(K),
    nn.Identity,
    lambda: nn.Sequential(),
    lambda: nn.ModuleList([nn.Linear(5, K)]),
    lambda: nn.Sequential(nn.Linear(5, K), nn.Dropout(0.5)),
    lambda: nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Linear(6, K)),
    lambda: nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Linear(6, K)).eval(),
    lambda: nn.Embedding(9, K),
    lambda: nn.Embedding(9, K, sparse=True),
    *(lambda x=x: _filled(x) for x in (float("nan"), float("inf"), 0.0, 1e30, 1e-40)),
    *(
        lambda change=change: Head(change)
        for change in (
            lambda z: z * float("nan"),
            lambda z: z.half(),
            lambda z: z.to(torch.complex64),
            lambda z: z.detach(),
            lambda z: z.argmax(1),
            lambda z: z.sum(),
            lambda z: z[:1],
            lambda z: z.softmax(1),
            lambda z: z.masked_fill(z == z.amax(), float("-inf")),
            lambda z: z * 1e4,
            lambda z: (z, z),
            lambda z: {"logits": z},
            lambda z: {},
            lambda z: [],
            lambda z: None,
            lambda z: z.tolist(),
            lambda z: z.unsqueeze(1),
            lambda z: z + torch.rand(()),
            lambda z: z @ z.T,
            lambda z: z - z.mean(0),
        )
    ),
    lambda: lambda x: x,
    lambda: nn.Linear,
    lambda: torch.compile,
    lambda: nn.Linear(5, K).state_dict(),
)


def _tensor(value: Tensor, draw: Draw) -> Any:
    change = draw.choice(TENSORS)
    try:
        return change(value)
    except (RuntimeError, NotImplementedError, TypeError):  # torch has no such tensor
        return None


def _pair(value: tuple[Any, ...], draw: Draw) -> Any:
    """With one part changed, left out or doubled; or in another form."""
    place = draw.randrange(len(value)) if value else 0
    parts = [*value]
    if value and draw.random() < 0.7:
        parts[place] = in_place_of(parts[place], draw)
        return tuple(parts)
    forms: tuple[Callable[[], Any], ...] = (
        lambda: (),
        lambda: tuple(parts[:1]),
        lambda: (*parts, *parts),
        lambda: [tuple(parts)],
        lambda: [tuple(parts), tuple(parts)],
        lambda: [],
        lambda: [()],
        lambda: iter([tuple(parts)]),
        lambda: {"inputs": parts[0], "labels": parts[-1]} if parts else {},
        lambda: [tuple(part[:0] if isinstance(part, Tensor) else part for part in parts)],
        lambda: torch.utils.data.TensorDataset(*(part for part in parts if isinstance(part, Tensor))),
        lambda: [{"x": part} for part in parts],
        lambda: torch.utils.data.DataLoader([(1, 2)], batch_size=2),
    )
    return draw.choice(forms)()


def _listed(value: list[Any], draw: Draw) -> Any:
    """With one item changed, left out or doubled."""
    if not value:
        return anything(draw)
    place = draw.randrange(len(value))
    if draw.random() < 0.2:
        return [*value[:place], *value[place + 1 :]] if draw.random() < 0.5 else [*value, value[place]]
    return [*value[:place], in_place_of(value[place], draw), *value[place + 1 :]]


def _mapping(value: Mapping[str, Any], draw: Draw) -> Any:
    if not value:
        return anything(draw)
    name = draw.choice([*value])
    if draw.random() < 0.2:
        return {key: other for key, other in value.items() if key != name}
    return dict(value) | {name: in_place_of(value[name], draw)}


def _frame(value: pd.DataFrame, draw: Draw) -> Any:
    column = draw.choice([*value.columns])
    forms: Sequence[Callable[[], Any]] = (
        lambda: value.drop(columns=column),
        lambda: value[:0],
        lambda: value.assign(**{column: in_place_of(1.0, draw) if draw.random() < 0.5 else np.nan}),
        lambda: value.assign(**{column: value[column].astype(str)}),
        lambda: value.assign(**{column: value[column].astype("float16")}),
        lambda: value.assign(**{column: -value[column]}),
        lambda: pd.concat([value, value]),
        lambda: pd.concat([value, value[[column]]], axis=1),
        lambda: value[::-1],
        lambda: value.T,
        lambda: value.set_index(column),
        lambda: value.to_dict("list"),
        lambda: value.to_numpy(),
    )
    try:
        return draw.choice(forms)()
    except (ValueError, TypeError):  # pandas has no such table
        return None


KINDS: Mapping[type | tuple[type, ...], Callable[[Any, Draw], Any]] = {
    bool: lambda value, draw: draw.choice((not value, 1, 0, "no", None, np.True_, np.array([True, False]))),
    (int, float): _number,
    str: lambda _, draw: draw.choice(TEXTS)(),
    np.ndarray: _array,
    Tensor: _tensor,
    nn.Module: lambda _, draw: draw.choice(MODELS)(),
    pd.DataFrame: _frame,
    tuple: _pair,
    list: _listed,
    dict: _mapping,
}
