"""What ``--help`` says: it fits a terminal, its example works; and what some commands say, to the letter."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.cli.support import Refusal, Run, ends
from tsla import cli
from tsla.theory.methods import METHODS, bounds

HELP = """
usage: tsla bound sgd [-h] --L X --sigma2 X --F0 X --eta X --T X [--json]
                      [--sweep NAME=LOW:HIGH:COUNT[:log|:linear]] [--csv]
                      [--plot FILE] [--why] [--exact]

plain SGD's bound (C4), SGD's exact worst case (C16)

C4: E‖∇F(w_R)‖² ≤ 2F0/(ηT) + ηLσ²; O(1/ε⁴) samples

C16: E‖∇F(w_R)‖² ≤ [2(F0-EF(w_T))/(ηT) + ηLσ²]/(2-ηL)

options:
  -h, --help            show this help message and exit
  --L X                 smoothness of F (A1) (required)
  --sigma2 X            variance of the one-hot stochastic gradient (A2)
                        (required)
  --F0 X                a number that is at least F(w_0) - F* (required)
  --eta X               step size; most bounds ask for at most 1/L (required)
  --T X                 number of steps (required)
  --json                print one JSON object
  --sweep NAME=LOW:HIGH:COUNT[:log|:linear]
                        along so many values of a number from LOW to HIGH,
                        such as delta=1e-4:1:50; even on a log scale, theta,
                        c, momentum and B on a linear one
  --csv                 print the sweep as CSV
  --plot FILE           draw the sweep to this file (.svg, .png, .pdf; extra
                        figures)
  --why                 the derivation, line by line, with these numbers
  --exact               the exact worst case (C16) in place of C4; eta may be
                        up to 2/L

example:
  tsla bound sgd --L 10 --sigma2 1 --F0 1 --eta 0.01 --T 1000
"""
LEAVES = [*(f"bound {name}" for name in bounds()), *(f"steps {name}" for name in METHODS)]
EXAMPLE = re.compile(r"^example:\n  tsla (.*)", re.DOTALL | re.MULTILINE)
RUN = ("anneal", "bound", "compare", "critical-batch", "envelope", "invert", "plan", "power", "simulate", "steps", "train", "variance")
"""Commands whose examples are run. Those of the others have tests of their own; their words are read."""


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """What a command says of itself on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(command: str) -> str:
        assert ends([*command.split(), "--help"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return call


def test_help(helped: Callable[[str], str]) -> None:
    assert helped("bound sgd") == HELP.lstrip("\n")


def test_the_front_page_fits_a_terminal_and_its_prompt(helped: Callable[[str], str], run: Run) -> None:
    page = helped("")
    assert run("") == page
    assert len(page.splitlines()) <= 23
    assert max(map(len, page.splitlines())) <= 80
    assert re.findall(r"^  ([\w-]+) +\S", page, re.MULTILINE) == [*cli.COMMANDS]


@pytest.mark.parametrize("command", [*cli.COMMANDS, *LEAVES])
def test_help_fits_and_its_example_works(
    command: str,
    helped: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is printed fits 80 columns too, and required options stand without brackets."""
    text = helped(command)
    assert max(map(len, text.splitlines())) <= 80
    usage = text.partition("\n\n")[0]
    for name in re.findall(r"^  --(\w+) [^\n]*(?:\n {10,}[^\n]*)*\(required\)", text, re.MULTILINE):
        assert re.search(rf"(?<!\[)--{name}\s", usage), name
    (example,) = EXAMPLE.findall(text)
    words = shlex.split(example.replace("\\\n", ""))
    assert words[: len(command.split())] == command.split()
    if words[0] in RUN:
        assert ends(words) == 0
        out, _ = capsys.readouterr()
        assert max(map(len, out.splitlines())) <= 80
    else:  # where the files that it speaks of are not
        monkeypatch.chdir(tmp_path)
        assert ends(words) == 2
        assert re.search("is not here; |no such file|does not exist", capsys.readouterr().err)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_help_fits_in_the_words_of_an_encoding_without_its_signs(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in (*cli.COMMANDS, *LEAVES):
        with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) as stream:
            assert ends([*command.split(), "--help"]) == 0
        stream.seek(0)
        assert max(map(len, stream.read().splitlines())) <= 80, command


@pytest.mark.parametrize(("given", "said"), [("", "none of them"), ("--eps 1 --budget 9", "--budget --eps"), ("--delta 1", "--delta")])
def test_invert_says_what_it_got(given: str, said: str, refusal: Refusal) -> None:
    line = refusal(f"invert --L 1 --mu 1 --sigma2 1 --F0 1 {given}".split())
    assert line.endswith(f"or --eps alone for the largest delta that pays; got {said}")


BELOW = "sgd only below 0.5, sgd-exact only below 0.1262, "


@pytest.mark.parametrize(("eps", "ahead"), [("0.1", BELOW), ("3", "sgd never, sgd-exact never, ")])
def test_compare_says_for_which_delta_a_bound_is_ahead(eps: str, ahead: str, run: Run) -> None:
    said = " ".join(run(f"compare --L 10 --mu 1 --sigma2 1 --delta 0.1 --F0 1 --eps {eps}").split())
    assert f"As delta varies, TSLA's bound is ahead of {ahead}" in said
