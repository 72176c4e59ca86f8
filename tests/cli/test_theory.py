"""The command line's theory: the numbers are those of Python, to the last digit; options that contradict each other are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import pytest

from tests.cli import test_records_and_report as test_cli
from tests.cli.test_records_and_report import Bad, Run, as_json
from tsla import cli
from tsla.theory import annealing, complexity, inversion, lsr_pl, minibatch, smoothed_pl, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.commands import critical_batch
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS, bounds

run, refusal = test_cli.run, test_cli.refusal

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
BARE = Constants(L=10, sigma2=1, F0=1)
PL = Constants(L=10, mu=1, sigma2=1, F0=1)
ORACLE = SmoothingOracle(beta2=0.05, nu2=0.5, c=-0.25)
CONSTANTS = "--L 10 --sigma2 1 --F0 1"
SPLIT = "--beta2 0.05 --nu2 0.5 --c -0.25"
SINGLE = {"eta": 0.05, "T": 100}
STAGES = {"eta1": 0.1, "T1": 10, "eta2": 0.01, "T2": 1000}

# --- bounds: that each says what Python says is an obligation of all


def test_the_exact_worst_case_is_below_the_paper(run: Run) -> None:
    paper, exact = (as_json(run(f"bound sgd {CONSTANTS} --eta 0.05 --T 100 {extra} --json")) for extra in ("", "--exact"))
    assert (paper["claim"], exact["claim"]) == ("C4", "C16")
    assert paper["total"] / exact["total"] == pytest.approx(1.5, rel=1e-14)


# --- θ°(η), batches


@pytest.mark.parametrize(("options", "eta", "c"), [("--eta 0.1 --c -0.25", 0.1, -0.25), ("--eta 0.001", 0.001, 0.0)])
def test_anneal(options: str, eta: float, c: float, run: Run) -> None:
    expected = float(annealing.best_theta(1, beta2=0.05, nu2=0.5, c=c, L=10, eta=eta))
    assert as_json(run(f"anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.5 {options} --json")) == {"theta": expected}
    assert run(f"anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.5 {options}") == (
        f"theta°(eta) = {expected:.6g}   (C12; it goes to 0 with eta)\n"
    )


def test_critical_batch(run: Run) -> None:
    for options, size in (
        ("", minibatch.critical_batch_size(1, ORACLE)),
        ("--theta 0.5", minibatch.critical_batch_size(1, ORACLE, 0.5)),
        ("--L 10 --eta 0.02", minibatch.critical_batch_size_for_step(1, ORACLE, L=10, eta=0.02)),
        ("--L 10 --eta 0.02 --theta 0.5", minibatch.critical_batch_size_for_step(1, ORACLE, L=10, eta=0.02, theta=0.5)),
    ):
        assert as_json(run(f"critical-batch --sigma2 1 {SPLIT} {options} --json")) == {"critical_batch_size": float(size)}
        strength = 0.5 if "theta" in options else 1
        assert run(f"critical-batch --sigma2 1 {SPLIT} {options}") == critical_batch.as_table(float(size), strength) + "\n"


@pytest.mark.parametrize(("nu2", "word"), [("0.5", "lowers"), ("2", "raises")])
@pytest.mark.parametrize("step", ["", "--L 10 --eta 0.1"])
def test_without_bias_there_is_no_critical_batch(nu2: str, word: str, step: str, run: Run) -> None:
    found = as_json(run(f"critical-batch --sigma2 1 --beta2 0 --nu2 {nu2} {step} --json"))
    assert found == {"critical_batch_size": None, "why": f"beta2 = 0: smoothing {word} the variance at every batch size"}


# --- all methods


def test_compare_with_bias_and_noise_apart(run: Run) -> None:
    options = f"{CONSTANTS} --mu 1 --delta 0.6 --eps 0.1 {SPLIT}"
    known = Constants(L=10, mu=1, sigma2=1, delta=0.6, F0=1)
    comparison = complexity.compare(known, eps=0.1, oracle=ORACLE)
    found = as_json(run(f"compare {options} --json"))
    assert found == comparison.json()
    assert found["ahead"] == "smoothed-pl"
    assert found["methods"][0] == smoothed_pl.steps(known, ORACLE, eps=0.1).json()
    assert "smoothing that is never dropped is ahead of it" in found["why"]
    table = run(f"compare {options}")
    assert table == comparison.table(0.1) + "\n"
    assert table.splitlines()[1].split()[0] == "smoothed-pl"


def test_compare_lets_all_of_the_second_moment_be_used(run: Run) -> None:
    """β² + ν² = δσ² is what A3 allows, and the sum of 0.1 and 0.2 is not 0.3."""
    run(f"compare {CONSTANTS} --mu 1 --delta 0.3 --eps 0.1 --beta2 0.1 --nu2 0.2")


def test_invert(run: Run) -> None:
    options = f"{CONSTANTS} --mu 1"
    best = inversion.best_eps(K, budget=10_000)
    assert as_json(run(f"invert {options} --delta 0.1 --budget 10000 --json")) == {"budget": 10_000, "eps": best}
    assert run(f"invert {options} --delta 0.1 --budget 10000") == inversion.best_eps_table(best, 10_000) + "\n"
    largest = inversion.crossovers(K, eps=0.1)
    assert as_json(run(f"invert {options} --eps 0.1 --json")) == inversion.crossovers_json(largest, 0.1)
    assert run(f"invert {options} --eps 0.1") == inversion.crossovers_table(largest, 0.1) + "\n"


def test_invert_where_nothing_helps(run: Run) -> None:
    """ε² ≥ 4σ²: LSR reaches it at every δ, and is never ahead of C4, which asks for as many samples."""
    found = as_json(run(f"invert {CONSTANTS} --mu 1 --eps 2 --json"))["largest_delta"]
    assert (found["lsr reaches eps"], found["lsr before sgd"]) == ("always", "never")
    too_few = as_json(run(f"invert {CONSTANTS} --mu 1 --delta 0.1 --budget 7 --json"))["eps"]
    assert too_few["tsla"] is None
    assert too_few["sgd"] > 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (f"sgd-exact {CONSTANTS} --eps 0.1", worst_case.sgd_steps(K, eps=0.1)),
        (f"lsr-pl {CONSTANTS} --mu 1 --delta 0.1 --eps 0.5", lsr_pl.steps(K, eps=0.5)),
        (f"lsr-pl {CONSTANTS} --mu 1 --delta 0.1 --eps 0.1", lsr_pl.steps(K, eps=0.1)),
    ],
)
def test_steps(options: str, expected: Any, run: Run) -> None:
    eps = float(options.split()[-1])
    found = as_json(run(f"steps {options} --json"))
    assert found == expected.json()
    assert run(f"steps {options}") == expected.table(eps) + "\n"
    assert (found["total"] is None) == (options.startswith("lsr-pl") and eps == 0.1)
    assert ("why" in found) == (found["total"] is None)


# --- zeros, and numbers of any size

EVERY: dict[str, str] = {  # command -> its numbers
    **{  # as many blanks as tell the bounds of a method apart
        f"bound {name} {' ' * i}--why{f' --{form.switch[0]}' if form.switch else ''}": f"{form.needs} {form.run} {form.optional}"
        for name, forms in bounds().items()
        for i, form in enumerate(forms)
    },
    **{f"steps {name}": f"{method.needs} eps" for name, method in METHODS.items()},
    "compare": "L mu sigma2 delta F0 eps",
    "compare ": "L mu sigma2 delta F0 eps beta2 nu2 c",
    "invert": "L mu sigma2 F0 delta budget",
    "invert ": "L mu sigma2 F0 eps",
    "anneal": "L sigma2 beta2 nu2 eta c",
    "critical-batch": "sigma2 beta2 nu2 c theta",
    "critical-batch ": "sigma2 beta2 nu2 c L eta",
    "variance": "sigma2 delta theta",
    "variance ": "s2 shat2 c grad2 theta",
}
USUAL = {
    "L": 10,
    "mu": 1,
    "sigma2": 1,
    "delta": 0.1,
    "F0": 1,
    "eps": 0.1,
    "budget": 1000,
    "theta": 0.5,
    "s2": 1,
    "shat2": 0.1,
    "grad2": 0.3,
}
USUAL |= {"beta2": 0.05, "nu2": 0.05, "c": 0, "eta": 0.05, "T": 100, "eta1": 0.1, "T1": 10, "eta2": 0.01, "T2": 1000}
Answer = tuple[int, str, str]


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[[str, dict[str, Any]], Answer]:
    """The exit code, the output and the line of a refusal."""

    def call(command: str, changes: dict[str, Any]) -> Answer:
        values = USUAL | changes
        try:
            code = cli.main([*command.split(), *(f"--{name}={values[name]}" for name in EVERY[command].split()), "--json"])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return call


def is_number_or_line(found: Answer) -> None:
    code, out, err = found
    if code == 0:
        as_json(out)
        assert not re.search(r"\b(inf|nan)\b", out)
    else:
        assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "planted", [(0, '{"eta": -Infinity}\n', ""), (0, '{"why": "inf of its steps"}\n', ""), (2, "", "a\nb\n"), (1, "", "a\n")]
)
def test_planted_answers_are_rejected(planted: Answer) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        is_number_or_line(planted)


@pytest.mark.parametrize("command", EVERY)
def test_zero_of_either_sign_is_answered_or_refused(command: str, answer: Callable[[str, dict[str, Any]], Answer]) -> None:
    names = EVERY[command].split()
    for zeros in (*([name] for name in names), *map(list, combinations(names, 2))):
        plus, minus = (answer(command, dict.fromkeys(zeros, zero)) for zero in ("0", "-0.0"))
        is_number_or_line(plus)
        assert minus == plus


@pytest.mark.parametrize(
    ("command", "total"), [("steps sgd", 4000), ("steps sgd-exact", 2000), ("steps lsr", 4000), ("steps sgd-pl-last", 83)]
)
@pytest.mark.parametrize("zero", ["0", "-0.0"])
def test_without_noise_the_largest_step_is_taken(command: str, total: int, zero: str, answer: Callable[..., Answer]) -> None:
    """4LF0/ε², 2LF0/ε², 4LF0/ε², ⌈κ log(4LF0/ε²)⌉."""
    found = as_json(answer(command, {"sigma2": zero})[1])
    assert (found["total"], found["stages"][0]["eta"]) == (total, 0.1)


@pytest.mark.parametrize("command", EVERY)
def test_constants_of_any_size_are_answered_or_refused(command: str, answer: Callable[[str, dict[str, Any]], Answer]) -> None:
    for name, value in product(EVERY[command].split(), (1e-300, 1e-160, 1e160, 1e300)):
        found = answer(command, {name: value})
        is_number_or_line(found)
        assert not command.startswith("bound") or found[0] or as_json(found[1])["total"] > 0


@pytest.mark.parametrize(
    ("command", "term"),
    [
        ("bound tsla --L 10 --mu 1 --sigma2 0 --delta 0 --F0 1 --eta1 0.1 --T1 100000 --eta2 0.1 --T2 10", "optimisation"),
        ("bound sgd --L 1e-200 --sigma2 1e-200 --F0 1e-300 --eta 1 --T 1e100", "noise"),
        ("bound lsr --L 1 --sigma2 1e-200 --delta 1e-200 --F0 1e-300 --eta 1 --T 1e100", "smoothing"),
    ],
)
def test_a_term_that_vanishes_is_not_zero(command: str, term: str, run: Run) -> None:
    found = as_json(run(f"{command} --json"))
    assert found["terms"][term] > 0
    assert "<= 0 " not in run(command)
    assert re.search(rf"{term} +[1-9]", run(command))


# --- refusals

SGD = {"L": "10", "sigma2": "1", "F0": "1", "eta": "0.1", "T": "10"}
SPLIT_SGD = SGD | {"beta2": "0.05", "nu2": "0.05"}
TARGET = {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "delta": "0.1", "eps": "0.1"}
NO_TARGET = {name: value for name, value in TARGET.items() if name not in ("delta", "eps")}
ANNEAL = {"L": "10", "sigma2": "1", "beta2": "0.05", "nu2": "0.05", "eta": "0.1"}
BATCH = {"sigma2": "1", "beta2": "0.05", "nu2": "0.05"}
TOGETHER = "bias and noise go together: --beta2 --nu2 [--c]"
ONE_OR_THE_OTHER = "give --budget and --delta for the best eps of each method, or --eps alone for the largest delta that pays"

REFUSED = [
    Bad("bound sgd --exact", SGD | {"eta": "0.2"}, ("eta = 0.2 is not below 2/L = 0.2; C16 needs 0 < eta < 2/L",)),
    Bad("bound sgd", SGD | {"eta": "0.15"}, ("eta = 0.15 is larger than 1/L = 0.1; C4 needs 0 < eta <= 1/L",)),
    Bad("bound lsr --exact", SPLIT_SGD, ("unknown argument --exact",)),
    Bad("bound tsla --exact", SGD, ("unknown argument --exact",)),
    Bad("bound sgd", SPLIT_SGD, ("unknown argument --beta2",)),
    Bad("bound lsr", SGD | {"beta2": "0.05"}, ("got --beta2 without --nu2", TOGETHER)),
    Bad("bound lsr", SGD | {"nu2": "0.05"}, ("got --nu2 without --beta2", TOGETHER)),
    Bad("bound lsr", SGD | {"c": "0.05", "delta": "0.1"}, ("got --c without --beta2 and --nu2", TOGETHER)),
    Bad("bound lsr", SPLIT_SGD | {"delta": "0.1"}, ("delta = 0.1 goes without --beta2 and --nu2: delta*sigma2 is their sum",)),
    Bad("bound lsr", SGD | {"delta": "0.1", "mu": "1"}, ("mu = 1 has no use with --delta; it goes with --beta2 --nu2 (C12)",)),
    Bad("bound lsr", SGD, ("the following arguments are required: --delta (C5), or --beta2 --nu2 (C12)",)),
    Bad("bound lsr", SPLIT_SGD | {"eta": "0.2"}, ("eta = 0.2 is larger than 1/L = 0.1; C12 needs 0 < eta <= 1/L",)),
    Bad("bound lsr", SPLIT_SGD | {"mu": "20"}, ("mu = 20 is larger than L = 10; A4 with A1 needs 0 < mu <= L",)),
    Bad("bound lsr", SPLIT_SGD | {"nu2": "4", "c": "-2.5"}, ("c = -2.5 must lie within ±sqrt(sigma2*nu2) = ±2 (Cauchy-Schwarz)",)),
    Bad("bound lsr", SPLIT_SGD | {"beta2": "-1"}, ("beta2 = -1 must be a finite number at least 0",)),
    Bad("bound lsr", SPLIT_SGD | {"theta": "2"}, ("theta = 2 must be a finite number at least 0 and at most 1",)),
    Bad("bound lsr --why", SPLIT_SGD | {"T": "0"}, ("T = 0 must be a whole number, at least 1",)),
    Bad("anneal", ANNEAL | {"eta": "0.2"}, ("eta = 0.2 is larger than 1/L = 0.1; C12 needs 0 < eta <= 1/L",)),
    Bad("anneal", ANNEAL | {"c": "1"}, ("c = 1 must lie within ±sqrt(sigma2*nu2)", "Cauchy-Schwarz")),
    Bad("anneal", {name: value for name, value in ANNEAL.items() if name != "nu2"}, ("required: --nu2",)),
    Bad("anneal", ANNEAL | {"theta": "1"}, ("unknown argument --theta",)),
    Bad("critical-batch", BATCH | {"theta": "0"}, ("theta = 0 must be a finite number above 0 and at most 1",)),
    Bad("critical-batch", BATCH | {"theta": "0", "L": "10", "eta": "0.1"}, ("theta = 0 must be a finite number above 0",)),
    Bad("critical-batch", BATCH | {"L": "10", "eta": "0.2"}, ("eta = 0.2 is larger than 1/L = 0.1; C14 needs 0 < eta <= 1/L",)),
    Bad("critical-batch", BATCH | {"L": "10"}, ("L and eta go together",)),
    Bad("critical-batch", BATCH | {"eta": "0.1"}, ("L and eta go together",)),
    Bad("critical-batch", BATCH | {"sigma2": "-1"}, ("sigma2 = -1 must be a finite number at least 0",)),
    Bad("compare", TARGET | {"beta2": "0.05"}, ("got --beta2 without --nu2", TOGETHER)),
    Bad("compare", TARGET | {"c": "0"}, ("got --c without --beta2 and --nu2", TOGETHER)),
    Bad(
        "compare",
        TARGET | {"beta2": "0.05", "nu2": "0.06"},
        ("delta = 0.1 is below (beta2 + nu2)/sigma2; A3 needs beta2 + nu2 <= delta*sigma2",),
    ),
    Bad("invert", NO_TARGET, (ONE_OR_THE_OTHER,)),
    Bad("invert", NO_TARGET | {"budget": "100"}, (ONE_OR_THE_OTHER,)),
    Bad("invert", NO_TARGET | {"delta": "0.1"}, (ONE_OR_THE_OTHER,)),
    Bad("invert", NO_TARGET | {"delta": "0.1", "eps": "0.1"}, (ONE_OR_THE_OTHER,)),
    Bad("invert", NO_TARGET | {"budget": "100", "eps": "0.1"}, (ONE_OR_THE_OTHER,)),
    Bad("invert", NO_TARGET | {"delta": "0.1", "budget": "100", "eps": "0.1"}, (ONE_OR_THE_OTHER,)),
    Bad("invert", NO_TARGET | {"delta": "0.1", "budget": "1.5"}, ("budget = 1.5 must be a whole number, at least 1",)),
    Bad("invert", NO_TARGET | {"eps": "0"}, ("eps = 0 must be a finite number above 0",)),
    Bad("invert", {name: value for name, value in NO_TARGET.items() if name != "mu"} | {"eps": "0.1"}, ("required: --mu",)),
    Bad("invert", NO_TARGET | {"sigma2": "0", "eps": "0.1"}, ("sigma2 = 0 must be above 0 for C15b",)),
    Bad("steps lsr-pl", {name: value for name, value in TARGET.items() if name != "mu"}, ("required: --mu",)),
    Bad("steps lsr-pl", TARGET | {"delta": "0"}, ("delta*sigma2 = 0 must be above 0 for C15",)),
    Bad("steps sgd-exact", TARGET | {"eps": "0"}, ("eps = 0 must be a finite number above 0",)),
    Bad("steps sgd-exact", TARGET | {"beta2": "1"}, ("unknown argument --beta2",)),
    Bad("steps smoothed-pl", TARGET, ("METHOD", "'smoothed-pl'", "'lsr-pl'")),
]


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: " ".join(bad.argv)[-70:])
def test_combinations_that_make_no_sense(bad: Bad, refusal: Callable[[list[str]], str]) -> None:
    line = refusal(bad.argv)
    assert line.startswith(f"tsla {bad.command.split()[0]}")
    for words in bad.says:
        assert words in line
