"""The problem's constants and the checks at the door.

Every public function of ``theory`` takes numbers or arrays that broadcast together. They are checked here, once, when they come
in; behind the door the formulas can be read beside the paper without defensive code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from reprlib import Repr
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsla.theory.representable import UnrepresentableError

Array = NDArray[np.float64]

# A product of two correctly rounded factors, such as eta * L with eta = 1/L, may exceed 1 by an ulp or two.
ROUNDING = 4 * np.finfo(np.float64).eps
SMALLEST_NORMAL = np.finfo(np.float64).tiny  # below it digits are missing


def spelled(numbers: Any) -> str:
    """A dataclass of numbers and arrays as the call that makes it, without what is None: ``Constants(L=10, sigma2=1, F0=1, mu=1)``."""
    values = {field.name: getattr(numbers, field.name) for field in fields(numbers)}
    single = {name: isinstance(value, np.ndarray | float) and np.ndim(value) == 0 for name, value in values.items()}
    parts = (f"{name}={shown(value) if single[name] else repr(value)}" for name, value in values.items() if value is not None)
    return f"{type(numbers).__name__}({', '.join(parts)})"


class _Said(Repr):
    """Values as Python writes them, but in one line, and that long ones are cut and deep ones not followed."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 200
        self.maxlist = self.maxdict = self.maxtuple = 20

    def repr1(self, x: Any, level: int) -> str:
        return " ".join(super().repr1(x, level).split()) if not isinstance(x, str) else super().repr1(x, level)


_SAID = _Said()


def said(value: Any) -> str:
    """What a refusal repeats of what was given."""
    return _SAID.repr(value)


def array_of(value: Any) -> NDArray[Any]:
    """As ``np.asarray``; of what can't be one, such as rows of several lengths or a tensor that keeps its gradient, one of an object."""
    if isinstance(value, list | tuple) and any(part is np.ma.masked for part in value):  # which NumPy would make nan
        return np.array(None)
    try:
        return np.asarray(value)
    except Exception:  # whatever an array of another library may raise
        return np.array(None)


def numeric(name: str, value: object) -> float | Array:
    """``value`` in float64: a number, or an array of numbers, any of which may be nan or infinite. Raises ValueError for anything else.

    Not taken are arrays whose products are others than an array's, and those that hide some of their numbers.
    """
    array = array_of(value)
    taken = isinstance(value, float | int | np.number | np.ndarray) and not isinstance(value, np.matrix | np.ma.MaskedArray)
    if not taken or array.dtype.kind not in "iufb":
        raise ValueError(f"{name} = {said(value)} must be a number, or an array of numbers")
    try:
        with np.errstate(over="raise"):
            found = array.astype(np.float64)
    except FloatingPointError:
        raise ValueError(f"{name} = {said(value)} must be a number that float64 can hold") from None
    return found if isinstance(value, np.ndarray) else float(found)


def shown(value: Any) -> str:
    """A number as a person writes it: 0.1, 800000, 1e-12; 15 digits, which no rounding error of a sum reaches."""
    return f"{float(value):.15g}"


def shown_where(so: NDArray[np.bool_], *numbers: Array) -> list[str]:
    """The numbers at the first place where it is ``so``, for a refusal; all broadcast to its shape."""
    return [shown(np.broadcast_to(number, so.shape)[so].flat[0]) for number in numbers]


def real(
    name: str,
    value: ArrayLike,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    integral: bool = False,
) -> Array:
    """``value`` as a float64 array whose elements are finite, inside the given range and, where they are ``integral``, whole numbers.

    -0 becomes 0: what divides by it would otherwise be infinite on the wrong side. Raises ValueError that names the argument, the first
    offending element and the allowed range.
    """
    limits = [
        f"{sign} {shown(limit)}" for sign, limit in (("above", above), ("at least", at_least), ("at most", at_most)) if limit is not None
    ]
    allowed = f"must be a {'whole number,' if integral else 'finite number'}" + (" " + " and ".join(limits) if limits else "")
    if isinstance(value, np.ma.MaskedArray):
        bare = ".compressed() leaves out what it hides"
        raise ValueError(f"{name} = a masked array {allowed} without a mask, which would be lost: {bare}")  # noqa: TRY004 - bad input
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**308:
        value = float(value)  # NumPy has no type for whole numbers of more than 64 bits
    given = array_of(value)
    if given.dtype.kind not in "iuf":  # refuses booleans, strings, None and complex numbers, which float() might let pass
        raise ValueError(f"{name} = {said(value)} {allowed}")
    with np.errstate(over="ignore"):  # of a longer float, which is refused below
        array = np.asarray(given.astype(np.float64) + 0.0)  # -0.0 + 0.0 is 0.0
    bad = ~np.isfinite(array)
    if above is not None:
        bad |= array <= above
    if at_least is not None:
        bad |= array < at_least
    if at_most is not None:
        bad |= array > at_most
    if integral:
        bad |= array != np.floor(array)
    if bad.any():
        raise ValueError(f"{name} = {shown(array[bad].flat[0])} {allowed}")
    return array


def single(name: str, value: Any, **limits: Any) -> float:
    """``value`` as one number, checked as by :func:`real`. Raises ValueError for an array of several, too."""
    array = real(name, value, **limits)
    if len(array.shape) > 0:
        raise ValueError(f"{name} = {said(value)} has shape {array.shape}; must be a single number")
    return float(array)


