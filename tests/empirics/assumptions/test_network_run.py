"""A network is seen as its full Hessian and its per-example gradients are, and is not disturbed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian
from torch.nn.functional import cross_entropy

from tests.empirics.assumptions.support import first_steps
from tsla.empirics.assumptions import Seen
from tsla.empirics.assumptions.network_run import network
from tsla.empirics.data.datasets import load
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.theory.claims import LONG_STEP, STEP
from tsla.theory.testing.planted import assert_rejects


def mlp(seed: int = 0, *, dropout: float = 0.0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(dropout), nn.Linear(5, 3)).double()


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(11, 4, generator=generator).double(), torch.randint(0, 3, (11,), generator=generator)


def full_hessian(model: nn.Module, inputs: Tensor, labels: Tensor) -> np.ndarray:
    """The slow oracle: all second derivatives, by torch.func, as one matrix."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.script. is deprecated", DeprecationWarning)  # torch's own forward mode calls it
        blocks = hessian(lambda ps: cross_entropy(functional_call(model, ps, inputs), labels))(parameters)
    sizes = {name: p.numel() for name, p in parameters.items()}
    return torch.cat([torch.cat([blocks[a][b].reshape(sizes[a], sizes[b]) for b in sizes], 1) for a in sizes]).numpy()


def training(model: nn.Module, etas: Sequence[float]) -> Iterator[tuple[int, float]]:
    """A run of full gradient steps, looked at before each and after the last."""
    inputs, labels = data()
    for step, eta in enumerate(etas):
        yield step, eta
        gradients = torch.autograd.grad(cross_entropy(model(inputs), labels), list(model.parameters()))
        with torch.no_grad():
            for p, gradient in zip(model.parameters(), gradients, strict=True):
                p -= eta * gradient
    yield len(etas), etas[-1]


def sees_the_network(rows: Sequence[Seen]) -> None:
    model, (inputs, labels) = mlp(), data()
    points: list[tuple[np.ndarray, np.ndarray]] = []
    for row, _ in zip(rows, training(model, [0.5, 0.5, 0.5]), strict=True):
        norm = np.abs(np.linalg.eigvalsh(full_hessian(model, inputs, labels))).max()
        assert 0.999 * norm <= row.L_power <= norm * (1 + 1e-9)
        loss = cross_entropy(model(inputs), labels)
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))]).numpy()
        weights = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
        assert row.pl_ratio == pytest.approx(gradient @ gradient / (2 * float(loss.detach())), rel=1e-9)
        moments = gradient_moments(model, inputs, labels).at_batch_size(2)
        assert (row.sigma2, row.delta) == pytest.approx((moments.s2, moments.delta), rel=1e-9)
        if points:
            w, g = points[-1]
            assert row.L_secant == pytest.approx(np.linalg.norm(gradient - g) / np.linalg.norm(weights - w), rel=1e-9)
        points.append((weights, gradient))


@pytest.mark.parametrize("microbatch", [3, 100])
def test_a_network_is_seen_as_its_full_hessian_is(microbatch: int) -> None:
    model = mlp()
    rows = list(network(model, *data(), training(model, [0.5, 0.5, 0.5]), batch_size=2, microbatch=microbatch))
    assert len(rows) == 4
    sees_the_network(rows)
    for field, factor in (("L_power", 1.01), ("L_secant", 1.01), ("pl_ratio", 2), ("sigma2", 2), ("delta", 2)):
        assert_rejects(sees_the_network, [replace(row, **{field: factor * getattr(row, field)}) for row in rows])


def test_the_curvature_may_be_that_of_some_examples() -> None:
    """All else is of all of them."""
    inputs, labels = data()
    part, whole, some = (
        next(network(mlp(), *given, [(0, 0.1)], **more))
        for given, more in (((inputs[:5], labels[:5]), {}), ((inputs, labels), {}), ((inputs, labels), {"curved": 5}))
    )
    assert some.L_power == pytest.approx(part.L_power, rel=1e-9)
    assert some.L_power != pytest.approx(whole.L_power, rel=1e-3)
    assert (some.pl_ratio, some.sigma2) == (whole.pl_ratio, whole.sigma2)


def test_fewer_iterations_see_less_of_the_curvature() -> None:
    one, enough = (next(network(mlp(), *data(), [(0, 0.1)], **more)) for more in ({"iterations": 1}, {}))
    assert one.L_power < 0.999 * enough.L_power


def test_labels_may_be_probabilities() -> None:
    model, (inputs, labels) = mlp(), data()
    by_index, by_row = (
        next(network(model, inputs, given, [(0, 0.1)])) for given in (labels, torch.nn.functional.one_hot(labels, 3).double())
    )
    assert by_row.L_power == pytest.approx(by_index.L_power, rel=1e-9)


def test_a_step_size_planted_in_training_is_found_at_its_step() -> None:
    model = mlp()
    rows = list(network(model, *data(), training(model, [0.01, 0.01, 50.0])))
    assert first_steps(rows)[STEP] == first_steps(rows)[LONG_STEP] == 2
    model = mlp()
    assert STEP not in first_steps(list(network(model, *data(), training(model, [0.01, 0.01, 0.01]))))


def test_looking_disturbs_nothing() -> None:
    model, (inputs, labels) = mlp(dropout=0.5), data()
    cross_entropy(model(inputs), labels).backward()
    before = {name: (p.detach().clone(), p.grad.clone()) for name, p in model.named_parameters() if p.grad is not None}
    states = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[union-attr, index]  # noqa: NPY002
    first, second = (next(network(model, inputs, labels, [(0, 0.1)])) for _ in range(2))
    assert first.columns() | {"L_secant": 0} == second.columns() | {"L_secant": 0}  # nan in a first row
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]  # type: ignore[union-attr, index]  # noqa: NPY002
    assert len(before) == 4
    for name, p in model.named_parameters():
        assert p.grad is not None
        assert torch.equal(p, before[name][0])
        assert torch.equal(p.grad, before[name][1])


def test_only_what_is_trained_counts() -> None:
    model, (inputs, labels) = mlp(), data()
    whole = full_hessian(model, inputs, labels)
    model[0].requires_grad_(False)  # type: ignore[index]
    (row,) = network(model, inputs, labels, [(0, 0.1)])
    assert row.L_power == pytest.approx(np.abs(np.linalg.eigvalsh(whole[25:, 25:])).max(), rel=1e-3)


def test_the_project_s_resnet_in_float32() -> None:
    torch.manual_seed(0)
    model, split = resnet(channels=1, classes=10, widths=(4,)), load("digits", train_size=40, label_noise=0.2, seed=0)
    (row,) = network(model, split.train_inputs, split.train_labels, [(0, 0.1)])
    norm = np.abs(np.linalg.eigvalsh(full_hessian(model.double(), split.train_inputs.double(), split.train_labels))).max()
    assert row.L_power == pytest.approx(norm, rel=1e-2)


def test_a_network_that_diverged_and_bad_arguments() -> None:
    model = mlp()
    with torch.no_grad():
        model[0].weight[0, 0] = math.nan  # type: ignore[index]
    with pytest.raises(ValueError, match="step = 4: the loss or its gradient is not finite"):
        next(network(model, *data(), [(4, 0.1)]))
    with pytest.raises(ValueError, match="eta = -1 must be a finite number at least 0"):
        next(network(mlp(), *data(), [(4, -1.0)]))
    with pytest.raises(ValueError, match="batch_size = 0 must be a whole number"):
        next(network(mlp(), *data(), [(4, 0.1)], batch_size=0))
