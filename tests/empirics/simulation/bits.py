"""Whether two runs are the same, to the last bit or to rounding."""

from __future__ import annotations

import pytest

from tsla.empirics.simulation.exact_law import Law
from tsla.empirics.simulation.simulate import RECORDED, Trajectory


def assert_same_bits(a: Trajectory, b: Trajectory) -> None:
    for field in ("step", *RECORDED):
        same = getattr(a, field).tobytes() == getattr(b, field).tobytes()  # apart: pytest takes minutes to tell how such bytes differ
        assert same, field


def assert_same(a: Trajectory | Law, b: Trajectory | Law, tolerance: float = 1e-9) -> None:
    assert (a.step == b.step).all()
    for field in RECORDED:
        assert getattr(a, field) == pytest.approx(getattr(b, field), rel=tolerance, abs=1e-12, nan_ok=True), field
