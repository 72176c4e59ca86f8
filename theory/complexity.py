"""Samples to reach ``E‖∇F‖² <= ε²``: the table of regimes C9, and all methods side by side.

What is tabled are the lengths of plans, which bounds ask for. An algorithm may be there sooner: see C9's row ``2 < q < 4``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsla.theory import inversion, lsr, two_stage
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import ROUNDING, Array, Constants, array_of, real, shown_where
from tsla.theory.methods import METHODS, splitting
from tsla.theory.plan import Plan, target
from tsla.theory.products import product
from tsla.theory.representable import UnrepresentableError, representable
from tsla.theory.text import Json, Printed, aligned, count, listed, number, wrapped

PLAIN = {"sgd": 4.0, "sgd-exact": 4.0, "sgd-pl": 2.0, "sgd-pl-last": 2.0, "sgd-two-step": 4.0}
"""Exponents of the methods that don't smooth, whatever δ is (C4, C15, C16); the logarithm of C15a dropped."""


def exponents(q: ArrayLike) -> dict[str, Array]:
    """The exponent ``r`` of ``1/ε^r`` samples at ``δ = ε^q``, ``q >= 0``, as ``ε → 0``, by method; constants and logarithms dropped.

    C9: TSLA's plan has ``4 - q``, and 0 (``log(1/ε)``) from ``q = 4`` on. For ``2 < q < 4`` that is the length of the plan and not what
    the algorithm needs: the last iterate of its first stage, with which the second begins, is there after ``log(1/ε)`` samples (C19,
    ``lsr-pl-last``). LSR has 2 where ``q >= 2``, else infinite: it does not get there. SGD has 4, without A4, which the TSLA column uses.
    The fair comparison is C15's ``sgd-pl``. With A4, ``lsr-pl`` (C15) and ``lsr-pl-last`` (C19) cost ``log(1/ε)`` where ``q >= 2``, and do
    not get there below; ``smoothed-pl`` (C12) and ``smoothed-pl-last`` (C19), with half of ``δσ²`` bias, cost as much there, and gain no
    power over ``sgd-pl`` below. At ``q = 2`` constants decide: those of LSR alone have to fit (``V < ε²``, for C19 ``κV < ε²``). C18's
    methods gain no power over the plain ones either, ``sgd`` and ``sgd-pl``, where ``q < 2``.
    """
    power = real("q", q, at_least=0)
    return {name: np.full_like(power, r) for name, r in PLAIN.items()} | {
        "tsla": np.maximum(4 - power, 0.0),
        "tsla-sharp": np.maximum(4 - power, 0.0),
        "lsr": np.where(power >= 2, 2.0, np.inf),
        "lsr-sharp": np.where(power >= 2, 2.0, 4.0),
        "lsr-exact": np.where(power >= 2, 2.0, 4.0),
        "lsr-pl-sharp": np.where(power >= 2, 0.0, 2.0),
        **dict.fromkeys(("lsr-pl", "lsr-pl-last"), np.where(power >= 2, 0.0, np.inf)),
        **dict.fromkeys(("lsr-pl-last-sharp", "smoothed-pl", "smoothed-pl-last"), np.where(power >= 2, 0.0, 2.0)),
    }


def regime(method: str, q: float) -> str:
    """The row of C9; "any" where the method doesn't smooth."""
    if method in PLAIN:
        return "any"
    if q < 2:
        return "δ ≥ ε²"
    if q == 2:
        return "δ ~ ε²"
    return "ε⁴ < δ < ε²" if q < 4 else "δ ≤ ε⁴"


