"""What a pilot says: the theory's predictions along it, what every rule would do, and which rule can be trusted for an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tsla.empirics.advice.plan import rules, validation
from tsla.empirics.advice.plan.pilot import Pilot
from tsla.empirics.advice.plan.regret import OUTCOMES
from tsla.empirics.advice.plan.rules import RULES, Plan
from tsla.empirics.advice.plan.validation import amount
from tsla.theory import minibatch
from tsla.theory.text import Json, aligned, number

HELPS = {
    "delta_at_batch_size": (rules.delta, "δ_B < 1: A3 for a batch of B (C14)"),
    "variance": (rules.critical_batch_size, "B < B_c(θ): the second moment of a batch is lower (C14)"),
    "floor": (rules.floor, "θ²β² < ηL(s²-N(θ))/B: C12's floor is lower"),
    "beyond": (rules.beyond_shrinking, "more than a step of (1-θ)η does (C17)"),
}
"""The ways in which smoothing can help by the theory -> the quantity that is negative while it does, and what that means."""


def advise(pilot: Pilot, outcome: str, validated: Mapping[str, Any] | None) -> Json:
    """Everything that `tsla plan` answers, as one JSON object.

    predictions:     a line a measured epoch; ``critical_batch_size`` is B_c(θ), 0 where smoothing helps at none, null where at every one
    until:           the first epoch at which smoothing no longer helps, in each way of HELPS; the number of epochs where it does to the end
    plans:           what each rule would do
    recommendation:  ``rule, kind, theta, schedule, drop``, and what is known of its regret in the settings of ``scope``
                     (:mod:`tsla.empirics.advice.plan.validation`); null where nothing was validated

    Raises ValueError for an unknown outcome.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome = {outcome!r} must be one of {', '.join(OUTCOMES)}")
    found: Json = {
        "outcome": outcome,
        "theta": pilot.theta,
        "batch_size": pilot.batch_size,
        "epochs": pilot.epochs,
        "eta_L": pilot.eta_L,
        "predictions": predictions(pilot),
        "until": {name: rules.crossing(pilot, excess(pilot)) for name, (excess, _) in HELPS.items()},
        "plans": [{"rule": name, "kind": rule.kind} | _json(rule.plan(pilot)) for name, rule in RULES.items()],
    }
    if validated is None:
        nothing = f"Not validated yet: no rule has been put to the test for {outcome}, so that none is recommended"
        return found | {"recommendation": None, "advice": f"{nothing}; above is what each would do."}
    choice = recommendation(pilot, outcome, validated)
    return found | {"recommendation": choice, "advice": sentence(choice, pilot, outcome)}


def predictions(pilot: Pilot) -> list[Json]:
    """One line a measured epoch, from the moments there, for the pilot's θ, B and ηL."""
    columns = {name: pilot.measured[name].to_numpy() for name in ("epoch", "delta", "delta0", "ratio", "shrink_ratio", "beyond")}
    critical = np.maximum(minibatch.critical_batch_size(pilot.s2, pilot.oracle, pilot.theta), 0)
    columns |= {
        "delta_at_batch_size": minibatch.delta(pilot.s2, pilot.oracle, pilot.batch_size),
        "critical_batch_size": np.array([value if np.isfinite(value) else None for value in critical]),
        "floor_is_lower": rules.floor(pilot) < 0,
        "theta_star": rules.theta_star(pilot),
        "theta_for_step": rules.theta_degree(pilot),
    }
    return [dict(zip(columns, line, strict=True)) for line in zip(*(values.tolist() for values in columns.values()), strict=True)]


def recommendation(pilot: Pilot, outcome: str, validated: Mapping[str, Any]) -> Json:
    """The rule that validation allows to be recommended, what it plans, its regret, and the tests that decided."""
    rule, passed = validation.recommended(validated, outcome)
    known = RULES.get(rule["rule"])
    planned = {"theta": pilot.theta, "drop": None, "schedule": rule["rule"]} if known is None else _json(known.plan(pilot))
    if known is not None:
        planned["schedule"] = _schedule(planned["drop"], pilot.epochs)
    return {
        **rule,
        **planned,
        "settings": len(validated["judging"]),
        "scope": validated["scope"],
        "passed": passed is not None,
        "tests": [test for test in validated["tests"] if test["outcome"] == outcome],
    }


