"""Every bound that is computed in float64 is a bound: never below its enclosure, and above it by less than a relative 1e-12."""

from __future__ import annotations

from collections.abc import Iterator

from flint import arb

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.rounding.engine.balls import FORMULAS, Values, above, below, exactly, to_half_an_ulp
from tsla.theory.certificates.rounding.engine.outcome import enclosure
from tsla.theory.certificates.rounding.engine.settings import BOUNDS, Numbers, sample, totals

CLOSE = 1e-12
WIDTH = 0.01  # relative half-width of the boxes of constants; counts of steps are not widened
WIDENED = ("L", "sigma2", "delta", "F0", "beta2", "nu2", "c")


def certificates() -> Iterator[Certificate]:
    """For each bound: at exact arguments, at the paper's own θ, and over boxes of constants."""
    for name in BOUNDS:
        settings = sample()
        yield _certificate(name, "float64", _as_floats(name, settings))
        if name in ("C5", "C7", "C8", "C19"):
            default = [{k: v for k, v in n.items() if k != "theta"} for n in settings]
            yield _certificate(name, "float64, default theta", _as_floats(name, default))
        yield _certificate(name, "box", _over_boxes(name, settings))


def _certificate(name: str, what: str, outcomes: list[tuple[bool, bool]]) -> Certificate:
    statement = f"{name} in float64 is not below its enclosure and within {CLOSE:g} of it, at {len(outcomes)} settings"
    if what == "box":
        statement = f"over boxes of constants ±{WIDTH:.0%}, float64 at the corners and the middle lies in the enclosure of {name}"
    held, rejected = zip(*outcomes, strict=True)
    return enclosure(f"{name}: {what}", statement, held, any(rejected))


def _as_floats(name: str, settings: list[Numbers]) -> list[tuple[bool, bool]]:
    return [_as_float(name, n, total) for n, total in zip(settings, totals(name, settings), strict=True)]


def _as_float(name: str, n: Numbers, total: float) -> tuple[bool, bool]:
    """Whether the bound lies where it should; and whether a bound that is a relative 1e-13 smaller, a planted one, is told from it.

    The arguments are taken to half an ulp, as decimals are: the enclosure is what the user's numbers may stand for.
    """
    ball = FORMULAS[name]({key: to_half_an_ulp(value) if key not in ("T", "T2") else exactly(value) for key, value in n.items()})
    point = FORMULAS[name]({key: exactly(value) for key, value in n.items()})
    holds = not below(total, ball) and not above(total, point * (1 + CLOSE))
    return holds, below(total * (1 - 1e-13), point)


def _over_boxes(name: str, settings: list[Numbers]) -> list[tuple[bool, bool]]:
    """Whether float64 at the middle and at the two corners where all the constants are smallest or largest lies in the box's enclosure."""
    corners = [[_corner(n, factor) for n in settings] for factor in (1 - WIDTH, 1.0, 1 + WIDTH)]
    found = list(zip(*(zip(at, totals(name, at), strict=True) for at in corners), strict=True))
    return [_over_box(name, n, [total for corner, total in at if corner["mu"] == n["mu"]]) for n, at in zip(settings, found, strict=True)]


def _corner(n: Numbers, factor: float) -> Numbers:
    """Step sizes are halved, so that every L of the box allows them."""
    moved = {key: value * factor if key in WIDENED else value for key, value in n.items()}
    return moved | {"eta": n["eta"] / 2, "eta2": n["eta2"] / 2, "mu": min(n["mu"], moved["L"])}


def _over_box(name: str, n: Numbers, within: list[float]) -> tuple[bool, bool]:
    box: Values = {key: arb(value, value * WIDTH) if key in WIDENED else exactly(value) for key, value in n.items()}
    enclosure = FORMULAS[name](box | {"eta": exactly(n["eta"] / 2), "eta2": exactly(n["eta2"] / 2)})
    holds = not any(below(total, enclosure) or above(total * (1 - 1e-14), enclosure) for total in within)
    smallest = float(enclosure.lower())
    return holds, below(smallest * (1 - 1e-6), enclosure)
