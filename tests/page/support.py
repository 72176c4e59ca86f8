"""What tests of the page share beside fixtures: screens, and copies with an error in them."""

from __future__ import annotations

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
