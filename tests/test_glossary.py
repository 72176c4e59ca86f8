"""docs/glossary.md has every symbol and every word that is special to the project."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from tsla.empirics.training.configuration import FIELDS
from tsla.theory import claims
from tsla.theory.commands.options import OPTIONS
from tsla.theory.methods import FIRST
from tsla.theory.moments import MOMENTS
from tsla.theory.testing.planted import Rejects, assert_rejects

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = sorted(page for page in [ROOT / "README.md", ROOT / "paper_checks.md", *(ROOT / "docs").glob("*.md")] if page != GLOSSARY)
NAMES = {"Łojasiewicz", "Richtárik"}  # of people, whose letters are no symbols
CHOICES = {choice for name in ("smoothing", "step_sizes") for choice in FIELDS[name].must.choices}
TRAINED = {"sgd", "lsr", "tsla", "annealed", "adaptive", "linear", "cosine", "shrink", "shrink-tsla"}  # and what others add
WORDS = {*OPTIONS, *FIRST, *MOMENTS, *claims.KINDS, *CHOICES, *TRAINED}


def terms(glossary: str) -> str:
    """Its lines without what they say: what they are about, in the columns before the last."""
    return "\n".join(line.rpartition(" | ")[0] for line in glossary.splitlines() if line.startswith("| "))


def symbols(text: str) -> set[str]:
    """Greek letters, and letters with a mark over them."""
    for name in NAMES:
        text = text.replace(name, "")
    return {
        letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter) in ("Ll", "Lu") and not letter.isascii()
    }


def has_the_symbols_of(page: Path, glossary: str) -> None:
    assert not symbols(page.read_text(encoding="utf-8")) - symbols(terms(glossary))


def has_the_words(glossary: str) -> None:
    said = set(re.split(r"[`,|]\s*", terms(glossary).replace("(", ",").replace(")", ",")))
    assert not WORDS - {word.strip() for word in said}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_symbols(page: Path) -> None:
    has_the_symbols_of(page, GLOSSARY.read_text(encoding="utf-8"))


def test_words_and_that_a_line_that_is_lost_is_missed(rejects: Rejects) -> None:
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    without = "\n".join(line for line in lines if "`eta`" not in line and "`annealed`" not in line)
    rejects(has_the_words, right="\n".join(lines), wrong=without)
    assert_rejects(lambda glossary: has_the_symbols_of(ROOT / "README.md", glossary), "\n".join(line for line in lines if "ŷ" not in line))
