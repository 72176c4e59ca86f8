"""What ``tsla certify`` prints: a row a claim, from its certificates, and every one of them that failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tsla.empirics.runs import records
from tsla.theory.certificates import Certificate
from tsla.theory.claims import CLAIMS
from tsla.theory.text import aligned

HEAD = ["claim", "composes", "steps", "worst cases", "enclosures", "rejected"]
"""The last are wrong versions. The titles of the claims would make lines of more than WIDTH columns."""


def read(path: Path) -> list[Certificate]:
    """The certificates of a record, in its order. Raises ValueError where it is not a record."""
    table = records.read(path).table
    return [Certificate(**dict(zip(table.columns, row, strict=True))) for row in table.itertuples(index=False)]


def summary(certificates: Sequence[Certificate]) -> str:
    """A row a claim that has certificates, and below them a line a failure, with its reason."""
    found = {claim.id: [c for c in certificates if c.claim == claim.id] for claim in CLAIMS}
    table = aligned([HEAD, *([title, *_cells(own)] for title, own in found.items() if own)])
    return "\n".join([table, *map(_failure, failures(certificates))])


def failures(certificates: Sequence[Certificate]) -> list[Certificate]:
    """Those that do not hold, or that a wrong version survived."""
    return [certificate for certificate in certificates if certificate.failed]


def _cells(certificates: Sequence[Certificate]) -> list[str]:
    algebra, worst, enclosures = ([c for c in certificates if c.kind == kind] for kind in ("algebra", "worst case", "rounding"))
    composites = [c for c in algebra if c.guarantee == "composite"]
    steps = [c for c in algebra if c.guarantee != "composite"]
    kinds = " + ".join(f"{len(held)} {guarantee}" for guarantee in ("tight", "upper", "lower") if (held := _held(worst, guarantee)))
    return [
        _of(len(_held(composites)), len(composites)),
        _of(len(_held(steps)), len(steps)),
        f"{kinds or 0} of {len(worst)}" if worst else "",
        _of(len(_held(enclosures)), len(enclosures)),
        _of(sum(c.rejected for c in certificates), sum(c.planted for c in certificates)),
    ]


def _held(certificates: Sequence[Certificate], guarantee: str | None = None) -> list[Certificate]:
    return [c for c in certificates if c.holds and guarantee in (None, c.guarantee)]


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else ""


def _failure(certificate: Certificate) -> str:
    what = "wrong versions survive" if certificate.holds else "does not hold"
    return f"{certificate.claim} {certificate.kind}, {certificate.name}: {what}: {certificate.reason}".strip()
