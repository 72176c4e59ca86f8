"""The formulas of the bounds in Arb balls, written from the claims and not from the code that they check.

A ball argument stands for every number in it, and so the result encloses the formula over a whole box of constants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, ctx

Ball = Any  # flint.arb, which has no type stubs
Values = dict[str, Ball]

PRECISION = 256  # bits; an enclosure at exact arguments is then some 60 digits narrow
ctx.prec = PRECISION
HALF_ULP = 2.0**-53


def exactly(value: float) -> Ball:
    """The float itself."""
    return arb(value)


def to_half_an_ulp(value: float) -> Ball:
    """Every real number that rounds to the float: the decimal that a user typed is among them."""
    return arb(value, abs(value) * HALF_ULP)


def paper_floor(v: Values) -> Ball:
    """``V(θ)`` of C2 at the paper's θ."""
    return 2 * v["delta"] * v["sigma2"] / (1 + v["delta"])


def lemma(v: Values) -> Ball:
    """``V(θ)`` of C2; at the paper's θ where none is given."""
    if "theta" not in v:
        return paper_floor(v)
    return (1 - v["theta"]) * v["sigma2"] + v["theta"] * v["delta"] * v["sigma2"]


def noise(v: Values) -> Ball:
    """``N(θ)`` of C12."""
    t = v["theta"]
    return (1 - t) ** 2 * v["sigma2"] + t**2 * v["nu2"] + 2 * t * (1 - t) * v["c"]


def c4(v: Values) -> Ball:
    """Plain SGD."""
    return 2 * v["F0"] / (v["eta"] * v["T"]) + v["eta"] * v["L"] * v["sigma2"]


def c5(v: Values) -> Ball:
    """LSR."""
    return 2 * v["F0"] / (v["eta"] * v["T"]) + lemma(v)


def c7(v: Values) -> Ball:
    """Stage 1 of TSLA."""
    return (1 - v["eta"] * v["mu"]) ** v["T"] * v["F0"] + lemma(v) / (2 * v["mu"])


def c8(v: Values) -> Ball:
    """TSLA; ``eta``, ``T`` are those of stage 1, ``eta2``, ``T2`` those of stage 2."""
    return 2 * c7(v) / (v["eta2"] * v["T2"]) + v["eta2"] * v["L"] * v["sigma2"]


def c12(v: Values) -> Ball:
    """LSR with bias and noise apart."""
    return 2 * v["F0"] / (v["eta"] * v["T"]) + v["theta"] ** 2 * v["beta2"] + v["eta"] * v["L"] * noise(v)


def c12_gap(v: Values) -> Ball:
    """The gap of LSR with bias and noise apart, under A4."""
    floor = v["theta"] ** 2 * v["beta2"] + v["eta"] * v["L"] * noise(v)
    return (1 - v["eta"] * v["mu"]) ** v["T"] * v["F0"] + floor / (2 * v["mu"])


def c15a(v: Values) -> Ball:
    """Last iterate of SGD under A4."""
    return 2 * v["L"] * (1 - v["eta"] * v["mu"]) ** v["T"] * v["F0"] + v["eta"] * v["L"] ** 2 * v["sigma2"] / v["mu"]


def c19(v: Values) -> Ball:
    """Last iterate of LSR under A4."""
    return 2 * v["L"] * c7(v)


def c19_split(v: Values) -> Ball:
    """Last iterate of LSR with bias and noise apart, under A4."""
    return 2 * v["L"] * c12_gap(v)


def c16(v: Values) -> Ball:
    """SGD at its exact worst case."""
    return c4(v) / (2 - v["eta"] * v["L"])


def sharp(v: Values) -> Ball:
    """``U(θ)`` of C18."""
    return v["sigma2"] * (1 - v["theta"] + v["theta"] * v["delta"].sqrt()) ** 2


def c18(v: Values) -> Ball:
    """LSR at the worst split of A3."""
    x, true, smoothing = v["eta"] * v["L"], 1 - v["theta"], v["theta"] * v["delta"].sqrt()
    noise = (x * true / (1 - x)).min(smoothing)
    return 2 * v["F0"] / (v["eta"] * v["T"]) + v["sigma2"] * (smoothing**2 - noise**2 + x * (true + noise) ** 2)


def c18_exact(v: Values) -> Ball:
    """LSR at the worst split of A3, nothing dropped."""
    x, a2, q2 = v["eta"] * v["L"], (1 - v["theta"]) ** 2 * v["sigma2"], v["theta"] ** 2 * v["delta"] * v["sigma2"]
    keep, rest2 = 2 - x, (1 - x) ** 2
    C = 2 * v["F0"] / (v["eta"] * v["T"]) + x * (a2 + q2)
    root = (keep * C * rest2 + q2 * rest2**2 + keep**2 * x**2 * a2).sqrt()
    return (keep * C + 2 * q2 * rest2 + 2 * q2.sqrt() * root) / keep**2


def weighted(v: Values, a: Ball, rho: Ball, left: Ball) -> Ball:
    """What C20 makes of the growth a of the gap, of the error's factor ρ, and of what is left of the descent."""
    return (2 * v["F0"] / v["eta"] * a / (1 - 1 / (1 + a) ** v["T"]) + rho * v["sigma2"]) / left


def c20(v: Values) -> Ball:
    """SGD where the noise grows."""
    scale = v["eta"] * v["L"]
    return weighted(v, scale * v["eta"] * v["A"], scale, 2 - scale * (1 + v["B"]))


def c20_smoothed(v: Values) -> Ball:
    """LSR where the noise grows."""
    rho = lemma({**v, "sigma2": exactly(1.0)})
    return weighted(v, v["eta"] * rho * v["A"], rho, 1 - rho * v["B"])


def c21(v: Values) -> Ball:
    """SGD with momentum."""
    m = v["momentum"]
    h = v["eta"] / (1 - m)
    return (2 * v["F0"] / (h * v["T"]) + h * v["L"] * (1 + m) * v["sigma2"]) / (2 - h * v["L"] * (1 + m) / (1 - m))


def c22(v: Values) -> Ball:
    """Clipped SGD, where ``‖∇F‖`` is at most half of what it is clipped to."""
    return c4(v) + v["sigma2"] ** 2 / (16 * (v["clip"] / 2) ** 2)


FORMULAS: dict[str, Callable[[Values], Ball]] = {
    "C4": c4,
    "C5": c5,
    "C7": c7,
    "C8": c8,
    "C12": c12,
    "C12, gap": c12_gap,
    "C15a": c15a,
    "C16": c16,
    "C18": c18,
    "C18, exact": c18_exact,
    "C19": c19,
    "C19, split": c19_split,
    "C20": c20,
    "C20, smoothed": c20_smoothed,
    "C21": c21,
    "C22": c22,
}


def below(value: float | str, ball: Ball) -> bool:
    """Whether the float, or the decimal, is below everything in the ball."""
    return bool(arb(value) < ball)


def above(value: float | str, ball: Ball) -> bool:
    """Whether the float, or the decimal, is above everything in the ball."""
    return bool(arb(value) > ball)
