"""docs/integrations.md shows what the examples are."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tsla.theory.testing.planted import Rejects

PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"^`(examples/integrations/\w+\.py)`$|```python\n(.*?)```", re.MULTILINE | re.DOTALL)


def stripped(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def shows_the_examples(page: str) -> None:
    """Each block is a part of the file that is named above it, but for how far it is indented; and every file is named."""
    named = ""
    for file, block in SHOWN.findall(page):
        named = file or named
        assert file or stripped(block) in stripped((ROOT / named).read_text(encoding="utf-8")), block
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "examples" / "integrations").glob("*.py")}
    assert files == {file for file, _ in SHOWN.findall(page)} - {""}


def test_the_page_shows_the_examples(rejects: Rejects) -> None:
    rejects(shows_the_examples, right=PAGE, wrong=PAGE.replace("label_smoothing=0.0, ", ""))
    rejects(shows_the_examples, right=PAGE, wrong=PAGE.replace("`examples/integrations/with_torchvision.py`", ""))
