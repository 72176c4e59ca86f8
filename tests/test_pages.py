"""What the pages name is there: modules, their attributes, and files."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tsla.theory.testing.planted import assert_rejects

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
IMPORT = re.compile(r"^\s*from (tsla[\w.]*) import (.*)$", re.MULTILINE)
PATH = re.compile(
    r"(?<![\w/.])(?<!as `)((?:tsla|theory|empirics|figures|tests|docs|examples|records)/[\w/.-]*\.(?:py|md|toml|json|parquet|svg|sh))\b"
)


def names_of(module: ModuleType) -> set[str]:
    """What can be imported from it, the modules of a package among them."""
    return {*dir(module), *(found.name for found in pkgutil.iter_modules(getattr(module, "__path__", ())))}


def names_what_is_there(text: str) -> None:
    for module, names in IMPORT.findall(text):
        for name in re.findall(r"\w+", names.partition("#")[0]):
            assert name in names_of(import_module(module)), f"from {module} import {name}"
    for path in PATH.findall(text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_and_paths(page: Path) -> None:
    names_what_is_there(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("wrong", ["    from tsla.empirics.smoothing.loss import Missing", "see `theory/missing.py`"])
def test_what_has_moved_is_missed(wrong: str) -> None:
    assert_rejects(names_what_is_there, wrong)
