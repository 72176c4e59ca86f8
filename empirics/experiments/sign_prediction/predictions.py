"""What the moments at one point say of smoothing against its rivals: the sign of a difference of floors of ``‖∇F‖²`` (C12, C14, C17).

One inequality bounds all arms. For a direction with mean ``m = (1-θ)G + θĜ`` and noise ``N(θ)/B``, smoothness alone gives

    (2/η) E[F(w⁺) - F(w)] <= -‖G‖² + [θ²β² + ηL N(θ)/B] - (1-ηL)‖m‖²,

and C12 drops the last term, which is not positive for ``η <= 1/L``. Summed over K steps it bounds the mean of ``E‖∇F‖²`` by
``2(F(w_0) - E F(w_K))/(ηK)`` and the *floor* in the brackets. The transient is bounded alike for all arms, so that the sign of the
difference of two floors is the prediction, whatever K is:

- plain SGD is ``θ = 0``;
- the shrinkage arm, plain SGD with step ``(1-θ)η``, is ``ĝ = 0`` (C17), with the bias ``-G``: ``β² = ‖G‖²``, ``ν² = c = 0``. At
  ``ηL = 1`` the difference is ``Moments.beyond`` of the batch. C4 at step ``(1-θ)η`` bounds the same arm otherwise, by
  ``(1-θ)ηLs²/B``. C12 for the one arm beside C4 for the other would find a difference where ``ĝ = 0`` and both arms are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tsla.theory.moments import Moments, Value


@dataclass(frozen=True)
class Point:
    """Where the branches begin: moments of single examples, ``alignment = ⟨G, Ĝ⟩``, and ``scale = ηL`` with L the largest curvature."""

    moments: Moments
    alignment: float
    batch_size: int
    scale: float

    def shrinking(self) -> Point:
        """The same with ``ĝ = 0``, the control of C17."""
        return replace(self, moments=self.moments.shrunk, alignment=0.0)

    def settled(self) -> Point:
        """The same with ``ηL s²/B`` put equal to ``‖∇F‖²``, which it bounds: true where plain SGD is at its floor, and the floor exact."""
        return replace(self, scale=float(self.batch_size * self.moments.grad2 / self.moments.s2))


def floor(point: Point, theta: float) -> Value:
    """``θ²β² + ηL N(θ)/B``, the floor of C12 for batches of B. Also for ``ηL > 1``, where C12 does not hold and this is a guess."""
    return point.moments.at_batch_size(point.batch_size).floor(theta, point.scale)


def one_step(point: Point, theta: float) -> Value:
    """The floor with the term that C12 drops: with L for all curvatures, ``(2/η) E[F(w⁺) - F(w)] + ‖G‖²`` of one step."""
    grad2, along = point.moments.grad2, point.alignment
    other2 = point.moments.beta2 + 2 * along - grad2  # ‖Ĝ‖²
    mean2 = Moments.of(s2=grad2, shat2=max(other2, 0.0), c=along).second_moment(theta)  # ‖(1-θ)G + θĜ‖², the same form about 0
    return floor(point, theta) - (1 - point.scale) * mean2


def settled(point: Point, theta: float) -> Value:
    """The floor, with the noise of the plain arm measured in place of bounded: no curvature needed."""
    return floor(point.settled(), theta)


PREDICTORS: dict[str, Callable[[Point, float], Value]] = {"floor": floor, "one_step": one_step, "settled": settled}
"""The first is the prediction of C12 and C14; the others are ours, to learn from where it fails."""
RIVALS = ("plain", "shrink")
OUTCOMES = ("grad2", "F")


def predictions(point: Point, theta: float) -> dict[str, float]:
    """``PREDICTOR_RIVAL``: smoothing at θ less the rival, in units of ``‖∇F‖²``. Negative: smoothing lowers it."""
    against = {"plain": (point, 0.0), "shrink": (point.shrinking(), theta)}
    return {f"{name}_{rival}": float(of(point, theta) - of(*against[rival])) for name, of in PREDICTORS.items() for rival in RIVALS}
