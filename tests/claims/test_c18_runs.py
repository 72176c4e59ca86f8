"""C18 by runs: none exceeds the bound, however δσ² is split into bias and noise, and half of the bound is refuted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.planned import constants_of
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.statistics.betting import p_values
from tsla.theory import sharp
from tsla.theory.plan import Stage
from tsla.theory.testing.planted import Rejects

SIGMA2, DELTA, X, T = 4.0, 0.2, 0.5, 500
"""``X = ηL``."""
SHARES = (0.0, 0.5, 1.0)
"""Of ``δσ²``, which are bias. What is left is noise that goes with that of g as far as it can."""
PROBLEMS = ("quadratic", "sine_valley")
LEVEL = 0.001


def is_not_exceeded(part: float) -> None:
    """At the best strength θ°, by 200 runs for each problem and split; the level is Bonferroni's over all of them."""
    y = X / (1 - X)
    theta = y / (DELTA + y)
    for name in PROBLEMS:
        problem = problems.get(name, dimension=2)
        eta = X / problem.L
        stage = Stage(np.asarray(eta), np.asarray(theta), np.asarray(float(T)))
        for share in SHARES:
            nu2 = (1 - share) * DELTA * SIGMA2
            oracle = Oracle(sigma2=SIGMA2, beta2=share * DELTA * SIGMA2, nu2=nu2, c=float(np.sqrt(SIGMA2 * nu2)))
            run = simulate(problem, oracle, [stage], replicas=200, seed=0)
            said = float(sharp.bound(constants_of(problem, oracle), eta=eta, T=T, theta=theta).total)
            assert float(p_values(run.mean_grad2[-1], part * said)) >= LEVEL / (len(PROBLEMS) * len(SHARES))


@pytest.mark.claim("C18", "Monte Carlo")
def test_no_run_exceeds_the_bound(evidence: Callable[..., None]) -> None:
    is_not_exceeded(1.0)
    evidence(
        f"Runs on {len(PROBLEMS)} problems, with {len(SHARES)} splits of δσ² into bias and noise, exceed the bound nowhere. "
        "They refute a bound half as large."
    )


@pytest.mark.claim("C18", "Monte Carlo", planted=True)
def test_half_of_it_is_refuted(rejects: Rejects) -> None:
    rejects(is_not_exceeded, right=1.0, wrong=0.5)
