"""`tsla bound` starts fast because nothing heavy is loaded for it, and every name of the front door leads somewhere."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tsla
from tsla.theory.testing.planted import Rejects

ROOT = Path(__file__).parents[2]
SOURCE = Path(tsla.__file__).read_text(encoding="utf-8")
HEAVY = ("torch", "pandas", "matplotlib", "scipy.stats", "sklearn", "pyarrow", "rich", "joblib", "jinja2")
CONSTANTS = ["--L", "10", "--sigma2", "1", "--F0", "1"]
LIGHT = f"""
import tsla
from tsla import cli
cli.main(['bound', 'sgd', *{CONSTANTS}, '--eta', '0.1', '--T', '10'])
cli.main(['steps', 'sgd', *{CONSTANTS}, '--eps', '0.1', '--json'])
cli.main(['compare', *{CONSTANTS}, '--mu', '1', '--delta', '0.1', '--eps', '0.1'])
cli.main(['variance', '--sigma2', '1', '--delta', '0.1'])
tsla.lsr.bound(tsla.Constants(L=1, sigma2=1, F0=1, delta=0.1), eta=1, T=9).total
"""


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after ``code``."""
    report = "import json, sys; print(); print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter and code
    return set(json.loads(done.stdout.splitlines()[-1]))


def stays_light(code: str) -> None:
    assert modules_after(code) & set(HEAVY) == set()


@pytest.mark.parametrize(
    "heavy", ["import tsla; tsla.simulate, tsla.problems; import tsla.empirics.statistics.intervals", "import tsla; tsla.gradient_moments"]
)
def test_nothing_heavy_is_loaded(heavy: str, rejects: Rejects) -> None:
    rejects(stays_light, right=LIGHT, wrong=heavy)


def test_a_bare_import_does_not_even_load_numpy() -> None:
    assert "numpy" not in modules_after("import tsla")


def is_what_type_checkers_see(source: str) -> None:
    """The imports under TYPE_CHECKING name all exports, and the same things."""
    (block,) = (node for node in ast.parse(source).body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen: dict[str, object] = {}
    exec(ast.unparse(block.body), seen)  # noqa: S102 - our own source
    seen.pop("__builtins__")
    assert sorted(seen) == sorted(tsla.__all__)
    for name, thing in seen.items():
        assert getattr(tsla, name) is thing, name


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("import lsr, sgd", "import lsr, lsr_pl, sgd"),
        ("import lsr, sgd", "import lsr"),
        ("import lsr, sgd, two_stage", "import lsr, sgd, smoothing as two_stage"),
    ],
)
def test_every_export_is_what_type_checkers_see(right: str, wrong: str, rejects: Rejects) -> None:
    rejects(is_what_type_checkers_see, right=SOURCE, wrong=SOURCE.replace(right, wrong))


def test_two_stage_is_the_module_whose_name_is_taken() -> None:
    assert tsla.two_stage is import_module("tsla.theory.two_stage")


def test_dir_and_a_star_import_give_all() -> None:
    assert dir(tsla) == sorted(tsla.__all__) == tsla.__all__
    names: dict[str, object] = {}
    exec("from tsla import *", names)  # noqa: S102 - a star import is only allowed at the top of a module
    assert set(names) - {"__builtins__"} == set(tsla.__all__)


@pytest.mark.parametrize("name", ["nonsense", "variance", "__wrapped__"])
def test_other_names_are_attribute_errors(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'tsla' has no attribute '{name}'"):
        getattr(tsla, name)


def test_examples_know_the_front_door_alone() -> None:
    for path in (ROOT / "examples").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not {module for module in modules if module and module.startswith("tsla.")}, path
