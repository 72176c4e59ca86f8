"""Results as JSON objects and as the small tables that the command line prints. Scalars only: a table has one row a thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np

from tsla.theory.bound import Bound
from tsla.theory.complexity import Comparison
from tsla.theory.constants import Array, UnrepresentableError
from tsla.theory.plan import Plan, Stage
from tsla.theory.smoothing import lemma_theta
from tsla.theory.variance import Variance

Json = dict[str, Any]


def number(value: Array | float) -> str:
    """Four significant digits, thousands separated: 0.1818, 800,000, 1.235e+12."""
    x = float(value)
    if x == 0 or 1e-4 <= abs(x) < 1e4:
        return f"{x:,.4g}"
    return f"{x:,.0f}" if 1e4 <= abs(x) < 1e12 else f"{x:.4g}"


def number_up(value: Array | float) -> str:
    """As :func:`number`, rounded up: what is printed of a bound is a bound, for inputs known to half an ulp, as decimals are."""
    x = float(value)
    if x <= 0 or not np.isfinite(x):
        return number(x)
    exact = Decimal(x * (1 - 32 * np.finfo(np.float64).eps))  # 1.2000000000000002 is 1.2, not 1.201
    raised = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 3), rounding=ROUND_CEILING)
    held = Decimal("1e-300") < raised < Decimal("1e300")  # else four digits may be more, or a larger number, than a float holds
    return number(float(raised)) if held else f"{raised.normalize():e}"


def count(value: Array | float) -> str:
    """A whole number of steps, exactly as far as it is readable; "never" where there is no such number."""
    x = float(value)
    if not np.isfinite(x):
        return "never"
    return f"{x:,.0f}" if x < 1e15 else f"{x:.4g}"


def aligned(rows: list[list[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as columns two blanks apart; the columns in ``right`` are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )
    return "\n".join("  " + line.rstrip() for line in lines)


def listed(words: Iterable[str]) -> str:
    """Each once: "a, b and c"."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}" if most else last


def bound_json(bound: Bound) -> Json:
    """``{"method", "claim", "quantity", "total", "terms", "assumes"}``; the terms add up to the total."""
    return {
        "method": bound.method,
        "claim": bound.claim,
        "quantity": bound.quantity,
        "total": float(bound.total),
        "terms": {name: float(value) for name, value in bound.terms.items()},
        "assumes": list(bound.assumes),
    }


def bound_table(bound: Bound) -> str:
    """The total, then a row a term, largest first, with its share and what would lower it."""
    total = float(bound.total)
    rows = [
        [name, number_up(value), f"{100 * float(value) / total:.1f} %" if total > 0 else "", f"lowered by {bound.lowered_by[name]}"]
        for name, value in sorted(bound.terms.items(), key=lambda item: -float(item[1]))
    ]
    head = f"{bound.quantity} <= {number_up(bound.total)}   ({bound.claim}; assumes {' '.join(bound.assumes)})"
    return f"{head}\n{aligned(rows, right=frozenset({1, 2}))}\n  The {bound.dominant} term dominates."


def stage_json(stage: Stage) -> Json:
    """``{"eta", "theta", "steps"}``, and ``"decay_steps"`` where the step size falls as ``eta/(1 + t/decay_steps)``."""
    row: Json = {"eta": float(stage.eta), "theta": float(stage.theta), "steps": int(stage.steps)}
    return row if stage.decay_steps is None else row | {"decay_steps": float(stage.decay_steps)}


def plan_json(plan: Plan) -> Json:
    """``{"method", "claim", "reachable", "total", "stages", "assumes"}``; where not reachable total is null and why, floor say so."""
    reachable = bool(plan.reachable)
    row: Json = {
        "method": plan.method,
        "claim": plan.claim,
        "reachable": reachable,
        "total": int(plan.total) if reachable else None,
        "stages": [stage_json(stage) for stage in plan.stages] if reachable else [],
        "assumes": list(plan.assumes),
    }
    return row if reachable else row | {"why": plan.why, "floor": None if plan.floor is None else float(plan.floor)}


def plan_table(plan: Plan, eps: float) -> str:
    """The total, then a row a stage; for a target out of reach, why and the floor."""
    source = f"({plan.claim}; assumes {' '.join(plan.assumes)})"
    if not plan.reachable:
        floor = "" if plan.floor is None else f" Its floor is {number(plan.floor)}."
        return f"{plan.method} can't reach E‖∇F‖² <= {number(eps**2)} by its bound {source}:\n  {plan.why}.{floor}"
    rows = [["stage", "eta", "theta", "steps"]]
    for i, stage in enumerate(plan.stages, 1):
        decay = "" if stage.decay_steps is None else f"/(1 + t/{number(stage.decay_steps)})"
        rows.append([str(i), number(stage.eta) + decay, number(stage.theta), count(stage.steps)])
    longest = int(np.argmax([float(stage.steps) for stage in plan.stages])) + 1
    tail = f"\n  Stage {longest} dominates." if len(plan.stages) > 1 else ""
    head = f"{plan.method}: {count(plan.total)} samples until E‖∇F‖² <= {number(eps**2)}   {source}"
    return f"{head}\n{aligned(rows, right=frozenset({1, 2, 3}))}{tail}"


def comparison_json(comparison: Comparison) -> Json:
    """``{"ahead", "why", "methods", "crossovers"}``, the methods fastest first, each as :func:`plan_json`."""
    return {
        "ahead": comparison.ahead,
        "why": comparison.why,
        "methods": [plan_json(plan) for plan in comparison.plans],
        "crossovers": {name: _delta_json(delta) for name, delta in comparison.crossovers.items()},
    }


