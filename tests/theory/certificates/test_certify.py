"""What is refused before a module of certificates runs."""

from __future__ import annotations

import sys

import pytest

from tsla.theory.certificates import certify


def test_an_unknown_module() -> None:
    with pytest.raises(ValueError, match=r"^group = 'algebra' must be one of algebra\.annealing, .*, worst_case\.two_oracles$"):
        certify("algebra")


def test_the_extra_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tsla.theory.certificates.worst_case.one_step", raising=False)
    monkeypatch.setitem(sys.modules, "PEPit", None)
    with pytest.raises(ValueError, match=r"^PEPit must be installed first: pip install 'tsla\[certify\]'$"):
        certify("worst_case.one_step")
