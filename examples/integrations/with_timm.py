"""timm with mixup: its labels are probabilities, which the loss smooths; so Mixup itself must not."""

import timm
import torch
from sklearn.datasets import load_digits
from timm.data import Mixup
from timm.utils import random_seed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tsla import MomentsMonitor, SmoothedCrossEntropy, TwoStage


def main() -> tuple[nn.Module, SmoothedCrossEntropy, MomentsMonitor]:
    """Train for two epochs."""
    random_seed(0)  # NumPy's too, which mixup draws from
    images, digits = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(images / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(digits))
    model = timm.create_model("test_vit", num_classes=10, in_chans=1, img_size=8, patch_size=4)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.001)

    mixup = Mixup(mixup_alpha=0.2, label_smoothing=0.0, num_classes=10)  # timm's own default is 0.1
    loss = SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=1))  # θ = 0.1 for one epoch, then 0
    monitor = MomentsMonitor(model, data, every=50)

    for _epoch in range(2):
        for inputs, labels in DataLoader(data, batch_size=32, shuffle=True, drop_last=True):
            mixed, probabilities = mixup(inputs, labels)
            monitor.step()  # before each training step; it measures without mixup
            optimiser.zero_grad()
            loss(model(mixed), probabilities).backward()
            optimiser.step()
        loss.step()  # after each epoch

    return model, loss, monitor


if __name__ == "__main__":
    main()
