"""The monitor leaves training as it is, keeps within its budget on any clock, and its rows are the moments of the whole dataset."""

from __future__ import annotations

import itertools
import math
import random
import runpy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset

from tests.empirics.moments.support import CLASSES, Items, data, mlp
from tests.refusals import refusals
from tsla.empirics.models.networks import resnet
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.monitor import BUDGET, COLUMNS, TRIAL_SECONDS, MomentsMonitor, Times, WithinBudget
from tsla.theory.testing.planted import Rejects

LIMIT = 0.03


class Augmented(Items):
    """A dataset that draws from every global random state."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        shift = torch.randn(()) + random.random() + np.random.rand()  # noqa: NPY002, S311
        x, y = super().__getitem__(index)
        return x + 0.1 * float(shift), y


# --- training is not disturbed


def after_training(monitor_type: type[MomentsMonitor] | None) -> dict[str, object]:
    """Everything that training leaves behind, after 6 steps with momentum."""
    torch.manual_seed(1)
    network = resnet(channels=1, classes=8, widths=(4, 4), norm=nn.BatchNorm2d)
    model, dataset = nn.Sequential(network, nn.Dropout(0.3), nn.Linear(8, CLASSES)), Augmented(*data())
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    monitor = None if monitor_type is None else monitor_type(model, dataset, every=2, examples=16, microbatch=4, batch_norm="evaluation")
    for batch in torch.randperm(60).split(10):
        if monitor is not None:
            monitor.step()
        optimiser.zero_grad(set_to_none=False)
        inputs, labels = zip(*(dataset[i] for i in batch.tolist()), strict=True)
        cross_entropy(model(torch.stack(inputs)), torch.tensor(labels)).backward()
        optimiser.step()
    if monitor is not None:
        monitor.step()
        assert [row["step"] for row in monitor.rows] == [0, 2, 4, 6]
        assert all(row["s2"] > 0 for row in monitor.rows)
    return {
        "weights and buffers": [t.tolist() for t in model.state_dict().values()],
        "gradients": [p.grad.tolist() for p in model.parameters() if p.grad is not None],
        "modes": [module.training for module in model.modules()],
        "hooks": [(len(module._forward_hooks), len(module._backward_hooks)) for module in model.modules()],
        "random states": (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()),  # noqa: NPY002
        "grad mode": torch.is_grad_enabled(),
    }


def leaves_training_as_it_is(monitor_type: type[MomentsMonitor]) -> None:
    assert after_training(monitor_type) == after_training(None)


def moving_the_statistics(monitor: MomentsMonitor) -> None:
    with torch.random.fork_rng(), torch.no_grad():
        monitor._model(data()[0])


def adding_to_the_gradients(monitor: MomentsMonitor) -> None:
    for p in monitor._model.parameters():
        p.grad = torch.ones_like(p)


MISDEEDS: dict[str, Callable[[MomentsMonitor], object]] = {
    "drawing": lambda monitor: torch.rand(1),
    "drawing from NumPy": lambda monitor: np.random.rand(),  # noqa: NPY002
    "drawing from Python": lambda monitor: random.random(),  # noqa: S311
    "moving the statistics": moving_the_statistics,
    "adding to the gradients": adding_to_the_gradients,
    "leaving evaluation mode": lambda monitor: monitor._model.eval(),
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_a_run_with_the_monitor_is_the_run_without_bit_by_bit(misdeed: str, rejects: Rejects) -> None:
    class Disturbing(MomentsMonitor):
        def step(self) -> None:
            super().step()
            MISDEEDS[misdeed](self)

    rejects(leaves_training_as_it_is, right=MomentsMonitor, wrong=Disturbing)


# --- the budget, on clocks of any kind


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


# --- rows


def measured(model: nn.Module, dataset: Any, **options: Any) -> dict[str, float]:
    monitor = MomentsMonitor(model, dataset, **{"every": 1} | options)
    monitor.step()
    return monitor.rows[0]


@pytest.mark.parametrize("batch_norm", ["evaluation", None])
def test_all_examples_give_the_moments_of_the_set(batch_norm: str | None) -> None:
    model = nn.Sequential(resnet(channels=1, classes=CLASSES, widths=(4, 4), norm=nn.BatchNorm2d)).double()
    inputs, labels = data(20)
    model(inputs.double())
    if batch_norm is None:
        model.eval()
    row = measured(model, (inputs.double(), labels), examples=500, batch_norm=batch_norm)
    exact = gradient_moments(model, inputs.double(), labels, batch_norm="evaluation")
    assert row["examples"] == 20
    for name in COLUMNS[:-1]:
        assert [row[name], row[f"{name}_low"], row[f"{name}_high"]] == pytest.approx([getattr(exact, name)] * 3, rel=1e-9), name


def test_intervals_of_subsamples_cover_the_moments_of_the_set() -> None:
    model, (inputs, labels) = mlp(), data(300)
    exact = gradient_moments(model, inputs, labels)
    rows = [measured(model, (inputs, labels), seed=seed) for seed in range(40)]
    for name in ("grad2", "s2", "shat2", "c", "delta"):
        value = getattr(exact, name)
        values = np.array([row[name] for row in rows])
        assert abs(values.mean() - value) < 3.5 * values.std() / math.sqrt(40), name
        assert 34 <= sum(row[f"{name}_low"] <= value <= row[f"{name}_high"] for row in rows) <= 40, name


def test_each_measurement_draws_anew() -> None:
    monitor = MomentsMonitor(mlp(), data(300), every=1)
    for _ in range(3):
        monitor.step()
    assert len({row["s2"] for row in monitor.rows}) == 3


def test_tensors_and_items_are_the_same_set() -> None:
    inputs, labels = data(200)
    arrays = [(x.numpy(), int(y)) for x, y in zip(inputs, labels, strict=True)]
    rows = [measured(mlp(), dataset) | {"seconds": 0} for dataset in ((inputs, labels), arrays, TensorDataset(inputs, labels))]
    assert rows[0] == rows[1] == rows[2]


def test_smoothing_labels_follow_their_examples() -> None:
    """All mass on the label's own class: both gradients are the same, if ŷ is drawn with its example."""
    inputs, labels = data(200)
    row = measured(mlp(), (inputs, labels), smoothing=torch.eye(CLASSES)[labels])
    assert row["s2"] == pytest.approx(row["shat2"], rel=1e-6)
    assert row["beta2"] == pytest.approx(0, abs=1e-6)


