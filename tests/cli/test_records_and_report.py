"""The command line: what it prints, in which form, and that bad input is one line that says what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.figures.miniature import write_miniature_live, write_miniature_records
from tsla import cli
from tsla.empirics.experiments import live
from tsla.empirics.runs import records
from tsla.figures import paper_checks
from tsla.theory.methods import METHODS

EXAMPLE = "--L 10 --mu 1 --F0 1 --sigma2 1 --delta 0.1 --eps 0.1"
CONSOLE_SCRIPT = str(Path(sys.executable).with_name("tsla"))

Run = Callable[[str], str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that must succeed, and say nothing beside its output but how far it is; returns the output."""

    def call(command: str) -> str:
        assert cli.main(command.split()) == 0
        out, err = capsys.readouterr()
        assert [line for line in err.splitlines() if not line.startswith(f"{command.split()[0]}: ")] == []
        return out

    return call


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    """Run a command that must be refused as every command must; returns the line."""

    def call(argv: list[str]) -> str:
        with pytest.raises(SystemExit) as end:
            cli.main(argv)
        out, err = capsys.readouterr()
        assert end.value.code == 2
        assert out == ""
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        return err.strip()

    return call


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (end.value.code, capsys.readouterr().out) == (0, f"tsla {project['version']}\n")


def as_json(out: str) -> dict[str, object]:
    assert out.count("\n") == 1
    found = json.loads(out, parse_constant=pytest.fail)  # no NaN or Infinity, which are not JSON
    assert isinstance(found, dict)
    return found


# --- the example that is worked out by hand: 2δσ²/(1+δ) = 0.1818, 8e5 samples for SGD, 24 + 1.6e5 for TSLA, LSR never


@pytest.mark.parametrize(
    ("method", "total", "stages"),
    [
        ("sgd", 800_000, [{"eta": 0.0005, "theta": 0, "steps": 800_000}]),
        ("tsla", 160_024, [{"eta": 0.1, "theta": 1 / 1.1, "steps": 24}, {"eta": 0.0005, "theta": 0, "steps": 160_000}]),
    ],
)
def test_steps(method: str, total: int, stages: list[dict[str, float]], run: Run) -> None:
    found = as_json(run(f"steps {method} {EXAMPLE} --json"))
    assert set(found) == {"method", "claim", "reachable", "total", "stages", "assumes"}
    assert (found["method"], found["reachable"], found["total"]) == (method, True, total)
    assert found["stages"] == [pytest.approx(stage) for stage in stages]
    table = run(f"steps {method} {EXAMPLE}")
    assert table.startswith(f"{method}: {total:,} samples until E‖∇F‖² <= 0.01   ({found['claim']}; assumes A1 A2")
    assert ("Stage 2 dominates." in table) == (method == "tsla")


def test_steps_of_decaying_stages(run: Run) -> None:
    found = as_json(run(f"steps sgd-pl {EXAMPLE} --json"))
    assert found["total"] == sum(stage["steps"] for stage in found["stages"])
    assert [set(stage) for stage in found["stages"]] == [
        {"eta", "theta", "steps"},
        {"eta", "theta", "steps", "decay_steps"},
        {"eta", "theta", "steps"},
    ]
    assert "0.1/(1 + t/20)" in run(f"steps sgd-pl {EXAMPLE}")


def test_steps_that_never_get_there(run: Run) -> None:
    found = as_json(run(f"steps lsr {EXAMPLE} --json"))
    assert set(found) == {"method", "claim", "reachable", "total", "stages", "assumes", "why", "floor"}
    assert (found["reachable"], found["total"], found["stages"]) == (False, None, [])
    assert found["floor"] == pytest.approx(0.2 / 1.1)
    table = run(f"steps lsr {EXAMPLE}")
    assert "lsr can't reach E‖∇F‖² <= 0.01" in table
    assert "Its floor is 0.1818." in table


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_steps(method: str, run: Run) -> None:
    assert as_json(run(f"steps {method} {EXAMPLE} --json"))["method"] == method


