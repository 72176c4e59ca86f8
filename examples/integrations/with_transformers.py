"""The Trainer of transformers: the loss is its ``compute_loss_func``, a callback steps the schedule and lets the monitor look."""

from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainerCallback, TrainingArguments
from transformers.modeling_outputs import SequenceClassifierOutput

from tsla import MomentsMonitor, SmoothedCrossEntropy, TwoStage


def sentences(number: int, length: int = 12) -> list[dict[str, Tensor]]:
    """Made-up padded sentences of 3 classes: the class is the first word."""
    data = []
    for _ in range(number):
        words = int(torch.randint(4, length + 1, ()))
        mask = (torch.arange(length) < words).long()
        label = torch.randint(3, ())
        ids = torch.randint(4, 40, (length,)).index_fill(0, torch.tensor([0]), 1 + int(label)) * mask
        data.append({"input_ids": ids, "attention_mask": mask, "labels": label})
    return data


class Smoothing(TrainerCallback):
    """What a loop of one's own would call by itself."""

    def __init__(self, loss: SmoothedCrossEntropy, monitor: MomentsMonitor) -> None:
        self.loss, self.monitor = loss, monitor

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.monitor.step()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.loss.step()


def main() -> tuple[torch.nn.Module, SmoothedCrossEntropy, MomentsMonitor]:
    """Train for two epochs, in batches of 16 that are accumulated of two of 8."""
    torch.manual_seed(0)
    data = sentences(250)  # the last batch is smaller
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    model = BertForSequenceClassification(BertConfig(vocab_size=40, num_labels=3, **size))

    loss = SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=1))  # θ = 0.1 for one epoch, then 0
    monitor = MomentsMonitor(model, data, every=10)

    def compute_loss(outputs: SequenceClassifierOutput, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
        return loss(outputs.logits, labels, num_items_in_batch=num_items_in_batch)

    arguments = TrainingArguments(
        num_train_epochs=2,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=2,
        optim="sgd",
        learning_rate=0.3,
        report_to="none",
    )
    trainer = Trainer(model, arguments, train_dataset=data, compute_loss_func=compute_loss, callbacks=[Smoothing(loss, monitor)])
    trainer.train()
    return model, loss, monitor


if __name__ == "__main__":
    main()
