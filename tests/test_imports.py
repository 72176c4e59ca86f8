"""`tsla bound` starts fast because nothing heavy is loaded for it, and every name of the front door leads somewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import pytest

import tsla
from tests.planted import assert_rejects

HEAVY = ("torch", "pandas", "matplotlib", "scipy.stats", "sklearn", "pyarrow", "rich", "joblib", "seaborn", "plotly")
CONSTANTS = ["--L", "10", "--sigma2", "1", "--F0", "1"]
LIGHT = {
    "import": "import tsla",
    "bound": f"from tsla import cli; cli.main(['bound', 'sgd', *{CONSTANTS}, '--eta', '0.1', '--T', '10'])",
    "steps": f"from tsla import cli; cli.main(['steps', 'sgd', *{CONSTANTS}, '--eps', '0.1', '--json'])",
    "compare": f"from tsla import cli; cli.main(['compare', *{CONSTANTS}, '--mu', '1', '--delta', '0.1', '--eps', '0.1'])",
    "variance": "from tsla import cli; cli.main(['variance', '--sigma2', '1', '--delta', '0.1'])",
    "the theory by name": "import tsla; tsla.lsr.bound(tsla.Constants(L=1, sigma2=1, F0=1, delta=0.1), eta=1, T=9).total",
}


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after ``code``."""
    report = "import json, sys; print(); print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter and code
    return set(json.loads(done.stdout.splitlines()[-1]))


def stays_light(code: str) -> None:
    assert modules_after(code) & set(HEAVY) == set()


@pytest.mark.parametrize("code", LIGHT.values(), ids=LIGHT)
def test_nothing_heavy_is_loaded(code: str) -> None:
    stays_light(code)


@pytest.mark.parametrize(
    "code", ["import tsla; tsla.simulate, tsla.problems; import tsla.empirics.statistics", "import tsla; tsla.gradient_moments"]
)
def test_planted_heavy_imports_are_rejected(code: str) -> None:
    assert_rejects(stays_light, code)


def test_a_bare_import_does_not_even_load_numpy() -> None:
    assert "numpy" not in modules_after("import tsla")


def test_every_export_resolves() -> None:
    assert tsla.__all__
    for name in tsla.__all__:
        assert isinstance(getattr(tsla, name), Callable | ModuleType), name


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("Constants", "tsla.theory.constants"),
        ("Oracle", "tsla.empirics.oracles"),
        ("compare", "tsla.theory.complexity"),
        ("gradient_moments", "tsla.empirics.moments"),
        ("simulate", "tsla.empirics.sgd"),
    ],
)
def test_exports_are_the_things_themselves(name: str, home: str) -> None:
    assert getattr(tsla, name) is getattr(import_module(home), name)


def test_two_stage_is_the_module_whose_name_is_taken() -> None:
    assert tsla.two_stage is import_module("tsla.theory.tsla")


def test_dir_lists_what_there_is() -> None:
    assert dir(tsla) == sorted(tsla.__all__)


def test_star_import_gives_all() -> None:
    names: dict[str, object] = {}
    exec("from tsla import *", names)  # noqa: S102 - a star import is only allowed at the top of a module
    assert set(tsla.__all__) <= set(names)


@pytest.mark.parametrize("name", ["nonsense", "theory", "__path__"])
def test_other_names_are_attribute_errors(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'tsla' has no attribute '{name}'"):
        getattr(tsla, name)
