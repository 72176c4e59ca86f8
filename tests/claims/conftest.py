"""A planted error only has to be found: more examples, for the search ends at the first that shows it, and no time for shrinking that."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import Phase, settings


@pytest.fixture(autouse=True)
def _search_for_planted_errors(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    if not any(mark.kwargs.get("planted") for mark in request.node.iter_markers("claim")):
        yield
        return
    usual = settings.get_current_profile_name()
    parent = settings.get_profile(usual)
    settings.register_profile("planted", parent, phases=[Phase.explicit, Phase.generate], max_examples=10 * parent.max_examples)
    settings.load_profile("planted")
    yield
    settings.load_profile(usual)
