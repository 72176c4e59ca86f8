"""Every method, found by itself: one is what a module of this package makes of :class:`Method`."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType

import tsla.theory
from tsla.theory.method import Method

FIRST = ("sgd", "sgd-exact", "lsr", "tsla", "sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl")
"""The order in which methods are listed; others follow by their names."""


def declared() -> tuple[Method, ...]:
    """All of them.

    Raises ValueError for a module that can't be imported, and for two of one name: two plans, or two bounds that the same numbers ask for.
    """
    values = (value for module in _modules(tuple(tsla.theory.__path__)) for value in vars(module).values())
    found = sorted(dict.fromkeys(value for value in values if isinstance(value, Method)), key=_place)
    _must_differ((method.name, method) for method in found if method.plans)
    _must_differ(((method.within or method.name, *sorted(method.asks)), method) for method in found if method.bounds)
    return tuple(found)


def _must_differ(keys: Iterable[tuple[object, Method]]) -> None:
    seen: set[object] = set()
    for key, method in keys:
        if key in seen:
            raise ValueError(f"there are two methods called {method.name!r}; the second, of {method.claim}, needs a name of its own")
        seen.add(key)


@cache
def _modules(folders: tuple[str, ...]) -> list[ModuleType]:
    return [_imported(f"tsla.theory.{module.name}") for module in pkgutil.iter_modules(folders) if not module.ispkg]


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ValueError:  # says already what is wrong with what the module declares
        raise
    except Exception as error:  # whatever somebody's module may end in
        where = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error).partition("\n")[0]
        raise ValueError(f"the module {name} can't be imported{where}: {type(error).__name__}: {what}") from error


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