def test_compare(run: Run) -> None:
    found = as_json(run(f"compare {EXAMPLE} --json"))
    assert set(found) == {"ahead", "why", "methods", "crossovers"}
    totals = {plan["method"]: plan["total"] for plan in found["methods"]}
    assert set(totals) == set(METHODS)
    assert totals["lsr"] is None
    reached = [total for total in totals.values() if total is not None]
    assert reached == sorted(reached)
    assert found["ahead"] == min((name for name in totals if totals[name]), key=totals.get) == "sgd-pl"
    table = run(f"compare {EXAMPLE}")
    first, *rows = table.splitlines()
    assert first.split()[0] == "samples"
    assert [row.split()[0] for row in rows[: len(totals)]] == list(totals)
    assert "never: floor 0.1818" in table
    assert "24 + 160,000" in table
    assert rows[len(totals)].strip() == found["why"]


def test_compare_with_bias_and_noise_apart(run: Run) -> None:
    plain, split = (as_json(run(f"compare {EXAMPLE} {extra} --json")) for extra in ("", "--beta2 0.05 --nu2 0.05"))
    (more,) = [plan for plan in split["methods"] if plan not in plain["methods"]]
    assert more["claim"] == "C12"
    assert [plan for plan in split["methods"] if plan != more] == plain["methods"]


BOUNDS = {
    "sgd": ("--L 10 --F0 1 --sigma2 1 --eta 0.05 --T 100", "C4", {"optimisation": 0.4, "noise": 0.5}, "noise"),
    "lsr": ("--L 10 --F0 1 --sigma2 1 --delta 0.1 --eta 0.1 --T 100", "C5", {"optimisation": 0.2, "smoothing": 0.2 / 1.1}, "optimisation"),
    "tsla": (
        "--L 10 --mu 1 --F0 1 --sigma2 1 --delta 0.1 --eta1 0.1 --T1 10 --eta2 0.01 --T2 1000",
        "C8",
        {"optimisation": 0.2 * 0.9**10, "smoothing": 0.2 * 0.1 / 1.1, "noise": 0.1},
        "noise",
    ),
}


@pytest.mark.parametrize("method", BOUNDS)
def test_bound(method: str, run: Run) -> None:
    options, claim, terms, dominant = BOUNDS[method]
    found = as_json(run(f"bound {method} {options} --json"))
    assert set(found) == {"method", "claim", "quantity", "total", "terms", "assumes"}
    assert (found["method"], found["claim"], found["quantity"]) == (method, claim, "E‖∇F(w_R)‖²")
    assert found["terms"] == pytest.approx(terms)
    assert sum(found["terms"].values()) == pytest.approx(found["total"], rel=1e-12)
    table = run(f"bound {method} {options}")
    assert table.splitlines()[-1] == f"  The {dominant} term dominates."
    assert [row.split()[0] for row in table.splitlines()[1:-1]] == sorted(terms, key=terms.get, reverse=True)
    assert table.count("lowered by") == len(terms)


def test_bound_at_another_strength(run: Run) -> None:
    options = BOUNDS["lsr"][0]
    assert as_json(run(f"bound lsr {options} --theta 0.5 --json"))["terms"]["smoothing"] == pytest.approx(0.5 + 0.05)


def test_exact_worst_case(run: Run) -> None:
    found = as_json(run("bound sgd --L 10 --F0 1 --sigma2 1 --eta 0.15 --T 100 --exact --json"))
    assert found["claim"] == "C16"
    assert found["terms"] == pytest.approx({"optimisation": 2 / 15 / 0.5, "noise": 1.5 / 0.5})


