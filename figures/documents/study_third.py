"""The tables of ``docs/study_third.md``: E1-E5 with momentum, weight decay and a step size that falls, claim by claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tsla.empirics.experiments.study import predictions, third_verdicts
from tsla.empirics.experiments.study.findings import MATTERS, THETA, WAYS, Finding, Runs, along, e1
from tsla.empirics.experiments.study.scope import NAMES, network, noise
from tsla.empirics.experiments.study.settings import Setting
from tsla.empirics.experiments.study.third import EVERY, PATH_EPOCHS
from tsla.empirics.experiments.study.third_verdicts import PLANNED, at
from tsla.empirics.statistics.intervals import student_t
from tsla.figures import markdown
from tsla.figures.documents.findings import commands, comparisons, counted, hundredths, verdicts, worded
from tsla.figures.documents.table import Cell, Table, of_records

CIFAR = "cifar-100"


def tables(folder: Path) -> tuple[str, ...]:
    """All tables of the page, in its order."""
    runs = third_verdicts.load(folder)
    found, predicted = third_verdicts.found(runs), predictions.found(runs)
    return (
        counted({(row,): [one for one in found if one.claim == row] for row in MATTERS}, ("claim",)),
        *(of_claim(row, found) for row in MATTERS),
        _predicted(predicted),
        commands("study_third", LONG),
    )


def of_claim(row: str, family: Iterable[Finding]) -> str:
    """Of a row of the plan a table for the small data sets and one for CIFAR-100, with a line for what the settings side by side share."""
    own = [one for one in family if one.claim == row]
    small = [one for one in own if EVERY[one.setting].data != CIFAR]
    large = [one for one in own if EVERY[one.setting].data == CIFAR]
    by_data = _side_by_side(small, ("network", *SHARED), lambda of: (network(of), *_shared(of)), lambda of: NAMES[of.data])
    by_network = _side_by_side(large, SHARED, _shared, lambda of: f"{NAMES[of.data]}, {_short(of)}")
    return "\n\n".join(table for table in (by_data, by_network) if table)


SHARED = ("step size", "labels")


def _shared(setting: Setting) -> tuple[str, str]:
    return "falls" if setting.decay == "step" else "constant", noise([setting])


def _short(setting: Setting) -> str:
    return f"{setting.head} head" if setting.head else network(setting)


def _side_by_side(
    found: Sequence[Finding], titles: Sequence[str], row: Callable[[Setting], tuple[str, ...]], column: Callable[[Setting], str]
) -> str:
    """Differences in hundredths with their words. A setting has several where several arms are compared."""
    cells: dict[tuple[str, ...], dict[str, list[Finding]]] = {}
    for one in found:
        cells.setdefault(row(EVERY[one.setting]), {}).setdefault(column(EVERY[one.setting]), []).append(one)
    columns = list(dict.fromkeys(name for line in cells.values() for name in line))
    lines = [(*labels, *(_cell(line.get(name, [])) for name in columns)) for labels, line in cells.items()]
    lines.sort(key=lambda line: line[: len(titles) - len(SHARED)])  # a network's lines together
    return markdown.table((*titles, *columns), lines) if lines else ""


def _cell(found: Sequence[Finding]) -> str:
    """Each with the arm that it is of, where there are several."""
    arms = [f"`{one.what.split()[0]}` " if len(found) > 1 else "" for one in found]
    return "; ".join(f"{arm}{hundredths(one.interval)}: {worded(one)}" for arm, one in zip(arms, found, strict=True)) or "-"


def _measured(runs: Runs) -> list[str]:
    return [name for name in PLANNED if len(at(runs, name).paths)]


def _ways(runs: Runs) -> Table:
    """Beyond the control, without it, and the ratio that needs none."""
    cells: list[tuple[Cell, ...]] = [(name, *(e1(runs.paths, name, way).interval for way in WAYS)) for name in _measured(runs)]
    return Table(("setting", *(what for what, _ in WAYS.values())), cells)


def _along(runs: Runs) -> Table:
    """Means over the seeds before each epoch; how much of the mean along ∇F smoothing leaves, which a noise is seen against."""
    columns = ("train_loss", "grad2", "ratio", "beyond", "noise_to_signal", "signal")
    cells: list[tuple[Cell, ...]] = []
    for name in _measured(runs):
        rows = along(runs.paths, name)
        rows = rows.assign(signal=1 - THETA + THETA * rows["alignment"] / rows["grad2"])
        for epoch in PATH_EPOCHS:
            here = rows[rows["epoch"] == epoch]
            cells.append((name, epoch, float(here["rate"].mean()), *(student_t(here[of].to_numpy()) for of in columns)))
    names = ("F", "‖∇F‖²", "ratio", "beyond the control", "noise to squared signal", "along ∇F, over ‖∇F‖ (below 0: uphill)")
    return Table(("setting", "epoch", "η", *names), cells)


def _predicted(found: Sequence[Finding]) -> str:
    """A line a prediction: at how many settings it is as predicted, and the verdict where the plan has a rule for one."""
    lines = []
    for prediction in predictions.PREDICTED:
        own = [predictions.at_setting(one) for one in found if one.claim == prediction]
        counts = (str(own.count(word)) for word in (predictions.HOLDS, predictions.FAILS, predictions.OPEN))
        by_rule = predictions.decided(prediction, found) if prediction in predictions.TESTED else "setting by setting"
        lines.append((prediction, predictions.SAYS[prediction], *counts, by_rule))
    return markdown.table(("", "predicted", predictions.HOLDS, predictions.FAILS, predictions.OPEN, "verdict"), lines)


def _predictions(runs: Runs) -> Table:
    """A line a prediction and setting."""
    found = predictions.found(runs)
    cells = [(one.claim, one.setting, one.what, one.interval, one.p, one.adjusted, predictions.at_setting(one)) for one in found]
    return Table(("prediction", "setting", "compared", "difference", "p", "p (Holm)", "found"), cells)


def _worded(runs: Runs) -> Table:
    found = third_verdicts.found(runs)
    return verdicts({claim: third_verdicts.by_setting(claim, found) for claim in dict.fromkeys(row.split()[0] for row in MATTERS)})


LONG = of_records(
    third_verdicts.load,
    {
        "verdicts": ("the settings under each word, with seeds and power", _worded),
        "comparisons": (
            "every comparison, with tests, power and the seeds that would be needed",
            lambda runs: comparisons(third_verdicts.found(runs)),
        ),
        "variance": (f"E1 and what stands beside it, early on the path of plain training; θ = {THETA}", _ways),
        "along": (f"E1 at every measured epoch of plain training, with the moments; θ = {THETA}", _along),
        "predictions": ("what C12 predicts of a step size that falls, setting by setting", _predictions),
    },
)
"""Long tables by name."""
