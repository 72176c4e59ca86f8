"""The steps of :func:`tsla.simulate` for coordinate-wise problems, compiled by numba (extra ``fast``).

The noise is that of the general path to the last bit: the same generators, by NumPy's own algorithms. The iterates agree to rounding.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable
from functools import cache
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TypeVar, cast

import numba
import numpy as np
from numba.np.random import _constants as ziggurat
from numpy.typing import NDArray

from tsla.empirics.simulation.blocks import Advance, Block, Sampler
from tsla.empirics.simulation.legs import Leg
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array, shown

F = TypeVar("F", bound=Callable[..., object])
Slope = Callable[[float], float]
Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

TRUSTED = 1e6
"""Largest ``|w_i|`` that the compiled steps allow: :func:`sine` is right up to four times as far."""
ORACLE_FIELDS = ("sigma2", "beta2", "nu2", "c", "bias")
"""What the compiled steps know of an oracle; anything else must be as it is by default."""


def compiled(function: F) -> F:
    """Compile: division by zero is that of floating point, and other threads run meanwhile."""
    return cast("F", numba.njit(nogil=True, error_model="numpy")(function))


def compiled_sum(function: F) -> F:
    """Compile a sum that may be added up in another order, the same one every time."""
    return cast("F", numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc"})(function))


# --- NumPy's normals

ONE, THREE, ELEVEN, ROTATE, BACK = (np.uint64(n) for n in (1, 3, 11, 24, 40))
LAYER, SIGNED_LAYER, NINE, SIZE = (np.uint64(n) for n in (0xFF, 0x1FF, 9, 0x000FFFFFFFFFFFFF))
NORMAL_SIGN = np.uint64(8)
BOUNDS, HEIGHTS = ziggurat.ki_double, ziggurat.fi_double
WIDTHS = np.concatenate([ziggurat.wi_double, -ziggurat.wi_double])  # the bit above those of the layer is the sign
END, INVERSE_END = float(ziggurat.ziggurat_nor_r), float(ziggurat.ziggurat_nor_inv_r)
UNIFORM = 2.0**-53


@compiled
def _next(words: Words) -> tuple[np.uint64, Words]:
    """SFC64: the next 64 bits, and the state after them."""
    a, b, c, counter = words
    bits = a + b + counter
    return bits, (b ^ (b >> ELEVEN), c + (c << THREE), ((c << ROTATE) | (c >> BACK)) + bits, counter + ONE)


@compiled
def _uniform(words: Words) -> tuple[float, Words]:
    bits, words = _next(words)
    return np.int64(bits >> ELEVEN) * UNIFORM, words


@compiled
def _tail(words: Words, negative: np.uint64) -> tuple[float, Words]:
    """A normal from beyond the last layer."""
    while True:
        first, words = _uniform(words)
        second, words = _uniform(words)
        x, y = -INVERSE_END * math.log1p(-first), -math.log1p(-second)
        if y + y > x * x:
            return -(END + x) if negative else END + x, words


@compiled
def draw(state: NDArray[np.uint64], out: Array) -> None:
    """Fill ``out``, shape (n,), as ``Generator.standard_normal(out=out)`` does on an SFC64 in ``state``, to the last bit.

    NumPy's ziggurat, with the generator inlined: NumPy calls it through a pointer for every number, which takes as long again.
    """
    words = (state[0], state[1], state[2], state[3])
    for i in range(out.size):
        while True:
            bits, words = _next(words)
            layer, size = bits & LAYER, (bits >> NINE) & SIZE
            x = np.int64(size) * WIDTHS[bits & SIGNED_LAYER]
            if size < BOUNDS[layer]:  # 99 of 100
                break
            if layer == 0:
                x, words = _tail(words, (size >> NORMAL_SIGN) & ONE)
                break
            height, words = _uniform(words)
            if (HEIGHTS[layer - ONE] - HEIGHTS[layer]) * height + HEIGHTS[layer] < math.exp(-0.5 * x * x):
                break
        out[i] = x
    state[0], state[1], state[2], state[3] = words


# --- slopes

# π = HIGH + MIDDLE + LOW. HIGH and MIDDLE have at most 31 digits, so that their products with a whole number below 2^22 are exact.
HIGH = math.floor(math.pi * 2**29) / 2**29
MIDDLE = math.pi - HIGH
LOW = 1.2246467991473532e-16
# sin r = r + r³ (C1 + C2 r² + ...); the first term left out is under 1e-18 for |r| <= π/2
C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = ((-1) ** k / math.factorial(2 * k + 1) for k in range(1, 11))


@compiled
def sine(x: float) -> float:
    """``sin x`` to 3e-16 for ``|x| <= 4e6``; in a loop it becomes vector code, which the C library's does not."""
    turns = np.rint(x * (1 / math.pi))
    r = ((x - turns * HIGH) - turns * MIDDLE) - turns * LOW
    s = r * r
    series = C1 + s * (C2 + s * (C3 + s * (C4 + s * (C5 + s * (C6 + s * (C7 + s * (C8 + s * (C9 + s * C10))))))))
    odd = turns - 2 * np.floor(turns * 0.5)
    value: float = (r + r * (s * series)) * (1 - 2 * odd)
    return value


