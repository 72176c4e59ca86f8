"""Problems of C12: constants, a smoothing oracle and a step size, and what a step along a biased direction makes of them at 50 digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.claims.support import quadratic
from tests.claims.support.counterexample import show
from tests.claims.support.quadratic import State
from tests.claims.support.recursions import Exact, exact, mp
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.testing.domain import between, constants, step_sizes


class Problem(NamedTuple):
    """``eta`` in (0, 1/L]."""

    k: Constants
    oracle: SmoothingOracle
    eta: float

    @property
    def scale(self) -> float:
        """``ηL``."""
        return self.eta * float(self.k.L)

    def noise(self, theta: float) -> Exact:
        """E‖(1-θ)ξ + θζ‖² for ξ along one axis and ζ in the plane, with the second moments given."""
        s2, nu2, c, t = map(exact, (self.k.sigma2, self.oracle.nu2, self.oracle.c, theta))
        if s2 == 0:
            return t**2 * nu2
        along = c / mp.sqrt(s2)
        return ((1 - t) * mp.sqrt(s2) + t * along) ** 2 + t**2 * (nu2 - along**2)

    def error2(self, theta: float) -> Exact:
        """What twice the lift of one step is over η: θ²β² + ηL N(θ)."""
        return exact(theta) ** 2 * exact(self.oracle.beta2) + exact(self.eta) * exact(self.k.L) * self.noise(theta)

    @property
    def cancelled(self) -> float:
        """Where c is negative N(θ) is small beside what it is computed from, and keeps 1e-15 of that."""
        return 1e-14 * self.scale * float(self.k.sigma2 + self.oracle.nu2)

    def bound(self, bound: Callable[..., Bound], T: float, theta: float | None = None) -> Bound:
        """What ``bound`` says here; should the property fail, the report has the command."""
        said = bound(self.k, self.oracle, eta=self.eta, T=T, theta=theta)
        mu = self.k.mu if said.quantity.startswith("E[F") else None
        show("bound lsr", self.k, **vars(self.oracle), mu=mu, eta=self.eta, T=T, theta=theta)
        return said

    def walk(self, state: State, etas: Iterable[float], theta: float) -> Iterator[State]:
        """On a quadratic, against ∇F + θb + noise: see :func:`quadratic.walk`."""
        return quadratic.walk(state, etas, bias=theta * np.sqrt(float(self.oracle.beta2)), noise=float(self.noise(theta)))


@st.composite
def problems(draw: st.DrawFn, *, noiseless: bool = True, **options: Any) -> Problem:
    """β², ν² and c in units of σ² or, without noise, of 1; c from one extreme of Cauchy-Schwarz to the other."""
    k = draw(constants(noiseless=noiseless, **options))
    unit = float(k.sigma2) or 1.0
    beta2, nu2 = (draw(between(1e-3, 10, 0.0)) * unit for _ in range(2))
    correlation = draw(between(-1, 1, -1.0, 0.0, 1.0))
    oracle = SmoothingOracle(beta2=beta2, nu2=nu2, c=correlation * np.sqrt(float(k.sigma2)) * np.sqrt(nu2))
    return Problem(k, oracle, draw(step_sizes(float(k.L))))
