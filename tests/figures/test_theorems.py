"""The theorems of examples/theorems, decided by a part of what `tsla check` looks at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import ROOT
from tsla.empirics.simulation.theorems import instances, measured
from tsla.figures.theorems import reading
from tsla.figures.theorems.deciding import Decision, Planted, decide
from tsla.figures.theorems.page import cells, render
from tsla.theory.certificates.worst_case.engine.theorems import worst
from tsla.theory.certificates.worst_case.scenario_tree import C4, C5, C16
from tsla.theory.testing import Theorem
from tsla.theory.testing.planted import Rejects

FOLDER = ROOT / "examples" / "theorems"
WORDS = {"clipped_sgd": "refuted", "decreasing_steps": "supported", "expected_smoothness": "supported", "heavy_ball": "supported"}


def example(name: str) -> Theorem:
    (theorem,) = reading.read(FOLDER / f"{name}.py")
    return replace(theorem, constants=theorem.constants[:1], lengths=(1, 2))


def test_each_example_has_its_word() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_examples_are_decided(name: str) -> None:
    theorem = example(name)
    decision = decide(replace(theorem, lengths=(1, 10)) if name == "clipped_sgd" else theorem)
    assert decision.word == WORDS[name], decision.scope
    assert decision.holds == (WORDS[name] == "supported")
    if decision.holds:
        assert any(wrong.by for wrong in decision.planted)
    else:
        assert "runs on stall" in decision.scope
    exceeded = re.findall(r": (\S+) > (\S+)", " ".join([decision.scope, *(wrong.by for wrong in decision.planted)]))
    assert exceeded
    assert all(float(measured) > float(bound.rstrip(";,")) for measured, bound in exceeded)


@pytest.mark.parametrize("name", ["decreasing_steps", "expected_smoothness", "heavy_ball"])
def test_the_worst_case_on_another_scale_is_a_multiple(name: str) -> None:
    """What is said of other scales follows only where the units are right."""
    theorem = example(name)
    (k, one), *others = theorem.scales(theorem.settings[0])
    assert (one, len(others)) == (1.0, 4)
    for other, factor in others[::2]:
        assert worst(theorem, other, 2).upper == pytest.approx(factor * worst(theorem, k, 2).upper, rel=1e-5)
        assert theorem.value(other, 2) == pytest.approx(factor * theorem.value(k, 2))


@pytest.mark.parametrize(
    "changed",
    [
        {"units": {"beta": (1, 1)}},
        {"step": lambda k, w, g, state, t: (w - 0.1 * g, state)},
        {"variance": lambda k, gap, grad2: 0.5},
        {"weights": lambda k, t: 1 + k.L * t},
    ],
)
def test_what_does_not_go_with_the_units_is_looked_at_on_its_own_scale(changed: dict[str, Any]) -> None:
    theorem = replace(example("heavy_ball"), **changed)
    assert [factor for _, factor in theorem.scales(theorem.settings[0])] == [1.0]


def test_what_is_found_is_measured_beside_the_bound() -> None:
    theorem = example("heavy_ball")
    decision, k = decide(theorem), theorem.met[0]
    shares = [f"{worst(theorem, k, T).lower / theorem.value(k, T):.3f} at T = {T}" for T in (1, 2)]
    assert decision.findings["worst case"] == f"worst case over bound at {k}: {', '.join(shares)}"
    reached = [one.mean / theorem.value(one.instance.k, one.T) for instance in instances(theorem, k) for one in measured(theorem, instance)]
    assert decision.findings["Monte Carlo"].startswith(f"nearest: {max(reached):.3f} of the bound, ")
    assert decision.scope == "at 1 setting of its constants: in the worst case of all functions at T = 1, 2 and on 3 problems at T ≤ 2"


@pytest.mark.parametrize(("theorem", "of"), [(C4, "noise with two outcomes"), (C5, "all errors")])
def test_the_scope_says_over_what_the_worst_case_is(theorem: Theorem, of: str) -> None:
    decision = decide(replace(theorem, constants=theorem.constants[:1], lengths=(1,), proof=None))
    assert f"in the worst case of {of} at T = 1 " in decision.scope


def test_a_wrong_exponent_is_seen_on_another_scale_only() -> None:
    theorem = replace(example("heavy_ball"), bound=lambda k, T: k.D2**2 / (2 * T) * (k.beta * k.L / (1 - k.beta) + (1 - k.beta) / k.eta))
    assert "D2 = 0.03125" in decide(theorem).scope
    assert decide(replace(theorem, units={})).word == "supported"


def is_not_refuted(beta: float) -> None:
    """Heavy ball with its momentum, of which the bound may know another one."""
    theorem = example("heavy_ball")
    told = replace(theorem, bound=lambda k, T: k.D2 / (2 * T) * (beta * k.L + (1 - k.beta) / k.eta))
    assert decide(told).word == "supported"


def test_a_bound_without_its_momentum_is_refuted(rejects: Rejects) -> None:
    rejects(is_not_refuted, right=1.0, wrong=0.0)


def test_a_theorem_that_says_nothing() -> None:
    right = example("heavy_ball")
    never = decide(replace(right, premises=lambda k: {"a": k.eta > k.beta, "b": k.beta > k.eta + 1}))
    unmet = decide(replace(right, premises=lambda k: {"eta > 1": k.eta > 1}))
    assert (never.word, never.scope) == ("says nothing", "no constants meet 'a', 'b' together, by z3")
    assert unmet.scope == "L = 3, D2 = 2, eta = 0.15, beta = 0.5 do not meet 'eta > 1'"
    assert not never.holds
    assert cells(never, "x.py")["verdict"] == "says nothing: no constants meet 'a', 'b' together, by z3"


@pytest.mark.parametrize(("proof", "word"), [(C16.proof, "proved"), (C4.proof, "supported")])
def test_a_proof_that_fails_counts_against_its_theorem(proof: Callable[[], Any], word: str) -> None:
    decision = decide(replace(C16, constants=C16.constants[:1], lengths=(1,), proof=proof))
    assert (decision.word, decision.holds) == (word, word == "proved")
    assert ("its proof fails: it assumes 'eta <= 1/L'" in decision.scope) != decision.holds


def test_a_setting_outside_the_premises_is_left_out_and_named() -> None:
    right = example("heavy_ball")
    outside = {**right.constants[0], "eta": 9.0}
    decision = decide(replace(right, constants=[*right.constants, outside], lengths=(1,)))
    assert decision.scope.startswith("at 1 setting of its constants")
    assert "L = 3, D2 = 2, eta = 9, beta = 0.5 left out: do not meet 'eta <= (1-beta)/L'" in decision.findings["worst case"]


def test_the_page_has_a_row_a_theorem() -> None:
    theorem = replace(example("heavy_ball"), statement="|a| ≤ b")
    page = render([Decision(theorem, "supported", "here", {"Monte Carlo": "near"}), Decision(theorem, "refuted", "there", {})], "x.py")
    rows = [line for line in page.splitlines() if line.startswith("| heavy-ball")]
    assert len(rows) == 2
    assert "\\|a\\| ≤ b" in rows[0]
    assert "supported: here" in rows[0]
    assert "refuted: there" in rows[1]


def test_the_page_counts_the_wrong_versions_that_were_refuted() -> None:
    wrong = (Planted("half of it", "the worst case"), Planted("T + 1 for T", ""))
    decision = Decision(example("heavy_ball"), "supported", "here", {"Monte Carlo": "near"}, wrong)
    assert cells(decision, "x.py")["rejected"] == "1"
    assert render([decision], "x.py").splitlines()[-2:] == ["| `half of it` | the worst case |", "| `T + 1 for T` | not refuted |"]
