"""The article put together: claims, figures, numbers and scripts in one HTML page of which nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tsla.empirics.experiments.study import never_dropped
from tsla.empirics.runs import records
from tsla.empirics.runs.files import write_text
from tsla.figures import gallery, live, style
from tsla.figures.evidence import Evidence
from tsla.figures.page import calculator, numbers, svg
from tsla.figures.page.answers import advice, answers, early_speed, shortest_plan, smaller_step, studied
from tsla.figures.page.claims import cards
from tsla.figures.page.runs import provenance, runs
from tsla.figures.page.symbols import MEANINGS

HERE = Path(__file__).parent
SCRIPTS = ("plot", "controls", "curves", "forest", "along", "record", "network", "page")
"""In the order in which they run: each uses what the ones before it define."""
THETA = 0.3
"""What the knob of the strength is set to at first."""
INLINE = 30_000
"""A figure of the gallery of more characters lies beside the page alone."""


@dataclass(frozen=True)
class Figure:
    """A figure of the gallery: what it found, what it draws, and its svg element, or none where it is too large."""

    name: str
    finding: str
    caption: str
    svg: str


def write(source: Path, fresh: Path, figures: Path, evidence: Sequence[Evidence], out: Path) -> Path:
    """Write the page to ``out``, which lies in the folder that has ``figures``. Returns it.

    source: the folder of the records; ``fresh``: of those that the report made itself; ``figures``: of what was drawn from both, each
    figure beside the CSV of its numbers.
    """

    @cache
    def tables(name: str) -> pd.DataFrame:
        return pd.read_csv(figures / f"{name}.csv")

    shown, code = cards(evidence, records.of(source, "certificates").table, tables), _script()
    never = never_dropped.of_records(source)
    looks = style.METHODS | {f"shade{i}": look for i, look in enumerate(style.SHADES)}
    page = (
        _environment()
        .get_template("page.html")
        .render(
            advice=advice(tables, never),
            answers=answers(tables, never),
            study=studied(tables("forest")),
            early=early_speed(tables("forest")),
            shortest=shortest_plan(tables("phases")),
            step=smaller_step(tables("delta_along_training")),
            cards=shown,
            marks=dict.fromkeys((card.verdict, card.mark) for card in shown),
            findings={name: module.finding(tables(name)) for name, module in gallery.modules().items()},
            gallery=_gallery(figures, tables),
            runs=runs(source, fresh),
            records=provenance(source),
            symbols=MEANINGS,
            theta=THETA,
            looks={name: (look["color"], style.dasharray(look)) for name, look in looks.items()},
            css=(HERE / "page.css").read_text(encoding="utf-8"),
            numbers=numbers.script(numbers.numbers(source, tables, never)),
            script=code,
            hash=base64.b64encode(hashlib.sha256(code.encode()).digest()).decode(),
        )
    )
    write_text(out, page)
    return out


def _environment() -> Environment:
    """Whatever is not marked as HTML is escaped, and a name that a template has alone is an error."""
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _script() -> str:
    """The page's calculator, and what draws with it. The calculator is its one global name."""
    own = "\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    lines = (line.strip() for line in f"{calculator.script()}\n(() => {{\n{own}\n}})();".splitlines())  # no text goes over several
    return "".join(f"{line}\n" for line in lines if not line.startswith("//"))


def _gallery(figures: Path, tables: Callable[[str], pd.DataFrame]) -> list[Figure]:
    shown = [_figure(figures, name, module, module.finding(tables(name))) for name, module in gallery.modules().items()]
    return [*shown, _figure(figures, "live", live, "What was trained for this page lies over its record")]


def _figure(figures: Path, name: str, module: ModuleType, finding: str) -> Figure:
    element = svg.inline(figures / f"{name}.svg", finding)
    return Figure(name, finding, module.CAPTION, element if len(element) <= INLINE else "")
