"""The constants that properties are tried on: edges are among them, and most examples are inside."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsla.theory.constants import Constants
from tsla.theory.testing.domain import between, constants, for_all
from tsla.theory.testing.planted import tells_apart


def is_mostly_inside(domain: st.SearchStrategy[Constants]) -> None:
    """In half of the examples at least no constant is at an edge; and each edge is seen."""
    seen: list[tuple[bool, ...]] = []

    @settings(max_examples=200)
    @given(domain)
    def draw(k: Constants) -> None:
        seen.append((bool(k.sigma2 > 0), bool(k.mu < k.L), k.delta not in (0, 1e-12, 1)))

    draw()
    assert sum(map(all, seen)) >= len(seen) / 2
    assert all(not all(each) for each in zip(*seen, strict=True))


def test_constants() -> None:
    is_mostly_inside(constants())


@pytest.mark.parametrize(
    "wrong",
    [
        constants(kappa=st.just(1.0) | st.floats(1, 1e3), delta=st.sampled_from([0.0, 1e-12, 1.0]) | st.floats(0, 10)),
        constants(delta=between(1e-3, 10)),
    ],
    ids=["as hypothesis draws them", "never 0 or 1"],
)
def test_another_domain_is_rejected(wrong: st.SearchStrategy[Constants]) -> None:
    tells_apart(is_mostly_inside, right=constants(), wrong=wrong)


def test_between_is_inside_but_for_its_edges() -> None:
    @given(between(2, 3, 2.0, 7.0))
    def draw(number: float) -> None:
        assert 2 < number < 3 or number in (2.0, 7.0)

    draw()


def test_a_property_that_is_slow_is_not_wrong() -> None:
    usual = settings.get_current_profile_name()
    settings.load_profile("default")  # of a user's own tests: 0.2 s an example
    try:
        for_all(st.just(0.3))(lambda _, seconds: time.sleep(seconds))(None)
    finally:
        settings.load_profile(usual)