@pytest.mark.parametrize(
    ("options", "quantity", "terms"),
    [
        ("", "E‖∇F(w_R)‖²", {"optimisation": 0.4, "bias": 0.0125, "noise": 0.5 * 0.2625}),
        ("--mu 1", "E[F(w_T) - F*]", {"optimisation": 0.95**100, "bias": 0.00625, "noise": 0.25 * 0.2625}),
    ],
)
def test_bound_with_bias_and_noise_apart(options: str, quantity: str, terms: dict[str, float], run: Run) -> None:
    found = as_json(run(f"bound lsr --L 10 --F0 1 --sigma2 1 --eta 0.05 --T 100 --beta2 0.05 --nu2 0.05 --theta 0.5 {options} --json"))
    assert (found["claim"], found["quantity"]) == ("C12", quantity)
    assert found["terms"] == pytest.approx(terms)


@pytest.mark.parametrize("method", BOUNDS)
def test_why_is_a_derivation_that_ends_in_the_terms(method: str, run: Run) -> None:
    options = BOUNDS[method][0]
    plain, found = (as_json(run(f"bound {method} {options} {extra} --json")) for extra in ("", "--why"))
    lines = found.pop("derivation")
    assert found == plain
    assert len(lines) > 2
    table = run(f"bound {method} {options} --why").splitlines()
    assert table[-len(lines) :] == [f"  {i}. {line}" for i, line in enumerate(lines, 1)]
    assert table[: -len(lines)] == run(f"bound {method} {options}").splitlines()


VARIANCE = {"lemma", "exact", "theta", "theta_star", "minimum", "shrinkage"}


def test_variance_of_bounds(run: Run) -> None:
    found = as_json(run("variance --sigma2 1 --delta 0.1 --json"))
    assert found == pytest.approx(
        {"lemma": 0.2 / 1.1, "theta": 1 / 1.1, "exact": None, "theta_star": None, "minimum": None, "shrinkage": None}
    )
    table = run("variance --sigma2 1 --delta 0.1")
    assert "The lemma promises a lower variance" in table
    assert "its own best theta is 1 (C10)" in table
    assert "The lemma promises nothing" in run("variance --sigma2 1 --delta 1.5")


def test_variance_of_moments(run: Run) -> None:
    found = as_json(run("variance --s2 1 --shat2 0.2 --c 0.1 --grad2 0.4 --theta 0.5 --json"))
    assert set(found) == VARIANCE
    assert found == pytest.approx(
        {"lemma": 0.6, "exact": 0.25 + 0.05 + 0.05, "theta": 0.5, "theta_star": 0.9, "minimum": 0.19, "shrinkage": 0.25 + 0.1}
    )
    assert as_json(run("variance --s2 1 --shat2 0.2 --c 0.1 --json"))["shrinkage"] is None


@pytest.mark.parametrize(("grad2", "verdict"), [("0.1", "no more than the smaller step"), ("0.9", "more than the smaller step")])
def test_variance_says_whether_it_is_more_than_a_smaller_step(grad2: str, verdict: str, run: Run) -> None:
    assert f"Smoothing does {verdict} (C17)." in run(f"variance --s2 1 --shat2 0.2 --c 0.1 --grad2 {grad2} --theta 0.5")


def test_negative_numbers_with_exponents_are_values(run: Run) -> None:
    given = as_json(run("variance --s2 1 --shat2 1 --c -1e-3 --theta 0.5 --json"))
    assert given == as_json(run("variance --s2=1 --shat2=1 --c=-0.001 --theta=0.5 --json"))
    assert given["exact"] == pytest.approx(0.5 - 0.0005)


def test_no_variance_at_all(run: Run) -> None:
    assert as_json(run("variance --s2 0 --shat2 1 --c 0 --theta 0.5 --json"))["exact"] == 0.25
    assert "There is no variance to lower" in run("variance --s2 0 --shat2 1 --c 0 --theta 0.5")


# --- the bounds read backwards


