"""Every method, found by itself: one is what a module of this package makes of :class:`Method`."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

import tsla.theory
from tsla.theory.method import Method

FIRST = ("sgd", "sgd-exact", "lsr", "tsla", "sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl")
"""The order in which methods are listed; others follow by their names."""


def declared() -> tuple[Method, ...]:
    """All of them. Raises ValueError where two give a plan under one name."""
    return _declared(tuple(tsla.theory.__path__))


@cache
def _declared(folders: tuple[str, ...]) -> tuple[Method, ...]:
    modules = [import_module(f"tsla.theory.{module.name}") for module in pkgutil.iter_modules(folders) if not module.ispkg]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Method)]
    planned = [method.name for method in found if method.plans]
    for name in planned:
        if planned.count(name) > 1:
            raise ValueError(f"two methods are called {name!r}; the names of plans must differ")
    return tuple(sorted(found, key=_place))


def _place(method: Method) -> tuple[int, str, int, str]:
    return (FIRST.index(method.name) if method.name in FIRST else len(FIRST), method.name, len(method.claim.rstrip("abc")), method.claim)


class _Planned(Mapping[str, Method]):
    """Looked up when asked for: the modules of methods may import those that list them."""

    def __getitem__(self, name: str) -> Method:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Method]:
        return {method.name: method for method in declared() if method.plans and not method.splits}


METHODS: Mapping[str, Method] = _Planned()
"""Those that plan from :class:`Constants` alone, by name: ``METHODS[name](constants, eps=eps)`` is the plan."""


def splitting() -> tuple[Method, ...]:
    """Those that plan from an oracle too, which tells bias from noise."""
    return tuple(method for method in declared() if method.plans and method.splits)


def bounds() -> dict[str, tuple[Method, ...]]:
    """Those with a bound, by the names under which ``tsla bound`` has them: which one is meant, the options say."""
    found: dict[str, tuple[Method, ...]] = {}
    for method in declared():
        if method.bounds:
            name = method.within or method.name
            found[name] = (*found.get(name, ()), method)
    return found
