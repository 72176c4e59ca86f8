"""Branches: copies step as single networks do by hand, predictions are those of the theory, and an experiment is both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla.empirics.data.datasets import Split
from tsla.empirics.experiments.sign_prediction.configs import configs
from tsla.empirics.experiments.sign_prediction.copies import Copies
from tsla.empirics.experiments.sign_prediction.experiment import run
from tsla.empirics.experiments.sign_prediction.predictions import PREDICTORS, Point, floor, one_step, predictions, settled
from tsla.empirics.models.networks import build
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.statistics.intervals import paired
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import initial_model, training_split
from tsla.theory import biased
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects, assert_rejects

CONFIG = {**configs("development")[0], "seed": 3, "label_noise": 0.2, "train_size": 50, "batch_size": 4, "eta": 0.1}
CONFIG |= {"theta": [0.2, 0.5], "times": [1.0, 2.0], "horizons": [2, 3], "replicas": 3}

# --- copies

RULES = ((0.1, 0.0), (0.1, 0.3), (0.07, 0.0))
BATCHES = torch.randint(40, (4, 3, 5), generator=torch.Generator().manual_seed(1))


@cache
def examples(n: int = 40) -> Split:
    return training_split(TrainingConfig(method="sgd", seed=0, model="mlp", train_size=n, measure_at=()))


@cache
def network(name: str = "mlp") -> nn.Module:
    torch.manual_seed(0)
    return build(name, shape=(1, 8, 8), classes=10)


def by_hand(model: nn.Module, split: Split, eta: float, theta: float, batches: Tensor) -> tuple[nn.Module, list[float]]:
    """A single network, one step after the other; then F and ‖∇F‖² on all examples."""
    model = deepcopy(model)
    parameters = list(model.parameters())

    def slope(rows: Tensor | slice, theta: float) -> tuple[Tensor, tuple[Tensor, ...]]:
        loss = cross_entropy(model(split.train_inputs[rows]), split.train_labels[rows], label_smoothing=theta)
        return loss.detach(), torch.autograd.grad(loss, parameters)

    for rows in batches:
        for p, gradient in zip(parameters, slope(rows, theta)[1], strict=True):
            p.data -= eta * gradient
    loss, gradients = slope(slice(None), 0.0)
    return model, [float(loss), float(sum(gradient.double().square().sum() for gradient in gradients))]


Walk = Callable[[tuple[tuple[float, float], ...], Tensor], tuple[Any, Tensor]]
"""From rules and batches to those that are used."""


def walks_as_by_hand(walk: Walk, name: str = "mlp", n: int = 40, arms: int = 3) -> None:
    model, rules = deepcopy(network(name)), RULES * (arms // 3)
    used, batches = walk(rules, BATCHES)
    copies = Copies(model, examples(n), used, 3)
    copies.walk(batches)
    found = torch.stack(copies.measure(), 2)
    for arm, replica in product(range(arms), range(3)):
        _, expected = by_hand(network(name), examples(n), *rules[arm], BATCHES[:, replica])
        assert found[arm, replica].tolist() == pytest.approx(expected, rel=1e-4)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), network(name).parameters(), strict=True))


@pytest.mark.parametrize(("name", "n", "arms"), [("mlp", 40, 3), ("resnet8", 40, 3), ("mlp", 1000, 15)])  # all at once, or some
def test_copies_step_as_single_networks_do_and_leave_the_model(name: str, n: int, arms: int) -> None:
    walks_as_by_hand(lambda *right: right, name, n, arms)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rules, batches: ([(eta, -theta) for eta, theta in rules], batches),
        lambda rules, batches: ([(eta, rules[arm - 1][1]) for arm, (eta, _) in enumerate(rules)], batches),
        lambda rules, batches: ([(rules[0][0], theta) for _, theta in rules], batches),
        lambda rules, batches: (rules, batches.flip(1)),  # replicas change places
        lambda rules, batches: (rules, batches[:, :1].expand(-1, 3, -1)),  # and have one stream
        lambda rules, batches: (rules, batches[:-1]),
    ],
)
def test_planted_walks_are_rejected(wrong: Walk) -> None:
    assert_rejects(walks_as_by_hand, wrong)


# --- predictions

ROOM = 1 / (1 + 1e-12)


def points() -> Iterator[Point]:
    """Moments of random vectors, in a few dimensions, with smoothing gradients that are like the true ones or not."""
    rng = np.random.default_rng(0)
    for like, bias, B, eta_L in product((-0.5, 0.0, 0.8), (0.0, 0.3, 2.0), (1, 16), (0.2, 1.0)):
        yield point_of(*vectors(rng, like, bias), B, eta_L)


def vectors(rng: np.random.Generator, like: float, bias: float) -> tuple[np.ndarray, np.ndarray]:
    g = rng.standard_normal((20, 3)) + 0.2
    return g, like * g + rng.standard_normal((20, 3)) * 0.5 + bias


def point_of(g: np.ndarray, h: np.ndarray, B: int, eta_L: float) -> Point:
    G, H = g.mean(0), h.mean(0)
    products = [(g * g).sum(1).mean(), (h * h).sum(1).mean(), (g * h).sum(1).mean(), G @ G, H @ H, G @ H]
    return Point(Moments.from_means(*(float(x) for x in products)), float(G @ H), B, eta_L)


@pytest.mark.parametrize("theta", [0.1, 0.5, 1.0])
def test_the_floor_is_that_of_c12_and_its_sign_that_of_c14(theta: float) -> None:
    signs = set()
    for point in points():
        batch = point.moments.at_batch_size(point.batch_size)
        oracle, known = SmoothingOracle(beta2=batch.beta2, nu2=batch.nu2, c=batch.c), Constants(L=1.0, sigma2=batch.s2, F0=1.0)
        bound = biased.bound(known, oracle, eta=point.scale, T=1, theta=theta)
        assert float(floor(point, theta)) == pytest.approx(float(bound.terms["bias"] + bound.terms["noise"]), rel=1e-12)
        critical = point.moments.critical_batch_size(theta, eta_L=point.scale)
        lower = predictions(point, theta)["floor_plain"] < 0
        assert lower == (point.batch_size < critical)
        signs.add(lower)
    assert signs == {True, False}


@pytest.mark.parametrize("theta", [0.1, 0.5])
def test_beyond_the_control_is_c17_at_the_largest_step(theta: float) -> None:
    for point in points():
        if point.scale == 1:
            expected = point.moments.at_batch_size(point.batch_size).beyond(theta)
            assert predictions(point, theta)["floor_shrink"] == pytest.approx(float(expected), abs=1e-12)


def finds_nothing_between_equal_arms(said: Callable[[Point, float], dict[str, float]]) -> None:
    """A soft own prediction has ``ĝ = 0``: smoothing is the control."""
    for point in points():
        found = said(point.shrinking(), 0.3)
        assert [found[f"{name}_shrink"] for name in PREDICTORS] == pytest.approx([0.0] * len(PREDICTORS), abs=1e-12)


def test_equal_arms_have_equal_floors(rejects: Rejects) -> None:
    def mixed_bounds(point: Point, theta: float) -> dict[str, float]:
        """C12 of the one arm and C4 of the other, at its smaller step."""
        return predictions(point, theta) | {"floor_shrink": float(floor(point, theta) - (1 - theta) * floor(point, 0.0))}

    rejects(finds_nothing_between_equal_arms, right=predictions, wrong=mixed_bounds)


@pytest.mark.parametrize(("theta", "eta"), [(0.3, 0.2), (0.3, 1.7), (1.0, 0.5)])
def test_one_step_is_exact_where_all_curvatures_are_equal(theta: float, eta: float) -> None:
    """``F = ‖w‖²/2``; all examples tried, and all pairs of them for batches of two."""
    g, h = vectors(np.random.default_rng(1), like=0.5, bias=0.3)
    w, d = g.mean(0), (1 - theta) * g + theta * h
    for B, directions in ((1, d), (2, (d[:, None] + d).reshape(-1, 3) / 2)):
        change = ((w - eta * directions) ** 2).sum(1).mean() / 2 - w @ w / 2
        assert float(one_step(point_of(g, h, B, eta), theta)) == pytest.approx(2 / eta * change + w @ w, rel=1e-12)


def settles(eta: float, theta: float, B: int, flip: bool) -> tuple[float, Point]:
    """Of ``w²/2`` with a constant bias, the exact change of ``E‖∇F‖²`` by smoothing for 100 steps, and the point where they begin."""
    q = 1 - eta
    plain = eta / B / (1 + q)  # where plain SGD settles: η²s²/B over 1 - q²
    moments = Moments(grad2=plain, s2=1.0, shat2=0.5, c=0.0, beta2=0.3, nu2=0.2)
    noise = float(moments.at_batch_size(B).noise(theta))
    mean, variance = -theta * 0.3**0.5 * (1 - q**100), q**200 * plain + eta * noise / (1 + q) * (1 - q**200)
    return (mean**2 + variance - plain) * (-1 if flip else 1), Point(moments, 0.0, B, eta)


def comes_true(flip: bool) -> None:
    """On a quadratic the noise's floor is exactly ``1/(2-ηL)`` of the bound's: between the two the sign may be missed, and nowhere else."""
    signs = set()
    for eta, theta, B in product((0.1, 0.5, 1.0), (0.05, 0.2, 0.5), (1, 4, 16, 64, 256)):
        change, point = settles(eta, theta, B, flip)
        assert float(settled(point, theta) - settled(point, 0.0)) == pytest.approx(change, rel=1e-3)
        bias, gain = float(point.moments.bias(theta)), eta * float(point.moments.at_batch_size(B).gain(theta))
        if not gain / (2 - eta) < bias < gain * ROOM:
            assert (predictions(point, theta)["floor_plain"] < 0) == (change < 0)
            signs.add((eta, change < 0))
    assert len(signs) == 6


def test_predictions_come_true_on_a_quadratic(rejects: Rejects) -> None:
    rejects(comes_true, right=False, wrong=True)


# --- an experiment


def is_as_by_hand(found: pd.DataFrame) -> None:
    """The whole experiment with single networks, from the same draws."""
    training = TrainingConfig(method="sgd", seed=3, model="mlp", train_size=50, label_noise=0.2, batch_size=4, eta=0.1, measure_at=())
    split, model, draws = training_split(training), initial_model(training), torch.Generator().manual_seed(3)
    for snapshot in range(2):
        model, _ = by_hand(model, split, 0.1, 0.0, torch.randint(50, (10, 1, 4), generator=draws)[:, 0])
        batches = torch.cat([torch.randint(50, (steps, 3, 4), generator=draws) for steps in (2, 1)])
        moments = gradient_moments(model, split.train_inputs, split.train_labels)
        for K, theta in product(CONFIG["horizons"], CONFIG["theta"]):
            (row,) = found[(found["snapshot"] == snapshot) & (found["K"] == K) & (found["theta"] == theta)].to_dict("records")
            assert [row[name] for name in ("s2", "beta2", "c")] == pytest.approx([moments.s2, moments.beta2, moments.c], rel=1e-4)
            smoothed, plain, shrunk = (
                np.array([by_hand(model, split, *rule, batches[:K, replica])[1] for replica in range(3)])
                for rule in ((0.1, theta), (0.1, 0.0), (0.1 * (1 - theta), 0.0))
            )
            for rival, theirs in (("plain", plain), ("shrink", shrunk)):
                for i, outcome in enumerate(("F", "grad2")):
                    ends = paired(smoothed[:, i], theirs[:, i])
                    names = [f"{outcome}_{rival}{end}" for end in ("", "_low", "_high")]
                    expected = [float(ends.estimate), float(ends.low), float(ends.high)]
                    assert [row[name] for name in names] == pytest.approx(expected, rel=2e-2, abs=2e-6)


def test_an_experiment_is_what_single_networks_do() -> None:
    found = run(CONFIG)
    places = [[snapshot, 10 * (snapshot + 1), K, theta] for snapshot, K, theta in product((0, 1), (2, 3), (0.2, 0.5))]
    assert found[["snapshot", "step", "K", "theta"]].to_numpy().tolist() == places
    is_as_by_hand(found)
    for wrong in ({"grad2_plain": -found["grad2_plain"]}, {"F_shrink": found["F_plain"]}, {"K": 5 - found["K"]}):
        assert_rejects(is_as_by_hand, found.assign(**wrong))
    for row in found.to_dict("records"):  # and says what its predictions rest on
        moments = Moments(**{name: row[name] for name in ("grad2", "s2", "shat2", "c", "beta2", "nu2")})
        assert row["eta_L"] == pytest.approx(0.1 * row["L"])
        point = Point(moments, row["alignment"], 4, row["eta_L"])
        assert {name: row[name] for name in predictions(point, row["theta"])} == pytest.approx(predictions(point, row["theta"]))


def test_a_run_that_diverged_says_so() -> None:
    found = run(CONFIG | {"eta": 100.0, "times": [1000.0, 2000.0]})
    assert found["diverged"].all()
    assert len(found) == 8


def test_seeds_of_development_do_not_count() -> None:
    stated = [configs(phase) for phase in ("development", "confirmatory")]
    assert all(json.loads(json.dumps(of_phase)) == list(of_phase) for of_phase in stated)
    development, confirmatory = ({config["seed"] for config in of_phase} for of_phase in stated)
    assert len(confirmatory) == 10
    assert not development & confirmatory