def test_invert_a_budget(run: Run) -> None:
    found = as_json(run("invert --L 10 --mu 1 --F0 1 --sigma2 1 --delta 0.1 --budget 800000 --json"))
    assert set(found) == {"budget", "eps"}
    assert found["eps"]["sgd"] == pytest.approx(0.1, rel=1e-6)  # what 800,000 samples are the price of, see above
    assert found["eps"]["tsla"] < 0.1 < found["eps"]["lsr"]
    table = run("invert --L 10 --mu 1 --F0 1 --sigma2 1 --delta 0.1 --budget 800000").splitlines()
    assert table[0] == "what 800,000 samples reach, by the bounds"
    assert [row.split()[0] for row in table[2:]] == sorted(found["eps"], key=found["eps"].get)


def test_invert_a_target(run: Run) -> None:
    found = as_json(run("invert --L 10 --mu 1 --F0 1 --sigma2 1 --eps 0.1 --json"))
    assert set(found) == {"eps", "largest_delta"}
    assert found["largest_delta"]["lsr reaches eps"] == pytest.approx(0.01 / 1.99)  # where 2δ/(1+δ) is ε²
    largest = found["largest_delta"]["tsla before sgd"]
    for delta, ahead in ((0.999 * largest, True), (1.001 * largest, False)):
        example = f"--L 10 --mu 1 --F0 1 --sigma2 1 --delta {delta} --eps 0.1 --json"
        assert (as_json(run(f"steps tsla {example}"))["total"] < 800_000) == ahead
    assert "ahead of sgd-two-step" in run("invert --L 10 --mu 1 --F0 1 --sigma2 1 --eps 0.1")


def test_anneal(run: Run) -> None:
    options = "--L 10 --sigma2 1 --beta2 0.05 --nu2 0.05 --eta 0.01"
    assert as_json(run(f"anneal {options} --json")) == pytest.approx({"theta": 0.1 / (0.05 + 0.1 * 1.05)})
    assert "0.645161" in run(f"anneal {options}")


@pytest.mark.parametrize(
    ("options", "size", "says"),
    [
        ("--beta2 0.05 --nu2 0.05", 0.95 / 0.05, "helps for batches below 19 "),
        ("--beta2 0.05 --nu2 0.05 --theta 0.5", 0.7375 / 0.0125, "helps for batches below 59 "),
        ("--beta2 0.05 --nu2 0.05 --theta 0.5 --L 10 --eta 0.01", 0.1 * 0.7375 / 0.0125, "helps for batches below 5.9 "),
        ("--beta2 0 --nu2 0.05", None, "every batch size"),
        ("--beta2 0.1 --nu2 2", -10, "at no batch size"),
    ],
)
def test_critical_batch(options: str, size: float | None, says: str, run: Run) -> None:
    assert as_json(run(f"critical-batch --sigma2 1 {options} --json"))["critical_batch_size"] == pytest.approx(size)
    assert says in run(f"critical-batch --sigma2 1 {options}")


# --- refusals

SGD = {"L": "10", "sigma2": "1", "F0": "1", "eta": "0.1", "T": "10"}
LSR = SGD | {"delta": "0.1"}
TSLA = {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "delta": "0.1", "eta1": "0.1", "T1": "10", "eta2": "0.1", "T2": "10"}
TARGET = {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "delta": "0.1", "eps": "0.1"}
MOMENTS = {"s2": "1", "shat2": "1", "c": "0.5"}
SPLIT = {"sigma2": "1", "beta2": "0.05", "nu2": "0.05"}


@dataclass(frozen=True)
class Bad:
    """A command with its options, and what the refusal must say: the argument, its value, what is allowed."""

    command: str
    options: dict[str, str]
    says: tuple[str, ...]

    @property
    def argv(self) -> list[str]:
        return [*self.command.split(), *(word for name, value in self.options.items() for word in (f"--{name}", value))]


