"""What a solved program says of a bound, and what one says that is not solved."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from PEPit import PEP

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.worst_case.engine.program import ASKS, Ask, Worst, Wrong, between, lower, solve, tight, upper


@pytest.mark.parametrize("judge", [tight, upper, lower], ids=("tight", "upper", "lower"))
def test_judging(judge: Callable[..., Certificate]) -> None:
    found = Worst(1, 1 + 1e-9)
    assert judge("C4", "name", "statement", found, 1).holds
    assert judge("C4", "name", "statement", found, 1 - 1e-5).holds == (judge is lower)
    assert judge("C4", "name", "statement", found, 1 + 1e-5).holds == (judge is upper)
    for apart in (Worst(0.9, 1), Worst(1, 1.1)):  # one side of it is no proof that the two meet
        assert judge("C4", "name", "statement", apart, 1).holds == (judge is (upper if apart.upper == 1 else lower))
    assert not Wrong(Worst(0.9, 1.1), 1).rejected  # what no instance exceeds is no instance
    assert not Wrong(found, 1).rejected
    assert not Wrong(found, 1 - 1e-9).rejected
    for bound, by in ((1e-5, (tight, upper, lower)), (1.1e-5, (upper,)), (0.9e-5, (lower,))):  # to 1e-6 of a small bound
        assert judge("C4", "name", "statement", Worst(1e-5, 1e-5), bound).holds == (judge in by)
    assert Wrong(found, 1 - 1e-5).rejected


def square(*, bounded: bool = True, possible: bool = True) -> PEP:
    """The largest ``‖x‖²``, of which ``‖x‖² <= 1`` is asked, and, to make it impossible, ``‖x‖² <= -1``."""
    problem = PEP()
    size = problem.set_initial_point() ** 2
    if bounded:
        problem.set_initial_condition(size <= (1 if possible else -1))
    problem.set_performance_metric(size)
    return problem


UNSOLVED = [
    pytest.param({"bounded": False}, ASKS, "not solved: Clarabel's status is 'unbounded'", id="unbounded"),
    pytest.param({"possible": False}, ASKS, "not solved: Clarabel's status is 'infeasible'", id="impossible"),
    pytest.param({}, [{"max_iter": 1}], "not solved: Clarabel's status is 'user_limit'", id="out of steps"),
    pytest.param({}, [{"no_such_option": 1}], "not solved: TypeError: ", id="error of the solver"),
]


@pytest.mark.parametrize(("kind", "asks", "reason"), UNSOLVED)
def test_a_program_that_is_not_solved_is_a_row_and_rejects_nothing(kind: dict[str, bool], asks: list[Ask], reason: str) -> None:
    solved, unsolved = solve(square()), solve(square(**kind), asks)
    for judge in (tight, upper, lower):
        certificate = judge("C4", "name", "statement", unsolved, 2.0)
        assert not certificate.holds
        assert certificate.value is None
        assert certificate.reason.startswith(reason)
    certificate = upper("C4", "name", "statement", solved, 1.0, [Wrong(solved, 0.5), Wrong(unsolved, 0.5)])
    assert certificate.holds
    assert certificate.failed
    assert (certificate.rejected, certificate.planted) == (1, 2)
    assert certificate.reason.startswith(f"a wrong version, 0.5, is not rejected: {reason}")


def test_why_a_worst_case_is_not_as_stated() -> None:
    certificate = tight("C4", "name", "statement", Worst(1, 1), 2, [Wrong(Worst(1, 1), 3)])
    why = ["the worst case, between 1 and 1, is not as stated", "a wrong version, 3, is not rejected: the worst case is 1"]
    assert certificate.reason.split("; ") == why


def test_a_program_whose_sides_do_not_meet_is_not_solved() -> None:
    apart = Mock(solve=lambda **_: 1.01, objective=Mock(eval=lambda: 1.0), wrapper=Mock(prob=Mock(status="optimal")))
    assert solve(apart).reason == "not solved: primal 1 and dual 1.01 are further apart than 1e-06"


def test_between_an_instance_and_a_relaxation_both_are_solved() -> None:
    reasons = ("", "no instance"), ("no relaxation", "")
    assert [between(Worst(1, 1, one), Worst(2, 2, other)).reason for one, other in reasons] == ["no instance", "no relaxation"]


def test_the_solver_is_asked_again() -> None:
    assert solve(square(), [{"max_iter": 1}, *ASKS]) == solve(square())


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_each_way_of_asking_solves_it(ask: Ask) -> None:
    worst = solve(square(), [ask])
    assert (worst.lower, worst.upper) == pytest.approx((1, 1), rel=1e-6)


FLAGS = Path("/proc/cpuinfo").read_text(encoding="utf-8").split() if Path("/proc/cpuinfo").exists() else []
KERNELS = [kernel for kernel, flag in (("Haswell", "avx2"), ("SkylakeX", "avx512f")) if flag in FLAGS]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_degenerate_program_is_solved_by_the_kernels_of_this_processor(kernel: str) -> None:
    """The one that Clarabel does not solve when it is first asked with kernels for AVX-512. Its worst case is the floor."""
    code = "from tsla.theory.certificates.worst_case.stage_one import *; print(find(NEAR[1], STRONGLY_CONVEX))"
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_L2_SIZE"} | {"OPENBLAS_CORETYPE": kernel}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    found = eval(done.stdout, {"Worst": Worst, "nan": float("nan")})  # noqa: S307 - the repr of a Worst
    assert found.reason == ""
    assert (found.lower, found.upper) == pytest.approx((0.2, 0.2), rel=1e-6)