@dataclass(frozen=True, repr=False)
class Comparison(Printed):
    """The plans of all methods at scalar constants, fastest first.

    reasons:    sentences: who is the fastest and why, by how much, and where TSLA stands
    crossovers: the largest δ, all else equal, at which a smoothed bound is ahead of a plain one (``tsla.theory.inversion.crossovers``)
    """

    plans: tuple[Plan, ...]
    reasons: tuple[str, ...]
    crossovers: dict[str, float]

    @property
    def ahead(self) -> str:
        """The fastest method."""
        return self.plans[0].method

    @property
    def why(self) -> str:
        """The reasons in one."""
        return " ".join(self.reasons)

    @property
    def beats(self) -> dict[str, float]:
        """How many times as many samples as the fastest TSLA, plain SGD and SGD that uses A4 ask for; a plan of none counts as one."""
        totals = {plan.method: float(plan.total) for plan in self.plans}
        return {name: totals[name] / max(totals[self.ahead], 1) for name in RIVALS if name != self.ahead}

    @property
    def place(self) -> int:
        """Of TSLA: 1 where none asks for fewer samples."""
        return _place(self.plans)

    def json(self) -> Json:
        """``{"ahead", "beats", "tsla_place", "why", "methods", "crossovers"}``, the methods fastest first, each as :meth:`Plan.json`."""
        return {
            "ahead": self.ahead,
            "beats": self.beats,
            "tsla_place": self.place,
            "why": self.why,
            "methods": [plan.json() for plan in self.plans],
            "crossovers": {name: inversion.delta_json(delta) for name, delta in self.crossovers.items()},
        }

    def table(self, eps: float | None = None) -> str:
        """All methods, fastest first, with their stages, and the reasons, a sentence a line; ``eps``: what was asked for, to be said."""
        rows = [[f"samples until {target(eps)}", "", "claim", "assumes"]]
        for plan in self.plans:
            stages = " + ".join(count(stage.steps) for stage in plan.stages) if len(plan.stages) > 1 else ""
            total = count(plan.total) if plan.reachable else f"never: floor {number(plan.floor if plan.floor is not None else 0)}"
            rows.append([f"{plan.method}  {stages}".rstrip(), total, plan.claim, " ".join(plan.assumes)])
        tsla = {name: delta for name, delta in self.crossovers.items() if name.startswith("tsla before")}
        crossovers = ", ".join(f"{name.removeprefix('tsla before ')} {_range(delta)}" for name, delta in tsla.items())
        said = (*self.reasons, f"As delta varies, TSLA's bound is ahead of {crossovers}.")
        return "\n".join([aligned(rows, right=frozenset({1})), *(wrapped(sentence, indent="  ", more="") for sentence in said)])


def every_plan(constants: Constants, *, eps: ArrayLike, oracle: SmoothingOracle | None = None) -> list[Plan]:
    """The plans of all methods; with ``oracle`` also of those that tell bias from noise (C12). Shapes: all arguments broadcast.

    Raises ValueError as :func:`compare` does.
    """
    plans = [method(constants, eps=eps) for method in METHODS.values()]
    if oracle is None:
        return plans
    delta, shat2 = constants.need_delta("A3"), oracle.moments(constants.sigma2).shat2
    too_small = np.asarray(shat2 > delta * constants.sigma2 * (1 + ROUNDING))
    if too_small.any():
        (worst,) = shown_where(too_small, delta)
        raise ValueError(f"delta = {worst} is below (beta2 + nu2)/sigma2; A3 needs beta2 + nu2 <= delta*sigma2")
    return [*plans, *(method(constants, oracle, eps=eps) for method in splitting())]


@representable
def compare(constants: Constants, *, eps: float, oracle: SmoothingOracle | None = None) -> Comparison:
    """What every bound asks for at the same constants; with ``oracle`` also those that tell bias from noise (C12).

    Raises ValueError as the single plans do, for arrays, and where the oracle's error is larger than A3 allows: ``β² + ν² > δσ²``.
    """
    _refuse_arrays(constants, eps, oracle)
    plans = sorted(every_plan(constants, eps=eps, oracle=oracle), key=lambda plan: float(plan.total))
    return Comparison(tuple(plans), _reasons(constants, eps, plans), inversion.crossovers(constants, eps=eps))


def _refuse_arrays(constants: Constants, eps: float, oracle: SmoothingOracle | None) -> None:
    """Raises ValueError for what is no single number: the order of the methods, and so what is said, is of single numbers."""
    numbers = {"eps": eps, "L": constants.L, "mu": constants.mu, "sigma2": constants.sigma2, "delta": constants.delta, "F0": constants.F0}
    if oracle is not None:
        numbers = numbers | {"beta2": oracle.beta2, "nu2": oracle.nu2, "c": oracle.c}
    for name, value in numbers.items():
        if value is not None and len(array_of(value).shape) > 0:
            raise ValueError(f"{name} is an array; must be a single number, for which compare orders the methods (every_plan takes arrays)")


