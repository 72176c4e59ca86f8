"""A stranger's theorem is decided from one file, in a folder outside of the repository: the file of docs/your_theorem.md, and bad ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import Refusal, Run, ends

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your_theorem.md").read_text(encoding="utf-8")
DECLARED, PROOF, PROPERTIES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SHORT = re.sub(r"constants=\[{.*?}, ", "lengths=(1, 2),\n    constants=[", DECLARED)
"""Decided at one of the two settings, by shorter runs."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(page: str) -> list[list[str]]:
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in page.splitlines() if line.startswith("|")]


def test_the_page_is_decided_and_proved(folder: Path, run: Run) -> None:
    (folder / "my_paper.py").write_text(PROOF + SHORT.replace("    step=", "    proof=proof,\n    step="), encoding="utf-8")
    out = run("check my_paper.py")
    assert out.endswith("paper_checks.md\n")
    assert "verdict     proved: for every T and all constants that meet its premises" in out
    page = (folder / "paper_checks.md").read_text(encoding="utf-8")
    assert page.startswith("# Paper checks of my_paper.py\n")
    head, _, row, _, _, *wrong = table(page)
    cells = dict(zip(head, row, strict=True))
    assert (cells["claim"], cells["source"]) == ("sgd-long-steps SGD with long steps", "my paper, Theorem 1")
    assert cells["evidence"] == "Monte Carlo, algebra, worst case"
    refuted = [what for what, by in wrong if by != "not refuted"]
    assert int(cells["rejected"]) == len(refuted) > len(wrong) / 2
    for what in (
        "`half of it`",
        "`without eta < 2/L`",
        "`without E g = ∇F`",
        "`proof without bound`",
        "`(F0/(T*eta) + L*eta*sigma2)/(-L*eta + 2)`",
    ):
        assert what in refuted


