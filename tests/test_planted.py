"""What counts as a rejected planted error: the same check passes the right version and fails, by itself, on the wrong one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.planted import tells_apart

ROOT = Path(__file__).parent.parent


def is_two(number: float) -> None:
    assert number == 2


def test_a_wrong_version_is_told_from_the_right_one() -> None:
    assert str(tells_apart(is_two, right=2, wrong=3)).startswith("assert 3 == 2")


def test_a_check_that_fails_on_the_right_version_shows_nothing() -> None:
    with pytest.raises(AssertionError, match="assert 4 == 2"):
        tells_apart(is_two, right=4, wrong=3)


def test_a_wrong_version_that_passes_is_not_rejected() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        tells_apart(is_two, right=2, wrong=2.0)


def test_an_error_that_is_no_assertion_is_an_accident() -> None:
    with pytest.raises(TypeError):
        tells_apart(lambda number: is_two(2 + 0 * number), right=2, wrong="3")


def test_an_assertion_of_somebody_else_is_an_accident() -> None:
    with pytest.raises(AssertionError, match=r"not the check failed, but something in .*numpy"):
        tells_apart(lambda number: np.testing.assert_equal(number, 2), right=2, wrong=3)


def test_an_outcome_is_no_version() -> None:
    with pytest.raises(TypeError, match="a DataFrame is no version of code or claim: plant the error where it is made"):
        tells_apart(lambda rows: None, right=pd.DataFrame({"refuted": [True]}), wrong=pd.DataFrame({"refuted": [False]}))


FILE = """
import pytest
from tests.cli.support import as_json
from tsla.theory import certificates

planted = pytest.mark.claim("C5", "property", planted=True)

@planted
def test_reported(rejects):
    rejects(as_json, right="{}\\n", wrong="2\\n")

@planted
def test_not_reported():
    with pytest.raises(AssertionError):
        as_json("2\\n")

@planted
def test_failed(rejects):
    rejects(as_json, right="2\\n", wrong="3\\n")

@planted
@pytest.mark.parametrize("counts", [(0, 0), (1, 2)])
def test_certified(counts, certified):
    rejected, planted = counts
    made = dict(claim="C5", kind="algebra", name="a", statement="b", guarantee="identity", holds=True)
    certified(certificates.Certificate(**made, rejected=rejected, planted=planted))
"""


def test_only_what_was_reported_counts(tmp_path: Path) -> None:
    (tmp_path / "test_file.py").write_text(FILE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-q", "--evidence", "found.json", "test_file.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=False)  # noqa: S603 - our own
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [(row["test"].partition("::")[2], row["passed"]) for row in found] == [
        ("test_certified[counts0]", False),
        ("test_certified[counts1]", False),
        ("test_failed", False),
        ("test_reported", True),
    ]
