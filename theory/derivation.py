"""The derivation of a bound, line by line, with the numbers of one call in it: to be followed with a pencil (``tsla bound … --why``)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from tsla.theory.representable import UnrepresentableError


@dataclass(frozen=True, init=False)
class Line:
    """A line with ``{}`` in ``text`` for each of ``numbers``, which are all that depends on the call; said to six digits.

    Raises UnrepresentableError for a number that is not finite.
    """

    text: str
    numbers: tuple[float, ...]

    def __init__(self, text: str, *numbers: ArrayLike) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "numbers", tuple(float(number) for number in numbers))  # type: ignore[arg-type]
        if not all(map(math.isfinite, self.numbers)):
            raise UnrepresentableError("a number of the derivation overflows float64 for these constants; rescale F")

    def __str__(self) -> str:
        return self.text.format(*(f"{number:.6g}" for number in self.numbers))
