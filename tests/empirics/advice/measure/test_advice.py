"""No sentence of advice and no note of the table says more than the intervals do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from tests.empirics.moments.classified import classifier, examples, measured
from tsla.empirics.advice.measure import Reading, reading
from tsla.empirics.advice.measure.table import below_1
from tsla.empirics.moments.estimators import Estimate
from tsla.empirics.moments.live import NEARLY_ALL
from tsla.empirics.moments.measure import draw, measure
from tsla.theory.testing.planted import Rejects


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


def random_reading(generator: np.random.Generator) -> Reading:
    """On a grid, so that intervals also end where a rule begins; exact values are points."""
    exact = bool(generator.random() < 0.3)

    def interval(low: int, high: int, by: int = 1) -> Estimate:
        ends = by * (np.sort(generator.integers(low, high, size=3, endpoint=True)) / 20)
        return estimate(float(ends[1])) if exact else Estimate(ends[1], ends[0], ends[2], 0.1)

    return replace(
        clear(),
        s2=interval(-1, 10),
        ratio=interval(4, 26),
        beyond=interval(-6, 3),
        delta=interval(10, 30),
        delta_at_batch_size=interval(10, 30),
        critical_batch_size=interval(-10, 20, 32),
        critical_batch_size_at_theta=interval(-10, 20, 32),
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
