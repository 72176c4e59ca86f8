"""What the pages name is there: modules, their attributes, and files."""

from __future__ import annotations

import pkgutil
import re
import runpy
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tsla.theory.testing.planted import assert_rejects

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
SITE = runpy.run_path(str(ROOT / "docs" / "conf.py"))
IMPORT = re.compile(r"^\s*from (tsla[\w.]*) import (.*)$", re.MULTILINE)
PATH = re.compile(
    r"(?<![\w/.])(?<!as `)((?:tsla|theory|empirics|figures|tests|docs|examples|records)/[\w/.-]*\.(?:py|md|toml|json|parquet|svg|sh))\b"
)
FOLDER = re.compile(r"(?<!as )`((?:tsla|theory|empirics|figures|tests|docs|examples|records)/[\w/-]*)`")


def names_of(module: ModuleType) -> set[str]:
    """What can be imported from it, the modules of a package among them."""
    return {*dir(module), *(found.name for found in pkgutil.iter_modules(getattr(module, "__path__", ())))}


def names_what_is_there(text: str) -> None:
    for module, names in IMPORT.findall(text):
        for name in re.findall(r"\w+", names.partition("#")[0]):
            assert name in names_of(import_module(module)), f"from {module} import {name}"
    for path in (*PATH.findall(text), *FOLDER.findall(text)):
        assert (ROOT / path).exists(), path


def headings(page: str) -> set[str]:
    """The names by which links lead to the headings of a page."""
    lines = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def leads_somewhere(text: str, folder: Path) -> None:
    """Each link to a file or a heading of this project."""
    for file, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        assert (folder / file).exists(), file
        if heading:
            assert heading in headings((folder / file).read_text(encoding="utf-8") if file else text), f"{file}#{heading}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_paths_and_links(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names_what_is_there(text)
    leads_somewhere(text, page.parent)


@pytest.mark.parametrize("wrong", ["[a page](docs/missing.md)", "[a heading](docs/study_plan.md#missing)", "[a heading](#missing)"])
def test_a_link_that_leads_nowhere_is_missed(wrong: str) -> None:
    leads_somewhere("[a heading](docs/study_plan.md#the-third-round)", ROOT)
    assert_rejects(lambda text: leads_somewhere(text, ROOT), wrong)


@pytest.mark.parametrize("page", SITE["TUTORIALS"])
def test_a_tutorial_runs_as_a_notebook(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    cells = SITE["notebook"]((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))["cells"]
    run: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(cell["source"], run)  # noqa: S102 - our own code
    assert "This says nothing of test accuracy or test loss." in capsys.readouterr().out


def test_the_site_has_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = [name for tree in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL) for name in re.findall(r"^\w+$", tree, re.MULTILINE)]
    assert sorted([*listed, "index"]) == sorted(page.stem for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("wrong", ["    from tsla.theory.sgd import Missing", "see `theory/missing.py`", "see `tests/missing`"])
def test_what_has_moved_is_missed(wrong: str) -> None:
    assert_rejects(names_what_is_there, wrong)


def shows_the_file(text: str) -> None:
    assert f"```toml\n{(ROOT / 'examples' / 'sweep.toml').read_text(encoding='utf-8')}```" in text


def test_the_sweep_that_is_shown_is_the_file_that_is_run() -> None:
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    shows_the_file(page)
    assert_rejects(shows_the_file, page.replace("count = 3", "count = 10"))
