"""The best temperature: against a grid, on scores whose temperature is known, and along a run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tsla.empirics.experiments.study.settings import CLEAN, EPOCHS
from tsla.empirics.experiments.study.tempering import LARGEST, run, tempered

CLASSES = 5


def drawn(n: int) -> tuple[Tensor, Tensor]:
    """Scores, and labels that are drawn by their softmax: calibrated."""
    random = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn(n, CLASSES, generator=random)
    return scores, torch.multinomial(scores.softmax(1), 1, generator=random)[:, 0]


def test_it_is_the_least_on_a_grid() -> None:
    scores, labels = drawn(200)
    loss, temperature = tempered(3 * scores, labels)
    grid = [float(cross_entropy(3 * scores.double() / T, labels)) for T in np.geomspace(0.1, 30, 2001)]
    assert loss == pytest.approx(min(grid), rel=1e-6)
    assert float(cross_entropy((3 * scores).double() / temperature, labels)) == pytest.approx(loss, rel=1e-12)


def test_calibrated_scores_have_temperature_1_and_scaling_them_scales_it() -> None:
    scores, labels = drawn(100_000)
    loss, temperature = tempered(scores, labels)
    assert temperature == pytest.approx(1, abs=0.02)
    for factor in (0.25, 8.0):
        scaled_loss, scaled = tempered(factor * scores, labels)
        assert scaled == pytest.approx(factor * temperature, rel=1e-4)
        assert scaled_loss == pytest.approx(loss, rel=1e-8)


def test_it_is_never_above_the_loss_nor_above_that_of_guessing() -> None:
    scores, labels = drawn(50)
    wrong = -10 * scores  # the best temperature is the largest
    loss, temperature = tempered(wrong, labels)
    assert loss <= float(cross_entropy(wrong.double(), labels))
    assert loss == pytest.approx(np.log(CLASSES), rel=1e-1)
    assert temperature == pytest.approx(LARGEST, rel=0.01)


def test_a_run_has_both_losses_of_the_same_weights_at_each_epoch() -> None:
    rows = run({"setting": CLEAN[0], "arm": "none", "eta": 0.4, "seed": 0})
    assert list(rows["epoch"]) == list(range(EPOCHS + 1))
    assert (rows["tempered"] <= rows["test_loss"] * (1 + 1e-6)).all()
    # The initial network is nearly uniform, the trained one confident: what temperature mends is little, but not nothing.
    assert rows["tempered"].iloc[-1] < 0.5 * rows["tempered"].iloc[0]
    near = rows[np.abs(np.log(rows["temperature"])) < 0.02]
    assert len(near) > 0
    assert np.allclose(near["tempered"], near["test_loss"], rtol=1e-3)
