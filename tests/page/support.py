"""What tests of the page share beside fixtures: screens, copies with an error in them, and numbers as the page writes them."""

from __future__ import annotations

import re
from pathlib import Path

SCREENS = {
    "phone": {"viewport": {"width": 390, "height": 844}},
    "laptop": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "wide": {"viewport": {"width": 3840, "height": 2160}},
}


def planted(article: Path, tmp_path: Path, wrong: tuple[str, str]) -> Path:
    """A copy of the page with an error in it."""
    text = article.read_text(encoding="utf-8")
    assert wrong[0] in text
    copy = tmp_path / "wrong.html"
    copy.write_text(text.replace(*wrong).replace("script-src 'sha256-", "script-src 'unsafe-inline' 'none-"), encoding="utf-8")
    return copy


NUMBER = r"(-?[\d.,]+(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|-?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
NUMBERS = "() => JSON.parse(document.getElementById('numbers').textContent)"


def as_number(text: str) -> float:
    """Of a number as the page writes it."""
    front, _, power = re.sub(r"^(-?)10(?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])", r"\g<1>1·10", text.replace(",", "")).rstrip(".").partition("·10")
    return float(front) * 10 ** float(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
