"""Where along a run the assumptions of the theorems fail (A1-A4, ``η <= 1/L``), which claims go with them, and what that costs.

A secant and a Hessian's norm are at most ``L``; noise and PL ratio at a point are at most, or at least, what A2-A4 allow everywhere. So a
violation that is found is one. Where none is found, the assumption holds at the points that were looked at, and may fail elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from torch import Tensor, nn

from empirics.curvature import Loss, difference_product, largest_curvature
from empirics.labels import Smoothing
from empirics.moments import gradient_moments
from empirics.oracles import Oracle
from empirics.problems._examples import ExampleOracle
from empirics.problems.problem import Problem
from empirics.replica_blocks import Sampler
from empirics.sgd import simulate
from empirics.statistics import student_t
from theory import lsr, sgd, smoothing, tsla, worst_case
from theory.bound import Bound
from theory.constants import ROUNDING, Array, Constants, real, shown, whole
from theory.plan import Stage

STEP, LONG_STEP, GAIN = "eta<=1/L", "eta<2/L", "delta<1"
PREMISES = ("A1", "A2", "A3", "A4", STEP, LONG_STEP, GAIN)
"""What can fail: the assumptions, the two limits of the step size, and what C2, C9 and C10 ask of δ for smoothing to pay."""

NEEDS: dict[str, tuple[str, ...]] = {
    "C1": (),
    "C2": ("A2", "A3"),
    "C3": ("A1", STEP),
    "C4": ("A1", "A2", STEP),
    "C5": ("A1", "A2", "A3", STEP),
    "C6": ("A1", "A2", "A3", STEP),
    "C7": ("A1", "A2", "A3", "A4", STEP),
    "C8": ("A1", "A2", "A3", "A4", STEP),
    "C9": ("A1", "A2", "A3", "A4", STEP, GAIN),
    "C10": ("A2", "A3", GAIN),
    "C11": (),
    "C12": ("A1", "A2", "A3", STEP),
    "C12-gap": ("A1", "A2", "A3", "A4", STEP),
    "C13": (),
    "C14": ("A2", "A3"),
    "C15": ("A1", "A2", "A3", "A4", STEP),
    "C15a": ("A1", "A2", "A4", STEP),
    "C15b": ("A1", "A2", "A4", STEP),
    "C15c": ("A1", "A2", "A4", STEP),
    "C16": ("A1", "A2", LONG_STEP),
    "C17": (),
}
"""claim -> its premises. C1, C11 and C17 are identities, C13 an instance. "C12-gap" is C12 under A4, "C15" smoothing alone under A4."""

SLACK = 1e-6
"""Relative: differences of gradients are off by about 1e-9 of the constant that they measure."""
FALSE_ALARM = 1e-3
"""Largest probability that noise measured from draws makes a run that keeps A2, A3 and δ < 1 look as if it did not."""
CHUNK = 256
"""Examples of a network that are differentiated at once."""


@dataclass(frozen=True)
class Noise:
    """Second moments about ``∇F`` at a point: ``sigma2`` of g, ``shat2`` of ĝ; ``*_low``: lower confidence limits; ``excess``: ŝ² - σ².

    The limits are the values themselves where these are exact.
    """

    sigma2: float
    shat2: float
    sigma2_low: float
    shat2_low: float
    excess_low: float

    @classmethod
    def exact(cls, sigma2: float, shat2: float) -> Noise:
        """Noise that is known."""
        return cls(sigma2, shat2, sigma2, shat2, shat2 - sigma2)


@dataclass(frozen=True)
class Row:
    """What was seen at one step.

    step, eta:          steps done, and the step size of the next one (of the last one, at the end)
    L_secant:           ``‖∇F(w)-∇F(w')‖/‖w-w'‖`` from the row before; nan in the first row, and where the two are too close to tell
    L_power:            the norm of the Hessian at w, by power iteration: never above it, but for rounding
    sigma2, shat2:      ``E‖g-∇F‖²`` and ``E‖ĝ-∇F‖²`` at w, in units of ``‖∇F‖²``
    delta:              their ratio ŝ²/σ²; infinite where σ² = 0 < ŝ², nan where both are 0
    pl_ratio:           ``‖∇F‖²/(2(F-F*))``, which A4 wants to be at least μ; too small where F* is a lower bound; infinite at a minimum
    eta_L:              ``η`` times the larger of the two estimates of L
    broken, violated:   the premises that fail here, and the claims that need them, in the order of PREMISES and NEEDS
    """

    step: int
    eta: float
    L_secant: float
    L_power: float
    sigma2: float
    shat2: float
    delta: float
    pl_ratio: float
    eta_L: float  # noqa: N815 - as the record's column is called
    broken: tuple[str, ...] = ()
    violated: tuple[str, ...] = ()

    @property
    def L(self) -> float:  # noqa: N802 - the name the paper gives it
        """The larger of the two estimates."""
        return float(np.fmax(self.L_secant, self.L_power))

    def columns(self) -> dict[str, Any]:
        """The row as a record carries it: premises and claims as words apart by blanks."""
        return asdict(self) | {"broken": " ".join(self.broken), "violated": " ".join(self.violated)}


@dataclass(frozen=True)
class Violation:
    """A premise that failed: first at ``step``, in ``rows`` of all rows; ``found`` there, against what it ``allowed``; and what follows."""

    premise: str
    step: int
    rows: int
    found: float
    allowed: float
    claims: tuple[str, ...]
    effect: str


@dataclass(frozen=True)
class _Point:
    """What is measured at one step, before it is judged."""

    step: int
    eta: float
    w: Array
    gradient: Array
    gap: float
    L_power: float
    noise: Noise


# --- synthetic runs


def synthetic(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    *,
    seed: int,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
    stated: Constants | None = None,
    draws: int | None = None,
) -> list[Row]:
    """Run one replica through ``stages`` and look at every checkpoint; arguments as of :func:`empirics.sgd.simulate`.

    stated:  the constants that the prediction was made with; by default those that problem and oracle state
    draws:   measure σ² and ŝ² from so many samples at each checkpoint, at least 2; by default the oracle's own there

    A4 is judged where μ and the minimum are known. Time: a checkpoint costs up to 200 gradients, and the draws.
    """
    steps, path = iterates(problem, oracle, stages, seed=seed, start=start, checkpoints=checkpoints)
    return along(problem, oracle, stages, steps, path, stated=stated, draws=draws, seed=seed)


def iterates(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    *,
    seed: int,
    start: ArrayLike | None = None,
    checkpoints: Iterable[int] | None = None,
) -> tuple[list[int], Array]:
    """The steps of the checkpoints of one replica, and where it was then, shape (k, d)."""
    seen: list[Array] = []

    def value(w: Array) -> Array:  # the simulator asks for F at checkpoints, and only there
        seen.append(np.array(w[0]))
        return problem.value(w)

    watched = replace(problem, value=value)
    run = simulate(watched, oracle, stages, replicas=1, seed=seed, start=start, checkpoints=checkpoints)
    return run.step.tolist(), np.stack(seen)


def along(
    problem: Problem,
    oracle: Sampler,
    stages: Sequence[Stage],
    steps: Sequence[int],
    path: ArrayLike,
    *,
    stated: Constants | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> list[Row]:
    """As :func:`synthetic`, for a run that is done: at ``steps`` it was at ``path``, shape (k, d)."""
    points = real("path", path)
    if points.shape != (len(steps), problem.dimension):
        raise ValueError(f"path has shape {points.shape}; {len(steps)} steps of {problem.name} need ({len(steps)}, {problem.dimension})")
    if draws is not None:
        whole("draws", draws, at_least=2)
    rng = np.random.default_rng(seed)
    known = _stated(problem, oracle) if stated is None else stated
    level = 1 - 2 * FALSE_ALARM / (3 * len(steps))  # two-sided; three limits a row
    seen = []
    for step, w in zip(steps, points, strict=True):
        gradient = problem.gradient(w)
        noise = _known_noise(oracle, w, gradient) if draws is None else _drawn_noise(oracle, w, gradient, draws, level, rng)
        curvature = largest_curvature(difference_product(problem, w), problem.dimension, rng)
        seen.append(_Point(step, step_size_at(stages, step), w, gradient, _gap(problem, w), curvature, noise))
    befores = [None, *seen[:-1]]
    return [_row(before, point, known, minimum_known=problem.minimiser is not None) for before, point in zip(befores, seen, strict=True)]


def step_size_at(stages: Sequence[Stage], step: int) -> float:
    """``eta_t`` of the step that follows ``step`` steps; of the last step of all where none follows."""
    left = step
    last = float("nan")
    for stage in stages:
        length = int(stage.steps)
        decay = np.inf if stage.decay_steps is None else float(stage.decay_steps)
        if left < length:
            return float(stage.eta) / (1 + left / decay)
        if length:
            last = float(stage.eta) / (1 + (length - 1) / decay)
        left -= length
    return last


def _stated(problem: Problem, oracle: Sampler) -> Constants:
    sigma2: float | None = getattr(oracle, "sigma2", None)
    if sigma2 is None:
        raise ValueError(f"stated = None must be the constants of the prediction: {type(oracle).__name__} states no sigma2")
    delta = oracle.delta if isinstance(oracle, Oracle) and sigma2 > 0 else None  # without noise A3 has no δ to state
    F0 = max(float(problem.gap(problem.start)), np.finfo(np.float64).tiny)  # a run may start at the minimum
    return Constants(L=problem.L, mu=problem.mu, sigma2=sigma2, delta=delta, F0=F0)


def _gap(problem: Problem, w: Array) -> float:
    """``F - F*``; 0 where it is not more than the rounding error of F."""
    value, gap = float(problem.value(w)), float(problem.gap(w))
    return gap if gap > 8 * np.finfo(np.float64).eps * max(abs(value), abs(problem.minimum)) else 0.0


def _known_noise(oracle: Sampler, w: Array, gradient: Array) -> Noise:
    """What the oracle says of itself at w. Raises ValueError where it can't."""
    if isinstance(oracle, ExampleOracle):
        moments = oracle.moments(w)
        return Noise.exact(moments.s2, moments.shat2)
    if not isinstance(oracle, Oracle):
        raise ValueError(f"draws = None must be a number of samples: {type(oracle).__name__} does not know its own noise")  # noqa: TRY004
    bias, share = oracle.offset(gradient), float(oracle.share(gradient))
    return Noise.exact(share * oracle.sigma2, float(bias @ bias) + share * oracle.nu2)


def _drawn_noise(oracle: Sampler, w: Array, gradient: Array, draws: int, level: float, rng: Generator) -> Noise:
    """Both second moments from the same draws. Squares are skewed to the right: Student's lower limits are too low, not too high."""
    g, ghat = oracle.draw_at(np.tile(w, (draws, 1)), np.tile(gradient, (draws, 1)), rng)
    plain, smoothed = (((sample - gradient) ** 2).sum(axis=1) for sample in (g, ghat))
    limits = [student_t(values, level=level) for values in (plain, smoothed, smoothed - plain)]
    return Noise(float(limits[0].estimate), float(limits[1].estimate), *(float(limit.low) for limit in limits))


# --- networks


def network(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    run: Iterable[tuple[int, float]],
    *,
    smoothing: Smoothing = "uniform",
    batch_size: int = 1,
    stated: Constants | None = None,
    minimum: float = 0.0,
    minimum_known: bool = False,
    seed: int = 0,
    chunk: int = CHUNK,
) -> Iterator[Row]:
    """Look at ``model`` whenever ``run``, which trains it in place, yields ``(steps done, step size)``: one row each.

    F is the mean cross-entropy on ``inputs`` ``(n, ...)`` and ``labels`` ``(n,)`` or probabilities ``(n, K)``, in the model's own mode, of
    the parameters that require a gradient. σ² and ŝ² are exact for these examples, and those of a batch of ``batch_size``.

    stated:         the constants that the prediction was made with; without them only the step size and δ < 1 are judged
    minimum:        F*, or a lower bound of it, such as 0; A4 is judged only where ``minimum_known`` says that it is F*
    seed:           of the power iteration, and of what the model itself draws

    Training is not disturbed: weights, ``.grad``, buffers and random states stay as they were. Time: a row costs up to 100 Hessian-vector
    products over all examples, some ten of them mostly. Raises ValueError where the loss or its gradient is not finite, where F is below
    ``minimum``, and for models of which per-example gradients are not defined (:func:`empirics.moments.gradient_moments`).
    """
    whole("batch_size", batch_size, at_least=1)
    whole("chunk", chunk, at_least=1)
    lower = float(real("minimum", minimum))
    before = None
    for step, eta in run:
        loss = Loss(model, inputs, labels, seed, chunk)
        value, gradient = loss.value_and_gradient()
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise ValueError(f"step = {step}: the loss or its gradient is not finite; the run diverged, and has no constants there")
        if value < lower:
            raise ValueError(f"minimum = {shown(lower)} must be a lower bound of F, which is {shown(value)} at step {step}")
        moments = gradient_moments(model, inputs, labels, smoothing).at_batch_size(batch_size)
        curvature = largest_curvature(loss.product, len(gradient), np.random.default_rng(seed))
        noise = Noise.exact(moments.s2, moments.shat2)
        point = _Point(step, float(real("eta", eta, at_least=0)), loss.weights(), gradient, value - lower, curvature, noise)
        yield _row(before, point, stated, minimum_known=minimum_known)
        before = point


# --- judging


def _row(before: _Point | None, point: _Point, stated: Constants | None, *, minimum_known: bool) -> Row:
    noise, grad2 = point.noise, float(point.gradient @ point.gradient)
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = float(np.float64(noise.shat2) / noise.sigma2)
    secant = float("nan") if before is None else _secant(before, point)
    row = Row(
        step=point.step,
        eta=point.eta,
        L_secant=secant,
        L_power=point.L_power,
        sigma2=noise.sigma2,
        shat2=noise.shat2,
        delta=delta,
        pl_ratio=grad2 / (2 * point.gap) if point.gap > 0 else float("inf"),
        eta_L=point.eta * float(np.fmax(secant, point.L_power)),
    )
    broken = _broken(row, noise, stated, minimum_known=minimum_known)
    return replace(row, broken=broken, violated=tuple(claim for claim, needs in NEEDS.items() if set(needs) & set(broken)))


def _secant(a: _Point, b: _Point) -> float:
    """The slope between two points; nan where they are so close that rounding would be seen in it."""
    distance = float(np.linalg.norm(b.w - a.w))
    if distance <= 1e-7 * max(float(np.linalg.norm(a.w)), float(np.linalg.norm(b.w))):
        return float("nan")
    return float(np.linalg.norm(b.gradient - a.gradient)) / distance


def _broken(row: Row, noise: Noise, stated: Constants | None, *, minimum_known: bool) -> tuple[str, ...]:
    over = 1 + SLACK
    found = {
        STEP: row.eta_L > over,
        LONG_STEP: row.eta_L > 2 * over,
        GAIN: noise.excess_low >= -SLACK * noise.sigma2 and noise.shat2 > 0,
    }
    if stated is not None:
        sigma2 = float(stated.sigma2)
        found["A1"] = float(stated.L) * over < row.L
        found["A2"] = noise.sigma2_low > sigma2 * over
        found["A3"] = stated.delta is not None and noise.shat2_low > float(stated.delta) * sigma2 * over
        found["A4"] = minimum_known and stated.mu is not None and row.pl_ratio * over < float(stated.mu)
        scale = row.eta * float(stated.L)  # the step is judged by the larger of the L that is stated and the L that is seen
        found[STEP] |= bool(scale > 1 + ROUNDING)
        found[LONG_STEP] |= scale >= 2
    return tuple(premise for premise in PREMISES if found.get(premise, False))


# --- what follows


def violations(rows: Sequence[Row], stated: Constants | None = None) -> list[Violation]:
    """The premises that failed along a run, in the order of PREMISES, each where it failed first; none if none did.

    ``stated`` as it was when the rows were made: the effects name its constants.
    """
    return [_violation(premise, rows, stated) for premise in PREMISES if any(premise in row.broken for row in rows)]


def _violation(premise: str, rows: Sequence[Row], stated: Constants | None) -> Violation:
    where = [row for row in rows if premise in row.broken]
    first = where[0]
    found, allowed, what = _WHAT[premise](first, stated)
    claims = tuple(claim for claim, needs in NEEDS.items() if premise in needs)
    since = "from there" if len(where) == sum(row.step >= first.step for row in rows) else f"there ({len(where)} of {len(rows)} rows)"
    effect = f"{what} at step {first.step}: {', '.join(claims)} {'does' if len(claims) == 1 else 'do'} not apply {since}"
    if premise == STEP and not any(LONG_STEP in row.broken or "A1" in row.broken for row in rows):
        effect += "; C16 (eta < 2/L) still does"
    return Violation(premise, first.step, len(where), found, allowed, claims, effect)


Finding = tuple[float, float, str]


def _number(value: float | Array) -> str:
    return f"{float(value):.4g}"


def _need(stated: Constants | None) -> Constants:
    if stated is None:
        raise ValueError("stated = None must be the constants that the rows were judged by: they break A1, A2, A3 or A4")
    return stated


def _what_step(row: Row, stated: Constants | None, limit: float, sign: str) -> Finding:
    L = row.L if stated is None else max(row.L, float(stated.L))
    name = f"{limit:g}/L = {_number(limit / L)}"
    return row.eta * L, limit, f"eta = {_number(row.eta)} {sign} {name}"


def _what_a1(row: Row, stated: Constants | None) -> Finding:
    L = float(_need(stated).L)
    return row.L, L, f"L is at least {_number(row.L)}, above the stated {_number(L)},"


def _what_a2(row: Row, stated: Constants | None) -> Finding:
    sigma2 = float(_need(stated).sigma2)
    return row.sigma2, sigma2, f"sigma2 = {_number(row.sigma2)}, above the stated {_number(sigma2)},"


def _what_a3(row: Row, stated: Constants | None) -> Finding:
    known = _need(stated)
    allowed = float(known.need_delta("A3") * known.sigma2)
    return row.shat2, allowed, f"E‖ĝ-∇F‖² = {_number(row.shat2)}, above the stated delta*sigma2 = {_number(allowed)},"


def _what_a4(row: Row, stated: Constants | None) -> Finding:
    mu = float(_need(stated).need_mu("A4"))
    return row.pl_ratio, mu, f"‖∇F‖²/(2(F-F*)) = {_number(row.pl_ratio)}, below the stated mu = {_number(mu)},"


def _what_gain(row: Row, stated: Constants | None) -> Finding:
    if not np.isfinite(row.delta):
        return row.delta, 1.0, "delta is infinite: without noise in g smoothing can only add to it,"
    V = float(smoothing.lemma_at_paper_theta(row.sigma2, row.delta))
    why = f"V(1/(1+delta)) = {_number(V)} is not below sigma2 = {_number(row.sigma2)}, so that by C2 smoothing does not lower the variance,"
    return row.delta, 1.0, f"delta = {_number(row.delta)} >= 1, {why}"


_WHAT: dict[str, Callable[[Row, Constants | None], Finding]] = {
    "A1": _what_a1,
    "A2": _what_a2,
    "A3": _what_a3,
    "A4": _what_a4,
    STEP: lambda row, stated: _what_step(row, stated, 1.0, ">"),
    LONG_STEP: lambda row, stated: _what_step(row, stated, 2.0, ">="),
    GAIN: _what_gain,
}


def local_constants(rows: Sequence[Row], *, F0: ArrayLike) -> Constants:
    """The constants that the rows would have: largest L, σ² and ŝ², smallest PL ratio. No guarantee: off the path they may be worse.

    Raises ValueError where the gradient did not change anywhere, so that no L was seen.
    """
    L = float(np.nanmax([row.L for row in rows])) / (1 + SLACK)  # so that a step of 1/L is one still, whatever the differences miss it by
    sigma2, shat2 = max(row.sigma2 for row in rows), max(row.shat2 for row in rows)
    ratio = min(row.pl_ratio for row in rows)
    mu = min(ratio, L) if ratio > 0 else None
    return Constants(L=L, sigma2=sigma2, F0=F0, delta=shat2 / sigma2 if sigma2 > 0 else None, mu=mu)


def prediction(constants: Constants, stages: Sequence[Stage]) -> Bound | None:
    """The bound on ``E‖∇F(w_R)‖²`` after these stages: C4, or C16 where ``1/L < η < 2/L``; C5; C8. None where no bound applies."""
    run = [stage for stage in stages if int(stage.steps)]
    if any(stage.decay_steps is not None for stage in run):
        return None
    smoothed = tuple(float(stage.theta) > 0 for stage in run)
    try:
        match smoothed:
            case (False,):
                bound = sgd.bound if float(run[0].eta * constants.L) <= 1 + ROUNDING else worst_case.sgd_bound
                return bound(constants, eta=run[0].eta, T=run[0].steps)
            case (True,):
                return lsr.bound(constants, eta=run[0].eta, T=run[0].steps, theta=run[0].theta)
            case (True, False):
                first, second = run
                lengths = {"eta1": first.eta, "T1": first.steps, "eta2": second.eta, "T2": second.steps}
                return tsla.bound(constants, **lengths, theta=first.theta)
            case _:
                return None
    except ValueError:  # outside the premises
        return None


def effect(rows: Sequence[Row], stages: Sequence[Stage], stated: Constants) -> str:
    """One line: the bound with the stated constants beside that with the constants seen along the run."""
    before, after = (prediction(constants, stages) for constants in (stated, local_constants(rows, F0=stated.F0)))
    told, seen = ("no bound applies" if bound is None else f"{_number(bound.total)} ({bound.claim})" for bound in (before, after))
    return f"E‖∇F(w_R)‖²: {told} with the stated constants, {seen} with those seen along the run"
