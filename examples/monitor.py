"""The gradient moments along a training loop of one's own: two lines in the loop, and what they cost (a minute)."""
# ruff: noqa: T201

from __future__ import annotations

import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from tsla.empirics.datasets import CLASSES, digits
from tsla.empirics.monitor import MomentsMonitor
from tsla.empirics.networks import resnet


def main(epochs: int = 300, batch_size: int = 64, every: int | None = None) -> MomentsMonitor:
    """Train a ResNet on digits with label noise, print the rows and the cost, and return the monitor."""
    torch.manual_seed(0)
    data = digits(train_size=1000, label_noise=0.2, seed=0)
    model = resnet(channels=1, classes=CLASSES, widths=(32, 64, 128))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.002)

    monitor = MomentsMonitor(model, (data.train_inputs, data.train_labels), every=every)
    for _ in range(epochs):
        for batch in torch.randperm(len(data.train_labels)).split(batch_size):
            monitor.step()
            optimiser.zero_grad()
            cross_entropy(model(data.train_inputs[batch]), data.train_labels[batch]).backward()
            optimiser.step()

    columns = ["step", "seconds", "delta", "delta_low", "delta_high", "theta_star", "theta_star_low", "theta_star_high"]
    print(pd.DataFrame(monitor.rows, columns=columns).round(3).to_string(index=False))
    print(f"cost: {monitor.cost:.1%} of {monitor.times.training:.0f} s of training")
    return monitor


if __name__ == "__main__":
    main()
