"""Whatever argument is bad, the refusal names it and its value: every public function, every argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tsla.theory import clipping, sgd, sharp_exact, smoothing, stall, variance, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants, step_scale
from tsla.theory.moments import Moments
from tsla.theory.representable import UnrepresentableError

ORACLE = SmoothingOracle(beta2=0.1, nu2=0.2, c=0.05)
FOUND = ORACLE.moments(1)
VALID: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Constants": (Constants, {"L": 10, "sigma2": 1, "F0": 1, "delta": 0.1, "mu": 1}),
    "SmoothingOracle": (SmoothingOracle, {"beta2": 0.1, "nu2": 0.2, "c": 0.05}),
    "SmoothingOracle.moments": (ORACLE.moments, {"sigma2": 1}),
    "Moments.of": (Moments.of, {"s2": 1, "shat2": 1, "c": 0.1, "grad2": 1}),
    **{
        f"Moments.{of.__name__}": (of, {"theta": 0.5})
        for of in (FOUND.bias, FOUND.noise, FOUND.second_moment, FOUND.lemma, FOUND.sharp, FOUND.gain)
    },
    **{f"Moments.{of.__name__}": (of, {"theta": 0.5}) for of in (FOUND.beyond, FOUND.excess, FOUND.critical_batch_size)},
    **{f"Moments.{of.__name__}": (of, {"eta_L": 0.5}) for of in (FOUND.slope, FOUND.curvature, FOUND.theta_for_step)},
    "step_scale": (lambda **k: step_scale(**k, claim="C12"), {"L": 10, "eta": 0.1}),
    "clipping.standstill": (clipping.standstill, {"sigma2": 1, "clip": 2}),
    "clipping.progress": (clipping.progress, {"sigma2": 1, "clip": 2, "slope": 0.5}),
    "sgd.descent": (sgd.descent, {"F": 1, "grad2": 1, "error2": 1, "L": 10, "eta": 0.1}),
    "smoothing.mix": (smoothing.mix, {"true": 1, "smoothing": 0.5, "theta": 0.5}),
    "smoothing.lemma": (smoothing.lemma, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "smoothing.lemma_at_paper_theta": (smoothing.lemma_at_paper_theta, {"sigma2": 1, "delta": 0.1}),
    "smoothing.sharp": (smoothing.sharp, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "smoothing.sharp_at_paper_theta": (smoothing.sharp_at_paper_theta, {"sigma2": 1, "delta": 0.1}),
    "sharp_exact.bound": (partial(sharp_exact.bound, Constants(L=10, sigma2=1, F0=1, delta=0.1)), {"eta": 0.1, "T": 10, "theta": 0.5}),
    "stall.settled": (stall.settled, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "stall.settled_at_largest_step": (stall.settled_at_largest_step, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "variance.from_bounds": (variance.from_bounds, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "variance.from_moments": (variance.from_moments, {"s2": 1, "shat2": 1, "c": 0.1, "grad2": 1, "theta": 0.5}),
    "worst_case.sgd_bound": (partial(worst_case.sgd_bound, Constants(L=10, sigma2=1, F0=1)), {"eta": 0.1, "T": 10}),
}
BAD: list[tuple[Any, str, Callable[[str], bool]]] = [
    ("many", "'many'", lambda argument: True),
    (float("inf"), "inf", lambda argument: True),
    (float("nan"), "nan", lambda argument: True),
    (np.ma.array([1.0, 2.0], mask=[True, False]), "a masked array", lambda argument: True),
    (-1, "-1", lambda argument: argument not in ("F", "c", "true", "smoothing")),
    (1.5, "1.5", lambda argument: argument == "theta"),
]


@pytest.mark.parametrize(
    ("name", "argument", "bad", "shown"),
    [(name, argument, bad, text) for name, (_, valid) in VALID.items() for argument in valid for bad, text, of in BAD if of(argument)],
)
def test_what_is_no_such_number(name: str, argument: str, bad: Any, shown: str) -> None:
    function, valid = VALID[name]
    function(**valid)
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is what is tested
        function(**valid | {argument: bad})
    kind = "a whole number," if argument == "T" else "a finite number"
    assert str(refused.value).startswith(f"{argument} = {shown} must be {kind}")


def test_from_bounds_says_at_which_strength() -> None:
    assert float(variance.from_bounds(sigma2=1, delta=0.1, theta=0.25).theta) == 0.25
    assert float(variance.from_bounds(sigma2=1, delta=0.25).theta) == 0.8


def test_equal_gradients_leave_nothing_to_smooth_at_any_scale() -> None:
    """``ĝ = g``: every θ gives the same direction. ``ĝ = g`` but for a part in a million: not quite.

    ``ĝ`` a part in 10⁹ shorter or longer: what E‖g - ĝ‖² loses to rounding does not hide which one is better.
    """
    for scale in (1e-12, 1.0, 1e12):
        assert Moments.of(s2=scale, shat2=scale, c=scale).theta_star == 0
        assert Moments.of(s2=scale, shat2=scale, c=scale * (1 - 1e-6)).theta_star == pytest.approx(0.5)
        for length, best in ((1 - 1e-9, 1), (1 + 1e-9, 0)):
            assert Moments.of(s2=scale, shat2=scale * length**2, c=scale * length).theta_star == best


@pytest.mark.parametrize("of", [stall.settled, stall.settled_at_largest_step])
def test_the_stall_is_no_infinity_and_no_zero(of: Callable[..., Any]) -> None:
    assert of(1e-200, 1e-200) > 0
    with pytest.raises(UnrepresentableError, match=r"settled.* overflows float64"):
        of(1e300, 1e300, 1)
