"""Completion of the command line: a script for bash and zsh, made from the parsers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tsla.options import Parser

SCRIPT = """\
_tsla() {{
  local called="${{COMP_WORDS[1]}}" method="${{COMP_WORDS[2]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
  case "$called $before" in
{values}
    *)
      case "$COMP_CWORD:$called $method" in
{names}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _tsla tsla
"""
"""An option's values where it stands before the cursor, and else the names of commands, methods and options; files where none fits."""


def script(shell: str, front: Parser) -> str:
    """What the shell reads, such as by ``source <(tsla --print-completion bash)``. zsh completes as bash does."""
    commands = front.subcommands()
    values, names = [], [_case("1:*", [*commands, *front.option_names()])]
    for command, parser in commands.items():
        methods = parser.subcommands()
        if methods:
            names.append(_case(f"2:{command}\\ *", methods))
        names += [_case(f"*:{command}\\ {method}", leaf.option_names()) for method, leaf in methods.items()]
        names.append(_case(f"*:{command}\\ *", parser.option_names()))
        values += [_case(f"{command}\\ {option}", words) for option, words in _values(parser)]
    start = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n" if shell == "zsh" else ""
    return start + SCRIPT.format(values="\n".join(f"    {case}" for case in values), names="\n".join(f"        {case}" for case in names))


def _values(parser: Parser) -> Iterator[tuple[str, Iterable[str]]]:
    for action in parser.options():
        if action.choices is not None:
            yield action.option_strings[-1], map(str, action.choices)


def _case(pattern: str, words: Iterable[str]) -> str:
    return f'{pattern}) words="{" ".join(words)}" ;;'
