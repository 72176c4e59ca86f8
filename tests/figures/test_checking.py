"""Rerunning the evidence: what is run, what is written from it, and whether it passed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from unittest.mock import Mock

import pytest

from tests.conftest import _Collector
from tsla.figures import checking
from tsla.figures.evidence import read
from tsla.figures.paper_checks import cells, render, section
from tsla.theory.claims import BY_ID

BUILD = Path("build")
EVIDENCE = [{"id": "C5", "kind": "property", "planted": False, "test": "t", "passed": True, "finding": "ratio 0.97"}]


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a checkout, as the current one."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pytest_finds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """In place of pytest, write the evidence and end with a code; returns the commands that would have been run."""

    def install(evidence: list[dict[str, object]] | None, code: int) -> list[list[str]]:
        commands = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            commands.append(command)
            if evidence is not None:
                Path(command[command.index("--evidence") + 1]).write_text(json.dumps(evidence), encoding="utf-8")
            return subprocess.CompletedProcess(command, code)

        monkeypatch.setattr(checking.subprocess, "run", run)
        return commands

    return install


def test_the_file_is_written_from_all_the_evidence_run_by_this_interpreter(
    checkout: Path, pytest_finds: Callable[..., list[list[str]]]
) -> None:
    commands = pytest_finds(EVIDENCE, 0)
    (checkout / "paper_checks.md").write_text("old", encoding="utf-8")
    found = checking.write_paper_checks(BUILD)
    assert found.passed
    (command,) = commands
    assert command[:3] == [sys.executable, "-m", "pytest"]
    assert command[command.index("--claim") + 1] == "all"
    assert (checkout / "paper_checks.md").read_text(encoding="utf-8") == render(EVIDENCE)
    assert read() == EVIDENCE
    assert found.text == "records/evidence.json\npaper_checks.md"
    assert {path.name for path in checkout.iterdir()} == {"build", "records", "tests", "paper_checks.md"}


def test_a_failed_test_is_written_down_and_passes_not(checkout: Path, pytest_finds: Callable[..., list[list[str]]]) -> None:
    pytest_finds([EVIDENCE[0] | {"passed": False}], 1)
    assert not checking.write_paper_checks(BUILD).passed
    assert "**failing**" in (checkout / "paper_checks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", [2, 3, 4])
def test_a_broken_run_of_the_tests_passes_not(code: int, pytest_finds: Callable[..., list[list[str]]]) -> None:
    pytest_finds(EVIDENCE, code)
    assert not checking.write_paper_checks(BUILD).passed
    assert not checking.section("C5", BUILD).passed


def test_one_claim_is_answered_by_its_section_and_writes_no_file(checkout: Path, pytest_finds: Callable[..., list[list[str]]]) -> None:
    commands = pytest_finds(EVIDENCE, 0)
    found = checking.section("C5", BUILD)
    assert commands[0][commands[0].index("--claim") + 1] == "C5"
    assert (found.text + "\n", found.passed) == (section(BY_ID["C5"], EVIDENCE), True)
    assert found.json == {"rows": [cells(BY_ID["C5"], EVIDENCE)]}
    assert not (checkout / "paper_checks.md").exists()


def test_an_unknown_claim_is_refused_before_anything_runs_and_one_without_evidence_is_no_failure(
    pytest_finds: Callable[..., list[list[str]]],
) -> None:
    commands = pytest_finds([], 5)
    with pytest.raises(ValueError, match=r"^claim = 'C99' must be one of C1, C2, .*, E5$"):
        checking.section("C99", BUILD)
    assert commands == []
    assert checking.section("C12", BUILD).passed


def test_evidence_of_an_earlier_run_is_not_taken_for_that_of_a_broken_one(
    checkout: Path, pytest_finds: Callable[..., list[list[str]]]
) -> None:
    pytest_finds(EVIDENCE, 0)
    checking.write_paper_checks(BUILD)
    (checkout / "paper_checks.md").write_text("as it was", encoding="utf-8")
    pytest_finds(None, 4)
    with pytest.raises(ValueError, match="pytest ended with code 4 and has not seen all the evidence"):
        checking.write_paper_checks(BUILD)
    assert (checkout / "paper_checks.md").read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_a_file_that_can_not_be_imported_leaves_no_evidence(outcome: Literal["passed", "failed"], tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    collector = _Collector(str(path))
    collector.pytest_collectreport(pytest.CollectReport("tests/claims/test_c10.py", outcome, None, []))
    collector.pytest_sessionfinish(Mock(spec=pytest.Session))
    assert path.exists() == (outcome == "passed")
