"""`--json`: on every command that prints an answer, with a schema, and with the same type in the same place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.support import Run, as_json, ends
from tsla.cli import COMMANDS
from tsla.theory.text import Json

WITHOUT = ("figures", "report")
"""They print the names of the files that they have written, and nothing else."""
K = "--L 10 --mu 1 --sigma2 1 --F0 1"
LEAVES = {"bound": "bound lsr", "steps": "steps tsla"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_answers_has_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends([*LEAVES.get(command, command).split(), "--help"]) == 0
    assert ("--json " in capsys.readouterr().out) == (command not in WITHOUT)


PAIRS = {  # the same question, where there is an answer and where there is none
    f"steps lsr {K} --eps 0.1": ("--delta 0.001", "--delta 0.1"),
    f"compare {K}": ("--delta 0.1 --eps 0.1", "--delta 0.1 --eps 3"),
    f"invert {K}": ("--eps 0.1", "--eps 2"),
    f"invert {K} --delta 0.1": ("--budget 10000", "--budget 1"),
    "critical-batch --sigma2 1 --nu2 0.5": ("--beta2 0.1", "--beta2 0"),
    "variance --theta 0.5": ("--sigma2 1 --delta 0.5", "--s2 1 --shat2 0.5 --c 0.1 --grad2 1"),
    "anneal --L 10 --sigma2 1 --nu2 0.5 --eta 0.1": ("--beta2 0.1", "--beta2 0"),
    f"bound lsr {K.replace('--mu 1 ', '')} --eta 0.1 --T 10": ("--delta 0.1", "--beta2 0.05 --nu2 0.05"),
    "simulate --problem stall --seeds 2 --eps 0.6": ("--method tsla", "--method sgd --seed 1"),
}


def kinds(value: Any, place: str = "") -> dict[str, set[str]]:
    """Of each place in a JSON object the kinds of what is there; the entries of a list are in one place, and so are methods and pairs."""
    if isinstance(value, dict):
        inside = [
            kinds(one, f"{place}.{'*' if place.endswith(('eps', 'largest_delta', 'crossovers', 'terms')) else name}")
            for name, one in value.items()
        ]
    elif isinstance(value, list):
        inside = [kinds(one, f"{place}[]") for one in value]
    else:
        return {
            place: set()
            if value is None
            else {"number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__}
        }
    together: dict[str, set[str]] = {}
    for found in inside:
        for name, kind in found.items():
            together[name] = together.get(name, set()) | kind
    return together


def are_of_one_kind(answers: tuple[Json, Json]) -> None:
    first, second = map(kinds, answers)
    for place, kind in first.items():
        assert len(kind | second.get(place, set())) <= 1, place
    assert {place for place in first if "[]" not in place} == {place for place in second if "[]" not in place}


@pytest.mark.parametrize("command", PAIRS)
def test_what_is_in_one_place_is_of_one_kind(command: str, run: Run) -> None:
    are_of_one_kind(tuple(as_json(run(f"{command} {options} --json")) for options in PAIRS[command]))


@pytest.mark.parametrize("wrong", [{"delta": "never"}, {}, {"delta": True}, {"delta": None, "why": "at no delta"}])
def test_another_kind_in_the_same_place_is_rejected(wrong: Json) -> None:
    with pytest.raises(AssertionError):
        are_of_one_kind(({"delta": 0.5}, wrong))


def test_documents_that_are_as_the_records_say(run: Run) -> None:
    assert as_json(run("docs --check rates --json")) == {"stale": []}
