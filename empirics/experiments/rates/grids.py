"""What is run to measure the rates: problems, methods, regimes of δ and targets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tsla.empirics.experiments.rates.samples import Config


def _grid(largest: float, smallest: float) -> list[float]:
    return [float(f"{eps:.3g}") for eps in np.geomspace(largest, smallest, 6)]


# Of each problem the constants of its runs and the largest ε, which is below ‖∇F(w_0)‖ and near √2σ at most, where C4's noise begins to
# count. The bias is the opposing one; on the stall all of ĝ's error is bias, as C13 has it. The slow valley's slope is tied to ε.
SHARED: Config = {"noise": "normal", "replicas": 200, "compiled": True}
INSTANCES: Mapping[str, tuple[float, Config]] = {
    "stall": (0.8, {"problem": "stall", "sigma2": 1.0, "bias": 1.0}),
    "sine_valley": (1.4, {"problem": "sine_valley", "sigma2": 1.0, "bias": 0.5}),
    "cosine": (0.8, {"problem": "cosine", "sigma2": 1.0, "bias": 0.5}),
    "geman_mcclure": (0.14, {"problem": "geman_mcclure", "sigma2": 0.01, "bias": 0.5}),
    "slow_valley": (
        0.28,
        {"problem": "slow_valley", "problem_options": {"dimension": 1}, "tied": {"eps": 1.0}, "sigma2": 0.04, "bias": 0.5},
    ),
    "quadratic": (
        0.3,
        {"problem": "quadratic", "problem_options": {"dimension": 2, "mu": 0.5}, "sigma2": 1.0, "bias": 0.5, "compiled": False},
    ),
}

# method, q, scale, smallest ε. The smallest ε is where a plan takes a few million samples, or two decades below the largest. At q = 2
# constants decide: TSLA runs with δσ² = 2ε², where smoothing alone doesn't arrive, LSR with ε²/4, where it does.
RUNS: Mapping[str, tuple[tuple[str, float, float, float], ...]] = {
    "stall": (
        ("sgd", 0, 0.2, 0.03),
        ("tsla", 0, 0.9, 0.045),
        ("tsla", 1, 2.0, 0.02),
        ("tsla", 2, 2.0, 0.008),
        ("tsla", 3, 1.0, 0.008),
        ("tsla", 4, 1.0, 0.008),
        ("lsr", 1, 1.0, 0.03),
        ("lsr", 2, 0.25, 0.008),
        ("lsr", 3, 0.2, 0.008),
        ("lsr", 4, 0.2, 0.008),
        ("sgd-pl", 0, 0.2, 0.008),
        ("sgd-pl-last", 0, 0.2, 0.008),
        ("sgd-two-step", 0, 0.2, 0.03),
        ("lsr-pl", 2, 0.25, 0.008),
        ("smoothed-pl", 1, 0.5, 0.008),
        ("smoothed-pl", 2, 0.25, 0.008),
    ),
    "sine_valley": (
        ("sgd", 0, 0.2, 0.12),
        ("tsla", 0, 0.9, 0.12),
        ("tsla", 1, 2.0, 0.075),
        ("tsla", 2, 2.0, 0.02),
        ("tsla", 3, 1.0, 0.014),
        ("tsla", 4, 1.0, 0.014),
        ("lsr", 1, 1.0, 0.1),
        ("lsr", 2, 0.25, 0.014),
        ("lsr", 3, 0.2, 0.014),
        ("lsr", 4, 0.2, 0.014),
        ("sgd-pl", 0, 0.2, 0.014),
        ("sgd-pl-last", 0, 0.2, 0.14),
        ("sgd-two-step", 0, 0.2, 0.1),
        ("lsr-pl", 2, 0.25, 0.014),
        ("smoothed-pl", 1, 0.5, 0.014),
        ("smoothed-pl", 2, 0.25, 0.014),
    ),
    "cosine": (("sgd", 0, 0.2, 0.045), ("lsr", 2, 0.25, 0.008), ("lsr", 3, 0.2, 0.008), ("lsr", 4, 0.2, 0.008)),
    "geman_mcclure": (("sgd", 0, 0.2, 0.0145), ("lsr", 2, 0.25, 0.0014), ("lsr", 3, 0.2, 0.0014), ("lsr", 4, 0.2, 0.0014)),
    "slow_valley": (("sgd", 0, 0.2, 0.018), ("lsr", 2, 0.25, 0.0028), ("lsr", 3, 0.2, 0.0028), ("lsr", 4, 0.2, 0.0028)),
    "quadratic": (
        ("tsla", 3, 1.0, 0.003),
        ("tsla", 4, 1.0, 0.003),
        ("lsr", 2, 0.25, 0.003),
        ("lsr", 3, 0.2, 0.003),
        ("lsr", 4, 0.2, 0.003),
        ("sgd-pl", 0, 0.2, 0.008),
        ("lsr-pl", 2, 0.25, 0.003),
        ("smoothed-pl", 2, 0.25, 0.003),
    ),
}
FROM = {"lsr": 0.3, "tsla": 0.5}
"""The largest ε of runs at ``q < 2``: from here on what smoothing alone settles at, about ``δσ²/(1+δ)``, is above ε²."""


def _config(seed: int, problem: str, method: str, q: float, scale: float, smallest: float) -> Config:
    largest, instance = INSTANCES[problem]
    eps = _grid(FROM.get(method, largest) if q < 2 else largest, smallest)
    return {**SHARED, **instance, "method": method, "q": q, "scale": scale, "eps": eps, "seed": seed}


CONFIGS: tuple[Config, ...] = tuple(
    _config(1000 + 100 * position, *run) for position, run in enumerate((problem, *run) for problem, runs in RUNS.items() for run in runs)
)

COMPARED: tuple[Config, ...] = tuple(
    {**SHARED, "problem": problem, "sigma2": sigma2, "delta": delta, "bias": bias, "eps": eps, "seed": 7000}
    # The stall starts at F0 = 1/2: with σ² = 0.01 the first of the three phases has a length there, too.
    for problem, sigma2, targets in (("stall", 0.01, (0.03, 0.01)), ("sine_valley", 1.0, (0.3, 0.1)))
    for eps in targets
    for delta in (0.5, 0.1, 0.02)
    for bias in (1.0, 0.5, 0.0)
)
