"""Measured rates: how the samples that are really needed to reach ``ε²`` grow as ε falls, beside what C9 and C15 predict.

Nothing is tuned: step sizes, strengths and lengths are those of the bounds' own plans. A plan's length is the prediction. What is
measured is when the mean over the replicas is first at most ``ε²``, for two quantities:

- the theorem's own: ``‖∇F(w_R)‖²``, R uniform over the iterates so far of the plan's last stage (the last iterate's for C15a);
- a single iterate's: ``‖∇F(w_t)‖²``, from the first step of the run on. It doesn't average over the way there.

``tsla records measured_rates annealed`` makes the records, and ``python -m empirics.rates`` writes their tables into ``docs/rates.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from empirics import problems, records
from empirics.oracles import Oracle
from empirics.problems import Problem
from empirics.sgd import simulate
from empirics.statistics import Interval, log_log_slope, student_t
from theory import annealing, smoothed_pl, smoothing
from theory.biased import SmoothingOracle
from theory.complexity import exponents
from theory.constants import Array, Constants, real
from theory.methods import METHODS
from theory.plan import Plan, Stage

Config = Mapping[str, Any]

RESAMPLES = 1000
MARKS = 60
"""Checkpoints a stage, log-spaced."""
LEVEL = 0.95
ONE_IN_A_THOUSAND = 0.998
"""Level of the two-sided interval whose lower end refutes a bound: with 0.1 % at that end."""
TOLERANCE = 0.15
"""What an exponent on a grid of one to two decades may miss by lower-order terms."""
HORIZON = 8
"""Where LSR is not to arrive, it runs for this many times the ``4LF0/ε²`` steps that would do without its floor."""
PIECE = 1.1
"""θ°(η) is held while a decaying η falls by this factor."""

FAIR = {"sgd-exact": 4.0, "sgd-pl": 2.0, "sgd-pl-last": 2.0, "sgd-two-step": 4.0}
"""Exponents of what doesn't smooth (C15, C16), whatever δ is; the logarithm of C15a dropped."""


def predicted(method: str, q: float) -> float:
    """The exponent ``r`` of ``1/ε^r`` samples at ``δ = ε^q`` (C9, C15, C12), logarithms dropped; infinite where the target is out of reach.

    ``lsr-pl`` and ``smoothed-pl`` (half of ``δσ²`` bias) cost ``log(1/ε)`` where ``q >= 2``; above, the first has no plan and the second
    gains no power over PL-aware SGD.
    """
    if method in FAIR:
        return FAIR[method]
    if method in ("lsr-pl", "smoothed-pl"):
        return 0.0 if q >= 2 else (np.inf if method == "lsr-pl" else 2.0)
    return float(exponents(q)[method])


def regime(method: str, q: float) -> str:
    """The row of C9; "any" where the method doesn't smooth."""
    if method in ("sgd", *FAIR):
        return "any"
    if q < 2:
        return "δ ≥ ε²"
    if q == 2:
        return "δ ~ ε²"
    return "ε⁴ < δ < ε²" if q < 4 else "δ ≤ ε⁴"


# --- when a target is reached