def must_be_one_of(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise ValueError, which names the argument and what is valid, unless ``value`` is one of the words."""
    words = [*allowed]
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{name} = {said(value)} must be one of {', '.join(words)}")


def step_size(name: str, value: ArrayLike, L: Array, claim: str) -> Array:
    """``value`` as an array of step sizes, checked against ``0 < eta <= 1/L``: the premise of the descent lemma C3."""
    eta = real(name, value, above=0)
    must_go_together({name: eta, "L": L})
    with np.errstate(over="ignore"):
        too_large = eta * L > 1 + ROUNDING
        if too_large.any():
            worst, limit = shown_where(too_large, eta, 1 / L)
            raise ValueError(f"{name} = {worst} is larger than 1/L = {limit}; {claim} needs 0 < {name} <= 1/L")
    return eta


def step_scale(*, eta: ArrayLike, L: ArrayLike, claim: str) -> Array:
    """``ηL``, at most 1, of a step size ``0 < eta <= 1/L`` and ``L > 0``. Raises ValueError outside the ranges."""
    smoothness = real("L", L, above=0)
    return np.minimum(step_size("eta", eta, smoothness, claim) * smoothness, 1.0)


def step_count(name: str, value: ArrayLike, *, at_least: int = 1) -> Array:
    """``value`` as an array of whole numbers of steps, kept in float64 so that 1e30 steps are a number like any other."""
    return real(name, value, at_least=at_least, integral=True)


def is_whole(value: object, *, at_least: int | None = None, at_most: int | None = None) -> bool:
    """Whether ``value`` is a whole number in the given range: an int, of Python or of NumPy, and no float that happens to be one."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return bool((at_least is None or at_least <= value) and (at_most is None or value <= at_most))


def whole(name: str, value: Any, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """``value`` as an int, which overflows in no sum. Raises ValueError, which names what is valid, unless it :func:`is_whole`."""
    if not is_whole(value, at_least=at_least, at_most=at_most):
        limits = " and ".join(f"at {end} {limit}" for end, limit in (("least", at_least), ("most", at_most)) if limit is not None)
        raise ValueError(f"{name} = {said(value)} must be a whole number{', ' if limits else ''}{limits}")
    return int(value)


def must_go_together(arrays: Mapping[str, Array | None]) -> None:
    """Raise ValueError, which names the arrays and their shapes, where they don't broadcast together. None is no array."""
    shapes = {name: np.shape(array) for name, array in arrays.items() if array is not None}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        of = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(f"{of}: the shapes must broadcast together") from None


def target_squared(eps: ArrayLike) -> Array:
    """``ε²`` for a target ``ε > 0``. Raises UnrepresentableError where the square is not a normal float64."""
    root = real("eps", eps, above=0)
    with np.errstate(all="ignore"):
        square = root**2
    lost = (square < SMALLEST_NORMAL) | ~np.isfinite(square)
    if lost.any():
        raise UnrepresentableError(f"eps = {shown(root[lost].flat[0])}: its square overflows float64 or vanishes in it; rescale F")
    return square


def strength(value: ArrayLike) -> Array:
    """``value`` as an array of smoothing strengths ``theta`` in [0, 1]."""
    return real("theta", value, at_least=0, at_most=1)


def batch(value: int, name: str = "batch_size") -> int:
    """``value`` as a number of examples in a batch, which an int64 holds."""
    return whole(name, value, at_least=1, at_most=2**63 - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Constants:
    """What the theorems assume about the objective ``F`` and its oracles.

    Shapes: every field is a number or an array; all of them broadcast together. Raises ValueError outside the ranges given, and where the
    shapes don't go together.

    L:       smoothness of F (A1), ``> 0``
    sigma2:  variance of the one-hot stochastic gradient (A2), ``>= 0``, in units of ``‖∇F‖²``
    F0:      ``F(w_0)``, an upper bound of ``F(w_0) - F*``; ``> 0``, in units of F
    delta:   ``E‖ĝ - ∇F‖² <= delta * sigma2`` (A3), ``>= 0``, dimensionless; None where no label is smoothed
    mu:      Polyak-Łojasiewicz constant (A4), ``0 < mu <= L``; None where A4 is not assumed
    """

    L: Array
    sigma2: Array
    F0: Array
    delta: Array | None
    mu: Array | None

    def __init__(
        self,
        *,
        L: ArrayLike,
        sigma2: ArrayLike,
        F0: ArrayLike,
        delta: ArrayLike | None = None,
        mu: ArrayLike | None = None,
    ) -> None:
        checked: dict[str, Array | None] = {
            "L": real("L", L, above=0),
            "sigma2": real("sigma2", sigma2, at_least=0),
            "F0": real("F0", F0, above=0),
            "delta": None if delta is None else real("delta", delta, at_least=0),
            "mu": None if mu is None else real("mu", mu, above=0),
        }
        must_go_together(checked)
        if checked["mu"] is not None and checked["L"] is not None:
            _refuse_above(checked["mu"], checked["L"])
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    __repr__ = spelled

    def need_delta(self, claim: str) -> Array:
        """``delta``, or a ValueError that says which claim asks for it."""
        if self.delta is None:
            raise ValueError(f"delta is missing; {claim} needs it (assumption A3)")
        return self.delta

    def need_mu(self, claim: str) -> Array:
        """``mu``, or a ValueError that says which claim asks for it."""
        if self.mu is None:
            raise ValueError(f"mu is missing; {claim} needs it (assumption A4)")
        return self.mu


def must_be_single(constants: Constants) -> None:
    """Raise ValueError, which names the first that is an array, unless all of them are single numbers."""
    for field in fields(constants):
        if (value := getattr(constants, field.name)) is not None:
            single(field.name, value)


def _refuse_above(mu: Array, L: Array) -> None:
    above_L = mu / (1 + ROUNDING) > L  # a product with L may overflow
    if above_L.any():
        worst, limit = shown_where(above_L, mu, L)
        raise ValueError(f"mu = {worst} is larger than L = {limit}; A4 with A1 needs 0 < mu <= L")
