"""Whether two runs are the same to the last bit."""

from __future__ import annotations

from tsla.empirics.simulation.simulate import Trajectory


def assert_same_bits(a: Trajectory, b: Trajectory) -> None:
    for field in ("step", "grad2", "mean_grad2", "gap"):
        same = getattr(a, field).tobytes() == getattr(b, field).tobytes()  # apart: pytest takes minutes to tell how such bytes differ
        assert same, field
