"""What is printed: JSON of one shape whatever the answer, and tables a person can read. Their digits are in ``test_text.py``."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import numpy as np
import pytest

from tsla.theory import biased, complexity, inversion, lsr, sgd, sgd_pl, text, two_stage, variance
from tsla.theory.biased import SmoothingOracle
from tsla.theory.commands import critical_batch
from tsla.theory.constants import Constants
from tsla.theory.growing_noise import Growth
from tsla.theory.moments import Moments
from tsla.theory.plan import Plan
from tsla.theory.testing.planted import assert_rejects
from tsla.theory.text import WIDTH, Printed

K = Constants(L=10, mu=1, sigma2=1, delta=0.1, F0=1)
BOUND = two_stage.bound(K, eta1=0.1, T1=10, eta2=0.01, T2=1000)

# --- bounds ---


def json_of(value: Any) -> Any:
    """Through text and back: no infinity, no nan, no array."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_bound() -> None:
    assert json_of(BOUND.json()) == {
        "method": "tsla",
        "claim": "C8",
        "quantity": "E‖∇F(w_R)‖²",
        "total": float(BOUND.total),
        "terms": {name: float(term) for name, term in BOUND.terms.items()},
        "assumes": ["A1", "A2", "A3", "A4"],
    }
    assert BOUND.table().splitlines() == [
        "E‖∇F(w_R)‖² <= 0.188   (C8; assumes A1 A2 A3 A4)",
        "  noise             0.1  53.2 %  lowered by a smaller eta2, or a larger batch",
        "                                 (it divides sigma2)",
        "  optimisation  0.06974  37.1 %  lowered by a longer first stage T1, or more",
        "                                 plain steps T2",
        "  smoothing     0.01819   9.7 %  lowered by more plain steps T2, or a smoothing",
        "                                 label of smaller delta",
        "  The noise term dominates.",
    ]


def test_a_bound_of_nothing_has_no_shares() -> None:
    nothing = biased.gap_bound(Constants(L=1, mu=1, sigma2=0, F0=1), SmoothingOracle(beta2=0, nu2=0), eta=1, T=1)
    assert "%" not in nothing.table()
    assert nothing.json()["total"] == 0


# --- plans ---


def test_plan() -> None:
    plan = sgd_pl.three_phase_steps(K, eps=0.1)
    assert json_of(plan.json()) == {
        "method": "sgd-pl",
        "claim": "C15b",
        "reachable": True,
        "total": 8007,
        "stages": [
            {"eta": 0.1, "theta": 0, "steps": 7},
            {"eta": 0.1, "theta": 0, "steps": 4000, "decay_steps": 20},
            {"eta": pytest.approx(0.0005, rel=1e-14), "theta": 0, "steps": 4000},
        ],
        "assumes": ["A1", "A2", "A4"],
        "why": None,
        "floor": None,
    }
    assert plan.table(0.1).splitlines() == [
        "sgd-pl: 8,007 samples until E‖∇F‖² <= 0.01   (C15b; assumes A1 A2 A4)",
        "  stage             eta  theta  steps",
        "  1                 0.1      0      7",
        "  2      0.1/(1 + t/20)      0  4,000",
        "  3              0.0005      0  4,000",
        "  Stage 2 dominates.",
    ]
    assert "dominates" not in sgd.steps(K, eps=0.1).table(0.1)


def test_plan_out_of_reach() -> None:
    never = lsr.steps(K, eps=0.1)
    found = json_of(never.json())
    assert (found["reachable"], found["total"], found["stages"]) == (False, None, [])
    assert (found["why"], found["floor"]) == (lsr.STALLS, pytest.approx(2 / 11))
    assert never.table(0.1).splitlines() == [
        "lsr can't reach E‖∇F‖² <= 0.01 by its bound (C5; assumes A1 A2 A3):",
        "  the bound never falls below its floor V(theta) = 2*delta*sigma2/(1+delta),",
        "  which is not under eps^2 (C6). Its floor is 0.1818.",
    ]
    without_floor = Plan("lsr", "C5", ("A1",), (), reachable=np.False_, why="it never does")
    assert json_of(without_floor.json())["floor"] is None
    assert without_floor.table(0.1).endswith("  it never does.")


# --- comparisons ---


