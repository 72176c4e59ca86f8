"""What functions call, what that calls, and all of it as one JavaScript source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import types
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, is_dataclass
from typing import Any

from tsla.figures.page.translation.syntax import ATTRIBUTES, METHODS, RUNTIME, Syntax, UntranslatableError, literal, parsed


@dataclass
class _Unit:
    """A ``const`` of the script: its text when all is known, and what has to stand before it."""

    of: Any
    text: Callable[[], str]
    eager: set[str] = field(default_factory=set)


class Program:
    """Functions, classes and values, each once. Members of classes and instances are left out where no code reads their name.

    folded:   functions that are called now, and not by the script: a call of one is what it returns
    without:  fields of classes, as ``(class, name)``, that instances in the script don't have
    """

    def __init__(self, folded: frozenset[Any] = frozenset(), without: frozenset[tuple[type, str]] = frozenset()) -> None:
        self._folded, self._without = folded, without
        self._units: dict[str, _Unit] = {}
        self._names: dict[int, str] = {}
        self._read: set[str] = set()
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._work: deque[Callable[[], None]] = deque()

    def script(self, public: Mapping[str, Callable[..., Any]]) -> str:
        """One script, which defines the global ``tsla`` with ``public``. Raises UntranslatableError, which names file and line."""
        names = {shown: self.reference(function) for shown, function in public.items()}
        while self._work:
            self._work.popleft()()
        ordered: dict[str, None] = {}
        for name in self._units:
            self._place(name, ordered)
        body = "\n".join(f"const {name} = {self._units[name].text()};" for name in ordered)
        offered = ", ".join(f"{shown}: $.open({name})" for shown, name in names.items())
        runtime = "\n".join(line for line in RUNTIME.splitlines() if line.strip() and not line.lstrip().startswith("//"))
        return f'"use strict";\nvar tsla = (() => {{\n{runtime}\n{body}\nreturn {{ {offered} }};\n}})();\n'

    def _place(self, name: str, ordered: dict[str, None]) -> None:
        if name not in ordered:
            for needed in sorted(self._units[name].eager & self._units.keys() - {name}):
                self._place(needed, ordered)
            ordered[name] = None

    # --- what syntax asks

    def folds(self, function: Any) -> bool:
        return function in self._folded

    def read(self, attribute: str) -> None:
        if attribute not in self._read:
            self._read.add(attribute)
            self._work.extend(self._waiting.pop(attribute, ()))

    def reference(self, value: Any) -> str:
        try:
            return literal(value)
        except TypeError:
            pass
        if isinstance(value, types.FunctionType):
            value = inspect.unwrap(value)
        if id(value) not in self._names:
            self._add(value)
        return self._names[id(value)]

    def _add(self, value: Any) -> None:
        if isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, Mapping):
            self._add_value(value, "mapping", lambda: f"{{ {', '.join(f'{literal(k)}: {self.reference(v)}' for k, v in value.items())} }}")
        elif isinstance(value, tuple | list):
            self._add_value(value, "list", lambda: f"[{', '.join(map(self.reference, value))}]")
        elif is_dataclass(value):
            self._add_instance(value)
        else:
            raise UntranslatableError(f"a {type(value).__name__}")

    def _named(self, value: Any, name: str, text: Callable[[], str]) -> _Unit:
        if name in self._units:
            raise UntranslatableError(f"two things called {name}")
        self._names[id(value)] = name
        self._units[name] = _Unit(value, text)
        return self._units[name]

    # --- values

    def _add_value(self, value: Any, kind: str, text: Callable[[], str]) -> None:
        unit = self._named(value, f"${kind}{len(self._units)}", text)
        parts = value.values() if isinstance(value, Mapping) else value
        unit.eager.update(map(self.reference, parts))

    def _add_instance(self, value: Any) -> None:
        kind, fields = self._class(type(value)), {}
        unit = self._named(
            value, f"${type(value).__name__}{len(self._units)}", lambda: f"$.instance({kind}, {{ {', '.join(fields.values())} }})"
        )
        unit.eager.add(kind)

        def put(name: str) -> None:
            found = self.reference(getattr(value, name))
            fields[name] = f"{name}: {found}"
            unit.eager.add(found)

        for one in dataclasses.fields(value):
            if (type(value), one.name) not in self._without:
                self._when_read(one.name, lambda name=one.name: put(name))

    def _when_read(self, attribute: str, work: Callable[[], None]) -> None:
        if attribute in self._read:
            self._work.append(work)
        else:
            self._waiting[attribute].append(work)

    # --- functions and classes

    def _add_function(self, function: types.FunctionType) -> None:
        node, syntax = self._syntax(function, function.__globals__)
        if not isinstance(node, ast.FunctionDef):
            raise UntranslatableError(f"a function that is no def, {function.__qualname__}")
        text: list[str] = []
        unit = self._named(function, _full_name(function), lambda: text[0])

        def translate() -> None:
            text.append(syntax.function(node))
            unit.eager |= syntax.eager

        self._work.append(translate)

    def _syntax(self, thing: Any, known: dict[str, Any]) -> tuple[ast.stmt, Syntax]:
        if not thing.__module__.startswith("tsla."):
            raise UntranslatableError(f"{thing.__module__}.{thing.__qualname__}")
        node, file, before = parsed(thing)
        return node, Syntax(file, before, known, self)

    def _add_class(self, kind: type) -> None:
        """One that is made anew, so with its constructor."""
        name = self._class(kind)
        self._names[id(kind)] = name
        if is_dataclass(kind):
            for one in dataclasses.fields(kind):
                if one.default_factory is not MISSING:
                    raise UntranslatableError(f"the default of {kind.__name__}.{one.name}, which a function makes")
            self.read("__init__")
            self.read("__post_init__")

    def _class(self, kind: type) -> str:
        name = _full_name(kind)
        if name in self._units:
            return name
        if issubclass(kind, Exception):
            base = kind.__bases__[0]
            parent = f"$.{base.__name__}" if base.__module__ == "builtins" else self.reference(base)
            self._units[name] = _Unit(kind, lambda: f"$.exception({literal(kind.__name__)}, {parent})", {parent})
            return name
        if not is_dataclass(kind):
            raise UntranslatableError(f"the class {kind.__name__}, which is no dataclass")
        members: dict[str, dict[str, str]] = {"methods": {}, "properties": {}, "made": {}, "special": {}}
        unit = self._units[name] = _Unit(kind, lambda: f"$.dataclass({literal(kind.__name__)}, {_parameters(kind)}, {_members(members)})")
        node, _ = self._syntax(kind, {})
        assert isinstance(node, ast.ClassDef)
        for function in node.body:
            if isinstance(function, ast.FunctionDef):
                self._when_read(function.name, lambda function=function: self._add_member(unit, kind, function, members))
        return name

    def _add_member(self, unit: _Unit, kind: type, node: ast.FunctionDef, members: dict[str, dict[str, str]]) -> None:
        if node.name in METHODS | ATTRIBUTES:
            raise UntranslatableError(f"{kind.__qualname__}.{node.name}, a name that arrays, texts and dictionaries have")
        known = vars(inspect.getmodule(kind))
        _, syntax = self._syntax(kind, known)
        text = syntax.function(node, without=("property", "classmethod"))
        unit.eager |= syntax.eager
        made_by = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
        where = "properties" if "property" in made_by else "made" if "classmethod" in made_by else "methods"
        special = {"__init__": "init", "__post_init__": "after"}
        if node.name in special:
            members["special"][special[node.name]] = text
        else:
            members[where][node.name] = text


def _full_name(thing: Any) -> str:
    return f"{thing.__module__.rpartition('.')[2]}${thing.__qualname__}"


def _parameters(kind: type) -> str:
    fields = [one for one in dataclasses.fields(kind) if one.init]  # type: ignore[arg-type]
    positional, named = ([one.name for one in fields if one.kw_only is wanted] for wanted in (False, True))
    defaults = ", ".join(f"{one.name}: {literal(one.default)}" for one in fields if one.default is not MISSING and _is_literal(one.default))
    return f"{{ positional: {literal_list(positional)}, named: {literal_list(named)}, defaults: {{ {defaults} }} }}"


def literal_list(names: list[str]) -> str:
    return f"[{', '.join(map(literal, names))}]"


def _is_literal(value: Any) -> bool:
    try:
        literal(value)
    except TypeError:
        return False
    return True


def _members(members: dict[str, dict[str, str]]) -> str:
    parts = [
        f"{name}: {{ {', '.join(f'{key}: {text}' for key, text in group.items())} }}"
        for name, group in members.items()
        if group and name != "special"
    ]
    return f"{{ {', '.join([*parts, *(f'{key}: {text}' for key, text in members['special'].items())])} }}"
