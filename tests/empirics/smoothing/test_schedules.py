"""Schedules against their values written down, against going through all batches, and driven by the monitor."""

from __future__ import annotations

import copy
import io
import itertools
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.empirics.moments.draws import P, accumulated, population
from tests.refusals import refusals
from tests.theory.population import by_definition
from tsla.empirics.moments.estimators import Estimates
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.smoothing.schedules import SCHEDULES, Adaptive, Annealed, Constant, Cosine, Linear, Schedule, TwoStage
from tsla.theory.moments import MOMENTS, Moments, Value
from tsla.theory.testing.planted import assert_rejects

HELPS = Moments(grad2=0.1, s2=10.0, shat2=3.0, c=0.5, beta2=1.0, nu2=2.0)
HURTS = Moments(grad2=0.1, s2=1.0, shat2=30.0, c=0.5, beta2=28.0, nu2=2.0)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.4), [0.4, 0.4, 0.4, 0.4, 0.4, 0.4]),
        (TwoStage(0.4, 2), [0.4, 0.4, 0, 0, 0, 0]),
        (TwoStage(0.4, 0), [0, 0, 0, 0, 0, 0]),
        (Linear(0.4, 4), [0.4, 0.3, 0.2, 0.1, 0, 0]),
        (Cosine(0.4, 4), [0.4, 0.2 + 0.1 * 2**0.5, 0.2, 0.2 - 0.1 * 2**0.5, 0, 0]),
        (Annealed(4), [0, 0, 0, 0, 0, 0]),
        (Adaptive(0.4, 4), [0.4, 0.4, 0.4, 0.4, 0.4, 0.4]),
    ],
)
def test_strengths_written_down(schedule: Schedule, expected: list[float]) -> None:
    values = schedule.values(6)
    assert values == pytest.approx(expected, abs=1e-15)
    assert [value == 0 for value in values] == [value == 0 for value in expected], "0 is exactly 0"
    for later in (1, 2, 3):
        schedule.step()
        assert schedule.values(6 - later) == values[later:]


MADE: list[Callable[[type[TwoStage]], Schedule]] = [
    lambda two_stage: two_stage(0.4, drop=2),
    lambda _: Cosine(theta=0.4, end=4),
    lambda _: Annealed(4, most=0.5),
    lambda _: Adaptive(0.4, 4, beyond="shrinkage"),
]


def repr_is_the_call_that_made_it(two_stage: type[TwoStage]) -> None:
    for make in MADE:
        fresh = vars(make(two_stage))
        for one in (make(two_stage), copy.deepcopy(make(two_stage)), copy.copy(make(two_stage))):
            one.step()
            assert vars(eval(repr(one))) == fresh  # noqa: S307


class ShowsNoDrop(TwoStage):
    def __repr__(self) -> str:
        return f"TwoStage({self.start}, drop={self.start:.0f})"


def test_the_repr_is_the_call_that_made_it() -> None:
    repr_is_the_call_that_made_it(TwoStage)
    assert_rejects(repr_is_the_call_that_made_it, ShowsNoDrop)
    assert repr(TwoStage(0.4, drop=2)) == "TwoStage(0.4, drop=2)"


# --- θ°(η) of measured moments


def minimises_the_floor(schedule_of: Callable[[int], Annealed]) -> None:
    """C12's floor of a batch at its own step size, on a fine grid."""
    grid, lowered = np.linspace(0, 1, 2001), set()
    for B, eta_L in itertools.product((1, 8, 200), (0.01, 0.3, 1.0)):
        schedule = schedule_of(B)
        schedule.observe(HELPS, eta_L=eta_L)
        floors = HELPS.at_batch_size(B).floor(grid, eta_L)
        assert schedule.theta == pytest.approx(grid[np.argmin(floors)], abs=3e-4)
        lowered.add(round(schedule.theta, 3))
    assert len(lowered) > 6


class ForgetsTheStep(Annealed):
    def observe(self, moments: Moments | Estimates | None, *, eta_L: float | None = None) -> None:
        super().observe(moments, eta_L=1.0)


def test_annealed_minimises_the_floor_of_c12() -> None:
    minimises_the_floor(Annealed)
    for wrong in (lambda B: Annealed(1), ForgetsTheStep):
        assert_rejects(minimises_the_floor, wrong)


def test_annealed_is_capped_and_follows_what_was_observed_last() -> None:
    schedule = Annealed(1, most=0.3)
    schedule.observe(HELPS, eta_L=1.0)
    assert schedule.theta == 0.3
    schedule.observe(None)
    assert schedule.theta == 0.3
    schedule.observe(HURTS, eta_L=0.01)
    assert 0 < schedule.theta < 0.001


