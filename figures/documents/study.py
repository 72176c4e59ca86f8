"""The tables of ``docs/study.md``: what the study found of E1-E5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study import paths
from tsla.empirics.experiments.study.comparisons import CLAIMS, KEPT, arms_of, e4
from tsla.empirics.experiments.study.findings import Finding, along, compared, e1, power_shown
from tsla.empirics.experiments.study.outcomes import OUTCOMES, RUN, Choice, Outcome, best, differences, tuned, values
from tsla.empirics.experiments.study.scope import NAMES, network, noise, schedule
from tsla.empirics.experiments.study.settings import (
    CLEAN,
    DECAYED,
    EPOCHS,
    FEWER_SEEDS,
    PATH_EPOCHS,
    PRIMARY,
    SETTINGS,
    WHOLE,
    Setting,
)
from tsla.empirics.experiments.study.verdicts import Study, by_setting, decayed, family, load, verdict
from tsla.empirics.moments.columns import moments_of
from tsla.empirics.statistics.intervals import Interval, student_t
from tsla.figures import markdown
from tsla.figures.documents.findings import commands, comparisons, counted, hundredths, verdicts, worded
from tsla.figures.documents.table import Cell, Table, of_records
from tsla.theory.text import listed

ROLES = PRIMARILY, BESIDE, LATER = ("primary", "beside", "later")
"""Of a setting: whether the claims are decided on it."""


def tables(folder: Path) -> tuple[str, ...]:
    """All tables of the page, in its order."""
    study = load(folder)
    found = family(study)
    return (
        _run(),
        _verdicts(found),
        of_claim("E1", found),
        _without_noise(study),
        of_claim("E2", found),
        of_claim("E3", found),
        of_claim("E4", found),
        _confidence(study),
        of_claim("E5", found),
        _decay(study),
        commands("study", LONG),
    )


def of_claim(claim: str, family: Iterable[Finding]) -> str:
    """A line a primary setting: what was compared, the difference in hundredths, and the word for it."""
    lines = [
        (
            one.setting,
            one.what,
            hundredths(one.interval),
            f"{one.adjusted:.2g}",
            str(len(one.differences)),
            power_shown(one.power),
            "yes" if one.at_edge else "no",
            worded(one),
        )
        for one in family
        if one.claim == claim
    ]
    return markdown.table(("setting", "compared", "difference × 100", "p (Holm)", "seeds", "power", "η at an edge", "word"), lines)


def _run() -> str:
    """A line a kind of setting: those of the verdicts, and those beside them."""
    kinds: dict[tuple[str, ...], list[Setting]] = {}
    for setting in (*SETTINGS.values(), *DECAYED.values()):
        role = PRIMARILY if setting.primary else LATER if setting.name in DECAYED else BESIDE
        seeds = FEWER_SEEDS if role == BESIDE else len(setting.seeds)
        optimiser = f"{schedule([setting])}{f', momentum {setting.momentum:g}' if setting.momentum else ''}"
        grid = f"{len(setting.etas)}, {setting.etas[0]:g} to {setting.etas[-1]:g}"
        about = (role, network(setting), noise([setting]), optimiser, str(seeds), grid)
        kinds.setdefault(about, []).append(setting)
    lines = [(role, on, listed(NAMES[one.data] for one in own), *rest) for (role, on, *rest), own in kinds.items()]
    lines.sort(key=lambda line: ROLES.index(line[0]))
    return markdown.table(("role", "network", "data", "labels", "optimiser", "seeds", "η of the grid"), lines)


def _verdicts(found: Sequence[Finding]) -> str:
    """A line a claim: the vote of the plan over the primary settings, and how many have which of the later plan's words."""
    of = {claim: [one for one in found if one.claim == claim] for claim in ("E1", *CLAIMS)}
    return counted({(claim, verdict(claim, own)): own for claim, own in of.items()}, ("claim", "vote"))


