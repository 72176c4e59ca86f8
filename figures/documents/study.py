"""The tables of ``docs/study.md``: what the study found of E1-E5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study import paths
from tsla.empirics.experiments.study.comparisons import CLAIMS, KEPT, arms_of, e4
from tsla.empirics.experiments.study.findings import Finding, along, compared, e1, power_shown
from tsla.empirics.experiments.study.outcomes import OUTCOMES, RUN, Choice, Outcome, best, differences, tuned, values
from tsla.empirics.experiments.study.scope import scope
from tsla.empirics.experiments.study.settings import CLEAN, DECAYED, EARLY, EPOCHS, PATH_EPOCHS, PRIMARY, SETTINGS, WHOLE
from tsla.empirics.experiments.study.verdicts import Study, by_setting, decayed, family, load, verdict
from tsla.empirics.moments.columns import moments_of
from tsla.empirics.statistics.intervals import student_t
from tsla.figures.documents import markdown
from tsla.figures.documents.findings import POWER, power, verdicts


def tables(folder: Path) -> tuple[str]:
    """All tables, in the order of the document."""
    study = load(folder)
    found = family(study)
    parts: list[tuple[str, str]] = [
        ("Verdicts", _verdicts(found)),
        ("Setting by setting, in the words of the third round", verdicts({claim: by_setting(claim, found) for claim in ("E1", *CLAIMS)})),
        ("The primary comparisons", _comparisons(study, found)),
        ("How far test accuracy moves from one of the last epochs to the next, in points", _swing(study)),
        (POWER, power(found)),
        (
            "Exploratory, later than the rest: E3 and E5 where the step size decays by steps, seeds and tuning as in the study",
            _decay(study),
        ),
        ("Along plain training, and what smoothing at θ = 0.1 would do at the same weights", _along(study)),
        ("E1 without wrong labels, along plain training, θ = 0.1: the ratio less 1, and what of it a smaller step does not", _clean(study)),
        ("log s² along the path of smoothed training (θ = 0.1), less that of plain training", _own_paths(study)),
        ("The best drop, by each outcome", _drops(study)),
        ("No label noise: the best drop by the test loss, and what of it is confidence", _confidence(study)),
        ("Accuracy with step sizes tuned for each arm", _arms(study, common=False)),
        ("Accuracy at a common step size, that of `none`", _arms(study, common=True)),
        ("Calibration: logarithm of the ECE, step sizes tuned for accuracy", _arms(study, common=False, outcome="calibration")),
        *_left_tables(study),
    ]
    return (markdown.sections(parts),)


def _left_tables(study: Study) -> Iterable[tuple[str, str]]:
    for setting in (name for name in PRIMARY if name in WHOLE):
        for outcome in ("loss", "test loss", "accuracy"):
            title = f"{setting}: {outcome} of `tsla-0.3-s` less `none`, by epochs smoothed and epochs left (* established at 95 %)"
            yield title, _epochs_left(study, setting, outcome)


def _verdicts(found: Sequence[Finding]) -> str:
    """A line a claim: the vote of the plan over the settings of the family."""
    lines = []
    for claim in ("E1", *CLAIMS):
        own = [one for one in found if one.claim == claim]
        lines.append((claim, verdict(claim, own), "; ".join(f"{one.setting}: {one.interval}" for one in own)))
    titles = (
        "claim",
        f"vote on these settings: {scope([SETTINGS[name] for name in PRIMARY])}",
        "effect at each primary setting, 95 % interval",
    )
    return markdown.table(titles, lines)


def _comparisons(study: Study, found: Sequence[Finding]) -> str:
    """The family, a line a test; E1's literal form below."""
    literal = [e1(study.paths, setting, "ratio") for setting in PRIMARY]
    lines = [(*_compared(one), f"{one.adjusted:.2g}") for one in found] + [(*_compared(one), "not in the family") for one in literal]
    table = markdown.table(("claim", "setting", "compared", "difference", "d_z in favour", "seeds", "η at an edge", "p, Holm"), lines)
    edges = [one for one in found if one.at_edge]
    where = "; ".join(
        f"{setting}: {sum(one.setting == setting for one in edges)}" for setting in dict.fromkeys(one.setting for one in edges)
    )
    return f"{table}\n\nThe step size of an arm lies at an edge of its grid in {len(edges)} of the {len(found)} comparisons ({where})."


def _compared(one: Finding) -> tuple[str, ...]:
    seeds, edge = str(len(one.differences)), "yes" if one.at_edge else "no"
    return (one.claim, one.setting, one.what, str(one.interval), f"{one.effect:.2f}", seeds, edge)