FAST_MATH = ModuleType("math")  # with the sine from above
vars(FAST_MATH).update(vars(math), sin=sine)


def _slope(problem: Problem) -> Slope:
    """The problem's scalar slope, to be called by compiled code. Raises ValueError where it has none."""
    slope = problem.coordinatewise
    if slope is None:
        raise ValueError(f"problem = {problem.name!r} must be coordinate-wise for compiled = True")
    if not isinstance(slope, FunctionType):
        return cast("Slope", getattr(FAST_MATH, slope.__name__))  # one of math itself
    return _compiled_slope(slope.__code__, tuple(cell.cell_contents for cell in slope.__closure__ or ()), slope.__module__)


@cache  # by what the function says, and not by the function: a problem that is made twice is compiled once
def _compiled_slope(code: CodeType, closure: tuple[object, ...], module: str) -> Slope:
    names = {**vars(sys.modules[module]), "math": FAST_MATH}
    return compiled(FunctionType(code, names, closure=tuple(map(CellType, closure))))


# --- steps


def steps(problem: Problem, oracle: Sampler) -> Advance:
    """The steps of a leg, as :func:`tsla.empirics.simulation.blocks.advance` makes them.

    Raises ValueError for a problem or an oracle that is not compiled; the steps raise FloatingPointError where a ``w_i`` gets too large.
    """
    slope = _slope(problem)
    if not isinstance(oracle, Oracle):
        raise ValueError(f"oracle = {type(oracle).__name__} must be an Oracle for compiled = True")  # noqa: TRY004 - as for its fields
    for field in dataclasses.fields(oracle):
        value = getattr(oracle, field.name)
        if field.name not in ORACLE_FIELDS and value != field.default:
            raise ValueError(f"{field.name} = {value!r} must be {field.default!r} for compiled = True")
    kernel, L, width = _kernel(slope), problem.L, oracle.width
    unit = 1 / math.sqrt(problem.dimension)
    sigma, beta = math.sqrt(oracle.sigma2) * unit, math.sqrt(oracle.beta2)
    along, across = (part * unit for part in oracle.mixing())

    def advance(block: Block, leg: Leg) -> None:
        rule, theta, state = leg.rule, leg.rule.theta, block.get_state()
        noise = ((1 - theta) * sigma + theta * along, theta * across)
        fixed, opposing = (theta * beta * unit, 0.0) if oracle.bias == "fixed" else (0.0, theta * beta)
        numbers = (*noise, fixed, opposing, width)
        points, drawn, gradient = block.w.reshape(-1), block.room[:2].reshape(-1), block.room[2]
        got_to = leg.begin + kernel(points, drawn, gradient, block.grad2_sum, state, numbers, leg.step_sizes, leg.weights)
        block.set_state(state)
        if got_to < leg.end:
            raise FloatingPointError(
                f"the run left [{-TRUSTED:g}, {TRUSTED:g}], outside of which compiled steps are not right, at step {leg.before + got_to} "
                f"with eta = {shown(rule.eta)}; eta <= 1/L = {shown(1 / L)} does not diverge"
            )

    return advance


@cache
def _kernel(slope: Slope) -> Callable[..., int]:  # noqa: C901 - one nest of loops, which is compiled as one
    """Compile the steps for one slope, which takes seconds."""

    @compiled
    def kernel(
        points: Array,
        drawn: Array,
        gradient: Array,
        grad2_sum: Array,
        state: NDArray[np.uint64],
        numbers: tuple[float, ...],
        step_sizes: Array,
        weights: Array,
    ) -> int:
        """Make the steps, or up to one that finds a ``w_i`` too large, or nan; how many were made."""
        first, second, fixed, opposing, width = numbers
        rows, d = gradient.shape
        one_hot, other, slopes = drawn[: points.size], drawn[points.size :], gradient.reshape(-1)
        norms2, left = np.empty(rows), np.empty(rows)
        for t in range(step_sizes.size):
            inside = True
            for i in range(points.size):
                inside &= abs(points[i]) <= TRUSTED
                slopes[i] = slope(points[i])
            if not inside:
                return t
            draw(state, drawn)
            _squares(gradient, norms2)
            weight, step = weights[t], step_sizes[t]
            for r in range(rows):
                grad2_sum[r] += weight * norms2[r]
            if opposing > 0:
                for r in range(rows):  # apart from the loop over coordinates, so that it becomes vector code
                    left[r] = 1 - opposing / max(math.sqrt(norms2[r]), width)
                for r in range(rows):
                    for i in range(d):
                        gradient[r, i] *= left[r]
            for i in range(points.size):
                points[i] -= step * (slopes[i] + fixed + first * one_hot[i] + second * other[i])
        return step_sizes.size

    return kernel


@compiled_sum
def _squares(rows: Array, out: Array) -> None:
    """``‖·‖²`` of each row; all in one call, since a call with a row of its own takes as long as ten coordinates."""
    for r in range(out.size):
        norm2 = 0.0
        for x in rows[r]:
            norm2 += x * x
        out[r] = norm2
