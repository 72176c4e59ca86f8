"""A card for each claim: its verdict, one number, what is evidence for it, and where to look."""

from __future__ import annotations

import inspect
import pkgutil
import re
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import pandas as pd

import tsla.theory
from tsla.empirics.experiments.study.findings import SUPPORTED
from tsla.empirics.experiments.study.settings import CONFIRMATORY, PATHS, TUNING
from tsla.empirics.experiments.study.third_verdicts import RECORDS
from tsla.figures import gallery
from tsla.figures.evidence import Evidence, rejected, verdict
from tsla.figures.page.answers import Tables
from tsla.figures.page.symbols import Piece, pieces
from tsla.theory.claims import CLAIMS, KINDS, Claim
from tsla.theory.commands import options
from tsla.theory.method import ORACLE, Method
from tsla.theory.methods import declared

MARKS = {
    "proved": "■",
    "steps proved": "◧",
    "upper certificate": "▲",
    "instances": "◆",
    "supported": "●",
    "refuted": "✕",
    "by setting": "◐",
}
"""The shape of each verdict, so that colour alone says nothing. That of training claims, which have one for each setting, is the last."""
OTHER = "○"
"""Of what is not decided, or failing."""
STUDY = (*RECORDS, TUNING, CONFIRMATORY, PATHS)
"""The records of the study, of which the claims about training are decided."""
CERTIFIED = ("composite", "algebra", "worst case", "rounding")
"""The kinds of evidence that are counted in the record of certificates; the others are counted as tests."""
EXAMPLE: dict[str, float] = {
    **{"L": 10, "mu": 1, "sigma2": 1, "delta": 0.1, "F0": 1, "eta": 0.01, "T": 1000, "eta1": 0.1, "T1": 24, "eta2": 0.0005, "T2": 160000},
    **{"beta2": 0.05, "nu2": 0.05, "A": 0.1, "B": 0.5, "C": 1, "momentum": 0.5, "clip": 3, "steepest": 1},
}
"""The numbers of a derivation, by the names of the options."""


@dataclass(frozen=True)
class Headline:
    """One number, what it is of, and which of its values are good."""

    number: str
    of: str
    good: str


@dataclass(frozen=True)
class Derivation:
    """The command that derives a bound, and what it prints."""

    command: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """What the page shows of a claim."""

    claim: Claim
    statement: Sequence[Piece]
    verdict: str
    mark: str
    headline: Headline
    chips: Sequence[tuple[str, int]]
    findings: Sequence[str]
    proofs: Sequence[tuple[str, str]]
    derivations: Sequence[Derivation]
    code: Sequence[str]
    figures: Sequence[str]
    records: Sequence[str]
    rejected: int

    @property
    def assumes(self) -> list[str]:
        """What the claim assumes, in the notation of the page."""
        return [one.replace("<=", " ≤ ").replace("<", " < ").replace("eta", "η").replace("delta", "δ") for one in self.claim.assumes]

    @property
    def tile(self) -> str:
        """What the tile says of it: of training at how many comparisons it is supported, else the title."""
        return f"{self.claim.title}: {self.headline.number}" if self.claim.of_training else self.claim.title

    @property
    def kind(self) -> str:
        """The verdict as the name of a class."""
        return self.verdict.replace(" ", "-")


def cards(evidence: Iterable[Evidence], certificates: pd.DataFrame, tables: Tables) -> list[Card]:
    """All of them. ``certificates``: the table of the record."""
    rows = list(evidence)
    slack, forest = tables("slack"), tables("forest")
    return [_card(claim, [row for row in rows if row["id"] == claim.id], certificates, slack, forest) for claim in CLAIMS]


def _card(claim: Claim, rows: list[Evidence], certificates: pd.DataFrame, slack: pd.DataFrame, forest: pd.DataFrame) -> Card:
    word, caught = verdict(rows).strip("*"), rejected(rows)
    own = certificates[certificates["claim"].map(_whole) == claim.id]
    composites = own["guarantee"] == "composite"
    own, proofs = own.assign(kind=own["kind"].mask(composites, "composite")), own[composites]
    return Card(
        claim=claim,
        statement=pieces(claim.statement),
        verdict=word,
        mark=MARKS.get(word, OTHER),
        headline=_headline(claim, caught, slack, forest),
        chips=Counter(_words(claim, forest)).most_common() if claim.of_training else _chips(rows, own),
        findings=[] if claim.of_training else _findings(rows),
        proofs=list(zip(proofs["name"].str.removeprefix(f"{claim.id}, "), proofs["statement"], strict=True)),
        derivations=_derivations(claim),
        code=_code(claim.id),
        figures=[name for name, module in gallery.modules().items() if _cites(module.CAPTION, claim.id)],
        records=STUDY if claim.of_training else ["certificates"] if len(own) else [],
        rejected=caught,
    )


