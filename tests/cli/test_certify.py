"""``tsla certify`` in a copy of the package that has few certificates: when all is well, and with a module of ones that fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tsla
from tests.cli.support import as_json
from tests.theory.certificates.committed import assert_recorded
from tsla.figures import certified
from tsla.theory.certificates import groups

ONE_STEP = "C3 6 tight of 6 9 of 9"
FAILING = """
import z3
from PEPit import PEP

from tsla.theory.certificates.algebra.engine.obligation import Obligation
from tsla.theory.certificates.worst_case.engine.program import Wrong, solve, upper


def square(*sizes):
    problem = PEP()
    x2 = problem.set_initial_point() ** 2
    for size in sizes:
        problem.set_initial_condition(x2 <= size)
    problem.set_performance_metric(x2)
    return problem


def certificates():
    x = z3.Real("x")
    out_of_steps = [{"max_iter": 1}]
    yield upper("C4", "unbounded", "x² ≤ 1", solve(square()), 1)
    yield upper("C4", "out of steps", "x² ≤ 1", solve(square(1), out_of_steps), 1)
    yield upper("C4", "a survivor", "x² ≤ 1", solve(square(1)), 1, [Wrong(solve(square(1), out_of_steps), 0.5)])
    yield upper("C4", "all is well", "x² ≤ 1", solve(square(1)), 1, [Wrong(solve(square(1)), 0.5)])
    yield Obligation(
        claim="C5", name="undecided", statement="x² ≥ 0", hypotheses={}, conclusion=x * x * x * x >= 0, mutants={}, budget=1
    ).certificate()
    raise AssertionError("broken\\nin two lines")
"""
OUT_OF_STEPS = "not solved: Clarabel's status is 'user_limit'"
FAILURES = [
    "C4 worst case, unbounded: does not hold: not solved: Clarabel's status is 'unbounded'",
    f"C4 worst case, out of steps: does not hold: {OUT_OF_STEPS}",
    f"C4 worst case, a survivor: wrong versions survive: a wrong version, 0.5, is not rejected: {OUT_OF_STEPS}",
    "C5 algebra, undecided: does not hold: z3 does not decide it within 1 steps: max. resource limit exceeded",
    "worst case, worst_case.failing: does not hold: AssertionError: broken",
]


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder one with a package ``tsla`` whose certificates are those of some groups."""

    def make(*kept: str) -> Path:
        shutil.copytree(Path(tsla.__file__).parent, tmp_path / "tsla", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / "records").mkdir()
        for group in set(groups()) - set(kept):
            module_of(tmp_path, group).unlink()
        return tmp_path

    return make


def module_of(folder: Path, group: str) -> Path:
    return folder / "tsla" / "theory" / "certificates" / f"{group.replace('.', '/')}.py"


def certify(folder: Path, *options: str) -> tuple[int, list[str]]:
    """The exit code, and the lines on standard output."""
    command = [sys.executable, "-m", "tsla", "certify", *options]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert "Traceback" not in done.stderr
    return done.returncode, [line.strip() for line in done.stdout.splitlines()]


def test_certify_says_what_the_certificates_say(copy: Callable[..., Path]) -> None:
    folder = copy("worst_case.one_step")
    code, lines = certify(folder, "--json")
    assert code == 0
    said = as_json("\n".join([*lines, ""]))
    found = certified.read(folder / "records" / "certificates.parquet")
    assert (said["failed"], len(said["certificates"])) == (0, len(found))
    assert [row["statement"] for row in said["certificates"]] == [certificate.statement for certificate in found]
    assert not any(certificate.reason for certificate in found)
    assert_recorded(found)


def test_a_certificate_that_fails_is_a_row_with_its_reason_and_ends_in_1(copy: Callable[..., Path]) -> None:
    folder = copy("algebra.variance_lemma", "rounding.values", "worst_case.one_step")
    module_of(folder, "worst_case.failing").write_text(FAILING, encoding="utf-8")
    code, (path, head, *lines) = certify(folder)
    assert (code, path, head.split("  ")[0]) == (1, "records/certificates.parquet", "claim")
    assert lines[-len(FAILURES) :] == FAILURES
    rows = [" ".join(line.split()) for line in lines[: -len(FAILURES)]]
    assert {ONE_STEP, "C4 2 upper of 4 1 of 2", "C5 0 of 1"} < set(rows)  # what does not fail is there all the same
    assert [row.split()[0] for row in rows] == ["C2", "C3", "C4", "C5", "C11", "C12", "C14", "C17", "C18"]
    found = certified.read(folder / "records" / "certificates.parquet")
    assert [certificate.reason for certificate in certified.failures(found)] == [line.split(": ", 2)[2] for line in FAILURES]
    assert_recorded(certificate for certificate in found if not certificate.reason and certificate.name != "all is well")
