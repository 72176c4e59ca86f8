"""What is said of every bound and plan, word by word as in ``said.txt``.

Other tests check that its numbers and relations are true. Here a sign, a name or a mark that went wrong is seen. After a change that is
meant, ``python -m tests.theory.test_said`` writes the file anew, and the difference is there to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tsla.theory.complexity import compare
from tsla.theory.constants import Constants
from tsla.theory.method import Method
from tsla.theory.methods import declared
from tsla.theory.testing.relations import given_to, run_of

SAID = Path(__file__).parent / "said.txt"
KNOWN = Constants(L=3, mu=0.25, sigma2=0.7, delta=0.3, F0=2)
COMPARED = (
    *(replace(KNOWN, **changed) for changed in ({}, {"sigma2": 0.0}, {"delta": 0.0}, {"mu": 3.0, "sigma2": 1e-6})),
    *(replace(KNOWN, mu=mu, F0=F0, sigma2=1e-6) for mu in (0.25, 3.0) for F0 in (1e-9, 1e-3, 1e-2)),
)
EPS = 0.2


def of_method(method: Method) -> Iterator[str]:
    """Its derivation with a θ and without, what lowers each term, its plan, and what it says where a constant is missing."""
    given = given_to(method, KNOWN)
    for theta in (None, 0.4) if "theta" in method.optional.split() else (None,):
        if method.bounds:
            run = run_of(method, 0.1, 50, theta)
            yield from map(str, method.why(*given, **run))
            yield str(method.bound(*given, **run))
    for eps in (2, EPS, 1e-3) if method.plans else ():
        plan = method(*given, eps=eps)
        yield f"{plan}\n{plan.json()['why']}"
    for name in sorted({"mu", "delta"} & {*method.needs.split()}):
        lacking = (replace(given[0], **{name: None}), *given[1:])
        for of in (method.bound, method.why) if method.bounds else ():
            yield heard(partial(of, *lacking, **run_of(method, 0.1, 50, None)))
        if method.plans:
            yield heard(partial(method, *lacking, eps=EPS))


def heard(call: Callable[[], Any]) -> str:
    """What an answer or a refusal says."""
    try:
        return str(call())
    except ValueError as refusal:
        return f"refused: {refusal}"


def said() -> str:
    """All of it."""
    of_all = [line for method in declared() for line in (f"# {method.name} {method.claim}", *of_method(method))]
    return "\n".join([*of_all, *(f"# {k}\n{heard(partial(compare, k, eps=EPS))}" for k in COMPARED)]) + "\n"


def test_it_is_what_the_file_says() -> None:
    assert said() == SAID.read_text(encoding="utf-8")


if __name__ == "__main__":
    SAID.write_text(said(), encoding="utf-8")
