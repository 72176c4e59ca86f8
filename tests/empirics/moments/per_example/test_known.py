"""What is kept between calls changes no number, is not looked for again, and is dropped when the model changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tsla.empirics.moments.measure import measure
from tsla.empirics.moments.per_example import GradientProducts, Known, gradient_products
from tsla.theory.testing.planted import Rejects

BATCHES = [(torch.randn(9 - i, 6, generator=torch.Generator().manual_seed(i)), torch.arange(9 - i) % 3) for i in range(4)]


class Counted(nn.Module):
    """Counts its passes; mixes the examples where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net, self.passes, self.mixing = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)), 0, False

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return self.net(x - x.mean(0) if self.mixing else x)


def of_all(model: nn.Module, known: Callable[[], Known | None]) -> list[GradientProducts]:
    return [gradient_products(model, *batch, known=known()) for batch in BATCHES]


def test_no_number_changes() -> None:
    known = Known()
    for kept, fresh in zip(of_all(Counted(), lambda: known), of_all(Counted(), lambda: None), strict=True):
        for name in ("gg", "hh", "gh"):
            assert torch.equal(getattr(kept, name), getattr(fresh, name))


def looks_once(keep: bool) -> None:
    model, known = Counted(), Known()
    of_all(model, lambda: known if keep else None)
    assert model.passes == len(BATCHES) + 1


def test_a_model_is_looked_at_once(rejects: Rejects) -> None:
    rejects(looks_once, right=True, wrong=False)
    model = Counted()
    measure(model, BATCHES)
    assert model.passes == len(BATCHES) + 1


def mix(model: Counted) -> None:
    model.mixing = True


def replace(model: Counted) -> None:
    model.net[1] = nn.LayerNorm(5)
    model.net[2].register_forward_pre_hook(lambda module, given: (given[0] - given[0].mean(0),))


def hook(model: Counted) -> None:
    model.net.register_forward_hook(lambda module, given, out: out - out.mean(0))


def adapt(model: Counted) -> None:
    model.net[0] = nn.Sequential(model.net[0], nn.BatchNorm1d(5, track_running_stats=False).eval())


@pytest.mark.parametrize("change", [mix, replace, hook, adapt])
def test_a_changed_model_is_looked_at_again_and_again(change: Callable[[Counted], None], rejects: Rejects) -> None:
    """Also after a call that was refused."""

    def is_refused_each_time(change: Callable[[Counted], None]) -> None:
        model, known = Counted(), Known()
        gradient_products(model, *BATCHES[0], known=known)
        change(model)
        for batch in BATCHES[:2]:
            try:
                gradient_products(model, *batch, known=known)
            except ValueError:
                continue
            raise AssertionError("coupled examples were measured")

    rejects(is_refused_each_time, right=change, wrong=nn.Module.eval)


def test_another_mode_or_length_or_precision_is_another_way() -> None:
    model, known = nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5), nn.Linear(5, 3)).eval(), Known()
    (x, y), plain = BATCHES[0], gradient_products
    plain(model, x, y, known=known)
    for changed in (lambda: model.train(), lambda: model.eval().double(), lambda: model[0].requires_grad_(False)):
        changed()
        given = x.to(model[0].weight)
        torch.manual_seed(0)
        kept = plain(model, given, y, known=known)
        torch.manual_seed(0)
        assert torch.equal(kept.gg, plain(model, given, y).gg)