def test_beyond_the_largest_step_of_c12_annealed_stays_where_it_ends() -> None:
    at_most, beyond = Annealed(2), Annealed(2)
    at_most.observe(HELPS, eta_L=1.0)
    beyond.observe(HELPS, eta_L=50.0)
    assert beyond.theta == at_most.theta == HELPS.at_batch_size(2).theta_star


def test_annealed_moves_estimates_to_where_moments_can_be() -> None:
    schedule = Annealed(1)
    schedule.observe(replace(HELPS, beta2=-0.5, shat2=1.5), eta_L=0.5)
    assert schedule.theta == replace(HELPS, beta2=0.0, shat2=2.0).theta_for_step(0.5)


# --- the advantage of a batch


def excess_is_that_over_all_batches(schedule_of: Callable[..., Adaptive]) -> None:
    """Every batch of B out of 4 examples, drawn with replacement."""
    (g, g_hat), signs = population(4), set()
    for B, theta, beyond in itertools.product((1, 2, 3), (0.2, 0.9), ("plain", "shrinkage")):
        batches = np.array(list(itertools.product(range(4), repeat=B)))
        mean, mean_hat = g[batches].mean(1), g_hat[batches].mean(1)
        control = mean if beyond == "plain" else (1 - theta) * mean
        smoothed, plain = (((d - g.mean(0)) ** 2).sum(1).mean() for d in ((1 - theta) * mean + theta * mean_hat, control))
        found = schedule_of(theta, B, beyond=beyond).excess(Moments(*by_definition(g, g_hat)))
        assert found == pytest.approx(smoothed - plain)
        signs.add(found < 0)
    assert signs == {True, False}


class OverNoDirection(Adaptive):
    """Forgets that the control has a variance too."""

    def excess(self, moments: Moments) -> Value:
        return moments.at_batch_size(self.batch_size).second_moment(self.start)


def test_excess_is_that_over_all_batches() -> None:
    excess_is_that_over_all_batches(Adaptive)
    for wrong in (lambda theta, B, beyond: Adaptive(theta, 1, beyond=beyond), OverNoDirection):
        assert_rejects(excess_is_that_over_all_batches, wrong)


def test_adaptive_drops_for_good() -> None:
    assert not Adaptive(0.5, 1).established(Moments(grad2=0.1, s2=1.0, shat2=1.0, c=1.0, beta2=0.0, nu2=1.0)), "ĝ = g changes nothing"
    schedule = Adaptive(0.5, 4)
    for moments, expected in ((None, 0.5), (HELPS, 0.5), (HURTS, 0.0), (HELPS, 0.0), (None, 0.0)):
        schedule.observe(moments)
        assert schedule.theta == expected


def test_a_larger_batch_and_the_stricter_control_drop_earlier() -> None:
    assert Adaptive(0.5, 1).established(HELPS)
    assert not Adaptive(0.5, 100).established(HELPS)
    assert not Adaptive(0.5, 1, beyond="shrinkage").established(HELPS)


def drops_where_the_interval_reaches_0(schedule_of: Callable[..., Adaptive]) -> None:
    """The same population, known from few examples and from many: the estimate says that smoothing helps, both times."""
    g, g_hat = population(2000)
    decisions = []
    for sizes in ((4,) * 8, (125,) * 16):
        found = accumulated(g[: sum(sizes)], g_hat[: sum(sizes)], sizes).estimates()
        schedule = schedule_of(0.5, 8)
        assert Adaptive(0.5, 8).excess(found.moments) < 0
        schedule.observe(found)
        decisions.append(schedule.theta)
    assert decisions == [0.0, 0.5]


class Trusting(Adaptive):
    """Takes the estimate for the truth."""

    def established(self, moments: Moments | Estimates) -> bool:
        return super().established(moments.moments if isinstance(moments, Estimates) else moments)


def test_estimates_establish_an_advantage_by_their_interval() -> None:
    drops_where_the_interval_reaches_0(Adaptive)
    assert_rejects(drops_where_the_interval_reaches_0, Trusting)


def test_estimates_of_the_whole_population_decide_as_its_moments() -> None:
    g, g_hat = population(64)
    for theta, B, beyond in itertools.product((0.1, 0.6), (1, 30), ("plain", "shrinkage")):
        found = accumulated(g, g_hat, (4,) * 16).estimates(population=64)
        schedule = Adaptive(theta, B, beyond=beyond)
        assert schedule.established(found) == schedule.established(Moments(*by_definition(g, g_hat)))


def test_estimates_of_no_advantage_at_all_establish_none() -> None:
    g = np.random.default_rng(0).integers(-3, 4, (64, P)).astype(float)  # whole numbers, so that nothing is rounded
    found = accumulated(g, g, (4,) * 16).estimates(population=64)
    assert found.interval(Adaptive(0.5, 4).excess).high == 0
    assert not Adaptive(0.5, 4).established(found), "ĝ = g changes nothing"


