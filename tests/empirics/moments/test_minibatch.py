"""Moments of the stochastic gradient of training mode, against matrices of its values."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.empirics.moments.per_example.parts import Written
from tests.empirics.moments.support import CLASSES, Items
from tests.empirics.moments.support import data as images
from tests.refusals import refusals
from tests.theory.population import by_definition
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.estimators import Estimates
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.minibatch import minibatch_moments
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects, assert_rejects


def partly_used() -> nn.Module:
    """A layer used twice, and a parameter that the output doesn't depend on."""
    parts = {"hidden": nn.Linear(36, 36), "norm": nn.BatchNorm1d(36), "head": nn.Linear(36, CLASSES), "unused": nn.Linear(2, 2)}
    return Written(lambda s, x: s.head(s.hidden(s.norm(s.hidden(x.flatten(1))).tanh())), **parts)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: resnet(channels=1, classes=CLASSES, widths=(4, 8), norm=nn.BatchNorm2d),
    "group norm": lambda: resnet(channels=1, classes=CLASSES, widths=(4, 8)),
    "batch norm, in evaluation mode": lambda: resnet(channels=1, classes=CLASSES, widths=(4, 8), norm=nn.BatchNorm2d).eval(),
    "shared and unused": partly_used,
}


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().double()


def data(n: int = 30) -> tuple[Tensor, Tensor]:
    return images(n, torch.float64)


def split(taken: list[int], B: int) -> list[list[int]]:
    return [taken[start : start + B] for start in range(0, len(taken), B)]


def gradient_of(model: nn.Module, loss_of: Callable[[Tensor], Tensor], inputs: Tensor) -> np.ndarray:
    """By a backward pass of a copy, as training does it; ``(p,)``."""
    twin = copy.deepcopy(model)
    loss_of(twin(inputs)).backward()
    return np.concatenate([(torch.zeros_like(p) if p.grad is None else p.grad).flatten().numpy() for p in twin.parameters()])