OUT_OF_RANGE = [
    Bad("bound sgd", SGD | {"eta": "0.2"}, ("eta = 0.2", "larger than 1/L = 0.1", "0 < eta <= 1/L")),
    Bad("bound lsr", LSR | {"eta": "0.2"}, ("eta = 0.2", "larger than 1/L = 0.1")),
    Bad("bound tsla", TSLA | {"eta1": "0.2"}, ("eta1 = 0.2", "larger than 1/L = 0.1")),
    Bad("bound tsla", TSLA | {"eta2": "0.2"}, ("eta2 = 0.2", "larger than 1/L = 0.1")),
    Bad("bound sgd", SGD | {"eta": "0"}, ("eta = 0 ", "above 0")),
    Bad("bound sgd", SGD | {"eta": "-1e-3"}, ("eta = -0.001", "above 0")),
    Bad("bound tsla", TSLA | {"mu": "20"}, ("mu = 20", "larger than L = 10", "0 < mu <= L")),
    Bad("bound sgd", SGD | {"sigma2": "-1"}, ("sigma2 = -1 ", "at least 0")),
    Bad("bound sgd", SGD | {"sigma2": "-1e-3"}, ("sigma2 = -0.001", "at least 0")),
    Bad("bound sgd", SGD | {"L": "0"}, ("L = 0 ", "above 0")),
    Bad("bound sgd", SGD | {"F0": "-2"}, ("F0 = -2", "above 0")),
    Bad("bound lsr", LSR | {"delta": "-0.1"}, ("delta = -0.1", "at least 0")),
    Bad("bound lsr", LSR | {"theta": "1.5"}, ("theta = 1.5", "at least 0 and at most 1")),
    Bad("bound lsr", LSR | {"theta": "-0.5"}, ("theta = -0.5", "at least 0 and at most 1")),
    *(
        Bad("bound sgd", SGD | {name: value}, (f"{name} = {value} ", "whole" if name == "T" else "finite"))
        for name in SGD
        for value in ("nan", "inf", "-inf")
    ),
    Bad("bound sgd", SGD | {"T": "2.5"}, ("T = 2.5", "whole number, at least 1")),
    Bad("bound sgd", SGD | {"T": "0"}, ("T = 0 ", "at least 1")),
    Bad("bound sgd", SGD | {"T": "-3"}, ("T = -3", "at least 1")),
    Bad("bound tsla", TSLA | {"T1": "2.5"}, ("T1 = 2.5", "whole number, at least 0")),
    Bad("steps sgd", {"L": "10", "sigma2": "1", "F0": "1", "eps": "0"}, ("eps = 0 ", "above 0")),
    Bad("steps sgd", {"L": "10", "sigma2": "1", "F0": "1", "eps": "-0.1"}, ("eps = -0.1", "above 0")),
    Bad("steps sgd", {"L": "10", "mu": "20", "sigma2": "1", "F0": "1", "eps": "0.1"}, ("mu = 20", "larger than L = 10")),
    Bad("steps lsr", {"L": "10", "sigma2": "1", "F0": "1", "delta": "0.1", "eps": "inf"}, ("eps = inf", "finite")),
    Bad("invert", {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "delta": "0.1", "budget": "0"}, ("budget = 0 ", "at least 1")),
    Bad("anneal", SPLIT | {"L": "10", "eta": "0.2"}, ("eta = 0.2", "larger than 1/L = 0.1")),
    Bad("critical-batch", SPLIT | {"theta": "0"}, ("theta = 0 ", "above 0 and at most 1")),
    Bad("critical-batch", SPLIT | {"c": "2"}, ("c = 2 ", "±sqrt(sigma2*nu2)", "Cauchy-Schwarz")),
    Bad("compare", TARGET | {"beta2": "0.5", "nu2": "0.1"}, ("delta = 0.1", "beta2 + nu2 <= delta*sigma2")),
    Bad("bound lsr", SGD | SPLIT | {"delta": "2"}, ("delta = 2 ", "without --beta2 and --nu2")),
    Bad("bound lsr", LSR | {"mu": "1"}, ("mu = 1 ", "--beta2 --nu2")),
    Bad("variance", MOMENTS | {"c": "2"}, ("c = 2 ", "±sqrt(s2*shat2) = ±1", "Cauchy-Schwarz")),
    Bad("variance", MOMENTS | {"c": "-2"}, ("c = -2 ", "±1", "Cauchy-Schwarz")),
    Bad("variance", MOMENTS | {"s2": "-1"}, ("s2 = -1 ", "at least 0")),
    Bad("variance", MOMENTS | {"grad2": "-1"}, ("grad2 = -1 ", "at least 0")),
    Bad("variance", {"sigma2": "1", "delta": "0.1", "theta": "2"}, ("theta = 2 ", "at most 1")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "-1"}, ("eps = -1 ", "above 0")),
    Bad("simulate", {"problem": "stall", "method": "tsla", "eps": "0.5", "delta": "-1"}, ("delta = -1 ", "at least 0")),
    Bad("simulate", {"problem": "stall", "method": "lsr", "eps": "0.1"}, ("eps = 0.1", "out of reach for lsr", "floor is 0.18")),
    Bad("simulate", {"problem": "cosine", "method": "tsla", "eps": "0.5"}, ("mu is missing", "C8 needs it")),
    Bad("train", {"method": "sgd", "theta": "1.5"}, ("theta = 1.5", "[0, 1]")),
    Bad("train", {"method": "sgd", "eta": "-1"}, ("eta = -1", "above 0")),
    Bad("train", {"method": "sgd", "label-noise": "2"}, ("label-noise = 2", "[0, 1]")),
    Bad("train", {"method": "sgd", "seed": "-1"}, ("seed = -1", "at least 0")),
    Bad("train", {"method": "tsla", "drop": "30"}, ("drop = 30", "0 ... epochs = 20")),
    Bad("train", {"method": "sgd", "drop": "5"}, ("drop = 5 has no use with --method sgd", "tsla or shrink-tsla")),
    Bad("train", {"method": "adam"}, ("method = 'adam'", "sgd, lsr, tsla, annealed, adaptive, shrink, shrink-tsla")),
]

