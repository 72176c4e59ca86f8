"""A loop of one's own: smoothing that ends after the first epoch, and the gradient moments along the way."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tsla import MomentsMonitor, SmoothedCrossEntropy, TwoStage


def main() -> tuple[nn.Module, SmoothedCrossEntropy, MomentsMonitor]:
    """Train for two epochs."""
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    data = TensorDataset(torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits))
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.2)

    loss = SmoothedCrossEntropy("uniform", TwoStage(0.1, drop=1))  # θ = 0.1 for one epoch, then 0
    monitor = MomentsMonitor(model, data, every=50)

    for _epoch in range(2):
        for inputs, labels in DataLoader(data, batch_size=32, shuffle=True):
            monitor.step()  # before each training step
            optimiser.zero_grad()
            loss(model(inputs), labels).backward()
            optimiser.step()
        loss.step()  # after each epoch, which is the unit of time of the schedule here

    return model, loss, monitor


if __name__ == "__main__":
    main()