def test_the_properties_of_the_page_pass_and_those_of_a_wrong_bound_fail(folder: Path) -> None:
    """By pytest itself, in a folder that has nothing but the page's file and its wrong copy."""
    (folder / "test_right.py").write_text(PROPERTIES, encoding="utf-8")
    assert "2 * k.F0" in PROPERTIES
    (folder / "test_wrong.py").write_text(PROPERTIES.replace("2 * k.F0", "2 * k.F0**2"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-rfp", "--tb=no", "-p", "no:cacheprovider"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own command
    ends_of = re.findall(r"^(PASSED|FAILED) test_(right|wrong)", said, flags=re.MULTILINE)
    assert sorted(ends_of) == [("FAILED", "wrong"), ("PASSED", "right"), ("PASSED", "right"), ("PASSED", "wrong")]
    assert "warning" not in said


def test_a_wrong_bound_is_refuted_and_ends_in_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert SHORT.count("2 * k.F0") == 1
    (folder / "wrong.py").write_text(SHORT.replace("2 * k.F0", "k.F0"), encoding="utf-8")
    assert ends(["check", "wrong.py", "--out", "found.md"]) == 1
    assert "verdict     refuted: by the worst case at T = " in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {"wrong.py", "found.md"}


def without(line: str) -> str:
    """The page's file without a line."""
    (found,) = [one for one in DECLARED.splitlines(keepends=True) if one.strip().startswith(line)]
    return DECLARED.replace(found, "")


def changed(right: str, wrong: str) -> str:
    assert DECLARED.count(right) == 1, right
    return DECLARED.replace(right, wrong)


BAD = {
    "no such file": (None, ("bad.py: no such file",)),
    "no theorem": ("x = 1\n", ("bad.py declares no theorem",)),
    "syntax": ("x = = 1\n", ("bad.py, line 1: invalid syntax",)),
    "its own error": ("1 / 0\n", ("bad.py: ZeroDivisionError: division by zero",)),
    "it exits": ("raise SystemExit(3)\n", ("bad.py: SystemExit: 3",)),
    "a missing module": ("import nowhere_to_be_found\n", ("bad.py: ModuleNotFoundError: No module named 'nowhere_to_be_found'",)),
    "a field is missing": (without("step="), ("bad.py: TypeError", "'step'")),
    "bound raises": (changed("lambda k, T: (2", "lambda k, T: (1 / 0"), ("bound raised ZeroDivisionError", "division by zero")),
    "bound is nan": (
        changed("lambda k, T: (2", "lambda k, T: float('nan') * (2"),
        ("bound = nan at T = 1, L = 3", "must be a finite number"),
    ),
    "bound of T alone": (changed("bound=lambda k, T", "bound=lambda T"), ("bound = (T) must be a function of (k, T)",)),
    "bound is a number": (changed("bound=lambda k, T:", "bound=3,\n    weights=lambda k, T:"), ("bound = 3 must be a function of (k, T)",)),
    "step of the wrong arity": (changed("k, w, g, state, t", "w, g"), ("step = (w, g) must be a function of (k, w, g, state, t)",)),
    "step without state": (changed("(w - k.eta * g, state)", "w - k.eta * g"), ("step gives ndarray; must give (w, state)",)),
    "step loses rows": (changed("(w - k.eta * g, state)", "((w - g).sum(), state)"), ("step gives", "must give finite rows of that shape")),
    "unknown constant": (changed("k.eta * k.L * k.sigma2", "k.sigma"), ("unknown constant sigma; the theorem has L, sigma2, F0, eta",)),
    "no L": (DECLARED.replace('"L"', '"smoothness"'), ("constants", "must have L")),
    "other names": (changed('"sigma2": 0.8', '"sigma": 0.8'), ("constants has", "all with the same names")),
    "a constant is a word": (changed('"eta": 0.3', '"eta": "small"'), ("eta = 'small' must be a finite number",)),
    "no settings": (re.sub(r"constants=\[.*\]", "constants=[]", DECLARED), ("constants is empty",)),
    "unknown functions": (
        changed("    step=", "    functions='concave',\n    step="),
        ("functions = 'concave' must be one of smooth, convex",),
    ),
    "units of another": (
        changed("    step=", "    units={'c': (1, 1)},\n    step="),
        ("units = {'c': (1, 1)} must be", "of L, sigma2, F0, eta"),
    ),
    "no weights": (changed("    step=", "    weights=lambda k, t: 0,\n    step="), ("weights of the first 100 iterates are 0",)),
    "it raises in the run": (
        changed("(w - k.eta * g, state)", "(w - (k.eta, 0, 0)[t] * g, state)"),
        ("step raised IndexError: tuple index out of range",),
    ),
    "no lengths": (changed("    step=", "    lengths=(0,),\n    step="), ("lengths = (0,) must be whole numbers",)),
    "an id of two words": (changed('id="sgd-long-steps"', 'id="a b"'), ("id = 'a b' must be a word",)),
    "two of one id": (f"{DECLARED}\n{DECLARED.replace('sgd = ', 'other = ')}", ("id = 'sgd-long-steps' is that of two theorems",)),
    "a negative variance": (changed("    step=", "    variance=lambda k, gap, grad2: -1,\n    step="), ("variance = -1 must be",)),
}


@pytest.mark.parametrize(("text", "says"), BAD.values(), ids=BAD)
def test_bad_files(text: str | None, says: tuple[str, ...], folder: Path, refusal: Refusal) -> None:
    if text is not None:
        (folder / "bad.py").write_text(text, encoding="utf-8")
    line = refusal(["check", "bad.py"])
    assert all(part in line for part in says), line
    assert {path.name for path in folder.iterdir()} <= {"bad.py"}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["check", "my_paper.py", "--out", "notes.md"], "out = notes.md is there and is no page of `tsla check FILE`"),
        (["check", "my_paper.py", "--out", "nowhere/page.md"], "out = nowhere/page.md: nowhere is no folder"),
        (["check", "C5", "--out", "page.md"], "tests/ is not here"),
    ],
)
def test_nothing_else_is_overwritten(argv: list[str], says: str, folder: Path, refusal: Refusal) -> None:
    (folder / "my_paper.py").write_text(DECLARED, encoding="utf-8")
    (folder / "notes.md").write_text("mine", encoding="utf-8")
    assert says in refusal(argv)
    assert (folder / "notes.md").read_text(encoding="utf-8") == "mine"


def test_help_says_that_the_file_is_executed(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(["check", "--help"]) == 0
    assert "which is executed" in " ".join(capsys.readouterr().out.split())
