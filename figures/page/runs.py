"""What the report ran itself and the records that it read, as tables and texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tsla.empirics.moments.columns import measured
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import live
from tsla.figures.digits import over_seeds
from tsla.figures.live import Rows

NUMBERS = {"delta": "δ", "delta0": "δ0 = ‖∇F‖²/s²", "s2": "s²", "shat2": "ŝ²", "c": "c", "grad2": "‖∇F‖²", "theta_star": "θ*"}
BATCH_NUMBERS = {"ratio": "variance ratio, smoothed", "shrink_ratio": "variance ratio, step (1-θ)η", "beyond": "beyond shrinking"}


@dataclass(frozen=True)
class Runs:
    """Whether the live rows are those of the record, the plans beside their bounds, the records rechecked, and the digits run."""

    comparison: str
    problem: str
    replicas: int
    plans: Rows
    rechecked: Rows
    digits: Rows


def runs(source: Path, fresh: Path) -> Runs:
    """From the folder of the records, and from that of what the report ran itself."""
    digits = records.of(source, "digits")
    again, plans, rechecked = (records.read(fresh / f"{name}.parquet") for name in ("digits", "plans", "recheck"))
    plan = plans.config["configs"][0]
    return Runs(
        live.comparison(digits, again), plan["problem"], plan["replicas"], live.plans(plans), live.rechecked(rechecked), digits_rows(digits)
    )


def digits_rows(record: Record) -> Rows:
    """The measured moments of both paths at the first and the last epoch, each with its 95 % interval over the seeds."""
    config = record.config["configs"][0]
    rows = measured(record.table, theta=config["theta"], batch_size=config["batch_size"])
    epochs = (0, config["epochs"])
    head = ["path, quantity", *(f"epoch {epoch}" for epoch in epochs)]
    batch = f" (B = {config['batch_size']}, θ = {config['theta']})"
    body = [
        [f"{method}: {label}{batch if column in BATCH_NUMBERS else ''}"]
        + [str(over_seeds(rows, column, method=method, epoch=epoch)) for epoch in epochs]
        for method in ("sgd", "lsr")
        for column, label in (NUMBERS | BATCH_NUMBERS).items()
    ]
    return [head, *body]


def provenance(source: Path) -> list[dict[str, str]]:
    """Of each record its name, the hash of its configuration, the command that makes it again, and the versions that did."""
    found = []
    for path in sorted(source.glob("*.parquet")):
        record = records.read(path)
        versions = ", ".join(f"{name} {value}" for name, value in record.environment.items())
        found.append({"name": path.name, "hash": record.hash, "command": record.command, "versions": versions})
    return found
