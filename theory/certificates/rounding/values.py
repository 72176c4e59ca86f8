"""The other numbers that the command line prints: variances, strengths and batch sizes, in float64 beside their enclosures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tsla.theory import smoothing
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.rounding.engine.balls import Ball, Values, exactly, lemma, noise, paper_floor, sharp
from tsla.theory.certificates.rounding.engine.outcome import enclosure
from tsla.theory.certificates.rounding.engine.settings import Numbers, oracle, sample
from tsla.theory.moments import Moments

CLOSE = 1e-9  # relative; the values of C14 and C11 are differences, which cancel


def _clipped(ball: Ball) -> Ball:
    return ball.max(exactly(0.0)).min(exactly(1.0))


def _moments(n: Numbers) -> Moments:
    return oracle(n).moments(n["sigma2"])


def _unsplit(n: Numbers) -> Moments:
    return Moments.of(s2=n["sigma2"], shat2=n["nu2"], c=n["c"], grad2=n["F0"])


def _best_theta(v: Values) -> Ball:
    scale = v["eta"] * v["L"]
    return _clipped(scale * (v["sigma2"] - v["c"]) / (v["beta2"] + scale * (v["sigma2"] + v["nu2"] - 2 * v["c"])))


def _batch(v: Values) -> Ball:
    return (v["sigma2"] - noise(v)) / (v["theta"] ** 2 * v["beta2"])


# name -> what is printed, and its enclosure; s2, shat2 are sigma2, nu2 of the sample.
VALUES: dict[str, tuple[Callable[[Numbers], object], Callable[[Values], Ball]]] = {
    "C2: V": (lambda n: smoothing.lemma(n["sigma2"], n["delta"], n["theta"]), lemma),
    "C2: V at 1/(1+δ)": (lambda n: smoothing.lemma_at_paper_theta(n["sigma2"], n["delta"]), paper_floor),
    "C18: U": (lambda n: smoothing.sharp(n["sigma2"], n["delta"], n["theta"]), sharp),
    "C11: exact": (lambda n: _unsplit(n).second_moment(n["theta"]), noise),
    "C11: θ*": (
        lambda n: _unsplit(n).theta_star,
        lambda v: _clipped((v["sigma2"] - v["c"]) / (v["sigma2"] + v["nu2"] - 2 * v["c"])),
    ),
    "C12: θ°": (lambda n: _moments(n).theta_for_step(n["eta"] * n["L"]), _best_theta),
    "C14: B_c": (lambda n: _moments(n).critical_batch_size(n["theta"]), _batch),
    "C14: B_c at η": (
        lambda n: _moments(n).critical_batch_size(n["theta"], eta_L=n["eta"] * n["L"]),
        lambda v: v["eta"] * v["L"] * _batch(v),
    ),
    "C17: control": (
        lambda n: _unsplit(n).shrunk.second_moment(n["theta"]),
        lambda v: (1 - v["theta"]) ** 2 * v["sigma2"] + v["theta"] ** 2 * v["F0"],
    ),
}


def certificates() -> Iterator[Certificate]:
    """For each value, at a sample of settings."""
    for name, (computed, formula) in VALUES.items():
        pairs = [(float(computed(n)), formula({key: exactly(x) for key, x in n.items()})) for n in sample(seed=3)]  # type: ignore[arg-type]
        statement = f"{name} in float64 is within {CLOSE:g} of its enclosure, at {len(pairs)} settings"
        held = [_is_close(value, ball) for value, ball in pairs]
        rejected = not all(_is_close(value * (1 + 1e-7), ball) for value, ball in pairs)
        yield enclosure(f"{name}: float64", statement, held, rejected)


def _is_close(value: float, ball: Ball) -> bool:
    return bool(abs(exactly(value) - ball) <= CLOSE * abs(ball))
