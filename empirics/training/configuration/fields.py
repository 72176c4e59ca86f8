"""What a field of a configuration says of itself where it is declared, and what is made of that: options, names in files, refusals."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any, get_args, get_origin, get_type_hints

from tsla.options import number, whole
from tsla.theory.constants import said

ALL = "all"
"""What a number of examples that is None is called by users."""
LARGEST = 2**63
"""Whole numbers from here on are none to torch."""


@dataclass(frozen=True)
class Rule:
    """What a value must do, in the words after "must", and whether it does in a run of so many epochs; ``choices``, if it is one of few."""

    words: str
    holds: Callable[[Any, int], bool]
    choices: tuple[str, ...] = ()


ANYTHING = Rule("be anything", lambda value, epochs: True)
FRACTION = Rule("lie in [0, 1]", lambda value, epochs: 0 <= value <= 1)
BELOW_1 = Rule("lie in [0, 1)", lambda value, epochs: 0 <= value < 1)
LARGEST_FLOAT32 = 3.4028234663852886e38
POSITIVE = Rule("be above 0 and at most 3.4e38, as float32 goes", lambda value, epochs: 0 < value <= LARGEST_FLOAT32)
NOT_NEGATIVE = Rule("be at least 0 and at most 3.4e38, as float32 goes", lambda value, epochs: 0 <= value <= LARGEST_FLOAT32)
EPOCH = Rule("lie in 0 ... epochs = {epochs}", lambda value, epochs: 0 <= value <= epochs)
EPOCHS = Rule(EPOCH.words, lambda value, epochs: all(0 <= epoch <= epochs for epoch in value))


def between(least: int, most: int) -> Rule:
    """No less and no more."""
    return Rule(f"lie in {least} ... {most}", lambda value, epochs: least <= value <= most)


def at_least(least: int) -> Rule:
    """No less."""
    return Rule(f"be at least {least}", lambda value, epochs: value >= least)


def one_of(*choices: str) -> Rule:
    """One of these names."""
    return Rule(f"be one of {', '.join(choices)}", lambda value, epochs: value in choices, choices)


@dataclass(frozen=True)
class Usual:
    """A default that depends on the number of epochs: in words, and the value."""

    words: str
    of: Callable[[int], Any]


OF_THE_EPOCHS: Any = None
"""In place of a default for a field whose default is :class:`Usual`."""


@dataclass(frozen=True)
class Use:
    """With which values of another ``field`` a field has an effect: in words, and whether it has."""

    field: str
    words: str
    holds: Callable[[Any], bool]


def with_method(*methods: str) -> Use:
    """These methods only."""
    return Use("method", _either(methods), methods.__contains__)


def about(says: str, must: Rule = ANYTHING, **more: Any) -> dict[str, Any]:
    """The metadata of a field: what it says of itself to :class:`Field`."""
    return {"says": says, "must": must, **more}


def sizes(text: str) -> int | str:
    """A number of examples; ALL stands for itself."""
    return text if text == ALL else whole(text)


def epochs(text: str) -> tuple[int, ...]:
    """Numbers with commas between them."""
    return tuple(map(whole, text.split(","))) if text else ()


KINDS: Mapping[Any, tuple[str, Callable[[str], Any]]] = {
    float: ("a number", number),
    int: ("a whole number", whole),
    int | None: ("a whole number", sizes),
    bool: ("true or false", bool),
    str: ("text", str),
    str | None: ("text", str),
    tuple[int, ...]: ("a list of whole numbers", epochs),
}
"""Types of fields: what they are called, and how the text of an option becomes one. A bool is a switch, which has no text."""


@dataclass(frozen=True)
class Field:
    """A field of a configuration: its ``name`` in Python, its type, its group, its default, and what it says of itself.

    says:   to users
    must:   its rule
    stored: its name in records
    usual:  its default, where that depends on the epochs
    use:    where it has an effect, if not everywhere
    later:  it came when there were records already: they, and what is stored like them, say nothing of it where it is the default
    """

    name: str
    type: Any
    group: str
    default: Any
    says: str
    must: Rule
    stored: str
    usual: Usual | None = None
    use: Use | None = None
    later: bool = False

    @property
    def spelled(self) -> str:
        """Its name for users: as an option, in files and in refusals."""
        return self.name.replace("_", "-")

    @property
    def option(self) -> dict[str, Any]:
        """What argparse has to know of it."""
        how = {"action": argparse.BooleanOptionalAction} if self.type is bool else {"type": KINDS[self.type][1]}
        return how | {"default": argparse.SUPPRESS, "help": self._help()}

    def _help(self) -> str:
        choices = f": {_either(self.must.choices)}" if self.must.choices else ""
        usual = self.usual.words if self.usual else self.shown(self.default)
        if self.default is dataclasses.MISSING:
            return f"{self.says}{choices} (required, here or in --config)"
        silent = self.default is False or (self.type == str | None)
        return self.says + choices + ("" if silent else f" (default {usual})")

    def shown(self, value: Any) -> str:
        """A value as users write it."""
        return ALL if value is None else ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def words(self, value: Any) -> str:
        """The option that gives the value."""
        if self.type is bool:
            return f"--{self.spelled}" if value else f"--no-{self.spelled}"
        if isinstance(value, tuple):  # which may be empty
            return f"--{self.spelled}={self.shown(value)}"
        return f"--{self.spelled} {quote(self.shown(value))}"

    def has_use(self, config: Any) -> bool:
        """Whether it has an effect in this configuration."""
        return self.use is None or self.use.holds(config.in_effect(self.use.field))

    def is_said(self, config: Any) -> bool:
        """Whether what is stored of this configuration has it."""
        return not (self.later and getattr(config, self.name) == self.default)

    def settled(self, given: Any, epochs: int) -> Any:
        """The value in a run of so many epochs, from what was given: a list, a whole number and ALL are what files have.

        Raises ValueError for what it must not be.
        """
        if given is None and self.usual is not None:
            return self.usual.of(epochs)
        if isinstance(given, int) and abs(given) >= LARGEST:
            raise ValueError(f"{self.spelled} = {said(given)} must lie between -2**63 and 2**63")
        value = self._converted(given)
        if not _is(value, self.type):
            raise ValueError(f"{self.spelled} = {said(given)} must be {KINDS[self.type][0]}")
        if value is not None and not self.must.holds(value, epochs):
            raise ValueError(f"{self.spelled} = {said(given)} must {self.must.words.format(epochs=epochs)}")
        return value

    def _converted(self, given: Any) -> Any:
        if isinstance(given, list):
            return tuple(given)
        if self.type is float and type(given) is int:
            return float(given)
        return None if isinstance(given, str) and given == ALL and self.type == int | None else given


def fields_of(*groups: type) -> dict[str, Field]:
    """The fields of the groups, which are dataclasses, by name."""
    return {
        one.name: Field(
            one.name, get_type_hints(group)[one.name], group.__name__.lower(), one.default, **{"stored": one.name, **one.metadata}
        )
        for group in groups
        for one in dataclasses.fields(group)
    }


def _is(value: object, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is(item, int) for item in value)
    options = get_args(kind) or (kind,)
    return isinstance(value, options) and (isinstance(value, bool) <= (kind is bool))


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
