"""A theorem about a method that follows stochastic gradients, declared so that programs, simulations and provers can each read it.

Everything is plain arithmetic: the same bound is computed with floats and traced with symbols, and the same step moves rows of NumPy arrays
in a simulation and the points of a performance-estimation program.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal, get_args

import numpy as np

from tsla.theory.constants import must_be_one_of, real, shown, single

Number = Any
"""A float, or a symbol or term that arithmetic makes a formula of."""
Vector = Any
"""Rows of an array, shape (S, d), or a point of a program."""
StepRule = Callable[[Vector, Vector, Any, int], tuple[Vector, Any]]
"""``(w, g, state, t)`` to the next iterate and the next state; the first state is None."""
Functions = Literal["smooth", "convex", "strongly convex", "PL"]
Measure = Literal["random iterate", "last iterate", "gap", "gap of the average"]
OF_GRADIENTS: tuple[Measure, ...] = ("random iterate", "last iterate")
WITH_MU: tuple[Functions, ...] = ("strongly convex", "PL")
UNITS = {"L": (1, 2), "mu": (1, 2), "F0": (1, 0), "D2": (0, -2), "sigma2": (2, 2), "eta": (-1, -2)}
"""The powers of a and b by which constants change where F(w) becomes aF(bw)."""
SCALES = ((8.0, 1.0), (0.125, 1.0), (1.0, 8.0), (1.0, 0.125))
"""Some a and b."""
ARGUMENTS = {"bound": "k T", "step": "k w g state t", "premises": "k", "variance": "k gap grad2", "weights": "k t"}
"""Those of the functions of a theorem."""
LONGEST_PROGRAM = 3
"""Steps of the longest run whose worst case is computed: with two outcomes a step it has 8 ends."""


class Given(SimpleNamespace):
    """The constants of a theorem by their names, as numbers or symbols. Raises AttributeError for one that the theorem doesn't have."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"unknown constant {name}; the theorem has {', '.join(vars(self))}")

    def __str__(self) -> str:
        return ", ".join(f"{name} = {shown(value)}" for name, value in vars(self).items())


def summed(term: Callable[[Number], Number], T: Number) -> Number:
    """``Σ term(t)`` over ``0 <= t < T``; where T is a symbol, the sum as a formula."""
    if isinstance(T, int | float):
        return sum(term(t) for t in range(int(T)))
    import sympy  # of the extra certify, which alone has symbols

    t = sympy.Symbol("t", integer=True, nonnegative=True)
    return sympy.Sum(term(t), (t, 0, T - 1))


def of_variance(k: Given, gap: Number, grad2: Number) -> Number:
    """A2, the usual noise: ``E‖g - ∇F‖² <= σ²``."""
    return k.sigma2


def alike(k: Given, t: Number) -> Number:
    """Iterates of one weight."""
    return 1.0