def matrices(model: nn.Module, inputs: Tensor, labels: Tensor, batches: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of the mean cross-entropy of each batch at its labels and at uniform ones, ``(M, p)``."""
    g = [gradient_of(model, lambda out, b=b: nn.functional.cross_entropy(out, labels[list(b)]), inputs[list(b)]) for b in batches]
    g_hat = [gradient_of(model, lambda out: -out.log_softmax(1).mean(), inputs[list(b)]) for b in batches]
    return np.stack(g), np.stack(g_hat)


def of_population(g: np.ndarray, g_hat: np.ndarray) -> Moments:
    """Moments of rows that are all there is."""
    return Moments(*by_definition(g, g_hat).tolist())


def of_sample(g: np.ndarray, g_hat: np.ndarray) -> Moments:
    """Unbiased moments of what the rows were drawn from: products of means over pairs of different rows."""
    pairs, different = ((g, g), (g_hat, g_hat), (g, g_hat)), ~np.eye(len(g), dtype=bool)
    return Moments.from_means(*(float((a * b).sum(1).mean()) for a, b in pairs), *(float((a @ b.T)[different].mean()) for a, b in pairs))


# --- against matrices

By = Callable[[nn.Module, Tensor, Tensor, Sequence[Sequence[int]]], Moments]


def by_matrices(model: nn.Module, inputs: Tensor, labels: Tensor, batches: Sequence[Sequence[int]]) -> Moments:
    return of_sample(*matrices(model, inputs, labels, batches))


def are_those_of_the_batches(by: By, name: str = "batch norm") -> None:
    model, dataset = network(name), Items(*data())
    found = minibatch_moments(model, dataset, batch_size=5, batches=12).moments
    assert len(dataset.taken) == 5 * 12
    expected = asdict(by(model, dataset.inputs, dataset.labels, split(dataset.taken, 5)))
    assert asdict(found) == pytest.approx(expected, rel=1e-8, abs=1e-10 * max(map(abs, expected.values())))


@pytest.mark.parametrize("name", NETWORKS)
def test_moments_are_those_of_the_batches_that_were_drawn(name: str) -> None:
    are_those_of_the_batches(by_matrices, name)


def moving_statistics(model: nn.Module, inputs: Tensor, labels: Tensor, batches: Sequence[Sequence[int]]) -> Moments:
    """Each batch meets the running statistics that the one before left, and uses them."""
    moved = copy.deepcopy(model)
    rows = []
    for batch in batches:
        moved.train()(inputs[list(batch)])
        rows.append(matrices(moved.eval(), inputs, labels, [batch]))
    return of_sample(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


WRONG: dict[str, By] = {
    "in evaluation mode": lambda model, *rest: by_matrices(copy.deepcopy(model).eval(), *rest),
    "of the sum": lambda *given: of_sample(*(5 * rows for rows in matrices(*given))),
    "biased": lambda *given: of_population(*matrices(*given)),
    "example by example": lambda *given: by_matrices(*given[:3], [(i,) for i in itertools.chain(*given[3])]),
    "of other batches": lambda *given: by_matrices(*given[:3], [[(i + 1) % 30 for i in batch] for batch in given[3]]),
    "moving statistics": moving_statistics,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_planted_moments_are_rejected(wrong: str) -> None:
    assert_rejects(are_those_of_the_batches, WRONG[wrong])


def test_labels_and_smoothing_labels_follow_their_examples() -> None:
    inputs, labels = data()
    soft = torch.softmax(torch.randn(30, CLASSES, generator=torch.Generator().manual_seed(1), dtype=torch.float64), 1)
    model = network("batch norm")
    as_smoothing = minibatch_moments(model, (inputs, labels), batch_size=6, batches=8, smoothing=soft).moments
    as_labels = minibatch_moments(model, (inputs, soft), batch_size=6, batches=8).moments
    assert as_labels.s2 == pytest.approx(as_smoothing.nu2, rel=1e-9)


def test_smoothing_by_the_model_itself_is_no_gradient() -> None:
    moments = minibatch_moments(network("batch norm"), data(), batch_size=6, batches=8, smoothing="own").moments
    assert [moments.nu2, moments.c, moments.beta2] == pytest.approx([0, 0, moments.grad2], abs=1e-12)


# --- which batches


def batches_of(*, replacement: bool, seed: int = 0) -> list[list[int]]:
    dataset = Items(*data(8))
    minibatch_moments(network("batch norm"), dataset, batch_size=6, batches=20, replacement=replacement, seed=seed)
    return split(dataset.taken, 6)


@pytest.mark.parametrize("replacement", [False, True])
def test_without_replacement_a_batch_is_of_different_examples(replacement: bool) -> None:
    assert all(len(set(batch)) == 6 for batch in batches_of(replacement=replacement)) is not replacement


def test_batches_are_drawn_anew_and_the_same_for_the_same_seed() -> None:
    first = batches_of(replacement=False)
    assert len({tuple(batch) for batch in first}) > 15
    assert first == batches_of(replacement=False) != batches_of(replacement=False, seed=1)


def test_dropout_is_drawn_anew_in_each_batch_and_the_same_for_the_same_seed() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(36, CLASSES)).double()
    inputs, labels = data(4)

    def s2(seed: int) -> float:
        return minibatch_moments(model, (inputs, labels), batch_size=4, batches=10, seed=seed).moments.s2

    assert s2(0) == s2(0) != s2(1)
    assert s2(0) > 1e-3  # all batches hold the same four examples


# --- many repetitions, against what all batches there are would give


@dataclass(frozen=True, eq=False)
class Repeated:
    """``exact`` moments of a batch's gradient, and their estimates from batches of ``B`` of N examples, again and again."""

    exact: Moments
    estimates: tuple[Estimates, ...]
    B: int
    N: int


def is_unbiased(found: Repeated) -> None:
    for name in MOMENTS:
        values = np.array([getattr(estimates.moments, name) for estimates in found.estimates])
        error = values.std(ddof=1) / len(values) ** 0.5
        assert abs(values.mean() - getattr(found.exact, name)) < 4 * error, name


def is_covered(found: Repeated) -> None:
    for name in (*MOMENTS, "delta"):
        intervals = [estimates.quantity(name) for estimates in found.estimates]
        covered = sum(e.low <= getattr(found.exact, name) <= e.high for e in intervals)
        assert covered >= 0.85 * len(intervals), name


CHECKS = [is_unbiased, is_covered]


def again_and_again(model: nn.Module, dataset: tuple[Tensor, Tensor], repetitions: int, **options: Any) -> tuple[Estimates, ...]:
    return tuple(minibatch_moments(model, dataset, seed=seed, **options) for seed in range(repetitions))


@cache
def of_independent_examples(replacement: bool) -> tuple[Moments, Repeated]:
    """GroupNorm: the per-example moments, and what C14 makes of them."""
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(), nn.Linear(64, CLASSES)
    model, dataset = nn.Sequential(*layers).double(), data(20)
    one = gradient_moments(model, *dataset)
    estimates = again_and_again(model, dataset, 25, batch_size=5, batches=50, replacement=replacement)
    return one, Repeated(by_c14(one, 5, 20) if replacement else by_c14_in_a_finite_set(one, 5, 20), estimates, 5, 20)


def by_c14(one: Moments, B: int, N: int) -> Moments:
    return one.at_batch_size(B)


def by_c14_in_a_finite_set(one: Moments, B: int, N: int) -> Moments:
    """Draws without replacement: the variance of a mean is smaller by ``(N-B)/(N-1)``."""
    at, left = one.at_batch_size(B), (N - B) / (N - 1)
    return replace(at, s2=at.s2 * left, c=at.c * left, nu2=at.nu2 * left, shat2=at.beta2 + at.nu2 * left)


@cache
def of_coupled_examples() -> tuple[nn.Module, tuple[Tensor, Tensor], Repeated]:
    """BatchNorm, and all 70 batches of four of eight examples."""
    torch.manual_seed(3)
    model, dataset = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, CLASSES)).double(), data(8)
    exact = of_population(*matrices(model, *dataset, list(itertools.combinations(range(8), 4))))
    return model, dataset, Repeated(exact, again_and_again(model, dataset, 80, batch_size=4, batches=50), 4, 8)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    ("replacement", "wrong"),
    [
        (True, by_c14_in_a_finite_set),
        (False, by_c14),
        (True, lambda one, B, N: one),
        (True, lambda one, B, N: replace(one.at_batch_size(B), shat2=one.shat2 / B, beta2=one.beta2 / B)),  # the bias averaged away as well
    ],
    ids=["finite set", "infinite set", "single examples", "bias averaged"],
)
def test_group_norm_is_c14(
    replacement: bool, wrong: Callable[[Moments, int, int], Moments], check: Callable[[Repeated], None], rejects: Rejects
) -> None:
    one, found = of_independent_examples(replacement)
    rejects(check, right=found, wrong=replace(found, exact=wrong(one, found.B, found.N)))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("statistics", ["evaluation", "batch"])
