"""What others call the strength of uniform smoothing, as the θ of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tsla.theory.constants import must_be_one_of, single, whole


def _paper(strength: float, classes: int | None) -> float:
    return strength


def _others(strength: float, classes: int | None) -> float:
    if classes is None:
        raise ValueError("classes = None must be the number of classes, which convention = 'others' needs")
    K = float(whole("classes", classes, at_least=2, at_most=2**53))
    return min(single("strength", strength, at_most=1 - 1 / K) * K / (K - 1), 1.0)  # rounding may exceed 1


def _confidence(strength: float, classes: int | None) -> float:
    return 1 - strength


CONVENTIONS: Mapping[str, Callable[[float, int | None], float]] = {
    "paper": _paper,
    "torch": _paper,
    "timm": _paper,
    "others": _others,
    "confidence": _confidence,
}


def theta_from(strength: float, convention: str = "paper", *, classes: int | None = None) -> float:
    """The θ of ``(1-θ) y + θ/K``, as in the paper, from a strength in another convention of uniform smoothing over K ``classes``.

    "paper", "torch", "timm":  θ, spread over all K classes
    "others":                  ``α <= 1 - 1/K``, spread over the K - 1 classes that are not the label's: ``θ = αK/(K-1)``
    "confidence":              what is left of the one-hot label, ``1 - θ``

    Raises ValueError for another convention, for strengths outside the range, and where "others" is not told the ``classes``.
    """
    must_be_one_of("convention", convention, CONVENTIONS)
    return CONVENTIONS[convention](single("strength", strength, at_least=0, at_most=1), classes)
