"""Lightning: the loss is a part of the module, which takes it along into evaluation and into checkpoints; the monitor is a callback."""

from typing import Any

import lightning
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tsla import MomentsMonitor, SmoothedCrossEntropy, TwoStage


class Classifier(lightning.LightningModule):
    """A network and its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        self.loss = SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=1))  # θ = 0.1 for one epoch, then 0

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        inputs, labels = batch
        return self.loss(self.model(inputs), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        inputs, labels = batch
        self.log("validation_loss", self.loss(self.model(inputs), labels))  # the plain one

    def on_train_epoch_end(self) -> None:
        self.loss.step()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.2)


class Watch(lightning.Callback):
    """Lets a monitor look before each batch."""

    def __init__(self, monitor: MomentsMonitor) -> None:
        self.monitor = monitor

    def on_train_batch_start(self, *_: Any) -> None:
        self.monitor.step()


def main() -> tuple[nn.Module, SmoothedCrossEntropy, MomentsMonitor]:
    """Train for two epochs."""
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits))
    module = Classifier()
    monitor = MomentsMonitor(module.model, data, every=50)
    trainer = lightning.Trainer(max_epochs=2, callbacks=[Watch(monitor)])
    trainer.fit(module, DataLoader(data, batch_size=32, shuffle=True), DataLoader(data, batch_size=256))
    return module.model, module.loss, monitor


if __name__ == "__main__":
    main()