def test_the_monitor_drives_a_schedule() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(64, 5)
    labels = inputs[:, :3].argmax(1)  # which the model learns, so that the variance of its gradient falls
    model = nn.Linear(5, 3)
    monitor, schedule = MomentsMonitor(model, (inputs, labels), every=20, examples=64), Adaptive(0.3, 32)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    thetas = []
    for _ in range(41):
        monitor.step()
        schedule.observe(monitor.latest)
        assert (monitor.latest is not None) == (monitor.times.steps % 20 == 1), "what is left from an earlier step is no news"
        thetas.append(schedule.theta)
        batch = torch.randint(64, (32,))
        optimiser.zero_grad()
        cross_entropy(model(inputs[batch]), labels[batch], label_smoothing=schedule.theta).backward()
        optimiser.step()
    signs = [Adaptive(0.3, 32).established(Moments(**{name: row[name] for name in MOMENTS})) for row in monitor.rows]
    kept = list(itertools.accumulate(signs, min))
    assert [theta > 0 for theta in thetas[::20]] == kept
    assert kept[0]
    assert not kept[-1]


# --- state


def survives_a_checkpoint(make: Callable[[], Schedule]) -> None:
    before = make()
    before.step()
    before.observe(HURTS, eta_L=0.5)
    saved = io.BytesIO()
    torch.save(before.state_dict(), saved)
    saved.seek(0)
    after = make()
    after.load_state_dict(torch.load(saved, weights_only=True))
    assert after.values(5) == before.values(5)


def of_a_run(kind: type[Schedule], **changes: float) -> Schedule:
    run: dict[str, Any] = {"theta": 0.4, "drop": 2, "epochs": 4, "batch_size": 4, **changes}
    return kind(*(run[name] for name in kind.made_of))


@pytest.mark.parametrize("kind", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules_of_runs(kind: type[Schedule]) -> None:
    survives_a_checkpoint(lambda: of_a_run(kind))
    assert all(0 <= theta <= 1 for theta in of_a_run(kind, theta=1.0).values(6))
    if "theta" in kind.made_of:
        assert of_a_run(kind, theta=0.0).values(6) == [0] * 6
        with pytest.raises(ValueError, match=r"^theta = 2 must be"):
            of_a_run(kind, theta=2)


def test_a_planted_loss_of_state_is_noticed() -> None:
    class Forgetful(TwoStage):
        state = ()

    assert_rejects(survives_a_checkpoint, lambda: Forgetful(0.4, 2))


test_refusals = refusals(
    operator.call,
    (lambda: Constant(1.5), r"^theta = 1\.5 must be a finite number at least 0 and at most 1$"),
    (lambda: TwoStage(-0.1, 3), r"^theta = -0\.1 must be"),
    (lambda: TwoStage(0.1, -1), r"^drop = -1 must be a whole number, at least 0$"),
    (lambda: Linear(0.1, 0), r"^end = 0 must be a whole number, at least 1$"),
    (lambda: Cosine(0.1, 2.0), r"^end = 2\.0 must be a whole number"),  # type: ignore[arg-type]
    (lambda: Constant(0.1).values(-1), r"^T = -1 must be a whole number, at least 0$"),
    (lambda: Annealed(0), r"^batch_size = 0 must be a whole number, at least 1"),
    (lambda: Annealed(1, most=2), r"^most = 2 must be a finite number at least 0 and at most 1$"),
    (lambda: Annealed(1).observe(HELPS), r"^eta_L = None must be the step size times the largest curvature, above 0$"),
    (lambda: Annealed(1).observe(HELPS, eta_L=0.0), r"^eta_L = 0 must be a finite number above 0$"),
    (lambda: Adaptive(0.1, 0), r"^batch_size = 0 must be"),
    (lambda: Adaptive(0.1, 1, beyond="all"), r"^beyond = 'all' must be one of plain, shrinkage$"),
    (lambda: Adaptive(0.1, 1).load_state_dict({"elapsed": 1}), r"^state has elapsed; must have elapsed, dropped, as of Adaptive$"),
    (lambda: Constant(0.1).load_state_dict({}), r"^state has nothing; must have elapsed, as of Constant$"),
    (lambda: Linear(1.0, 5).load_state_dict({"elapsed": -5}), r"^state\['elapsed'\] = -5 must be a whole number, at least 0$"),
    (lambda: Linear(1.0, 5).load_state_dict({"elapsed": 2.7}), r"^state\['elapsed'\] = 2\.7 must be a whole number, at least 0$"),
    (lambda: Annealed(8).load_state_dict({"elapsed": 1, "strength": -3.0}), r"^state\['strength'\] = -3 must be .* 0 and at most 1$"),
    (lambda: Adaptive(0.1, 1).load_state_dict({"elapsed": 1, "dropped": 0.5}), r"^state\['dropped'\] = 0\.5 must be a whole number,"),
)