def _whole(part: str) -> str:
    """The claim that a part belongs to: C15 of C15a, C18 of C18-lemma."""
    return re.match(r"[A-Z]\d+", part)[0]  # type: ignore[index]  # ids begin so


def _cites(text: str, claim: str) -> bool:
    return any(_whole(name) == claim for name in re.findall(r"\b[CE]\d+[a-c]?", text))


def _headline(claim: Claim, rejected: int, slack: pd.DataFrame, forest: pd.DataFrame) -> Headline:
    if claim.of_training:
        found = _words(claim, forest)
        return Headline(f"{(found == SUPPORTED).sum()} of {len(found)}", "comparisons at one setting support it", "all would be a law")
    ratios = slack.loc[slack["claim"].map(_whole) == claim.id, "mean"]
    if len(ratios):
        return Headline(f"{100 * ratios.max():.3g} %", "of the bound is reached by the worst case known", "100 % can't be improved")
    return Headline(str(rejected), "wrong versions are caught by its checks", "0 would test nothing")


def _words(claim: Claim, forest: pd.DataFrame) -> pd.Series:
    """What the study's plan calls each comparison of a claim about training."""
    found: pd.Series = forest.loc[forest["claim"].str.split().str[0] == claim.id, "word"]
    return found


def _chips(rows: Iterable[Evidence], certificates: pd.DataFrame) -> list[tuple[str, int]]:
    """Each kind of evidence and how much there is of it: certificates, or tests."""
    tests = Counter(row["kind"] for row in rows if not row["planted"])
    counts = tests | {kind: int((certificates["kind"] == kind).sum()) for kind in CERTIFIED if kind in tests}
    return [(kind, counts[kind]) for kind in KINDS if counts.get(kind)]


def _findings(rows: Iterable[Evidence]) -> list[str]:
    """What the tests say, each once. Of what "it" was half, the page has to say: it stands far from the bound here."""
    said = (row["finding"] for row in rows if not row["planted"] and "finding" in row)
    return list(dict.fromkeys(re.sub(r"\bhalf of (it|the bound) is refuted", "a bound half as large is refuted", one) for one in said))


@cache
def _derivations(claim: Claim) -> tuple[Derivation, ...]:
    return tuple(_derived(method) for method in declared() if method.bounds and _whole(method.claim) == claim.id)


def _derived(method: Method) -> Derivation:
    given = {name: EXAMPLE[name] for name in (*method.needs.split(), *method.run.split())}
    args = Namespace(**dict.fromkeys((*options.CONSTANTS, *ORACLE)) | given)
    known: tuple[Any, ...] = (options.constants(args),)
    known += (options.oracle(args),) if method.splits else (options.growth(args),) if method.grows else ()
    run = {name: given[name] for name in method.run.split()}
    words = [f"--{name} {value:g}" for name, value in given.items()] + ([f"--{method.switch[0]}"] if method.switch else [])
    command = f"tsla bound {method.within or method.name} {' '.join(words)} --why"
    return Derivation(command, tuple(map(str, method.why(*known, **run))))


@cache
def _code(claim: str) -> tuple[str, ...]:
    """The functions of theory that name the claim in their docstrings, as ``theory/FILE: NAME``."""
    return tuple(f"{where}: {name}" for where, name, text in _documented() if _cites(text, claim))


@cache
def _documented() -> tuple[tuple[str, str, str], ...]:
    return tuple(found for module in pkgutil.iter_modules(tsla.theory.__path__) if not module.ispkg for found in _within(module.name))


def _within(name: str) -> Iterator[tuple[str, str, str]]:
    module = import_module(f"tsla.theory.{name}")
    for called, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__ or called.startswith("_"):
            continue
        if inspect.isfunction(value):
            yield f"theory/{name}.py", called, value.__doc__ or ""
        elif inspect.isclass(value):
            members = ((part, getattr(of, "fget", of)) for part, of in vars(value).items() if not part.startswith("_"))
            yield from ((f"theory/{name}.py", f"{called}.{part}", of.__doc__ or "") for part, of in members if inspect.isfunction(of))
