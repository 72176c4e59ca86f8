"""C18, what it decides: the floor is attained for every T, TSLA's plan beside its rivals, and what no method can do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from tests.claims.support.marks import properties
from tests.conftest import ROOT
from tsla.empirics.experiments import dropping
from tsla.empirics.runs import records
from tsla.theory import lower_bound, sgd_pl, sharp_exact, sharp_pl
from tsla.theory.constants import Constants
from tsla.theory.plan import Plan
from tsla.theory.testing.domain import for_all, positive
from tsla.theory.testing.planted import Rejects
from tsla.theory.testing.wrong import stage_changed

AT_REST = 1e-12
"""F0: what is left of the exact form is its floor."""

# --- the floor of the exact form is attained for every T ---


@for_all(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.01, 1))
def is_never_left(bound: Callable[..., float], x: float, theta: float, delta: float) -> None:
    """On ``‖w‖²/2`` with g of noise across w, and ĝ of a bias along w and noise that goes with it: ‖∇F‖² is the same at every step."""

    def stays(angle: float) -> float:
        """The root of the exact form's equation at a split, ``D = 0``: the ‖∇F‖ that a step does not change."""
        beta, noise2 = _split(theta, delta, angle)
        part = (1 - x) * beta
        return float((part + np.sqrt(part**2 + (2 - x) * x * (beta**2 + noise2))) / (2 - x))

    found = minimize_scalar(lambda angle: -stays(angle), bounds=(0, np.pi / 2), method="bounded", options={"xatol": 1e-10})
    beta, noise2 = _split(theta, delta, found.x)
    w = np.array([stays(found.x), 0.0])
    sizes = []
    for sign in (1, -1, -1, 1, 1):
        along = w / np.linalg.norm(w)
        across = np.array([-along[1], along[0]])
        sizes.append(w @ w)
        w = w - x * (w - beta * along + sign * np.sqrt(noise2) * across)
    assert sizes == pytest.approx([bound(x, theta, delta)] * 5, rel=1e-7)


def _split(theta: float, delta: float, angle: float) -> tuple[float, float]:
    """β and N of a split of δσ², σ = 1, with noise that goes with g's."""
    return theta * np.sqrt(delta) * np.cos(angle), (1 - theta + theta * np.sqrt(delta) * np.sin(angle)) ** 2


def floor(x: float, theta: float, delta: float) -> float:
    k = Constants(L=1, sigma2=1, delta=delta, F0=AT_REST)
    return float(sharp_exact.bound(k, eta=x, T=1e3, theta=theta).total)


test_the_floor = properties(
    "C18",
    floor,
    {is_never_left: [lambda x, theta, delta: floor(x, theta, delta / 2), lambda x, theta, delta: floor(x, theta, delta) * (1 + 1e-5)]},
    found="The floor of the form of the bound that drops no term is attained for every T.",
)


# --- TSLA with W for V ---


@st.composite
def problems(draw: st.DrawFn) -> tuple[Constants, float]:
    """``2r >= (3+√3)/2``, and δ < 1 about e, ``1/r``, where W = ε², and the sliver below it."""
    r = draw(st.floats(1.1831, 3) | st.floats(1.1831, 1e3))
    delta = draw(st.floats(0.3, 1.2).map(lambda y: y / r) | st.floats(1e-3, 0.999))
    sigma2 = draw(positive())
    k = Constants(L=draw(st.floats(1, 1e3)), mu=1, sigma2=sigma2, delta=min(delta, 0.999), F0=draw(st.floats(1e-3, 1e9)))
    return k, float(np.sqrt(sigma2 / r))


@for_all(problems())
def is_nowhere_ahead(steps: Callable[..., Plan], problem: tuple[Constants, float]) -> None:
    """Of plain SGD in three phases, the same smoothed throughout, and TSLA's first stage that goes on. Two steps for the ceilings."""
    k, eps = problem
    plan, w = steps(k, eps=eps), float(k.delta * k.sigma2) / eps**2
    first = sharp_pl.tsla_steps(k, eps=eps).stages[0].steps
    alone = float(first) + np.ceil(2 * float(k.L / k.mu) * w / (1 - w)) if w < 1 else np.inf
    rivals = [float(rival(k, eps=eps).total) for rival in (sgd_pl.three_phase_steps, sharp_pl.never_dropped_steps)]
    assert min(alone, *rivals) <= float(plan.total) + 2


test_tsla_with_the_sharp_floor = properties(
    "C18",
    sharp_pl.tsla_steps,
    {is_nowhere_ahead: [stage_changed(sharp_pl.tsla_steps, 1, steps=0.5), stage_changed(sharp_pl.tsla_steps, 0, steps=0)]},
    found="With W in place of V, TSLA's plan takes nowhere fewer samples than the best of SGD and smoothing alone, for ε² ≤ 4σ²/(3+√3).",
)


