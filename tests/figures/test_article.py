"""The article opens offline, shows every claim, figure and record, and puts nothing in that is not escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.figures.miniature import miniature
from tests.figures.miniature_article import EVIDENCE, LIMIT, fits, write_miniature_article
from tsla.empirics.runs import provenance, records
from tsla.empirics.statistics.intervals import student_t
from tsla.figures import gallery, live
from tsla.figures.page import article, runs, svg
from tsla.theory.claims import CLAIMS
from tsla.theory.testing.planted import Rejects


class Page(HTMLParser):
    """What a browser would load, and the text that it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        for name, value in attrs:
            if tag == "a":
                continue  # leads somewhere when it is followed, and loads nothing
            if name in ("src", "href", "xlink:href", "data", "srcset", "poster", "action"):
                self.loads += external([value or ""])
            if name in ("style", "clip-path", "fill", "filter", "mask"):
                self.loads += external_urls(value or "")
        if tag in ("iframe", "object", "embed", "base"):
            self.loads.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["style"]:
            self.loads += external_urls(data)
        elif self.tags[-1:] != ["script"]:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self.tags.append(f"/{tag}")


def external(urls: list[str]) -> list[str]:
    return [url for url in urls if url and not url.startswith(("#", "data:"))]


def external_urls(css: str) -> list[str]:
    return external(re.findall(r"url\(\s*['\"]?([^'\")]+)", css)) + re.findall(r"@import.*", css)


def loads_nothing(page: str) -> None:
    assert Page(page).loads == []


@pytest.fixture(scope="module")
def page(source: Path, fresh: Path, drawn: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    written = write_miniature_article(source, fresh, drawn[0].parent, tmp_path_factory.mktemp("report"))
    assert [path.name for path in sorted(written.parent.iterdir())] == ["figures", "index.html", "records"]
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(page: str) -> str:
    """The visible text."""
    return " ".join("".join(Page(page).text).split())


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://example.org/plotly.min.js"></script>',
        '<link rel="stylesheet" href="style.css">',
        '<img src="figures/regimes.svg">',
        '<svg><image xlink:href="http://example.org/a.png"/></svg>',
        "<style>body { background: url(https://example.org/a.png) }</style>",
        "<style>@import 'https://example.org/a.css';</style>",
        '<p style="background: url(a.png)"></p>',
        '<iframe srcdoc=""></iframe>',
    ],
)
def test_nothing_is_loaded_from_elsewhere(page: str, planted: str, rejects: Rejects) -> None:
    rejects(loads_nothing, right=page, wrong=page.replace("</main>", planted + "</main>"))


def has_each_id_once(page: str) -> None:
    ids = Page(page).ids
    assert len(ids) == len(set(ids))


def leads_somewhere(page: str) -> None:
    """Every link into the page, and what one part of a figure says of another, has its place."""
    html = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert set(re.findall(r"(?:href=.|url\()#([^\"')]+)", html)) <= set(Page(page).ids)


def is_inert(page: str) -> None:
    """No element is an image, and what would be one is there as a text: the name of the record, its command, and a finding."""
    assert "img" not in Page(page).tags
    assert page.count("x&lt;img") >= 3


def live_at(which: int, page: str) -> str:
    """The page where one of the texts is an element."""
    *before, after = page.split("x&lt;img", which + 1)
    return f"{'x&lt;img'.join(before)}x<img{after.replace('&gt;', '>', 1)}"


@pytest.mark.parametrize(
    ("check", "plant"),
    [
        (fits, lambda page: page + " " * LIMIT),
        (has_each_id_once, lambda page: page.replace("</main>", '<p id="C5"></p></main>')),
        (leads_somewhere, lambda page: page.replace("</main>", '<a href="#nowhere">x</a></main>')),
        *((is_inert, partial(live_at, which)) for which in range(3)),
    ],
)
def test_it_is_small_and_sound(check: Callable[[str], None], plant: Callable[[str], str], page: str, rejects: Rejects) -> None:
    rejects(check, right=page, wrong=plant(page))


