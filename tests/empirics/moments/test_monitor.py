"""The monitor leaves training as it is, its rows are the moments of the whole dataset, and what it can't measure ends no run."""

from __future__ import annotations

import math
import random
import runpy
import warnings
from collections.abc import Callable
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
from tsla.empirics.moments.monitor import COLUMNS, MomentsMonitor
from tsla.theory.testing.planted import Rejects


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
