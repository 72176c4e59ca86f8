"""The profile "repeatable" keeps its promise: in this process, in a fresh one, and in one that has imported many numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests import examples

ROOT = Path(__file__).parent.parent
DRAW = """
import json
from hypothesis.internal.conjecture import providers
pool = providers._get_local_constants
from tests import conftest, examples
if {keep}:
    providers._get_local_constants = pool
import {modules}
print(json.dumps(examples.drawn()))
"""


@pytest.fixture
def drawn_with(tmp_path: Path) -> Callable[..., list[str]]:
    """The examples that a fresh process draws after it has imported ``modules``, one of which is ``numbers_of_a_project``."""
    numbers = [f"{i}.25" for i in range(300)] + [str(1000 + i) for i in range(300)]
    (tmp_path / "numbers_of_a_project.py").write_text(f"NUMBERS = [{', '.join(numbers)}]\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path))), "TSLA_HYPOTHESIS": "repeatable"}

    def draw(*modules: str, keep: bool = False) -> list[str]:
        command = [sys.executable, "-c", DRAW.format(keep=keep, modules=", ".join(modules))]
        found: list[str] = json.loads(subprocess.check_output(command, cwd=tmp_path, env=environment))  # noqa: S603 - our own code
        return found

    return draw


def test_examples_do_not_depend_on_what_is_imported(drawn_with: Callable[..., list[str]]) -> None:
    few = drawn_with("json")
    assert len(few) >= settings.get_profile("repeatable").max_examples
    assert few == drawn_with("tsla.cli", "numbers_of_a_project")
    if os.environ.get("TSLA_HYPOTHESIS", "repeatable") == "repeatable":
        assert few == examples.drawn()


def test_with_the_pool_of_constants_they_would(drawn_with: Callable[..., list[str]]) -> None:
    assert drawn_with("json", keep=True) != drawn_with("numbers_of_a_project", keep=True)


def test_a_hypothesis_without_that_pool_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(providers, examples.POOL)
    with pytest.raises(RuntimeError, match=r"^hypothesis [\d.]+ has no providers._get_local_constants: see how it draws"):
        examples.draw_no_constants_of_modules()