def _swing(study: Study) -> str:
    """The mean over the seeds and the last two steps from epoch to epoch, of the arms that E3 compares."""
    lines = []
    for setting in PRIMARY:
        (one,) = CLAIMS["E3"](study.tuning, setting)
        for choice in (one.a, one.b):
            accuracy = _epochs(study.epochs, setting, choice, "accuracy")[[*range(EPOCHS - 2, EPOCHS + 1)]].to_numpy(dtype=np.float64)
            moved = 100 * float(np.abs(np.diff(accuracy)).mean())
            lines.append((setting, f"{choice.arm} (η = {choice.eta:g})", f"{moved:.2g}"))
    return markdown.table(("setting", "arm", "points"), lines)


def _drops(study: Study) -> str:
    """The best drop by each outcome, tuned for it, less either end of the run: whichever speaks less for it."""
    lines = [
        (setting, outcome, one.what, str(one.interval), f"{one.p:.2g}")
        for setting in WHOLE
        for outcome in ("loss", "test loss", "accuracy")
        for one in [compared(study.runs, "E4", setting, e4(study.tuning, setting, outcome))]
    ]
    return markdown.table(("setting", "outcome", "compared", "difference", "p"), lines)


def _confidence(study: Study) -> str:
    """On clean data, the best drop by the test loss less either end of the run: as it is, and at the best temperature of either."""
    raw, tempered = (Outcome(column, (EPOCHS,)).of(study.tempering) for column in ("test_loss", "tempered"))
    runs = raw.to_frame("raw").assign(tempered=tempered).reset_index()
    temperatures = study.tempering[study.tempering["epoch"] == EPOCHS].groupby(["setting", "arm"])["temperature"].mean()
    least = study.tempering.loc[study.tempering.groupby(RUN)["test_loss"].idxmin()].groupby(["setting", "arm"])["epoch"].mean()
    lines = [
        (
            setting,
            str(one),
            *(str(student_t(differences(runs, setting, one.a, one.b, outcome))) for outcome in ("raw", "tempered")),
            *(f"{temperatures[setting, arm]:.3g}" for arm in (one.a.arm, one.b.arm)),
            *(f"{least[setting, arm]:.3g}" for arm in (one.a.arm, one.b.arm)),
        )
        for setting in CLEAN
        for one in e4(study.tuning, setting)
    ]
    of_each = ("temperature of the first", "of the second", "epoch of the least test loss of the first", "of the second")
    return markdown.table(("setting", "compared", "log test loss", "log test loss at the best temperatures", *of_each), lines)


def _decay(study: Study) -> str:
    """E3 and E5 where the step size decays, each arm less ``none`` too; below, where that was."""
    found = [one for claim in KEPT for setting in DECAYED for one in decayed(study, claim, setting)]
    lines = [(one.claim, one.setting, one.what, str(one.interval), str(len(one.differences)), power_shown(one.power)) for one in found]
    table = markdown.table(("claim", "setting", "compared", "difference", "seeds", "power"), lines)
    return f"{table}\n\nOn these settings: {scope(list(DECAYED.values()))}."


def _arms(study: Study, *, common: bool, outcome: str = "accuracy") -> str:
    """An outcome of each family of arms less that of ``none``: tuned for accuracy, or at the step size that is best for ``none``."""
    families = ("lsr", "tsla", "shrink-tsla", "annealed", "adaptive", "own-hard", "own-hard-tsla")
    lines = []
    for setting in WHOLE:
        none = tuned(study.tuning, setting, "none", "accuracy")
        cells = [str(student_t(values(study.runs, setting, none, outcome).to_numpy(dtype=np.float64)))]
        for name in families:
            choice = _choice(study, setting, name, none.eta if common else None)
            cells.append(f"{choice.arm}: {student_t(differences(study.runs, setting, choice, none, outcome))}" if choice else "-")
        lines.append((setting, *cells))
    return markdown.table(("setting", f"`none`, {outcome}", *(f"{name} less none" for name in families)), lines)


def _choice(study: Study, setting: str, name: str, eta: float | None) -> Choice | None:
    """The best arm of a family by accuracy on the tuning seeds; with ``eta``, at this step size."""
    tuning = study.tuning if eta is None else study.tuning[np.isclose(study.tuning["eta"], eta)]
    wanted = [arm for arm in tuning.loc[tuning["setting"] == setting, "arm"].unique() if arm == name] + arms_of(study.tuning, setting, name)
    return best(tuning, setting, wanted, "accuracy") if wanted else None


