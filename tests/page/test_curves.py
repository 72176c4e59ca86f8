"""Where the curves of the figures with knobs end, on the axes that stand beside them, is where theory and the records have them."""

from __future__ import annotations

from collections.abc import Callable
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.page.support import NUMBERS, as_number, planted
from tsla.theory import sharp
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import Json

Open = Callable[..., tuple[Any, list[str]]]
DRAWN = """(name) => {
  const chart = document.querySelector(`[data-figure="${name}"]:not([data-small]) svg.chart`);
  const all = (marks) => [...chart.querySelectorAll(marks)];
  const at = (mark, side) => Number(mark.getAttribute(side));
  const ticks = all("text[text-anchor=end]").filter((text) => at(text, "x") < 100);
  const look = (mark) => mark.style.getPropertyValue("--look").slice(6, -1);
  const end = (path) => Number(path.getAttribute("d").split(" ").at(-1));
  return { ticks: ticks.map((tick) => [tick.textContent, at(tick, "y") - 4]),
    ends: Object.fromEntries(all("path.line").map((path) => [look(path), end(path)])),
    dots: Object.fromEntries(all("circle").map((dot) => [look(dot), at(dot, "cy")])) };
}"""
Ends = Callable[[Json], tuple[dict[str, float], dict[str, float]]]
"""From the numbers of the page, where each line ends and each dot stands."""


def batches(of: Json, B: int) -> Moments:
    """Of the setting and the epoch with which the page begins."""
    return Moments(**{name: of["moments"][0]["epochs"][-1][name] for name in MOMENTS}).at_batch_size(B)


def noise(of: Json) -> tuple[dict[str, float], dict[str, float]]:
    one = batches(of, 4)
    found = {"lsr": one.second_moment, "shade0": one.bias, "shrink": one.shrunk.second_moment}
    return {look: value(1) / one.s2 for look, value in found.items()}, {look: found[look](0.5) / one.s2 for look in ("lsr", "shrink")}


def batch(of: Json) -> tuple[dict[str, float], dict[str, float]]:
    large, small = batches(of, 1024), batches(of, 4)
    ends = {"lsr": large.second_moment(0.1), "shrink": large.shrunk.second_moment(0.1)}
    return {look: end / large.s2 for look, end in ends.items()}, {"lsr": small.second_moment(0.1) / small.s2}


def theorem(_: Json) -> tuple[dict[str, float], dict[str, float]]:
    """At δ = 0.01, where V = U = δ at θ = 1."""
    k = Constants(L=1, sigma2=1, delta=0.01, F0=1)
    W = {theta: float(sum(sharp.floor(k, np.asarray(0.1), theta))) for theta in (1, 0.3)}
    return {"grey": 0.01, "shade2": 0.01, "lsr": W[1], "sgd": 0.1}, {"grey": 0.7 + 0.3 * 0.01, "lsr": W[0.3]}


def rivals(_: Json) -> tuple[dict[str, float], dict[str, float]]:
    """At δ = 1, but for smoothing that is never dropped, which does not get there."""
    at = [Constants(L=100, mu=1, sigma2=1, delta=delta, F0=1) for delta in (1, 0.001)]
    ends, dots = ({name: float(METHODS[name](k, eps=0.1).total) for name in ("sgd", "sgd-pl", "lsr-pl", "tsla")} for k in at)
    del ends["lsr-pl"]
    return ends, dots


def drop(of: Json) -> tuple[dict[str, float], dict[str, float]]:
    """In points of accuracy: the last drop, and never."""
    table = pd.DataFrame(of["drops"])
    rows = table[(table["setting"] == table["setting"][0]) & (table["outcome"] == "accuracy")].sort_values("drop")
    looks = {theta: f"shade{1 - i}" for i, theta in enumerate(rows["theta"].unique())}
    by_theta = {looks[theta]: one["mean"] * 100 for theta, one in rows.groupby("theta")}
    return {look: one.iloc[-2] for look, one in by_theta.items()}, {look: one.iloc[-1] for look, one in by_theta.items()}


FIGURES: dict[str, tuple[str, bool, Ends, tuple[str, str]]] = {  # address, whether the axis is logarithmic, and a wrong version
    "noise": ("?theta=0.5&B=2", False, noise, ('look: "shade0", points: line("bias")', 'look: "shade0", points: line("step")')),
    "batch": ("?theta=0.1&B=2", False, batch, ("[size, ratio(size, ", "[size, ratio(2 * size, ")),
    "theorem": ("?delta=-2", True, theorem, ("[one, floor(one)]", "[one, floor(0)]")),
    "rivals": ("?delta=-3&kappa=2", True, rivals, ("between(-4, 0, 40)", "between(-4, 1, 40)")),
    "drop": ("", False, drop, ("[height - bottom, top]", "[top, height - bottom]")),
}