def test_batch_norm_is_what_all_batches_give(statistics: str, check: Callable[[Repeated], None], rejects: Rejects) -> None:
    model, dataset, found = of_coupled_examples()
    one = gradient_moments(model, *dataset, batch_norm=statistics)
    rejects(check, right=found, wrong=replace(found, exact=by_c14_in_a_finite_set(one, found.B, found.N)))


def test_planted_plug_in_estimates_are_rejected() -> None:
    found = of_coupled_examples()[2]
    assert_rejects(is_unbiased, replace(found, estimates=tuple(replace(e, moments=e.plug_in) for e in found.estimates)))


# --- refusals


test_bad_arguments = refusals(
    lambda options: minibatch_moments(**{"model": network("batch norm"), "dataset": data()} | options),
    ({"batch_size": 0}, "batch_size = 0 must be a whole number, at least 1"),
    ({"batch_size": 2.0}, "batch_size = 2.0 must be a whole number, at least 1"),
    ({"batch_size": 31}, "batch_size = 31 must be at most 30, the number of examples; or set replacement=True"),
    ({"batch_size": 4, "batches": 1}, "batches = 1 must be a whole number, at least 2"),
    ({"batch_size": 4, "seed": -1}, "seed = -1 must be a whole number, at least 0"),
    ({"batch_size": 4, "smoothing": "prior"}, "smoothing = 'prior' would change with the examples drawn"),
    ({"batch_size": 4, "smoothing": "none"}, "smoothing = 'none'"),
    ({"batch_size": 4, "model": nn.Conv2d(1, 2, 3).double()}, r"labels have shape \(4,\) .* for logits \(n, 2, 4, 4\)"),
)
