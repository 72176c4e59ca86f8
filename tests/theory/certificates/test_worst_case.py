"""The worst-case programs that take no time, solved here and now; the longer ones run with ``tsla certify``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations, product
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from PEPit import PEP

from tests.theory.certificates.committed import assert_recorded, recorded
from tsla.theory import sgd
from tsla.theory.bound import Bound
from tsla.theory.certificates import Certificate, groups
from tsla.theory.certificates.worst_case import (
    clipped,
    heavy_ball,
    inexact,
    last_iterate,
    one_step,
    scenario_tree,
    sgd_pl_last,
    stage_one,
    tsla_joined,
    two_oracles,
)
from tsla.theory.certificates.worst_case.engine import last, mean_squares, theorems
from tsla.theory.certificates.worst_case.engine.program import Setting, Worst, halved_noise, solve
from tsla.theory.certificates.worst_case.engine.trees import STRONGLY_CONVEX, run, with_minimum
from tsla.theory.certificates.worst_case.engine.trees import two_oracles as two_oracles_of
from tsla.theory.claims import BY_ID
from tsla.theory.constants import Constants
from tsla.theory.testing.planted import Rejects
from tsla.theory.worst_case import sgd_bound

MODULES = (clipped, heavy_ball, inexact, last_iterate, one_step, scenario_tree, sgd_pl_last, stage_one, tsla_joined, two_oracles)


@dataclass(frozen=True)
class Case:
    """A check at one setting; ``steps`` is the same for all settings of a check, because it goes into what paper_checks.md says."""

    claim: str
    check: Callable[..., Certificate]
    at: tuple[object, ...]
    steps: str
    planted: bool

    @property
    def id(self) -> str:
        return f"{self.claim} {self.check.__name__} at {', '.join(getattr(x, '__name__', str(x)) for x in self.at)}"


def exact(setting: Setting) -> Certificate:
    return scenario_tree.exact(setting, scenario_tree.sgd_worst(setting))


def baseline(setting: Setting) -> Certificate:
    return scenario_tree.baseline(setting, scenario_tree.sgd_worst(setting))


def one_step_of(setting: Setting) -> Certificate:
    return stage_one.one_step(replace(setting, T=1))


def cases(claim: str, check: Callable[..., Certificate], settings: Iterable[object], steps: str, *, planted: bool = True) -> list[Case]:
    return [Case(claim, check, at if isinstance(at, tuple) else (at,), steps, planted) for at in settings]


def short(settings: Iterable[Setting], most: int = 2) -> list[Setting]:
    return [setting for setting in settings if most >= setting.T]


SGD = short(scenario_tree.SGD)

CASES = [
    *cases("C3", one_step.given, one_step.GIVEN, "one step"),
    *cases("C3", one_step.anything, one_step.ANY, "one step"),
    *cases("C4", baseline, [setting for setting in SGD if setting.relative_step == 1], "η = 1/L, T ≤ 2"),
    *cases("C4", baseline, [setting for setting in SGD if setting.relative_step < 1], "η < 1/L, T ≤ 2", planted=False),
    *cases("C5", inexact.against_last, short(inexact.SETTINGS), "η = 1/L, T = 2"),
    *cases("C5", inexact.errors_in_the_mean, short(inexact.SETTINGS), "η = 1/L, T = 2"),
    *cases("C5", inexact.smaller_steps, short(inexact.SMALLER_STEPS), "η < 1/L, T = 2", planted=False),
    *cases("C5", scenario_tree.smoothed, short(scenario_tree.LSR)[1:], "η = 1/L, T = 2"),
    *cases("C7", one_step_of, stage_one.SETTINGS, "T ≤ 4", planted=False),
    *cases("C7", stage_one.stage, short(stage_one.SETTINGS), "T ≤ 4", planted=False),
    *cases("C7", stage_one.near, short(stage_one.NEAR, 4), "T ≤ 4"),
    *cases("C8", tsla_joined.joined, tsla_joined.SETTINGS[:1], "T1 ≤ 3, T2 ≤ 2", planted=False),
    *cases("C8", tsla_joined.near, tsla_joined.NEAR, "T1 ≤ 3, T2 ≤ 2"),
    *cases("C15", sgd_pl_last.last_iterate, sgd_pl_last.SETTINGS[:2], "C15a, T ≤ 2", planted=False),
    *cases("C15", sgd_pl_last.near, short(sgd_pl_last.NEAR), "C15a, T ≤ 2"),
    *cases("C19", last_iterate.smoothed, short(last_iterate.SETTINGS, 1), "T = 1", planted=False),
    *cases("C19", last_iterate.near, short(last_iterate.NEAR), "T = 2"),
    *cases("C21", heavy_ball.heavy_ball, heavy_ball.SETTINGS[:2], "T ≤ 2", planted=False),
    *cases("C21", heavy_ball.near, heavy_ball.NEAR[:1], "T = 2"),
    *cases("C22", clipped.bounded, short(clipped.SETTINGS, 1), "T = 1", planted=False),
    *cases("C22", clipped.near, short(clipped.NEAR, 1), "T = 1"),
    *cases("C22", clipped.free, short(clipped.FREE, 1)[:2], "without S, T = 1"),
    *cases("C22", clipped.progress, clipped.STILL, "the least progress of one step"),
    *cases("C22", clipped.descent, clipped.QUIET[:2], "without noise, ηL = 1, nothing clipped"),
    *cases("C22", clipped.descent, clipped.QUIET[2:], "without noise", planted=False),
    *cases("C16", exact, SGD, "SGD, T ≤ 2"),
    *cases("C16", inexact.against_infimum, short(inexact.SETTINGS), "LSR, with F* for the last F, T = 2"),
    *cases("C16", stage_one.floor, short(stage_one.FLOORS), "the floor of C7, T = 2"),
    *cases("C18", two_oracles.exact, two_oracles.ONE_STEP, "the form that drops no term, T = 1"),
    *cases("C18", two_oracles.exact, two_oracles.STANDSTILL[:1], "the form that drops no term, F0 → 0, T = 2"),
    *cases("C18", two_oracles.above, two_oracles.TWO_STEPS[:1], "the form that drops no term, η < 1/L, T = 2"),
    *cases("C18", two_oracles.by_mean_squares, product(two_oracles.TWO_STEPS[1:3], ("F(w_T)", "F*")), "the bound by mean squares, T = 2"),
]


def test_programs_of_every_module_are_solved_here() -> None:
    modules = {f"tsla.theory.certificates.{group}" for group in groups() if group.startswith("worst_case.")}
    assert modules <= {case.check.__module__ for case in CASES}


@cache
def solved(case: Case) -> Certificate:
    return case.check(*case.at)


def marked(cases: Iterable[Case], *, planted: bool) -> list[object]:
    return [pytest.param(case, id=case.id, marks=pytest.mark.claim(case.claim, "worst case", planted=planted)) for case in cases]


@pytest.mark.parametrize("case", marked(CASES, planted=False))
def test_the_worst_case_is_within_the_bound(case: Case, evidence: Callable[..., None]) -> None:
    certificate = solved(case)
    assert certificate.holds
    assert certificate.claim == case.claim
    assert certificate.reason == ""
    assert_recorded([certificate])
    relation = {"tight": "equals the bound to 1e-6", "upper": "is at most the bound", "lower": "is at least the bound"}[
        certificate.guarantee
    ]
    evidence(f"Solved anew, the worst case {relation} ({case.steps}).")


@pytest.mark.parametrize("case", marked([case for case in CASES if case.planted], planted=True))
def test_a_worst_case_exceeds_wrong_versions_of_the_bound(case: Case, certified: Callable[[Certificate], None]) -> None:
    certified(solved(case))


@cache
def tree_by_hand(setting: Setting, theta: float = 0) -> float:
    """Two steps with two outcomes each, without PEPit: points in heap order, the conditions for smoothness in another form."""
    L, eta, k, size = setting.smoothness, setting.eta, setting.k, 16 if theta else 10
    unit = np.eye(size)
    gradient, noise, error = unit[:7], unit[7:10], unit[10:]
    w = np.zeros((7, size))
    for child in range(1, 7):
        parent = (child - 1) // 2
        plain = gradient[parent] + (1 - theta) * (-1) ** child * noise[parent]
        w[child] = w[parent] - eta * (plain + theta * error[child - 1] if theta else plain)
    gram, value = cp.Variable((size, size), PSD=True), cp.Variable(7)

    def sums(forms: Iterable[Iterable[tuple[np.ndarray, np.ndarray]]]) -> cp.Expression:
        """Of each form, the sum of its inner products."""
        return np.array([sum(np.outer(a, b).ravel() for a, b in form) for form in forms]) @ cp.vec(gram, order="C")

    conditions = [sums([(e, e)] for e in noise) <= float(k.sigma2), value[0] - cp.sum(value[3:]) / 4 <= float(k.F0), value[0] == 0]
    if theta:
        conditions.append(sums([(a, a), (b, b)] for a, b in zip(error[::2], error[1::2], strict=True)) <= 2 * float(k.sigma2 * k.delta))
    i, j = np.array(list(permutations(range(7), 2))).T
    step, change = w[i] - w[j], gradient[i] - gradient[j]
    # Taylor, Hendrickx and Glineur 2017, theorem 6, at curvatures from -L to L
    bends = ([(g, s), (c, c / (4 * L)), (-L / 4 * s, s), (c / 2, s)] for g, s, c in zip(gradient[j], step, change, strict=True))
    conditions.append(value[i] - value[j] >= sums(bends))
    mean = cp.sum(sums([[(gradient[0], gradient[0] / 2), *((g / 4, g) for g in gradient[1:3])]]))
    return float(cp.Problem(cp.Maximize(mean), conditions).solve(solver="CLARABEL", tol_feas=1e-7, tol_gap_abs=1e-7, tol_gap_rel=1e-7))


def agrees_with_a_program_by_hand(bound: Callable[..., Bound]) -> None:
    for setting in (s for s in scenario_tree.SGD if s.T == 2):
        by_hand = tree_by_hand(setting)
        assert by_hand == pytest.approx(scenario_tree.sgd_worst(setting).upper, rel=1e-5)
        assert by_hand == pytest.approx(float(bound(setting.k, eta=setting.eta, T=2).total), rel=1e-5)


@pytest.mark.claim("C16", "worst case")
def test_a_program_by_hand(evidence: Callable[..., None]) -> None:
    agrees_with_a_program_by_hand(sgd_bound)
    evidence("A second program, written by hand, finds the same worst case to 1e-5 (T = 2).")


@pytest.mark.claim("C16", "worst case", planted=True)
def test_the_program_by_hand_rejects_what_is_not_exact(rejects: Rejects) -> None:
    rejects(agrees_with_a_program_by_hand, right=sgd_bound, wrong=sgd.bound)


def agrees_with_two_oracles_by_hand(bound: Callable[[two_oracles.Smoothed], float]) -> None:
    for setting in two_oracles.TWO_STEPS[1:3]:
        by_hand = tree_by_hand(setting, setting.theta)
        assert by_hand == pytest.approx(two_oracles.find(setting).upper, rel=1e-5)
        assert by_hand == pytest.approx(bound(setting), rel=1e-5)


@pytest.mark.claim("C18", "worst case")
def test_two_oracles_by_hand(evidence: Callable[..., None]) -> None:
    agrees_with_two_oracles_by_hand(two_oracles.mean_square)
    evidence("A second program with both oracles, written by hand, finds the same worst case to 1e-5 (T = 2).")


@pytest.mark.claim("C18", "worst case", planted=True)
def test_the_exact_form_is_not_the_worst_case_of_two_steps(rejects: Rejects) -> None:
    rejects(agrees_with_two_oracles_by_hand, right=two_oracles.mean_square, wrong=two_oracles.formula)


@cache
def second_iterate(k: Constants) -> float:
    """The largest ``E‖∇F(w_1)‖²`` over strongly convex F, which have A4, of smoothing with ``ηL = 0.8``, ``θ = 0.5`` and both oracles."""
    problem = PEP()
    F, start = with_minimum(problem, STRONGLY_CONVEX, float(k.L), float(k.need_mu("C18")))
    outcomes = two_oracles_of(problem, float(k.sigma2), float(k.need_delta("C18")), 0.5)
    levels = run(F, [start], outcomes, 0.8 / float(k.L), 1)
    problem.set_initial_condition(levels[0].value <= float(k.F0))
    problem.set_performance_metric(levels[1].gradient2)
    return solve(problem).lower


def is_not_exceeded(worst: Callable[..., float]) -> None:
    for mu in (0.5, 0.9):
        k = Constants(L=1, mu=mu, sigma2=0.5, delta=0.5, F0=0.2)
        assert second_iterate(k) <= worst(k, [mean_squares.Step(0.8, 0.5)] * 2, counted=1, pl=True) * (1 + 1e-6)


@pytest.mark.claim("C18", "worst case")
def test_mean_squares_with_a4() -> None:
    is_not_exceeded(mean_squares.worst)


@pytest.mark.claim("C18", "worst case", planted=True)
def test_mean_squares_with_a4_and_half_the_noise_are_exceeded(rejects: Rejects) -> None:
    def half(k: Constants, steps: list[mean_squares.Step], **named: Any) -> float:
        return mean_squares.worst(halved_noise(k), steps, **named)

    rejects(is_not_exceeded, right=mean_squares.worst, wrong=half)


@pytest.mark.claim("C18", "worst case")
def test_the_exact_form_of_two_steps_is_less_than_one_per_cent_too_large(evidence: Callable[..., None]) -> None:
    too_large = [1 - two_oracles.mean_square(setting) / two_oracles.formula(setting) for setting in two_oracles.TWO_STEPS]
    assert 5e-4 < min(too_large) < max(too_large) < 7e-3
    evidence(
        f"The form of the bound that drops no term is {100 * min(too_large):.2g} to {100 * max(too_large):.2g} % above the worst case "
        "(T = 2, η < 1/L)."
    )


def test_certificates_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (*(module for module in MODULES if hasattr(module, "solve")), last, theorems):
        monkeypatch.setattr(module, "solve", lambda _: Worst(1, 1))
    monkeypatch.setattr(clipped, "worst", lambda _: Worst(1, 1))  # it would search
    found = [certificate for module in MODULES for certificate in module.certificates()]
    assert len({(c.claim, c.name) for c in found}) == len(found)
    assert {c.kind for c in found} == {"worst case"}
    assert {c.claim for c in found} <= set(BY_ID)
    assert {(c.claim, c.name) for c in found} == recorded("worst case")
