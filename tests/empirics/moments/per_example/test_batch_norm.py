"""BatchNorm with fixed statistics, against the same network written with a fixed affine map in its place."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.parts import Written
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.one_by_one import moments_by_loop
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

N, CLASSES = 7, 3


def fixed_norm(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor) -> nn.Module:
    """``γ (x - mean) / √(var + ε) + β`` with constant mean and var."""
    mean, var = (statistic.clone().view(1, -1, 1, 1) for statistic in (mean, var))

    def forward(s: Any, x: Tensor) -> Tensor:
        return (x - mean) / (var + norm.eps).sqrt() * s.weight.view(1, -1, 1, 1) + s.bias.view(1, -1, 1, 1)

    return Written(forward, weight=norm.weight, bias=norm.bias)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(20, CLASSES)
    model = nn.Sequential(*layers).double()
    model(torch.randn(30, 1, 6, 6).double() * 2 + 1)  # running statistics that are not 0 and 1
    return model.train()


def examples() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(N, 1, 6, 6).double(), torch.randint(CLASSES, (N,))


def fixed(choice: str, model: nn.Sequential, x: Tensor) -> nn.Sequential:
    """The network with fixed norms in place of its own."""
    model = copy.deepcopy(model)
    for i in (1, 4):
        before = model[:i](x).detach()
        of_batch = before.mean((0, 2, 3)), before.var((0, 2, 3), correction=0)
        model[i] = fixed_norm(model[i], *(of_batch if choice == "batch" else (model[i].running_mean, model[i].running_var)))
    return model


CHOICES = ["evaluation", "batch"]
Measure = Callable[..., Moments]


def is_that_of_the_fixed_network(choice: str, measure: Measure) -> None:
    model, (x, y) = network(), examples()
    expected = moments_by_loop(fixed(choice, model, x), x, y)
    assert asdict(measure(model, x, y, batch_norm=choice)) == pytest.approx(asdict(expected), rel=1e-9, abs=1e-9 * expected.s2)


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("microbatch", [1, 3, 32])
def test_fixed_statistics(choice: str, microbatch: int) -> None:
    is_that_of_the_fixed_network(choice, lambda *given, **named: gradient_moments(*given, **named, microbatch=microbatch))


@pytest.mark.parametrize(("choice", "other"), list(itertools.permutations(CHOICES)))
def test_the_loop_has_the_same_choices_and_the_other_is_rejected(choice: str, other: str, rejects: Rejects) -> None:
    def by_the_other(*given: Any, batch_norm: str) -> Moments:
        return moments_by_loop(*given, batch_norm=other)

    rejects(partial(is_that_of_the_fixed_network, choice), right=moments_by_loop, wrong=by_the_other)


def test_evaluation_mode_is_the_same_as_running_statistics_which_are_left_as_they_were() -> None:
    model, (x, y) = network(), examples()
    before = copy.deepcopy(model.state_dict())
    found = {choice: gradient_moments(model, x, y, batch_norm=choice) for choice in CHOICES}
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training
    assert gradient_moments(model.eval(), x, y) == found["evaluation"]


def test_refusals() -> None:
    model, (x, y) = network(), examples()
    with pytest.raises(ValueError, match=r"^1 is BatchNorm in training mode: .* not defined.* call model.eval\(\), or choose"):
        gradient_moments(model, x, y)
    with pytest.raises(ValueError, match="batch_norm = 'train' must be None, 'evaluation' or 'batch'"):
        gradient_moments(model, x, y, batch_norm="train")
    model[1] = nn.BatchNorm2d(4, track_running_stats=False).double()
    with pytest.raises(ValueError, match="has no running statistics; use 'batch'"):
        gradient_moments(model, x, y, batch_norm="evaluation")
    with pytest.raises(ValueError, match=r"^1 is BatchNorm"):
        gradient_moments(copy.deepcopy(model).eval(), x, y)
    model[1] = nn.SyncBatchNorm(4).double()
    with pytest.raises(ValueError, match="1 is SyncBatchNorm in training mode"):
        gradient_moments(model, x, y, batch_norm="batch")


def test_functional_batch_norm_in_training_mode_is_refused() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        return s.head(nn.functional.batch_norm(x.flatten(1), None, None, s.scale, training=True))

    functional = Written(forward, scale=nn.Parameter(torch.ones(36)), head=nn.Linear(36, CLASSES))
    with pytest.raises(ValueError, match="batch_norm takes its statistics from the batch"):
        gradient_moments(functional.double(), *examples())