@pytest.mark.parametrize("name", FIGURES)
def test_curves_end_and_dots_stand_where_they_should(name: str, article: Path, opened: Open, tmp_path: Path, rejects: Rejects) -> None:
    query, logarithmic, ends_of, wrong = FIGURES[name]

    def stand_there(path: Path) -> None:
        page, _ = opened(path, query)
        drawn, (ends, dots) = page.evaluate(DRAWN, name), ends_of(page.evaluate(NUMBERS))
        assert drawn["ticks"][0][1] > drawn["ticks"][-1][1], "up is more"
        (low, bottom), *_, (high, top) = ((scale(as_number(text)), height) for text, height in drawn["ticks"])

        def places(values: dict[str, float]) -> dict[str, float]:
            return {look: bottom + (scale(value) - low) / (high - low) * (top - bottom) for look, value in values.items()}

        found = {look: height for look, height in drawn["ends"].items() if look in ends}
        assert found == pytest.approx(places(ends), abs=1)
        assert drawn["dots"] == pytest.approx(places(dots), abs=1)

    def scale(value: float) -> float:
        return log10(value) if logarithmic else value

    rejects(stand_there, right=article, wrong=planted(article, tmp_path, wrong))


# --- what no sentence says: squares, keys, and names on axes

SQUARES = """() => {
  const figure = document.querySelector("[data-figure=counts]");
  const kinds = [...figure.querySelectorAll(".square")].map((one) => one.classList[1]);
  const key = [...figure.querySelectorAll("li")].map((one) => [one.firstChild.className, one.innerText.trim()]);
  const groups = [...document.querySelectorAll("[data-figure=never] .group")].map((one) => one.textContent);
  return { kinds, key, groups, drops: Number(document.querySelector("[data-knob=drop]").max) };
}"""
AXES = """async () => {
  const found = {};
  for (const figure of ["early", "late"]) for (const { value } of document.querySelector(`[data-knob=${figure}]`).options) {
    const knob = document.querySelector(`[data-knob=${figure}]`);
    knob.value = value;
    knob.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    found[value] = document.querySelector(`[data-figure=${figure}] text[text-anchor=end]`).textContent;
  }
  return found;
}"""
UNITS = {
    "E1": "variance, in % of the plain one",
    "E2": "training loss, in %",
    "E2 by accuracy": "accuracy, in points",
    "E3": "accuracy, in points",
    "E4": "test loss, in %",
    "E5": "accuracy, in points",
}


def squares_of(of: Json) -> list[str]:
    """A square a setting, those that are better first."""
    found = []
    dropping = [word for claim, word in zip(of["forest"]["rows"]["claim"], of["forest"]["rows"]["word"], strict=True) if claim == "E3"]
    sums = [
        [sum(row[outcome][side] for row in of["never"]) for side in ("better", "worse", "compared")]
        for outcome in ("accuracy", "test loss")
    ]
    for better, worse, compared in (*sums, (dropping.count("supported"), dropping.count("refuted"), len(dropping))):
        found += ["supported"] * better + ["refuted"] * worse + ["neither"] * (compared - better - worse)
    return found


@pytest.mark.parametrize(
    "wrong",
    [
        ("k < better + worse ?", "k < worse ?"),
        ('["■", "better"]', '["■", "worse"]'),
        ('E4: "test loss, in %"', 'E4: "accuracy, in points"'),
        ("(part) => 100 * part", "(part) => part"),
        ("(drop) => drop < LAST", "(drop) => drop <= LAST"),
    ],
    ids=["squares", "key", "axis", "labels", "drops"],
)
def test_squares_keys_and_axes_say_what_is_drawn(
    wrong: tuple[str, str], article: Path, opened: Open, tmp_path: Path, rejects: Rejects
) -> None:
    def say_it(path: Path) -> None:
        page, _ = opened(path)
        shown, of = page.evaluate(SQUARES), page.evaluate(NUMBERS)
        assert shown["kinds"] == squares_of(of)
        assert shown["key"] == [["sign supported", "■ better"], ["sign refuted", "▧ worse"], ["sign open", "□ neither"]]
        assert shown["groups"] == ["no wrong labels", "20 and 40 % wrong labels", "20 % wrong labels"]
        assert shown["drops"] == len({drop for drop in of["drops"]["drop"] if drop < 20}) - 1
        assert page.evaluate(AXES) == {claim: f"{unit}, better →" for claim, unit in UNITS.items()}

    rejects(say_it, right=article, wrong=planted(article, tmp_path, wrong))
