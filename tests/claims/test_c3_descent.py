"""C3: one step along any direction, on smooth functions with negative curvature, held against the function values themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.marks import properties
from tsla.theory import sgd
from tsla.theory.constants import Array
from tsla.theory.testing.domain import for_all, positive, step_sizes
from tsla.theory.testing.planted import Rejects, assert_rejects

Descent = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Step:
    """A smooth function at w and at w - ηd, and what C3 is told about it."""

    before: float
    after: float
    gradient: Array
    direction: Array
    L: float
    eta: float

    def bound(self, descent: Descent) -> float:
        off = self.direction - self.gradient
        return float(descent(self.before, self.gradient @ self.gradient, off @ off, L=self.L, eta=self.eta))

    @property
    def rounding(self) -> float:
        off = self.direction - self.gradient
        return 1e-13 * (abs(self.before) + abs(self.after) + self.eta * float(self.gradient @ self.gradient + off @ off))


def quadratic(rng: np.random.Generator, d: int, L: float) -> tuple[Callable[[Array], float], Callable[[Array], Array]]:
    """w'Hw/2 with eigenvalues in [-L, L], one of them at an end."""
    basis = np.linalg.qr(rng.normal(size=(d, d)))[0]
    eigenvalues = L * np.append(rng.uniform(-1, 1, d - 1), rng.choice([-1.0, 1.0]))
    H = basis * eigenvalues @ basis.T
    return (lambda w: float(w @ H @ w) / 2), (lambda w: np.asarray(H @ w))


def waves(rng: np.random.Generator, d: int, L: float) -> tuple[Callable[[Array], float], Callable[[Array], Array]]:
    """Σ a_j sin(b_j·w + φ_j), scaled so that Σ |a_j|‖b_j‖² = L."""
    a, b, phase = rng.normal(size=5), rng.normal(size=(5, d)), rng.uniform(0, 2 * np.pi, 5)
    a *= L / (np.abs(a) @ (b**2).sum(axis=1))
    return (lambda w: float(a @ np.sin(b @ w + phase))), (lambda w: np.asarray((a * np.cos(b @ w + phase)) @ b))


@st.composite
def steps(draw: st.DrawFn, beyond: float = 1.0) -> Step:
    """``beyond``: the largest η L; C3 is told an L and an η that satisfy its premise in any case."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, L = draw(st.integers(1, 4)), draw(positive())
    value, slope = draw(st.sampled_from([quadratic, waves]))(rng, d, L)
    eta = beyond * draw(step_sizes(L))
    w = rng.normal(size=d)
    gradient = slope(w)
    anywhere = rng.normal(size=d) * draw(st.floats(0, 10)) * L
    direction = {"any": anywhere, "descent": gradient, "ascent": -gradient, "close": gradient + 0.01 * anywhere}[
        draw(st.sampled_from(["any", "descent", "ascent", "close"]))
    ]
    return Step(value(w), value(w - eta * direction), gradient, direction, L / beyond, eta)


def bounds_every_step(descent: Descent, beyond: float = 1.0) -> None:
    @given(steps(beyond))
    def check(step: Step) -> None:
        assert step.after <= step.bound(descent) + step.rounding

    check()


@for_all(positive(), st.floats(-10, 10), st.floats(-10, 10), st.floats(0.01, 1))
def is_attained(descent: Descent, L: float, w: float, push: float, fraction: float) -> None:
    """At η = 1/L along any direction on a quadratic of curvature L, and at any η by standing still."""
    gradient, direction = L * w, L * push
    after = L / 2 * (w - direction / L) ** 2
    full = float(descent(L / 2 * w**2, gradient**2, (direction - gradient) ** 2, L=L, eta=1 / L))
    assert full == pytest.approx(after, rel=1e-12, abs=1e-13 * L * (w**2 + push**2) + 1e-300)
    still = float(descent(L / 2 * w**2, gradient**2, gradient**2, L=L, eta=fraction / L))
    assert still == pytest.approx(L / 2 * w**2, rel=1e-12)


@pytest.mark.claim("C3", "property")
def test_steps_beyond_the_premise(evidence: Callable[..., None]) -> None:
    """Not only η = 1.5/L: a hundredth beyond 1/L is enough, and theory refuses it."""
    assert_rejects(lambda descent: bounds_every_step(descent, 1.01), sgd.descent)
    with pytest.raises(ValueError, match=r"eta = 0\.101 is larger than 1/L = 0\.1; C3 needs 0 < eta <= 1/L"):
        sgd.descent(1, 1, 1, L=10, eta=0.101)
    evidence("The inequality holds on random smooth functions. It fails at η = 1.01/L already.")


WRONG: dict[str, Descent] = {
    "half the error": lambda F, grad2, error2, L, eta: sgd.descent(F, grad2, error2 / 2, L=L, eta=eta),
    "full gradient": lambda F, grad2, error2, L, eta: F - eta * grad2 + eta / 2 * error2,
    "wrong sign": lambda F, grad2, error2, L, eta: F + eta / 2 * grad2 - eta / 2 * error2,
    "swapped": lambda F, grad2, error2, L, eta: sgd.descent(F, error2, grad2, L=L, eta=eta),
    "error to second order": lambda F, grad2, error2, L, eta: F - eta / 2 * grad2 + eta**2 * L / 2 * error2,
    "twice everything": lambda F, grad2, error2, L, eta: F - eta / 2 * grad2 + eta * error2,
}


test_descent = properties("C3", sgd.descent, {bounds_every_step: list(WRONG.values())[:5], is_attained: list(WRONG.values())[4:]})


@pytest.mark.claim("C3", "property", planted=True)
def test_a_step_beyond_the_premise_is_rejected(rejects: Rejects) -> None:
    rejects(lambda beyond: bounds_every_step(sgd.descent, beyond), right=1.0, wrong=1.5)
