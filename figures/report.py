"""The report: one HTML page that opens offline, with the checks, the figures, the numbers and where each of them comes from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from types import ModuleType

from tsla.empirics.moments.columns import measured
from tsla.empirics.runs import records
from tsla.empirics.runs.files import replacing
from tsla.empirics.runs.records import Record
from tsla.figures import gallery, interactive, live, paper_checks
from tsla.figures.digits import over_seeds
from tsla.theory.claims import CLAIMS

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>tsla: label smoothing, checked</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-size: 13px }
td, th { border-bottom: 1px solid #ccc; padding: 4px 8px; text-align: left; vertical-align: top }
figure { margin: 2em 0 } figure svg { max-width: 100%; height: auto } figcaption { font-size: 14px; color: #444 }
code, .source { font-size: 12px; color: #555 }
.claims td:nth-child(4) { font-weight: 600 }
</style></head><body>
<h1>When does label smoothing help optimisation?</h1>
<p>The claims of <em>Towards Understanding Label Smoothing</em> (Xu et al., 2020), checked: bounds, runs, measured gradient moments.
Every
figure comes from a record, and every record names the command that makes it again; what the claims table found comes from the
tests that carry the claim's id, as <code>tsla check</code> saw them last.</p>
<h2>Claims</h2><div class=claims>$claims</div>
<h2>Run for this page</h2>
<p>$comparison</p>$live
<p>The plan that each method's bound asks for, on $problem: what the bound promises, and the mean over $replicas replicas with its
95 % Student-t interval.</p>$plans
<h2>Are the records current?</h2>
<p>Parts of each record were made again by this code and laid beside the record.</p>$rechecked
<h2>The digits run in numbers</h2>$numbers
<h2>Figures</h2>$figures
<h2>Turn the batch size</h2>
<p>Smoothing's bias does not fall with the batch, its noise does (C14). Lines: second moment of the smoothed direction over plain SGD's;
dots: plain SGD with the smaller step (1-θ)η. Means over the seeds on plain SGD's path.</p>$knob
<h2>Records</h2>$records
</body></html>
""")

NUMBERS = {"delta": "δ", "delta0": "δ0 = ‖∇F‖²/s²", "s2": "s²", "shat2": "ŝ²", "c": "c", "grad2": "‖∇F‖²", "theta_star": "θ*"}
BATCH_NUMBERS = {"ratio": "variance ratio, smoothed", "shrink_ratio": "variance ratio, step (1-θ)η", "beyond": "beyond shrinking"}


def write(source: Path, fresh: Path, figures: Path, evidence: Sequence[paper_checks.Evidence], out: Path) -> Path:
    """Write the page to ``out``. Returns it.

    source: the folder of the records; ``fresh``: of those that the report made itself; ``figures``: of what was drawn from both
    """
    digits = records.read(source / "digits.parquet")
    again, plans, rechecked = (records.read(fresh / f"{name}.parquet") for name in ("digits", "plans", "recheck"))
    page = PAGE.substitute(
        claims=_claims(evidence),
        comparison=escape(live.comparison(digits, again)),
        live=_figure(figures / "live.svg", live),
        problem=plans.config["configs"][0]["problem"],
        replicas=plans.config["configs"][0]["replicas"],
        plans=_table(live.plans(plans)),
        rechecked=_table(live.rechecked(rechecked)),
        numbers=numbers_table(digits),
        figures="".join(_figure(figures / f"{name}.svg", module) for name, module in gallery.modules().items()),
        knob=interactive.batch_size_knob(digits).to_html(full_html=False, include_plotlyjs="inline", div_id="batch-size"),
        records="".join(_record(path) for path in sorted(source.glob("*.parquet"))),
    )
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out


def numbers_table(record: Record) -> str:
    """The measured moments of plain SGD's path at the first and the last epoch, each with its 95 % interval over the seeds."""
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
    return _table([head, *body])


def _table(rows: list[list[str]]) -> str:
    head, *body = (
        "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) for tag, row in zip(["th"] + ["td"] * len(rows), rows, strict=False)
    )
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{row}</tr>" for row in body) + "</table>"


def _claims(evidence: Sequence[paper_checks.Evidence]) -> str:
    rows = [paper_checks.cells(claim, evidence) for claim in CLAIMS]
    return _table([list(rows[0]), *([cell.strip("`") for cell in row.values()] for row in rows)])


def _figure(path: Path, module: ModuleType) -> str:
    svg = path.read_text(encoding="utf-8")
    return f"<figure>{svg[svg.index('<svg') :]}<figcaption>{escape(module.CAPTION)}</figcaption></figure>"


def _record(path: Path) -> str:
    record = records.read(path)
    versions = ", ".join(f"{name} {value}" for name, value in record.environment.items())
    return (
        f"<p class=source><b>{path.name}</b>, configuration {record.hash}: <code>{escape(record.command)}</code><br>{escape(versions)}</p>"
    )
