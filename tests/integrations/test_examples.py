"""The examples of docs/integrations.md, run with the real libraries.

Each ends with the weights of the same loop without tsla, where torch (or timm) smooths by itself; and wrong versions of it do not.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tsla import MomentsMonitor, SmoothedCrossEntropy
from tsla.theory.testing.planted import assert_rejects

FOLDER = Path(__file__).parents[2] / "examples" / "integrations"
Edit = tuple[str, str]
Run = Callable[..., tuple[Any, ...]]
pytestmark = pytest.mark.filterwarnings("default")  # those of the libraries are theirs


@dataclass(frozen=True)
class Example:
    """A file; what makes it the same loop with the library's own smoothing; and wrong versions, of what a user may forget."""

    name: str
    library: str
    by_hand: tuple[Edit, ...]
    steps: int
    every: int = 50
    wrong: tuple[Edit, ...] = ()


UNSTEPPED, UNWATCHED = ("loss.step()", "loss.theta"), ("monitor.step()", "monitor.rows")
OF_LOOP = "theta[_epoch]"
TIMM = "(setattr(mixup, 'label_smoothing', theta[_epoch]), mixup(inputs, labels))[1]"
LIGHTNING = "return cross_entropy(self.model(inputs), labels, label_smoothing=theta[self.current_epoch])"
EXAMPLES = [
    Example(
        "plain_loop", "torch", (("loss(model(inputs), labels)", f"cross_entropy(model(inputs), labels, label_smoothing={OF_LOOP})"),), 114
    ),
    Example(
        "with_accelerate",
        "accelerate",
        (("loss(model(inputs), labels)", f"cross_entropy(model(inputs), labels, label_smoothing={OF_LOOP})"),),
        114,
    ),
    Example("with_lightning", "lightning", (("return self.loss(self.model(inputs), labels)", LIGHTNING),), 114),
    Example(
        "with_timm",
        "timm",
        (("mixup(inputs, labels)", TIMM), ("loss(model(mixed), probabilities)", "SoftTargetCrossEntropy()(model(mixed), probabilities)")),
        112,
        wrong=(("label_smoothing=0.0, ", ""),),
    ),
    Example(
        "with_torchvision",
        "torchvision",
        (("loss(model(inputs), probabilities)", f"cross_entropy(model(inputs), probabilities, label_smoothing={OF_LOOP})"),),
        114,
    ),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What ``main`` returns of an example, each of the edits made to its text, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def edited(example: Example, *edits: Edit) -> tuple[Any, ...]:
        pytest.importorskip(example.library)
        source = (FOLDER / f"{example.name}.py").read_text(encoding="utf-8")
        for old, new in edits:
            assert source.count(old) == 1, f"{example.name} has {source.count(old)} times {old}"
            source = source.replace(old, new)
        (path := tmp_path / f"{example.name}.py").write_text(source, encoding="utf-8")
        namespace: dict[str, Any] = {"cross_entropy": cross_entropy, "theta": (0.1, 0.0)}
        if example.library == "timm":
            namespace["SoftTargetCrossEntropy"] = pytest.importorskip("timm.loss").SoftTargetCrossEntropy
        found: tuple[Any, ...] = runpy.run_path(str(path), namespace)["main"]()
        return found

    return edited


def trains_as(by_hand: nn.Module, example: Example, found: tuple[nn.Module, SmoothedCrossEntropy, MomentsMonitor]) -> None:
    model, loss, monitor = found[:3]
    assert (loss.theta, loss.schedule.elapsed) == (0, 2)
    assert [row["step"] for row in monitor.rows] == list(range(0, example.steps, example.every))
    assert all(row["delta_low"] <= row["delta"] <= row["delta_high"] for row in monitor.rows)
    torch.testing.assert_close(model.state_dict(), by_hand.state_dict(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_trains_as_the_loop_without_tsla(example: Example, run: Run) -> None:
    by_hand = run(example, *example.by_hand, UNWATCHED)[0]
    trains_as(by_hand, example, run(example))
    for wrong in (UNSTEPPED, UNWATCHED, *example.wrong):
        assert_rejects(lambda edit: trains_as(by_hand, example, run(example, edit)), wrong)
