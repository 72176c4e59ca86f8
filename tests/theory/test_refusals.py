"""Whatever argument is bad, the refusal names it and its value: every public function, every argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tsla.theory import annealing, biased, minibatch, sgd, shrinkage, smoothing, stall, variance, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants

ORACLE = SmoothingOracle(beta2=0.1, nu2=0.2, c=0.05)
VALID: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Constants": (Constants, {"L": 10, "sigma2": 1, "F0": 1, "delta": 0.1, "mu": 1}),
    "SmoothingOracle": (SmoothingOracle, {"beta2": 0.1, "nu2": 0.2, "c": 0.05}),
    "annealing.best_theta": (annealing.best_theta, {"sigma2": 1, "beta2": 0.1, "nu2": 0.2, "c": 0.05, "L": 10, "eta": 0.1}),
    "biased.noise": (lambda **k: biased.noise(oracle=ORACLE, **k), {"sigma2": 1, "theta": 0.5}),
    "minibatch.delta": (lambda **k: minibatch.delta(oracle=ORACLE, **k), {"sigma2": 1, "B": 4}),
    "minibatch.critical_batch_size": (lambda **k: minibatch.critical_batch_size(oracle=ORACLE, **k), {"sigma2": 1, "theta": 0.5}),
    "minibatch.critical_batch_size_for_step": (
        lambda **k: minibatch.critical_batch_size_for_step(oracle=ORACLE, **k),
        {"sigma2": 1, "theta": 0.5, "L": 10, "eta": 0.1},
    ),
    "sgd.descent": (sgd.descent, {"F": 1, "grad2": 1, "error2": 1, "L": 10, "eta": 0.1}),
    "shrinkage.second_moment": (shrinkage.second_moment, {"s2": 1, "grad2": 1, "theta": 0.5}),
    "shrinkage.beyond": (shrinkage.beyond, {"shat2": 1, "c": 0.1, "grad2": 1, "theta": 0.5}),
    "shrinkage.helps_beyond": (shrinkage.helps_beyond, {"s2": 1, "shat2": 1, "c": 0.1, "grad2": 1, "theta": 0.5}),
    "shrinkage.zero_vector_delta": (shrinkage.zero_vector_delta, {"s2": 1, "grad2": 1}),
    "smoothing.mix": (smoothing.mix, {"true": 1, "smoothing": 0.5, "theta": 0.5}),
    "smoothing.lemma": (smoothing.lemma, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "smoothing.lemma_at_paper_theta": (smoothing.lemma_at_paper_theta, {"sigma2": 1, "delta": 0.1}),
    "smoothing.second_moment": (smoothing.second_moment, {"s2": 1, "shat2": 1, "c": 0.1, "theta": 0.5}),
    "smoothing.best_theta": (smoothing.best_theta, {"s2": 1, "shat2": 1, "c": 0.1}),
    "stall.settled": (stall.settled, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "stall.settled_at_largest_step": (stall.settled_at_largest_step, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "variance.from_bounds": (variance.from_bounds, {"sigma2": 1, "delta": 0.1, "theta": 0.5}),
    "variance.from_moments": (variance.from_moments, {"s2": 1, "shat2": 1, "c": 0.1, "grad2": 1, "theta": 0.5}),
    "worst_case.sgd_bound": (
        lambda **k: worst_case.sgd_bound(Constants(L=10, sigma2=1, F0=1), **k),
        {"eta": 0.1, "T": 10},
    ),
}
ANY_SIGN = {"F", "c", "true", "smoothing"}
COUNTS = {"T"}
BAD: list[tuple[Any, str, Callable[[str], bool]]] = [
    ("many", "'many'", lambda argument: True),
    (float("inf"), "inf", lambda argument: True),
    (-1, "-1", lambda argument: argument not in ANY_SIGN),
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
    kind = "a whole number," if argument in COUNTS else "a finite number"
    assert str(refused.value).startswith(f"{argument} = {shown} must be {kind}")


def test_helping_beyond_shrinking_is_the_sign_of_what_is_left() -> None:
    for theta in (0.1, 0.3, 0.9, 1.0):
        for c in (-0.4, -0.04, 0.0, 0.03, 0.3):
            for grad2 in (0.1, 0.5, 2.0):
                helps = shrinkage.helps_beyond(1.0, 0.5, c, grad2, theta)
                assert bool(helps) == (float(shrinkage.beyond(0.5, c, grad2, theta)) < 0)
    assert not shrinkage.helps_beyond(1.0, 0.5, 0.0, 0.5, 0.5)  # neither helps nor harms


def test_from_bounds_says_at_which_strength() -> None:
    assert float(variance.from_bounds(sigma2=1, delta=0.1, theta=0.25).theta) == 0.25
    assert float(variance.from_bounds(sigma2=1, delta=0.25).theta) == 0.8


def test_equal_gradients_leave_nothing_to_smooth_at_any_scale() -> None:
    """``ĝ = g``: every θ gives the same direction. ``ĝ = g`` but for a part in a million: not quite."""
    for scale in (1e-12, 1.0, 1e12):
        assert float(smoothing.best_theta(scale, scale, scale)) == 0
        assert float(smoothing.best_theta(scale, scale, scale * (1 - 1e-6))) == pytest.approx(0.5)
