"""No test module is imported by another: what they share is a fixture of a conftest, or lies in a module of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tsla.theory.testing.planted import assert_rejects

TESTS = Path(__file__).parent


def imports_no_test_module(source: str) -> None:
    for node in ast.walk(ast.parse(source)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            modules = [f"{node.module}.{alias.name}" for alias in node.names if (node.module or "").startswith("tests")]
        for module in modules:
            path = TESTS.parent.joinpath(*module.split(".")).with_suffix(".py")
            assert not (path if path.exists() else path.parent).name.startswith("test_"), module


def test_no_test_module_is_imported() -> None:
    for path in TESTS.rglob("*.py"):
        imports_no_test_module(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "planted", ["from tests import test_planted", "from tests.test_planted import is_two", "import tests.test_planted"]
)
def test_planted_imports_are_rejected(planted: str) -> None:
    imports_no_test_module("from tsla.theory.testing.planted import assert_rejects\nimport tests.examples")
    assert_rejects(imports_no_test_module, planted)
