"""Figures of Matplotlib as they can stand in one page: small, named, and with ids that no other figure has."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

DECIMALS = 1
"""Of a coordinate: a tenth of a point is less than a screen shows."""
_NOT_DRAWN = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<\?xml.*?\?>|<!DOCTYPE.*?>", re.DOTALL)
_SIZES = re.compile(r' (?:width|height)="[\d.]+pt"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]+)')
_ID = re.compile(r' id="([^"]*)"')
_LONG = re.compile(r"-?\d+\.\d{2,}")
_LINES = re.compile(r"([ML] \S+ \S+)((?:\nL [-\d.]+ [-\d.]+)+)")
_FONT = re.compile(r"font-family: [^;\"]*;? ?")
_STYLE = re.compile(r' style="([^"]*)"')
_GROUP = re.compile(r"<g\b[^>]*(?<!/)>|</g>")
_GEOMETRY = re.compile(r' (?:d|x|y|points)="[^"]*"|translate\([^)]*\)')


def inline(path: Path, title: str) -> str:
    """The svg element of a file, with ``title`` for those who don't see it. Ids that nothing refers to are left out."""
    name, text = path.stem, _NOT_DRAWN.sub("", path.read_text(encoding="utf-8"))
    used = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", text[text.index("<svg") :])
    text = _REFERENCE.sub(lambda found: found[0].replace("#", f"#{name}-"), text)
    text = _GEOMETRY.sub(lambda found: _LONG.sub(_short, found[0]), text)
    text = _FONT.sub("", text)  # that of the page
    rules, text = _classes(name, text)
    text = re.sub(r"\s*\n\s*", "\n", _ungrouped(text))
    text = _LINES.sub(lambda found: found[1] + found[2].replace("L ", ""), text)  # a point after a point is a line, too
    head, rest = text.split(">", 1)
    label = f"{name}-title"
    named = f'role="img" aria-labelledby="{label}"><title id="{label}">{escape(title)}</title>'
    return f"{_SIZES.sub('', head)} {named}<style>{rules}</style>{rest.strip()}"


def _classes(name: str, text: str) -> tuple[str, str]:
    """The rules that the styles of a figure come down to, and the figure with classes in their place: most of it is the same few styles."""
    classes: dict[str, str] = {}
    text = _STYLE.sub(lambda found: f' class="{classes.setdefault(found[1], f"{name}-{len(classes)}")}"', text)
    return "".join(f".{called}{{{style}}}" for style, called in classes.items()), text


def _ungrouped(text: str) -> str:
    """Without the groups that say nothing of what is in them: Matplotlib puts one around each tick."""
    speaks: list[bool] = []

    def kept(found: re.Match[str]) -> str:
        if found[0] != "</g>":
            speaks.append(found[0] != "<g>")
            return found[0] if speaks[-1] else ""
        return found[0] if speaks.pop() else ""

    return _GROUP.sub(kept, text)


def _short(found: re.Match[str]) -> str:
    return f"{float(found[0]):.{DECIMALS}f}".removesuffix(".0")
