"""What a pilot says: the theory's predictions along it, and which naive rule was best for an outcome, with how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsla.empirics.advice.plan.pilot import Pilot
from tsla.empirics.advice.plan.predictions import HELPS, crossing, predictions
from tsla.empirics.advice.plan.validation import NAIVE_RULES, OUTCOMES, amount, best_naive
from tsla.theory.text import Json, aligned, number


def advise(pilot: Pilot, outcome: str, validated: Mapping[str, Any]) -> Json:
    """Everything that `tsla plan` answers, as one JSON object.

    predictions:     a line a measured epoch; ``critical_batch_size`` is B_c(θ), 0 where smoothing helps at none, null where at every one
    until:           the first epoch at which smoothing no longer helps, in each way of HELPS; the number of epochs where it does to the end
    recommendation:  the naive rule that was best: ``rule, theta, schedule, drop``, its regret in the ``settings``, so many, of ``scope``
                     and ``data``, and the ``tests`` in which no rule that looks at a pilot was better on each of them
                     (:mod:`tsla.empirics.advice.plan.validation`)

    Raises ValueError for an unknown outcome.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome = {outcome!r} must be one of {', '.join(OUTCOMES)}")
    choice = recommendation(pilot, outcome, validated)
    return {
        "outcome": outcome,
        "theta": pilot.theta,
        "batch_size": pilot.batch_size,
        "epochs": pilot.epochs,
        "eta_L": pilot.eta_L,
        "predictions": predictions(pilot),
        "until": {name: crossing(pilot, excess(pilot)) for name, (excess, _) in HELPS.items()},
        "recommendation": choice,
        "advice": sentence(choice, pilot, outcome),
    }


def recommendation(pilot: Pilot, outcome: str, validated: Mapping[str, Any]) -> Json:
    """The naive rule that was best for an outcome, what it plans, its regret, and the tests of the others against it."""
    rule = best_naive(validated, outcome)
    drop = round(NAIVE_RULES[rule["rule"]] * pilot.epochs)
    return {
        **rule,
        "theta": pilot.theta,
        "drop": drop,
        "schedule": "none" if drop == 0 else "constant" if drop >= pilot.epochs else "two-stage",
        "settings": len(validated["judging"]),
        "scope": validated["scope"],
        "data": validated["data"],
        "tests": [test for test in validated["tests"] if test["outcome"] == outcome],
    }


def sentence(choice: Mapping[str, Any], pilot: Pilot, outcome: str) -> str:
    """Where rules were put to the test, that none was better than a naive one on each setting, and which of these was best."""
    by_kind = [
        f"{test['rule']} ({test['kind']}) had {amount(test, 'difference', outcome)} more regret than {test['naive']} "
        f"and less on {sum(value < 0 for value in test['by_setting'].values())} settings"
        for test in choice["tests"]
    ]
    where = (
        f"On {choice['settings']} settings of {len(choice['data'])} data sets, too few for an interval, "
        f"that were not used to build the rules of docs/planner.md ({choice['scope']})"
    )
    best = "the best of a sweep" + (", which its other seeds chose worse" if choice["regret"] < 0 else "")
    own = f"{choice['rule']}: {_what(choice, pilot)}, with a regret of {amount(choice, 'regret', outcome)} against {best}"
    can_not = f"On these settings the moments can't tell when to drop for {outcome}"
    return f"{where}, {'; '.join(by_kind)}.\n{can_not}. Of the naive rules the best was {own}."


def _what(choice: Mapping[str, Any], pilot: Pilot) -> str:
    theta = number(choice["theta"])
    return {
        "none": "never smooth",
        "constant": f"smooth at theta = {theta} in all {pilot.epochs} epochs",
        "two-stage": f"smooth at theta = {theta} in the first {choice['drop']} of {pilot.epochs} epochs, then not",
    }[choice["schedule"]]


def table(found: Mapping[str, Any]) -> str:
    """The answer for a person: predictions, until when, and the advice as the last lines."""
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
    blocks = [
        f"what the moments predict at theta = {theta}, batch size {B} (eta*L {eta_L}); ratio, step (1-theta)eta and beyond are over s²/B",
        aligned([titles, *lines], right=frozenset(range(len(titles)))),
        "smoothing helps",
        aligned(until),
        found["advice"],
    ]
    return "\n".join(blocks)


def _cell(value: float | None) -> str:
    return "all" if value is None else number(value)


def _until(epoch: int, epochs: int, last: int) -> str:
    """Until when smoothing helps; beyond the ``last`` measured epoch that is a guess."""
    said = "never" if epoch == 0 else "to the end" if epoch >= epochs else f"before epoch {epoch}"
    return f"{said}, extrapolated from epoch {last}" if epoch > last else said
