"""The digits that the command line prints of a bound are those of a bound: rounded up, by less than a unit of the last digit."""

from __future__ import annotations

from collections.abc import Iterator

from tsla.theory import text
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.rounding.engine.balls import FORMULAS, above, below, exactly, to_half_an_ulp
from tsla.theory.certificates.rounding.engine.outcome import enclosure
from tsla.theory.certificates.rounding.engine.settings import BOUNDS, Numbers, sample

UNIT = 1.001e-3  # of the last of four digits, relative, and a little for float64


def certificates() -> Iterator[Certificate]:
    """For each bound, its printed total."""
    for name in BOUNDS:
        outcomes = [_printed(name, n, text.number_up(BOUNDS[name](n).total)) for n in sample(seed=1)]
        nearest = [_printed(name, n, text.number(BOUNDS[name](n).total)) for n in sample(seed=1)]
        statement = f"the four digits printed of {name} are a bound, and less than a unit of the last one above it"
        rejected = not all(nearest)  # rounding to nearest prints too small a bound about every other time
        yield enclosure(f"{name}: printed", statement, outcomes, rejected)


def _printed(name: str, n: Numbers, digits: str) -> bool:
    ball = FORMULAS[name]({key: to_half_an_ulp(value) if key not in ("T", "T2") else exactly(value) for key, value in n.items()})
    value = digits.replace(",", "")
    return not below(value, ball) and not above(value, ball * (1 + UNIT))