MALFORMED = [
    Bad("bound sgd", SGD | {"eta": "fast"}, ("--eta", "'fast'", "not a number")),
    Bad("bound sgd", SGD | {"eta": "0,1"}, ("--eta", "'0,1'", "not a number")),
    Bad("bound sgd", SGD | {"eta": ""}, ("--eta", "''", "not a number")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "0.5", "seeds": "2.5"}, ("--seeds", "'2.5'", "not a whole number")),
    Bad("bound sgd", SGD | {"momentum": "0.9"}, ("--momentum", "allowed: --F0 --L --T --eta ", " --sigma2")),
    Bad("bound lsr", LSR | {"the": "0.5"}, ("--the;", "allowed:", "--theta")),  # no abbreviations
    Bad("bound sgd", SGD | {"eta": "0.1", "extra": "-1"}, ("--extra", "allowed:")),
    Bad("bound sgd", {name: value for name, value in SGD.items() if name != "T"}, ("--T", "required")),
    Bad("bound lsr", SGD, ("--delta (C5)", "--beta2 --nu2 (C12)", "required")),
    Bad("bound lsr", SGD | {"beta2": "1"}, ("--beta2 without --nu2", "--beta2 --nu2 [--c]")),
    Bad("critical-batch", SPLIT | {"L": "10"}, ("L and eta go together",)),
    Bad("invert", {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "budget": "10"}, ("--budget and --delta", "--eps alone")),
    Bad("bound sgd-pl", SGD, ("METHOD", "'sgd-pl'", "'sgd', 'lsr', 'tsla'")),
    Bad("steps adam", SGD, ("METHOD", "'adam'", "sgd-two-step")),
    Bad("simulate", {"problem": "stall", "method": "adam", "eps": "0.5"}, ("--method", "'adam'", "sgd-two-step")),
    Bad("bound sgd", {"L": "10", "sig": "1", "F0": "1", "eta": "0.1", "T": "10"}, ("--sig;", "allowed:", "--sigma2")),
    Bad("bound sgd", SGD | {"sigma2": "-x"}, ("--sigma2", "'-x' is not a number")),
    Bad("simulate", {"problem": "nowhere", "method": "sgd", "eps": "0.5"}, ("problem = 'nowhere'", "cosine", "stall")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "0.5", "seed": "-1"}, ("seed = -1 ", "at least 0")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "0.5", "seeds": "1"}, ("seeds = 1 ", "at least 2")),
    Bad("train", {"method": "sgd", "seed": "²"}, ("--seed", "'²' is not a whole number")),
    Bad("variance", {}, ("nothing", "--sigma2 --delta", "--s2 --shat2 --c")),
    Bad("variance", MOMENTS | {"sigma2": "1", "delta": "0.1"}, ("--c --delta --s2 --shat2 --sigma2", "give --sigma2 --delta, or")),
    Bad("variance", {"sigma2": "1"}, ("--sigma2", "give --sigma2 --delta, or")),
    Bad("variance", {"s2": "1", "shat2": "1"}, ("--s2 --shat2", "give --sigma2 --delta, or")),
    Bad("optimise", {}, ("COMMAND", "'optimise'", "bound", "report")),
    Bad("bond", {}, ("COMMAND", "'bond'", "choose from", "compare")),
    Bad("--bond", {}, ("unknown argument --bond", "allowed: --help --version")),
    Bad("bound", {}, ("METHOD", "required")),
    Bad("bound sgd extra", SGD, ("extra", "allowed:")),
    Bad("records rate", {}, ("'rate'", "digits, regimes, rates, stall, measured_rates, annealed, power_of_tests")),
    Bad("power nowhere.parquet", {}, ("record = nowhere.parquet", "no such file")),
    Bad("simulate", {"problem": "stall", "method": "sgd"}, ("eps = None and T = None", "exactly one")),
    Bad("check C99", {}, ("'C99'", "C1, C2")),
]