RIVALS = {"tsla": "TSLA (C8)", "sgd": "plain SGD (C4)", "sgd-pl": "SGD that uses A4 (C15b)"}
"""With whom the fastest is compared."""


def _place(plans: Sequence[Plan]) -> int:
    totals = {plan.method: float(plan.total) for plan in plans}
    return 1 + sum(total < totals["tsla"] for total in totals.values())


def _reasons(constants: Constants, eps: float, plans: Sequence[Plan]) -> tuple[str, ...]:
    """Who is the fastest, why, by how much, and where TSLA stands."""
    fastest, totals = plans[0], {plan.method: float(plan.total) for plan in plans}
    burn_in = float(two_stage.steps(constants, eps=eps).stages[0].steps)
    share = float(product(2, constants.need_delta("C8"), constants.sigma2, over=(constants.need_mu("C8"), constants.F0)))
    if not np.isfinite(share):
        raise UnrepresentableError("2*delta*sigma2/(mu*F0) overflows float64 for these constants; rescale F")
    return (
        f"{fastest.method} is the fastest: it asks for {_samples(float(fastest.total))} ({fastest.claim}).",
        *_lead(totals, fastest.method),
        _reason(constants, eps, fastest.method),
        f"TSLA takes place {_place(plans)} of {len(plans)} with {_samples(totals['tsla'])}, {_beside(totals['tsla'], totals['sgd'])}.",
        f"Its plain stage takes 2δσ²/(μF0) = {share:.3g} of plain SGD's steps, after {burn_in:.0f} smoothed ones.",
    )


def _samples(total: float) -> str:
    return f"{count(total)} {'sample' if total == 1 else 'samples'}"


def _lead(totals: dict[str, float], fastest: str) -> list[str]:
    """What the fastest is ahead of, by which factor, and with whom it draws. There is no factor of none."""
    least, said = totals[fastest], []
    ahead = [name for name in RIVALS if totals[name] > least]
    even = [name for name in RIVALS if totals[name] == least and name != fastest]
    if ahead and least > 0:
        said.append(f"It beats {listed([f'{RIVALS[name]} by a factor {_factor(totals[name] / least)}' for name in ahead])}.")
    if ahead and least == 0:
        said.append(f"It needs no step, {listed([f'{RIVALS[name]} {_samples(totals[name])}' for name in ahead])}.")
    if even:
        needs = "needs" if len(even) == 1 else "need"
        said.append(f"{listed([RIVALS[name] for name in even])} {needs} as many.")
    return said


def _beside(total: float, other: float) -> str:
    """How many samples that are beside the other number, which is plain SGD's."""
    if total == other:
        return "as many as plain SGD"
    if min(total, other) == 0:
        return f"beside {count(other)} of plain SGD"
    return f"{_factor(max(total, other) / min(total, other))} times {'fewer' if total < other else 'more'} than plain SGD"


def _reason(constants: Constants, eps: float, ahead: str) -> str:
    if ahead in ("tsla", "tsla-sharp"):
        return "It drops smoothing after its first stage."
    if ahead in ("lsr-sharp", "lsr-exact", "lsr-pl-sharp"):
        return "It never drops smoothing."
    if ahead in ("lsr", "lsr-pl"):
        return f"It smooths alone, and can as its floor 2δσ²/(1+δ) = {float(lsr.floor(constants)):.3g} is below eps² = {eps**2:.3g}."
    if ahead == "lsr-pl-last":
        return f"It smooths alone and takes the last iterate, and can as its floor κV is below eps² = {eps**2:.3g}."
    if ahead == "lsr-pl-last-sharp":
        return "It never drops smoothing, and takes the last iterate."
    if ahead in ("smoothed-pl", "smoothed-pl-last"):
        return "It never drops smoothing, and tells its bias from its noise."
    smooths = ahead not in METHODS or METHODS[ahead].smooths
    return "It smooths." if smooths else "It does not smooth."


def _factor(ratio: float) -> str:
    return number(float(f"{ratio:.3g}"))


def _range(delta: float) -> str:
    said = inversion.delta_said(delta)
    return f"only below {said}" if 0 < delta < np.inf else said
