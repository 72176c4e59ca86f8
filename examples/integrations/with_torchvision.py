"""torchvision's CutMix or MixUp in the loader: batches come with labels that are probabilities."""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, default_collate
from torchvision.transforms import v2

from tsla import MomentsMonitor, SmoothedCrossEntropy, TwoStage

MIX = v2.RandomChoice([v2.CutMix(num_classes=10), v2.MixUp(num_classes=10, alpha=0.2)])


def collate(examples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """A batch, mixed."""
    return MIX(*default_collate(examples))


def main() -> tuple[nn.Module, SmoothedCrossEntropy, MomentsMonitor]:
    """Train for two epochs."""
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(images / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(digits))
    model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.2)

    loss = SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=1))  # θ = 0.1 for one epoch, then 0
    monitor = MomentsMonitor(model, data, every=50)

    for _epoch in range(2):
        for inputs, probabilities in DataLoader(data, batch_size=32, shuffle=True, collate_fn=collate):
            monitor.step()  # before each training step; it measures on the dataset, which is not mixed
            optimiser.zero_grad()
            loss(model(inputs), probabilities).backward()
            optimiser.step()
        loss.step()  # after each epoch

    return model, loss, monitor


if __name__ == "__main__":
    main()