def sentence(choice: Mapping[str, Any], pilot: Pilot, outcome: str) -> str:
    """The recommendation, where it was put to the test and how sure it is, for a person."""
    where = f"On {choice['settings']} settings that were not used to build the rules ({choice['scope']})"
    best = "the best of a sweep" + (", which its other seeds chose worse" if choice["regret"] < 0 else "")
    own = f"{choice['rule']}: {_what(choice, pilot)}, with a regret of {amount(choice, 'regret', outcome)} against {best}"
    by_kind = [
        f"{test['rule']} ({test['kind']}) had {amount(test, 'difference', outcome)} more regret than {test['naive']}, "
        f"adjusted p = {test['holm']:.2g}"
        for test in choice["tests"]
    ]
    tested = f"{where}, {'; '.join(by_kind)}."
    if choice["passed"]:
        return f"{tested}\nFor {outcome}, on these settings, {own}."
    return f"{tested}\nOn these settings the moments can't tell when to drop for {outcome}. Of the naive rules the best was {own}."


def _what(choice: Mapping[str, Any], pilot: Pilot) -> str:
    theta = number(choice["theta"])
    return {
        "none": "never smooth",
        "constant": f"smooth at theta = {theta} in all {pilot.epochs} epochs",
        "two-stage": f"smooth at theta = {theta} in the first {choice['drop']} of {pilot.epochs} epochs, then not",
        "annealed": "anneal theta with the moments and the step size, as `tsla train --method annealed` does",
        "adaptive": f"smooth at theta = {theta} as long as the measured advantage lasts, as `tsla train --method adaptive` does",
    }[choice["schedule"]]


def _schedule(drop: int, epochs: int) -> str:
    return "none" if drop == 0 else "constant" if drop >= epochs else "two-stage"


def _json(plan: Plan) -> Json:
    return {"theta": plan.theta, "drop": plan.drop}


def table(found: Mapping[str, Any]) -> str:
    """The answer for a person: predictions, until when, what each rule would do, and the advice as the last lines."""
    theta, B = number(found["theta"]), found["batch_size"]
    eta_L = "not known, taken for 1" if found["eta_L"] is None else number(found["eta_L"])
    titles = ["epoch", "δ", "δ0", f"δ_{B}", "ratio", "step", "beyond", f"B_c({theta})", "floor", "θ*", "θ°"]
    names = ["epoch", "delta", "delta0", "delta_at_batch_size", "ratio", "shrink_ratio", "beyond", "critical_batch_size"]
    lines = [
        [*(_cell(line[name]) for name in names), "lower" if line["floor_is_lower"] else "raised"]
        + [_cell(line[name]) for name in ("theta_star", "theta_for_step")]
        for line in found["predictions"]
    ]
    last = int(found["predictions"][-1]["epoch"])
    until = [[_until(found["until"][name], found["epochs"], last), meaning] for name, (_, meaning) in HELPS.items()]
    plans = [
        [line["rule"], line["kind"], number(line["theta"]), str(line["drop"]), f"drops {RULES[line['rule']].drops}"]
        for line in found["plans"]
    ]
    blocks = [
        f"what the moments predict at theta = {theta}, batch size {B} (eta*L {eta_L}); ratio, step (1-theta)eta and beyond are over s²/B",
        aligned([titles, *lines], right=frozenset(range(len(titles)))),
        "smoothing helps",
        aligned(until),
        f"what each rule would do in {found['epochs']} epochs",
        aligned([["rule", "kind", "theta", "drop", ""], *plans], right=frozenset({2, 3})),
        found["advice"],
    ]
    return "\n".join(blocks)


def _cell(value: float | None) -> str:
    return "all" if value is None else number(value)


def _until(epoch: int, epochs: int, last: int) -> str:
    """Until when smoothing helps; beyond the ``last`` measured epoch that is a guess."""
    said = "never" if epoch == 0 else "to the end" if epoch >= epochs else f"before epoch {epoch}"
    return f"{said}, extrapolated from epoch {last}" if epoch > last else said