def _without_noise(study: Study) -> str:
    """Early, as E1 has it, where no label is wrong."""
    lines = [(setting, *(hundredths(e1(study.paths, setting, way).interval) for way in ("ratio", "beyond"))) for setting in CLEAN]
    return markdown.table(("setting", "smoothed less plain × 100", "smoothed less the control × 100"), lines)


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
            *(hundredths(student_t(differences(runs, setting, one.a, one.b, outcome))) for outcome in ("raw", "tempered")),
            *(f"{temperatures[setting, arm]:.2f}" for arm in (one.a.arm, one.b.arm)),
            *(f"{least[setting, arm]:.3g}" for arm in (one.a.arm, one.b.arm)),
        )
        for setting in CLEAN
        for one in e4(study.tuning, setting)
    ]
    of_each = ("temperature of the first", "of the second", "epoch of the least test loss of the first", "of the second")
    return markdown.table(("setting", "compared", "log test loss × 100", "the same at the best temperatures × 100", *of_each), lines)


def _decay(study: Study) -> str:
    """E3 and E5 where the step size decays: dropped less the better end, and either less ``none``."""
    found = {(claim, setting): decayed(study, claim, setting) for claim in KEPT for setting in DECAYED}
    lines = [(claim, setting, arms[0].what, *(hundredths(one.interval) for one in arms)) for (claim, setting), arms in found.items()]
    titles = ("claim", "setting", "compared", "difference × 100", "dropped less `none` × 100", "never dropped less `none` × 100")
    return markdown.table(titles, lines)


def _decayed(study: Study) -> Table:
    cells = [
        (one.claim, one.setting, one.what, one.interval, len(one.differences), one.power)
        for claim in KEPT
        for setting in DECAYED
        for one in decayed(study, claim, setting)
    ]
    return Table(("claim", "setting", "compared", "difference", "seeds", "power"), cells)


def _swing(study: Study) -> Table:
    """The mean over the seeds and the last two steps from epoch to epoch, of the arms that E3 compares."""
    cells = []
    for setting in PRIMARY:
        (one,) = CLAIMS["E3"](study.tuning, setting)
        for choice in (one.a, one.b):
            accuracy = _epochs(study.epochs, setting, choice, "accuracy")[[*range(EPOCHS - 2, EPOCHS + 1)]].to_numpy(dtype=np.float64)
            cells.append((setting, choice.arm, choice.eta, float(np.abs(np.diff(accuracy)).mean())))
    return Table(("setting", "arm", "η", "test accuracy moves by"), cells)


def _drops(study: Study) -> Table:
    """The best drop by each outcome, tuned for it, less either end of the run: whichever speaks less for it."""
    cells = [
        (setting, outcome, one.what, one.interval, one.p)
        for setting in WHOLE
        for outcome in ("loss", "test loss", "accuracy")
        for one in [compared(study.runs, "E4", setting, e4(study.tuning, setting, outcome))]
    ]
    return Table(("setting", "outcome", "compared", "difference", "p"), cells)


def _arms(study: Study, *, outcome: str) -> Table:
    """Of the best arm of each family, less that of ``none``: each as tuned for accuracy, and at the step size that is best for ``none``."""
    families = ("lsr", "tsla", "shrink-tsla", "annealed", "adaptive", "own-hard", "own-hard-tsla")
    cells: list[tuple[Cell, ...]] = []
    for setting in WHOLE:
        none = tuned(study.tuning, setting, "none", "accuracy")
        plain = student_t(values(study.runs, setting, none, outcome).to_numpy(dtype=np.float64))
        for step, eta in (("tuned", None), ("that of none", none.eta)):
            for name in families:
                if choice := _choice(study, setting, name, eta):
                    less = student_t(differences(study.runs, setting, choice, none, outcome))
                    cells.append((setting, step, name, choice.arm, choice.eta, less, plain))
    return Table(("setting", "step size", "family", "arm", "η", f"{outcome} less none", f"{outcome} of none"), cells)


def _choice(study: Study, setting: str, name: str, eta: float | None) -> Choice | None:
    """The best arm of a family by accuracy on the tuning seeds; with ``eta``, at this step size."""
    tuning = study.tuning if eta is None else study.tuning[np.isclose(study.tuning["eta"], eta)]
    wanted = [arm for arm in tuning.loc[tuning["setting"] == setting, "arm"].unique() if arm == name] + arms_of(study.tuning, setting, name)
    return best(tuning, setting, wanted, "accuracy") if wanted else None


