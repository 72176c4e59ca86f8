"""The page of licences is that of what is installed, and a licence that asks for more is refused."""

from __future__ import annotations

import re
from importlib.metadata import Distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.supply.licences import PAGE, brought, licence, table
from tsla.extras import EXTRAS
from tsla.theory.testing.planted import Rejects


@pytest.fixture(scope="module")
def distributions() -> dict[str, Distribution]:
    return brought("tsla", ["all"])


def test_the_page_has_what_all_extras_ask_for_and_all_that_is_installed_is_compatible(
    distributions: dict[str, Distribution], rejects: Rejects
) -> None:
    """What these bring in turn changes with their releases, and the page has it as it was when it was written."""

    def is_current(text: str) -> None:
        asked = {Requirement(line).name for line in distributions["tsla"].requires or [] if Requirement(line).name != "tsla"}
        others = {name for name in map(canonicalize_name, asked) if name in distributions}
        assert others <= set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))

    assert table(distributions)
    text = PAGE.read_text(encoding="utf-8")
    rejects(is_current, right=text, wrong=text.replace("| `numpy` |", "| `number` |"))


def test_all_of_all_extras_is_there(distributions: dict[str, Distribution]) -> None:
    """And what they need themselves: `click` comes with ray."""
    assert {"numpy", "click"} <= set(distributions)
    assert len(distributions) > len(EXTRAS["all"])


@pytest.mark.parametrize(
    ("metadata", "classifiers", "expression"),
    [
        ({"License-Expression": "MIT AND Zlib", "License": "GPL"}, [], "MIT AND Zlib"),
        ({"License": "a text of many lines"}, ["License :: OSI Approved :: BSD License"], "BSD"),
        ({"License": "Apache 2.0"}, ["Programming Language :: Python"], "Apache-2.0"),
        ({"License-Expression": "Apache-2.0 WITH LLVM-exception"}, [], "Apache-2.0 WITH LLVM-exception"),
    ],
)
def test_a_licence_is_what_the_metadata_say(metadata: dict[str, str], classifiers: list[str], expression: str) -> None:
    assert licence("any", metadata, classifiers) == expression


@pytest.mark.parametrize("said", ["GPL-3.0-only", "MIT AND AGPL-3.0-or-later", "UNKNOWN", ""])
def test_a_licence_that_is_not_known_to_be_compatible_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=f"any has the licence {said!r}; must be one that is known to be compatible"):
        licence("any", {"License": said})
