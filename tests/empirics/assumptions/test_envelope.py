"""The envelope of measured noise: it holds at every point, and none that does has a smaller bound."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from tests.claims.support.marks import properties
from tests.claims.support.refusals import premises
from tsla.empirics.assumptions.envelope import Envelope, Measured, envelope
from tsla.theory import growing_noise, worst_case
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.testing.domain import for_all, positive

Fit = Callable[..., Envelope]
GRID = np.array([0.0, *np.geomspace(1e-4, 1e4, 60)])


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    """Gap, ‖∇F‖² and s² at some points, and a run of SGD."""
    sizes = [st.lists(positive(1e-2, 1e2), min_size=n, max_size=n) for n in [draw(st.integers(1, 8))] * 3]
    gap, grad2, s2 = (np.asarray(draw(size)) for size in sizes)
    L = draw(positive(0.1, 10))
    return {
        **{"gap": gap, "grad2": grad2, "s2": s2, "L": L, "F0": float(gap.max())},
        **{"eta": draw(st.floats(0.01, 1.5)) / L, "T": draw(st.integers(1, 1000))},
    }


@for_all(runs())
def holds_at_every_point(fit: Fit, run: dict[str, Any]) -> None:
    """And its bounds are C20 with what it found, and C16 with the largest s²."""
    found = fit(**run)
    right = 2 * found.growth.A * run["gap"] + found.growth.B * run["grad2"] + found.C
    assert (run["s2"] <= right * (1 + 1e-12)).all()
    how = {"eta": run["eta"], "T": run["T"]}
    said = growing_noise.sgd_bound(Constants(L=run["L"], sigma2=found.C, F0=run["F0"]), found.growth, **how)
    assert float(found.bound.total) == pytest.approx(float(said.total), rel=1e-12)
    largest = worst_case.sgd_bound(Constants(L=run["L"], sigma2=run["s2"].max(), F0=run["F0"]), **how)
    assert float(found.constant.total) == float(largest.total)
    assert float(found.bound.total) <= float(largest.total) * (1 + 1e-12)


@for_all(runs(), costs=2)
def no_other_has_a_smaller_bound(fit: Fit, run: dict[str, Any]) -> None:
    """Of a grid of A and B, each with the least C."""
    A, B = (axis.ravel() for axis in np.meshgrid(GRID, GRID))
    allowed = run["eta"] * run["L"] * (1 + B) < 2
    A, B = A[allowed], B[allowed]
    C = np.max(run["s2"] - 2 * A[:, None] * run["gap"] - B[:, None] * run["grad2"], axis=1, initial=0.0)
    k = Constants(L=run["L"], sigma2=C, F0=run["F0"])
    others = growing_noise.sgd_bound(k, Growth(A=A, B=B), eta=run["eta"], T=run["T"]).total
    assert float(fit(**run).bound.total) <= others.min() * (1 + 1e-5)


def with_all(gap: Any, grad2: Any, s2: Any, **run: Any) -> Envelope:
    """The gap taken for the gradient."""
    return envelope(grad2, gap, s2, **run)


def constant(gap: Any, grad2: Any, s2: Any, **run: Any) -> Envelope:
    return envelope(0 * gap, 0 * grad2, s2, **run)


def of_all_but_the_last(gap: Any, grad2: Any, s2: Any, **run: Any) -> Envelope:
    found = envelope(gap[:-1], grad2[:-1], s2[:-1], **run) if len(gap) > 1 else envelope(gap, grad2, s2 / 2, **run)
    return replace(found, constant=envelope(gap, grad2, s2, **run).constant)


test_envelope = properties(
    "C20",
    envelope,
    {
        holds_at_every_point: [with_all, of_all_but_the_last],
        no_other_has_a_smaller_bound: [constant, lambda gap, grad2, s2, **run: envelope(gap, grad2, 2 * s2, **run)],
    },
    found="A, B and C are found from measured noise. No others that hold at the measured points give a smaller bound.",
)

ROWS = pd.DataFrame(
    {"epoch": [0, 0, 1, 2], "train_loss": [2.0, 3.0, 1.0, 0.5], "grad2": [1.0, 2.0, 0.5, np.nan], "s2": [8.0, 6.0, 4.0, np.nan]}
)


def test_what_is_read_of_a_record() -> None:
    """Rows without moments are left out; F0 is that of the worst start; L is the largest curvature, where it was measured."""
    seen = Measured.of(ROWS, batch_size=2)
    assert (seen.gap.tolist(), seen.grad2.tolist(), seen.s2.tolist()) == ([2, 3, 1], [1, 2, 0.5], [4, 3, 2])
    assert (seen.F0, seen.L) == (3, None)
    assert Measured.of(ROWS.iloc[[1, 0, 2, 3]], batch_size=2).F0 == 3
    assert Measured.of(ROWS.assign(eta=0.5, eta_L=[1.0, 2.0, 0.5, np.nan]), batch_size=1).L == 4
    nullable = ROWS.assign(eta=0.5, eta_L=pd.array([1, 2, None, None], dtype="Int64"))
    assert Measured.of(nullable, batch_size=1).L == 4


BATCH = "must be a whole number, at least 1 and at most 9223372036854775807"
NUMBERS = "must hold numbers;"


def of_pandas(text: str) -> str:
    """Why pandas takes a text for no number; which quotes it puts hangs on its version."""
    with pytest.raises(ValueError, match=text) as refused:
        pd.to_numeric(pd.Series([text]))
    return str(refused.value)


test_refusals = premises(
    operator.call,
    (lambda: Measured.of(ROWS, batch_size=0), f"batch_size = 0 {BATCH}"),
    (lambda: Measured.of(ROWS, batch_size=10**30), f"batch_size = {10**30} {BATCH}"),
    (
        lambda: Measured.of(ROWS.assign(s2="low"), batch_size=1),
        f"the record: column s2 {NUMBERS} {of_pandas('low')}",
    ),
    (
        lambda: Measured.of(ROWS.assign(train_loss=pd.Timestamp(0)), batch_size=1),
        f"the record: column train_loss {NUMBERS} it is of datetime64[ns]",
    ),
    (
        lambda: Measured.of(ROWS.assign(eta=0.5, eta_L="steep"), batch_size=1),
        f"the record: column eta_L {NUMBERS} {of_pandas('steep')}",
    ),
    (
        lambda: Measured.of(ROWS.drop(columns="s2"), batch_size=1),
        "the record has no column s2; must be one of training, with the columns train_loss, grad2, s2",
    ),
    (
        lambda: Measured.of(ROWS.tail(1), batch_size=1),
        "the record has no moments; must have them in one row at least, as `tsla train` measures them",
    ),
    (
        lambda: envelope([1, 2], [1], [1], L=1, F0=1, eta=1, T=1),
        "gap, grad2 and s2 have shapes (2,), (1,), (1,); must have one number for each of the same points, at least one",
    ),
    (lambda: envelope([1], [1], [-1], L=1, F0=1, eta=1, T=1), "s2 = -1 must be a finite number at least 0"),
    (lambda: envelope([1], [1], [1], L=1, F0=1, eta=2, T=1), "eta = 2 is not below 2/L = 2; C16 needs 0 < eta < 2/L"),
)
