"""Tables of findings, which both documents of the study have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tsla.empirics.experiments.study.findings import MATTERS, Finding, power_shown
from tsla.empirics.experiments.study.words import Said
from tsla.empirics.statistics.power import seeds_for
from tsla.figures.documents import markdown

POWER = "Power: seeds that see the smallest effect that matters with probability 0.8, in a test at 5 % that stands alone"
"""The title of :func:`power`."""


def verdicts(claims: Mapping[str, Iterable[Said]]) -> str:
    """A line a claim, group of settings and word, below what all settings of each round share."""
    lines = [(claim, *line) for claim, said in claims.items() for _, *line in said]
    rounds = dict.fromkeys(line[0] for said in claims.values() for line in said)
    return "\n\n".join(
        (*(f"{one[0].upper()}{one[1:]}." for one in rounds), markdown.table(("claim", "on these settings", "verdict", "where"), lines))
    )


def power(found: Iterable[Finding]) -> str:
    """How many seeds see the smallest effect that matters in four studies of five, at the differences' own standard deviation."""
    lines = []
    for one in found:
        matters = MATTERS[one.claim]
        about = (one.claim, one.setting, f"{matters:g}", f"{one.spread:.2g}")
        lines.append((*about, str(seeds_for(matters / one.spread)), str(len(one.differences)), power_shown(one.power)))
    return markdown.table(("claim", "setting", "matters", "standard deviation", "seeds needed", "seeds", "power"), lines)
