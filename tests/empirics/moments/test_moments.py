"""Gradient moments against their definitions, on a matrix of per-example gradients from another way of differentiating."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from tests.refusals import refusals
from tests.theory.population import by_definition
from tsla.empirics.data.datasets import load
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.theory.moments import Moments, Value
from tsla.theory.testing.planted import Rejects, assert_rejects

CLASSES = 3
N = 7


@dataclass(frozen=True)
class Case:
    """A network with examples; ``true`` and ``smooth`` are distributions ``(n, K)``, or their short forms."""

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    smoothing: str | Tensor = "uniform"

    def gradients(self) -> tuple[np.ndarray, np.ndarray]:
        """``g_i`` and ``ĝ_i`` as the rows of two matrices ``(n, p)``, by torch.func over all examples at once."""
        classes = self.model(self.inputs[:1]).shape[1]
        true = self.labels if self.labels.ndim == 2 else torch.eye(classes)[self.labels]
        smooth = torch.full((classes,), 1 / classes, dtype=torch.float64) if isinstance(self.smoothing, str) else self.smoothing
        trained = {name: p.detach() for name, p in self.model.named_parameters() if p.requires_grad}

        def loss(parameters: dict[str, Tensor], x: Tensor, label: Tensor) -> Tensor:
            return -(label * functional_call(self.model, parameters, (x[None],))[0].log_softmax(0)).sum()

        def matrix(labels: Tensor) -> np.ndarray:
            rows = vmap(grad(loss), in_dims=(None, 0, 0))(trained, self.inputs, labels.to(self.inputs))
            return torch.cat([row.reshape(len(self.inputs), -1) for row in rows.values()], dim=1).double().numpy()

        return matrix(true), matrix(smooth.expand(len(self.inputs), classes))


def measure(case: Case) -> Moments:
    return gradient_moments(case.model, case.inputs, case.labels, case.smoothing)


def agrees(case: Case, found: Moments, tolerance: float) -> None:
    expected = by_definition(*case.gradients())
    assert astuple(found) == pytest.approx(expected, rel=tolerance, abs=tolerance * max(expected))  # differences of sums of that size


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(8, CLASSES)
    ),
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, CLASSES)),
}


def make_case(network: str = "mlp", *, n: int = N, seed: int = 0) -> Case:
    torch.manual_seed(seed)
    return Case(NETWORKS[network]().double(), torch.randn(n, 1, 6, 6).double(), torch.randint(CLASSES, (n,)))


def distributions(shape: tuple[int, ...]) -> st.SearchStrategy[Tensor]:
    """Rows that add up to 1, with zeros among their entries."""
    weight = st.one_of(st.just(0.0), st.floats(1e-3, 1))
    row = st.lists(weight, min_size=CLASSES, max_size=CLASSES).filter(any)
    rows = st.lists(row, min_size=math.prod(shape) // CLASSES, max_size=math.prod(shape) // CLASSES)
    return rows.map(lambda r: torch.tensor(r, dtype=torch.float64)).map(lambda t: (t / t.sum(1, keepdim=True)).reshape(shape))


# --- against the definitions


@pytest.mark.parametrize("network", NETWORKS)
@settings(max_examples=24)
@given(
    labels=st.none() | distributions((N, CLASSES)), smoothing=st.just("uniform") | distributions((CLASSES,)) | distributions((N, CLASSES))
)
def test_moments_are_those_of_the_definition_for_any_labels(network: str, labels: Tensor | None, smoothing: str | Tensor) -> None:
    case = make_case(network)
    case = replace(case, labels=case.labels if labels is None else labels, smoothing=smoothing)
    agrees(case, measure(case), 1e-10)


def test_a_single_example_has_no_variance_but_a_bias() -> None:
    case = make_case(n=1)
    found = measure(case)
    agrees(case, found, 1e-10)
    assert (found.s2, found.c) == (0, 0)
    assert found.delta == math.inf
    assert found.beta2 == pytest.approx(found.shat2)


# --- planted errors


WRONG = {
    "centred at its own mean": lambda case, right: replace(right, shat2=right.nu2),
    "summed over the examples": lambda case, right: replace(right, s2=right.s2 * N),
    "unbiased divisor": lambda case, right: replace(right, s2=right.s2 * N / (N - 1)),
    "covariance without centring": lambda case, right: replace(right, c=float(np.mean(np.sum(np.multiply(*case.gradients()), axis=1)))),
    "loss divided by n": lambda case, right: Moments(*(value / N**2 for value in astuple(right))),
    "one label for all": lambda case, right: measure(replace(case, labels=case.labels[:1].expand(N))),
}


@pytest.mark.parametrize("planted", WRONG)
@pytest.mark.parametrize("network", ["cnn", "mlp"])
def test_planted_errors_are_rejected(network: str, planted: str) -> None:
    case = make_case(network)
    assert_rejects(lambda found: agrees(case, found, 1e-4), WRONG[planted](case, measure(case)))


# --- what is derived from them


@cache
def trained_resnet() -> Case:
    """A ResNet on noisy digits, after some steps: early, where the two gradients still differ in every moment."""
    split = load("digits", train_size=40, label_noise=0.2, seed=0)
    torch.manual_seed(0)
    model = resnet(channels=1, classes=10, widths=(4, 8)).double()
    inputs, labels = split.train_inputs.double(), split.train_labels
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(10):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    return Case(model, inputs, labels)


SecondMoment = Callable[[Moments, float], Value]


def is_the_mean_squared_distance_to_the_gradient(second_moment: SecondMoment) -> None:
    case = trained_resnet()
    (g, ghat), found = case.gradients(), measure(case)
    for theta in (0.0, 0.1, 0.3, 0.5, 0.9, 1.0):
        directions = (1 - theta) * g + theta * ghat
        brute_force = np.mean(np.sum((directions - g.mean(axis=0)) ** 2, axis=1))
        assert second_moment(found, theta) == pytest.approx(brute_force, rel=1e-10)


@pytest.mark.claim("C11", "measurement")
def test_second_moment_on_a_network(evidence: Callable[..., None]) -> None:
    is_the_mean_squared_distance_to_the_gradient(Moments.second_moment)
    evidence("On a ResNet the formula equals the mean over the examples of ‖(1-θ)g_i + θĝ_i - G‖², where G is the mean of all g_i.")


@pytest.mark.claim("C11", "measurement", planted=True)
@pytest.mark.parametrize(
    "wrong",
    [
        Moments.lemma,  # in place of the exact value
        lambda m, theta: replace(m, c=0.0).second_moment(theta),  # no covariance
        Moments.noise,  # no bias
    ],
    ids=["lemma", "no covariance", "no bias"],
)
def test_planted_second_moments_are_rejected(wrong: SecondMoment, rejects: Rejects) -> None:
    rejects(is_the_mean_squared_distance_to_the_gradient, right=Moments.second_moment, wrong=wrong)


def test_equal_examples_have_no_variance_up_to_rounding() -> None:
    for seed in range(20):
        case = make_case(n=1, seed=seed)
        found = measure(replace(case, inputs=case.inputs.expand(3, 1, 6, 6), labels=case.labels.expand(3)))
        assert found.second_moment(0.3) == pytest.approx(0.09 * found.shat2, rel=1e-10)


def test_bad_theta() -> None:
    with pytest.raises(ValueError, match=r"theta = 1\.5 must be"):
        measure(make_case()).second_moment(1.5)


def test_inside_no_grad() -> None:
    case = make_case("cnn")
    with torch.no_grad():
        inside = measure(case)
        assert not torch.is_grad_enabled()
    assert inside == measure(case)


# --- what is refused


test_bad_arguments = refusals(
    lambda change: measure(replace(make_case(), **change)),
    ({"inputs": torch.zeros(0, 1, 6, 6), "labels": torch.zeros(0).long()}, "inputs hold 0 examples and labels 0; .* at least 1"),
    ({"labels": torch.zeros(3).long()}, "inputs hold 7 examples and labels 3; must be equally many"),
    ({"smoothing": torch.tensor([0.5, 0.25, 0.5])}, "smoothing must be probabilities"),
    ({"smoothing": torch.tensor([0.5, 0.5])}, "smoothing: 2 columns; the model has 3 classes"),
    ({"smoothing": torch.full((3, CLASSES), 1 / 3)}, r"smoothing has shape \(3, 3\); must be \(3,\) or \(7, 3\)"),
    ({"smoothing": "teacher"}, "smoothing = 'teacher': must be 'uniform', 'prior', .* a teacher"),
    ({"model": nn.Flatten()}, "model has no parameter that requires a gradient"),
)
