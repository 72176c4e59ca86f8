"""The tables of ``docs/study_third.md``: E1-E5 with momentum, weight decay and a step size that falls, claim by claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tsla.empirics.experiments.study import predictions, third_verdicts
from tsla.empirics.experiments.study.findings import MATTERS, THETA, WAYS, Finding, Runs, along, e1, power_shown
from tsla.empirics.experiments.study.scope import noise, schedule
from tsla.empirics.experiments.study.third import EVERY, PATH_EPOCHS
from tsla.empirics.experiments.study.third_verdicts import PLANNED, UNTUNED, at, by_setting
from tsla.empirics.statistics.intervals import student_t
from tsla.figures.documents import markdown
from tsla.figures.documents.findings import POWER, power, verdicts

CLAIMS = tuple(dict.fromkeys(row.split()[0] for row in MATTERS))


def tables(folder: Path) -> tuple[str]:
    """All tables, in the order of the document."""
    runs = third_verdicts.load(folder)
    found, predicted = third_verdicts.found(runs), predictions.found(runs)
    parts = [
        ("Verdicts", verdicts({claim: by_setting(claim, found) for claim in CLAIMS})),
        ("Settings that a record lacks", _missing(runs)),
        *((f"{row}, by schedule and noise", _compared(one for one in found if one.claim == row)) for row in MATTERS),
        (f"E1 and what stands beside it: early on the path of plain training, θ = {THETA}", _ways(runs)),
        (f"E1 at every measured epoch of the path of plain training, θ = {THETA}", _along(runs)),
        (POWER, power(found)),
        ("What C12 predicts of a step size that falls", _predicted(predicted)),
        ("The predictions, setting by setting", _predictions(predicted)),
    ]
    return (markdown.sections(parts),)


def _missing(runs: Runs) -> str:
    """A line a setting that is planned and not, or not all, there."""
    lacking = {name: [record for record, table in vars(at(runs, name)).items() if table.empty] for name in PLANNED}
    for name in UNTUNED:
        lacking[name].remove("tuning")  # is not planned
    lines = [(name, ", ".join(some)) for name, some in lacking.items() if some]
    return markdown.table(("setting", "has no"), lines) if lines else "None."


def _compared(found: Iterable[Finding]) -> str:
    """A line a setting, those of a schedule and an amount of noise together."""
    lines = [
        (
            *_group(one.setting),
            one.setting,
            one.what,
            str(one.interval),
            f"{one.p:.2g}",
            f"{one.adjusted:.2g}",
            f"{one.effect:.2f}",
            str(len(one.differences)),
            power_shown(one.power),
            "yes" if one.at_edge else "no",
            f"{one.word}, {one.aside}" if one.aside else one.word,
        )
        for one in found
    ]
    titles = (
        "schedule",
        "noise",
        "setting",
        "compared",
        "difference",
        "p",
        "p, Holm",
        "d_z in favour",
        "seeds",
        "power",
        "η at an edge",
        "verdict",
    )
    return markdown.table(titles, lines)


def _group(setting: str) -> tuple[str, str]:
    return schedule([EVERY[setting]]), noise([EVERY[setting]])


def _measured(runs: Runs) -> list[str]:
    return [name for name in PLANNED if len(at(runs, name).paths)]


def _ways(runs: Runs) -> str:
    """Beyond the control, without it, and the ratio that needs none."""
    lines = [(*_group(name), name, *(str(e1(runs.paths, name, way).interval) for way in WAYS)) for name in _measured(runs)]
    return markdown.table(("schedule", "noise", "setting", *(what for what, _ in WAYS.values())), lines)


def _along(runs: Runs) -> str:
    """Means over the seeds before each epoch; how much of the mean along ∇F smoothing leaves, which a noise is seen against."""
    columns = ("train_loss", "grad2", "ratio", "beyond", "noise_to_signal", "signal")
    lines = []
    for name in _measured(runs):
        rows = along(runs.paths, name)
        rows = rows.assign(signal=1 - THETA + THETA * rows["alignment"] / rows["grad2"])
        for epoch in PATH_EPOCHS:
            here = rows[rows["epoch"] == epoch]
            lines.append((name, str(epoch), f"{here['rate'].mean():.3g}", *(str(student_t(here[of].to_numpy())) for of in columns)))
    titles = (
        "setting",
        "epoch",
        "η",
        "F",
        "‖∇F‖²",
        "ratio",
        "beyond the control",
        "noise to squared signal",
        "along ∇F, over ‖∇F‖ (below 0: uphill)",
    )
    return markdown.table(titles, lines)


def _predicted(found: Sequence[Finding]) -> str:
    """A line a prediction: at how many settings it is as predicted, and the verdict where the plan has a rule for one."""
    lines = []
    for prediction in predictions.PREDICTED:
        own = [predictions.at_setting(one) for one in found if one.claim == prediction]
        counts = (str(own.count(word)) for word in (predictions.HOLDS, predictions.FAILS, predictions.OPEN))
        by_rule = predictions.decided(prediction, found) if prediction in predictions.TESTED else "setting by setting"
        lines.append((prediction, predictions.SAYS[prediction], *counts, by_rule))
    return markdown.table(("", "predicted", predictions.HOLDS, predictions.FAILS, predictions.OPEN, "verdict"), lines)


def _predictions(found: Iterable[Finding]) -> str:
    """A line a prediction and setting."""
    lines = [
        (one.claim, one.setting, one.what, str(one.interval), f"{one.p:.2g}", *_adjusted(one), predictions.at_setting(one)) for one in found
    ]
    return markdown.table(("", "setting", "compared", "difference", "p", "p, Holm", "found"), lines)


def _adjusted(one: Finding) -> tuple[str]:
    return (f"{one.adjusted:.2g}" if np.isfinite(one.adjusted) else "-",)
