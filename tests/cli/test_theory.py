"""The calculators of the command line: their numbers are those of Python, to the last digit, and what makes no sense is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import pytest

from tests.cli.support import Bad, Refused, Run, as_json, ends
from tests.theory.obligations.common import NUMBERS
from tsla.theory import complexity, inversion
from tsla.theory.biased import SmoothingOracle
from tsla.theory.commands import critical_batch
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS, bounds
from tsla.theory.text import Json
from tsla.theory.variance import from_bounds, from_moments

K, WIDE = (Constants(L=10, mu=1, sigma2=1, delta=delta, F0=1) for delta in (0.1, 0.6))
ORACLE = SmoothingOracle(beta2=0.05, nu2=0.5, c=-0.25)
CONSTANTS = "--L 10 --sigma2 1 --F0 1"
EXAMPLE = f"{CONSTANTS} --mu 1 --delta 0.1 --eps 0.1"
SPLIT = "--beta2 0.05 --nu2 0.5 --c -0.25"
NOISE = "--sigma2 1 --beta2 0.05 --nu2 0.05"
Answer = tuple[Json, str]

# --- the calculators but for bounds and plans, which obligations of all methods compare: what Python finds, as JSON and as a table


def said(found: Any, *about: Any) -> Answer:
    return found.json(), found.table(*about)


def inverted(what: str, **given: float) -> Answer:
    found, *about = getattr(inversion, what)(K, **given), *given.values()
    return getattr(inversion, f"{what}_json")(found, *about), getattr(inversion, f"{what}_table")(found, *about)


def annealed(c: float, eta: float, *, beta2: float = 0.05, why: str = "it goes to 0 with eta") -> Answer:
    theta = float(SmoothingOracle(beta2=beta2, nu2=0.5, c=c).moments(1).theta_for_step(10 * eta))
    return {"theta": theta}, f"theta°(eta) = {theta:.6g}   (C12; {why})"


def batch(size: Any, theta: float = 1) -> Answer:
    return critical_batch.as_json(float(size)), critical_batch.as_table(float(size), theta)


ANSWERS: dict[str, Answer] = {
    f"compare {EXAMPLE}": said(complexity.compare(K, eps=0.1), 0.1),
    f"compare {CONSTANTS} --mu 1 --delta 0.6 --eps 0.1 {SPLIT}": said(complexity.compare(WIDE, eps=0.1, oracle=ORACLE), 0.1),
    f"invert {CONSTANTS} --mu 1 --delta 0.1 --budget 10000": inverted("best_eps", budget=10_000),
    f"invert {CONSTANTS} --mu 1 --delta 0.1 --budget 7": inverted("best_eps", budget=7),
    f"invert {CONSTANTS} --mu 1 --eps 0.1": inverted("crossovers", eps=0.1),
    f"invert {CONSTANTS} --mu 1 --eps 2": inverted("crossovers", eps=2),
    "anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.5 --eta 0.1 --c -0.25": annealed(-0.25, 0.1),
    "anneal --L 10 --sigma2 1 --beta2 0.05 --nu2 0.5 --eta 0.001": annealed(0, 0.001),
    "anneal --L 10 --sigma2 1 --beta2 0 --nu2 0.5 --eta 0.1": annealed(0, 0.1, beta2=0, why="without bias it is the same at every eta"),
    f"critical-batch --sigma2 1 {SPLIT}": batch(ORACLE.moments(1).critical_batch_size()),
    f"critical-batch --sigma2 1 {SPLIT} --theta 0.5": batch(ORACLE.moments(1).critical_batch_size(0.5), 0.5),
    f"critical-batch --sigma2 1 {SPLIT} --L 10 --eta 0.02": batch(ORACLE.moments(1).critical_batch_size(eta_L=0.2)),
    f"critical-batch --sigma2 1 {SPLIT} --L 10 --eta 0.02 --theta 0.5": batch(ORACLE.moments(1).critical_batch_size(0.5, eta_L=0.2), 0.5),
    "variance --sigma2 4 --delta 0.1": said(from_bounds(sigma2=4, delta=0.1)),
    "variance --sigma2 1 --delta 1.5 --theta 0.5": said(from_bounds(sigma2=1, delta=1.5, theta=0.5)),
    "variance --s2 2 --shat2 0.2 --c 0.1 --grad2 0.4 --theta 0.5": said(from_moments(s2=2, shat2=0.2, c=0.1, grad2=0.4, theta=0.5)),
    "variance --s2 0 --shat2 1 --c 0 --theta 0.5": said(from_moments(s2=0, shat2=1, c=0, theta=0.5)),
}


@pytest.mark.parametrize("command", ANSWERS)
def test_answers_are_those_of_python(command: str, run: Run) -> None:
    found, table = ANSWERS[command]
    assert as_json(run(f"{command} --json")) == found
    assert run(command) == table + "\n"


# --- numbers that are worked out by hand

BY_HAND: dict[str, dict[str, Any]] = {
    f"steps sgd {EXAMPLE}": {"total": 800_000, "stages": [pytest.approx({"eta": 0.0005, "theta": 0, "steps": 800_000})]},
    f"steps tsla {EXAMPLE}": {
        "total": 160_024,
        "stages": [pytest.approx(s) for s in ({"eta": 0.1, "theta": 1 / 1.1, "steps": 24}, {"eta": 0.0005, "theta": 0, "steps": 160_000})],
    },
    f"steps lsr {EXAMPLE}": {"reachable": False, "total": None, "stages": [], "floor": pytest.approx(0.2 / 1.1)},
    f"steps lsr-pl {EXAMPLE}": {"reachable": False, "total": None},
    f"steps lsr-sharp {EXAMPLE}": {"total": 764_000, "stages": [pytest.approx({"eta": 0.1 / 191, "theta": 0.05, "steps": 764_000})]},
    f"steps lsr-exact {EXAMPLE}": {"total": 202_000, "stages": [pytest.approx({"eta": 0.001 / 1.01, "theta": 0, "steps": 202_000})]},
    f"compare {EXAMPLE}": {"ahead": "lsr-pl-sharp"},
    "variance --sigma2 1 --delta 0.1": {
        "lemma": pytest.approx(0.2 / 1.1),
        "sharp": pytest.approx(0.1 * (1 + 0.1**0.5) ** 2 / 1.21),
        "theta": pytest.approx(1 / 1.1),
        "exact": None,
    },
    f"steps lsr-pl-last {EXAMPLE}": {"reachable": False, "total": None, "floor": pytest.approx(2 / 1.1)},
    f"bound lsr-pl-last {CONSTANTS} --mu 1 --delta 0.25 --eta 0.1 --T 1": {"total": pytest.approx(20 * 0.9 + 10 * 0.4)},
    f"bound lsr-pl-last {CONSTANTS} --mu 1 --beta2 0.5 --nu2 2 --theta 1 --eta 0.05 --T 1": {"total": pytest.approx(20 * 0.95 + 10 * 1.5)},
    "variance --s2 1 --shat2 0.2 --c 0.1 --grad2 0.4 --theta 0.5": {"exact": pytest.approx(0.35), "shrinkage": pytest.approx(0.35)},
    "variance --s2 1 --shat2 0.2 --c 0.1": {"theta_star": pytest.approx(0.9), "minimum": pytest.approx(0.19), "shrinkage": None},
    "variance --s2 1 --shat2 1 --c -1e-3 --theta 0.5": {"exact": pytest.approx(0.5 - 0.0005)},  # -1e-3 is a value and no option
    f"anneal --L 10 {NOISE} --eta 0.01": {"theta": pytest.approx(0.1 / (0.05 + 0.1 * 1.05))},
    f"critical-batch {NOISE}": {"critical_batch_size": pytest.approx(0.95 / 0.05)},
    f"critical-batch {NOISE} --theta 0.5": {"critical_batch_size": pytest.approx(0.7375 / 0.0125)},
    f"critical-batch {NOISE} --theta 0.5 --L 10 --eta 0.01": {"critical_batch_size": pytest.approx(0.1 * 0.7375 / 0.0125)},
    "critical-batch --sigma2 1 --beta2 0.1 --nu2 2": {"critical_batch_size": pytest.approx(-10)},
    "critical-batch --sigma2 1 --beta2 1 --nu2 0.5 --theta 1e-200": {"critical_batch_size": pytest.approx(2e200)},
    **{
        f"critical-batch --sigma2 1 --beta2 0 --nu2 {nu2} {step}": {"why": f"beta2 = 0: smoothing {word} the variance at every batch size"}
        for (nu2, word), step in product((("0.5", "lowers"), ("2", "raises")), ("", "--L 10 --eta 0.1"))
    },
}


@pytest.mark.parametrize("command", BY_HAND)
def test_worked_out_by_hand(command: str, run: Run) -> None:
    found = as_json(run(f"{command} --json"))
    assert found | BY_HAND[command] == found


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
USUAL = NUMBERS | {"eps": 0.1, "c": 0, "budget": 1000, "s2": 1, "shat2": 0.1, "grad2": 0.3}
Said = tuple[int, str, str]
Answering = Callable[[str, dict[str, Any]], Said]


def is_number_or_line(found: Said) -> None:
    code, out, err = found
    if code == 0:
        as_json(out)
        assert not re.search(r"\b(inf|nan)\b", out)
    else:
        assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "planted", [(0, '{"eta": -Infinity}\n', ""), (0, '{"schema": 1, "why": "inf of its steps"}\n', ""), (2, "", "a\nb\n"), (1, "", "a\n")]
)
def test_planted_answers_are_rejected(planted: Said) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        is_number_or_line(planted)


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Answering:
    """The exit code, the output and the line of a refusal, which are as they must be."""

    def call(command: str, changes: dict[str, Any]) -> Said:
        numbers = (f"--{name}={(USUAL | changes)[name]}" for name in EVERY[command].split())
        found = ends([*command.split(), *numbers, "--json"]), *capsys.readouterr()
        is_number_or_line(found)
        return found

    return call


@pytest.mark.parametrize("command", EVERY)
def test_zero_of_either_sign_is_answered_or_refused(command: str, answer: Answering) -> None:
    names = EVERY[command].split()
    for name in names:
        assert answer(command, {name: "-0.0"}) == answer(command, {name: "0"})
    for pair in combinations(names, 2):
        answer(command, dict.fromkeys(pair, "-0.0"))


@pytest.mark.parametrize("command", EVERY)
def test_constants_of_any_size_are_answered_or_refused(command: str, answer: Answering) -> None:
    for name, value in product(EVERY[command].split(), (1e-300, 1e-160, 1e160, 1e300)):
        code, out, _ = answer(command, {name: value})
        assert not command.startswith("bound") or code or as_json(out)["total"] > 0


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
TARGET = {"L": "10", "mu": "1", "sigma2": "1", "F0": "1", "delta": "0.1", "eps": "0.1"}
MOMENTS = {"s2": "1", "shat2": "1", "c": "0.5"}
BATCH = {"sigma2": "1", "beta2": "0.05", "nu2": "0.05"}
SPLIT_SGD = SGD | BATCH
ANNEAL = BATCH | {"L": "10", "eta": "0.1"}
TOGETHER = "bias and noise go together: --beta2 --nu2 [--c]"
ONE_OR_THE_OTHER = "give --budget and --delta for the best eps of each method, or --eps alone for the largest delta that pays"


def without(options: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in options.items() if name not in names}


REFUSED = [
    Bad("bound sgd", SGD | {"eta": "0.2"}, ("eta = 0.2", "larger than 1/L = 0.1", "0 < eta <= 1/L")),
    Bad("bound sgd", SGD | {"eta": "-1e-3"}, ("eta = -0.001", "above 0")),
    Bad("steps tsla", TARGET | {"mu": "20"}, ("mu = 20", "larger than L = 10", "0 < mu <= L")),
    Bad("bound sgd", SGD | {"sigma2": "-1e-3"}, ("sigma2 = -0.001", "at least 0")),
    Bad("bound sgd", SGD | {"T": "2.5"}, ("T = 2.5", "whole number, at least 1")),
    Bad("invert", without(TARGET, "eps") | {"budget": "0"}, ("budget = 0 ", "at least 1")),
    Bad("critical-batch", BATCH | {"c": "2"}, ("c = 2 ", "±sqrt(sigma2*nu2)", "Cauchy-Schwarz")),
    Bad("variance", MOMENTS | {"c": "2"}, ("c = 2 ", "±sqrt(s2*shat2) = ±1", "Cauchy-Schwarz")),
    *(Bad("bound sgd", SGD | {"eta": value}, ("--eta", f"'{value}'", "not a number")) for value in ("fast", "0,1", "")),
    Bad("bound sgd", SGD | {"momentum": "0.9"}, ("--momentum", "allowed: --F0 --L --T --csv --eta ", " --sigma2")),
    Bad("bound lsr", SGD | {"delta": "0.1", "the": "0.5"}, ("--the;", "allowed:", "--theta")),  # no abbreviations
    Bad("bound sgd", SGD | {"eta": "0.1", "extra": "-1"}, ("--extra", "allowed:")),
    Bad("bound sgd", without(SGD, "T"), ("--T", "required")),
    Bad("bound sgd-pl", SGD, ("METHOD", "'sgd-pl'", "did you mean sgd-pl-last?")),
    Bad("steps adam", SGD, ("METHOD", "'adam'", "sgd-two-step")),
    Bad("bound sgd", without(SGD, "sigma2") | {"sig": "1"}, ("--sig;", "allowed:", "--sigma2")),
    Bad("bound sgd", SGD | {"sigma2": "-x"}, ("--sigma2", "'-x' is not a number")),
    Bad("variance", {}, ("nothing", "--sigma2 --delta", "--s2 --shat2 --c")),
    Bad("variance", MOMENTS | {"sigma2": "1", "delta": "0.1"}, ("--c --delta --s2 --shat2 --sigma2", "give --sigma2 --delta, or")),
    Bad("variance", {"sigma2": "1"}, ("--sigma2", "give --sigma2 --delta, or")),
    Bad("variance", {"s2": "1", "shat2": "1"}, ("--s2 --shat2", "give --sigma2 --delta, or")),
    *(Bad(command, {}, ("METHOD", "required")) for command in ("bound", "steps")),
    Bad("bound sgd extra", SGD, ("extra", "allowed:")),
    *(
        Bad("bound sgd", SGD | {name: value}, (f"{name} = {value} ", "whole" if name == "T" else "finite"))
        for name, value in product(SGD, ("nan", "inf", "-inf"))
    ),
    Bad("bound sgd --exact", SGD | {"eta": "0.2"}, ("eta = 0.2 is not below 2/L = 0.2; C16 needs 0 < eta < 2/L",)),
    Bad("bound lsr --exact", SPLIT_SGD, ("--exact has no use with --beta2 --nu2; it goes with --delta (C18)",)),
    Bad("bound lsr --sharp --exact", SGD | {"delta": "0.1"}, ("--exact and --sharp exclude each other: each asks for a bound of its own",)),
    Bad("bound lsr", SGD | {"delta": "1e-320"}, ("--delta", "'1e-320' is too near 0 for float64", "2.23e-308")),
    Bad("bound lsr --exact", SGD | {"delta": "0.1", "sigma2": "9.9e-324"}, ("--sigma2", "'9.9e-324' is too near 0 for float64")),
    Bad("bound sgd", SGD | {"sigma2": "-1e-400"}, ("--sigma2", "'-1e-400' is too near 0 for float64")),
    Bad("bound sgd", SGD | {"sigma2": "9" * 5000}, ("sigma2 = inf must be a finite number",)),
    Bad("bound sgd", SGD | {"sigma2": "x" * 5000}, ("--sigma2", "xxx… (5,002 characters) is not a number")),
    Bad("bound sgd --sigma2=--", without(SGD, "sigma2"), ("--sigma2", "'--' is not a number")),
    Bad("bound tsla --exact", SGD, ("unknown argument --exact",)),
    Bad("bound sgd", SPLIT_SGD, ("unknown argument --beta2",)),
    Bad("bound lrs", SGD, ("argument METHOD: 'lrs' is unknown; did you mean lsr?",)),
    Bad("bound sgd", {"eps": "1"}, ("unknown argument --eps; allowed: --F0",)),
    Bad("bound sgd", {"etta": "1"}, ("unknown argument --etta; did you mean --eta? allowed: --F0 --L --T",)),
    Bad("bound lsr", SGD | {"beta2": "0.05"}, ("got --beta2 without --nu2", TOGETHER)),
    Bad("bound lsr", SGD | {"nu2": "0.05"}, ("got --nu2 without --beta2", TOGETHER)),
    Bad("bound lsr", SGD | {"c": "0.05", "delta": "0.1"}, ("got --c without --beta2 and --nu2", TOGETHER)),
    Bad("bound lsr", SPLIT_SGD | {"delta": "0.1"}, ("delta = 0.1 goes without --beta2 and --nu2: delta*sigma2 is their sum",)),
    Bad("bound lsr", SGD | {"delta": "0.1", "mu": "1"}, ("mu = 1 has no use with --delta; it goes with --beta2 --nu2 (C12)",)),
    Bad("bound lsr", SGD, ("the following arguments are required: --delta (C5), or --beta2 --nu2 (C12)",)),
    Bad("bound lsr --sharp", SGD, ("the following arguments are required: --delta (C5), or --beta2 --nu2 (C12)",)),
    Bad("bound lsr", SPLIT_SGD | {"nu2": "4", "c": "-2.5"}, ("c = -2.5 must lie within ±sqrt(sigma2*nu2) = ±2 (Cauchy-Schwarz)",)),
    Bad("bound lsr --why", SPLIT_SGD | {"T": "0"}, ("T = 0 must be a whole number, at least 1",)),
    Bad("anneal", ANNEAL | {"eta": "0.2"}, ("eta = 0.2 is larger than 1/L = 0.1; C12 needs 0 < eta <= 1/L",)),
    Bad("anneal", ANNEAL | {"c": "1"}, ("c = 1 must lie within ±sqrt(sigma2*nu2)", "Cauchy-Schwarz")),
    Bad("anneal", without(ANNEAL, "nu2"), ("required: --nu2",)),
    Bad("anneal", ANNEAL | {"theta": "1"}, ("unknown argument --theta",)),
    Bad("critical-batch", BATCH | {"theta": "0"}, ("theta = 0 must be a finite number above 0 and at most 1",)),
    Bad("critical-batch", ANNEAL | {"theta": "0"}, ("theta = 0 must be a finite number above 0",)),
    Bad("critical-batch", BATCH | {"L": "10", "eta": "0.2"}, ("eta = 0.2 is larger than 1/L = 0.1; C14 needs 0 < eta <= 1/L",)),
    *(Bad("critical-batch", without(ANNEAL, name), ("L and eta go together",)) for name in ("L", "eta")),
    Bad("compare", TARGET | {"beta2": "0.05"}, ("got --beta2 without --nu2", TOGETHER)),
    Bad("compare", TARGET | {"c": "0"}, ("got --c without --beta2 and --nu2", TOGETHER)),
    Bad("compare", TARGET | BATCH | {"nu2": "0.06"}, ("delta = 0.1 is below (beta2 + nu2)/sigma2; A3 needs beta2 + nu2 <= delta*sigma2",)),
    *(
        Bad("invert", without(TARGET, "delta", "eps") | dict.fromkeys(asked.split(), "0.1"), (ONE_OR_THE_OTHER,))
        for asked in ("", "budget", "delta", "delta eps", "budget eps", "delta budget eps")
    ),
    Bad("invert", without(TARGET, "mu", "delta"), ("required: --mu",)),
    Bad("invert", without(TARGET, "delta") | {"sigma2": "0"}, ("sigma2 = 0 must be above 0 for C15b",)),
    Bad("steps lsr-pl", without(TARGET, "mu"), ("required: --mu",)),
    Bad("steps lsr-pl", TARGET | {"delta": "0"}, ("delta*sigma2 = 0 must be above 0 for C15",)),
    Bad("steps sgd-exact", TARGET | {"beta2": "1"}, ("unknown argument --beta2",)),
    Bad("steps smoothed-pl", TARGET, ("METHOD", "'smoothed-pl'", "must be one of sgd, sgd-exact, lsr, tsla, ")),
]


@pytest.mark.parametrize("bad", REFUSED, ids=str)
def test_bad_input_is_refused_in_one_line_that_says_why(bad: Bad, refused: Refused) -> None:
    refused(bad)