def test_dropout_draws_from_the_seed_of_the_monitor_alone() -> None:
    def s2(training_seed: int, seed: int = 0) -> float:
        torch.manual_seed(training_seed)
        return measured(model, data(200), seed=seed)["s2"]

    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(36, CLASSES))
    assert s2(1) == s2(2) != s2(1, seed=1)


def test_a_diverged_run_goes_on_without_numbers() -> None:
    model = mlp()
    nn.init.constant_(model[1].weight, math.nan)
    with pytest.warns(UserWarning, match="gradients that are not finite"):
        row = measured(model, data())
    assert row["step"] == 0
    assert all(math.isnan(row[name]) for name in COLUMNS)


def test_the_example_prints_its_rows_and_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).parents[3] / "examples" / "monitor.py"
    monitor = runpy.run_path(str(path))["main"](epochs=1, batch_size=200, every=3)
    assert [row["step"] for row in monitor.rows] == [0, 3]
    printed = capsys.readouterr().out
    assert f"{monitor.rows[0]['delta']:.3f}" in printed
    assert f"cost: {monitor.cost:.1%}" in printed
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


# --- what can't be measured


class Broken(nn.Module):
    """Whose forward pass raises where examples are measured, and not where they are trained on."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.inner, self._error = mlp(), error

    def forward(self, x: Tensor) -> Tensor:
        if len(x) != 10:
            raise self._error
        return cast("Tensor", self.inner(x))


class Unreadable(Items):
    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        raise OSError(f"no such file: {index // 1000}.png")


def coupled() -> nn.Module:
    return nn.Sequential(mlp(), nn.BatchNorm1d(CLASSES))


UNMEASURED: dict[str, tuple[Callable[[], nn.Module], Any, dict[str, Any], str]] = {
    "the model raises": (lambda: Broken(RuntimeError("out of memory\nand more")), data(), {}, "RuntimeError: out of memory"),
    "the model is refused": (lambda: coupled().eval(), data(), {"batch_norm": None}, "ValueError: 1 is BatchNorm in training mode"),
    "a label is none": (mlp, (data()[0], data()[1] + 1), {}, "ValueError: labels run from"),
    "an item can't be read": (mlp, Unreadable(*data()), {}, "OSError: no such file: 0.png"),
    "logits raises": (mlp, data(), {"logits": lambda found: {}[len(found)]}, "KeyError"),
}


def never_ends_a_run(monitor_type: type[MomentsMonitor]) -> None:
    for name, (make, dataset, options, reason) in UNMEASURED.items():
        model, (inputs, classes) = make(), data()
        monitor, raised = monitor_type(model, dataset, every=2, examples=16, microbatch=4, **options), ""
        model.train()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                for _ in range(3):
                    monitor.step()
                    cross_entropy(model(inputs[:10]), classes[:10]).backward()
            except Exception as error:
                raised = str(error)
        assert not raised, name
        assert [f"measured nothing before step 0: {reason}" in str(one.message) for one in warned] == [True], name
        assert [row["step"] for row in monitor.rows] == [0, 2]
        assert all(row["reason"].startswith(reason) and all(math.isnan(row[column]) for column in COLUMNS) for row in monitor.rows), name


class Raising(MomentsMonitor):
    def _found(self, examples: int) -> dict[str, Any]:
        return self._estimates(np.arange(examples)) | {"reason": ""}


def test_what_can_not_be_measured_ends_no_run(rejects: Rejects) -> None:
    rejects(never_ends_a_run, right=MomentsMonitor, wrong=Raising)


def test_a_measured_row_has_no_reason_and_a_broken_measurement_leaves_no_trace() -> None:
    assert measured(mlp(), data())["reason"] == ""
    before = torch.get_rng_state(), random.getstate()
    with pytest.warns(UserWarning, match="out of memory"):
        measured(Broken(RuntimeError("out of memory")), data())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


# --- refusals


test_bad_arguments = refusals(
    lambda options: measured(**{"model": mlp(), "dataset": data()} | options),
    ({"every": 0}, "every = 0 must be a whole number, at least 1"),
    ({"every": 2.5}, "every = 2.5 must be a whole number, at least 1"),
    ({"every": True}, "every = True must be a whole number"),
    ({"examples": 1}, "examples = 1 must be a whole number, at least 2"),
    ({"seed": -1}, "seed = -1 must be a whole number, at least 0"),
    ({"microbatch": 0}, "microbatch = 0 must be a whole number, at least 1"),
    ({"microbatch": 16, "examples": 40}, "microbatch = 16 makes 3 groups of 40 examples; must make at least 4"),
    ({"smoothing": "prior"}, "smoothing = 'prior' would change with the examples drawn; give the frequencies"),
    ({"smoothing": torch.ones(7, CLASSES) / CLASSES}, r"smoothing has 7 rows; must be \(K,\), or one row for each of the 60 examples"),
    ({"dataset": (torch.zeros(3, 36), torch.zeros(2))}, "dataset holds 3 inputs and 2 labels; must be equally many"),
    ({"dataset": (torch.zeros(0, 36), torch.zeros(0))}, "dataset holds 0 examples; must be at least 1"),
    ({"dataset": (torch.zeros(1, 36), torch.zeros(1))}, "dataset holds 1 examples; must be at least 2"),
    ({"dataset": iter([1])}, r"dataset is a list_iterator; must be \(inputs, labels\), a DataLoader, or have a length and items"),
    ({"model": nn.Flatten()}, "model has no parameter that requires a gradient"),
    ({"batch_norm": "none"}, r"batch_norm = 'none' must be None, 'evaluation' or 'batch'"),
    ({"model": nn.BatchNorm1d(36)}, "model is BatchNorm in training mode: .* or choose batch_norm='evaluation' or 'batch'"),
)