def lets_run_its_own_script_alone(page: str) -> None:
    (allowed,) = re.findall(r"script-src 'sha256-([^']+)'", page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == allowed


def test_a_browser_runs_no_script_but_its_own(page: str, rejects: Rejects) -> None:
    rejects(lets_run_its_own_script_alone, right=page, wrong=page.replace("</script>\n</body>", "alert(1)</script>\n</body>"))


def test_every_figure_is_there_with_its_caption_and_its_numbers(page: str, shown: str) -> None:
    for name, module in gallery.modules().items():
        assert f'id="figure-{name}"' in page
        assert f'href="figures/{name}.csv"' in page
        assert " ".join(module.CAPTION.split()) in shown
    assert " ".join(live.CAPTION.split()) in shown


def test_every_record_is_there_with_its_command_and_configuration(source: Path, shown: str) -> None:
    for path in source.glob("*.parquet"):
        record = records.read(path)
        assert record.command in shown
        assert record.hash in shown
    assert f"torch {provenance.environment()['torch']}" in shown


def test_every_claim_has_a_card_with_its_verdict_and_escaped_evidence(page: str, shown: str) -> None:
    for claim in CLAIMS:
        assert f"{claim.id} {claim.title}" in shown
        assert claim.statement in shown
        assert f"tsla check {claim.id}" in shown
    assert "◆ instances" in shown
    assert "floor &lt; 1 &amp; &gt; 0" in page
    assert "floor < 1" not in page


def test_what_was_run_for_the_page_is_there(page: str, shown: str) -> None:
    assert "The 15 live rows of seed 0 and those of the record: equal to the last bit." in shown
    assert "On stall: what the bound promises, and the mean over 3 replicas" in shown
    assert "<td>PL, d = 10</td><td>no</td><td>0.5</td><td>1e-09</td><td>mean_grad2 &lt; before</td>" in page


def test_numbers_are_means_over_the_seeds_with_their_intervals(source: Path) -> None:
    head, *rows = runs.digits_rows(records.read(source / "digits.parquet"))
    table = miniature("digits")[0]
    for method in ("sgd", "lsr"):
        own = table[table["method"] == method].set_index(["epoch", "seed"])
        left = 0.7**2 + 0.3**2 * own["grad2"] / (own["s2"] / 16)
        named = {"δ": own["shat2"] / own["s2"], "s²": own["s2"], "ŝ²": own["shat2"], "c": own["c"], "‖∇F‖²": own["grad2"]}
        for name, values in (named | {"variance ratio, step (1-θ)η (B = 16, θ = 0.3)": left}).items():
            assert [f"{method}: {name}", *(str(student_t([values[epoch, 0], values[epoch, 1]])) for epoch in (0, 2))] in rows
    assert head[1:] == ["epoch 0", "epoch 2"]
    assert sum("(B = 16, θ = 0.3)" in row[0] for row in rows) == 2 * len(runs.BATCH_NUMBERS)


def test_an_old_page_is_kept_where_writing_fails(source: Path, fresh: Path, tmp_path: Path) -> None:
    out = tmp_path / "index.html"
    out.write_text("old", encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        article.write(source, fresh, tmp_path / "nowhere", EVIDENCE, out)
    assert out.read_text(encoding="utf-8") == "old"


def test_the_finding_of_a_figure_is_a_text_in_it(drawn: list[Path]) -> None:
    element = svg.inline(drawn[0], "δ < 1 & <b>more</b>")
    assert "δ &lt; 1 &amp; &lt;b&gt;more&lt;/b&gt;</title>" in element


def sets_its_knob(page: str) -> None:
    """A card of training leads to the figure of its claim."""
    knobs = {name: re.findall(r'value="(E\d)"', options) for name, options in re.findall(r'data-knob="(\w+)">(.*?)</select>', page)}
    links = re.findall(r'href="\?(\w+)=(E\d)#(\w+)"', page)
    assert [claim for _, claim, _ in links] == ["E1", "E2", "E3", "E4", "E5"]
    assert all(claim in knobs[knob] for knob, claim, _ in links)
    sections = {
        name: re.findall(r'data-knob="(\w+)"', text) for name, text in re.findall(r'<section id="(\w+)"(.*?)</section>', page, re.DOTALL)
    }
    assert all(knob in sections[section] for knob, _, section in links)


@pytest.mark.parametrize("wrong", [("?early=E2#variance", "?late=E2#variance"), ("?late=E4#dropping", "?late=E4#variance")])
def test_a_card_of_training_leads_to_its_figure(wrong: tuple[str, str], page: str, rejects: Rejects) -> None:
    rejects(sets_its_knob, right=page, wrong=page.replace(*wrong))


def has_its_answers(page: str) -> None:
    """Each section has the rest of the answer that leads to it, and the finding of its figure."""
    sections = dict(re.findall(r'<section id="(\w+)"(.*?)</section>', page, re.DOTALL))
    answers = dict(re.findall(r'<li><strong>[^<]*</strong> ([^<]*) <a href="#(\w+)"', page))
    assert list(answers.values()) == ["rivals", "theorem", "accuracy", "variance", "dropping"]
    assert [section for rest, section in answers.items() if rest not in sections.get(section, "")] == ["theorem"]
    for section, figure in (("theorem", "smoothing_buys"), ("batch", "critical_batch"), ("accuracy", "tempered")):
        (finding,) = re.findall(f"<summary>{figure}: ([^<]*)</summary>", page)
        assert f"{finding}." in sections[section]


def test_a_section_has_the_answer_that_leads_to_it(page: str, rejects: Rejects) -> None:
    rejects(
        has_its_answers,
        right=page,
        wrong=page.replace('<section id="variance"', '<section id="other"', 1).replace('id="dropping"', 'id="variance"', 1),
    )
