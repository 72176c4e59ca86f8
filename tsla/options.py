"""What the options of all subcommands have in common: refusals in one line, and numbers."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from tsla.streams import written

LONGEST = 300
"""Characters of a word that a refusal repeats: a longer one is cut, and its length is said."""
SMALLEST = sys.float_info.min
"""Of the numbers that float64 has with all of their digits."""


class Layout(argparse.HelpFormatter):
    """Help of several paragraphs, in which names with hyphens are not broken. Lines are filled as they will be written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join("\n".join(self._split_lines(part, width)) for part in text.split("\n\n"))

    def _split_lines(self, text: str, width: int) -> list[str]:
        from textwrap import wrap  # which a command does not need to answer

        return wrap(written(" ".join(text.split())), width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """argparse whose refusals are one line with exit code 2, and which takes no abbreviated options.

    What has been parsed has, as ``parser``, the parser of the subcommand, as ``needed`` the names of the options that must be given, each
    with that of an option that may stand for it, and as ``settle`` what is called with it before these are asked for. ``numbers`` are the
    names of the options for numbers.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=Layout, **kwargs)
        self.set_defaults(parser=self, needed={}, settle=lambda _: None)
        self.numbers: list[str] = []
        self._example = ""
        self._fill: Callable[[], None] | None = None

    def fill_later(self, fill: Callable[[], None]) -> None:
        """``fill`` adds the options once the parser is asked, for of the many subcommands of a command one is."""
        self._fill = fill

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        """As argparse does, with all options."""
        return super(Parser, self.filled()).parse_known_args(*given, **named)

    def error(self, message: str) -> NoReturn:
        """One line, and exit code 2."""
        if message.endswith("expected one argument"):
            message = message.replace("expected one argument", "a value must follow it")
        words = (word if len(word) < LONGEST else f"{word[:40]}… ({len(word):,} characters)" for word in message.split(" "))
        self.exit(2, f"{self.prog}: {_shown(' '.join(words))}\n")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """As argparse does, but that it drops the value of ``--name=--`` and goes on without one."""
        if action.option_strings and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"{value!r} is unknown; {among(str(value), [str(one) for one in action.choices])}")

    def filled(self) -> Parser:
        """The same, with all options."""
        if self._fill is not None:
            self._fill()
            self._fill = None
        return self

    def subcommands(self) -> dict[str, Parser]:
        """Those that follow it, by their names."""
        found = (action.choices for action in self._actions if isinstance(action, argparse._SubParsersAction))
        return {name: parser.filled() for choices in found for name, parser in choices.items()}

    def options(self) -> list[argparse.Action]:
        """Those that have a name."""
        return [action for action in self._actions if action.option_strings]

    def option_names(self) -> list[str]:
        """What can be given."""
        return sorted(name for name in self._option_string_actions if name.startswith("--"))

    def instead_of(self, unknown: str) -> str:
        """What was probably meant by this option, and what can be given."""
        allowed = f"allowed: {' '.join(self.option_names())}"
        meant = among(unknown.partition("=")[0], self.option_names())
        return f"{meant} {allowed}" if meant.startswith("did") else allowed

    def switches(self, words: Sequence[str]) -> set[str]:
        """The options without a value, and those of the subcommands that ``words`` name."""
        names = {name for name, action in self._option_string_actions.items() if action.nargs == 0}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                named = next((word for word in words if word in action.choices), None)
                names |= action.choices[named].filled().switches(words) if named else set()
        return names

    def given_twice(self, words: Sequence[str]) -> str | None:
        """Why ``words`` may not give an option twice, by its name or its opposite's: the second would take the place of the first."""
        first: dict[argparse.Action, str] = {}
        for word in words[: words.index("--") if "--" in words else None]:
            name = word.partition("=")[0]
            action = self._option_string_actions.get(name)
            if action is None or isinstance(action, argparse._AppendAction):
                continue
            if action in first:
                other = first[action]
                twice = f"{name} is given twice; must be given once"
                return twice if other == name else f"{other} and {name} exclude each other; must be one of them"
            first[action] = name
        return None

    def need(self, *names: str, unless: str = "") -> None:
        """Options that must be given, ``unless`` another one is. They are asked for after unknown ones have been refused.

        A misspelt option is both.
        """
        self.set_defaults(needed=self.get_default("needed") | dict.fromkeys(names, unless))

    def example(self, words: str) -> None:
        """A call that works, for the end of the help."""
        self._example = words

    def format_usage(self) -> str:
        """As argparse does, the options that must be given without brackets."""
        with self._needed():
            return super().format_usage()

    def format_help(self) -> str:
        """The same with all of it, and the example, as a shell reads it."""
        with self._needed():
            text = super().format_help()
        return f"{text}\nexample:\n{_as_typed(self._example)}\n" if self._example else text

    @contextmanager
    def _needed(self) -> Iterator[None]:
        needed = [self._option_string_actions[f"--{name}"] for name in self.get_default("needed")]
        for action in needed:
            action.required = True
        yield
        for action in needed:
            action.required = False

    def give_json(self) -> None:
        """The option of every subcommand that answers with :func:`tsla.theory.commands.answer.print_result`."""
        self.add_argument("--json", action="store_true", help="print one JSON object")


def _shown(line: str) -> str:
    """With what a terminal does not print, but may obey, as Python would escape it."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)


def _as_typed(words: str) -> str:
    """A call in lines of a shell, none of which ends between an option and its value."""
    from textwrap import wrap

    together = re.sub(r"(--\S+) (?!--)", "\\1\N{NO-BREAK SPACE}", f"tsla {words}")
    lines = wrap(together, 74, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(f"  {line}" for line in lines).replace("\N{NO-BREAK SPACE}", " ")


def among(given: str, known: list[str]) -> str:
    """What was probably meant, or else what there is."""
    from difflib import get_close_matches  # which a command that is spelled right does not need

    bare = {name.lstrip("-"): name for name in known}  # dashes are no likeness
    near = get_close_matches(given.lstrip("-"), bare, 1)
    return f"did you mean {bare[near[0]]}?" if near else f"must be one of {', '.join(known)}"


def number(text: str) -> float:
    """A kind of option. -0.0 is 0. What is no 0 and too near it for float64 to have all digits is refused, and not rounded in silence."""
    try:
        value = float(text) + 0.0
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    digits = text.lower().partition("e")[0]
    if abs(value) < SMALLEST and any(sign.isdecimal() and int(sign) for sign in digits):
        raise argparse.ArgumentTypeError(f"{text!r} is too near 0 for float64, whose full digits end at {SMALLEST:.3g}; rescale F")
    return value


def whole(text: str) -> int:
    """A kind of option."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
