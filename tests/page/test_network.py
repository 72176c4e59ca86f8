"""What the page says of a network that was measured, and of a run, by numbers whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.page.support import NUMBERS, planted
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import Json

Open = Callable[..., tuple[Any, list[str]]]
MEASURED = {"grad2": 2.5, "s2": 105.0, "shat2": 60.0, "c": -5.0, "beta2": 7.5, "nu2": 52.5}
OF_BATCHES: list[tuple[dict[str, float], float, int, str, str]] = [  # what is measured otherwise, θ and B, what is left, and what is said
    ({}, 0.1, 16, "81.8 %", "That is below the critical batch size of 271. A smaller step does as well, to within 1 % of the plain "),
    ({}, 0.1, 512, "117 %", "That is above the critical batch size of 271. A smaller step leaves 93.2 %, so that smoothing is behind it."),
    ({"beta2": 0, "nu2": 400}, 0.9, 16, "309 %", "No batch is small enough for it. A smaller step leaves 31.9 %, so that smoothing is b"),
    ({"beta2": -7.5, "nu2": 400}, 0.9, 16, "309 %", "No batch is small enough for it."),
    ({"beta2": 0, "nu2": 40, "c": -9}, 0.5, 16, "30.2 %", "Every batch is small enough for it. A smaller step leaves 34.5 %, so that sm"),
]
"""Of an estimate of β² that is below 0, the same is said as of none."""


def dropped(page: Any, name: str, content: str) -> None:
    page.locator("#file").set_input_files({"name": name, "mimeType": "", "buffer": content.encode()})
    page.wait_for_function("() => document.getElementById('file').value === ''")


def as_measured(theta: float, B: int, **other: float) -> str:
    return json.dumps({"moments": {name: {"value": value} for name, value in (MEASURED | other).items()}, "theta": theta, "batch_size": B})


@pytest.mark.parametrize(
    "wrong",
    [
        ("(found.excess < 0 ? Infinity : 0)", "Infinity"),
        ("moments.beta2 = Math.max(moments.beta2, 0);", ""),
        ('critical > B ? "below" : "above"', 'critical > B ? "above" : "below"'),
        ('apart < 0 ? "ahead of it"', 'apart > 0 ? "ahead of it"'),
    ],
    ids=["no batch", "an estimate below 0", "below", "ahead"],
)
def test_a_measured_network_is_put_into_words(
    wrong: tuple[str, str], article: Path, opened: Open, tmp_path: Path, rejects: Rejects
) -> None:
    def is_said(path: Path) -> None:
        page, _ = opened(path)
        for other, theta, B, left, rest in OF_BATCHES:
            dropped(page, "a.json", as_measured(theta, B, **other))
            sentence = page.locator("#yours-says").inner_text()
            assert sentence.startswith(f"Smoothing at θ = {theta} leaves {left} of the variance of a batch of {B}. {rest}"), sentence

    rejects(is_said, right=article, wrong=planted(article, tmp_path, wrong))


def test_the_study_beside_it_is_early_in_training(article: Path, opened: Open, tmp_path: Path, rejects: Rejects) -> None:
    """At the last epoch that was measured up to the third."""

    def are_early(path: Path) -> None:
        page, _ = opened(path)
        dropped(page, "a.json", as_measured(0.1, 16))
        study: list[Json] = page.evaluate(NUMBERS)["moments"]
        epochs = [max(epoch for one in of["epochs"] if (epoch := one["epoch"]) <= 3) for of in study]
        rows = [row.split("\t")[:2] for row in page.locator("#yours-rows").inner_text().splitlines()[1:]]
        assert rows == [[f"{of['label']}, epoch {epoch}", str(of["batch_size"])] for of, epoch in zip(study, epochs, strict=True)]

    rejects(are_early, right=article, wrong=planted(article, tmp_path, ("one.epoch <= EARLY", "one.epoch >= EARLY")))


OF_RUN: list[dict[str, float | tuple[float, float, float]]] = [  # a moment, and its interval where that has a width
    {"beta2": 0.5, "nu2": 1, "c": -30},
    {"beta2": 30, "c": 0},
    {"beta2": 30, "c": 0},
    {"beta2": (4, 0, 8), "nu2": 1, "c": (-30, -50, -16)},
]
"""At θ = 0.5 and B = 16 ahead of a smaller step, behind it twice, and either, which at B = 1 would be ahead."""


@pytest.mark.parametrize(
    "wrong",
    [
        ('at ${ahead || "none"}', 'at ${behind || "none"}'),
        ("range: corners(row, B,", "range: corners(row, 1,"),
        ('c: end("c", good)', 'c: end("c", !good)'),
        ('{ name: "yours", look: "shade0", points: found.map(', '{ name: "yours", look: "study", points: found.map('),
    ],
    ids=["ahead", "of single examples", "another end", "its line"],
)
def test_a_run_is_ahead_where_its_intervals_are(
    wrong: tuple[str, str], article: Path, opened: Open, tmp_path: Path, rejects: Rejects
) -> None:
    head = ["step", *(part + end for part in MEASURED for end in ("", "_low", "_high"))]
    given = [[value if isinstance(value, tuple) else (value,) * 3 for value in (MEASURED | row).values()] for row in OF_RUN]
    lines: list[list[Any]] = [[step, *chain.from_iterable(row)] for step, row in enumerate(given)]
    csv = "\n".join(",".join(map(str, line)) for line in (head, *lines))

    def is_said(path: Path) -> None:
        page, _ = opened(path, "?theta=0.5&B=4")
        dropped(page, "a.csv", csv)
        assert (
            page.locator("[data-says=along-beyond]")
            .inner_text()
            .startswith(
                "Of 4 measurements in batches of 16, smoothing at θ = 0.5 is ahead of a smaller step at 1 and behind it at 2, "
                "as far as the intervals tell, and at step 3 it has δ_B = "
            )
        )
        looks = page.evaluate(
            "() => [...document.querySelectorAll('#along svg.chart .line')].map((one) => one.style.getPropertyValue('--look'))"
        )
        assert looks.count("var(--study)") == 3
        assert page.locator("#along path.band").count() == 3

    rejects(is_said, right=article, wrong=planted(article, tmp_path, wrong))
