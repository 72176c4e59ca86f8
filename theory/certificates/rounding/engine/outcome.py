"""From what was found at every setting to one certificate."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tsla.theory.certificates import Certificate, because


def enclosure(name: str, statement: str, held: Sequence[bool], rejected: bool) -> Certificate:
    """The certificate of a check that ``held`` at some settings, and of whether it rejected its wrong version at one of them.

    Its ``name`` begins with the claim, or a part of it.
    """
    failing = [number for number, held_there in enumerate(held) if not held_there]
    return Certificate(
        claim=re.findall(r"^C\d+", name)[0],
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