def test_comparison() -> None:
    comparison = complexity.compare(K, eps=0.1)
    found = json_of(comparison.json())
    assert found.keys() == {"ahead", "beats", "tsla_place", "why", "methods", "crossovers"}
    assert (found["ahead"], found["why"], found["tsla_place"]) == (comparison.ahead, comparison.why, comparison.place)
    assert found["beats"] == comparison.beats
    assert found["methods"] == [plan.json() for plan in comparison.plans]
    assert found["crossovers"] == {pair: inversion.delta_json(delta) for pair, delta in comparison.crossovers.items()}
    head, *rows = comparison.table(0.1).splitlines()
    assert head == "  samples until E‖∇F‖² <= 0.01                          claim  assumes"
    assert rows[0] == "  lsr-pl-sharp  8 + 3,820 + 3,820                7,648  C18    A1 A2 A3 A4"
    assert rows[1] == "  sgd-pl  7 + 4,000 + 4,000                      8,007  C15b   A1 A2 A4"
    assert "  lsr                              never: floor 0.1818  C5     A1 A2 A3" in rows
    sentences = " ".join(" ".join(rows[len(comparison.plans) :]).split())
    ahead = "As delta varies, TSLA's bound is ahead of sgd only below 0.5, sgd-exact only below 0.1262, sgd-pl only below"
    assert sentences.startswith(f"{comparison.why} {ahead}")
    assert "lsr" not in sentences.partition(ahead)[2]


def test_crossovers() -> None:
    """JSON has no infinity."""
    deltas = {"tsla before sgd": 0.25, "lsr before sgd": 0.0, "lsr reaches eps": np.inf}
    assert json_of(inversion.crossovers_json(deltas, 0.1)) == {
        "eps": 0.1,
        "largest_delta": {
            "tsla before sgd": {"delta": 0.25, "why": None},
            "lsr before sgd": {"delta": 0, "why": "at no delta"},
            "lsr reaches eps": {"delta": None, "why": "at every delta"},
        },
    }
    assert inversion.crossovers_table(deltas, 0.1).splitlines() == [
        "to reach E‖∇F‖² <= 0.01",
        "  smoothed bound                largest delta",
        "  tsla            ahead of sgd           0.25",
        "  lsr             ahead of sgd          never",
        "  lsr             reaches eps          always",
    ]


def test_best_eps() -> None:
    """The smallest first; at last what reaches none."""
    best = {"sgd": 0.5, "tsla": None, "lsr": 0.25}
    why = "its bound asks for more samples at every eps up to 1e+150"
    assert inversion.best_eps_json(best, 1000) == {
        "budget": 1000,
        "eps": {"sgd": {"eps": 0.5, "why": None}, "tsla": {"eps": None, "why": why}, "lsr": {"eps": 0.25, "why": None}},
    }
    assert inversion.best_eps_table(best, 1000).splitlines() == [
        "what 1,000 samples reach, by the bounds",
        "  method     eps    eps²",
        "  lsr       0.25  0.0625",
        "  sgd        0.5    0.25",
        "  tsla    no eps",
    ]


# --- batches and variances ---

NO_BATCH = "at no batch size does smoothing at theta = 0.5 help   (C14)"


@pytest.mark.parametrize(
    ("size", "why", "line"),
    [
        (19.0, "", "smoothing at theta = 0.5 helps for batches below 19   (C14)"),
        (0.0, "", NO_BATCH),
        (-3.0, "", NO_BATCH),
        (np.inf, "lowers", "smoothing at theta = 0.5 helps for every batch size (no bias)   (C14)"),
        (-np.inf, "raises", NO_BATCH),
    ],
)
def test_critical_batch(size: float, why: str, line: str) -> None:
    unbounded = {"critical_batch_size": None, "why": f"beta2 = 0: smoothing {why} the variance at every batch size"}
    assert json_of(critical_batch.as_json(size)) == (unbounded if why else {"critical_batch_size": size, "why": None})
    assert critical_batch.as_table(size, 0.5) == line


def test_variance() -> None:
    found = variance.from_moments(s2=2, shat2=0.4, c=0.2, grad2=1, theta=0.5)
    assert json_of(found.json()) == pytest.approx(
        {
            "plain": 2,
            "smoothed": 0.4,
            "lemma": 1.2,
            "sharp": 0.6 + 0.2**0.5 * 2**0.5 * 0.5**0.5,
            "exact": 0.7,
            "theta": 0.5,
            "theta_star": 0.9,
            "minimum": 0.38,
            "shrinkage": 0.75,
        }
    )
    assert found.table().splitlines() == [
        "E‖g_LS - ∇F‖² at theta = 0.5",
        "                                         value  of plain",
        "  plain, theta = 0                           2         1",
        "  lemma V(theta)  (C2)                     1.2       0.6",
        "  sharp lemma U(theta)  (C18)            1.047    0.5236",
        "  exact  (C11)                             0.7      0.35",
        "  step (1-theta)eta instead  (C17)        0.75     0.375",
        "  exact at its best theta* = 0.9  (C11)   0.38      0.19",
        "  The lemma promises a lower variance: delta = 0.2; its own best theta is 1",
        "  (C10). Smoothing does more than the smaller step (C17).",
    ]


