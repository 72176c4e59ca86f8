"""A language model under the Trainer: logits and labels of the next token, which is what the Trainer's own smoothing takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tsla import SmoothedCrossEntropy
from tsla.theory.testing.planted import assert_rejects

pytestmark = pytest.mark.filterwarnings("default")
transformers = pytest.importorskip("transformers")
Loss = Callable[..., Tensor]


def trained(folder: Path, loss: Loss | None, smoothing: float = 0.0) -> dict[str, Tensor]:
    """The weights after a few steps of two accumulated batches, on sentences of different lengths."""
    torch.manual_seed(0)
    data = []
    for words in torch.randint(2, 12, (40,)):
        ids, mask = torch.randint(1, 40, (12,)), torch.arange(12) < words
        data.append({"input_ids": ids * mask, "attention_mask": mask.long(), "labels": ids.where(mask, -100)})
    size = {"vocab_size": 40, "n_positions": 12, "n_embd": 32, "n_layer": 1, "n_head": 2}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**size, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        optim="sgd",
        learning_rate=0.3,
        label_smoothing_factor=smoothing,
        save_strategy="no",
        report_to="none",
    )
    transformers.Trainer(model, arguments, train_dataset=data, compute_loss_func=loss).train()
    return {name: value.detach() for name, value in model.state_dict().items()}


def test_the_next_token_is_smoothed_as_by_the_trainer(tmp_path: Path) -> None:
    loss = SmoothedCrossEntropy("uniform", 0.1)
    expected = trained(tmp_path, None, smoothing=0.1)

    def next_token(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
        return loss(outputs.logits[:, :-1], labels[:, 1:], num_items_in_batch=num_items_in_batch)

    def same_token(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
        return loss(outputs.logits, labels, num_items_in_batch=num_items_in_batch)

    def check(loss: Loss) -> None:
        torch.testing.assert_close(trained(tmp_path, loss), expected, rtol=1e-4, atol=1e-5)

    check(next_token)
    assert_rejects(check, same_token)
