"""Replicas in blocks: each block has a generator of its own, so that the bits of a run don't depend on the number of threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from numpy.typing import NDArray

from tsla.empirics.simulation.legs import Leg, Rule
from tsla.empirics.simulation.problems.problem import Problem
from tsla.theory.constants import Array, array_of, shown
from tsla.theory.testing.theorem import StepRule

BLOCK = 8192
"""Most elements of a block of two replicas or more: its six or so arrays stay within a core's second cache."""


class Sampler(Protocol):
    """What draws the stochastic gradients: :class:`tsla.Oracle`, or something that has to see the iterates."""

    def draw_at(self, w: Array, gradient: Array, rng: Generator, out: Array | None = None) -> tuple[Array, Array]:
        """One sample of ``(g, ĝ)`` for each of S points and true gradients, (S, d), to be overwritten; ``out``: room, (3, S, d).

        What it takes from ``rng`` may depend on shapes, not on values: then all methods see the same noise.
        """


@dataclass(eq=False)
class Block:
    """Some replicas: their iterates ``w``, shape (rows, d), their generator, and the weighted ``Σ‖∇F(w_s)‖²`` of the stage so far.

    state: what a step rule keeps in mind between steps
    """

    problem: Problem
    oracle: Sampler
    w: Array
    grad2_sum: Array
    rng: Generator
    rows: slice
    room: Array = field(init=False)
    state: Any = None

    def __post_init__(self) -> None:
        self.room = np.empty((3, *self.w.shape))

    def get_state(self) -> NDArray[np.uint64]:
        """The generator's state, 6 numbers."""
        state = self.rng.bit_generator.state
        return np.array([*state["state"]["state"], state["has_uint32"], state["uinteger"]], dtype=np.uint64)

    def set_state(self, numbers: NDArray[np.uint64]) -> None:
        """Put the generator where :meth:`get_state` found it."""
        words = {"state": {"state": numbers[:4]}, "has_uint32": int(numbers[4]), "uinteger": int(numbers[5])}
        self.rng.bit_generator.state = {"bit_generator": "SFC64", **words}


Advance = Callable[[Block, Leg], None]


def blocks(problem: Problem, oracle: Sampler, w: Array, grad2_sum: Array, seed: int) -> list[Block]:
    """Cut ``w``, shape (S, d), into blocks, which hold views of it; the cut depends on its shape alone.

    The number of blocks is a power of two where the replicas allow it, which any usual number of cores divides.
    """
    replicas, d = w.shape
    count = min(replicas, 2 ** int(np.ceil(np.log2(max(1, replicas * d / BLOCK)))))
    ends = np.linspace(0, replicas, count + 1).astype(int)
    parts = [slice(begin, end) for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
    seeds = SeedSequence(seed).spawn(count)
    return [Block(problem, oracle, w[rows], grad2_sum[rows], Generator(SFC64(own)), rows) for rows, own in zip(parts, seeds, strict=True)]


def advance(block: Block, leg: Leg) -> None:
    """The steps of a leg, for a problem written in NumPy. Raises FloatingPointError when they leave the range of float64.

    Time: one step of S replicas costs 2Sd random numbers, one gradient, and some ten passes over an array of shape (S, d).
    """
    rule, w, norms2 = leg.rule, block.w, np.empty(len(block.w))
    for t in range(leg.begin, leg.end):
        eta, weight = float(leg.step_sizes[t - leg.begin]), float(leg.weights[t - leg.begin])
        try:
            gradient = block.problem.gradient(w)
            block.grad2_sum += weight * np.einsum("ij,ij->i", gradient, gradient, out=norms2)
            g, ghat = block.oracle.draw_at(w, gradient, block.rng, out=block.room)
            if rule.theta and np.may_share_memory(g, ghat):
                ghat = ghat.copy()  # for g is written into
            g *= eta * (1 - rule.theta)
            if rule.theta:
                ghat *= eta * rule.theta
                g += ghat
            w -= g
        except FloatingPointError as error:
            raise diverged(block.problem, rule, leg.before + t) from error


def following(step: StepRule) -> Advance:
    """The steps of a leg by another rule than ``w - eta_t d``: the stage says theta and the weights alone."""

    def advance(block: Block, leg: Leg) -> None:
        theta, w = leg.rule.theta, block.w
        for t in range(leg.begin, leg.end):
            try:
                gradient = block.problem.gradient(w)
                block.grad2_sum += float(leg.weights[t - leg.begin]) * squares(gradient)
                g, ghat = block.oracle.draw_at(w, gradient, block.rng, out=block.room)
                direction = (1 - theta) * g + theta * ghat
                moved = step(w.copy(), direction, block.state, leg.before + t)  # the rule may keep what it is given
            except FloatingPointError as error:
                raise diverged(block.problem, leg.rule, leg.before + t) from error
            w[:], block.state = _given(moved, w.shape, leg.before + t)

    return advance


def _given(moved: Any, shape: tuple[int, ...], t: int) -> tuple[Array, Any]:
    """What a rule gave at step t. Raises ValueError unless it is ``(w, state)`` of this shape, FloatingPointError where w is not finite."""
    if not isinstance(moved, tuple) or len(moved) != 2:
        raise ValueError(f"step gives {type(moved).__name__}; must give (w, state)")
    w = array_of(moved[0])
    if w.shape != shape or w.dtype.kind not in "iuf":
        raise ValueError(f"step gives w of shape {w.shape} and type {w.dtype} at step {t}; must be numbers of shape {shape}")
    if not np.isfinite(w).all():
        raise FloatingPointError(f"step gives w = {shown(w[~np.isfinite(w)][0])} at step {t}; must be finite")
    return w, moved[1]


def diverged(problem: Problem, rule: Rule, step: int) -> FloatingPointError:
    """What a run says that left the range."""
    return FloatingPointError(
        f"the run left the range of float64 at step {step} with eta = {shown(rule.eta)}; "
        f"eta <= 1/L = {shown(1 / problem.L)} does not diverge"
    )


def squares(rows: Array) -> Array:
    """``‖·‖²`` of each row; shapes (S, d) -> (S,)."""
    norms2: Array = np.einsum("ij,ij->i", rows, rows)
    return norms2