@pytest.mark.parametrize("bad", [*OUT_OF_RANGE, *MALFORMED], ids=lambda bad: " ".join(bad.argv)[-60:])
def test_bad_input_is_refused_in_one_line_that_says_what_is_wrong(bad: Bad, refusal: Callable[[list[str]], str]) -> None:
    line = refusal(bad.argv)
    assert line.startswith("tsla")
    for words in bad.says:
        assert words in line


# --- the console script


def script(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [CONSOLE_SCRIPT, *argv]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)  # noqa: S603 - our own script and arguments


def test_the_script_prints_what_main_does(run: Run) -> None:
    done = script("steps", "tsla", *EXAMPLE.split(), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(f"steps tsla {EXAMPLE} --json")


def test_the_script_refuses_in_one_line() -> None:
    done = script("bound", "sgd", *Bad("", SGD | {"eta": "0.2"}, ()).argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tsla bound sgd: eta = 0.2 is larger than 1/L = 0.1; C4 needs 0 < eta <= 1/L\n"


@pytest.mark.parametrize("command", ["check", "check C5", "report", "records", "records stall", "figures"])
def test_a_command_outside_a_checkout_says_so_before_it_does_anything(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Callable[[list[str]], str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert re.search("is not here; .*: call it in a checkout of the repository$", refusal(command.split()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["", "bound", "bound lsr", "steps tsla", "simulate", "train", "check"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*command.split(), "--help"])
    out, err = capsys.readouterr()
    assert (end.value.code, err) == (0, "")
    assert out.startswith(f"usage: tsla {command}".rstrip())
    if command == "":
        assert all(
            name in out for name in ("bound", "steps", "compare", "variance", "simulate", "train", "records", "figures", "check", "report")
        )


def test_alone_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    alone = capsys.readouterr()
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert alone == capsys.readouterr()


# --- runs


def test_simulate(run: Run) -> None:
    found = as_json(run("simulate --problem stall --method tsla --eps 0.5 --seeds 20 --seed 3 --json"))
    numbers = {"eps", "samples", "bound", "measured", "low", "high", "replicas", "seed"}
    assert set(found) == {"problem", "method", "claim", "assumptions", "violations"} | numbers
    assert (found["samples"], found["bound"], found["replicas"], found["seed"]) == (28, 0.25, 20, 3)
    assert found["low"] < found["measured"] < found["high"]
    table = run("simulate --problem stall --method tsla --eps 0.5 --seeds 20 --seed 3")
    assert [line.split(maxsplit=1) for line in table.splitlines()] == [[name, str(value)] for name, value in found.items()]


def test_simulate_writes_its_checkpoints_and_what_holds_of_the_assumptions_there(run: Run, tmp_path: Path) -> None:
    run(f"simulate --problem sine_valley --method sgd --T 500 --seeds 20 --out {tmp_path / 'run.parquet'}")
    record = records.read(tmp_path / "run.parquet")
    assert record.config["T"] == 500
    assert {"step", "grad2", "gap", "mean_grad2", "L_power", "delta", "pl_ratio"} <= set(record.table)
    assert (record.table["step"].iloc[0], record.table["L_power"].max() <= 8 * (1 + 1e-6)) == (0, True)


def test_power(run: Run, tmp_path: Path) -> None:
    rows = [{"method": m, "seed": s, "loss": s + (m == "b") * (0.5 + 0.1 * (-1) ** s)} for m in "ab" for s in range(6)]
    records.write(tmp_path / "pilot.parquet", pd.DataFrame(rows), {}, "")
    found = as_json(run(f"power {tmp_path / 'pilot.parquet'} --a b --b a --column loss --json"))
    assert found["level"] == 0.05
    assert "seeds" in str(found)


def test_figures_and_a_foreign_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Callable[[list[str]], str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").mkdir()
    assert "study_tuning.parquet does not exist; `tsla records study_tuning` makes it" in refusal(["figures"])
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "records" / "study_tuning.parquet")
    assert "study_tuning.parquet is not a record of tsla" in refusal(["figures"])


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path, refusal: Callable[[list[str]], str]) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal(["figures", "--out", str(tmp_path / "file" / "figures")])


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes the current folder one with records and evidence, in which what the report runs is stood in for."""

    def make(*, passed: bool, current: bool) -> Path:
        monkeypatch.chdir(tmp_path)
        write_miniature_records(tmp_path / "records")
        paper_checks.write([{"id": "C5", "kind": "property", "planted": False, "test": "t", "passed": passed}])
        monkeypatch.setattr(live, "run", write_miniature_live)
        monkeypatch.setattr(live, "check", lambda *_: current)
        return tmp_path / "build" / "report" / "index.html"

    return make


@pytest.mark.parametrize(("passed", "current"), [(True, True), (False, True), (True, False)])
def test_the_report_is_written_whatever_it_says(
    passed: bool, current: bool, checkout: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A test that failed and a record that is not current end in exit code 1."""
    page = checkout(passed=passed, current=current)
    assert cli.main(["report"]) == 1 - (passed and current)
    assert capsys.readouterr().out == "build/report/index.html\n"
    verdict = "supported" if passed else "**failing**"
    assert f"<td>{verdict}</td>" in page.read_text(encoding="utf-8")


def test_the_report_says_where_paper_checks_is_not_what_the_evidence_says(
    checkout: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout(passed=True, current=True)
    wanted = paper_checks.PAPER_CHECKS.read_text(encoding="utf-8")
    paper_checks.PAPER_CHECKS.write_text(wanted.replace("supported", "refuted"), encoding="utf-8")
    assert cli.main(["report"]) == 1
    assert "paper_checks.md did not say what records/evidence.json says; written anew" in capsys.readouterr().out
    assert paper_checks.PAPER_CHECKS.read_text(encoding="utf-8") == wanted


def test_the_report_asks_for_the_evidence_before_it_runs_anything(
    checkout: Callable[..., Path], refusal: Callable[[list[str]], str]
) -> None:
    page = checkout(passed=True, current=True)
    paper_checks.EVIDENCE.unlink()
    assert "records/evidence.json does not exist; `tsla check` makes it" in refusal(["report"])
    assert not page.parent.exists()
