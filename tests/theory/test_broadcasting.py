"""Arrays give, element by element, what scalars give: every public function of ``theory`` that takes arrays, found by themselves."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

import tsla.theory
from tsla.theory import lsr, sgd, smoothed_pl, smoothing
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Array, Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.moments import Moments
from tsla.theory.plan import Plan, Stage
from tsla.theory.testing.domain import costly
from tsla.theory.testing.planted import tells_apart

Arrays = dict[str, Any]
ARRAYS = ("ArrayLike", "ArrayLike | None", "Array")
ANSWERS = ("Value", "Array", "Moments")
SHAPE = (2, 3)

# --- what there is


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Those with an array among their arguments, methods and properties of what is made of arrays included; texts are of scalars."""
    for found in pkgutil.iter_modules(tsla.theory.__path__):
        if found.ispkg:
            continue
        module = import_module(f"tsla.theory.{found.name}")
        own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
        for name, value in own.items():
            if inspect.isclass(value) and value.__name__ in MADE:
                yield from ((f"{found.name}.{name}.{method}", function) for method, function in of_class(value))
            elif inspect.isfunction(value) and takes_arrays(value) and not name.startswith("_"):
                yield f"{found.name}.{name}", value


def of_class(kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, value in vars(kind).items():
        function = value.fget if isinstance(value, property) else value
        if inspect.isfunction(function) and not name.startswith("_"):
            signature = inspect.signature(function)
            if takes_arrays(function) or (signature.return_annotation in ANSWERS and len(signature.parameters) == 1):
                yield name, function


def takes_arrays(function: Callable[..., Any]) -> bool:
    signature = inspect.signature(function)
    several = any(p.annotation in ARRAYS and p.kind is not p.VAR_POSITIONAL for p in signature.parameters.values())
    return several and signature.return_annotation != "str"


# --- what they are called with

MADE: Mapping[str, tuple[str, ...]] = {
    "Constants": ("L", "mu", "sigma2", "delta", "F0"),
    "SmoothingOracle": ("beta2", "nu2", "c"),
    "Growth": ("A", "B"),
    "Moments": ("grad2", "s2", "beta2", "nu2", "c"),
    "Stage": ("eta", "theta", "steps"),
}
"""The numbers of which an argument of that type is made."""
MAKE: Mapping[str, Callable[..., Any]] = {
    "Constants": Constants,
    "SmoothingOracle": SmoothingOracle,
    "Growth": Growth,
    "Moments": lambda beta2, nu2, **rest: Moments(beta2=beta2, nu2=nu2, shat2=beta2 + nu2, **rest),
    "Stage": Stage,
}
VALUES: Mapping[str, tuple[float, float, tuple[float, ...]]] = {
    "L": (1, 20, (1.0,)),
    "mu": (0.01, 1, (1.0,)),
    **dict.fromkeys(("eta", "eta1", "eta2", "step", "value"), (1e-4, 0.05, (0.05,))),
    **dict.fromkeys(("theta", "c"), (0.0, 1.0, (0.0, 1.0))),
    **dict.fromkeys(("sigma2", "delta", "beta2", "nu2", "s2", "shat2", "grad2", "error2"), (1e-3, 10, (0.0, 1e-12))),
    **dict.fromkeys(("eps", "target2"), (0.01, 5, (1.0,))),
    "q": (0, 10, (0.0, 2.0, 4.0)),
    "clip": (5, 20, ()),
    "steepest": (0, 2, (0.0,)),
    "momentum": (0, 0.2, (0.0,)),
    "B": (0, 0.5, (0.0,)),
}
"""By the names of arguments: a range, and edges, at some of which some refuse. Lengths are whole; c is a correlation."""
OTHERS = (0.01, 1, (1.0,))
LENGTHS = ("T", "T1", "T2", "steps", "step_count value")


@st.composite
def arguments(draw: st.DrawFn, function: Callable[..., Any]) -> Arrays:
    """By their names; what is optional is left out at times. Shapes (2, 1), (3,) and () by turns broadcast to SHAPE."""
    names: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if kind := made(function, parameter):
            names += MADE[kind]
        elif parameter.annotation in ARRAYS and (parameter.default is parameter.empty or draw(st.booleans())):
            names.append(parameter.name)
    shapes = draw(st.permutations([(2, 1), (3,), (2, 3), ()]))
    with_edges = draw(st.booleans())
    found: Arrays = {}
    for i, name in enumerate(names):
        if name in LENGTHS or f"{function.__name__} {name}" in LENGTHS:
            element = st.integers(1, 10**6).map(float)
        else:
            low, high, edges = VALUES.get(name, OTHERS)
            element = st.floats(low, high) | st.sampled_from(edges) if with_edges and edges else st.floats(low, high)
        shape = shapes[i % 4]
        size = int(np.prod(shape))
        found[name] = np.reshape(draw(st.lists(element, min_size=size, max_size=size)), shape)
    if "c" in found:
        plain, smoothed = (next(found[name] for name in either if name in found) for either in (("s2", "sigma2"), ("nu2", "shat2")))
        found["c"] = draw(st.sampled_from([1, -1])) * found["c"] * np.sqrt(plain) * np.sqrt(smoothed)
    return found


def made(function: Callable[..., Any], parameter: inspect.Parameter) -> str:
    """Of which type of MADE an argument is; empty where it is no such type."""
    kind = function.__qualname__.partition(".")[0] if parameter.name == "self" else str(parameter.annotation)
    return kind if kind in MADE else ""


def called(function: Callable[..., Any], given_: Arrays) -> list[Any]:
    """The numbers of what it returns; none where it refuses."""
    arguments: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if kind := made(function, parameter):
            arguments[parameter.name] = MAKE[kind](**{name: given_[name] for name in MADE[kind]})
        elif parameter.name in given_:
            arguments[parameter.name] = given_[parameter.name]
        elif parameter.default is parameter.empty:
            arguments[parameter.name] = "C1"  # a name for refusals
    try:
        return list(numbers(function(**arguments)))
    except ValueError:
        return []


def numbers(answer: Any) -> Iterator[Any]:
    """Every number in it, whatever it is made of."""
    if isinstance(answer, np.ndarray | np.generic | float):
        if np.asarray(answer).dtype.kind in "fb":
            yield answer
    elif isinstance(answer, Plan):
        yield from numbers((answer.total, answer.reachable, answer.floor, answer.stages))
    elif isinstance(answer, Mapping):
        yield from numbers(tuple(answer.values()))
    elif isinstance(answer, tuple | list):
        for part in answer:
            yield from numbers(part)
    elif is_dataclass(answer):
        yield from numbers(tuple(getattr(answer, field.name) for field in fields(answer)))


def gives_for_arrays_what_it_gives_for_their_elements(function: Callable[..., Any]) -> None:
    """And refuses an array for an element that it refuses."""
    answered = []

    @costly(25 if function.__module__ == smoothed_pl.__name__ else 12)
    @given(arguments(function))
    def check(given_: Arrays) -> None:
        together = called(function, given_)
        alone = []
        for index in np.ndindex(SHAPE):
            alone.append(called(function, {name: np.broadcast_to(array, SHAPE)[index] for name, array in given_.items()}))
            for whole, part in zip(together, alone[-1], strict=True) if together and alone[-1] else ():
                assert np.broadcast_to(whole, SHAPE)[index] == pytest.approx(float(part), rel=1e-13, abs=0, nan_ok=True)
        assert bool(together) == all(alone)
        answered.append(bool(together))

    check()
    assert sum(answered) >= len(answered) / 4, "most of the examples are refused"


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays(name: str) -> None:
    gives_for_arrays_what_it_gives_for_their_elements(FUNCTIONS[name])


def test_they_are_found() -> None:
    assert FUNCTIONS.keys() >= {
        "sgd.bound",
        "sgd.steps",
        "smoothing.lemma",
        "moments.Moments.theta_star",
        "smoothed_pl.gain",
        "stall.settled",
    }


# --- planted errors


def largest_variance(sigma2: ArrayLike, delta: ArrayLike, theta: ArrayLike) -> Array:
    return smoothing.lemma(np.max(sigma2), delta, theta)


def best_theta_for_all(delta: ArrayLike) -> Array:
    return np.full(np.shape(delta), float(np.all(np.less(delta, 1))))


def smallest_target(constants: Constants, eps: ArrayLike) -> Plan:
    return sgd.steps(constants, eps=np.min(eps))


def one_for_all(constants: Constants, eps: ArrayLike) -> Plan:
    """Out of reach where one element is."""
    plan = lsr.steps(constants, eps=eps)
    return Plan("lsr", "C5", (), plan.stages, reachable=np.all(plan.reachable))


def refused_by_its_first(sigma2: ArrayLike, delta: ArrayLike) -> Array:
    """The first element's sign is looked at for all."""
    first = np.ravel(sigma2)[0]
    if first == 0:
        raise ValueError("sigma2 = 0")
    return smoothing.lemma_at_paper_theta(sigma2, delta)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (smoothing.lemma, largest_variance),
        (smoothing.lemma_theta, best_theta_for_all),
        (sgd.steps, smallest_target),
        (lsr.steps, one_for_all),
        (smoothing.lemma_at_paper_theta, refused_by_its_first),
    ],
)
def test_a_function_that_mixes_elements_is_found(right: Callable[..., Any], wrong: Callable[..., Any]) -> None:
    tells_apart(gives_for_arrays_what_it_gives_for_their_elements, right=right, wrong=wrong)


# --- by hand


def test_reach_is_decided_element_by_element() -> None:
    """V = 2/11, 2e-4 and 3/2 against ε² = 0.01, 0.25 and 0.01; and where only the lengths have another axis."""
    plan = lsr.steps(Constants(L=10, sigma2=1, delta=[0.1, 1e-4, 3], F0=1), eps=[0.1, 0.5, 0.1])
    assert list(plan.reachable) == [False, True, False]
    assert list(np.isfinite(plan.total)) == [False, True, False]
    plan = lsr.steps(Constants(L=[[10], [20], [30]], sigma2=[1e-3, 0.1, 1], delta=0.1, F0=1), eps=0.1)
    assert np.isfinite(plan.total).tolist() == [[True, False, False]] * 3


def test_empty_arrays_are_empty_answers() -> None:
    none = Constants(L=np.ones(0), mu=1, sigma2=1, delta=0.1, F0=1)
    assert sgd.bound(none, eta=0.1, T=1).total.shape == (0,)
    assert sgd.steps(none, eps=0.1).total.shape == (0,)