@pytest.mark.claim("C18", "property")
def test_for_larger_targets_it_can_be_ahead() -> None:
    """``σ² = 0.75 ε²``, δ near 1: by less than 4/3."""
    k, eps = Constants(L=1e6, mu=1, sigma2=0.75, delta=0.99, F0=1e-9), 1.0
    w = 0.99 * 0.75
    rivals = [2e6 * w / (1 - w), *(float(rival(k, eps=eps).total) for rival in (sgd_pl.three_phase_steps, sharp_pl.never_dropped_steps))]
    found = float(sharp_pl.tsla_steps(k, eps=eps).total)
    assert found < min(rivals) < 4 / 3 * found


# --- the search over two stages ---

ARMS = ("plain", "smoothed", "dropped", "taken up")


def searched() -> pd.DataFrame:
    return records.read(ROOT / "records" / "dropping.parquet").table


def exchanged(one: str, other: str) -> Callable[[], pd.DataFrame]:
    """As if the search had taken the one for the other."""
    return lambda: searched().replace({"arm": {one: other, other: one}})


def dropping_is_nowhere_the_best(search: Callable[[], pd.DataFrame]) -> None:
    """Of the four arms; and no arm is below the search that has both θ free, but for what a search of more dimensions leaves."""
    found = search().pivot_table(index=["T", "kappa", "sigma2", "delta"], columns="arm", values="worst", dropna=False).dropna(how="all")
    assert len(found) == len(dropping.CONFIGS)
    others = found[[arm for arm in ARMS if arm != "dropped"]].min(axis=1)
    assert (found["dropped"] >= others * (1 - 1e-4)).all()
    assert (found["any"] <= found[list(ARMS)].min(axis=1) * (1 + 1e-3)).all()


test_the_search = properties(
    "C18",
    searched,
    {dropping_is_nowhere_the_best: [exchanged("dropped", "smoothed"), exchanged("any", "plain")]},
    found=f"Dropping smoothing after the first of two stages is best of four ways at none of {len(dropping.CONFIGS)} settings. "
    "Each was searched for its best step sizes and strengths, with T = 4 or 16.",
)


# --- what no method can do ---


@cache
def bayes_risk(T: int, spread: float) -> float:
    """Mean square of the best estimate of φ, of density ``cos²(πφ/2a)/a`` on ``|φ| <= a``, from T normal variables of mean φ."""
    phi = np.linspace(-spread, spread, 401)
    prior = np.cos(np.pi * phi / (2 * spread)) ** 2
    mean = np.linspace(-spread - 8, spread + 8, 801)
    weight = prior * np.exp(-T * (mean[:, None] - phi) ** 2 / 2)
    total, first, second = (weight @ phi**power for power in range(3))
    left = np.divide(first**2, total, out=np.zeros_like(total), where=total > 0)
    return float((second - left).sum() / total.sum())


def is_not_beaten(samples: Callable[..., float]) -> None:
    """Where the best method reaches ε² with T samples, the lower bound is at most T, whether δ or F0 is what limits φ."""
    for spread, T in ((2.0, 0), (2.0, 1), (2.0, 5), (0.5, 3), (5.0, 1), (5.0, 20)):
        for delta, F0 in ((spread**2, 1e3), (1e3, spread**2 / 2)):
            k = Constants(L=1, mu=1, sigma2=1, delta=delta, F0=F0)
            assert samples(k, eps=np.sqrt(bayes_risk(T, spread))) <= T + 1e-6


@pytest.mark.claim("C18", "property")
def test_the_best_method_is_not_below_the_lower_bound(evidence: Callable[..., None]) -> None:
    is_not_beaten(lower_bound.samples)
    evidence("No method gets by with fewer than σ²/ε² - π²/δ samples. The best method on an instance does not either.")


@pytest.mark.claim("C18", "property", planted=True)
@pytest.mark.parametrize("factor", [0.5, 0.9])
def test_a_larger_lower_bound_is_beaten(factor: float, rejects: Rejects) -> None:
    def larger(k: Constants, *, eps: float) -> float:
        return float(lower_bound.samples(Constants(L=k.L, sigma2=k.sigma2, delta=k.delta / factor, F0=k.F0 / factor), eps=eps))

    rejects(is_not_beaten, right=lower_bound.samples, wrong=larger)


@pytest.mark.claim("C18", "property")
def test_the_lower_bound_is_below_every_plan() -> None:
    """C15b, and the sharp plans with A4."""
    for delta in (1e-3, 0.03, 0.3, 0.9):
        for eps in (0.01, 0.1, 1.0):
            k = Constants(L=10, mu=1, sigma2=1, delta=delta, F0=1)
            least = float(lower_bound.samples(k, eps=eps))
            for plan in (sgd_pl.three_phase_steps, sharp_pl.never_dropped_steps, sharp_pl.tsla_steps):
                assert least <= float(plan(k, eps=eps).total)
