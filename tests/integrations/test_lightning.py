"""The loss as a part of a module of Lightning, which tells training from validation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsla import SmoothedCrossEntropy, TwoStage

CLASSES = 4


@pytest.mark.filterwarnings("ignore")  # what Lightning warns of is none of ours
def test_the_loss_smooths_in_training_alone_and_drops_when_it_is_stepped() -> None:
    lightning = pytest.importorskip("lightning")

    class Lit(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.loss = nn.Linear(3, CLASSES), SmoothedCrossEntropy("uniform", TwoStage(0.3, 2))
            self.thetas: list[float] = []
            self.unsmoothed: list[bool] = []

        def training_step(self, batch: list[Tensor]) -> Tensor:
            return self.loss(self.model(batch[0]), batch[1])

        def validation_step(self, batch: list[Tensor]) -> None:
            logits = self.model(batch[0])
            self.unsmoothed.append(torch.equal(self.loss(logits, batch[1]), cross_entropy(logits, batch[1])))

        def on_train_epoch_end(self) -> None:
            self.thetas.append(self.loss.theta)
            self.loss.step()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    lit = Lit()
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(32, 3), torch.randint(CLASSES, (32,))), batch_size=8)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    lightning.Trainer(max_epochs=3, accelerator="cpu", num_sanity_val_steps=0, **quiet).fit(lit, batches, batches)
    assert lit.thetas == [0.3, 0.3, 0.0]
    assert lit.unsmoothed == [True] * 12
