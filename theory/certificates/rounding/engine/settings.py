"""Constants and runs at which the enclosures are taken: a repeatable sample over many orders of magnitude."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import biased, clipping, growing_noise, last_iterate, lsr, momentum, sgd, sgd_pl, sharp, sharp_exact, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth

Numbers = dict[str, float]
Arrays = Mapping[str, ArrayLike]
"""Numbers of one setting, or of many."""
SAMPLES = 400


def sample(count: int = SAMPLES, seed: int = 0) -> list[Numbers]:
    """``count`` settings: constants from 1e-6 to 1e6, ``κ`` from 1 to 1e6, steps to 1e9, step sizes from 1e-6/L to 1/L."""
    rng, growth = np.random.default_rng(seed), np.random.default_rng([seed, 1])

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
    for n in settings:
        rho = 1 - n["theta"] + n["theta"] * n["delta"]
        room = min(2 / (n["eta"] * n["L"]) - 1, 1 / rho)  # C20 needs B to be below it
        n |= {"A": float(10 ** growth.uniform(-6, 6)), "B": float(growth.uniform(0, 0.9) * room)}
        n["clip"] = float(10 ** growth.uniform(-6, 6))
        n["momentum"] = float(growth.uniform(0, 0.9) * (1 - np.sqrt(n["eta"] * n["L"])))  # C21 needs ηL(1+m) < 2(1-m)²
    return settings


def totals(name: str, settings: Sequence[Numbers]) -> list[float]:
    """A bound at all settings, computed at once."""
    together = {key: np.array([n[key] for n in settings]) for key in settings[0]}
    return [float(total) for total in BOUNDS[name](together).total]


def constants(n: Arrays) -> Constants:
    """The constants of a setting, or of many."""
    return Constants(**{name: n[name] for name in ("L", "mu", "sigma2", "delta", "F0")})


def oracle(n: Arrays) -> SmoothingOracle:
    """The bias and the noise of a setting's ĝ, or of many."""
    return SmoothingOracle(beta2=n["beta2"], nu2=n["nu2"], c=n["c"])


def _growth(n: Arrays) -> Growth:
    return Growth(A=n["A"], B=n["B"])


# The very functions that users call.
BOUNDS: dict[str, Callable[[Arrays], Bound]] = {
    "C4": lambda n: sgd.bound(constants(n), eta=n["eta"], T=n["T"]),
    "C5": lambda n: lsr.bound(constants(n), eta=n["eta"], T=n["T"], theta=n.get("theta")),
    "C7": lambda n: two_stage.stage_one(constants(n), eta1=n["eta"], T1=n["T"], theta=n.get("theta")),
    "C8": lambda n: two_stage.bound(constants(n), eta1=n["eta"], T1=n["T"], eta2=n["eta2"], T2=n["T2"], theta=n.get("theta")),
    "C12": lambda n: biased.bound(constants(n), oracle(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C12, gap": lambda n: biased.gap_bound(constants(n), oracle(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C15a": lambda n: sgd_pl.last_iterate_bound(constants(n), eta=n["eta"], T=n["T"]),
    "C16": lambda n: worst_case.sgd_bound(constants(n), eta=n["eta"], T=n["T"]),
    "C18": lambda n: sharp.bound(constants(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C18, exact": lambda n: sharp_exact.bound(constants(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C19": lambda n: last_iterate.bound(constants(n), eta=n["eta"], T=n["T"], theta=n.get("theta")),
    "C20": lambda n: growing_noise.sgd_bound(constants(n), _growth(n), eta=n["eta"], T=n["T"]),
    "C20, smoothed": lambda n: growing_noise.lsr_bound(constants(n), _growth(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
    "C21": lambda n: momentum.bound(constants(n), eta=n["eta"], T=n["T"], momentum=n["momentum"]),
    "C22": lambda n: clipping.bound(constants(n), eta=n["eta"], T=n["T"], clip=n["clip"], steepest=np.asarray(n["clip"]) / 2),
    "C19, split": lambda n: last_iterate.split_bound(constants(n), oracle(n), eta=n["eta"], T=n["T"], theta=n["theta"]),
}
