"""Standard output and error that no command dies of: what can't be said is no reason to lose what was computed."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import UnsupportedOperation
from typing import Any, TextIO, cast

HAT = "\N{COMBINING CIRCUMFLEX ACCENT}"
PLAIN = {
    "‖": "||", "∇": "grad", "²": "^2", "⁴": "^4", "⁺": "+", "√": "sqrt", "Σ": "sum", "∝": "~", "×": "*", "÷": "/", "±": "+-",
    "≤": "<=", "≥": ">=", "⟨": "<", "⟩": ">", "→": "->", "←": "<-", "…": "...", "′": "'", "°": "_o", "ĝ": "ghat", "ŝ": "shat", "ŷ": "yhat",
    HAT: "hat", "·": ".", "β": "beta", "δ": "delta", "ε": "eps", "η": "eta", "θ": "theta", "κ": "kappa", "μ": "mu", "ν": "nu", "ξ": "xi",
    "ρ": "rho", "σ": "sigma", "Ł": "L", "ł": "l", "—": "-", "–": "-",
}  # fmt: skip
"""The signs of formulas as they are written where an encoding lacks them."""


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """A word for each sign, apart from the letters beside it: "2θĝ" is "2 theta ghat"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    said = before = error.object[: error.start][-1:]
    for sign in error.object[error.start : error.end]:
        word = PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode()
        said += f" {word}" if said[-1:].isalnum() and word[0].isalnum() and sign != HAT else word
    apart = said[-1:].isalnum() and error.object[error.end :][:1].isalpha()
    return said.removeprefix(before) + (" " if apart else ""), error.end


codecs.register_error("plainly", _plainly)


def written(text: str) -> str:
    """The text as standard output gets it: what its encoding lacks in words, which are wider than signs."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "plainly").decode(encoding)


class _Stream:
    """A text stream that goes on where the true one fails. ``failure`` is why it failed first; from then on nothing is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self.failure is None:
            try:
                self._write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        if self.failure is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def _write(self, text: str) -> None:
        """Signs that the encoding lacks are written as words, and other characters as Python would escape them."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            self._stream.write(text.encode(error.encoding, "plainly").decode(error.encoding))

    def _give_up(self, error: OSError) -> None:
        """Send what the true stream still holds to nowhere, or Python would complain of it at the end."""
        self.failure = error
        try:
            number = self._stream.fileno()
        except UnsupportedOperation:  # it has no file, such as a StringIO
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


@contextmanager
def unfailing() -> Iterator[None]:
    """Within this context writing to standard output and error raises nothing.

    Raises OSError at the end where standard output failed: BrokenPipeError where the reader has had enough.
    """
    _open_what_is_closed()
    with ExitStack() as closing:
        output, errors = (_Stream(stream or closing.enter_context(_nowhere())) for stream in (sys.stdout, sys.stderr))
        closing.enter_context(redirect_stdout(cast("TextIO", output)))
        closing.enter_context(redirect_stderr(cast("TextIO", errors)))
        try:
            yield
        finally:
            output.flush()
            errors.flush()
            if output.failure is not None:
                raise output.failure


def _nowhere() -> TextIO:
    """In place of a stream that Python lacks, since it was closed as Python began."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - no file, and whoever asks for it closes it


def _open_what_is_closed() -> None:
    """Let standard input, output and error lead nowhere where they are closed, for this process and those that it starts, for good.

    Other code takes it that they are there, and else a file that is opened later gets their number, and what C code prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free, which is this one


def came_out() -> bool:
    """Whether all that was said to standard output, within :func:`unfailing`, could be written."""
    sys.stdout.flush()
    return getattr(sys.stdout, "failure", None) is None
