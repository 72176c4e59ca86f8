"""The gradient moments along a training loop of one's own: two lines in the loop, and what they cost (a minute)."""
# ruff: noqa: T201

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

from tsla import MomentsMonitor

COLUMNS = ("step", "seconds", "delta", "delta_low", "delta_high", "theta_star", "theta_star_low", "theta_star_high")


def main(epochs: int = 300, batch_size: int = 64, every: int | None = None) -> MomentsMonitor:
    """Train a small network on digits with label noise, print the rows and the cost, and return the monitor."""
    torch.manual_seed(0)
    digits = load_digits()
    inputs, labels = torch.tensor(digits.images[:1000, None] / 16, dtype=torch.float32), torch.tensor(digits.target[:1000])
    labels = torch.where(torch.rand(len(labels)) < 0.2, torch.randint(10, labels.shape), labels)
    convolutions = (nn.Conv2d(1, 64, 3, padding=1), nn.GroupNorm(8, 64), nn.ReLU(), nn.Conv2d(64, 128, 3, stride=2), nn.GroupNorm(8, 128))
    model = nn.Sequential(*convolutions, nn.ReLU(), nn.Flatten(), nn.Linear(128 * 9, 10))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.002)

    monitor = MomentsMonitor(model, (inputs, labels), every=every)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(batch_size):
            monitor.step()
            optimiser.zero_grad()
            cross_entropy(model(inputs[batch]), labels[batch]).backward()
            optimiser.step()

    print(*(f"{name:>15}" for name in COLUMNS))
    for row in monitor.rows:
        print(*(f"{row[name]:15.3f}" for name in COLUMNS))
    print(f"cost: {monitor.cost:.1%} of {monitor.times.training:.0f} s of training")
    return monitor


if __name__ == "__main__":
    main()
