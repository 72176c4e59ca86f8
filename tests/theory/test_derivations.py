"""Every number of a derivation, recomputed at 50 digits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.recursions import exact, mp, smoothed_error2
from tests.claims.support.refusals import refuses
from tests.theory.obligations.common import named
from tsla.theory import biased, last_iterate, lsr, sgd, sgd_pl, sharp, sharp_exact, sharp_pl, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.testing.domain import between, constants, costly, step_sizes, thetas
from tsla.theory.testing.planted import tells_apart
from tsla.theory.testing.relations import call, given_to, run_of

Case = tuple[tuple[Any, ...], dict[str, Any]]


@st.composite
def cases(draw: st.DrawFn, method: Method) -> Case:
    """The constants, the oracle where it has one, and the run of a call."""
    k = draw(constants(delta=between(1e-3, 10, 0.0)))
    eta, theta = draw(step_sizes(float(k.L))), draw(st.none() | thetas)
    run = run_of(method, eta, draw(st.integers(1, 10**6)), theta)
    if "eta2" in run:
        run |= {"T1": draw(st.integers(0, 1000)), "eta2": draw(step_sizes(float(k.L)))}
    known, *oracle = given_to(method, k)
    return (known, *([SmoothingOracle(beta2=draw(st.floats(0, 10)), nu2=draw(st.floats(0, 10)))] if oracle else [])), run


def recomputed(method: Method, given_: tuple[Any, ...], run: dict[str, Any]) -> list[Any]:
    """The numbers in the order in which they are said."""
    k, claim = given_[0], method.claim
    L, sigma2, F0 = map(exact, (k.L, k.sigma2, k.F0))
    mu = None if k.mu is None else exact(k.mu)
    eta, T, eta1, T1, eta2, T2 = (exact(run.get(name, 1)) for name in ("eta", "T", "eta1", "T1", "eta2", "T2"))
    if claim == "C4":
        lift = eta**2 * L * sigma2 / 2
        return [eta, L, eta * L, lift, T, F0, T * lift, eta * T / 2, 2 * F0 / (eta * T), eta * L * sigma2]
    if claim == "C16":
        total = 2 * F0 / (eta * T) + eta * L * sigma2
        return [2 - eta * L, T, total, total / (2 - eta * L)]
    if claim == "C15a":
        kept = (1 - eta * mu) ** T
        gap = [kept * F0, eta * L * sigma2 / (2 * mu)]
        return [eta * L, mu, T, kept, *gap, *(2 * L * part for part in gap)]
    if len(given_) > 1:
        lines = _of_biased(given_[1], L, sigma2, F0, mu, eta, T, run["theta"])
        return lines if claim == "C12" else [*lines, *(2 * L * part for part in lines[-2:])]
    if claim == "C18" or method is last_iterate.SHARP:
        return _of_worst_split(method, k, L, sigma2, F0, mu, (eta, T, eta1, T1, eta2, T2), run["theta"])
    t = 1 / (1 + exact(k.delta)) if run["theta"] is None else exact(run["theta"])
    V = smoothed_error2(k, run["theta"])
    if claim == "C5":
        plain, smoothed = (1 - t) * sigma2, t * exact(k.delta) * sigma2
        return [t, plain, smoothed, V, eta * L, T, F0, T * eta / 2 * V, eta * T / 2, 2 * F0 / (eta * T), V, V]
    if claim == "C19":
        kept = (1 - eta * mu) ** T
        gap = [kept * F0, V / (2 * mu)]
        return [t, V, eta * L, T, kept, *gap, *(2 * L * part for part in gap)]
    kept, floor = (1 - eta1 * mu) ** T1, V / (2 * mu)
    gap = kept * F0 + floor
    stage_one = [t, V, eta1 * L, 1 - eta1 * mu, T1, kept, kept * F0, floor, gap]
    return [*stage_one, eta2 * L, eta2 * T2, 2 * gap / (eta2 * T2), eta2 * L * sigma2]


def _of_biased(oracle: SmoothingOracle, L: Any, sigma2: Any, F0: Any, mu: Any, eta: Any, T: Any, theta: float | None) -> list[Any]:
    beta2, nu2 = exact(oracle.beta2), exact(oracle.nu2)
    scale, curvature = eta * L * sigma2, beta2 + eta * L * (sigma2 + nu2)
    t = exact(theta) if theta is not None else scale / curvature if curvature > 0 else exact(0)
    bias, N = t**2 * beta2, (1 - t) ** 2 * sigma2 + t**2 * nu2
    floor = bias + eta * L * N
    lines = [t, bias, N, eta * L, bias, eta * L * N, floor]
    if mu is None:
        return [*lines, T, 2 * F0 / (eta * T), floor]
    kept = (1 - eta * mu) ** T
    return [*lines, mu, floor, T, kept, kept * F0, floor / (2 * mu)]


def _of_worst_split(method: Method, k: Constants, L: Any, sigma2: Any, F0: Any, mu: Any, run: tuple[Any, ...], theta: Any) -> list[Any]:
    eta, T, eta1, T1, eta2, T2 = run
    step, steps = (eta1, T1) if method.name == "tsla-sharp" else (eta, T)
    delta, x, start = exact(k.delta), step * L, 2 * F0 / (step * steps) if steps > 0 else exact(0)
    y = x / (1 - x) if x < 1 else mp.inf
    if theta is not None:
        t = exact(theta)
    elif delta >= 1:
        t = exact(0)
    else:
        t = x / (delta * (1 - x) + x)
    a, q = (1 - t) * mp.sqrt(sigma2), t * mp.sqrt(delta * sigma2)
    noise = min(y * a, q) if a > 0 else exact(0)
    if method.name == "lsr-exact":
        C, rest, keep = start + x * (a**2 + q**2), 1 - x, 2 - x
        root = mp.sqrt(keep * C * rest**2 + q**2 * rest**4 + keep**2 * x**2 * a**2)
        return [t, x, delta * sigma2, T, start, C, root, (keep * C + 2 * q**2 * rest**2) / keep**2, 2 * q * root / keep**2]
    bias2, noise2 = q**2 - noise**2, x * (a + noise) ** 2
    W = bias2 + noise2
    lines = [t, delta * sigma2, x, noise, bias2, noise2, W]
    if mu is None:
        return [*lines, T, eta * T / 2, start, W]
    kept = (1 - step * mu) ** steps
    gap = [kept * F0, W / (2 * mu)]
    lines += [mu, W, steps, kept, *gap]
    if method is last_iterate.SHARP:
        return [*lines, *(2 * L * part for part in gap)]
    return lines if method.name == "lsr-sharp" else [*lines, eta2 * L, eta2 * T2, 2 * sum(gap) / (eta2 * T2), eta2 * L * sigma2]


METHODS = [sgd.METHOD, worst_case.SGD, lsr.METHOD, biased.MEAN, biased.GAP, two_stage.METHOD, sgd_pl.LAST_ITERATE]
METHODS += [last_iterate.METHOD, last_iterate.SPLIT, last_iterate.SHARP]
METHODS += [sharp.METHOD, sharp_exact.METHOD, sharp_pl.GAP, sharp_pl.TSLA]
"""Those whose numbers are recomputed here; that it arrives at the bound is an obligation of every derivation."""


def numbers_are_right(method: Method) -> None:
    @costly(2)
    @given(cases(method))
    def check(case: Case) -> None:
        given_, run = case
        said = [number for line in method.why(*given_, **run) for number in line.numbers]
        k = given_[0]
        tolerance = 1e-15 + 1e-14 * float(k.F0) / min(run.get("eta2", 1.0), 1.0)  # 1-ημ keeps an absolute error of 1e-16
        if method is sharp_exact.METHOD and run["theta"] is None:
            run["theta"] = said[0]  # of which the bound is the least there
        expected = recomputed(method, given_, run)
        assert said == [pytest.approx(float(number), rel=1e-11, abs=tolerance * max(1, float(k.L))) for number in expected]

    check()


@pytest.mark.parametrize("method", METHODS, ids=named)
def test_every_number(method: Method) -> None:
    numbers_are_right(method)


SMALL = Constants(L=1, mu=1, sigma2=1, F0=1e-14, delta=1e-14)


@pytest.mark.parametrize(
    ("method", "run"),
    [(lsr.METHOD, {"eta": 1, "T": 100}), (two_stage.METHOD, {"eta1": 1, "T1": 1, "eta2": 1e-14, "T2": 10**14})],
    ids=["C5", "C8"],
)
def test_every_digit_at_small_delta(method: Method, run: dict[str, float]) -> None:
    """2δσ²/(1+δ) = 2e-14 beside what is as small."""
    *_, last = [line for line in method.why(SMALL, **run) if "=" in line.text]
    assert sum(last.numbers[-2:]) == pytest.approx(float(method.bound(SMALL, **run).total), rel=1e-5, abs=0)


@pytest.mark.parametrize("method", [lsr.METHOD, biased.MEAN], ids=named)
def test_who_chose_theta(method: Method) -> None:
    for theta, says in ((None, ("paper's choice", "which minimises")), (0.5, ("θ = 0.5 (as given)",))):
        line = str(call(method, Constants(L=10, sigma2=1, F0=1, delta=0.1), 0.1, 5, theta, method.why)[0])
        assert any(words in line for words in says)
        assert ("as given" in line) == (theta is not None)


def test_numbers_are_said_to_six_digits() -> None:
    assert str(sgd.why(Constants(L=3, sigma2=1, F0=1), eta=1 / 3, T=7)[-1]).endswith("= 0.857143 + 1")


def test_a_number_that_is_not_finite_is_refused() -> None:
    refuses(lambda: Line("{}", 1.0, np.inf), "a number of the derivation overflows float64 for these constants; rescale F")


# --- planted errors


@pytest.mark.parametrize(
    ("method", "index"),
    [*zip(METHODS, (9, 2, 7, 5, 9, 8, 3, 1, 12, 6, 5, 6, 6, 12), strict=True)],
    ids=map(named, METHODS),
)
def test_a_wrong_number_is_found(method: Method, index: int) -> None:
    def with_a_wrong_number(*given_: Any, **run: Any) -> list[Line]:
        lines, left = method.why(*given_, **run), index
        for i, line in enumerate(lines):
            if 0 <= left < len(line.numbers):
                numbers = [number * (1.001 if j == left else 1) for j, number in enumerate(line.numbers)]
                lines[i] = Line(line.text, *numbers)
            left -= len(line.numbers)
        return lines

    tells_apart(numbers_are_right, right=method, wrong=replace(method, why=with_a_wrong_number))
