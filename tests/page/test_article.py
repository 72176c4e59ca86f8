"""The article in a browser: on every screen nothing overflows or overlaps, it is accessible, and it keeps its state in its address."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.figures.grey import Mark, alike_in_grey, lightness
from tests.figures.miniature_article import CANARY, HOSTILE, fits
from tests.page.support import SCREENS, planted
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.figures.page.calculator import moments
from tsla.theory.testing.planted import Rejects

OVERLAPS = """() => [...document.querySelectorAll("svg.chart")].flatMap((chart) => {
  const boxes = [...chart.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const within = chart.getBoundingClientRect();
  const outside = boxes.filter(([, box]) => box.left < within.left - 1 || box.right > within.right + 1).map(([text]) => `${text} is out`);
  return outside.concat(boxes.flatMap(([a, one], i) => boxes.slice(i + 1)
    .filter(([, two]) => one.left < two.right - 1 && two.left < one.right - 1 && one.top < two.bottom - 3 && two.top < one.bottom - 3)
    .map(([b]) => `${a} | ${b}`)));
})"""
MARKS = """() => [...document.querySelectorAll("svg.chart")].map((chart) => [
  ...[...chart.querySelectorAll(".line")].map((mark) => getComputedStyle(mark))
    .map(({ stroke, strokeDasharray }) => ["line", stroke, 1, strokeDasharray]),
  ...[...chart.querySelectorAll(".sign, .square")].map((mark) => [mark, getComputedStyle(mark)])
    .map(([mark, { fill, fillOpacity }]) => ["sign", fill, Number(fillOpacity), mark.textContent]),
])"""
MEASURED = {"grad2": 2.5, "s2": 105.0, "shat2": 60.0, "c": -5.0, "beta2": 7.5, "nu2": 52.5}


def does_not_overflow(page: Any, _: list[str]) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def has_no_text_on_another(page: Any, _: list[str]) -> None:
    assert page.evaluate(OVERLAPS) == []


def says_nothing_to_the_console(page: Any, said: list[str]) -> None:
    page.wait_for_timeout(300)
    assert said == []


def is_told_apart_in_grey(page: Any, _: list[str]) -> None:
    """Lines by lightness or dash, and signs and squares by lightness or sign, whatever names stand at them."""
    paper = rgb(page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor"))[:3]
    for chart in page.evaluate(MARKS):
        marks = [Mark(kind, "", colour, lightness(rgb(colour, opacity), paper), shape) for kind, colour, opacity, shape in chart]
        assert alike_in_grey(marks) == []


def rgb(computed: str, opacity: float = 1.0) -> tuple[float, ...]:
    """Of a computed style such as "rgb(213, 94, 0)" or "none": four shares of 1."""
    if computed == "none":
        return (0.0, 0.0, 0.0, 0.0)
    red, green, blue, *alpha = (float(number) for number in re.findall(r"[\d.]+", computed))
    return (red / 255, green / 255, blue / 255, opacity * (alpha or [1.0])[0])


def runs_nothing_of_its_texts(page: Any, _: list[str]) -> None:
    page.wait_for_timeout(300)
    assert page.title() != CANARY


def is_accessible(page: Any, _: list[str]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing: pip install 'tsla[page]'").Axe()
    found = axe.run(page).response["violations"]
    assert not found, json.dumps([(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found])


CHECKS: dict[str, tuple[Callable[[Any, list[str]], None], tuple[str, str]]] = {
    "overflow": (does_not_overflow, ("</main>", '<p style="width: 9000px">x</p></main>')),
    "overlap": (has_no_text_on_another, ("const LINE = 16;", "const LINE = 0;")),
    "console": (says_nothing_to_the_console, ("begin(turned);", "begin(turned); console.log(1);")),
    "grey": (is_told_apart_in_grey, ("...dashed(look), d: path", "d: path")),
    "canary": (runs_nothing_of_its_texts, ("x&lt;img src=x onerror=document.title=&#39;canary&#39;&gt;", HOSTILE)),
    "axe": (is_accessible, ("</main>", '<input type="text"></main>')),
}


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen(screen: str, article: Path, opened: Callable[..., tuple[Any, list[str]]]) -> None:
    page, said = opened(article, **SCREENS[screen])
    for check, _ in CHECKS.values():
        check(page, said)


@pytest.mark.parametrize("name", CHECKS)
def test_a_wrong_page_is_caught(
    name: str, article: Path, opened: Callable[..., tuple[Any, list[str]]], tmp_path: Path, rejects: Rejects
) -> None:
    check, wrong = CHECKS[name]
    pages = {"right": article, "wrong": planted(article, tmp_path, wrong)}
    rejects(lambda which: check(*opened(pages[which])), right="right", wrong="wrong")


def test_it_prints_without_knobs_and_is_small(article: Path, opened: Callable[..., tuple[Any, list[str]]]) -> None:
    fits(article.read_text(encoding="utf-8"))
    page, _ = opened(article)
    page.emulate_media(media="print")
    assert not page.locator(".knobs").first.is_visible()
    assert page.locator("svg.chart").first.is_visible()
    does_not_overflow(page, [])


def test_knobs_turn_words_formula_and_figure_and_the_address_keeps_them(
    article: Path, opened: Callable[..., tuple[Any, list[str]]], tmp_path: Path, rejects: Rejects
) -> None:
    forgets = planted(article, tmp_path, ("history.replaceState(", "void ("))
    parts = ["[data-says=noise]", "[data-formula=noise]", "[data-figure=noise] path.line"]
    shows = f"() => {json.dumps(parts)}.map((at) => document.querySelector(at).outerHTML)"

    def keeps(path: Path) -> None:
        page, _ = opened(path)
        before = page.evaluate(shows)
        page.locator("#noise [data-knob=theta]").evaluate("(knob) => { knob.value = 0.5; knob.dispatchEvent(new Event('input')); }")
        page.locator("#noise [data-knob=B]").evaluate("(knob) => { knob.value = 8; knob.dispatchEvent(new Event('input')); }")
        drawn_anew = f"(before) => document.querySelector('{parts[2]}').outerHTML !== before"
        page.wait_for_function(drawn_anew, arg=before[2])  # a frame later; a text to be evaluated would be against the page's policy
        turned = page.evaluate(shows)
        assert all(a != b for a, b in zip(before, turned, strict=True))
        assert page.locator("#batch [data-knob=theta]").input_value() == "0.5"
        page.reload()
        page.wait_for_selector("svg.chart")
        assert page.evaluate(shows) == turned

    rejects(keeps, right=article, wrong=forgets)


def test_an_address_with_nonsense_is_the_page_as_it_is(article: Path, opened: Callable[..., tuple[Any, list[str]]]) -> None:
    page, said = opened(article, "?theta=9&B=x&setting=<b>&nothing=1&epoch=1e9")
    plain, _ = opened(article)
    assert said == []
    assert page.locator("main").inner_text() == plain.locator("main").inner_text()


REFUSED = {
    "no JSON": "no JSON",
    '{"moments": {}}': "moments.grad2.value is no number",
    json.dumps({"moments": {name: {"value": value} for name, value in MEASURED.items()}, "theta": 2, "batch_size": 16}): "theta is no",
    json.dumps({"config": {}, "rows": [dict.fromkeys(MEASURED)]}): "no row has moments",
    json.dumps({"moments": {name: {"value": -1} for name in MEASURED}, "theta": 0.1, "batch_size": 16}): "moments.s2.value = -1 must be",
}


def test_what_is_no_measurement_is_refused_in_one_line(article: Path, opened: Callable[..., tuple[Any, list[str]]], tmp_path: Path) -> None:
    page, said = opened(article)
    for text, part in REFUSED.items():
        (named := tmp_path / "<img src=x onerror=alert(1)>.json").write_text(text, encoding="utf-8")
        page.locator("#file").set_input_files(named)
        page.wait_for_function("(part) => document.getElementById('refusal').textContent.includes(part)", arg=part)
        assert page.locator("#refusal").inner_text().startswith("<img src=x")
        assert not page.locator("#yours").is_visible()
    assert said == []


def test_a_measured_network_is_laid_beside_the_study(article: Path, opened: Callable[..., tuple[Any, list[str]]], tmp_path: Path) -> None:
    """A run is as if its last row with moments had been measured."""
    about = {"theta": 0.1, "batch_size": 16}
    measured = {"moments": {name: {"value": value} for name, value in MEASURED.items()}, **about}
    of_run = {
        "config": about,
        "rows": [{"epoch": i} | row for i, row in enumerate((dict.fromkeys(MEASURED, 1.0), MEASURED, dict.fromkeys(MEASURED)))],
    }
    rows = []
    for found in (measured, of_run):
        page, said = opened(article)
        (named := tmp_path / "mine.json").write_text(json.dumps(found), encoding="utf-8")
        page.locator("#file").set_input_files(named)
        page.locator("#yours").wait_for()
        rows.append(page.locator("#yours-rows tr").first.locator("td").all_inner_texts())
        assert "of the variance of a batch of 16" in page.locator("#yours-says").inner_text()
        assert said == []
    assert rows[0][:3] == ["yours", "16", "0.1"]
    assert rows[1] == rows[0]


@pytest.fixture(scope="module")
def monitored() -> str:
    """The rows of a monitor as CSV, with one in which nothing was measured, whose reason has all that CSV has to quote."""
    inputs = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
    model = torch.nn.Linear(5, 3)
    monitor = MomentsMonitor(model, (inputs, inputs[:, :3].argmax(1)), every=1, examples=32)
    for _ in range(4):
        monitor.step()
        with torch.no_grad():
            model.weight.add_(0.1)
    failed = dict.fromkeys(monitor.rows[0], math.nan) | {"step": 4, "reason": '<b>"a", b</b>'}
    return pd.DataFrame([*monitor.rows, failed]).to_csv()


def test_a_monitor_is_drawn_along_its_run(
    article: Path, opened: Callable[..., tuple[Any, list[str]]], tmp_path: Path, monitored: str, rejects: Rejects
) -> None:
    """The last δ_B and B_c are Python's, and follow the knobs; the page's checks hold with the new charts in it."""
    forgets = planted(article, tmp_path, ("beta2: bias2, nu2 }, B", "beta2: 0, nu2 }, B"))
    batch = moments(pd.read_csv(io.StringIO(monitored)).dropna(subset="s2").iloc[-1].to_dict(), 8, 0.5)
    (named := tmp_path / "mine.csv").write_text(monitored, encoding="utf-8")
    says = r"Of 4 measurements in batches of 8, .* at step 3 it has δ_B = ([\d.]+) and B_c = ([\d.]+)\."

    def follows(path: Path) -> None:
        for screen in ("phone", "dark"):
            page, said = opened(path, "?B=3&theta=0.5", **SCREENS[screen])
            page.locator("#file").set_input_files(named)
            page.locator("[data-figure=along-beyond] path.band").wait_for(state="attached")
            sentence = page.locator("[data-says=along-beyond]").inner_text()
            found = re.fullmatch(says, sentence)
            assert found, sentence
            assert [float(number) for number in found.groups()] == pytest.approx([batch["delta"], batch["critical_batch_size"]], rel=0.01)
            for check in (does_not_overflow, has_no_text_on_another, is_told_apart_in_grey):
                check(page, said)
            page.locator("#along [data-knob=B]").evaluate("(knob) => { knob.value = 0; knob.dispatchEvent(new Event('input')); }")
            page.wait_for_function("() => document.querySelector('[data-says=along-beyond]').textContent.includes('in batches of 1,')")
            assert said == []

    rejects(follows, right=article, wrong=forgets)


OTHER_FILES = {
    "figure.csv": ("theta,mean\n0.1,2\n", "lacks the columns step, grad2, grad2_low, …"),
    "short.csv": ("{head}\n1,2\n", "row 1 has 2 cells, and the head has 19"),
    "words.csv": ("{head}\n0,<b>" + ",1" * 17 + "\n", "grad2 of row 1 = <b> is no number"),
    "nothing.csv": ("{head}\n0" + "," * 18 + "\n", "no row has moments"),
    "huge.csv": ("{head}\n0" + ",1e308" * 18 + "\n", "too large or too small"),
}


def test_another_table_is_refused_by_what_it_lacks(article: Path, opened: Callable[..., tuple[Any, list[str]]], tmp_path: Path) -> None:
    head = ",".join(["step", *(part + end for part in MEASURED for end in ("", "_low", "_high"))])
    page, said = opened(article)
    for name, (text, part) in OTHER_FILES.items():
        (named := tmp_path / name).write_text(text.replace("{head}", head), encoding="utf-8")
        page.locator("#file").set_input_files(named)
        page.wait_for_function("(part) => document.getElementById('refusal').textContent.includes(part)", arg=part)
        assert not page.locator("#along").is_visible()
    assert said == []


def test_a_symbol_is_explained_to_the_keyboard_too(article: Path, opened: Callable[..., tuple[Any, list[str]]]) -> None:
    page, _ = opened(article)
    symbol = page.locator("#C5 .symbol").first
    symbol.focus()
    assert page.locator("#meaning").inner_text() == symbol.get_attribute("data-meaning")
    page.keyboard.press("Escape")
    assert not page.locator("#meaning").is_visible()


def test_a_link_into_what_is_folded_unfolds_it(article: Path, opened: Callable[..., tuple[Any, list[str]]]) -> None:
    page, _ = opened(article, "#figure-forest")
    assert page.locator("#figure-forest").get_attribute("open") is not None