NO_MORE = "Smoothing does no more than the smaller step (C17)."
NOTHING = "The lemma promises nothing: delta = 2; its own best theta is 0 (C10)."


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (variance.from_moments(s2=1, shat2=1, c=0), "The lemma promises nothing: delta = 1; its own best theta is 0 (C10)."),
        (variance.from_moments(s2=1, shat2=1, c=0), "Whether that is more than a smaller step needs --grad2 (C17)."),
        (variance.from_moments(s2=1, shat2=1, c=0.5, grad2=0.5, theta=0.5), NO_MORE),
        (variance.from_moments(s2=1, shat2=0.5, c=0, grad2=0.5, theta=0.5), NO_MORE),
        (variance.from_moments(s2=0, shat2=1, c=0, theta=0.5), "There is no variance to lower: sigma2 or s2 is 0."),
        (variance.from_bounds(sigma2=1, delta=2), f"{NOTHING} The exact values need --s2 --shat2 --c."),
    ],
)
def test_what_is_said_of_a_variance(found: Printed, says: str) -> None:
    assert says in " ".join(found.table().split())


# --- in a session and in a notebook

RESULTS: dict[str, Printed] = {
    "bound": BOUND,
    "bounds": two_stage.bound(K, eta1=0.1, T1=10, eta2=[0.01, 0.001], T2=1000),
    "plan": sgd_pl.three_phase_steps(K, eps=0.1),
    "plans, some out of reach": lsr.steps(Constants(L=10, sigma2=1, F0=1, delta=[0.1, 0.001]), eps=0.1),
    "out of reach": lsr.steps(K, eps=0.1),
    "comparison": complexity.compare(K, eps=0.1),
    "variance": variance.from_moments(s2=1, shat2=0.2, c=0.1),
    "variances": variance.from_bounds(sigma2=1, delta=[0.1, 0.3]),
    "moments": Moments(grad2=1, s2=2.0, shat2=0.3, c=0.1, beta2=0.1, nu2=0.2),
}


def prints_well(result: Printed) -> None:
    """A few lines of text of 80 columns at most, the same wherever it is shown, and in a notebook escaped."""
    text = str(result)
    assert repr(result) == text == result.table()
    assert len(text.splitlines()) > 1
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "array(" not in text
    html = result._repr_html_()
    assert (html, unescape(html)) == (f"<pre>{html[5:-6]}</pre>", f"<pre>{text}</pre>")
    assert not {"<", ">"} & set(html[5:-6])


@pytest.mark.parametrize("result", RESULTS.values(), ids=list(RESULTS))
def test_results_print_well(result: Printed) -> None:
    prints_well(result)


class Unescaped(Printed):
    def table(self) -> str:
        return "a <= b\n  c"

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"


class TooWide(Printed):
    def table(self) -> str:
        return f"a\n{'b' * (WIDTH + 1)}"


@pytest.mark.parametrize("wrong", [Unescaped(), TooWide()], ids=lambda wrong: type(wrong).__name__)
def test_results_that_print_badly_are_rejected(wrong: Printed) -> None:
    assert_rejects(prints_well, wrong)


def test_arrays_are_said_by_their_smallest_and_largest() -> None:
    assert text.extent(np.array([160_024, 24, 30]), text.count) == "24 to 160,024"
    assert (text.extent(np.array([[0.5], [0.5]])), text.extent(0.25), text.extent(np.array([]))) == ("0.5", "0.25", "-")
    some = str(RESULTS["plans, some out of reach"])
    assert some.startswith("lsr: 4,000 samples until E‖∇F‖² <= eps²")
    assert "Out of reach at 1 of them:" in some


@pytest.mark.parametrize("numbers", [K, Constants(L=1, sigma2=0, F0=1), SmoothingOracle(beta2=0.5, nu2=1, c=-0.25), Growth(A=1, B=0.5)])
def test_what_goes_in_is_spelled_as_it_is_made(numbers: Any) -> None:
    again = eval(repr(numbers), {type(numbers).__name__: type(numbers)})  # noqa: S307 - our own text
    assert repr(again) == repr(numbers)
    assert vars(again) == vars(numbers)
