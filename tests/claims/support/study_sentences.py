"""The sentences with numbers of docs/study.md and docs/study_third.md, claim by claim, made from the runs of both rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tsla.empirics.experiments.study import paths, predictions, verdicts
from tsla.empirics.experiments.study.comparisons import accuracies, arms_of, e4
from tsla.empirics.experiments.study.findings import CANT_TELL, NO_BENEFIT, REFUTED, SUPPORTED, Finding, Runs, along, e1
from tsla.empirics.experiments.study.outcomes import Choice, Outcome, best, differences, tuned
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


def e1_of_third(found: Found, third: Runs) -> Iterator[str]:
    mlp = found.at("mlp")
    clean, noisy = mlp.at(noise=0.0), mlp.noisy()
    constant, falls = noisy.at(decay="constant"), noisy.at(decay="step")
    yield f"by {clean.intervals()[0]} to {clean.intervals()[-1]} % of the plain variance."
    yield f"{clean.count(REFUTED).capitalize()} of these six settings is refuted. {clean.count(CANT_TELL).capitalize()} can't tell"
    yield f"it has {constant.span(-1)} % less on all {WORDS[len(constant.all)]} settings, and 1 % or more on one of them."
    *others, one, two = falls.sizes(1)
    yield f"it has {one:.1f} and {two:.1f} % more on two settings. It differs by less than 0.7 % on the {WORDS[len(others)]} others."
    yield f"On both heads it has less, by {found.at('efficientnet-lite0').span(-1)} %."
    yield f"ResNet-8 has {found.at('resnet8').span(1)} % more."
    assert sum(size >= 1 for size in constant.sizes(-1)) == 1
    assert max(map(abs, others)) < 0.7
    assert found.at("resnet8").worded(REFUTED).where() == {("mnist", 0.0), ("digits", 0.2)}
    yield f"The {WORDS[len(found.at('resnet8').worded(CANT_TELL).all)]} others can't tell, for want of power."
    assert {EVERY[one.setting].head for one in found.worded(SUPPORTED).at("efficientnet-lite0").all} == {"hidden"}
    fallen, level = (_signal(third, part) for part in (falls, constant))
    lowered = [-size for size in fallen if size < -5]
    yield f"lowers it by {span(lowered, 0)} % on {WORDS[len(lowered)]} of {WORDS[len(fallen)]} settings."
    raised = [size for size in level if size > 0]
    lowered = [-size for size in level if size < -5]
    yield f"it does so on {WORDS[len(lowered)]} of {WORDS[len(level)]}, and raises it by {span(raised, 0)} % on {WORDS[len(raised)]}."


def _signal(third: Runs, found: Found) -> list[float]:
    """What smoothing does to noise over squared signal, in hundredths; those whose interval has 0 are 0."""
    intervals = [e1(third.paths, one.setting, "noise_to_signal").interval for one in found.all]
    return [0.0 if one.low <= 0 <= one.high else 100 * float(one.estimate) for one in intervals]


def e2_of_third(found: Found, _: Runs) -> Iterator[str]:
    mlp = found.at("mlp", decay="step")
    yield f"on all nine settings but one, by up to {100 * (np.exp(mlp.sizes(1)[-1] / 100) - 1):.0f} %."
    assert sum(size < 0 for size in mlp.sizes(1)) == 1
    assert not found.worded(SUPPORTED).all


def e2_by_accuracy_of_third(found: Found, _: Runs) -> Iterator[str]:
    mlp = found.at("mlp", decay="step")
    yield f"smoothing is ahead on all {WORDS[len(mlp.all)]} settings of the MLP, by {mlp.span(1)} points."
    yield f"MNIST with 20 % is supported, and {mlp.count(CANT_TELL)} can't tell"
    heads = found.at("efficientnet-lite0", noise=0.0, decay="step")
    yield f"by {' and '.join(heads.intervals())} points, and are supported."
    assert mlp.worded(SUPPORTED).where() == {("mnist", 0.2)}
    assert heads.count(SUPPORTED) == "two"


def e3_of_third(found: Found, third: Runs) -> Iterator[str]:
    constant, falls = (found.at("mlp", decay=decay) for decay in ("constant", "step"))
    lost, won = falls.worded(REFUTED), falls.worded(SUPPORTED)
    yield (
        f"E3 is refuted on {constant.count(REFUTED)} of {WORDS[len(constant.all)]} settings of the MLP, "
        f"by {constant.worded(REFUTED).span(-1)} points. There is no benefit on the ninth, clean MNIST."
    )
    yield f"E3 is refuted on {falls.count(REFUTED)} of nine, by {lost.span(-1)} points, and has no benefit on {falls.count(NO_BENEFIT)}."
    digits, mnist = (hundredths(won.at(data=data).all[0].interval) for data in ("digits", "mnist"))
    yield f"supported on {falls.count(SUPPORTED)}, digits and MNIST with 40 % wrong labels, by {digits} and {mnist} points."
    heads = found.at("efficientnet-lite0", noise=0.0, decay="step")
    kept = " and ".join(f"{less_none(third, one.setting, 'lsr'):.1f}" for one in heads.all)
    taken = " and ".join(f"{size:.1f}" for size in heads.sizes(-1))
    yield f"ahead of plain training, by {kept} points with right labels and a step size that falls."
    yield f"Dropping takes {taken} points of that away"
    resnet8 = found.at("resnet8")
    untold = resnet8.worded(CANT_TELL)
    ahead_of = " and ".join(f"{size:.1f}" for size in untold.at(decay="step").sizes(1))
    yield f"the dropped arm is {ahead_of} points ahead where the step size falls."
    yield f"On digits it is {untold.at(decay='constant').sizes(-1)[0]:.1f} points behind where the step size is constant."
    (one,) = won.at(data="digits").all
    dropped = best(third.tuning, one.setting, arms_of(third.tuning, one.setting, "tsla"), "accuracy")
    ahead = differences(third.runs, one.setting, Choice("lsr-0.5", 0.08), dropped, "accuracy").mean()
    yield f"`lsr-0.5` (η = 0.08), is {100 * ahead:.1f} points ahead of the dropped one."
    assert constant.worded(NO_BENEFIT).where() == {("mnist", 0.0)}
    assert won.where() == {("digits", 0.4), ("mnist", 0.4)}
    assert (heads.count(REFUTED), resnet8.worded(NO_BENEFIT).where()) == ("two", {("mnist", 0.0), ("digits", 0.2)})


def e4_of_third(found: Found, _: Runs) -> Iterator[str]:
    falls = found.at("mlp", decay="step")
    lower = " and ".join(f"{size:.3g}" for size in reversed(falls.worded(SUPPORTED).sizes(-1)))
    yield f"lower than with plain training by {lower} hundredths"
    clean = [100 * (1 - np.exp(float(falls.at(data=data, noise=0.0).all[0].differences.mean()))) for data in ("digits", "mnist")]
    yield f"the test loss of the MLP is {' and '.join(f'{size:.0f}' for size in clean)} % lower with a step size that falls."
    assert falls.worded(SUPPORTED).where() == {("mnist", 0.2), ("mnist", 0.4)}
    assert falls.worded(REFUTED).where() == {("digits", 0.4), ("fashion", 0.2)}
    assert {EVERY[one.setting].head for one in found.at("efficientnet-lite0").worded(REFUTED).all} == {"linear"}
    assert not found.at(decay="constant").worded(SUPPORTED).all


def e5_of_third(found: Found, third: Runs) -> Iterator[str]:
    constant, falls = (found.at("mlp", decay=decay) for decay in ("constant", "step"))
    won = falls.worded(SUPPORTED)
    mnist, fashion = (hundredths(won.at(data=data).all[0].interval) for data in ("mnist", "fashion"))
    yield f"supported on MNIST and Fashion-MNIST with 40 % wrong labels, by {mnist} and {fashion} points."
    yield (
        f"refuted on {falls.count(REFUTED)} settings by {falls.worded(REFUTED).span(-1)} points, "
        f"and has no benefit on {falls.count(NO_BENEFIT)}."
    )
    yield f"With a constant step size it is refuted on {constant.count(REFUTED)} of nine settings."
    others = [*found.at("efficientnet-lite0").sizes(1), *found.at("resnet8", noise=0.0).sizes(1)]
    yield f"dropping them changes accuracy by {max(map(abs, others)):.1f} points at most."
    (noisy,) = found.at("resnet8", noise=0.2).all
    yield f"the dropped arm less its rival is {hundredths(noisy.interval)} points."
    assert noisy.word == CANT_TELL
    supported = [*won.at(data="fashion").all, *constant.worded(SUPPORTED).all]
    compared = [(one.setting, accuracies(third.tuning, one.setting, "E5")[1]) for one in supported]
    behind = [-100 * float(differences(third.runs, at, less.a, less.b, less.outcome).mean()) for at, less in compared]
    yield f"plain training is {span(behind)} points ahead of the dropped arm."
    assert {EVERY[one.setting].data for one in supported} == {"fashion"}


SECOND = {"E1": e1_of_second, "E2": e2_of_second, "E3": e3_of_second, "E4": e4_of_second, "E5": e5_of_second}
THIRD: dict[str, Callable[[Found, Runs], Iterator[str]]] = {
    "E1": e1_of_third,
    "E2": e2_of_third,
    "E2 by accuracy": e2_by_accuracy_of_third,
    "E3": e3_of_third,
    "E4": e4_of_third,
    "E5": e5_of_third,
}


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


def of_predictions(third: Runs) -> Iterator[str]:
    found = of(predictions.found(third), "P3")
    noisy = [100 * (np.exp(size / 100) - 1) for size in found.noisy().sizes(1)]
    clean = [np.exp(size / 100) for size in found.at(noise=0.0).sizes(1)]
    yield f"It is {span(noisy, 0)} % above with wrong labels, {100 * (clean[0] - 1):.0f} % on clean Fashion-MNIST"
    assert min(clean[1:]) > 4
