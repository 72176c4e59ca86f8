"""The bound of CONTRIBUTING.md, from its text: one file makes it a method, and wrong versions of that file break their obligations."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tsla.theory
from tests.theory.obligations import OF_BOUNDS, OF_PLANS, Check
from tests.theory.obligations import bounds as of_bounds
from tests.theory.obligations import plans as of_plans
from tests.theory.obligations.common import K, answer
from tsla.figures.page.calculator import script
from tsla.theory.complexity import compare
from tsla.theory.method import Method
from tsla.theory.methods import FIRST, METHODS, bounds
from tsla.theory.testing.planted import tells_apart

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
(SOURCE,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
NAME, CLAIM = "sgd-falling", "C99"
pytestmark = pytest.mark.skipif(NAME in METHODS, reason="whoever tries it out has it in theory/, where test_methods.py tests it")
FOLDERS = list(tsla.theory.__path__)

Saved = Callable[[str], Method]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Saved]:
    """Save a text as a module of ``tsla.theory``, in a folder of its own; the method that is found there."""
    names: list[str] = []

    def save(text: str) -> Method:
        names.append(f"added_{len(names)}")
        folder = tmp_path / names[-1]
        folder.mkdir()
        (folder / f"{names[-1]}.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(tsla.theory, "__path__", [*FOLDERS, str(folder)])
        return METHODS[NAME]

    yield save
    for name in names:
        sys.modules.pop(f"tsla.theory.{name}", None)
        vars(tsla.theory).pop(name, None)


def test_all_that_lists_methods_has_it(saved: Saved) -> None:
    before = list(METHODS)
    method = saved(SOURCE)
    assert list(METHODS)[: len(FIRST)] == list(FIRST)
    assert set(METHODS) == {*before, NAME}
    assert bounds()[NAME] == (method,)
    assert {plan.method for plan in compare(K, eps=0.5).plans} == {*METHODS}
    found = json.loads(answer(["invert", "--L=10", "--sigma2=1", "--F0=1", "--mu=1", "--eps=0.1", "--json"]))
    assert f"tsla before {NAME}" in found["largest_delta"]
    assert f'name: "{NAME}"' in script()


def test_its_claim_is_listed_before_those_on_training(tmp_path: Path) -> None:
    (tmp_path / "sgd_falling.py").write_text(SOURCE, encoding="utf-8")
    program = f"import tsla.theory; tsla.theory.__path__.append({str(tmp_path)!r}); from tsla.theory.claims import BY_ID; print(*BY_ID)"
    command = [sys.executable, "-c", program]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 - ours
    assert listed[listed.index("E1") - 1] == CLAIM


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = = 1\n", ", line 1: SyntaxError: invalid syntax"),
        ("import nowhere\n", ": ModuleNotFoundError: No module named 'nowhere'"),
        (SOURCE.replace("from tsla.theory.method import Method\n", ""), ": NameError: name 'Method' is not defined"),
    ],
)
def test_a_module_that_is_broken_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(text, encoding="utf-8")
    program = f"import tsla.theory; tsla.theory.__path__.append({str(tmp_path)!r}); from tsla import cli; cli.main(['bound'])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (said.returncode, said.stdout, said.stderr) == (2, "", f"tsla: the module tsla.theory.broken can't be imported{says}\n")


@pytest.mark.parametrize("check", [*OF_BOUNDS, *OF_PLANS], ids=lambda check: check.__name__)
def test_it_keeps_its_obligations(check: Check, saved: Saved) -> None:
    check(saved(SOURCE))


def test_it_is_run_as_it_is_planned(saved: Saved) -> None:
    saved(SOURCE)
    options = ["--problem", "sine_valley", "--method", NAME, "--eps", "0.6", "--delta", "0.01", "--seeds", "20", "--json"]
    found = json.loads(answer(["simulate", *options]))
    assert (found["method"], found["claim"], found["bound"]) == (NAME, CLAIM, pytest.approx(0.36))
    assert 0 < found["high"] < found["bound"]


WRONG = [
    (
        of_bounds.is_what_its_derivation_arrives_at,
        "product(2, constants.F0, over=(step, roots))",
        "product(constants.F0, over=(step, roots))",
    ),
    (of_bounds.is_what_its_derivation_arrives_at, "constants.sigma2, logarithm, over", "constants.sigma2, over"),
    (of_bounds.is_above_a_quadratic, "return 2 * T / (", "return 4 * T / ("),
    (of_plans.reaches_its_target_and_no_sooner, "T = np.where(high < MOST, high,", "T = np.where(high < MOST, np.ceil(high / 2),"),
    (of_plans.reaches_its_target_and_no_sooner, "T = np.where(high < MOST, high,", "T = np.where(high < MOST, high * 2,"),
    (of_bounds.scales_with_the_objective, "product(step, constants.L,", "product(step, step, constants.L,"),
    (of_bounds.says_what_it_is, 'method="sgd-falling",\n        claim="C99"', 'method="sgd-falling",\n        claim="C4"'),
    (of_bounds.refuses_what_is_outside_its_premises, 'step_size("eta", eta, constants.L, "C99")', "np.asarray(eta, dtype=float)"),
    (of_plans.has_whole_stages_within_the_premises, "1 / np.sqrt(t + 1)", "np.sqrt(t + 1)"),
]


@pytest.mark.parametrize(("check", "right", "wrong"), WRONG, ids=[f"{check.__name__} {i}" for i, (check, *_) in enumerate(WRONG)])
def test_a_wrong_version_breaks_its_obligation(check: Check, right: str, wrong: str, saved: Saved) -> None:
    assert SOURCE.count(right) == 1
    tells_apart(check, right=saved(SOURCE), wrong=saved(SOURCE.replace(right, wrong)))