def first_at_most(step: ArrayLike, curves: Array, target: float) -> Array:
    """The step at which each curve is first at most ``target``, interpolated between checkpoints; infinite where it never is.

    Shapes: ``step`` (k,), positive and increasing; ``curves`` (k, m), positive; the result (m,). Between two checkpoints log-value is
    linear in log-step. A curve that is there at the first checkpoint gives that step.
    """
    log_step = np.log(real("step", step, above=0))
    there = curves <= target
    after = np.argmax(there, axis=0)
    before = np.maximum(after - 1, 0)
    columns = np.arange(curves.shape[1])
    high, low = curves[before, columns], curves[after, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(after == before, 1.0, np.log(high / target) / np.log(high / low))
    reached = np.exp((1 - part) * log_step[before] + part * log_step[after])
    return np.where(there.any(axis=0), reached, np.inf)


def resamples(replicas: int, seed: int) -> Array:
    """Weights of the replicas in each resample of the bootstrap, shape (replicas, RESAMPLES); each column adds up to 1."""
    counts = np.random.default_rng(seed).multinomial(replicas, np.full(replicas, 1 / replicas), size=RESAMPLES)
    return np.asarray(counts.T / replicas)


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples needed, from all replicas (a number) and from each resample (RESAMPLES,). Infinite where the target was not reached."""

    estimate: float
    resampled: Array

    @classmethod
    def of(cls, step: ArrayLike, squares: Array, target: float, weights: Array, *, before: int = 0) -> Samples:
        """From ``squares`` (k, replicas) at ``step`` (k,), ``before`` samples into the run."""
        means = np.column_stack([squares.mean(axis=1), squares @ weights])
        reached = before + first_at_most(step, means, target)
        return cls(float(reached[0]), reached[1:])

    @property
    def ends(self) -> tuple[float, float]:
        """The percentile interval."""
        return percentiles(self.resampled)


def percentiles(resampled: Array) -> tuple[float, float]:
    """The ends of the central LEVEL of the resamples, infinite ones included."""
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return float(low), float(high)


def exponent(eps: Array, samples: Sequence[Samples]) -> tuple[float, float, float]:
    """``r`` of ``samples ≈ a/ε^r`` by least squares on logarithms, with the interval that the bootstrap over the replicas gives.

    The grid's points are resampled independently of each other, as their runs are. nan where a target was not reached.
    """
    if not all(np.isfinite(point.estimate) for point in samples):
        return np.nan, np.nan, np.nan
    estimate = float(log_log_slope(1 / eps, [point.estimate for point in samples]).estimate)
    resampled = np.stack([point.resampled for point in samples])
    x = -np.log(eps)
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    reached = np.isfinite(resampled).all(axis=0)
    slopes = np.where(reached, weights @ np.log(np.where(reached, resampled, 1.0)), np.inf)
    return estimate, *percentiles(slopes)


# --- one method on one problem


def measure(config: Config) -> pd.DataFrame:
    """Samples needed at each ε of a grid, and the exponents fitted to them: one row an ε.

    The configuration: ``problem``, ``problem_options``, ``tied`` (options that are these numbers times ε), ``method``, ``q``, ``scale``
    (``δ = scale (ε/σ)^q``), ``sigma2``, ``bias`` (the part of ``δσ²`` that is bias), ``noise``, ``eps``, ``replicas``, ``seed``.

    planned:           the plan's length; infinite where the method is not to arrive
    fixed:             the steps of the stages before the last, which the plan fixes: of ``needed`` only the rest is measured
    needed, single:    samples until the theorem's quantity, a single iterate's, is at most ε², each with its 95 % interval
    at_end:            the theorem's quantity at the end of the plan; ``at_end_low`` is above ε² by chance in one run of a thousand
    exponent, single_exponent, planned_exponent:  fitted to ``needed``, ``single``, ``planned``; the same in all rows

    Raises ValueError where ``w_0`` is at the target already.
    """
    eps = real("eps", config["eps"], above=0)
    points = [_point(config, float(target), config["seed"] + i) for i, target in enumerate(eps)]
    table = pd.DataFrame([row for row, _, _ in points])
    for name, samples in (("exponent", [needed for _, needed, _ in points]), ("single_exponent", [single for _, _, single in points])):
        table[name], table[f"{name}_low"], table[f"{name}_high"] = exponent(eps, samples)
    planned = table["planned"].to_numpy()
    table["planned_exponent"] = float(log_log_slope(1 / eps, planned).estimate) if np.isfinite(planned).all() else np.inf
    return table


def _point(config: Config, eps: float, seed: int) -> tuple[dict[str, Any], Samples, Samples]:
    problem, oracle, constants = _instance(config, eps)
    plan = _plan(config["method"], constants, oracle, eps)
    stages = plan.stages if plan.reachable else (_endless(plan, constants, eps),)
    how = {"replicas": config["replicas"], "compiled": config.get("compiled", False)}
    run = simulate(problem, oracle, stages, seed=seed, checkpoints=_marks(stages), **how)
    weights = resamples(config["replicas"], seed)
    fixed = int(sum(float(stage.steps) for stage in stages[:-1]))
    last = run.step > fixed
    theirs = run.grad2 if plan.method == "sgd-pl-last" else run.mean_grad2
    single = Samples.of(run.step, run.grad2, eps**2, weights)
    needed = Samples.of(run.step[last] - fixed, theirs[last], eps**2, weights, before=fixed)
    at_end: Interval = student_t(theirs[-1], level=ONE_IN_A_THOUSAND)
    row = {
        "problem": problem.name,
        "method": config["method"],
        "claim": plan.claim,
        "q": config["q"],
        "scale": config["scale"],
        "sigma2": config["sigma2"],
        "replicas": config["replicas"],
        "eps": eps,
        "delta": float(constants.need_delta("C9")),
        "predicted": predicted(config["method"], config["q"]),
        "planned": float(plan.total),
        "fixed": fixed,
        "needed": needed.estimate,
        "needed_low": needed.ends[0],
        "needed_high": needed.ends[1],
        "single": single.estimate,
        "single_low": single.ends[0],
        "single_high": single.ends[1],
        "at_end": float(at_end.estimate),
        "at_end_low": float(at_end.low),
    }
    return row, needed, single


def _instance(config: Config, eps: float) -> tuple[Problem, Oracle, Constants]:
    tied = {name: factor * eps for name, factor in config.get("tied", {}).items()}
    problem = problems.get(config["problem"], **config.get("problem_options", {}), **tied)
    at_start = float(np.sum(problem.gradient(problem.start) ** 2))
    if at_start <= eps**2:
        raise ValueError(f"eps = {eps:g} must be below ‖∇F(w_0)‖ = {np.sqrt(at_start):.3g} of {problem.name}: it is there at the start")
    sigma2 = config["sigma2"]
    delta = config["scale"] * (eps / np.sqrt(sigma2)) ** config["q"]
    oracle = _oracle(sigma2, delta, config["bias"], config["noise"])
    gap = float(problem.gap(problem.start))
    return problem, oracle, Constants(L=problem.L, mu=problem.mu, sigma2=sigma2, delta=delta, F0=gap)


def _oracle(sigma2: float, delta: float, bias: float, noise: Any) -> Oracle:
    return Oracle(sigma2=sigma2, beta2=bias * delta * sigma2, nu2=(1 - bias) * delta * sigma2, noise=noise)


def _plan(method: str, constants: Constants, oracle: Oracle, eps: float) -> Plan:
    if method == "smoothed-pl":  # bias and noise apart: it needs more than δ
        return smoothed_pl.steps(constants, _known(oracle), eps=eps)
    return METHODS[method](constants, eps=eps)


def _known(oracle: Oracle) -> SmoothingOracle:
    return SmoothingOracle(beta2=oracle.beta2, nu2=oracle.nu2, c=oracle.c)


def _endless(plan: Plan, constants: Constants, eps: float) -> Stage:
    """The last stage of a plan that doesn't arrive, for long enough to see that."""
    last = plan.stages[-1]
    return Stage(last.eta, last.theta, np.ceil(HORIZON * 4 * constants.L * constants.F0 / eps**2))


def _marks(stages: Iterable[Stage]) -> list[int]:
    """Checkpoints, log-spaced within each stage."""
    marks: set[int] = set()
    done = 0
    for stage in stages:
        length = int(stage.steps)
        if length:
            marks |= {done + int(step) for step in np.rint(np.geomspace(1, length, MARKS))}
        done += length
    return sorted(marks)


# --- smoothing annealed with the step size, beside TSLA and none (C12)

SCHEDULES = ("two-level", "three-phase")
CONTRASTS = (
    ("two-level dropped", "two-level none"),
    ("two-level annealed", "two-level dropped"),
    ("three-phase dropped", "three-phase none"),
    ("three-phase annealed", "three-phase none"),
    ("three-phase annealed", "three-phase dropped"),
    ("two-level dropped", "three-phase none"),
    ("three-phase annealed", "two-level dropped"),
    ("three-phase constant", "three-phase annealed"),
)
"""Who is compared with whom. "two-level dropped" is TSLA (C8), "three-phase none" PL-aware SGD (C15b)."""


def arms(constants: Constants, oracle: Oracle, eps: float) -> dict[str, tuple[Stage, ...]]:
    """Two schedules of step sizes, each without smoothing, with smoothing dropped after the first stage, and annealed; and C12's plan.

    two-level:    the step sizes and lengths of TSLA (C8)        three-phase:  those of PL-aware SGD (C15b)
    none:         ``θ = 0``        dropped:  ``θ = 1/(1+δ)`` in the first stage, then 0        annealed:  ``θ°(η_t)``
    constant:     one θ throughout, and shorter phases: ``theory.smoothed_pl``
    """
    schedules = {"two-level": METHODS["tsla"](constants, eps=eps).stages, "three-phase": METHODS["sgd-pl"](constants, eps=eps).stages}
    paper = smoothing.paper_theta(constants.need_delta("C8"))
    made = {}
    for name, stages in schedules.items():
        none = tuple(_smoothed(stage, np.zeros(())) for stage in stages)
        made[f"{name} none"] = none
        made[f"{name} dropped"] = (_smoothed(stages[0], paper), *none[1:])
        made[f"{name} annealed"] = tuple(piece for stage in stages for piece in _annealed(stage, constants, oracle))
    made["three-phase constant"] = _plan("smoothed-pl", constants, oracle, eps).stages
    return made


def _smoothed(stage: Stage, theta: Array) -> Stage:
    return Stage(stage.eta, theta, stage.steps, stage.decay_steps)


def _annealed(stage: Stage, constants: Constants, oracle: Oracle) -> Iterable[Stage]:
    """The same step sizes with ``θ°(η_t)``, θ held over pieces in which η falls by at most PIECE."""
    done, steps = 0, int(stage.steps)
    while done < steps:
        decay = None if stage.decay_steps is None else float(stage.decay_steps) + done
        length = steps if decay is None else max(1, int((PIECE - 1) * decay))
        eta = float(stage.eta) if stage.decay_steps is None else float(stage.eta / (1 + done / stage.decay_steps))
        theta = annealing.best_theta(
            constants.sigma2, beta2=oracle.beta2, nu2=oracle.nu2, c=oracle.c, L=constants.L, eta=np.minimum(eta, 1 / constants.L)
        )
        length = min(length, steps - done)
        yield Stage(np.asarray(eta), theta, np.asarray(float(length)), None if decay is None else np.asarray(decay))
        done += length


def compare(config: Config) -> pd.DataFrame:
    """Samples until a single iterate's ``E‖∇F(w_t)‖² <= ε²`` of each arm, on the same noise: one row a contrast.

    The configuration: ``problem``, ``problem_options``, ``delta``, ``sigma2``, ``bias``, ``noise``, ``eps``, ``replicas``, ``seed``.
    ``ratio`` is samples of ``arm`` over those of ``against``, with its interval by the bootstrap over pairs of replicas. Arms run for at
    most ``horizon`` samples, four times those of the three phases; an infinite count says that this was not enough.
    """
    eps = config["eps"]
    problem, oracle, constants = _instance({**config, "q": 0, "scale": config["delta"]}, eps)
    horizon = 4 * int(METHODS["sgd-pl"](constants, eps=eps).total)
    weights = resamples(config["replicas"], config["seed"])
    found: dict[str, Samples] = {}
    for name, stages in arms(constants, oracle, eps).items():
        marks = [step for step in np.unique(np.rint(np.geomspace(1, horizon, 3 * MARKS)).astype(int)) if step <= _total(stages)]
        how = {"replicas": config["replicas"], "seed": config["seed"], "compiled": config.get("compiled", False)}
        run = simulate(problem, oracle, _within(stages, horizon), checkpoints=marks, **how)
        found[name] = Samples.of(run.step, run.grad2, eps**2, weights)
    same = {name: config[name] for name in ("problem", "delta", "sigma2", "bias", "eps", "replicas", "seed")} | {"horizon": horizon}
    return pd.DataFrame([same | _contrast(found, arm, against) for arm, against in CONTRASTS])


def _total(stages: Iterable[Stage]) -> int:
    return int(sum(float(stage.steps) for stage in stages))


def _within(stages: Iterable[Stage], horizon: int) -> list[Stage]:
    """The first ``horizon`` steps of these stages."""
    cut, left = [], horizon
    for stage in stages:
        length = min(int(stage.steps), left)
        cut.append(Stage(stage.eta, stage.theta, np.asarray(float(length)), stage.decay_steps))
        left -= length
    return cut


def _contrast(found: Mapping[str, Samples], arm: str, against: str) -> dict[str, Any]:
    first, second = found[arm], found[against]
    with np.errstate(invalid="ignore"):  # neither arrives: nan, which is not told apart
        ratio = first.estimate / second.estimate
        ratios = first.resampled / second.resampled
    low, high = (np.nan, np.nan) if np.isnan(ratios).any() else percentiles(ratios)
    return {
        "arm": arm,
        "against": against,
        "arm_samples": first.estimate,
        "against_samples": second.estimate,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
    }


# --- what is run


def _grid(largest: float, smallest: float, points: int = 6) -> list[float]:
    return [float(f"{eps:.3g}") for eps in np.geomspace(largest, smallest, points)]


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


# --- verdicts and tables

ATTAINED, FASTER, REFUTED = "attained", "faster", "refuted"
DOCUMENT = Path("docs/rates.md")
BEGIN, END = "<!-- written by python -m empirics.rates -->", "<!-- end -->"
CURVE = ["problem", "method", "q", "scale"]


def verdict(rows: pd.DataFrame) -> str:
    """Of one method on one problem, from the rows of :func:`measure`.

    refuted:   more samples than planned, beyond chance, or an exponent of the theorem's own quantity that is wholly above the plan's on the
               same grid (where that is a power, not a logarithm)
    attained:  an exponent whose interval comes within TOLERANCE of the plan's; or a target that is said to be out of reach, and is
    faster:    the rest. Bounds are upper bounds: this refutes nothing
    """
    first = rows.iloc[0]
    if np.isinf(first["planned"]):
        return ATTAINED if np.isinf(rows["needed"]).all() else FASTER
    _, low, high = judged(rows)
    too_late = (rows["at_end_low"] > rows["eps"] ** 2).any()
    too_steep = first["predicted"] > 0 and not by_single_iterate(rows) and low > first["planned_exponent"] + TOLERANCE
    if too_late or too_steep or np.isinf(rows["needed"]).any():
        return REFUTED
    return ATTAINED if high >= first["planned_exponent"] - TOLERANCE else FASTER


def judged(rows: pd.DataFrame) -> tuple[float, float, float]:
    """The exponent that counts, with its interval: the theorem's own quantity's, or a single iterate's where the plan fixes most of it."""
    name, row = "single_exponent" if by_single_iterate(rows) else "exponent", rows.iloc[0]
    return float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"])


def by_single_iterate(rows: pd.DataFrame) -> bool:
    """Whether half or more of the samples needed at the smallest ε are stages of a length that the plan fixes."""
    last = rows.iloc[-1]
    return bool(last["fixed"] >= last["needed"] / 2) and bool(np.isfinite(last["single"]))


def single_attains(rows: pd.DataFrame) -> bool:
    """Whether even a single iterate needs samples that grow as the plan does."""
    first = rows.iloc[0]
    return bool(np.isfinite(first["planned"]) and first["single_exponent_high"] >= first["planned_exponent"] - TOLERANCE)


def summary(record: pd.DataFrame) -> str:
    """One line a row of C9 (or C15) and method: the verdict over all problems tried."""
    keyed = record.assign(regime=[regime(method, q) for method, q in zip(record["method"], record["q"], strict=True)])
    lines = []
    for (method, row), group in keyed.groupby(["method", "regime"], sort=False):
        powers = ", ".join(_power(power) for power in group["predicted"].unique())
        lines.append((str(row), str(method), str(group["claim"].iloc[0]), powers, _over_all(group)))
    return _markdown(("regime", "method", "claim", "predicted", "verdict"), lines)


def _over_all(group: pd.DataFrame) -> str:
    several = len(group["q"].unique()) > 1
    curves = {
        f"{problem} (q = {q:g})" if several else f"{problem}": rows for (problem, q), rows in group.groupby(["problem", "q"], sort=False)
    }
    verdicts = {name: verdict(rows) for name, rows in curves.items()}
    refuted, attained = ([name for name, said in verdicts.items() if said == kind] for kind in (REFUTED, ATTAINED))
    if refuted:
        return f"refuted on {', '.join(refuted)}"
    if not attained:
        return f"faster than the bound on every instance tried ({', '.join(verdicts)})"
    said = f"attained on {', '.join(attained)}"
    if np.isinf(group["planned"]).all():
        return f"{said}: ε² is not reached"
    singly = [name for name in attained if single_attains(curves[name])]
    return f"{said}; by single iterates {'on ' + ', '.join(singly) if singly else 'nowhere'}"


def details(record: pd.DataFrame) -> str:
    """One line a method and problem: exponents predicted and measured."""
    exponents_of = ("predicted", "plan", "measured", "single iterate")
    titles = ("regime", "problem", "method", "δ", *exponents_of, "by the plan", "of the plan", "seeds", "ε", "verdict")
    return _markdown(titles, [_detail(rows) for _, rows in record.groupby(CURVE, sort=False)])


def _detail(rows: pd.DataFrame) -> tuple[str, ...]:
    first, last = rows.iloc[0], rows.iloc[-1]
    row = regime(first["method"], first["q"])
    arrives = np.isfinite(last["needed"]) and np.isfinite(last["planned"])
    return (
        row,
        first["problem"],
        first["method"],
        "-" if row == "any" else _delta(first["scale"], first["q"], first["sigma2"]),
        _power(first["predicted"]),
        f"{first['planned_exponent']:.2f}" if np.isfinite(first["planned_exponent"]) else "never",
        _interval(first, "exponent"),
        _interval(first, "single_exponent"),
        f"{100 * last['fixed'] / last['needed']:.0f} %" if arrives else "-",
        f"{100 * last['needed'] / last['planned']:.2g} %" if arrives else "-",
        f"{first['replicas']}",
        f"{first['eps']:g} to {last['eps']:g} ({np.log10(first['eps'] / last['eps']):.1f} decades)",
        verdict(rows) + (" (single iterate)" if by_single_iterate(rows) else ""),
    )


def _delta(scale: float, q: float, sigma2: float) -> str:
    base = "ε" if sigma2 == 1 else "(ε/σ)"
    power = base if q == 1 else f"{base}^{q:g}"
    return f"{scale:g} {power}" if q else f"{scale:g}"


def _power(predicted: float) -> str:
    if np.isinf(predicted):
        return "never"
    return f"{predicted:g}" if predicted else "log"


def _interval(row: pd.Series, name: str) -> str:
    estimate, low, high = (row[column] for column in (name, f"{name}_low", f"{name}_high"))
    return "never" if np.isnan(estimate) else f"{estimate:.2f} [{low:.2f}, {high:.2f}]"


def contrasts(record: pd.DataFrame) -> str:
    """Samples of one arm over another's on the same noise, a line a case and a column a contrast."""
    lines = []
    for key, rows in record.groupby(["problem", "eps", "delta", "bias"], sort=False):
        problem, eps, delta, bias = key
        by_contrast = {(row["arm"], row["against"]): row for _, row in rows.iterrows()}
        lines.append((str(problem), f"{eps:g}", f"{delta:g}", f"{bias:g}", *(_ratio(by_contrast[contrast]) for contrast in CONTRASTS)))
    titles = ("problem", "ε", "δ", "β²/(δσ²)", *(f"{arm} / {against}" for arm, against in CONTRASTS))
    return _markdown(titles, lines)


def who(record: pd.DataFrame) -> str:
    """One line a contrast: in how many cases the first arm needs fewer samples, beyond chance, or more, by how much of ``δσ²`` is bias."""
    lines = []
    for arm, against in CONTRASTS:
        rows = record[(record["arm"] == arm) & (record["against"] == against)]
        by_bias = [_counts(group) for _, group in rows.groupby("bias", sort=False)]
        lines.append((arm, against, *by_bias))
    return _markdown(("", "against", *(f"β²/(δσ²) = {bias:g}" for bias in record["bias"].unique())), lines)


def _counts(rows: pd.DataFrame) -> str:
    fewer, more = int((rows["ratio_high"] < 1).sum()), int((rows["ratio_low"] > 1).sum())
    said = f"fewer in {fewer}, more in {more} of {len(rows)}"
    return f"{said}; {rows['ratio'].min():.2g} to {rows['ratio'].max():.2g} times"


def _ratio(row: pd.Series) -> str:
    if np.isnan(row["ratio"]) or np.isnan(row["ratio_low"]):
        return "neither arrives"
    if np.isinf(row["ratio"]):
        return "does not arrive"
    return f"{row['ratio']:.3g} [{row['ratio_low']:.3g}, {row['ratio_high']:.3g}]"


def tables(rates: pd.DataFrame, annealed: pd.DataFrame) -> str:
    """Both records as Markdown."""
    parts = (
        ("Verdicts", summary(rates)),
        ("Exponents", details(rates)),
        ("Annealed smoothing, TSLA and none on the same noise: who needs fewer samples", who(annealed)),
        ("The same, case by case: samples of one over those of the other", contrasts(annealed)),
    )
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def _markdown(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (titles, ["---"] * len(titles), *lines))


def with_tables(document: str, rates: pd.DataFrame, annealed: pd.DataFrame) -> str:
    """The document with the tables of these records. Raises ValueError where it has no place for them."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no lines {BEGIN!r} and {END!r}; must have both around its tables")
    return f"{before}{BEGIN}\n\n{tables(rates, annealed)}\n\n{END}{after}"


if __name__ == "__main__":
    found = [records.read(records.FOLDER / f"{name}.parquet").table for name in ("measured_rates", "annealed")]
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), *found), encoding="utf-8")
