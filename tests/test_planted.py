"""What counts as a rejected planted error: the same check passes the right version and fails, by itself, on the wrong one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tsla.theory.testing.planted import tells_apart

ROOT = Path(__file__).parent.parent


def is_two(number: float) -> None:
    assert number == 2


def test_a_wrong_version_is_told_from_the_right_one() -> None:
    assert str(tells_apart(is_two, right=2, wrong=3)).startswith("assert 3 == 2")


@pytest.mark.parametrize(
    ("check", "right", "wrong", "error", "says"),
    [
        pytest.param(is_two, 4, 3, AssertionError, "assert 4 == 2", id="fails on the right version"),
        pytest.param(is_two, 2, 2.0, pytest.fail.Exception, "DID NOT RAISE", id="passes the wrong version"),
        pytest.param(lambda n: is_two(2 + 0 * n), 2, "3", TypeError, "unsupported operand", id="an error that is no assertion"),
        pytest.param(lambda n: np.testing.assert_equal(n, 2), 2, 3, AssertionError, "not the check failed, .*numpy", id="somebody else's"),
        pytest.param(lambda n: None, pd.DataFrame(), pd.DataFrame(), TypeError, "a DataFrame is no version of code", id="an outcome"),
    ],
)
def test_what_tells_nothing_apart(check: Callable[[Any], None], right: Any, wrong: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        tells_apart(check, right=right, wrong=wrong)


FILE = """
import pytest
from tests.cli.support import as_json
from tsla.theory import certificates

planted = pytest.mark.claim("C5", "property", planted=True)

@planted
def test_reported(rejects):
    rejects(as_json, right='{"schema": 1}\\n', wrong="2\\n")

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
