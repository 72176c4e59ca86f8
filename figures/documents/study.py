"""The tables of ``docs/study.md``: what the study found of E1-E5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tsla.empirics.experiments.study import paths
from tsla.empirics.experiments.study.comparisons import KEPT, arms_of, e4
from tsla.empirics.experiments.study.outcomes import OUTCOMES, RUN, Choice, Outcome, best, differences, tuned, values
from tsla.empirics.experiments.study.settings import BATCH_SIZE, CLEAN, DECAYED, EPOCHS, PATH_EPOCHS, PRIMARY, WHOLE
from tsla.empirics.experiments.study.verdicts import (
    IN_FAVOUR,
    MATTERS,
    Finding,
    Study,
    compared,
    decayed,
    e1_literally,
    family,
    load,
    verdict,
    where,
)
from tsla.empirics.moments.columns import measured, moments_of
from tsla.empirics.statistics.intervals import student_t
from tsla.empirics.statistics.power import seeds_for
from tsla.figures.documents import markdown


def tables(folder: Path) -> tuple[str]:
    """All tables, in the order of the document."""
    study = load(folder)
    found = family(study)
    parts: list[tuple[str, str]] = [
        ("Verdicts", _verdicts(found)),
        ("The primary comparisons", _comparisons(study, found)),
        ("Power: seeds that see the smallest effect that matters with probability 0.8, in a test at 5 % that stands alone", _power(found)),
        (
            "Exploratory, later than the rest: E3 and E5 where the step size decays by steps, seeds and tuning as in the study",
            _decay(study),
        ),
        ("Along plain training, and what smoothing at θ = 0.1 would do at the same weights", _along(study)),
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
    """A line a claim, from the family."""
    lines = []
    for claim in IN_FAVOUR:
        own = [one for one in found if one.claim == claim]
        decided = f"{verdict(claim, own)} on these settings: {where(own)}"
        lines.append((claim, decided, "; ".join(f"{one.setting}: {one.interval}" for one in own)))
    return markdown.table(("claim", "verdict", "effect at each primary setting, 95 % interval"), lines)


def _comparisons(study: Study, found: Sequence[Finding]) -> str:
    """The family, a line a test; E1's literal form below."""
    literal = [e1_literally(study, setting) for setting in PRIMARY]
    lines = [(*_compared(one), f"{one.p:.2g}") for one in found] + [(*_compared(one), "not in the family") for one in literal]
    return markdown.table(("claim", "setting", "compared", "difference", "d_z in favour", "seeds", "p, Holm"), lines)


def _power(found: Sequence[Finding]) -> str:
    """How many seeds see the smallest effect that matters in four studies of five, at the differences' own standard deviation."""
    lines = []
    for one in found:
        matters = MATTERS[one.claim]
        about = (one.claim, one.setting, f"{matters:g}", f"{one.spread:.2g}")
        lines.append((*about, str(seeds_for(matters / one.spread)), str(len(one.differences)), f"{one.power:.2f}"))
    return markdown.table(("claim", "setting", "matters", "standard deviation", "seeds needed", "seeds", "power"), lines)


def _compared(one: Finding) -> tuple[str, ...]:
    return (one.claim, one.setting, one.what, str(one.interval), f"{one.effect:.2f}", str(len(one.differences)))


def _drops(study: Study) -> str:
    """The best drop by each outcome, tuned for it, less either end of the run: whichever speaks less for it."""
    lines = [
        (setting, outcome, one.what, str(one.interval), f"{one.p:.2g}")
        for setting in WHOLE
        for outcome in ("loss", "test loss", "accuracy")
        for one in [compared(study, "E4", setting, e4(study.tuning, setting, outcome))]
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
    lines = [(one.claim, one.setting, one.what, str(one.interval), str(len(one.differences)), f"{one.power:.2f}") for one in found]
    table = markdown.table(("claim", "setting", "compared", "difference", "seeds", "power"), lines)
    return f"{table}\n\nOn these settings: {where(found)}."


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
    return markdown.table(("epochs smoothed", *(f"{r} left" for r in left)), lines)


def _by_epoch(study: Study, setting: str, arm: str, outcome: str) -> pd.DataFrame:
    """The outcome of an arm as tuned, a row a seed and a column an epoch. Raises ValueError where a run diverged."""
    choice, of = tuned(study.tuning, setting, arm, outcome), OUTCOMES[outcome]
    runs = study.epochs[(study.epochs["setting"] == setting) & (study.epochs["arm"] == arm)]
    rows = runs[np.isclose(runs["eta"], choice.eta, rtol=1e-6)]
    found = of.scaled(rows).set_axis([rows["seed"], rows["epoch"]]).unstack("epoch")  # noqa: PD010 - pivot_table would average
    if not np.isfinite(found.to_numpy()).all():
        raise ValueError(f"{arm} diverged in {setting!r}; leaving the seed out would flatter it")
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
        path = study.paths[(study.paths["setting"] == setting) & (study.paths["arm"] == "none")]
        rows = measured(path.assign(method="none"), theta=0.1, batch_size=BATCH_SIZE)
        rows = rows.assign(critical=moments_of(rows).critical_batch_size(0.1))
        for epoch in PATH_EPOCHS:
            here = rows[rows["epoch"] == epoch]
            means = [str(student_t(here[name].to_numpy())) for name in columns]
            lines.append((setting, str(epoch), *means, f"{here['critical'].median():.3g}"))
    titles = ("setting", "epoch", "F", "‖∇F‖²", "ηL", "δ", "δ0", "ratio, B = 16", "beyond the control", "B_c(0.1), median")
    return markdown.table(titles, lines)


def _own_paths(study: Study) -> str:
    """``log s²`` on the path of ``lsr-0.1`` less that on the path of ``none``, at equal epochs and at equal F."""
    ways = (paths.variance_at_equal_epoch, paths.variance_at_equal_loss)
    lines = [
        (setting, str(epoch), *(str(at(study.paths, setting, "lsr-0.1", epoch)) for at in ways))
        for setting in PRIMARY
        for epoch in PATH_EPOCHS[1:]
    ]
    return markdown.table(("setting", "epoch", "equal epoch", "equal F"), lines)
