"""Results fit a terminal of 80 columns, whatever signs its encoding has."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tests.cli.support import ends
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import WIDTH

ENCODINGS = ("ascii", "latin-1", "utf-8")
LONG = "--L 10.12345 --mu 0.001234567 --sigma2 0.0012345678 --F0 123456.789"
COMPARE = "compare --L 10 --mu 1 --sigma2 1 --delta 0.1 --F0 1 --eps 0.1"
COMMANDS = (
    COMPARE,
    f"{COMPARE} --beta2 0.05 --nu2 0.05",
    f"compare {LONG} --delta 0.00012345678 --eps 0.0123456",
    f"compare {LONG} --eps 0.0123456 --sweep delta=1e-4:1:4",
    f"bound tsla {LONG} --delta 0.1 --eta1 0.01 --T1 24 --eta2 0.0005 --T2 160000 --why",
    "bound lsr --L 10 --sigma2 1 --beta2 0.05 --nu2 0.05 --F0 1 --eta 0.01 --T 1000 --why",
    "bound lsr --L 10 --sigma2 1 --delta 0.1 --eta 0.01 --T 1000 --sweep F0=1:9:3",
    f"steps tsla {LONG} --delta 0.1 --eps 0.00123456",
    "steps lsr --L 10 --sigma2 1 --delta 0.1 --F0 1 --eps 0.1",
    f"invert {LONG} --eps 0.1",
    f"invert {LONG} --delta 0.1 --budget 123456789",
    f"invert {LONG} --sweep eps=0.1:1:3",
    "variance --s2 1.2345678e-5 --shat2 0.512345 --c -1.23456e-5 --grad2 0.3 --theta 0.2",
    "variance --s2 1 --shat2 0.5 --c -0.1 --grad2 0.3 --sweep theta=0.1:1:3",
    "anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.05 --eta 0.01",
    "anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.05 --sweep eta=0.001:0.1:3",
    "critical-batch --sigma2 1 --beta2 0.05 --nu2 0.05",
    "critical-batch --sigma2 1 --beta2 0.05 --nu2 0.05 --sweep theta=0.1:1:3",
    "simulate --problem stall --method sgd --eps 0.5",
    "power records/digits.parquet --a tsla --b sgd --column test_accuracy --effect 0.01",
    "envelope records/digits.parquet --batch-size 16 --eta 0.01 --T 1000 --L 10",
    "plan --pilot records/digits.parquet --method sgd --seed 0 --outcome test_loss",
    "train --method tsla --model mlp --train-size 60 --epochs 2 --drop 1 --watch --measure-at 0,2 --checkpoint {folder}/a.pt",
    "measure --checkpoint {folder}/a.pt --data digits --examples 60",
)


def printed(command: str, encoding: str, folder: Path) -> str:
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) as stream:
        assert ends(command.format(folder=folder).split()) == 0
    stream.seek(0)
    return stream.read()


def fits(said: str) -> None:
    assert [line for line in said.splitlines() if len(line) > WIDTH] == []


def test_results_fit_in_every_encoding(tmp_path: Path) -> None:
    for encoding in ENCODINGS:
        for command in COMMANDS:
            fits(printed(command, encoding, tmp_path))


def test_words_in_place_of_signs_are_wider(tmp_path: Path, rejects: Rejects) -> None:
    """What was laid out in signs does not fit once it is said in words."""
    in_signs = printed(COMPARE, "utf-8", tmp_path)
    rejects(fits, right=printed(COMPARE, "ascii", tmp_path), wrong=in_signs.encode("ascii", "plainly").decode())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_loses_no_word_where_it_is_wrapped(encoding: str, tmp_path: Path) -> None:
    said, in_signs = (printed(COMPARE, code, tmp_path) for code in (encoding, "utf-8"))
    assert sorted(said.split()) == sorted(in_signs.encode(encoding, "plainly").decode(encoding).split())
