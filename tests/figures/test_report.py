"""The report opens offline, and shows every claim, figure and record."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.figures.miniature import miniature
from tsla.empirics.runs import records
from tsla.empirics.statistics.intervals import student_t
from tsla.figures import gallery, live, report
from tsla.figures.drawing import draw
from tsla.theory.claims import CLAIMS
from tsla.theory.testing.planted import Rejects

EVIDENCE = [
    {"id": "C5", "kind": "property", "planted": False, "test": "t", "passed": True, "finding": "floor < 1 & > 0"},
    {"id": "C5", "kind": "algebra", "planted": True, "test": "t", "passed": True},
]


class Page(HTMLParser):
    """What a browser would load, and the text that it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "srcset", "poster", "action"):
                self.loads += external([value or ""])
            if name in ("style", "clip-path", "fill", "filter", "mask"):
                self.loads += external_urls(value or "")
        if tag in ("link", "iframe", "object", "embed", "base"):
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
    folder = tmp_path_factory.mktemp("report")
    figures = shutil.copytree(drawn[0].parent, folder / "figures")
    draw(figures / "live.svg", live.draw, *(records.read(of / "digits.parquet") for of in (source, fresh)))
    written = report.write(source, fresh, figures, EVIDENCE, folder / "new" / "index.html")
    assert written == folder / "new" / "index.html"
    assert list(written.parent.iterdir()) == [written]
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(page: str) -> str:
    """The visible text."""
    return " ".join(" ".join(Page(page).text).split())


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://cdn.plot.ly/plotly.min.js"></script>',
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
    rejects(loads_nothing, right=page, wrong=page.replace("<h2>Records</h2>", planted + "<h2>Records</h2>"))


def test_every_figure_is_there_with_its_caption(page: str, shown: str) -> None:
    captions = [module.CAPTION for module in (live, *gallery.modules().values())]
    assert page.count("<figure>") == page.count("</figure>") == len(captions)
    assert page.count("<svg") >= len(captions)
    assert all(" ".join(caption.split()) in shown for caption in captions)


def test_every_record_is_there_with_its_command_and_configuration(source: Path, page: str) -> None:
    for path in source.glob("*.parquet"):
        record = records.read(path)
        assert f"<code>{record.command}</code>" in page
        assert record.hash in page
    assert f"torch {records.environment()['torch']}" in page


def test_every_claim_is_there_with_its_verdict_and_escaped_evidence(page: str, shown: str) -> None:
    for claim in CLAIMS:
        assert f"{claim.id} {claim.title} {claim.statement}" in shown
        assert f"tsla check {claim.id}" in shown
    assert "instances property floor < 1 & > 0 1 tsla check C5" in shown
    assert "floor &lt; 1 &amp; &gt; 0" in page
    assert "floor < 1" not in page


def test_what_was_run_for_the_page_is_there(page: str, shown: str) -> None:
    assert "The 15 live rows of seed 0 and those of the record: equal to the last bit." in shown
    assert "on stall: what the bound promises, and the mean over 3 replicas" in shown
    assert "rates PL, d = 10 no 0.5 1e-09 0.25 mean_grad2 < before" in shown
    assert "mean_grad2 &lt; before" in page


def test_numbers_are_means_over_the_seeds_with_their_intervals(source: Path) -> None:
    html = report.numbers_table(records.read(source / "digits.parquet"))
    table = miniature("digits")[0]
    for method in ("sgd", "lsr"):
        rows = table[table["method"] == method].set_index(["epoch", "seed"])
        delta = rows["shat2"] / rows["s2"]
        cells = [str(student_t([delta[epoch, 0], delta[epoch, 1]])) for epoch in (0, 2)]
        assert f"<tr><td>{method}: δ</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" in html
    assert "(B = 16, θ = 0.3)" in html
    assert "<th>epoch 0</th><th>epoch 2</th>" in html


def test_the_knob_is_in_the_page(page: str, shown: str) -> None:
    assert "batch size B = " in page
    assert "Turn the batch size" in shown
    assert len(page) > 1_000_000  # plotly itself


def test_an_old_page_is_kept_where_writing_fails(source: Path, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "index.html"
    out.write_text("old", encoding="utf-8")
    (tmp_path / "live.svg").write_text("<svg></svg>", encoding="utf-8")
    monkeypatch.setattr(report, "numbers_table", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write(source, fresh, tmp_path, EVIDENCE, out)
    assert out.read_text(encoding="utf-8") == "old"
