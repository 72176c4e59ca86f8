"""The sentences with numbers of docs/study_third.md, claim by claim, made from the runs of the third round."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tests.claims.support.study_sentences import WORDS, Found, less_none, of, span
from tsla.empirics.experiments.study import predictions
from tsla.empirics.experiments.study.comparisons import accuracies, arms_of
from tsla.empirics.experiments.study.findings import CANT_TELL, NO_BENEFIT, REFUTED, SUPPORTED, Runs, e1
from tsla.empirics.experiments.study.outcomes import Choice, best, differences
from tsla.empirics.experiments.study.third import EVERY, SCRATCH_ETA, SCRATCH_SETTINGS
from tsla.figures.documents.findings import hundredths
from tsla.theory.constants import Array


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
    group, batch = (_dropped_from_scratch(third, setting.name, 10) for setting in SCRATCH_SETTINGS)
    yield f"dropped at epoch 10 ends {span(group, 2)} points above smoothing to the end, and dropped at epoch 15 within 0.2 points of it."
    yield f"on two seeds, dropped at epoch 10 it ends {span(-batch, 2)} points below, and dropped at epoch 15 within 0.1"
    later = [max(abs(_dropped_from_scratch(third, setting.name, 15))) for setting in SCRATCH_SETTINGS]
    assert [size <= limit for size, limit in zip(later, (0.2001, 0.1), strict=True)] == [True, True]
    assert len(batch) == 2
    assert constant.worded(NO_BENEFIT).where() == {("mnist", 0.0)}
    assert won.where() == {("digits", 0.4), ("mnist", 0.4)}
    assert (heads.count(REFUTED), resnet8.worded(NO_BENEFIT).where()) == ("two", {("mnist", 0.0), ("digits", 0.2)})


def _dropped_from_scratch(third: Runs, setting: str, epoch: int) -> Array:
    """Of accuracy, in points: ResNet-20 that drops less the same one that never does, seed by seed."""
    arms = (Choice(arm, SCRATCH_ETA) for arm in (f"tsla-0.1-{epoch}", "lsr-0.1"))
    found: Array = 100 * differences(third.runs, setting, *arms, "accuracy")
    return found


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
    yield f"dropping them changes accuracy by less than {np.ceil(20 * max(map(abs, others))) / 20:g} points."
    (noisy,) = found.at("resnet8", noise=0.2).all
    yield f"the dropped arm less its rival is {hundredths(noisy.interval)} points."
    assert noisy.word == CANT_TELL
    supported = [*won.at(data="fashion").all, *constant.worded(SUPPORTED).all]
    compared = [(one.setting, accuracies(third.tuning, one.setting, "E5")[1]) for one in supported]
    behind = [-100 * float(differences(third.runs, at, less.a, less.b, less.outcome).mean()) for at, less in compared]
    yield f"plain training is {span(behind)} points ahead of the dropped arm."
    assert {EVERY[one.setting].data for one in supported} == {"fashion"}


THIRD: dict[str, Callable[[Found, Runs], Iterator[str]]] = {
    "E1": e1_of_third,
    "E2": e2_of_third,
    "E2 by accuracy": e2_by_accuracy_of_third,
    "E3": e3_of_third,
    "E4": e4_of_third,
    "E5": e5_of_third,
}


def of_predictions(third: Runs) -> Iterator[str]:
    found = of(predictions.found(third), "P3")
    noisy = [100 * (np.exp(size / 100) - 1) for size in found.noisy().sizes(1)]
    clean = [np.exp(size / 100) for size in found.at(noise=0.0).sizes(1)]
    asked = {row: of(predictions.found(third), row).all for row in predictions.SAYS}
    assert {len(asked[row]) for row in ("P1", "P2", "P3", "P5")} == {9}
    yield f"P4 is asked of all {len(asked['P4'])} settings whose step size falls, but for ResNet-20's."
    yield f"It is {span(noisy, 0)} % above with wrong labels, {100 * (clean[0] - 1):.0f} % on clean Fashion-MNIST"
    assert min(clean[1:]) > 4


def e1_of_findings(found: Found, _: Runs) -> Iterator[str]:
    mnist, digits = (found.at("resnet8", data, noise).worded(REFUTED).sizes(1)[0] for data, noise in (("mnist", 0.0), ("digits", 0.2)))
    yield f"MNIST with right labels, by {mnist:.1f} %, and digits with 20 % wrong labels, by {digits:.1f} %, both with step decay."


def e3_of_findings(_: Found, third: Runs) -> Iterator[str]:
    group, batch = (_dropped_from_scratch(third, setting.name, 10) for setting in SCRATCH_SETTINGS)
    yield f"With GroupNorm it ends {span(group, 2)} points above smoothing to the end."
    yield f"With BatchNorm it ends {span(-batch, 2)} points below, on {WORDS[len(batch)]} seeds."


FINDINGS = {"E1": e1_of_findings, "E3": e3_of_findings}
"""Those of docs/findings.md."""
