"""The same examples in every run: they depend on the property and its strategies, not on what else is imported.

Hypothesis reads the numbers and strings in the source of the imported modules of a project and draws one of them now and then. A file that
is collected beside a test would so change the examples of the test, and with them what is evidence. Here that pool stays empty.
"""

from __future__ import annotations

import hypothesis
from hypothesis import given
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants as Pool

from tsla.theory.constants import Constants
from tsla.theory.testing.domain import constants, step_counts, thetas

POOL = "_get_local_constants"
"""The function of hypothesis that fills the pool. It is not public; ``tests/test_examples.py`` sees whether it still does so."""


def draw_no_constants_of_modules() -> None:
    """Leave the pool empty from now on. Raises RuntimeError where this hypothesis has no such function."""
    if not hasattr(providers, POOL):
        raise RuntimeError(f"hypothesis {hypothesis.__version__} has no providers.{POOL}: see how it draws constants of modules now")
    empty = Pool()
    setattr(providers, POOL, lambda: empty)


def drawn() -> list[str]:
    """The examples of a property over the constants' domain, in their order."""
    seen = []

    @given(constants(), step_counts, thetas)
    def check(k: Constants, T: int, theta: float) -> None:
        seen.append(f"{k} {T} {theta}")

    check()
    return seen