def from_above(k: Given) -> dict[str, Any]:
    """No premises but those of the names."""
    return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Theorem:
    """A bound on what a step rule reaches, with its premises. ``k`` is :class:`Given`, the constants: ``k.L``, ``k.eta``.

    id, title, statement, source:  as those of a claim; the id is any word
    constants:  the settings at which it is decided, each ``{name: number}`` with the same names. ``L`` is needed (A1), ``mu`` where the
                functions have it, and how far off the start is: ``F0 >= F(w_0) - F*``, or ``D2 >= ‖w_0 - w*‖²`` unless they are "smooth"
                only. Other names are the theorem's own
    bound:      ``(k, T)`` to the bound on ``measure`` after T steps; a sum over steps is :func:`summed`
    step:       ``(k, w, g, state, t)`` to ``(w, state)``: the step from ``w_t`` along the stochastic gradient; the first state is None
    premises:   ``(k)`` to ``{name: inequality}``; that L, mu, eta, F0 and D2 are above 0 and sigma2 at least 0 need not be said
    functions:  the class of F: "smooth" (A1), and beyond that "convex", "strongly convex" with ``mu``, or "PL" (A4) with ``mu``
    variance:   ``(k, F - F*, ‖∇F‖²)`` at w to what ``E‖g - ∇F‖²`` may be there; ``k.sigma2`` by itself, and 0 for gradients without noise
    biased:     whether ``E g`` may differ from ∇F: ``variance`` is all that is known of ``g - ∇F`` then
    measure:    what is bounded: "random iterate", ``E‖∇F(w_R)‖²`` with R by the weights among ``0 <= t < T``; "last iterate",
                ``E‖∇F(w_T)‖²``; "gap", ``E F(w_T) - F*``; "gap of the average", that at the mean of ``w_0 … w_(T-1)`` by the weights
    weights:    ``(k, t)`` to the weight of ``w_t``; all alike by themselves. A length at which they are all 0 is left out
    lengths:    numbers of steps at which simulations are laid beside the bound; the worst case is computed at 1, 2 and 3, as far as they go
    units:      of the theorem's own constants: the powers of a and b by which they change where F(w) becomes aF(bw). L has (1, 2), sigma2
                (2, 2), a length of gradients (1, 1), a pure number (0, 0). With the units of all constants a bound is tried on other
                scales as well, on which a wrong exponent is seen
    proof:      ``()`` to its proof, a :class:`tsla.theory.certificates.algebra.engine.manifest.Manifest`; None where it has none

    Raises ValueError, in one line, for what can't be decided: a function of other arguments, a bound that is no finite number, a step that
    gives no ``(w, state)``, an unknown constant.
    """

    id: str
    title: str
    statement: str
    source: str
    constants: Sequence[Mapping[str, float]]
    bound: Callable[[Given, Number], Number]
    step: Callable[[Given, Vector, Vector, Any, int], tuple[Vector, Any]]
    premises: Callable[[Given], Mapping[str, Any]] = from_above
    functions: Functions = "smooth"
    variance: Callable[[Given, Number, Number], Number] = of_variance
    biased: bool = False
    measure: Measure = "random iterate"
    weights: Callable[[Given, Number], Number] = alike
    lengths: Sequence[int] = (1, 3, 10, 30, 100)
    units: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    proof: Callable[[], Any] | None = None
    settings: tuple[Given, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id or not self.id.isprintable() or set(self.id) & set(" |`"):
            raise ValueError(f"id = {self.id!r} must be a word without spaces, bars and backticks")
        for name, allowed in (("functions", get_args(Functions)), ("measure", get_args(Measure))):
            must_be_one_of(name, getattr(self, name), allowed)
        for name, arguments in ARGUMENTS.items():
            _takes(name, getattr(self, name), arguments.split())
        if not self.lengths or any(not isinstance(T, int) or T < 1 for T in self.lengths):
            raise ValueError(f"lengths = {self.lengths!r} must be whole numbers of steps, at least 1")
        object.__setattr__(self, "settings", tuple(_given(self, numbers) for numbers in self.constants))
        if not self.settings:
            raise ValueError("constants is empty; a theorem is decided at one setting at least")
        foreign = self.units.keys() - self.constants[0].keys()
        if foreign or any(len(powers) != 2 for powers in self.units.values()):
            raise ValueError(f"units = {self.units!r} must be {{name: (power of a, power of b)}} of {', '.join(self.constants[0])}")
        with asked("weights"):
            weighed = tuple(T for T in sorted(self.lengths) if self._weight(T) > 0)
        if not weighed:
            raise ValueError(f"weights of the first {max(self.lengths)} iterates are 0; one must be above 0")
        object.__setattr__(self, "lengths", weighed)
        for k in self.met:
            self._can_be_run(k)

    @property
    def short(self) -> tuple[int, ...]:
        """Lengths at which the worst case is computed."""
        return tuple(T for T in range(1, min(LONGEST_PROGRAM, max(self.lengths)) + 1) if self._weight(T) > 0)

    def _weight(self, T: int) -> float:
        return sum(float(self.weights(self.settings[0], t)) for t in range(T))

    @property
    def met(self) -> tuple[Given, ...]:
        """The settings at which its premises are met."""
        return tuple(k for k in self.settings if not self.broken(k))

    def broken(self, k: Given) -> list[str]:
        """The premises that numbers don't meet."""
        with asked("premises"):
            return [name for name, holds in self.required(k).items() if not holds]

    def required(self, k: Given) -> dict[str, Any]:
        """All premises, those that the names of the constants bring among them."""
        signs = {f"{name} > 0": getattr(k, name) > 0 for name in ("L", "mu", "eta", "F0", "D2") if hasattr(k, name)}
        noise = {"sigma2 >= 0": k.sigma2 >= 0} if hasattr(k, "sigma2") else {}
        curved = {"mu <= L": k.mu <= k.L} if self.functions in WITH_MU else {}
        return signs | noise | curved | dict(self.premises(k))

    def scales(self, k: Given) -> list[tuple[Given, float]]:
        """The constants of F on some scales, its own first, and the factor by which what is measured changes there.

        The worst case changes by it, and so does every run. Only its own scale where a constant has no unit, a premise fails, or what the
        theorem says of steps, noise and weights does not go with the units.
        """
        units = {**UNITS, **self.units}
        if not vars(k).keys() <= units.keys():
            return [(k, 1.0)]
        found = [(k, 1.0)]
        for a, b in SCALES:
            other = Given(**{name: value * a ** units[name][0] * b ** units[name][1] for name, value in vars(k).items()})
            if not self.broken(other) and self._goes_with(k, other, a, b):
                found.append((other, (a * b) ** 2 if self.measure in OF_GRADIENTS else a))
        return found

    def _goes_with(self, k: Given, other: Given, a: float, b: float) -> bool:
        """Whether steps are 1/b times as long on ``aF(bw)``, variances (ab)² times as large, and weights in the same proportion."""
        w, g = np.random.default_rng(0).normal(size=(2, 4, 3)) * np.array([1e-2, 1.0, 1.0, 1e2])[:, None]
        here: Any = (w, None)
        there: Any = (w / b, None)
        pairs = []
        for t in range(3):
            here, there = self.rule(k)(here[0], g, here[1], t), self.rule(other)(there[0], a * b * g, there[1], t)
            pairs += [
                (here[0], b * there[0]),
                (self.weights(k, 0) * self.weights(other, t), self.weights(other, 0) * self.weights(k, t)),
                ((a * b) ** 2 * self.variance(k, 2.0, 3.0 + t), self.variance(other, 2.0 * a, (3.0 + t) * (a * b) ** 2)),
            ]
        return all(np.allclose(one, two, rtol=1e-9) for one, two in pairs)

    def noiseless(self, k: Given) -> bool:
        """Whether its gradients have no noise at all."""
        with asked("variance"):
            return all(self.variance(k, *at) == 0 for at in ((1.0, 1.0), (2.0, 1.0), (1.0, 2.0)))

    def value(self, k: Given, T: int) -> float:
        """The bound as a number. Raises ValueError where it is none."""
        with asked("bound"):
            found = float(self.bound(k, T))
        if not math.isfinite(found):
            raise ValueError(f"bound = {found} at T = {T}, {k}; must be a finite number")
        return found

    def rule(self, k: Given) -> StepRule:
        """Its step with the constants in it."""

        def rule(w: Vector, g: Vector, state: Any, t: int) -> tuple[Vector, Any]:
            with asked("step"):
                moved = self.step(k, w, g, state, t)
            if not isinstance(moved, tuple) or len(moved) != 2:
                raise ValueError(f"step gives {type(moved).__name__}; must give (w, state)")
            return moved

        return rule

    def _can_be_run(self, k: Given) -> None:
        for T in sorted({*self.short, *self.lengths}):
            self.value(k, T)
        w, state = np.array([[1.0, -0.5], [0.25, 2.0]]), None
        for t in range(2):
            with asked("variance"):
                real("variance", self.variance(k, 1.0, 1.0), at_least=0)
            with asked("weights"):
                real("weights", self.weights(k, t), at_least=0)
            w, state = self.rule(k)(w, 0.5 * w, state, t)
            if not isinstance(w, np.ndarray) or w.shape != (2, 2) or not np.isfinite(w).all():
                raise ValueError(f"step gives {w!r} for rows of shape (2, 2); must give finite rows of that shape".replace("\n", ""))


def averaging(rule: StepRule, weight: Callable[[int], float]) -> StepRule:
    """``rule`` whose state is ``(its own, Σ weight(t) w_t)``."""

    def averaged(w: Vector, g: Vector, state: Any, t: int) -> tuple[Vector, Any]:
        own, total = (None, 0 * w) if state is None else state
        moved, own = rule(w, g, own, t)
        return moved, (own, total + weight(t) * w)

    return averaged


@contextmanager
def asked(what: str) -> Iterator[None]:
    """An error of any kind in a function of the user's is a ValueError of one line that names the function."""
    try:
        yield
    except FloatingPointError:  # a run that leaves the range of float64, of which the simulator speaks
        raise
    except Exception as error:
        raise ValueError(f"{what} raised {type(error).__name__}: {str(error).partition(chr(10))[0]}") from error


def _takes(name: str, function: Any, arguments: Sequence[str]) -> None:
    takes = repr(function)
    try:
        takes = str(inspect.signature(function))
        inspect.signature(function).bind(*arguments)
    except TypeError:
        raise ValueError(f"{name} = {takes} must be a function of ({', '.join(arguments)})") from None


def _given(theorem: Theorem, numbers: Mapping[str, float]) -> Given:
    names, first = (set(of) for of in (numbers, theorem.constants[0]))
    if names != first or not isinstance(numbers, Mapping):
        raise ValueError(f"constants has {numbers!r}; must be settings such as {{'L': 2, 'F0': 3, 'eta': 0.25}}, all with the same names")
    starts = {"F0"} if theorem.functions == "smooth" else {"F0", "D2"}
    needed = [{"L"}, *([{"mu"}] if theorem.functions in WITH_MU else []), starts]
    for names in needed:
        if not names & numbers.keys():
            wanted = " or ".join(sorted(names))
            raise ValueError(
                f"constants = {', '.join(numbers)} must have {wanted}, which a theorem about {theorem.functions} functions needs"
            )
    if "D2" in numbers and "D2" not in starts:
        raise ValueError(f"constants = {', '.join(numbers)} must not have D2: {theorem.functions} functions need have no minimiser")
    return Given(**{name: single(name, value) for name, value in numbers.items()})
