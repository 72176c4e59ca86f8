"""What functions call, what that calls, and all of it as one JavaScript source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import types
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from tsla.figures.page.translation.runtime import ATTRIBUTES, METHODS, PYTHON, UntranslatableError, literal, stripped
from tsla.figures.page.translation.syntax import Syntax, parsed, signature
from tsla.theory.text import Printed

CONSTRUCTORS = {"__init__": "init", "__post_init__": "after"}
OF_FUNCTIONS = frozenset({"__call__", "__name__", "kind"})
"""Attributes of what is no instance of a class of ours: functions, and the dtype of an array."""


@dataclasses.dataclass
class _Unit:
    """A ``const`` of the script: its text, once all of it is known, and the names of what has to stand before it."""

    text: Callable[[], str]
    eager: set[str] = dataclasses.field(default_factory=set)


class Program:
    """Functions, classes and values, each once. Members of classes and instances are left out where no code reads their name.

    folded:   functions that are called now, and not by the script: a call of one is what it returns
    without:  fields of classes, as ``(class, name)``, that instances in the script don't have
    """

    def __init__(self, folded: Iterable[Callable[[], Any]] = (), without: Iterable[tuple[type, str]] = ()) -> None:
        self._folded, self._without = frozenset(folded), frozenset(without)
        self._units: dict[str, _Unit] = {}
        self._names: dict[int, str] = {}
        self._values: list[Any] = []  # kept, so that an id stays that of one value
        self._classes: set[type] = set()
        self._read: dict[str, str] = {}
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._work: deque[Callable[[], None]] = deque()

    def script(self, public: Mapping[str, Callable[..., Any]]) -> str:
        """A script that defines the global ``tsla`` with ``public``. Raises UntranslatableError, which names file and line."""
        names = {shown: self.reference(function) for shown, function in public.items()}
        while self._work:
            self._work.popleft()()
        self._check_attributes()
        ordered: dict[str, None] = {}
        for name in self._units:
            self._place(name, ordered)
        body = "\n".join(f"const {name} = {self._units[name].text()};" for name in ordered)
        offered = ", ".join(f"{shown}: $.open({name})" for shown, name in names.items())
        return f'"use strict";\nvar tsla = (() => {{\n{stripped()}\n{body}\nreturn {{ {offered} }};\n}})();\n'

    def _check_attributes(self) -> None:
        members = {name for kind in self._classes for name in (*_fields(kind), *vars(kind))}
        for name, where in self._read.items():
            if name not in members | OF_FUNCTIONS:
                raise UntranslatableError(f"{where}: no JavaScript is known for the attribute {name}")

    def _place(self, name: str, ordered: dict[str, None]) -> None:
        """After what has to stand before it."""
        if name not in ordered:
            for needed in sorted(self._units[name].eager & self._units.keys() - {name}):
                self._place(needed, ordered)
            ordered[name] = None

    # --- what the syntax speaks of

    def folds(self, function: Any) -> bool:
        """Whether a call of it is replaced by what it returns now."""
        return function in self._folded

    def read(self, attribute: str, where: str) -> None:
        """Members of this name are wanted."""
        self._read.setdefault(attribute, where)
        self._wanted(attribute)

    def reference(self, value: Any) -> str:
        """The JavaScript that stands for a value, of which a unit is made where it is none of the simple ones."""
        with suppress(UntranslatableError):
            return literal(value)
        if isinstance(value, types.FunctionType):
            value = inspect.unwrap(value)
        if isinstance(value, type):
            return self._made_anew(value)
        if id(value) not in self._names:
            self._add(value)
        return self._names[id(value)]

    def _add(self, value: Any) -> None:
        if isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, Mapping):
            parts = [f"{literal(key)}: {self.reference(part)}" for key, part in value.items()]
            self._add_container(value, f"{{ {', '.join(parts)} }}", value.values())
        elif isinstance(value, tuple | list):
            self._add_container(value, f"[{', '.join(map(self.reference, value))}]", value)
        elif dataclasses.is_dataclass(value):
            self._add_instance(value)
        else:
            raise UntranslatableError(f"a {type(value).__name__}")

    def _unit(self, value: Any, name: str, text: Callable[[], str]) -> _Unit:
        if name in self._units:
            raise UntranslatableError(f"two things called {name}")
        self._values.append(value)
        self._names[id(value)] = name
        self._units[name] = _Unit(text)
        return self._units[name]

    def _wanted(self, member: str) -> None:
        self._work.extend(self._waiting.pop(member, ()))

    def _when_read(self, attribute: str, work: Callable[[], None]) -> None:
        (self._work if attribute in self._read else self._waiting[attribute]).append(work)

    # --- values and functions

    def _add_container(self, value: Any, text: str, parts: Iterable[Any]) -> None:
        unit = self._unit(value, f"${type(value).__name__.lstrip('_')}{len(self._units)}", lambda: text)
        unit.eager.update(map(self.reference, parts))

    def _add_instance(self, value: Any) -> None:
        kind, fields = self._class(type(value)), dict[str, str]()
        name = f"${type(value).__name__}{len(self._units)}"
        unit = self._unit(value, name, lambda: f"$.instance({kind}, {{ {', '.join(f'{key}: {text}' for key, text in fields.items())} }})")
        unit.eager.add(kind)

        def put(field: str) -> None:
            try:
                fields[field] = self.reference(getattr(value, field))
            except UntranslatableError as error:
                raise UntranslatableError(f"{type(value).__name__}.{field}: no JavaScript is known for {error}") from None
            unit.eager.add(fields[field])

        for field in _fields(type(value)):
            if (type(value), field) not in self._without:
                self._when_read(field, partial(put, field))

    def _add_function(self, function: types.FunctionType) -> None:
        node, syntax = self._syntax(function)
        if not isinstance(node, ast.FunctionDef):
            raise UntranslatableError(f"the function {function.__qualname__}, which no def makes")
        text: list[str] = []
        unit = self._unit(function, _full_name(function), lambda: text[0])

        def translate() -> None:
            text.append(syntax.function(node))
            unit.eager |= syntax.eager

        self._work.append(translate)

    def _syntax(self, thing: Any) -> tuple[ast.stmt, Syntax]:
        if thing.__module__.partition(".")[0] in {*sys.stdlib_module_names, "numpy"}:
            raise UntranslatableError(f"{thing.__module__}.{thing.__qualname__}")
        node, file, before = parsed(thing)
        return node, Syntax(file, before, vars(sys.modules[thing.__module__]), self)

    # --- classes

    def _made_anew(self, kind: Any) -> str:
        """A class of which instances are made, so with its constructor."""
        if issubclass(kind, Exception):
            return self._exception(kind)
        name = self._class(kind)
        for field in dataclasses.fields(kind):
            if field.default_factory is not dataclasses.MISSING:
                raise UntranslatableError(f"the default of {kind.__name__}.{field.name}, which a function makes")
        self._wanted(f"{name}()")
        return name

    def _exception(self, kind: type[Exception]) -> str:
        if kind.__module__ == "builtins":
            if kind.__name__ not in PYTHON:
                raise UntranslatableError(f"the error {kind.__name__}")
            return f"$.{kind.__name__}"
        name, base = _full_name(kind), self._exception(kind.__bases__[0])
        self._units.setdefault(name, _Unit(lambda: f"$.exception({literal(kind.__name__)}, {base})", {base}))
        return name

    def _class(self, kind: type) -> str:
        name = _full_name(kind)
        if kind in self._classes:
            return name
        if not dataclasses.is_dataclass(kind) or name in self._units:
            raise UntranslatableError(f"the class {kind.__name__}, which is no dataclass")
        if kind.__bases__ not in ((object,), (Printed,)):  # how a result prints has no use in a page
            raise UntranslatableError(f"the class {kind.__name__}, which has what another class has")
        self._classes.add(kind)
        node, _ = self._syntax(kind)
        members = _Members(kind)
        unit = self._units[name] = _Unit(members.text)
        for function in getattr(node, "body", ()):
            if isinstance(function, ast.FunctionDef):
                add = partial(self._add_member, unit, members, function)
                if function.name in CONSTRUCTORS:
                    self._waiting[f"{name}()"].append(add)
                else:
                    self._when_read(function.name, add)
        return name

    def _add_member(self, unit: _Unit, members: _Members, node: ast.FunctionDef) -> None:
        if node.name in METHODS | ATTRIBUTES:
            raise UntranslatableError(f"{members.kind.__qualname__}.{node.name}, a name that arrays, texts and dictionaries have")
        _, syntax = self._syntax(members.kind)
        members.add(node, syntax.function(node, without=("property", "classmethod")))
        unit.eager |= syntax.eager


class _Members:
    """Those of a dataclass that are read, by what they are to the runtime."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.groups: dict[str, dict[str, str]] = {"methods": {}, "properties": {}, "made": {}}
        self.constructors: dict[str, str] = {}

    def add(self, node: ast.FunctionDef, text: str) -> None:
        """A member and its JavaScript."""
        decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
        group = "properties" if "property" in decorators else "made" if "classmethod" in decorators else "methods"
        if node.name in CONSTRUCTORS:
            self.constructors[CONSTRUCTORS[node.name]] = text
        else:
            self.groups[group][node.name] = text

    def text(self) -> str:
        """The class."""
        fields = dataclasses.fields(self.kind)
        positional, named = ([field.name for field in fields if field.kw_only is wanted] for wanted in (False, True))
        values = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING and not callable(field.default)}
        defaults = {name: literal(value) for name, value in values.items()}
        head = signature(self.kind.__name__, [*positional, "*" if named else "", *named], defaults)
        groups = [
            f"{name}: {{ {', '.join(f'{key}: {text}' for key, text in group.items())} }}" for name, group in self.groups.items() if group
        ]
        members = ", ".join([*groups, *(f"{key}: {text}" for key, text in self.constructors.items())])
        return f"$.dataclass({head}, {{ {members} }})"


def _fields(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _full_name(thing: Any) -> str:
    return f"{thing.__module__.rpartition('.')[2]}${thing.__qualname__}"
