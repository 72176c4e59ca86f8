"""From measured moments to the quantities of the theory, on numbers small enough to follow."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.theory.population import by_definition
from tsla.empirics.moments.columns import measured
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

MOMENTS = {"grad2": 0.5, "s2": 4.0, "shat2": 1.0, "c": 0.5, "beta2": 0.25, "nu2": 0.75}


def table() -> pd.DataFrame:
    """Two methods and three seeds, with moments at the first of two epochs."""
    at_first = {epoch: {name: value if epoch == 0 else np.nan for name, value in MOMENTS.items()} for epoch in (0, 1)}
    rows = itertools.product(("lsr", "sgd"), (2, 0, 1), (1, 0))
    return pd.DataFrame([{"method": m, "seed": s, "epoch": epoch, "train_loss": 1.0} | at_first[epoch] for m, s, epoch in rows])


def test_only_rows_with_moments_are_kept_and_the_table_is_left_alone() -> None:
    given = table()
    before = given.copy()
    found = measured(given, theta=0.3, batch_size=4)
    assert set(found["epoch"]) == {0}
    assert len(found) == 6
    pd.testing.assert_frame_equal(given, before)


def test_a_diverged_run_is_not_left_out() -> None:
    rows = table()
    rows.loc[3, "train_loss"] = np.nan
    with pytest.raises(ValueError, match="the run of lsr, seed 0, diverged"):
        measured(rows, theta=0.3, batch_size=4)


def test_quantities_of_single_examples() -> None:
    found = measured(pd.DataFrame([{"train_loss": 1.0} | MOMENTS]), theta=0.0, batch_size=1).iloc[0]
    assert found["delta"] == 1 / 4
    assert found["delta0"] == 0.5 / 4
    assert found["theta_star"] == pytest.approx((4 - 0.5) / (4 + 1 - 2 * 0.5))
    assert found["ratio"] == found["shrink_ratio"] == 1
    assert found["beyond"] == found["bias_share"] == 0


def agrees_with_the_moments_of_a_batch(measure: Callable[..., pd.DataFrame]) -> None:
    """The same through :class:`Moments`, whose batch law is checked against all batches of a small network."""
    for theta, B in ((0.3, 16), (1.0, 2), (0.5, 1)):
        found = measure(pd.DataFrame([{"train_loss": 1.0} | MOMENTS]), theta=theta, batch_size=B).iloc[0]
        batch = Moments(**MOMENTS).at_batch_size(B)
        smoothed, shrunk = batch.second_moment(theta), (1 - theta) ** 2 * batch.s2 + theta**2 * batch.grad2
        assert found["ratio"] == pytest.approx(smoothed / batch.s2, rel=1e-12)
        assert found["shrink_ratio"] == pytest.approx(shrunk / batch.s2, rel=1e-12)
        assert found["beyond"] == pytest.approx((smoothed - shrunk) / batch.s2, rel=1e-12)
        assert found["bias_share"] == pytest.approx(theta**2 * 0.25 / batch.s2, rel=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda table, *, theta, batch_size: measured(table, theta=theta, batch_size=1),
        lambda table, *, theta, batch_size: measured(table, theta=1 - theta, batch_size=batch_size),
        lambda table, *, theta, batch_size: measured(table.assign(beta2=0.0, nu2=1.0), theta=theta, batch_size=batch_size),
    ],
    ids=["single examples", "theta the other way round", "a bias that averages out"],
)
def test_quantities_of_a_batch(wrong: Callable[..., pd.DataFrame], rejects: Rejects) -> None:
    rejects(agrees_with_the_moments_of_a_batch, right=measured, wrong=wrong)


def is_noise_over_squared_signal(measure: Callable[..., pd.DataFrame]) -> None:
    """By definition, of gradients of single examples: the variance of the smoothed ones over the squared length of their mean along ∇F."""
    g, g_hat = np.random.default_rng(0).normal(0.5, 1, (2, 50, 6))
    theta, G = 0.3, g.mean(0)

    def ratio(direction: np.ndarray) -> float:
        along = direction.mean(0) @ G / np.linalg.norm(G)
        return float(np.sum(direction.var(0)) / along**2)

    row = {"train_loss": 1.0, "alignment": G @ g_hat.mean(0)} | dict(zip(MOMENTS, by_definition(g, g_hat), strict=True))
    found = measure(pd.DataFrame([row]), theta=theta, batch_size=7)["noise_to_signal"].iloc[0]
    assert found == pytest.approx(ratio((1 - theta) * g + theta * g_hat) / ratio(g), rel=1e-9)
    control = row | {"shat2": row["grad2"], "c": 0.0, "beta2": row["grad2"], "nu2": 0.0, "alignment": 0.0}  # ĝ = 0
    assert measure(pd.DataFrame([control]), theta=theta, batch_size=7)["noise_to_signal"].iloc[0] == pytest.approx(1, rel=1e-12)


def with_a_signal_of_g_alone(rows: pd.DataFrame, **of: float) -> pd.DataFrame:
    """As if ĝ had no mean along ∇F."""
    return measured(rows.assign(alignment=0.0), **of)  # type: ignore[arg-type]


def with_a_variance_about_the_gradient(rows: pd.DataFrame, **of: float) -> pd.DataFrame:
    """With the second moment in place of the noise, which counts the bias."""
    found = measured(rows, **of)  # type: ignore[arg-type]
    batch_of_one = measured(rows, theta=of["theta"], batch_size=1)
    noise = Moments(*(rows[name].to_numpy() for name in MOMENTS)).noise(of["theta"]) / rows["s2"]
    return found.assign(noise_to_signal=found["noise_to_signal"] * batch_of_one["ratio"] / noise)


@pytest.mark.parametrize("wrong", [with_a_signal_of_g_alone, with_a_variance_about_the_gradient])
def test_noise_to_signal(wrong: Callable[..., pd.DataFrame], rejects: Rejects) -> None:
    rejects(is_noise_over_squared_signal, right=measured, wrong=wrong)
