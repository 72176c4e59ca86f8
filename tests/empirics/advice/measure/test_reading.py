"""What is read from a measurement is the theory's, and no sentence says more than the intervals do."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from html import escape
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.empirics.moments.classified import CLASSES, classifier, examples, measured
from tsla.empirics.advice.measure import Reading, reading, study
from tsla.empirics.advice.measure.table import below_1
from tsla.empirics.moments.estimators import Estimate
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.live import NEARLY_ALL
from tsla.empirics.moments.measure import draw, measure
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import WIDTH, number


@cache
def moments() -> Moments:
    return gradient_moments(classifier(), *examples())


def read(theta: float = 0.3, B: int = 4, **options: Any) -> Reading:
    return reading(measured(), theta=theta, batch_size=B, **options)


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    assert (estimate.low, estimate.high) == pytest.approx((estimate.estimate, estimate.estimate), rel=1e-9)
    return estimate.estimate


Read = Callable[[float, int], Reading]


def agrees_with_the_theory(read: Read) -> None:
    for theta, B in itertools.product((0.1, 0.3, 1.0), (1, 4, 64)):
        found, single = read(theta, B), moments()
        m = single.at_batch_size(B)
        expected = {
            **asdict(single),
            "ratio": m.second_moment(theta) / m.s2,
            "bias": theta**2 * m.beta2 / m.s2,
            "shrinking": m.shrunk.second_moment(theta) / m.s2,
            "beyond": m.beyond(theta) / m.s2,
            "delta": single.delta,
            "delta_at_batch_size": m.delta,
            "delta0": m.grad2 / single.s2,
            "theta_star": m.theta_star,
            "critical_batch_size": single.critical_batch_size(),
            "critical_batch_size_at_theta": single.critical_batch_size(theta),
            "noise_scale": single.s2 / m.grad2,
        }
        assert {name: value(getattr(found, name)) for name in expected} == pytest.approx(expected, rel=1e-9)
        assert value(found.bias) + value(found.noise) == pytest.approx(value(found.ratio), rel=1e-9)
        assert sum(layer.beyond for layer in found.layers) == pytest.approx(value(found.beyond), rel=1e-7)
        assert sum(layer.share_of_s2 for layer in found.layers) == pytest.approx(1, rel=1e-9)


def changed(found: Reading, name: str, by: float) -> Reading:
    at = getattr(found, name).estimate + by
    return replace(found, **{name: Estimate(at, at, at, 0.0)})


@pytest.mark.parametrize(
    "wrong",
    [
        lambda theta, B: read(theta, 1),  # of single examples
        lambda theta, B: replace(read(theta, B), theta_star=read(theta, 1).theta_star),
        lambda theta, B: changed(read(theta, B), "ratio", -(theta**2) * moments().beta2 * B / moments().s2),  # no bias
        lambda theta, B: changed(read(theta, B), "beyond", -2 * read(theta, B).beyond.estimate),  # of the other sign
        lambda theta, B: replace(read(theta, B), delta_at_batch_size=read(theta, B).delta),
    ],
)
def test_reading_is_that_of_the_theory(wrong: Read, rejects: Rejects) -> None:
    rejects(agrees_with_the_theory, right=read, wrong=wrong)


def test_the_ratio_is_that_of_all_batches_there_are() -> None:
    """Brute force: every batch of 2 of 5 examples, and how far its two directions are from ∇F."""
    model, (inputs, labels) = classifier(), examples(5)
    parameters = list(model.parameters())

    def gradient(x: Tensor, label: Tensor) -> np.ndarray:
        loss = -(label * model(x[None]).log_softmax(1)[0]).sum()
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]).numpy()

    g = np.array([gradient(x, torch.eye(CLASSES)[y].double()) for x, y in zip(inputs, labels, strict=True)])
    smooth = 0.6 * g + 0.4 * np.array([gradient(x, torch.full((CLASSES,), 1 / 3, dtype=torch.float64)) for x in inputs])

    def mean_square(rows: np.ndarray) -> float:
        batches = itertools.product(range(5), repeat=2)
        return float(np.mean([np.sum((rows[list(batch)].mean(0) - g.mean(0)) ** 2) for batch in batches]))

    found = reading(measured(n=5), theta=0.4, batch_size=2)
    assert value(found.ratio) == pytest.approx(mean_square(smooth) / mean_square(g), rel=1e-9)
    assert value(found.beyond) == pytest.approx((mean_square(smooth) - mean_square(0.6 * g)) / mean_square(g), rel=1e-9)


def test_with_a_step_size() -> None:
    found = read(0.3, 4, eta=0.05, L=10)
    assert value(found.theta_for_step) == pytest.approx(moments().at_batch_size(4).theta_for_step(0.5), rel=1e-9)
    assert value(found.critical_batch_size_for_step) == pytest.approx(moments().critical_batch_size(0.3, eta_L=0.5), rel=1e-9)
    assert found.setting.eta_L == 0.5
    assert read(0.3, 4, eta_L=0.5) == found
    assert (read().theta_for_step, read().critical_batch_size_for_step) == (None, None)
    assert value(read(eta_L=1).theta_for_step) == pytest.approx(value(read().theta_star))


def test_a_batch_size_is_a_whole_number() -> None:
    """What else of a setting is refused, the command line refuses as well."""
    with pytest.raises(ValueError, match=r"batch_size = 2\.5 must be a whole number, at least 1"):
        read(B=2.5)
    with pytest.raises(ValueError, match=r"measurement is a Moments; must be what tsla\.measure gives"):
        reading(measured().estimates.moments)  # type: ignore[arg-type]


def test_unbounded_ends_are_null_and_shown_as_such() -> None:
    noisy = measure(classifier(), draw(*examples(40)))
    large = replace(noisy.estimates.moments, beta2=-1.0, grad2=-1.0)
    found = reading(replace(noisy, estimates=replace(noisy.estimates, moments=large)))
    assert found.json()["noise_scale"] == {"value": None, "low": found.noise_scale.low, "high": None}
    shown = found.table()
    assert "∞  [" in shown
    assert "∞]" in shown
    assert "None" not in shown
    assert "inf" not in shown


def test_intervals_hold_what_is_true() -> None:
    """Of 40 draws of 96 examples in 16 batches, the interval of the headline must miss that of all 480 now and then at most."""
    inputs, labels = examples(480, seed=4)
    truth = value(reading(measure(classifier(), draw(inputs, labels), population=480)).beyond)
    held = 0
    for seed in range(40):
        rows = torch.randperm(480, generator=torch.Generator().manual_seed(seed))[:96].chunk(16)
        part = reading(measure(classifier(), [(inputs[batch], labels[batch]) for batch in rows], population=480)).beyond
        assert part.low < part.estimate < part.high
        held += part.low <= truth <= part.high
    assert held >= 34  # of 40 at 95 %: fewer has a probability of 0.3 %


def test_the_text_has_the_answer_first_and_fits_a_terminal() -> None:
    found = reading(measured(), theta=0.3, batch_size=4, eta_L=0.5)
    lines = str(found).splitlines()
    assert found.json()["advice"] == found.advice
    assert found.advice.startswith(lines[0].removesuffix("."))
    assert lines[1] == "This says nothing of test accuracy or test loss."
    assert all(len(line) <= WIDTH for line in lines)
    assert any(line.split()[:2] == ["‖∇F‖²", f"{moments().grad2:.4g}"] for line in lines)
    assert "theta°" in str(found)
    assert "theta°" not in str(reading(measured()))
    assert "[" not in str(found)  # exact values have no intervals
    assert "[" in str(reading(measure(classifier(), draw(*examples(40)))))
    assert ["one draw of" in str(replace(found, mode=mode)) for mode in ("dropout off", "dropout on")] == [False, True]
    assert found._repr_html_() == f"<pre>{escape(str(found))}</pre>"


def test_layers_that_are_not_shown_are_added_up() -> None:
    found = reading(measured())
    many = replace(found, layers=tuple(replace(found.layers[0], layer=f"l{i}", share_of_s2=0.05, beyond=(-0.1) ** i) for i in range(20)))
    (rest,) = [line for line in str(many).splitlines() if "the other" in line]
    assert rest.split() == ["the", "other", "15", "75.0", "%", number(sum((-0.1) ** i for i in range(5, 20)))]


def test_the_study_is_summed_up_by_both_outcomes(rejects: Rejects) -> None:
    def counts(said: Callable[[dict[str, Any]], str]) -> None:
        rows = [
            {name: {"compared": 3, "better": better, "worse": worse} for name, better, worse in (("accuracy", k, 0), ("test loss", 0, k))}
            for k in (1, 2)
        ]
        text = said({"rows": rows, "scope": {"noisy": ""}})
        assert "more accurate than plain training at 3 of 6 settings with wrong labels. It was less accurate at none." in text
        assert text.endswith("Its test loss was lower at none of 6 and higher at 3.")

    rejects(counts, right=study.sentence, wrong=lambda found: study.sentence(found | {"rows": found["rows"][:1] * 2}))


@pytest.mark.parametrize(("label_noise", "wrong"), [(None, {"0 %", "20, 40 %"}), (0, {"0 %"}), (0.1, {"20, 40 %"})])
def test_the_study_is_shown_for_labels_of_the_same_kind(label_noise: float | None, wrong: set[str]) -> None:
    text = str(reading(measured(), label_noise=label_noise))
    assert {amount for amount in ("0 %", "20, 40 %") if f"\n  {amount} " in text} == wrong


def test_what_json_gets() -> None:
    found = read(eta_L=0.5)
    said = found.json()
    assert json.loads(json.dumps(said)) == said
    assert (said["theta"], said["batch_size"], said["eta_L"], said["exact"]) == (0.3, 4, 0.5, True)
    for within, names in (
        (said["moments"], MOMENTS),
        (said["second_moment"], ("ratio", "bias", "noise", "shrinking", "beyond")),
        (said, ("delta", "delta_at_batch_size", "delta0", "theta_star", "theta_for_step", "noise_scale")),
        (said, ("critical_batch_size", "critical_batch_size_at_theta", "critical_batch_size_for_step")),
    ):
        assert [within[name]["value"] for name in names] == [getattr(found, name).estimate for name in names]
    assert [row["layer"] for row in said["layers"]] == [layer.layer for layer in found.layers]


# --- advice


def estimate(value: float, half: float = 0.0) -> Estimate:
    return Estimate(value, value - half, value + half, half / 2)


@cache
def clear() -> Reading:
    """A clear case: smoothing lowers the variance, and more than a smaller step."""
    parts = {"s2": estimate(2, 0.1), "ratio": estimate(0.82, 0.01), "beyond": estimate(-0.05, 0.01), "delta": estimate(0.5, 0.1)}
    return replace(reading(measured()), **parts, groups=20, trusted=True, exact=False, silent=False)


AT, OF = "Smoothing at theta = 0.1", "the variance of a batch of 16 by"
BY = f"{AT} lowers {OF} 18 % [17, 19]."
STEP = "A step 10 % smaller leaves"
MORE = "Measure more examples."
OPEN = "Whether smoothing lowers the variance is open."
BEYOND = "Smoothing lowers the variance, and by more than a smaller step does."
TENTH = "Whether that is more than 10 % is open."
BRANCHES = {
    "few batches": (
        {"trusted": False, "groups": 7},
        f"{OPEN} The intervals rest on 7 batches, which is fewer than 16. Measure more batches, or smaller ones.",
    ),
    "no variance yet": ({"s2": estimate(1, 2)}, f"Whether there is a variance to lower is open. {MORE}"),
    "no variance": ({"s2": estimate(0), "exact": True}, "There is no variance to lower."),
    "own": (
        {"silent": True},
        (
            "Smoothing is a smaller step, and nothing else. "
            "Every gradient at the smoothing label is 0, so that smoothing is a step 10 % smaller (C17)."
        ),
    ),
    "raises": ({"ratio": estimate(1.2, 0.1)}, f"Smoothing raises the variance. {AT} raises {OF} 20 % [10, 30]."),
    "open": ({"ratio": estimate(0.95, 0.1)}, f"{OPEN} {AT} changes {OF} -5 % [-15, 5]. {MORE}"),
    "no change": (
        {"ratio": estimate(1), "beyond": estimate(0.19), "exact": True},
        f"Smoothing changes nothing. {AT} leaves the variance as it is.",
    ),
    "less than a smaller step": (
        {"beyond": estimate(0.03, 0.02)},
        f"Smoothing lowers the variance, but a smaller step lowers it more. {BY} A step 10 % smaller lowers it by 3 % [1, 5] more.",
    ),
    "a smaller step does nearly all": (
        {"beyond": estimate(-0.005, 0.01)},
        (
            f"Smoothing lowers the variance, but a smaller step does as well. {BY} {STEP} at most 1.5 % more of it. "
            "That is less than 10 % of what smoothing lowers."
        ),
    ),
    "more than a smaller step": ({}, f"{BEYOND} {BY} {STEP} 5 % [4, 6] more of it."),
    "more, but how much": ({"beyond": estimate(-0.02, 0.01)}, f"{BEYOND} {BY} {STEP} 2 % [1, 3] more of it. {TENTH} {MORE}"),
    "more, hardly 10 %": ({"beyond": estimate(-0.028, 0.01)}, f"{BEYOND} {BY} {STEP} 2.8 % [1.8, 3.8] more of it. {TENTH} {MORE}"),
    "whether more": (
        {"beyond": estimate(-0.02, 0.03)},
        f"Smoothing lowers the variance. Whether a smaller step does as well is open. {BY} {STEP} 2 % [-1, 5] more of it. {MORE}",
    ),
    "exact": (
        {"exact": True, "ratio": estimate(0.8), "beyond": estimate(-0.1)},
        f"{BEYOND} {AT} lowers {OF} 20 %. {STEP} 10 % more of it.",
    ),
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_rule(branch: str) -> None:
    changes, sentence = BRANCHES[branch]
    assert replace(clear(), **changes).advice == sentence


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (Estimate(0.8, 0.7, 0.9, 0.05), "established"),
        (Estimate(0.8, 0.7, 1.0, 0.05), "open"),
        (Estimate(0.8, 0.7, np.inf, np.inf), "open"),
        (Estimate(1.2, 0.99, 1.4, 0.1), "open"),
        (Estimate(1.2, 1.0, 1.4, 0.1), "refuted"),
        (Estimate(np.inf, 3.0, np.inf, np.inf), "refuted"),
    ],
)
def test_verdicts(estimate: Estimate, verdict: str) -> None:
    assert below_1(estimate) == verdict
    assert below_1(estimate, trusted=False) == "open"


def scaled(of: Estimate, by: float) -> Estimate:
    return Estimate(by * of.estimate, by * of.low, by * of.high, by * of.standard_error)


def random_reading(generator: np.random.Generator) -> Reading:
    """On a grid, so that intervals also end where a rule begins; exact values are points."""
    exact = bool(generator.random() < 0.3)

    def interval(low: int, high: int) -> Estimate:
        ends = np.sort(generator.integers(low, high, size=3, endpoint=True)) / 20
        return estimate(float(ends[1])) if exact else Estimate(ends[1], ends[0], ends[2], 0.1)

    return replace(
        clear(),
        s2=interval(-1, 10),
        ratio=interval(4, 26),
        beyond=interval(-6, 3),
        delta=interval(10, 30),
        delta_at_batch_size=interval(10, 30),
        critical_batch_size=scaled(interval(-10, 20), 32),
        critical_batch_size_at_theta=scaled(interval(-10, 20), 32),
        trusted=exact or bool(generator.random() < 0.8),
        exact=exact,
        silent=bool(generator.random() < 0.1),
    )


def says_no_more_than_the_intervals(advice: Callable[[Reading], str]) -> None:
    generator = np.random.default_rng(0)
    for found in (random_reading(generator) for _ in range(3000)):
        said, little, much = advice(found), NEARLY_ALL * (1 - found.ratio.high), NEARLY_ALL * (1 - found.ratio.low)
        settled = found.trusted and not found.silent and found.s2.low > 0
        premises = {
            "Smoothing lowers the variance": settled and found.ratio.high < 1,
            "Smoothing raises the variance": settled and found.ratio.low > 1,
            "a smaller step lowers it more": found.beyond.low > 0,
            "by more than a smaller step does": found.beyond.high < 0,
            "10 % is open": found.beyond.high > -much,
            "but a smaller step does as well": found.beyond.low >= -little,
            "Measure more": not found.exact,
        }
        for words, established in premises.items():
            assert established or words not in said, (words, said, found)
        assert said.endswith(".")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda found: {"ratio": estimate(found.ratio.estimate), "beyond": estimate(found.beyond.estimate)},
        lambda found: {"trusted": True},
        lambda found: {"s2": estimate(1)},
        lambda found: {"ratio": replace(found.ratio, high=found.ratio.estimate)},
        lambda found: {"beyond": replace(found.beyond, high=found.beyond.estimate)},
    ],
)
def test_no_sentence_says_more_than_the_intervals(wrong: Callable[[Reading], dict[str, Any]], rejects: Rejects) -> None:
    rejects(says_no_more_than_the_intervals, right=lambda found: found.advice, wrong=lambda found: replace(found, **wrong(found)).advice)


SIDES = {  # of a row, by how it begins: the words for an interval below a number, at it and above it, and the number
    "  smoothed ": ("lowered", "unchanged", "raised", 1),
    "  difference ": ("smoothing leaves less", "no difference", "smaller step leaves less", 0),
    "  δ = ŝ²/s² ": ("below 1", "is 1", "above 1", 1),
    "  δ  ": ("below 1", "is 1", "above 1", 1),
    "  B_c(1) ": ("raised", "unchanged", "lowered", 16),
    "  B_c(0.1) ": ("raised", "unchanged", "lowered", 16),
}


def end_of(text: str) -> float:
    """A number of the table; "none" is one that is not above 0."""
    return -1.0 if text == "none" else float(text.replace(",", ""))


def every_note_is_of_its_number(text: Callable[[Reading], str]) -> None:
    generator = np.random.default_rng(1)
    for found in (random_reading(generator) for _ in range(200)):
        lines = text(found).splitlines()
        for begins, (below, same, above, at) in SIDES.items():
            (line,) = [line for line in lines if line.startswith(begins)]
            value, low, high = re.search(r"(none|-?[\d.]+)(?:  \[(\S+), (\S+)\])?  ", line[len(begins) - 1 :]).groups()  # type: ignore[union-attr]
            ends = [end_of(value if end is None else end) for end in (low, high)]
            said = [side for side, words in enumerate((below, same, above, "open")) if words in line]
            side = 0 if ends[1] < at else 2 if ends[0] > at else 1 if ends == [at, at] else 3
            assert said == [side if found.trusted else 3], line


def swapped(one: str, other: str) -> Callable[[Reading], str]:
    """The table with two of its notes in each other's place."""
    return lambda found: "\n".join(
        line.replace(one, other) if one in line else line.replace(other, one) for line in str(found).splitlines()
    )


@pytest.mark.parametrize(
    "wrong",
    [
        swapped("smoothing leaves less", "smaller step leaves less"),
        swapped("lowered", "raised"),
        swapped("below 1", "above 1"),
        swapped("open", "no difference"),
        lambda found: str(replace(found, trusted=True)),
        lambda found: re.sub("none", "-0.79", str(found)).replace("raised in every", "open, lowered in every"),
    ],
)
def test_no_note_contradicts_its_number(wrong: Callable[[Reading], str], rejects: Rejects) -> None:
    rejects(every_note_is_of_its_number, right=str, wrong=wrong)


def test_advice_of_real_measurements() -> None:
    assert "a smaller step, and nothing else" in reading(measured("own")).advice
    assert "changes nothing" in reading(measure(classifier(), draw(*examples(), torch.eye(3)[examples()[1]]), population=24)).advice
    few = reading(measure(classifier(), draw(*examples())[:6]))
    assert "rest on 6 batches" in few.advice
    assert (few.json()["delta"]["below_1"], few.json()["delta_at_batch_size"]["below_1"]) == ("open", "open")