def _epochs_left(study: Study) -> Table:
    """Outcomes less those of ``none``, against the epochs smoothed and the epochs left after the drop, at θ = 0.3."""
    cells = [
        (setting, outcome, *line)
        for setting in PRIMARY
        if setting in WHOLE
        for outcome in ("loss", "test loss", "accuracy")
        for line in _by_epochs_left(study, setting, outcome)
    ]
    return Table(("setting", "outcome", "epochs smoothed", "epochs left", "less none"), cells)


def _by_epochs_left(study: Study, setting: str, outcome: str) -> list[tuple[int, int, Interval]]:
    none = _by_epoch(study, setting, "none", outcome)
    lines = []
    for arm in arms_of(study.tuning, setting, "tsla"):
        theta, drop = arm.split("-")[1:]
        if theta == "0.3":
            less_none = (_by_epoch(study, setting, arm, outcome) - none).dropna()  # the seeds of the one that has fewer
            there = [left for left in (0, 1, 2, 4, 8, 12) if int(drop) + left <= EPOCHS]
            lines += [(int(drop), left, student_t(less_none[int(drop) + left].to_numpy())) for left in there]
    return sorted(lines, key=lambda line: line[:2])


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


def _along(study: Study) -> Table:
    """What smoothing at θ = 0.1 does to the variance before the epochs of the path of ``none``, and what of it a smaller step does not."""
    columns = ("train_loss", "grad2", "eta_L", "delta", "delta0", "ratio", "beyond")
    cells: list[tuple[Cell, ...]] = []
    for setting in (*PRIMARY, *CLEAN):
        rows = along(study.paths, setting)
        rows = rows.assign(critical=moments_of(rows).critical_batch_size(0.1))
        for epoch in PATH_EPOCHS:
            here = rows[rows["epoch"] == epoch]
            above = int((here["ratio"] > 1).sum())
            means = [student_t(here[name].to_numpy()) for name in columns]
            cells.append((setting, epoch, *means, float(here["critical"].median()), above, len(here)))
    names = ("F", "‖∇F‖²", "ηL", "δ", "δ0", "ratio, B = 16", "beyond the control")
    return Table(("setting", "epoch", *names, "B_c(0.1), median", "seeds with a ratio above 1", "seeds"), cells)


def _own_paths(study: Study) -> Table:
    """``log s²`` on the path of ``lsr-0.1`` less that on the path of ``none``, at equal epochs and at equal F."""
    ways = (paths.variance_at_equal_epoch, paths.variance_at_equal_loss)
    cells: list[tuple[Cell, ...]] = [
        (setting, epoch, *(at(study.paths, setting, "lsr-0.1", epoch) for at in ways)) for setting in PRIMARY for epoch in PATH_EPOCHS[1:]
    ]
    return Table(("setting", "epoch", "at equal epochs", "at equal F"), cells)


def _compared(study: Study) -> Table:
    """The family, and E1 as the paper has it, without the control."""
    return comparisons([*family(study), *(e1(study.paths, setting, "ratio") for setting in PRIMARY)])


def _worded(study: Study) -> Table:
    found = family(study)
    return verdicts({claim: by_setting(claim, found) for claim in ("E1", *CLAIMS)})


LONG = of_records(
    load,
    {
        "verdicts": ("the settings under each word, with seeds and power", _worded),
        "comparisons": ("every comparison, with tests, power and the seeds that would be needed", _compared),
        "along": ("E1 at every measured epoch of plain training, with the moments; θ = 0.1", _along),
        "own_paths": ("log s² along smoothed training, less that along plain training; θ = 0.1", _own_paths),
        "drops": ("the best drop by each outcome, at every setting of the MLP", _drops),
        "epochs_left": ("outcomes of `tsla-0.3-s` less `none`, by epochs smoothed and epochs left", _epochs_left),
        "accuracy": ("accuracy of each family of arms less that of `none`", partial(_arms, outcome="accuracy")),
        "calibration": ("logarithm of the ECE of each family of arms less that of `none`", partial(_arms, outcome="calibration")),
        "last_epochs": ("how far test accuracy moves from one of the last epochs to the next", _swing),
        "decay": ("E3 and E5 where the step size decays, each arm less `none` too", _decayed),
    },
)
"""Long tables by name."""
