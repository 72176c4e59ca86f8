"""The monitor keeps within its budget on any clock, makes use of it, and says what it cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.empirics.moments.support import data, mlp
from tsla.empirics.moments.monitor import BUDGET, TRIAL_SECONDS, MomentsMonitor, Times, WithinBudget
from tsla.theory.testing.planted import Rejects

LIMIT = 0.03


@dataclass
class Machine:
    """Seconds that a training step takes on it, and a measurement, by group of 8 and by example; ``late`` multiplies what was foreseen."""

    step: float
    call: float = 0.0
    example: float = 0.0
    first_call: float = 0.0
    late: float | None = None
    pause: float = 0.0
    slower_after: int = 10**9
    steps: int = 50_000
    _last: tuple[int, float] = (1, 0.0)

    def step_takes(self, step: int) -> float:
        return self.step * (3 if step > self.slower_after else 1) + (self.pause if step == self.steps // 2 else 0)

    def measurement_takes(self, n: int, step: int) -> float:
        examples, seconds = self._last
        if self.late is not None:
            taken = self.late * (seconds * max(1, n / examples) if seconds else TRIAL_SECONDS)
        else:
            taken = (self.call * -(-n // 8) + self.example * n) * (3 if step > self.slower_after else 1) + (
                0 if seconds else self.first_call
            )
        self._last = (n, taken)
        return taken


MACHINES = {
    "small network": lambda: Machine(step=0.002, call=0.01, example=0.001),
    "tiny network, whose measurement takes 100 steps": lambda: Machine(step=0.0007, call=0.03, example=0.0003, steps=150_000),
    "large network": lambda: Machine(step=0.5, call=0.1, example=0.02, steps=20_000),
    "slow first call": lambda: Machine(step=0.05, call=0.01, example=0.0005, first_call=0.25),
    "no overhead": lambda: Machine(step=0.1, example=0.005, steps=5_000),
    "slower after a while": lambda: Machine(step=0.02, call=0.02, example=0.001, slower_after=10_000),
    "always later than foreseen": lambda: Machine(step=0.01, late=1.49, steps=200_000),
    "a pause of an hour": lambda: Machine(step=0.01, call=0.02, example=0.001, pause=3600.0),
}


Cadence = Callable[[int, int], WithinBudget]


def simulate(cadence_of: Cadence, machine: Machine) -> tuple[list[float], list[tuple[float, float]]]:
    """A run: costs after each step, and rows as (training time, seconds)."""
    cadence, times, costs, rows = cadence_of(128, 8), Times(), list[float](), list[tuple[float, float]]()
    for step in range(machine.steps):
        n = cadence.due(times)
        if n:
            seconds = machine.measurement_takes(n, step)
            times.measuring += seconds
            cadence.measured(n, seconds, times)
            if n == 128:
                rows.append((times.training, seconds))
        times.steps += 1
        costs.append(times.measuring / times.training if times.training else (math.inf if times.measuring else 0.0))
        times.training += machine.step_takes(step)
    return costs, rows


def never_exceeds_the_limit(cadence_of: Cadence) -> None:
    """A run may end after any step."""
    for name, machine in MACHINES.items():
        assert max(simulate(cadence_of, machine())[0]) < LIMIT, name


def makes_use_of_the_budget(cadence_of: Cadence) -> None:
    for name in ("small network", "tiny network, whose measurement takes 100 steps", "large network", "slow first call"):
        costs, rows = simulate(cadence_of, MACHINES[name]())
        assert costs[-1] > 0.75 * BUDGET, name
        assert len(rows) > 2, name


def spreads_its_rows(cadence_of: Cadence) -> None:
    """Between rows training has paid for one, also after a pause."""
    _, rows = simulate(cadence_of, MACHINES["a pause of an hour"]())
    for (before, seconds), (after, _) in itertools.pairwise(rows):
        assert after - before >= seconds / BUDGET - 1e-6


def without_trials(examples: int, microbatch: int) -> WithinBudget:
    cadence = WithinBudget(examples, microbatch)
    cadence._sizes = [examples]
    return cadence


class Saving(WithinBudget):
    def measured(self, examples: int, seconds: float, times: Times) -> None:
        super().measured(examples, seconds, times)
        self._earning_since = 0.0


def planted(method: str, wrong: Callable[..., Any]) -> type[WithinBudget]:
    return type("Planted", (WithinBudget,), {method: wrong})


due, foreseen = WithinBudget.due, WithinBudget._foreseen
WRONG: dict[str, tuple[Callable[[Cadence], None], Cadence]] = {
    "measures first and counts then": (
        never_exceeds_the_limit,
        planted("_foreseen", lambda self, n, times: 0.0 if self._last is None else foreseen(self, n, times)),
    ),
    "measures on all examples at once": (never_exceeds_the_limit, without_trials),
    "takes a trial on few examples for what all will take": (
        never_exceeds_the_limit,
        planted("_foreseen", lambda self, n, times: foreseen(self, n if self._last is None else self._last[0], times)),
    ),
    "never mind what was spent before": (
        never_exceeds_the_limit,
        planted("due", lambda self, times: due(self, Times(times.steps, times.training, 0.0))),
    ),
    "spends what a pause has earned in many measurements at once": (spreads_its_rows, Saving),
    "never measures": (makes_use_of_the_budget, planted("due", lambda self, times: 0)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_budget(wrong: str, rejects: Rejects) -> None:
    check, cadence_of = WRONG[wrong]
    rejects(check, right=WithinBudget, wrong=cadence_of)


class FakeTime:
    """A clock that only moves when told; ``inside`` is what passed in the monitor, as told."""

    now, in_monitor, inside = 0.0, False, 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.inside += seconds if self.in_monitor else 0.0


def run_of(steps: int, clock: FakeTime, **options: Any) -> tuple[MomentsMonitor, list[float]]:
    """Steps of 50 ms of a model whose forward pass takes a time of its own, and the costs at each."""
    model = mlp()
    model.register_forward_pre_hook(lambda module, given: clock.pass_by(0.004 + 0.001 * len(given[0])))
    monitor, costs = MomentsMonitor(model, data(300), clock=clock, **options), []
    clock.pass_by(7.0)  # what came before the loop is not training
    for _ in range(steps):
        clock.in_monitor = True
        monitor.step()
        clock.in_monitor = False
        costs.append(monitor.cost)
        clock.pass_by(0.05)
    return monitor, costs


def test_the_default_stays_below_the_limit_on_a_fake_clock() -> None:
    monitor, costs = run_of(2000, FakeTime())
    assert max(costs) < LIMIT
    assert len(monitor.rows) >= 3
    assert monitor.cost > 0.75 * BUDGET
    assert all(row["examples"] == 128 for row in monitor.rows)


def reports_the_cost(cost: Callable[[MomentsMonitor], float]) -> None:
    clock = FakeTime()
    monitor, _ = run_of(7, clock, every=3, examples=32)
    assert cost(monitor) == pytest.approx(clock.inside / (6 * 0.05), rel=1e-9)
    assert sum(row["seconds"] for row in monitor.rows) == pytest.approx(clock.inside, rel=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda monitor: monitor.times.measuring / (monitor.times.measuring + monitor.times.training),
        lambda monitor: monitor.rows[-1]["seconds"] / monitor.times.training,
        lambda monitor: monitor.times.measuring / (monitor.times.training + 7.0),
    ],
    ids=["share of all", "the last one only", "idle time is training"],
)
def test_cost_is_measuring_by_training(wrong: Callable[[MomentsMonitor], float], rejects: Rejects) -> None:
    rejects(reports_the_cost, right=lambda monitor: monitor.cost, wrong=wrong)


def test_cost_before_anything_was_trained() -> None:
    monitor = MomentsMonitor(mlp(), data(), every=1)
    assert monitor.cost == 0
    monitor.step()
    assert monitor.cost == math.inf