def comparison_table(comparison: Comparison, eps: float) -> str:
    """All methods, fastest first, with their stages, and one sentence on who is ahead and why."""
    rows = [[f"samples until E‖∇F‖² <= {number(eps**2)}", "", "claim", "assumes"]]
    for plan in comparison.plans:
        stages = " + ".join(count(stage.steps) for stage in plan.stages) if len(plan.stages) > 1 else ""
        total = count(plan.total) if plan.reachable else f"never: floor {number(plan.floor if plan.floor is not None else 0)}"
        rows.append([f"{plan.method}  {stages}".rstrip(), total, plan.claim, " ".join(plan.assumes)])
    tsla = {name: delta for name, delta in comparison.crossovers.items() if name.startswith("tsla")}
    crossovers = ", ".join(f"{name.removeprefix('tsla before ')} {_range(delta)}" for name, delta in tsla.items())
    return f"{aligned(rows, right=frozenset({1}))}\n  {comparison.why}\n  As delta varies, TSLA's bound is ahead of {crossovers}."


def _delta_json(delta: float) -> float | str:
    """JSON has no infinity: "always" for every δ, "never" for none."""
    if np.isinf(delta):
        return "always"
    return delta if delta > 0 else "never"


def _range(delta: float) -> str:
    return {np.inf: "always", 0.0: "never"}.get(delta, f"below {number(delta)}")


def _delta(delta: float) -> str:
    said = _delta_json(delta)
    return said if isinstance(said, str) else number(said)


def crossovers_json(crossovers: dict[str, float], eps: float) -> Json:
    """``{"eps", "largest_delta": {pair: number, "always" or "never"}}``."""
    return {"eps": eps, "largest_delta": {name: _delta_json(delta) for name, delta in crossovers.items()}}


def crossovers_table(crossovers: dict[str, float], eps: float) -> str:
    """A row a pair of methods."""
    rows = [["smoothed bound", "", "largest delta"], *([*_pair(name), _delta(delta)] for name, delta in crossovers.items())]
    return f"to reach E‖∇F‖² <= {number(eps**2)}\n{aligned(rows, right=frozenset({2}))}"


def _pair(name: str) -> list[str]:
    method, _, rest = name.partition(" ")
    return [method, rest.replace("before", "ahead of")]


def best_eps_table(best: dict[str, float | None], budget: float) -> str:
    """A row a method, the smallest ε first."""
    ordered = sorted(best.items(), key=lambda item: np.inf if item[1] is None else item[1])
    rows = [["method", "eps", "eps²"]]
    rows += [[name, *(("no eps", "") if eps is None else (number(eps), number(eps**2)))] for name, eps in ordered]
    return f"what {count(budget)} samples reach, by the bounds\n{aligned(rows, right=frozenset({1, 2}))}"


def critical_batch_json(size: float) -> Json:
    """``{"critical_batch_size"}``; null, with ``why``, where there is no bias and so no limit. Not positive: smoothing helps at no size."""
    if np.isfinite(size):
        return {"critical_batch_size": size}
    return {
        "critical_batch_size": None,
        "why": f"beta2 = 0: smoothing {'lowers' if size > 0 else 'raises'} the variance at every batch size",
    }


def critical_batch_table(size: float, theta: float) -> str:
    """One line."""
    if size <= 0:
        return f"at no batch size does smoothing at theta = {number(theta)} help   (C14)"
    limit = "every batch size (no bias)" if np.isinf(size) else f"batches below {number(size)}"
    return f"smoothing at theta = {number(theta)} helps for {limit}   (C14)"


def variance_json(variance: Variance) -> Json:
    """``{"lemma", "exact", "theta", "theta_star", "minimum", "shrinkage"}``; what the inputs don't determine is null."""
    return {name: None if value is None else float(value) for name, value in asdict(variance).items()}


def variance_table(variance: Variance, plain: float, smoothed: float) -> str:
    """A row a quantity beside its ratio to ``plain``, the variance without smoothing; ``smoothed`` is that at ``theta = 1``."""
    if plain == 0:
        return "There is no variance to lower: sigma2 or s2 is 0."
    theta = number(variance.theta)
    rows = [["", "value", "of plain"]]
    for label, value in (
        ("plain, theta = 0", np.asarray(plain)),
        (f"lemma V(theta), theta = {theta}  (C2)", variance.lemma),
        (f"exact, theta = {theta}  (C11)", variance.exact),
        (f"step (1-theta)eta instead, theta = {theta}  (C17)", variance.shrinkage),
        (
            "" if variance.theta_star is None else f"exact at its best theta* = {number(variance.theta_star)}  (C11)",
            variance.minimum,
        ),
    ):
        if value is not None:
            rows.append([label, number(value), f"{_ratio(value, plain):.4g}"])
    verdict = "The lemma promises a lower variance" if smoothed < plain else "The lemma promises nothing"
    delta = _ratio(smoothed, plain)
    return (
        f"E‖g_LS - ∇F‖²\n{aligned(rows, right=frozenset({1, 2}))}\n  {verdict}: delta = {delta:.4g}; "
        f"its own best theta is {float(lemma_theta(delta)):g} (C10).{_beyond(variance)}"
    )


def _ratio(value: Array | float, plain: float) -> float:
    ratio = float(value) / plain
    if not np.isfinite(ratio):
        raise UnrepresentableError(f"{number(value)} divided by {number(plain)} overflows float64; rescale F")
    return ratio


def _beyond(variance: Variance) -> str:
    if variance.exact is None:
        return " The exact values need --s2 --shat2 --c."
    if variance.shrinkage is None:
        return " Whether that is more than a smaller step needs --grad2 (C17)."
    more = float(variance.exact) < float(variance.shrinkage)
    return f" Smoothing does {'more' if more else 'no more'} than the smaller step (C17)."
