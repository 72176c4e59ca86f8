"""What the page's calculator answers. These functions are Python, and the page runs them translated (:func:`script`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tsla.figures.page.translation.program import Program
from tsla.theory import complexity, methods
from tsla.theory.biased import SmoothingOracle
from tsla.theory.commands.critical_batch import as_json
from tsla.theory.constants import Constants, real
from tsla.theory.growing_noise import Growth
from tsla.theory.method import ORACLE, Method
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.text import Json, finite, sayable
from tsla.theory.variance import from_bounds, from_moments

Given = Mapping[str, Any]
"""Numbers by their names. None is as good as not given."""


def bound(name: str, given: Given) -> Json:
    """:meth:`Bound.json` of the bound of that name which asks for the most of what is given. What it has no use for is left aside.

    Raises ValueError for an unknown name, for what is missing, and outside the premises.
    """
    known = _known(given)
    forms = _called(name, [method for method in methods.declared() if method.bounds])
    answering = [form for form in forms if not _missing(_asks(form), known)]
    form = max(answering or forms[:1], key=lambda form: len(_asks(form)))
    _need(_asks(form), known, form.claim)
    run = {key: known[key] for key in [*form.run.split(), *form.optional.split()] if key in known and key not in ORACLE}
    return sayable(form.bound(*_premises(form, known), **run).json())


def steps(name: str, given: Given) -> Json:
    """:meth:`Plan.json` of the plan of that name. Raises ValueError as :func:`bound` does."""
    known = _known(given)
    form = _called(name, [method for method in methods.declared() if method.plans])[0]
    _need([*form.needs.split(), "eps"], known, form.claim)
    return sayable(form.steps(*_premises(form, known), eps=known["eps"]).json())


def compare(given: Given) -> Json:
    """:meth:`Comparison.json`, with an oracle where ``beta2`` and ``nu2`` are given. Raises ValueError as :func:`bound` does."""
    known = _known(given)
    _need(["L", "mu", "sigma2", "delta", "F0", "eps"], known, "a comparison")
    oracle = _oracle(known) if "beta2" in known and "nu2" in known else None
    return sayable(complexity.compare(_constants(known), eps=known["eps"], oracle=oracle).json())


def variance(given: Given) -> Json:
    """:meth:`Variance.json`: of ``sigma2`` and ``delta``, or else of ``s2``, ``shat2``, ``c`` and ``grad2``; ``theta`` may be left out."""
    known = _known(given)
    theta = known.get("theta")
    if "sigma2" in known and "delta" in known:
        return sayable(from_bounds(sigma2=known["sigma2"], delta=known["delta"], theta=theta).json())
    _need(["s2", "shat2", "c"], known, "a variance without sigma2 and delta")
    return sayable(from_moments(s2=known["s2"], shat2=known["shat2"], c=known["c"], grad2=known.get("grad2"), theta=theta).json())


def moments(given: Given, B: int, theta: float) -> Json:
    """What the moments of examples say of batches of ``B`` at strength ``theta`` (C11, C14, C17); null for what is not finite.

    ``second_moment`` of the smoothed direction, ``shrunk`` of the smaller step, ``beyond`` their difference, ``excess`` over plain SGD,
    ``delta`` and ``theta_star`` at that batch size, and ``critical_batch_size``; where that is null, ``why``. Raises ValueError for what is
    missing, for B that is no whole number, and for θ outside [0, 1].
    """
    _need(MOMENTS, _known(given), "C14")
    one = Moments(**{name: real(name, given[name]) for name in MOMENTS})
    found = one.at_batch_size(B)
    said = {
        "second_moment": float(found.second_moment(theta)),
        "shrunk": float(found.shrunk.second_moment(theta)),
        "beyond": float(found.beyond(theta)),
        "excess": float(found.excess(theta)),
        "delta": float(found.delta),
        "theta_star": float(found.theta_star),
    }
    if theta == 0:
        return finite(said) | {"critical_batch_size": None, "why": "theta = 0: nothing is smoothed"}
    return finite(said) | as_json(float(one.critical_batch_size(theta)))


def _known(given: Given) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _called(name: str, there: list[Method]) -> list[Method]:
    found = [method for method in there if method.name == name]
    if not found:
        raise ValueError(f"method = {name!r} must be one of {', '.join(sorted({method.name: method for method in there}))}")
    return found


def _asks(form: Method) -> list[str]:
    """What has to be given for its bound."""
    return [*form.needs.split(), *form.run.split()]


def _missing(names: Iterable[str], known: Given) -> list[str]:
    return [name for name in names if name not in known]


def _need(names: Iterable[str], known: Given, claim: str) -> None:
    missing = _missing(names, known)
    if missing:
        raise ValueError(f"{', '.join(missing)} must be given; {claim} needs {', '.join(names)}")


def _premises(form: Method, known: Given) -> tuple[Any, ...]:
    """The constants, and the oracle or the growth where they are needed."""
    if form.splits:
        return _constants(known), _oracle(known)
    if form.grows:
        return _constants({**known, "sigma2": real("C", known["C"], at_least=0)}), Growth(A=known["A"], B=known["B"])
    return (_constants(known),)


def _constants(known: Given) -> Constants:
    given: dict[str, Any] = {name: known.get(name) for name in ("L", "sigma2", "F0", "delta", "mu")}
    return Constants(**given)


def _oracle(known: Given) -> SmoothingOracle:
    return SmoothingOracle(beta2=known["beta2"], nu2=known["nu2"], c=known.get("c", 0.0))


ASKED: Mapping[str, Callable[..., Json]] = {f.__name__: f for f in (bound, steps, compare, variance, moments)}


def script(asked: Mapping[str, Callable[..., Json]] = ASKED) -> str:
    """JavaScript that defines one global, ``tsla``, with these functions. An error is thrown with Python's message and class name."""
    found_now, derivation = (methods.declared, methods.splitting), (Method, "why")
    return Program(folded=found_now, without=[derivation]).script(asked)
