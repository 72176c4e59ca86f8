"""The command line: which module answers which subcommand, and what all of them have in common.

Only the module of the subcommand that is called is imported, and it imports what it needs when it runs, so that ``tsla bound`` starts about
as fast as NumPy does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from tsla.extras import MissingExtraError, needing
from tsla.options import Parser
from tsla.streams import unfailing

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "bound": ("tsla.theory.commands.bound",),
    "steps": ("tsla.theory.commands.steps",),
    "compare": ("tsla.theory.commands.compare",),
    "invert": ("tsla.theory.commands.invert",),
    "anneal": ("tsla.theory.commands.anneal",),
    "critical-batch": ("tsla.theory.commands.critical_batch",),
    "variance": ("tsla.theory.commands.variance",),
    "simulate": ("tsla.empirics.commands.simulate",),
    "power": ("tsla.empirics.commands.power",),
    "envelope": ("tsla.empirics.commands.envelope",),
    "train": ("tsla.empirics.commands.train",),
    "measure": ("tsla.empirics.commands.measure",),
    "plan": ("tsla.empirics.commands.plan",),
    "sweep": ("tsla.empirics.commands.sweep",),
    "records": ("tsla.empirics.commands.records",),
    "figures": ("tsla.figures.commands.figures",),
    "docs": ("tsla.figures.commands.docs",),
    "certify": ("tsla.empirics.commands.certify", "tsla.figures.commands.certify"),
    "check": ("tsla.figures.commands.check",),
    "report": ("tsla.figures.commands.begin_report", "tsla.empirics.commands.report", "tsla.figures.commands.report"),
}
"""Subcommand -> the modules whose ``run(args)`` are called in turn; each returns an exit code, or None for 0.

The last one has ``ABOUT``, one short line of help, ``add(parser)`` for its options, and ``EXAMPLE``, the words of a call that works. What
else its help says stands in ``DETAILS``, paragraphs with empty lines between them. What it needs of an installation stands in ``EXTRA``, an
extra, and in ``CHECKOUT``, a folder that a checkout of the repository has, or in ``checkout(args)`` where the arguments decide it. What
Ctrl-C leaves of it stands in ``INTERRUPTED``, if that is anything but its ``--state``.
"""


QUESTION = "When does label smoothing help optimisation, how much, and when to drop it?"
INTERRUPTED = 130
"""The exit code after Ctrl-C, as of any command."""
UNREAD = 141
"""The exit code where the reader of a pipe has gone, as of any command: 128 and the number of SIGPIPE."""


class _Version(argparse.Action):
    """Prints the version of the installed package, which takes an import that no other command needs."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"tsla {import_module('importlib.metadata').version('tsla')}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    Bad input, a missing extra, and a file or standard output that can't be written end in one line on standard error and exit code 2. A
    closed pipe ends nothing: the command goes on in silence, writes its files, and has exit code 141. Ctrl-C ends it in one line that says
    how to go on, and exit code 130.
    """
    try:
        with unfailing():
            return _answer(sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:
        return UNREAD
    except OSError as error:
        Parser(prog="tsla").error(f"standard output can't be written: {error.strerror}")
    except KeyboardInterrupt:
        return INTERRUPTED


def _answer(given: Sequence[str]) -> int:
    try:
        _refuse_nul(given)
        whole = _parser(given[0] if given else "")
    except ValueError as error:  # of a module of a bound, from which options are made
        Parser(prog="tsla").error(str(error))
    words = _join_negative_values(given, whole.switches(given))
    args, unknown = whole.parse_known_args(words)
    parser: Parser = args.parser
    if unknown:
        parser.error(f"unknown argument {unknown[0]}; {parser.instead_of(unknown[0])}")
    if twice := parser.given_twice(words):
        parser.error(twice)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        args.settle(args)
    except ValueError as error:
        parser.error(str(error))
    missing = [f"--{name}" for name, other in args.needed.items() if not any(vars(args).get(one) is not None for one in (name, other))]
    if missing:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    folder = args.checkout(args)
    if folder and not Path(folder).is_dir():  # said first, whatever else is missing and however long it would run
        parser.error(f"{folder}/ is not here; `tsla {args.command}` needs it: call it in a checkout of the repository")
    try:
        with needing(args.extra):
            codes = [import_module(module).run(args) for module in COMMANDS[args.command]]
        return max(int(code or 0) for code in codes)
    except (ValueError, OSError, MemoryError, MissingExtraError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        state = getattr(args, "state", None)
        kept = f"the same command goes on from {state}" if state else import_module(COMMANDS[args.command][-1]).__dict__.get("INTERRUPTED")
        parser.exit(INTERRUPTED, f"{parser.prog}: interrupted; {kept or 'nothing was kept'}\n")


def _refuse_nul(given: Sequence[str]) -> None:
    """Raises ValueError for what no shell can pass, and no file can be called."""
    for word in given:
        if "\0" in word:
            raise ValueError(f"{word!r} has a NUL; must have none")


def _draw(*answers: Any) -> None:
    """What the commands of numbers, which know nothing of figures, draw a sweep with."""
    with needing("figures", "--plot"):
        import_module("tsla.figures.swept").draw(*answers)


def _join_negative_values(argv: Sequence[str], switches: Collection[str]) -> list[str]:
    """``--c -1e-3`` as ``--c=-1e-3``: argparse takes a negative number with an exponent, or -inf, for an option.

    Nothing is joined to one of the ``switches``, which take no value, and nothing from ``--`` on, where options end.
    """
    joined: list[str] = []
    end = argv.index("--") if "--" in argv else len(argv)
    for word in argv[:end]:
        negative = word.startswith("-") and not word.startswith("--") and word != "-h"
        if negative and joined and joined[-1].startswith("--") and "=" not in joined[-1] and joined[-1] not in switches:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return [*joined, *argv[end:]]


class _Completion(argparse.Action):
    """Prints the script that a shell completes with, which takes the parsers of all commands."""

    def __call__(self, parser: argparse.ArgumentParser, _: Any, shell: Any, *__: Any) -> NoReturn:
        from tsla.completion import script

        print(script(shell, _parser("")), end="")
        parser.exit()


class _FrontPage(Parser):
    """`tsla` alone: a line a command, which fits a terminal of 80 columns and 24 lines."""

    def format_help(self) -> str:
        width = max(map(len, COMMANDS)) + 2
        lines = (f"  {name:{width}}{import_module(modules[-1]).ABOUT}\n" for name, modules in COMMANDS.items())
        return f"{self.format_usage()}{QUESTION}\n{''.join(lines)}`tsla COMMAND --help` has its options, its formula and an example.\n"


def _parser(asked: str) -> Parser:
    """Of the subcommand that is asked for; of all, where there is no such."""
    parser = _FrontPage(prog="tsla")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    about = "print a script that completes commands and options"
    parser.add_argument("--print-completion", action=_Completion, choices=("bash", "zsh"), metavar="SHELL", help=about)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module = import_module(COMMANDS[name][-1])
        extra = getattr(module, "EXTRA", "")
        about = f"{module.ABOUT} (extra {extra})" if extra else module.ABOUT
        details = getattr(module, "DETAILS", "")
        command = commands.add_parser(name, help=module.ABOUT, description=f"{about}\n\n{details}" if details else about)
        command.example(module.EXAMPLE)
        fixed = getattr(module, "CHECKOUT", "")
        command.set_defaults(draw=_draw, extra=extra, checkout=getattr(module, "checkout", lambda _, fixed=fixed: fixed))
        module.add(command)
    return parser
