"""`--sweep`: each line is what the command says at that value, in every form; and what makes no sense is refused."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Bad, Refusal, Refused, Run, as_json
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import WIDTH, Json

K = "--L 10 --mu 1 --sigma2 1 --F0 1"
Read = Callable[[Json], dict[str, Any]]


def stages(plan: Json) -> dict[str, Any]:
    several = len(plan["stages"]) > 1
    numbered = [(i if several else "", stage) for i, stage in enumerate(plan["stages"], 1)]
    return {"samples": plan["total"]} | {
        f"{name}{i}": stage[key] for i, stage in numbered for name, key in (("T", "steps"), ("eta", "eta"), ("theta", "theta"))
    }


SWEEPS: dict[str, tuple[str, Read]] = {  # command -> sweep, and the line that the command's answer at one value is
    "bound lsr --L 10 --sigma2 1 --F0 1 --eta 0.1 --T 1000": ("delta=1e-3:1:3", lambda one: {"total": one["total"]} | one["terms"]),
    "bound sgd --L 10 --sigma2 1 --F0 1 --eta 0.1": ("T=10:1e4:4", lambda one: {"total": one["total"]} | one["terms"]),
    "bound lsr --L 10 --sigma2 1 --F0 1 --eta 0.05 --T 9 --beta2 0.05 --nu2 0.5": ("c=-0.5:0.5:3", lambda one: one["terms"]),
    f"steps lsr {K} --eps 0.1": ("delta=1e-4:1:3", stages),
    f"steps tsla {K} --delta 0.1": ("eps=0.01:1:3", stages),
    f"compare {K} --eps 0.1 --beta2 5e-5 --nu2 5e-5": (
        "delta=1e-4:1:2",
        lambda one: {"ahead": one["ahead"]} | {plan["method"]: plan["total"] for plan in one["methods"]},
    ),
    f"invert {K} --delta 0.1": ("budget=10:1e4:2", lambda one: {name: found["eps"] for name, found in one["eps"].items()}),
    f"invert {K}": ("eps=0.1:2:2", lambda one: {pair: found["delta"] for pair, found in one["largest_delta"].items()}),
    "variance --s2 1 --shat2 0.5 --c -0.1 --grad2 0.3": ("theta=0:1:3", lambda one: one),
    "variance --sigma2 2": ("delta=0.1:2:3", lambda one: {name: value for name, value in one.items() if value is not None}),
    "anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.05": ("eta=1e-4:0.1:3", lambda one: one),
    "critical-batch --sigma2 1 --nu2 0.5": ("beta2=0:1:3:linear", lambda one: {"critical_batch_size": one["critical_batch_size"]}),
}


@pytest.mark.parametrize(("command", "sweep", "read"), [(command, *rest) for command, rest in SWEEPS.items()], ids=list(SWEEPS))
def test_a_line_is_what_the_command_says_at_that_value(command: str, sweep: str, read: Read, run: Run, rejects: Rejects) -> None:
    name, found = sweep.partition("=")[0], as_json(run(f"{command} --sweep {sweep} --json"))

    def are_those_of_single_values(lines: Callable[[], list[Json]]) -> None:
        for row in lines():
            one = read(as_json(run(f"{command} --{name}={row[name]!r} --json")))
            for key, value in one.items():
                assert row[key] == (pytest.approx(value, rel=1e-14) if isinstance(value, float) else value), key

    rows = found["rows"]
    assert (found["sweep"], len(rows)) == (name, int(sweep.split(":")[2]))
    rejects(are_those_of_single_values, right=lambda: rows, wrong=lambda: [{**rows[0], name: rows[-1][name]}])
    assert {key for row in rows for key, value in row.items() if value is None} - set(found["why"]) <= {"T", "eta", "theta"}

    listed = list(csv.DictReader(run(f"{command} --sweep {sweep} --csv").splitlines()))
    assert listed == [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]

    head, columns, *lines = run(f"{command} --sweep {sweep}").splitlines()
    assert max(map(len, (head, columns, *lines))) <= WIDTH
    assert columns.split()[0] == name or head.startswith("the largest delta")  # which takes two lines
    assert len(lines) >= len(rows)


def test_values_are_spaced_as_it_is_said(run: Run) -> None:
    for sweep, values in (
        ("theta=0:1:3", [0, 0.5, 1]),
        ("theta=0.01:1:3:log", [0.01, 0.1, 1]),
        ("delta=0.01:1:3", [0.01, 0.1, 1]),
        ("delta=0:1:3:linear", [0, 0.5, 1]),
    ):
        name = sweep.partition("=")[0]
        other = "--theta 0.5" if name == "delta" else "--delta 0.5"
        found = as_json(run(f"variance --sigma2 1 {other} --sweep {sweep} --json"))
        assert [row[name] for row in found["rows"]] == pytest.approx(values)
        assert found["scale"] == ("log" if sweep.endswith("log") or sweep == "delta=0.01:1:3" else "linear")


def test_whole_numbers_are_whole_and_there_once(run: Run) -> None:
    found = as_json(run("bound sgd --L 10 --sigma2 1 --F0 1 --eta 0.1 --sweep T=1:10:50 --json"))
    assert [row["T"] for row in found["rows"]] == list(range(1, 11))


def test_a_sweep_ends_at_the_largest_number(run: Run) -> None:
    largest = sys.float_info.max
    found = as_json(run(f"variance --sigma2 1e-300 --theta 0 --sweep delta=1:{largest!r}:3 --json"))
    assert [row["delta"] for row in found["rows"]] == [1, pytest.approx(largest**0.5), largest]


def tells_every_from_no_batch(rows: Callable[[], list[Json]]) -> None:
    """Without bias smoothing helps wherever N(θ) = (1-θ)² + 4θ² is below 1: at θ below 0.4 in every batch, and else in none."""
    assert {row["theta"]: row["critical_batch_size"] for row in rows()} == {0.1: None, 0.4: 0, 0.7: 0, 1: 0}


def test_no_batch_is_not_every_batch(run: Run, rejects: Rejects) -> None:
    command = "critical-batch --sigma2 1 --beta2 0 --nu2 4 --sweep theta=0.1:1:4"
    found = as_json(run(f"{command} --json"))
    one_null = [{**row, "critical_batch_size": None} for row in found["rows"]]
    rejects(tells_every_from_no_batch, right=lambda: found["rows"], wrong=lambda: one_null)
    assert found["why"] == {"critical_batch_size": "beta2 = 0 sets no limit, and smoothing helps in every batch"}
    assert [line.split()[-1] for line in run(command).splitlines()[2:6]] == ["every", "none", "none", "none"]


DRAWN = "bound lsr --L 10 --sigma2 1 --F0 1 --eta 0.1 --T 1000 --sweep delta=1e-4:1:5"


def test_a_sweep_is_drawn(run: Run, tmp_path: Path) -> None:
    for name, start in (("a.svg", b"<?xml"), ("b.png", b"\x89PNG")):
        assert run(f"{DRAWN} --plot {tmp_path / name}") == run(DRAWN)
        assert (tmp_path / name).read_bytes().startswith(start)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "b.png"]


@pytest.mark.parametrize("missing", ["matplotlib", ""])
def test_what_cannot_be_drawn_is_refused(missing: str, refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says = f"plot = {tmp_path / 'a.svg'}: that is a folder; must be a file"
    if missing:
        import_module("tsla.figures.swept")  # with the parts of matplotlib, which would be missing before the whole
        monkeypatch.delitem(sys.modules, "tsla.figures.swept", raising=False)
        monkeypatch.setitem(sys.modules, missing, None)
        says = "--plot needs matplotlib: pip install 'tsla[figures]'"
    else:
        (tmp_path / "a.svg").mkdir()
    before = list(tmp_path.iterdir())
    assert refusal([*DRAWN.split(), "--plot", str(tmp_path / "a.svg")]) == f"tsla bound lsr: {says}"
    assert list(tmp_path.iterdir()) == before


KNOWN = {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "eps": "0.1"}
REFUSED = [
    *(
        Bad("compare", KNOWN | {"sweep": given}, (f"argument --sweep: {given!r}", says))
        for given, says in (
            ("delta", "must be NAME=LOW:HIGH:COUNT[:log|:linear], such as delta=1e-4:1:50"),
            ("delta=1:2", "must be NAME=LOW:HIGH:COUNT"),
            ("delta=1:2:3:square", "must be NAME=LOW:HIGH:COUNT"),
            ("delta=0:1:3", "LOW must be above 0 on a log scale; add :linear for a linear one"),
            ("delta=2:1:3", "LOW must be below HIGH"),
            ("delta=1:inf:3", "and both finite"),
            ("c=-1.7e308:1.7e308:3", "HIGH - LOW must be a number that float64 can hold"),
            ("delta=1:2:1", "COUNT must be a whole number from 2 to 10,000"),
            ("delta=1:2:1e3", "COUNT must be a whole number"),
        )
    ),
    Bad("compare", KNOWN | {"sweep": "delta=x:2:3"}, ("argument --sweep: 'x' is not a number",)),
    Bad("compare", KNOWN | {"sweep": "delt=1:2:3"}, ("sweep = 'delt' is no number of this command; did you mean delta?",)),
    Bad("compare", KNOWN | {"sweep": "json=1:2:3"}, ("sweep = 'json' is no number of this command; must be one of L, mu, ",)),
    Bad("compare", KNOWN | {"sweep": "eps=1:2:3", "delta": "1"}, ("eps = 0.1 is swept too; must be given once, by --eps or by --sweep",)),
    Bad("compare", KNOWN | {"sweep": "beta2=0.1:1:3"}, ("required: --delta",)),
    Bad("compare --csv", KNOWN | {"delta": "1"}, ("--csv has no use without --sweep",)),
    Bad("compare --csv --json", KNOWN | {"sweep": "delta=1:2:3"}, ("--csv and --json exclude each other",)),
    Bad("compare", KNOWN | {"delta": "1", "plot": "a.svg"}, ("--plot has no use without --sweep",)),
    Bad("compare", KNOWN | {"sweep": "delta=1:2:3", "plot": "a.gif"}, ("'a.gif' must end in .svg, .png or .pdf",)),
    Bad("steps sgd", KNOWN | {"sweep": "T=1:2:3"}, ("'T' is no number of this command",)),
    Bad("bound sgd", {"L": "10", "sigma2": "1", "F0": "1", "T": "9", "sweep": "eta=0.01:1:3"}, ("eta = 1 is larger than 1/L = 0.1", "C4")),
    Bad("bound sgd --why", {"L": "10", "sigma2": "1", "F0": "1", "T": "9", "sweep": "eta=0.01:0.1:3"}, ("--why has no use with --sweep",)),
]


@pytest.mark.parametrize("bad", REFUSED, ids=str)
def test_sweeps_that_make_no_sense_are_refused(bad: Bad, refused: Refused) -> None:
    refused(bad)
