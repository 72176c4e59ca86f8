"""What properties of all claims have in common: the report of one that fails ends in a command that shows its number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from tsla import cli
from tsla.theory.bound import Bound
from tsla.theory.method import Method
from tsla.theory.testing.planted import Rejects
from tsla.theory.testing.wrong import scaled


@pytest.fixture
def shows_its_number(
    rejects: Rejects, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Callable[[], None], ModuleType, str, str], None]:
    """``shows_its_number(check, module, name, term)``: the check fails where half a term of ``module.name`` is lost, and shows a command.

    The error is planted where the command line finds it, too.
    """

    def see(check: Callable[[], None], module: ModuleType, name: str, term: str) -> None:
        right = getattr(module, name)
        declared, method = next((of, value) for of, value in vars(module).items() if isinstance(value, Method) and value.bound is right)

        def passes_with(bound: Callable[..., Bound]) -> None:
            monkeypatch.setattr(module, name, bound)
            monkeypatch.setattr(module, declared, replace(method, bound=bound))
            check()

        failure = rejects(passes_with, right=right, wrong=scaled(right, **{term: 0.5}))
        (line,) = [note for note in failure.__notes__ if note.startswith("tsla ")]
        assert cli.main(line.split()[1:]) == 0
        assert repr(json.loads(capsys.readouterr().out)["total"]) in str(failure)

    return see
