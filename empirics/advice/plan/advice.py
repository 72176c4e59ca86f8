"""What a pilot says: the theory's predictions along it, and which naive rule was best for an outcome, with how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsla.empirics.advice.plan.pilot import Pilot
from tsla.empirics.advice.plan.predictions import HELPS, crossing, predictions
from tsla.empirics.advice.plan.validation import NAIVE_RULES, OUTCOMES, amount, best_naive
from tsla.theory.constants import must_be_one_of
from tsla.theory.text import Json, aligned, noted, number, wrapped


def advise(pilot: Pilot, outcome: str, validated: Mapping[str, Any]) -> Json:
    """Everything that `tsla plan` answers, as one JSON object.

    unit:            what time is counted in, "epoch" or "step", by which columns are called
    predictions:     a line a measured epoch; ``critical_batch_size`` is B_c(θ), 0 where smoothing helps at none, null where at every one
    until:           the first epoch at which smoothing no longer helps, in each way of HELPS; the number of epochs where it does to the end
    helps_at:        the measured epochs at which smoothing helps, in each way of HELPS: some may come after ``until``
    recommendation:  the naive rule that was best: ``rule, theta, schedule, drop``, its regret in the ``settings``, so many, of ``scope``
                     and ``data``, and the ``tests`` in which no rule that looks at a pilot was better on each of them
                     (:mod:`tsla.empirics.advice.plan.validation`)

    Raises ValueError for an unknown outcome.
    """
    must_be_one_of("outcome", outcome, OUTCOMES)
    choice = recommendation(pilot, outcome, validated)
    ways = {name: excess(pilot) for name, (excess, _) in HELPS.items()}
    return {
        "outcome": outcome,
        "theta": pilot.theta,
        "batch_size": pilot.batch_size,
        "unit": pilot.unit,
        f"{pilot.unit}s": pilot.epochs,
        "eta_L": pilot.eta_L,
        "predictions": predictions(pilot),
        "until": {name: crossing(pilot, excess) for name, excess in ways.items()},
        "helps_at": {name: pilot.measured_at[excess < 0].astype(int).tolist() for name, excess in ways.items()},
        "recommendation": choice,
        "advice": "\n".join(sentences(choice, pilot, outcome)),
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


def sentences(choice: Mapping[str, Any], pilot: Pilot, outcome: str) -> list[str]:
    """That no rule that looks at a pilot was better than a naive one on each setting, and which naive one was best, one claim each."""
    by_kind = [
        f"The rule of {test['kind']} '{test['rule']}' had {amount(test, 'difference', outcome)} more regret than '{test['naive']}', "
        f"and less on {sum(value < 0 for value in test['by_setting'].values())} of {choice['settings']} settings."
        for test in choice["tests"]
    ]
    below = " A regret below 0 means that the other seeds of the sweep chose worse." if choice["regret"] < 0 else ""
    return [
        f"Moments could not tell when to drop smoothing for {outcome}.",
        f"The best rule that looks at no pilot was '{choice['rule']}', which is to {_what(choice, pilot)}.",
        f"Its regret against the best of a sweep was {amount(choice, 'regret', outcome)}.{below}",
        *by_kind,
        f"The settings did not build the rules of docs/planner.md. They are of {len(choice['data'])} data sets, too few for an interval.",
        f"The settings are {choice['scope']}.",
    ]


def _what(choice: Mapping[str, Any], pilot: Pilot) -> str:
    theta, length = number(choice["theta"]), f"{pilot.epochs} {pilot.unit}s"
    return {
        "none": "never smooth",
        "constant": f"smooth at theta = {theta} in all {length}",
        "two-stage": f"smooth at theta = {theta} in the first {choice['drop']} of {length} and then not",
    }[choice["schedule"]]


def table(found: Mapping[str, Any]) -> str:
    """The answer for a person, at most 80 columns wide: the advice, predictions, and until when smoothing helps."""
    theta, B, unit = number(found["theta"]), found["batch_size"], found["unit"]
    known = found["eta_L"] is not None
    columns: dict[str, tuple[str, str]] = {
        unit: (unit, ""),
        "δ": ("delta", "variance about ∇F of ĝ over that of g, for one example (A3)"),
        "δ0": ("delta0", "δ if ĝ were 0 (C17)"),
        f"δ_{B}": ("delta_at_batch_size", f"δ of a batch of {B} (C14)"),
        "ratio": ("ratio", "variance of a batch with smoothing over that without (C11)"),
        "beyond": ("beyond", "ratio less that of a step of (1-theta)eta; below 0 smoothing does more (C17)"),
        "B_c": ("critical_batch_size", "batch size below which smoothing lowers the variance (C14)"),
        "floor": ("floor_is_lower", "of C12's bound, with smoothing"),
        "θ*": ("theta_star", "strength of least variance (C11)"),
        **({"θ°": ("theta_for_step", "strength of the least floor (C12)")} if known else {}),
    }
    lines = [[_cell(name, line[name]) for name, _ in columns.values()] for line in found["predictions"]]
    until = [[_until(found, name), meaning] for name, (_, meaning) in HELPS.items()]
    eta_L = f"eta*L = {number(found['eta_L'])}" if known else "eta*L is not known and taken for 1"
    blocks = [
        *map(wrapped, found["advice"].splitlines()),
        "",
        wrapped(f"what the moments predict at theta = {theta} and batch size {B}; {eta_L}"),
        aligned([list(columns), *lines], right=frozenset(range(len(columns)))),
        "where g and ĝ are the gradients at the label and at the smoothing label",
        noted([[name, meaning] for name, (_, meaning) in columns.items() if meaning]),
        "",
        "smoothing helps",
        noted(until),
    ]
    return "\n".join(blocks)


def _cell(name: str, value: float | bool | None) -> str:
    """Three digits. Where smoothing helps in every batch B_c is "all", and where in none it is "none"."""
    if isinstance(value, bool):
        return "lower" if value else "raised"
    if name == "critical_batch_size" and value == 0:
        return "none"
    return "all" if value is None else f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.3g}"


def _until(found: Mapping[str, Any], name: str) -> str:
    """Until when smoothing helps, and whether it does again; beyond the last measured epoch or step that is a guess."""
    unit, time, helps_at = found["unit"], found["until"][name], found["helps_at"][name]
    measured = [int(line[unit]) for line in found["predictions"]]
    if not helps_at:
        return "never"
    if helps_at[0] > measured[0]:
        return f"not at {unit} {measured[0]}, but at {len(helps_at)} of {len(measured)} measured {unit}s"
    again = [epoch for epoch in helps_at if epoch >= time]
    if again:
        return f"before {unit} {time}, and again at {len(again)} of {sum(at >= time for at in measured)} later measured {unit}s"
    said = "to the end" if time >= found[f"{unit}s"] else f"before {unit} {time}"
    return f"{said}, extrapolated from {unit} {measured[-1]}" if time > measured[-1] else said
