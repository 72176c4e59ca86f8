"""From what was found at every setting to one certificate."""

from __future__ import annotations

from collections.abc import Sequence

from tsla.theory.certificates import Certificate, because


def enclosure(claim: str, name: str, statement: str, held: Sequence[bool], rejected: bool) -> Certificate:
    """The certificate of a check that ``held`` at some settings, and of whether it rejected its wrong version at one of them."""
    failing = [number for number, held_there in enumerate(held) if not held_there]
    return Certificate(
        claim=claim,
        kind="rounding",
        name=name,
        statement=statement,
        guarantee="enclosure",
        holds=not failing,
        rejected=int(rejected),
        planted=1,
        reason=because(
            f"not so at {len(failing)} of {len(held)} settings, the first of which is number {failing[0]}" if failing else "",
            "" if rejected else "its wrong version is not rejected",
        ),
    )
