"""A theorem on the bundled problems: runs of its step rule beside its bound, and the exact law where its steps are those of SGD.

Each problem is brought to the theorem's constants: ``a F(bw)`` has ``L' = ab²L``, ``μ' = ab²μ``, and a start whose gap is a times, and
whose squared distance from the minimiser is 1/b² times what they were. So the theorem speaks of it as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.exact_law import exact_law
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems import Problem
from tsla.empirics.simulation.simulate import simulate
from tsla.theory.constants import ROUNDING, Array, real
from tsla.theory.plan import Stage
from tsla.theory.testing.theorem import WITH_MU, Given, Theorem, asked, averaging

HOW: Mapping[str, Any] = {"replicas": 1000, "seed": 20130813, "threads": 1}
"""How every run is made."""
DATA = ("softmax_regression", "two_layer")
"""Their gradients pass over real examples: minutes, where the others take seconds."""
NOISELESS = Oracle(sigma2=0)
LAWS: tuple[Oracle, ...] = (Oracle(sigma2=1, noise="rademacher"), Oracle(sigma2=1, noise="normal"))
ERRORS: tuple[Oracle, ...] = (Oracle(sigma2=0, beta2=1, bias="opposing"), Oracle(sigma2=0, beta2=1, bias="fixed"))
MOST_LAW_STEPS = 10
"""Of the exact law: a step whose size is not that of the one before takes a tenth of a second."""


@dataclass(frozen=True, eq=False)
class Instance:
    """A problem at the constants of a theorem, and the noise of its gradients, whose variance is all that the theorem allows."""

    problem: Problem
    unit: Oracle
    k: Given

    def __str__(self) -> str:
        noise = (
            f"with {self.unit.bias} errors" if self.unit.beta2 else f"with {self.unit.noise} noise" if self.unit.sigma2 else "without noise"
        )
        return f"{self.problem.name} (d = {self.problem.dimension}) {noise}"


@dataclass(frozen=True, eq=False)
class Measured:
    """What a theorem bounds, on an instance after T steps: of each replica, shape (n,), or as the law has it, shape ()."""

    instance: Instance
    T: int
    values: Array
    exact: bool = False

    def __str__(self) -> str:
        return f"{self.instance}, T = {self.T}"

    @property
    def mean(self) -> float:
        """``E`` of it, or an estimate."""
        return float(self.values.mean())


def instances(theorem: Theorem, k: Given) -> Iterator[Instance]:
    """Those of the bundled problems that the theorem is about."""
    laws = (NOISELESS,) if theorem.noiseless(k) else ERRORS if theorem.biased else LAWS
    for name in problems.names():
        if name not in DATA and (problem := _brought_to(theorem, k, _made(name, theorem, k))) is not None:
            yield from (Instance(problem, law, k) for law in laws)


def measured(theorem: Theorem, instance: Instance) -> Iterator[Measured]:
    """The rule of the theorem, run: a value a length. A run that leaves the range of float64 has none from there on."""
    lengths = sorted(theorem.lengths)
    while lengths:
        try:
            values = _run(theorem, instance, lengths)
        except FloatingPointError:
            lengths.pop()
        else:
            yield from (Measured(instance, T, at_T) for T, at_T in zip(lengths, values, strict=True))
            return


def _run(theorem: Theorem, instance: Instance, lengths: list[int]) -> Sequence[Array]:
    """What is bounded at each length, of every replica."""
    k, problem, oracle = instance.k, instance.problem, _Allowed(theorem, instance)
    if theorem.measure == "gap of the average":
        return [_gap_of_the_average(theorem, instance, T) for T in lengths]
    run = simulate(problem, oracle, [_stage(theorem, k, lengths[-1])], step=theorem.rule(k), checkpoints=lengths, **HOW)
    return list({"random iterate": run.mean_grad2, "last iterate": run.grad2, "gap": run.gap}[theorem.measure])


def _gap_of_the_average(theorem: Theorem, instance: Instance, T: int) -> Array:
    """By a run whose step number T goes to the mean of the iterates before it."""
    k = instance.k

    def weight(t: int) -> float:
        return float(theorem.weights(k, t))

    along, total = averaging(theorem.rule(k), weight), sum(map(weight, range(T)))

    def step(w: Array, g: Array, state: Any, t: int) -> tuple[Array, Any]:
        return along(w, g, state, t) if t < T else (state[1] / total, state)

    run = simulate(instance.problem, _Allowed(theorem, instance), [_stage(theorem, k, T + 1)], step=step, checkpoints=[T + 1], **HOW)
    return np.asarray(run.gap[0])


def by_law(theorem: Theorem, instance: Instance) -> Iterator[Measured]:
    """The same without chance, where the steps are those of SGD, the noise does not depend on w, and the problem is separable."""
    k, lengths = instance.k, sorted(T for T in theorem.lengths if T <= MOST_LAW_STEPS)
    sizes = step_sizes(theorem, k, lengths[-1] + 1) if lengths else None
    allowed = {float(theorem.variance(k, *at)) for at in ((1.0, 1.0), (2.0, 1.0), (1.0, 2.0))}
    if sizes is None or len(allowed) > 1 or theorem.measure == "gap of the average":
        return
    noise, stage = allowed.pop(), _stage(theorem, k, lengths[-1])
    oracle = replace(instance.unit, sigma2=noise * instance.unit.sigma2, beta2=noise * instance.unit.beta2)
    steps = replace(stage, eta=np.asarray(1.0), factor=lambda t: sizes[np.asarray(t, dtype=int)])
    if np.allclose(sizes, sizes[0], rtol=1e-9, atol=0):
        steps = replace(stage, eta=np.asarray(sizes[0]))
    try:
        law = exact_law(instance.problem, oracle, [steps], checkpoints=lengths, tolerance=1e-8)
    except ValueError:  # a problem that is not separable
        return
    what = {"random iterate": law.mean_grad2, "last iterate": law.grad2, "gap": law.gap}[theorem.measure]
    if law.error < 1e-6:
        yield from (Measured(instance, T, value, exact=True) for T, value in zip(lengths, what, strict=True))


def step_sizes(theorem: Theorem, k: Given, T: int) -> Array | None:
    """``η_t`` for ``t < T``, shape (T,), where the rule is ``w - η_t g``; else None. Asked of the rule at small and large gradients."""
    rng, found, rule = np.random.default_rng(0), [], theorem.rule(k)
    w, state = rng.normal(size=(4, 3)), None
    for t in range(T):
        g = rng.normal(size=w.shape) * np.array([1e-3, 1.0, 1.0, 1e3])[:, None]
        moved, state = rule(w, g, state, t)
        sizes = (w - moved) / g
        if not np.allclose(sizes, sizes[1, 0], rtol=1e-6, atol=0):
            return None
        found.append(float(sizes[1, 0]))
        w = rng.normal(size=w.shape)
    return np.array(found)


@dataclass(frozen=True, eq=False)
class _Allowed:
    """Gradients whose ``E‖g - ∇F‖²`` is what the theorem allows at w: ``unit``, whose is 1, times its root."""

    theorem: Theorem
    instance: Instance

    def draw_at(self, w: Array, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        grad2 = np.einsum("ij,ij->i", gradient, gradient)
        gap = np.maximum(self.instance.problem.gap(w), 0)  # which rounding may put below
        with asked("variance"):
            allowed = real("variance", self.theorem.variance(self.instance.k, gap, grad2), at_least=0)
        g, biased = self.instance.unit.draw(gradient, rng, out)
        drawn = biased if self.theorem.biased else g
        moved = gradient + np.sqrt(np.broadcast_to(allowed, grad2.shape))[:, None] * (drawn - gradient)
        return moved, moved


def _stage(theorem: Theorem, k: Given, T: int) -> Stage:
    """A stage whose steps the rule makes; of the iterates it says the weights, and of a biased oracle that ĝ is its direction."""
    one, theta = np.asarray(1.0), np.asarray(float(theorem.biased))
    return Stage(one, theta, np.asarray(float(T)), weights=lambda t: np.array([float(theorem.weights(k, int(step))) for step in t]))


def _made(name: str, theorem: Theorem, k: Given) -> Problem:
    """A quadratic is as badly conditioned as the theorem allows; other problems are as they are."""
    return problems.get(name, mu=k.mu / k.L) if name == "quadratic" and theorem.functions in WITH_MU else problems.get(name)


def _brought_to(theorem: Theorem, k: Given, problem: Problem) -> Problem | None:
    """``a F(bw)`` with the constants of the theorem; None where there is none, and where F* is not known to be attained."""
    if problem.minimiser is None or (theorem.functions in ("convex", "strongly convex") and not problem.convex):
        return None
    if theorem.functions in WITH_MU and (problem.mu is None or problem.mu * k.L < k.mu * problem.L * (1 - ROUNDING)):
        return None
    distance2 = float(np.sum((problem.start - problem.minimiser) ** 2))
    if hasattr(k, "F0"):
        a = k.F0 / float(problem.gap(problem.start))
        b = float(np.sqrt(k.L / (a * problem.L)))
        if hasattr(k, "D2") and distance2 / b**2 > k.D2:
            return None
    else:
        b = float(np.sqrt(distance2 / k.D2))
        a = k.L / (b**2 * problem.L)
    return _scaled(problem, a, b)


def _scaled(problem: Problem, a: float, b: float) -> Problem:
    """``a F(bw)``. The bundled problems that are convex with μ are strongly convex with it."""
    refutes = problem.refutes_pl
    at: Callable[[Array], Array] = lambda point: point / b  # noqa: E731 - a change of units
    return replace(
        problem,
        L=a * b**2 * problem.L,
        mu=None if problem.mu is None else a * b**2 * problem.mu,
        minimum=a * problem.minimum,
        minimiser=None if problem.minimiser is None else at(problem.minimiser),
        start=at(problem.start),
        sharpest=None if problem.sharpest is None else at(problem.sharpest),
        value=lambda w: a * problem.value(b * w),
        gradient=lambda w: a * b * problem.gradient(b * w),
        refutes_pl=None if refutes is None else lambda mu: at(refutes(mu / (a * b**2))),
        coordinatewise=None,
    )
