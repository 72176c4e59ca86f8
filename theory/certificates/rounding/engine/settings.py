"""Constants and runs at which the enclosures are taken: a repeatable sample over many orders of magnitude."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tsla.theory import biased, lsr, sgd, sgd_pl, sharp, sharp_exact, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants

Numbers = dict[str, float]
SAMPLES = 400


def sample(count: int = SAMPLES, seed: int = 0) -> list[Numbers]:
    """``count`` settings: constants from 1e-6 to 1e6, ``κ`` from 1 to 1e6, steps to 1e9, step sizes from 1e-6/L to 1/L."""
    rng = np.random.default_rng(seed)

    def power(low: float, high: float) -> float:
        return float(10 ** rng.uniform(low, high))

    settings = []
    for _ in range(count):
        L = power(-6, 6)
        sigma2, nu2 = power(-6, 6), power(-6, 6)
        settings.append(
            {
                "L": L,
                "mu": L / power(0, 6),
                "sigma2": sigma2,
                "delta": power(-8, 2),
                "F0": power(-6, 6),
                "eta": power(-6, 0) / L * (1 - 1e-12),
                "T": float(round(power(0, 9))),
                "eta2": power(-6, 0) / L * (1 - 1e-12),
                "T2": float(round(power(0, 9))),
                "theta": float(rng.uniform(0, 1)),
                "beta2": power(-6, 6),
                "nu2": nu2,
                "c": float(rng.uniform(0, 1) * np.sqrt(sigma2 * nu2)),
            }
        )
    return settings


def constants(n: Numbers) -> Constants:
    """The constants of a setting."""
    return Constants(**{name: n[name] for name in ("L", "mu", "sigma2", "delta", "F0")})


def _oracle(n: Numbers) -> SmoothingOracle:
    return SmoothingOracle(beta2=n["beta2"], nu2=n["nu2"], c=n["c"])


# The very functions that users call.
BOUNDS: dict[str, Callable[[Numbers], Bound]] = {
    "C4": lambda n: sgd.bound(constants(n), eta=n["eta"], T=n["T"]),
    "C5": lambda n: lsr.bound(constants(n), eta=n["eta"], T=n["T"], theta=n.get("theta")),
    "C7": lambda n: two_stage.stage_one(constants(n), eta1=n["eta"], T1=n["T"], theta=n.get("theta")),
    "C8": lambda n: two_stage.bound(constants(n), eta1=n["eta"], T1=n["T"], eta2=n["eta2"], T2=n["T2"], theta=n.get("theta")),
    "C12": lambda n: biased.bound(constants(n), _oracle(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C12, gap": lambda n: biased.gap_bound(constants(n), _oracle(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C15a": lambda n: sgd_pl.last_iterate_bound(constants(n), eta=n["eta"], T=n["T"]),
    "C16": lambda n: worst_case.sgd_bound(constants(n), eta=n["eta"], T=n["T"]),
    "C18": lambda n: sharp.bound(constants(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C18, exact": lambda n: sharp_exact.bound(constants(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
}
