"""Relations that every bound keeps, whatever its formula. A bound is given as a function of (constants, eta, T, theta).

Each is a property for hypothesis that raises AssertionError with the example that breaks it: ``is_monotone(of(METHODS["sgd"]))``.

Its relative rounding error is some 1e-13; ``1e-12`` leaves room. ``(1-ημ)^T`` at ημ near 1 is ill-conditioned in ημ, but only by some
1e-16 absolutely: ``negligible`` is that part of the bound's first term at T = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.method import Method
from tsla.theory.testing.domain import FIELDS, changed, constants, for_all, positive, step_sizes, thetas

NEITHER = {"momentum": 0.0, "clip": 1e100, "steepest": 0.0}
BoundOf = Callable[[Constants, float, float, "float | None"], Bound]


def given_to(method: Method, k: Constants) -> tuple[Any, ...]:
    """What a method takes before the run: the constants that it needs.

    Where it tells bias from noise, half of ``δσ²`` is bias; where noise grows, ``A = L``.
    """
    needed = {name: getattr(k, name) for name in ("L", "sigma2", "F0", *method.needs.split()) if name in FIELDS}
    if method.grows:
        return Constants(**needed), Growth(A=k.L, B=0)
    if not method.splits:
        return (Constants(**needed),)
    with np.errstate(over="ignore"):
        half = k.need_delta("A3") * k.sigma2 / 2
    return Constants(**needed), SmoothingOracle(beta2=half, nu2=half)


def run_of(method: Method, eta: Any, T: Any, theta: Any) -> dict[str, Any]:
    """Its step sizes and lengths, the same in every stage, ``theta`` where it takes one; no momentum, and nothing is clipped."""
    numbers = {name: NEITHER.get(name, eta if name.startswith("eta") else T) for name in method.run.split()}
    return numbers | ({"theta": theta} if "theta" in method.optional.split() else {})


def call(method: Method, k: Constants, eta: Any, T: Any, theta: Any, what: Callable[..., Any] | None = None) -> Any:
    """Its bound, or ``what`` of it takes the same arguments."""
    return (what or method.bound)(*given_to(method, k), **run_of(method, eta, T, theta))


def of(method: Method) -> BoundOf:
    """Its bound as the relations below take it."""
    return lambda k, eta, T, theta: call(method, k, eta, T, theta)


def negligible(bound: BoundOf, k: Constants, eta: float) -> float:
    """1e-14 of what F0 contributes at T = 0 (C7, C15a, C19) or T = 1."""
    at_once = {"C7": k.F0, **dict.fromkeys(("C15a", "C19"), 2 * k.L * k.F0)}
    return 1e-14 * float(at_once.get(bound(k, eta, 1, None).claim, 2 * k.F0 / eta))


@for_all(st.data(), constants(), st.integers(1, 10**4), st.none() | thetas, st.floats(0.1, 10))
def scales_with_the_objective(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float | None, a: float) -> None:
    """F → aF: L, μ and F0, and so a bound on F, scale with a, squared gradients with a², the step size with 1/a."""
    eta = data.draw(step_sizes(float(k.L)))
    scaled = changed(k, L=a, mu=a, sigma2=a**2, F0=a)
    plain = bound(k, eta, T, theta)
    factor = a**2 if "∇F" in plain.quantity else a
    assert float(bound(scaled, eta / a, T, theta).total) == pytest.approx(
        factor * float(plain.total), rel=1e-12, abs=factor * negligible(bound, k, eta)
    )


@for_all(st.data(), constants(), st.integers(1, 10**4), st.none() | thetas, st.floats(1, 10))
def is_monotone(bound: BoundOf, data: st.DataObject, k: Constants, T: int, theta: float | None, factor: float) -> None:
    """More curvature, noise, bias or distance never lowers a bound; a larger μ or a longer run never raises it."""
    harder = data.draw(st.sampled_from([{"L": factor}, {"sigma2": factor}, {"delta": factor}, {"F0": factor}, {"mu": 1 / factor}]))
    eta = data.draw(step_sizes(float(k.L) * factor))
    value = float(bound(k, eta, T, theta).total)
    slack = negligible(bound, k, eta)
    assert float(bound(changed(k, **harder), eta, T, theta).total) >= value * (1 - 1e-12) - slack
    assert float(bound(k, eta, T + data.draw(st.integers(1, 10**4)), theta).total) <= value * (1 + 1e-12) + slack


@for_all(st.data(), constants(delta=positive(0.01, 10)), st.integers(1, 10**4), st.floats(0.1, 10))
def joins_at_the_ends_of_theta(bound: BoundOf, data: st.DataObject, k: Constants, T: int, factor: float) -> None:
    """Without smoothing, δ and ŷ don't matter; with nothing but smoothing, σ² matters only through δσ²."""
    eta = data.draw(step_sizes(float(k.L)))
    plain, other_label = bound(k, eta, T, 0.0), bound(changed(k, delta=factor), eta, T, 0.0)
    assert float(plain.total) == float(other_label.total)
    smoothed, same_product = bound(k, eta, T, 1.0), bound(changed(k, delta=factor, sigma2=1 / factor), eta, T, 1.0)
    assert float(smoothed.terms["smoothing"]) == pytest.approx(float(same_product.terms["smoothing"]), rel=1e-12)
    between = [float(bound(k, eta, T, theta).terms["smoothing"]) for theta in (0.0, 0.25, 0.5, 1.0)]
    assert between == pytest.approx([between[0] + t * (between[3] - between[0]) for t in (0, 0.25, 0.5, 1)], rel=1e-12)