def _epochs_left(study: Study, setting: str, outcome: str) -> str:
    """The outcome, less that of ``none``, against the epochs smoothed (rows) and the epochs left after the drop (columns), at θ = 0.3."""
    left = (0, 1, 2, 4, 8, 12)
    none = _by_epoch(study, setting, "none", outcome)
    lines = []
    for arm in arms_of(study.tuning, setting, "tsla"):
        theta, drop = arm.split("-")[1:]
        if theta == "0.3":
            less_none = (_by_epoch(study, setting, arm, outcome) - none).dropna()  # the seeds of the one that has fewer
            lines.append((drop, *(_marked(less_none[epoch]) if (epoch := int(drop) + r) <= EPOCHS else "" for r in left)))
    lines.sort(key=lambda line: int(line[0]))
    return markdown.table(("epochs smoothed", *(f"{r} left" for r in left)), lines)


def _by_epoch(study: Study, setting: str, arm: str, outcome: str) -> pd.DataFrame:
    """The outcome of an arm as tuned for it."""
    return _epochs(study.epochs, setting, tuned(study.tuning, setting, arm, outcome), outcome)


def _epochs(epochs: pd.DataFrame, setting: str, choice: Choice, outcome: str) -> pd.DataFrame:
    """The outcome of a choice, a row a seed and a column an epoch. Raises ValueError where a run diverged."""
    runs = epochs[(epochs["setting"] == setting) & (epochs["arm"] == choice.arm)]
    rows = runs[np.isclose(runs["eta"], choice.eta, rtol=1e-6)]
    found = OUTCOMES[outcome].scaled(rows).set_axis([rows["seed"], rows["epoch"]]).unstack("epoch")  # noqa: PD010 - pivot_table would average
    if not np.isfinite(found.to_numpy()).all():
        raise ValueError(f"{choice.arm} diverged in {setting!r}; leaving the seed out would flatter it")
    return found


def _marked(differences: pd.Series) -> str:
    found = student_t(differences.to_numpy())
    mark = "" if float(found.low) <= 0 <= float(found.high) else "*"
    return f"{float(found.estimate):+.3f}{mark}"


def _along(study: Study) -> str:
    """What smoothing at θ = 0.1 does to the variance before the epochs of the path of ``none``, and what of it a smaller step does not."""
    columns = ("train_loss", "grad2", "eta_L", "delta", "delta0", "ratio", "beyond")
    lines = []
    for setting in PRIMARY:
        rows = along(study.paths, setting)
        rows = rows.assign(critical=moments_of(rows).critical_batch_size(0.1))
        for epoch in PATH_EPOCHS:
            here = rows[rows["epoch"] == epoch]
            means = [str(student_t(here[name].to_numpy())) for name in columns]
            lines.append((setting, str(epoch), *means, f"{here['critical'].median():.3g}"))
    titles = ("setting", "epoch", "F", "‖∇F‖²", "ηL", "δ", "δ0", "ratio, B = 16", "beyond the control", "B_c(0.1), median")
    return markdown.table(titles, lines)


def _clean(study: Study) -> str:
    """Early, as E1 has it, and before each epoch: means over the seeds."""
    early = f"{EARLY[0]} to {EARLY[-1]}"
    lines = []
    for setting in CLEAN:
        rows = along(study.paths, setting)
        rows = rows.assign(ratio=rows["ratio"] - 1)
        lines.append((setting, early, *(str(e1(study.paths, setting, way).interval) for way in ("ratio", "beyond")), ""))
        for epoch in PATH_EPOCHS:
            here = rows[rows["epoch"] == epoch]
            above = f"{(here['ratio'] > 0).sum()} of {len(here)}"
            lines.append((setting, str(epoch), *(str(student_t(here[way].to_numpy())) for way in ("ratio", "beyond")), above))
    return markdown.table(("setting", "epoch", "ratio less 1, B = 16", "beyond the control", "seeds with a ratio above 1"), lines)


def _own_paths(study: Study) -> str:
    """``log s²`` on the path of ``lsr-0.1`` less that on the path of ``none``, at equal epochs and at equal F."""
    ways = (paths.variance_at_equal_epoch, paths.variance_at_equal_loss)
    lines = [
        (setting, str(epoch), *(str(at(study.paths, setting, "lsr-0.1", epoch)) for at in ways))
        for setting in PRIMARY
        for epoch in PATH_EPOCHS[1:]
    ]
    return markdown.table(("setting", "epoch", "equal epoch", "equal F"), lines)
