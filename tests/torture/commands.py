"""Command lines as a tired hand or a fuzzer types them. Each ends with exit code 0, or 2 and one line; never with a traceback or a warning.

Each begins as a call that works, in which some words are then changed, left out, doubled or added. No run is begun, and nothing is written:
what would, is given an output that can't be had.
"""

from __future__ import annotations

import io
import os
import random
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.cli.support import ends
from tsla import cli
from tsla.options import Parser
from tsla.theory.commands.options import example
from tsla.theory.methods import METHODS, bounds

NUMBERS = (
    *("0", "-0.0", "1", "-1", "0.5", "2", "+1", " 1 ", "1_0", "٣", "１", "nan", "-nan", "inf", "-inf", "Infinity", "9" * 400),
    *("1e-300", "1e300", "1e155", "1e-155", "1e-200", "1e200", "1e308", "2.3e-308", "1e-308", "5e-324", "1e-400", "1e400"),
    *("1e", "0x1", "1,5", "1.0.0", "", " ", "-", "--", "=", "one", "True", "None", "[1]", "∞", "½", "\udcff", "1\0", "1\n", "1\r\n2"),
    *("9" * 5000, "0." + "0" * 400 + "1"),
)
"""What is typed for a number."""
FILES = (
    ".",
    "/",
    "..",
    "~",
    "",
    "/dev/null",
    "/dev/full",
    "/proc/self/mem",
    "text",
    "folder",
    "pipe",
    "circle",
    "no/file",
    "a" * 300,
    "a" * 250,
)
"""What is typed for a file; ``text``, ``folder``, ``pipe`` and ``circle``, a link to itself, are there."""
SWEEPS = (
    *("{0}=1e-3:1:5", "{0}=1:1:5", "{0}=0:1:5:log", "{0}=1e-300:1e300:3", "{0}=1:2:99999999999", "{0}=a:b:c", "{0}="),
    *("x=1:2:3", ":::", ""),
)
UNKNOWN = (
    *("--nonsense", "--nonsense=1", "--eta.", "--L=", "--json", "--json=1", "--help", "-h"),
    *("-x", "-", "--", "---", "--=", "extra", "\0"),
)
UNUSED = {"train": "--out /dev/null", "simulate": "--out /dev/null", "measure": "--checkpoint text"}
"""What keeps a command from its run, whatever else is asked for."""


@cache
def calls() -> dict[str, list[str]]:
    """Calls that work, where their files are, by their commands."""
    of_bounds = (
        f"bound {name} {example(f'{form.needs} {form.run}')}" + (f" --{form.switch[0]}" if form.switch else "")
        for name, forms in bounds().items()
        for form in forms
    )
    of_plans = (f"steps {name} {example(f'{method.needs} eps')}" for name, method in METHODS.items())
    others = {name: [import_module(modules[-1]).EXAMPLE] for name, modules in cli.COMMANDS.items()}
    return others | {"tsla": ["", "--version", "--print-completion bash"], "bound": [*of_bounds], "steps": [*of_plans]}


@cache
def parser(command: str) -> Parser:
    """Of a command, or of all."""
    whole = cli._parser(command)
    return whole.subcommands().get(command, whole)


def tries(seed: int, n: int, commands: Sequence[str] = ()) -> Iterator[tuple[str, str | None]]:
    """Command lines, each by its command, one of these or of all, and how it did not end as it must."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("text").write_text("no number", encoding="utf-8")
        Path("folder").mkdir()
        os.mkfifo("pipe")
        Path("circle").symlink_to("circle")
        there = _names()
        for _ in range(n):
            command = draw.choice(commands or [*calls()])
            words = mistyped(draw, command)
            wrong = ill_end(words, draw.choice(["utf-8", "ascii", "latin-1"]))
            if _names() != there:
                wrong = f"{words}: wrote {_names() - there}"
            yield f"slips, {command}", wrong


def _names() -> set[str]:
    return {path.name for path in Path().iterdir()}


def mistyped(draw: random.Random, command: str) -> list[str]:
    """A call with one to three slips."""
    words = draw.choice(calls()[command]).split()
    for _ in range(draw.randint(1, 3)):
        words = draw.choice(SLIPS)(draw, words)
    return [*words, *UNUSED.get(command, "").split()]


def _other_value(draw: random.Random, words: list[str]) -> list[str]:
    places = [place for place in range(1, len(words)) if words[place - 1].startswith("--")]
    if not places:
        return _added(draw, words)
    place = draw.choice(places)
    value = draw.choice(NUMBERS + FILES)
    joined = draw.random() < 0.5
    return [*words[: place - 1], *([f"{words[place - 1]}={value}"] if joined else [words[place - 1], value]), *words[place + 1 :]]


def _added(draw: random.Random, words: list[str]) -> list[str]:
    """An option of the command, with a value or without."""
    of = parser(words[0] if words and words[0] in cli.COMMANDS else "")
    if len(words) > 1:
        of = of.subcommands().get(words[1], of)
    option = draw.choice(of.option_names() or ["--help"])
    values = [one.format(draw.choice(of.numbers)) for one in SWEEPS] if option == "--sweep" and of.numbers else [*NUMBERS, *FILES]
    return [*words, option, *draw.choice([[], [draw.choice(values)], [draw.choice(values)]])]


def _dropped(draw: random.Random, words: list[str]) -> list[str]:
    place = draw.randrange(len(words) + 1)
    return words[:place] + words[place + 1 :]


def _doubled(draw: random.Random, words: list[str]) -> list[str]:
    place = draw.randrange(len(words) + 1)
    return words[:place] + words[place : place + 2] * 2 + words[place + 2 :]


def _strange(draw: random.Random, words: list[str]) -> list[str]:
    place = draw.randrange(len(words) + 1)
    return [*words[:place], draw.choice(UNKNOWN), *words[place:]]


SLIPS: tuple[Callable[[random.Random, list[str]], list[str]], ...] = (_other_value, _other_value, _added, _dropped, _doubled, _strange)


def ill_end(words: list[str], encoding: str = "utf-8", *, run: Callable[[list[str]], int] = ends) -> str | None:
    """How the command line did not end as each must; None where it did."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    with warnings.catch_warnings(record=True) as warned, redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("always")
        try:
            code: int | str = run(words)
        except Exception:
            code = traceback.format_exc()
    said = _read(err)
    if code not in (0, 2):
        return f"{words}: {code}"
    if warned:
        return f"{words}: {warned[0].message}"
    if code == 2 and (_read(out) or said.count("\n") != 1 or not said.endswith("\n") or "\r" in said):
        return f"{words}: refused by {said!r}"
    return f"{words}: {said!r} beside its answer" if code == 0 and said else None


def _read(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)
