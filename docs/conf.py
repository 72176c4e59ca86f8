"""The documentation as a site: ``make docs`` builds it from the pages of this folder and from docstrings, and stops at a warning.

A link that leads nowhere is a warning. What is on the web is not asked for.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

project = "tsla"
author = "the authors of tsla"
release = importlib.metadata.version("tsla")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib.bibtex"]

myst_heading_anchors = 4  # links to headings, as in `study.md#power`
bibtex_bibfiles = ["references.bib"]
autodoc_type_aliases = {name: name for name in ("Array", "ArrayLike", "Json", "ToLogits", "Smoothing")}
python_maximum_signature_line_length = 100
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "tsla"
html_copy_source = False

NAMED = re.compile(r"^(?P<names>\w[\w., ]*):\s\s+(?P<text>\S.*)$")


def fields(lines: list[str]) -> list[str]:
    """A docstring of this project as Sphinx reads it: a paragraph of ``name:  text`` lines, each of which may go on in indented ones, as a
    list of definitions, and an indented paragraph as code.
    """  # noqa: D205 - the summary needs two lines
    paragraphs = [part.split("\n") for part in re.split(r"\n(?:\s*\n)+", "\n".join(lines).strip("\n"))]
    return [line for paragraph in paragraphs for line in (*_paragraph(paragraph), "")]


def _paragraph(lines: list[str]) -> list[str]:
    if all(line.startswith("    ") for line in lines):
        return ["::", "", *lines]
    if not NAMED.match(lines[0]) or not all(line.startswith(" ") or NAMED.match(line) for line in lines):
        return lines
    found: list[str] = []
    for line in lines:
        named = None if line.startswith(" ") else NAMED.match(line)
        found += [f"``{named['names']}``", f"    {named['text']}"] if named else [f"    {line.strip()}"]
    return found


def process(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Change a docstring in place."""
    lines[:] = fields(lines)


def named_types(_app: Any, _what: str, _name: str, _object: Any, _options: Any, signature: str, returned: str) -> tuple[str, str]:
    """Sphinx writes an alias in a union as the call that it makes of it."""
    plain = [re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) if text else text for text in (signature, returned)]
    return plain[0], plain[1]


ROOT = Path(__file__).parents[1]
OUTSIDE = {"readme": "README.md", "claim_by_claim": "paper_checks.md", "contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
"""Pages of the site whose text stands beside this folder; of each there is a page here that says where."""


def from_outside(_app: Any, page: str, source: list[str]) -> None:
    """Take the text of such a page from its place, and let links lead to it from everywhere."""
    text = source[0]
    if page in OUTSIDE:
        text = (ROOT / OUTSIDE[page]).read_text(encoding="utf-8").replace("](docs/", "](").replace("](CITATION.cff)", "](../CITATION.cff)")
    for name, file in OUTSIDE.items():
        text = re.sub(rf"\]\((\.\./)?{re.escape(file)}(?=[#)])", f"]({name}.md", text)
    source[0] = text


TUTORIALS = ("should_i_smooth",)
NOTEBOOKS = ROOT / "build" / "notebooks"


def notebook(page: str) -> dict[str, Any]:
    """A page in Markdown as a Jupyter notebook: its blocks of Python are cells to run, and what stands between them are cells to read."""
    parts = re.split(r"```python\n(.*?)```\n?", page, flags=re.DOTALL)  # text and code in turn
    cells = [_cell("code" if i % 2 else "markdown", part.strip()) for i, part in enumerate(parts) if part.strip()]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def _cell(kind: str, source: str) -> dict[str, Any]:
    unrun: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source} | unrun


def with_notebook(_app: Any, page: str, source: list[str]) -> None:
    """Write a tutorial as a notebook, and let its page offer it."""
    if page in TUTORIALS:
        NOTEBOOKS.mkdir(parents=True, exist_ok=True)
        (NOTEBOOKS / f"{page}.ipynb").write_text(json.dumps(notebook(source[0])), encoding="utf-8")
        source[0] += f"\nThe same {{download}}`as a notebook <../build/notebooks/{page}.ipynb>`.\n"


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", named_types)
    app.connect("source-read", from_outside)
    app.connect("source-read", with_notebook)
    app.connect("autodoc-process-docstring", process)
