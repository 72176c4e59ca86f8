"""What both pages of the study have of their findings: all of them as a long table, and numbers and words for the short ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tsla.empirics.experiments.study.findings import MATTERS, WORDS, Finding
from tsla.empirics.experiments.study.words import Said
from tsla.empirics.statistics.intervals import Interval
from tsla.empirics.statistics.power import seeds_for
from tsla.figures import markdown
from tsla.figures.documents.table import Cell, Long, Table


def comparisons(found: Iterable[Finding]) -> Table:
    """All that is known of each. The seeds needed see the smallest effect that matters in four studies of five, at the own spread."""
    rows: list[dict[str, Cell]] = [
        {
            "claim": one.claim,
            "setting": one.setting,
            "compared": one.what,
            "difference": one.interval,
            "p": one.p,
            "p (Holm)": one.adjusted,
            "d_z in favour": one.effect,
            "standard deviation": one.spread,
            "matters": MATTERS[one.claim],
            "seeds needed": seeds_for(MATTERS[one.claim] / one.spread),
            "seeds": len(one.differences),
            "power": one.power,
            "η at an edge": "yes" if one.at_edge else "no",
            "verdict": one.word,
            "aside": one.aside,
        }
        for one in found
    ]
    return Table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def verdicts(claims: Mapping[str, Iterable[Said]]) -> Table:
    """The settings under each of the plan's words, with seeds and power."""
    cells = [(claim, *line) for claim, said in claims.items() for _, *line in said]
    return Table(("claim", "on these settings", "verdict", "where"), cells)


def hundredths(interval: Interval) -> str:
    """Points of accuracy, per cent of a variance, hundredths of the logarithm of a loss."""
    return str(Interval(100 * interval.estimate, 100 * interval.low, 100 * interval.high))


def worded(one: Finding) -> str:
    """The word of the plan, and what it would hide."""
    return f"{one.word}, {one.aside}" if one.aside else one.word


def counted(rows: Mapping[tuple[str, ...], Iterable[Finding]], titles: tuple[str, ...]) -> str:
    """A line a claim, with how many settings have each of the plan's words."""
    lines = [(*row, *(str(Counter(one.word for one in found)[word]) for word in WORDS)) for row, found in rows.items()]
    return markdown.table((*titles, *WORDS), lines)


def commands(page: str, long: Mapping[str, Long]) -> str:
    """A line a long table: what prints it, and what it is."""
    return markdown.table(("command", "table"), [(f"`tsla docs --table {page}.{name}`", title) for name, (title, _) in long.items()])
