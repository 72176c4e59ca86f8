"""The examples of docs/integrations.md, run with the real libraries.

Each ends with the weights of the same loop without tsla, where torch (or timm) smooths by itself; and wrong versions of it do not.
"""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla import MomentsMonitor, SmoothedCrossEntropy, TwoStage, cli, gradient_moments
from tsla.theory.testing.planted import assert_rejects

FOLDER = Path(__file__).parents[2] / "examples" / "integrations"
Edit = tuple[str, str]
Run = Callable[..., tuple[Any, ...]]
pytestmark = pytest.mark.filterwarnings("default")  # those of the libraries are theirs


@dataclass(frozen=True)
class Example:
    """A file; what makes it the same loop with the library's own smoothing; and wrong versions, of what a user may forget.

    Dropout is off in all, by what is ``always`` edited, where the two loops have other batches.
    """

    name: str
    library: str
    by_hand: tuple[Edit, ...]
    steps: int
    every: int = 50
    always: tuple[Edit, ...] = ()
    wrong: tuple[Edit, ...] = ()


UNSTEPPED, UNWATCHED = ("loss.step()", "loss.theta"), ("monitor.step()", "monitor.rows")
OF_LOOP = "theta[_epoch]"
BY_TORCH = ("loss(model(inputs), labels)", f"cross_entropy(model(inputs), labels, label_smoothing={OF_LOOP})")
TIMM = "(setattr(mixup, 'label_smoothing', theta[_epoch]), mixup(inputs, labels))[1]"
LIGHTNING = "return cross_entropy(self.model(inputs), labels, label_smoothing=theta[self.current_epoch])"
TRAINER = "return cross_entropy(outputs.logits, labels, label_smoothing=theta[int(trainer.state.epoch)])"
EXAMPLES = [
    Example("plain_loop", "torch", (BY_TORCH,), 114),
    Example("with_accelerate", "accelerate", (BY_TORCH,), 114),
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
    Example(
        "with_transformers",
        "transformers",
        (
            ("return loss(outputs.logits, labels, num_items_in_batch=num_items_in_batch)", TRAINER),
            # One batch of 16 in place of two of 8: what the accumulated gradients must be.
            ("batch_size=8", "batch_size=16"),
            ("accumulation_steps=2", "accumulation_steps=1"),
        ),
        32,
        every=10,
        always=(('"hidden_size"', '"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0, "hidden_size"'),),
        wrong=((", num_items_in_batch=num_items_in_batch)", ")"),),
    ),
]


NAMED = {example.name: example for example in EXAMPLES}
NETWORK = """
from torch import nn

def network():
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What ``main`` returns of an example, each of the edits made to its text, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def edited(example: Example, *edits: Edit) -> tuple[Any, ...]:
        pytest.importorskip(example.library)
        source = (FOLDER / f"{example.name}.py").read_text(encoding="utf-8")
        for old, new in (*example.always, *edits):
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


def holds_the_end_of_the_schedule(state: dict[str, Tensor]) -> None:
    (loss := SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=1))).load_state_dict(state)
    assert (loss.theta, loss.schedule.elapsed) == (0, 2)


def test_a_checkpoint_of_lightning_holds_the_schedule_and_is_measured(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = run(NAMED["with_lightning"])[0]
    (path,) = tmp_path.glob("lightning_logs/*/checkpoints/*.ckpt")
    state = torch.load(path, weights_only=True)["state_dict"]
    of_loss = {key.removeprefix("loss."): value for key, value in state.items() if key.startswith("loss.")}
    holds_the_end_of_the_schedule(of_loss)
    assert_rejects(holds_the_end_of_the_schedule, {})
    images, digits = load_digits(return_X_y=True)
    np.savez(tmp_path / "digits.npz", inputs=images[:64] / 16, labels=digits[:64])
    (tmp_path / "networks_of_lightning.py").write_text(NETWORK, encoding="utf-8")
    command = f"measure --checkpoint {path} --model networks_of_lightning:network --data digits.npz --json"
    capsys.readouterr()
    assert cli.main(command.split()) == 0
    found = json.loads(capsys.readouterr().out)["moments"]["s2"]["value"]
    expected = gradient_moments(model.eval(), torch.tensor(images[:64] / 16, dtype=torch.float32), torch.tensor(digits[:64]))
    assert found == pytest.approx(expected.s2, rel=1e-4)


def test_a_state_of_accelerate_holds_the_schedule(run: Run, tmp_path: Path) -> None:
    def check(*edits: Edit) -> None:
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        run(NAMED["with_accelerate"], *edits)
        held = tmp_path / "state" / "custom_checkpoint_0.pkl"
        holds_the_end_of_the_schedule(torch.load(held, weights_only=True) if held.exists() else {})

    check()
    assert_rejects(lambda edit: check(edit), ("accelerator.register_for_checkpointing(loss)", "loss.theta"))
