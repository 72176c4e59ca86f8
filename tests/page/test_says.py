"""What is said and drawn beside knobs follows from the page's numbers and from theory, and every knob turns its figure."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import chain
from math import asinh
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.page.support import NUMBER, NUMBERS, as_number, planted
from tsla.theory import sharp
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.smoothing import lemma
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import Json

Open = Callable[..., tuple[Any, list[str]]]
Says = Callable[[Json], tuple[str, list[Any]]]
"""From the numbers of the page, a text with ``{}`` for each number, and the numbers."""
SAID = """(name) => ["says", "formula"].map((kind) => document.querySelector(`[data-${kind}="${name}"]`)?.textContent)
  .concat(name === "counts" ? document.querySelector("[data-figure=counts] title").textContent : []).filter(Boolean).join(" ")"""


def last_moments(of: Json) -> Moments:
    """Of the setting and the epoch with which the page begins."""
    return Moments(**{name: of["moments"][0]["epochs"][-1][name] for name in MOMENTS})


def noise(of: Json) -> tuple[str, list[Any]]:
    batch, theta = last_moments(of).at_batch_size(4), 0.5
    left, step, bias = (found / batch.s2 for found in (batch.second_moment(theta), batch.shrunk.second_moment(theta), batch.bias(theta)))
    apart = "more" if left > step else "less"
    return (
        "At θ = {} smoothing leaves {} % of a batch's variance, and a step {} % smaller leaves {} %. Smoothing leaves {} % of the plain "
        f"variance {apart}. The variance is least at θ* = {{}}. E‖g_LS-∇F‖²/E‖g-∇F‖² = bias + noise = {{}} + {{}} = {{}}"
    ), [theta, 100 * left, 50, 100 * step, 100 * abs(left - step), batch.theta_star, bias, left - bias, left]


def batch(of: Json, theta: float) -> tuple[str, list[Any]]:
    one = last_moments(of)
    there, size = one.at_batch_size(4), float(one.critical_batch_size(theta))
    left = float(there.second_moment(theta) / there.s2)
    none, sizes = ("no batch is small enough", []) if size <= 1 else ("the critical batch size is {}", [size])
    assert (size <= 1) == (theta == 1)
    return (
        f"At θ = {{}} {none}. In batches of {{}} smoothing {'lowers' if left < 1 else 'raises'} the variance, to {{}} % of plain SGD's. "
        "B_c(θ) = (s² - N(θ))/(θ²β²) = {},  δ_B = {}"
    ), [theta, *sizes, 4, 100 * left, size, there.delta]


def theorem(_: Json) -> tuple[str, list[Any]]:
    delta, step, theta = 0.01, 0.1, 0.3
    k = Constants(L=1, sigma2=1, delta=delta, F0=1)
    W, best = (float(sum(sharp.floor(k, np.asarray(step), strength))) for strength in (theta, None))
    V, U = float(lemma(1.0, delta, theta)), (1 - theta + theta * delta**0.5) ** 2
    return (
        "At δ = {} and ηL = {} the paper's V is {} times what smoothing really has at worst, W, at θ = {}. With the best θ smoothing keeps "
        "{} % of plain SGD's floor. V(θ) = (1-θ)σ² + θδσ² = {} σ²,  U(θ) = {} σ²,  W(θ, ηL) = {} σ²,  W(θ°, ηL) = {} σ²"
    ), [delta, step, V / W, theta, 100 * best / step, V, U, W, best]  # plain SGD keeps ηLσ²


def rivals(_: Json) -> tuple[str, list[Any]]:
    delta, eps, kappa = 0.001, 0.1, 100.0
    k = Constants(L=kappa, mu=1, sigma2=1, delta=delta, F0=1)
    samples = {name: float(METHODS[name](k, eps=eps).total) for name in ("tsla", "sgd-pl", "lsr-pl")}
    assert samples["lsr-pl"] < samples["sgd-pl"]
    said = "At δ = {}, ε = {} and κ = {} TSLA's plan takes {} samples, and smoothing that is never dropped takes {}."
    return f"{said} .*", [delta, eps, kappa, samples["tsla"], samples["lsr-pl"]]


def drop(of: Json) -> tuple[str, list[Any]]:
    """Before epoch 8, and never; in points of accuracy."""
    table = pd.DataFrame(of["drops"])
    rows = table[(table["setting"] == table["setting"][0]) & (table["outcome"] == "accuracy")]
    epoch = sorted(rows["drop"].unique())[2]
    lines = {theta: one.set_index("drop")[["mean", "low", "high"]] for theta, one in rows.groupby("theta")}
    said = [f"θ = {theta}: dropped before epoch {epoch} {{}} [{{}}, {{}}], never dropped {{}} [{{}}, {{}}]" for theta in lines]
    return ". ".join(said) + ".", [100 * end for one in lines.values() for at in (epoch, 20) for end in one.loc[at]]


def late(of: Json) -> tuple[str, list[Any]]:
    table = pd.DataFrame(of["forest"]["rows"])
    words = table.loc[table["claim"] == "E4", "word"]
    kinds = ("supported", "refuted", "no benefit that matters", "open", "can't tell")
    counts = [f"{(words == kind).sum()} {kind}" for kind in kinds if (words == kind).any()]
    return f"Of {len(words)} comparisons: {', '.join(counts)}.", []


def ends(of: Json, outcome: str) -> tuple[int, int, int]:
    better, worse, compared = (sum(row[outcome][side] for row in of["never"]) for side in ("better", "worse", "compared"))
    return better, worse, compared


def never(of: Json) -> tuple[str, list[Any]]:
    better, worse, compared = ends(of, "test loss")
    return f"By test loss smoothing to the end is better at {better} of {compared} settings and worse at {worse}.", []


def at_best_temperature(of: Json) -> tuple[str, list[Any]]:
    rows = pd.DataFrame(of["tempered"]).query("outcome == 'tempered' and method == 'lsr'")
    better, worse = (rows["high"] < 0).sum(), (rows["low"] > 0).sum()
    said = "Without wrong labels and never dropped, smoothing is better on"
    return f"{said} {better} of {len(rows)} data sets and worse on {worse or 'none'}.", []


def counts(of: Json) -> tuple[str, list[Any]]:
    dropping = pd.DataFrame(of["forest"]["rows"]).query("claim == 'E3'")["word"]
    squares = {name: ends(of, name) for name in ("accuracy", "test loss")}
    squares["dropping"] = ((dropping == "supported").sum(), (dropping == "refuted").sum(), len(dropping))
    return "; ".join(f"{name}: better at {better} of {all_}, worse at {worse}" for name, (better, worse, all_) in squares.items()), []


SENTENCES: dict[str, tuple[str, str, Says, tuple[str, str]]] = {  # figure, address, what it says, a wrong version
    "noise": ("noise", "?theta=0.5&B=2", noise, ('apart > 0 ? "more"', 'apart < 0 ? "more"')),
    "batch": ("batch", "?theta=0.1&B=2", partial(batch, theta=0.1), ("here < 1 ?", "here > 1 ?")),
    "no batch": ("batch", "?theta=1&B=2", partial(batch, theta=1), ("critical <= 1 ?", "critical === Infinity ?")),
    "theorem": ("theorem", "?delta=-2", theorem, ("here.lemma / floor(theta)", "here.sharp / floor(theta)")),
    "rivals": ("rivals", "?delta=-3&kappa=2", rivals, ("here[a] - here[b]", "here[b] - here[a]")),
    "drop": ("drop", "?drop=2", drop, ('"accuracy" ? 100 : 1;', '"accuracy" ? 1 : 100;')),
    "late": ("late", "?late=E4", late, ("row.claim === claim)", "row.claim !== claim)")),
    "never": ("never", "?ended=test loss", never, ('sum("better")}', 'sum("worse")}')),
    "tempered": ("never", "?ended=tempered", at_best_temperature, ('low > 0 ? "supported"', 'high > 0 ? "supported"')),
    "counts": ("counts", "", counts, ('won("supported"), won("refuted")', 'won("refuted"), won("supported")')),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_beside_knobs_says_what_its_numbers_say(
    name: str, article: Path, opened: Open, tmp_path: Path, rejects: Rejects
) -> None:
    figure, query, says, wrong = SENTENCES[name]

    def is_said(path: Path) -> None:
        page, _ = opened(path, query)
        template, numbers = says(page.evaluate(NUMBERS))
        text = page.evaluate(SAID, figure)
        pattern = NUMBER.join(re.escape(part) for part in template.removesuffix(" .*").split("{}"))
        found = re.match(pattern, text)
        assert found, text
        assert [as_number(one) for one in found.groups()] == pytest.approx([float(one) for one in numbers], rel=0.01)

    rejects(is_said, right=article, wrong=planted(article, tmp_path, wrong))


# --- where the intervals stand

DRAWN = """(name) => {
  const chart = document.querySelector(`[data-figure="${name}"] svg.chart`), at = (mark, side) => Number(mark.getAttribute(side));
  const signs = [...chart.querySelectorAll(".sign")], ticks = [...chart.querySelectorAll("text[text-anchor=middle]:not(.sign)")];
  const shaded = chart.querySelector(".shaded");
  const label = chart.querySelector("text[text-anchor=end]").textContent;
  return { label, shaded: [at(shaded, "x"), at(shaded, "width")], ticks: ticks.map((tick) => [tick.textContent, at(tick, "x")]),
    rows: [...chart.querySelectorAll(".bar")].map((bar, i) => [at(bar, "x1"), at(signs[i], "x"), at(bar, "x2"), signs[i].textContent]) };
}"""
MARKS = {"supported": "▶", "refuted": "◀", "no benefit that matters": "■", "open": "◆", "can't tell": "○"}
Row = tuple[float, float, float, str]
"""Low, mean and high, and the mark."""


def of_claim(of: Json) -> list[Row]:
    table = pd.DataFrame(of["forest"]["rows"]).query("claim == 'E2 by accuracy'")
    order = chain.from_iterable(group["settings"] for group in of["forest"]["groups"])
    rows = [row for setting, _ in order for row in table[table["setting"] == setting].to_dict("records")]
    return [(row["low"], row["mean"], row["high"], MARKS[row["word"]]) for row in rows]


def of_accuracy(of: Json) -> list[Row]:
    return [_range(row["accuracy"], 1) for row in of["never"] if row["accuracy"]["compared"]]


def of_test_loss(of: Json) -> list[Row]:
    """A lower one is better, and stands to the right."""
    return [_range(row["test loss"], -1) for row in of["never"] if row["test loss"]["compared"]]


def _range(of: Json, sign: int) -> Row:
    low, high = sorted(100 * sign * of[end] for end in ("least", "largest"))
    return (
        low,
        (low + high) / 2,
        high,
        MARKS["supported" if of["better"] > of["worse"] else "refuted" if of["worse"] > of["better"] else "open"],
    )


def of_calibration(of: Json) -> list[Row]:
    """In points as they come: fewer are better, and stand to the right."""
    table = pd.DataFrame(of["tempered"]).query("outcome == 'test_ece'")
    rows = [row for method in ("lsr", "tsla") for row in table[table["method"] == method].to_dict("records")]
    words = ["supported" if row["high"] < 0 else "refuted" if row["low"] > 0 else "open" for row in rows]
    return [(-row["high"], -row["mean"], -row["low"], MARKS[word]) for row, word in zip(rows, words, strict=True)]


Standing = tuple[str, str, Callable[[Json], list[Row]], float, str, tuple[str, str]]
"""A figure, an address, its rows, what matters, the axis, and a wrong version."""
STANDING: dict[str, Standing] = {
    "a claim": ("early", "?early=E2 by accuracy", of_claim, 0.5, "accuracy, in points", ("x1: x(one.low)", "x1: x(-one.high)")),
    "accuracy": ("never", "", of_accuracy, 0.5, "accuracy, in points", ('better > worse ? "supp', 'better < worse ? "supp')),
    "test loss": ("never", "?ended=test loss", of_test_loss, 1, "log test loss, in hundredths", ("? 100 : -100", "? 100 : 100")),
    "calibration": ("never", "?ended=test_ece", of_calibration, 1, "calibration error, in points", ('ece" ? -1 :', 'ece" ? -100 :')),
}


@pytest.mark.parametrize("name", STANDING)
def test_an_interval_stands_where_its_numbers_are(name: str, article: Path, opened: Open, tmp_path: Path, rejects: Rejects) -> None:
    figure, query, rows_of, matters, axis, wrong = STANDING[name]

    def stand_there(path: Path) -> None:
        page, _ = opened(path, query)
        drawn, rows = page.evaluate(DRAWN, figure), rows_of(page.evaluate(NUMBERS))
        assert drawn["label"] == f"{axis}, better →"
        zero, (most, edge) = dict(drawn["ticks"])["0"], max(drawn["ticks"], key=lambda tick: tick[1])
        scale = (edge - zero) / asinh(float(most) / matters)
        assert drawn["shaded"] == pytest.approx([zero - scale * asinh(1), 2 * scale * asinh(1)], abs=0.05)  # too small to matter
        assert [mark for *_, mark in drawn["rows"]] == [mark for *_, mark in rows]
        places = [[zero + scale * asinh(value / matters) for value in values] for *values, _ in rows]
        assert np.array([place for *place, _ in drawn["rows"]]) == pytest.approx(np.array(places), abs=0.05)

    rejects(stand_there, right=article, wrong=planted(article, tmp_path, wrong))


# --- knobs

TURNED = """async () => {
  const frame = () => new Promise(requestAnimationFrame), found = [];
  for (const panel of document.querySelectorAll(".panel:not(#along .panel)")) for (const knob of panel.querySelectorAll("[data-knob]")) {
    const seen = [], before = knob.value, many = knob.type === "range" ? [knob.min, knob.max] : [...knob.options].map((one) => one.value);
    for (const value of many) {
      knob.value = value;
      knob.dispatchEvent(new Event("input"));
      await frame();
      await frame();
      seen.push((panel.querySelector(".plot").innerHTML + panel.innerText).replaceAll(/chart\\d+/g, ""));
    }
    knob.value = before;
    knob.dispatchEvent(new Event("input"));
    found.push([knob.dataset.knob, new Set(seen).size === many.length, seen.some((text) => /NaN|undefined|Infinity/.test(text))]);
  }
  return found;
}"""


@pytest.mark.parametrize(
    "wrong",
    [
        ('rivals: ["delta", "eps", "kappa"]', 'rivals: ["delta", "eps"]'),
        ('data-knob="step" min="-3" max="0"', 'data-knob="step" min="-3" max="1"'),
    ],
    ids=["a knob that nothing hears", "a step size beyond 1/L"],
)
def test_every_knob_turns_its_figure_from_end_to_end(
    wrong: tuple[str, str], article: Path, opened: Open, tmp_path: Path, rejects: Rejects
) -> None:
    def turn_all(path: Path) -> None:
        page, said = opened(path)
        found = page.evaluate(TURNED)
        assert len(found) > 15
        assert [name for name, turned, ugly in found if not turned or ugly] == []
        assert said == []

    rejects(turn_all, right=article, wrong=planted(article, tmp_path, wrong))
