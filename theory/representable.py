"""Results that float64 can't hold are refused, whichever formula meets them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np


class UnrepresentableError(ValueError):
    """A result that float64 can't hold: said, and never returned as a silent infinity."""


Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


def of_fitting_shapes(formula: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The same, but where shapes don't broadcast together, NumPy's refusal is said of the arguments."""

    @wraps(formula)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return formula(*args, **kwargs)
        except ValueError as error:
            _, apart, shapes = str(error).partition("could not be broadcast together with ")
            if not apart:
                raise
            raise ValueError(f"the arguments of {formula.__name__.lstrip('_')} have {shapes.strip()}; must broadcast together") from None

    return checked


def representable(formula: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Refuse what overflows in ``formula``, on the way or at its end, with UnrepresentableError: no infinity or nan leaves unsaid.

    Bounds and plans refuse by themselves, naming the term.
    """
    fitting = of_fitting_shapes(formula)

    @wraps(formula)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        refusal = f"{formula.__name__.lstrip('_')} overflows float64 for these constants; rescale F"
        try:
            with np.errstate(all="ignore", over="raise"):
                result = fitting(*args, **kwargs)
        except FloatingPointError:
            raise UnrepresentableError(refusal) from None
        if isinstance(result, np.ndarray | np.floating) and not np.isfinite(result).all():
            raise UnrepresentableError(refusal)
        return result

    return checked
