"""Until when a way of helping lasts: seen, interpolated or extrapolated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.empirics.advice.plan.pilots import pilot
from tsla.empirics.advice.plan import predictions
from tsla.empirics.advice.plan.pilot import Pilot
from tsla.theory.testing.planted import Rejects


def interpolates_and_extrapolates(crossing: Callable[[Pilot, np.ndarray], int]) -> None:
    whole = pilot()
    line = whole.measured_at - 6.5
    assert crossing(whole, line) == 7
    assert crossing(whole, whole.measured_at - 7) == 7
    assert crossing(whole, whole.measured_at * 0) == 0
    assert crossing(whole, whole.measured_at - 100) == 20
    assert crossing(whole, np.where(whole.measured_at < 5, -np.inf, whole.measured_at - 100)) == 20
    assert crossing(whole, np.where(whole.measured_at < 5, -np.inf, 1)) == 5
    assert crossing(whole, np.where(whole.measured_at < 5, -1, np.inf)) == 5
    assert crossing(whole, np.array([-3, -1, 2, -5, -5, -5])) == 2  # the first one, though it doesn't last
    short = pilot((0, 1, 2, 5), ran=5)
    assert crossing(short, short.measured_at - 6.5) == 7
    assert crossing(short, short.measured_at - 12) == 12
    assert crossing(short, short.measured_at - 50) == 20
    assert crossing(short, -1 - short.measured_at) == 20
    assert crossing(short, np.array([-np.inf, -5.0, -4.0, -1.0])) == 6
    assert crossing(short, np.array([-9.0, -0.1, -0.05, -0.01])) == 6  # the line has crossed already: no sooner than after what was seen
    assert crossing(pilot((3,), ran=5), np.array([-1.0])) == 20


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p, excess: int(p.measured_at[np.flatnonzero(excess >= 0)[0]]) if (excess >= 0).any() else p.epochs,
        lambda p, excess: predictions.crossing(p, -excess),
        lambda p, excess: predictions.crossing(replace(p, epochs=int(p.rows["epoch"].max())), excess),
    ],
    ids=["measured epochs only", "the other sign", "a short pilot is the whole run"],
)
def test_crossing(wrong: Callable[[Pilot, np.ndarray], int], rejects: Rejects) -> None:
    rejects(interpolates_and_extrapolates, right=predictions.crossing, wrong=wrong)
