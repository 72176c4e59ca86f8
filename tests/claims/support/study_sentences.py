"""The sentences with numbers of docs/study.md, claim by claim, made from the runs of the second round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tsla.empirics.experiments.study import paths, verdicts
from tsla.empirics.experiments.study.comparisons import arms_of, e4
from tsla.empirics.experiments.study.findings import CANT_TELL, REFUTED, Finding, Runs, along, e1
from tsla.empirics.experiments.study.outcomes import Outcome, best, differences, tuned
from tsla.empirics.experiments.study.scope import NAMES
from tsla.empirics.experiments.study.settings import CLEAN, DECAYED, EPOCHS, PATH_EPOCHS, PRIMARY
from tsla.empirics.experiments.study.third import EVERY
from tsla.empirics.experiments.study.verdicts import Study
from tsla.figures.documents.findings import hundredths
from tsla.figures.documents.table import Table

WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MLP = [setting for setting in PRIMARY if EVERY[setting].model == "mlp"]
RESNET8 = next(setting for setting in PRIMARY if EVERY[setting].model == "resnet8")


@dataclass(frozen=True)
class Found:
    """What was found of one row of a plan at some settings."""

    all: list[Finding]

    def at(self, model: str = "", data: str = "", noise: float | None = None, decay: str = "") -> Found:
        """At the settings that are so."""
        wanted = {"model": model, "data": data, "label_noise": noise, "decay": decay}
        given = {name: value for name, value in wanted.items() if value not in ("", None)}
        return Found([one for one in self.all if all(getattr(EVERY[one.setting], name) == value for name, value in given.items())])

    def noisy(self) -> Found:
        return Found([one for one in self.all if EVERY[one.setting].label_noise > 0])

    def worded(self, word: str) -> Found:
        return Found([one for one in self.all if one.word == word])

    def count(self, word: str) -> str:
        return WORDS[Counter(one.word for one in self.all)[word]]

    def sizes(self, sign: int) -> list[float]:
        """Mean differences in hundredths, rising; of those in the other direction below 0."""
        return sorted(100 * sign * float(one.differences.mean()) for one in self.all)

    def span(self, sign: int, digits: int = 1) -> str:
        return span(self.sizes(sign), digits)

    def intervals(self) -> list[str]:
        """In hundredths, from the smallest difference on."""
        return [hundredths(one.interval) for one in sorted(self.all, key=lambda one: float(one.differences.mean()))]

    def where(self) -> set[tuple[str, float]]:
        return {(EVERY[one.setting].data, EVERY[one.setting].label_noise) for one in self.all}


def of(found: Iterable[Finding], row: str) -> Found:
    return Found([one for one in found if one.claim == row])


def span(values: Iterable[float], digits: int = 1) -> str:
    low, high = min(values := list(values)), max(values)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def less_none(runs: Runs, setting: str, family: str, outcome: str = "accuracy") -> float:
    """The mean of the best arm of a family by accuracy less that of ``none``, in hundredths."""
    arms = best(runs.tuning, setting, arms_of(runs.tuning, setting, family), "accuracy"), tuned(runs.tuning, setting, "none", "accuracy")
    return 100 * float(differences(runs.runs, setting, *arms, outcome).mean())


def seeds_of(runs: Runs, setting: str, family: str) -> int:
    """On how many :func:`less_none` is the mean."""
    arms = best(runs.tuning, setting, arms_of(runs.tuning, setting, family), "accuracy"), tuned(runs.tuning, setting, "none", "accuracy")
    return len(differences(runs.runs, setting, *arms, "accuracy"))


def e1_of_second(found: Found, study: Study) -> Iterator[str]:
    mlp, (resnet8,) = found.at("mlp"), found.at("resnet8").all
    largest = max(mlp.all, key=lambda one: abs(one.differences.mean()))
    at = EVERY[largest.setting]
    yield f"With wrong labels smoothing of the MLP has {mlp.span(-1)} % less variance than the control."
    yield f"The largest difference is that of {NAMES[at.data]} with {100 * at.label_noise:.0f} %: {hundredths(largest.interval)} %."
    yield f"has more variance than the control, by {hundredths(resnet8.interval)} %. The vote is *{verdicts.verdict('E1', found.all)}*."
    literal = [-100 * float(e1(study.paths, setting, "ratio").differences.mean()) for setting in PRIMARY]
    yield f"Without the control, smoothing lowers the second moment of a batch by {span(literal, 0)} %."
    first = {setting: _first_above_one(study, setting) for setting in CLEAN}
    yield f"passes 1, on digits from epoch {first[CLEAN[0]]} on and on MNIST from epoch {first[CLEAN[2]]} on"
    at_epoch, at_loss = (
        {setting: {epoch: float(way(study.paths, setting, "lsr-0.1", epoch).estimate) for epoch in (2, 3, 20)} for setting in MLP}
        for way in (paths.variance_at_equal_epoch, paths.variance_at_equal_loss)
    )
    lower = [100 * (1 - np.exp(at_epoch[setting][20])) for setting in MLP]
    yield f"smoothed training of the MLP has {span(lower, 0)} % less variance than plain training has"
    left = {setting: {epoch: at_loss[setting][epoch] / at_epoch[setting][epoch] for epoch in (2, 3, 20)} for setting in MLP}
    gone = [NAMES[EVERY[s].data] for s in MLP if max(left[s][2], left[s][3]) < 0.5 < left[s][20]]
    assert gone == ["digits", "digits", "Fashion-MNIST"]
    at_end = {setting: paths.variance_at_equal_loss(study.paths, setting, "lsr-0.1", 20) for setting in MLP}
    (untold,) = (EVERY[setting] for setting, one in at_end.items() if one.low <= 0 <= one.high)
    yield f"On {NAMES[untold.data]} with {100 * untold.label_noise:.0f} % the difference at equal F can't be told from 0 in epoch 20."


def _first_above_one(study: Study, setting: str) -> int | None:
    """The first measured epoch from which the mean ratio is above 1."""
    means = along(study.paths, setting).groupby("epoch")["ratio"].mean()
    return next((epoch for epoch in PATH_EPOCHS if (means[means.index >= epoch] > 1).all()), None)


def e2_of_second(found: Found, _: Study) -> Iterator[str]:
    mlp, (resnet8,) = found.at("mlp"), found.at("resnet8").all
    yield f"differs by at most {max(map(abs, mlp.sizes(1))):.1f} %, either way."
    yield f"F of ResNet-8 is higher with smoothing, by {hundredths(resnet8.interval)} hundredths of its logarithm."
    yield f"The vote is that there is {verdicts.verdict('E2', found.all)}."
    assert all(one.excludes_what_matters for one in mlp.all)


def e3_of_second(found: Found, study: Study) -> Iterator[str]:
    first, second, third, fourth = (hundredths(one.interval) for one in found.at("mlp").all)
    lost = [one for one in found.at("mlp").all if one.adjusted < 0.05 and one.effect < 0]
    yield f"the best TSLA(s) loses at {WORDS[len(lost)]} of the MLP's four settings."
    yield f"{first} and {second} points on digits with 20 and 40 % wrong labels, and by {third} on Fashion-MNIST with 20 %."
    yield f"On Fashion-MNIST with 40 % the difference is {fourth}. The vote is *{verdicts.verdict('E3', found.all)}*."
    yield f"By the stricter words {found.count(REFUTED)} settings are refuted."
    ahead, dropped = ([less_none(study, one.setting, family) for one in lost] for family in ("lsr", "tsla"))
    yield f"LSR is {span(ahead)} points above plain training."
    yield f"between {-min(dropped):.1f} points below plain training and {max(dropped):.1f} above it"
    seeds = {(EVERY[one.setting].data, seeds_of(study, one.setting, family)) for one in lost for family in ("lsr", "tsla")}
    assert seeds == {("digits", 10), ("fashion", 60)}
    of_e3, of_e5 = ([verdicts.decayed(study, claim, setting) for setting in DECAYED] for claim in ("E3", "E5"))
    constant = verdicts.family(study)
    before = next(one for one in constant if one.claim == "E3" and one.setting == MLP[0])
    yield (
        f"On digits with 20 % the best TSLA(s) is behind LSR by {hundredths(of_e3[0][0].interval)} points, "
        f"where a constant step size had {hundredths(before.interval).split()[0]}."
    )
    yield f"TSLA(s) beats plain training by {span(100 * float(plain.differences.mean()) for _, plain, _ in of_e3)} points"
    yield f"ahead of both rivals on Fashion-MNIST, by {hundredths(of_e5[2][0].interval)} points, which is less than what matters."
    assert all(int(main.what.split()[0].rsplit("-", 1)[1]) >= 10 for main, *_ in (*of_e3, *of_e5))
    assert all(abs(main.interval.high) < 0.005 > abs(main.interval.low) for main, *_ in (*of_e3, *of_e5))


def e4_of_second(found: Found, study: Study) -> Iterator[str]:
    mlp = found.at("mlp")
    (least,) = {one.what.split()[0].rsplit("-", 1)[1] for one in mlp.all}
    yield f"The best s is {least}, the least that was tried, at all {WORDS[len(mlp.all)]} settings."
    yield f"The vote is that there is {verdicts.verdict('E4', found.all)}."
    yield "lowers the test loss by less than half a per cent, by the ends of all four intervals."
    assert all(one.interval.low > -0.005 for one in mlp.all)
    assert [one.setting for one in found.all if one.word != CANT_TELL] == [MLP[1]]
    test_loss = Outcome("test_loss", (EPOCHS,)).of(study.tempering).to_frame("raw").reset_index()
    clean = [(setting, e4(study.tuning, setting)[0]) for setting in (CLEAN[0], CLEAN[2])]
    lower = [1 - np.exp(differences(test_loss, setting, drop.a, drop.b, "raw").mean()) for setting, drop in clean]
    yield f"the test loss is {' and '.join(f'{100 * part:.0f}' for part in lower)} % lower with the best drop than with plain training."
    yield f"The best s is {' and '.join(drop.a.arm.rsplit('-', 1)[1] for _, drop in clean)}."


def e5_of_second(found: Found, _: Study) -> Iterator[str]:
    first, second, third, _fourth = (hundredths(one.interval) for one in found.at("mlp").all)
    yield f"by {first} and {second} points on digits, and by {third} on Fashion-MNIST with 20 %."
    yield f"The vote is *{verdicts.verdict('E5', found.all)}*. By the stricter words {found.count(REFUTED)} settings are refuted."


SECOND = {"E1": e1_of_second, "E2": e2_of_second, "E3": e3_of_second, "E4": e4_of_second, "E5": e5_of_second}


def of_last_epochs(moves: Table) -> Iterator[str]:
    """From the long table of them."""
    points = [100 * row["test accuracy moves by"] for row in moves.rows() if row["setting"] == RESNET8]
    yield f"moves by {span(points, 0)} points from one of the last epochs to the next."


def of_calibration(study: Study) -> Iterator[str]:
    """At the settings of the MLP with wrong labels and plain SGD."""
    noisy = [name for name in study.runs["setting"].unique() if name in MLP or (name.startswith("mlp, mnist") and name not in CLEAN)]
    smoothed, own = ([np.exp(less_none(study, name, family, "calibration") / 100) for name in noisy] for family in ("lsr", "own-hard"))
    yield f"is {span(smoothed)} times that of plain training with wrong labels."
    yield f"Their error is {span(own)} times that of plain training"
