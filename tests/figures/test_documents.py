"""Documents have the tables that the records give; a number that is another, in a record or in a document, is seen."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.cli.support import Refusal
from tests.conftest import ROOT
from tests.empirics.experiments.curves import curve
from tsla import cli
from tsla.empirics.experiments.known_architectures.networks import CONFIGS, NETWORKS
from tsla.empirics.experiments.rates.annealed import CONTRASTS
from tsla.empirics.experiments.study.settings import PRIMARY
from tsla.empirics.runs import records
from tsla.empirics.statistics.intervals import Interval
from tsla.figures.documents import DOCUMENTS, TABLES, table
from tsla.figures.documents.table import Table
from tsla.figures.markdown import BEGIN, END
from tsla.theory.testing.planted import Rejects

# Of every record that a document reads, of the study of one, for it takes seconds: a column, and what it is changed to.
CHANGES: list[tuple[str, str, str, Callable[[pd.DataFrame], Any]]] = [
    ("batch_norm", "batch_norm", "s2", lambda rows: rows["s2"] * 1.01),
    ("branches", "branches", "grad2_plain_low", lambda rows: rows["grad2_plain_low"] - 1),
    ("branches", "branches_resnet8", "floor_shrink", lambda rows: -rows["floor_shrink"]),
    ("estimators", "coverage", "covered", lambda rows: rows["covered"] - 10),
    ("intervals", "error_rates", "events", lambda rows: rows["events"] // 2),
    ("known_architectures", "known_architectures", "noise_scale", lambda rows: rows["noise_scale"] * 1.01),
    ("one_sided_tests", "power_of_tests", "ratio", lambda rows: rows["ratio"] + 0.01),
    ("planner", "planner", "regret", lambda rows: rows["regret"] * 1.01),
    ("rates", "annealed", "ratio", lambda _: 1.0),
    ("rates", "measured_rates", "exponent", lambda _: 1.0),
    ("sharper_decided", "dropping", "worst", lambda rows: rows["worst"] * 1.01),
    ("study", "study_decay", "test_accuracy", lambda rows: rows["test_accuracy"] + 0.01 * (rows["arm"] == "none")),
    ("study_third", "study_mlp", "test_accuracy", lambda rows: rows["test_accuracy"] + 0.01 * (rows["arm"] == "none")),
]
QUICK = [name for name in DOCUMENTS if not name.startswith("study")]


def stale(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    """The documents that `tsla docs --check` names."""
    code = cli.main(["docs", "--check", *names])
    lines = capsys.readouterr().out.splitlines()
    found = [line.split(".md")[0].removeprefix("docs/") for line in lines]
    assert lines == [f"docs/{name}.md is not what the records give; `tsla docs {name}` writes it" for name in found]
    assert code == bool(found)
    return found


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the documents and the records, to be changed, which is the current one."""
    for folder in ("docs", "records"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, table: pd.DataFrame, config: Mapping[str, Any] | None = None) -> None:
    records.write(path, table, config or {}, "tsla nothing")


def test_the_documents_have_the_tables_of_the_records(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert stale(capsys) == []
    assert {document for document, *_ in CHANGES} == set(DOCUMENTS)  # all of them are tried below


@pytest.mark.parametrize(("document", "record", "column", "changed"), CHANGES)
def test_a_changed_record_is_seen(
    document: str, record: str, column: str, changed: Callable[..., Any], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout / "records" / f"{record}.parquet"
    found = records.read(path)
    put(path, found.table.assign(**{column: changed}), found.config)
    assert stale(capsys, document) == [document]


def test_a_changed_number_is_seen_and_written_anew(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in QUICK:
        path = checkout / "docs" / f"{name}.md"
        before, _, after = path.read_text(encoding="utf-8").partition(BEGIN)
        path.write_text(f"{before}{BEGIN}{after.replace('1', '7', 1)}", encoding="utf-8")
    assert stale(capsys, *QUICK) == QUICK
    assert stale(capsys, "rates") == ["rates"]  # nothing was written
    assert cli.main(["docs", *QUICK]) == 0
    assert capsys.readouterr().out.split() == [f"docs/{name}.md" for name in QUICK]
    assert {path.name: path.read_bytes() for path in Path("docs").iterdir()} == {p.name: p.read_bytes() for p in (ROOT / "docs").iterdir()}


@pytest.mark.parametrize(
    ("argv", "removed", "says"),
    [
        (["nothing"], "", "name = 'nothing' is not a document; there are batch_norm, branches"),
        (["one_sided_tests", "rates"], BEGIN, f"docs/rates.md has 0 lines {BEGIN} and 1 lines {END}; must have 1 pairs of them"),
        (["one_sided_tests", "rates"], END, f"docs/rates.md has 1 lines {BEGIN} and 0 lines {END}; must have 1 pairs of them"),
    ],
)
def test_what_can_not_be_written_is_one_line_and_nothing_is(
    argv: list[str], removed: str, says: str, checkout: Path, refusal: Refusal
) -> None:
    other, broken = (checkout / "docs" / f"{name}.md" for name in ("one_sided_tests", "rates"))
    other.write_text(other.read_text(encoding="utf-8").replace("0.971", "0.5"), encoding="utf-8")
    broken.write_text(broken.read_text(encoding="utf-8").replace(removed, ""), encoding="utf-8")
    before = other.read_bytes()
    assert says in refusal(["docs", *argv])
    assert other.read_bytes() == before


INTERVAL = re.compile(r"-?[\d.]+ \[-?[\d.]+, -?[\d.]+\]")
MARKED = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)


def has_its_intervals(text: str) -> None:
    """Those of the prose stand in the tables, which are those of the records."""
    in_prose = INTERVAL.findall(MARKED.sub("", text))
    assert in_prose
    assert set(in_prose) <= set(INTERVAL.findall(" ".join(MARKED.findall(text))))


@pytest.mark.parametrize("name", ["branches", "study", "study_third"])
def test_an_interval_in_the_prose_stands_in_a_table(name: str, rejects: Rejects) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    rejects(has_its_intervals, right=text, wrong=INTERVAL.sub("0.12345 [0, 1]", text, count=1))


def test_a_long_table_is_printed_as_text_csv_and_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    def printed(*options: str) -> str:
        assert cli.main(["docs", "--table", "study.last_epochs", *options]) == 0
        return capsys.readouterr().out

    title, _, header, *lines = printed().splitlines()
    rows = list(csv.DictReader(io.StringIO(printed("--csv"))))
    as_json = json.loads(printed("--json"))
    assert as_json["title"] == title
    assert [{name: str(value) for name, value in row.items()} for row in as_json["rows"]] == rows
    assert [name for name in rows[0] if name in header] == list(rows[0])
    assert len(lines) == len(rows) == 2 * len(PRIMARY)
    assert all(row["arm"] in line and f"{float(row['test accuracy moves by']):.3g}" in line for row, line in zip(rows, lines, strict=True))


@pytest.mark.parametrize(
    ("name", "sorted_by"),
    [("study.epochs_left", ("setting", "outcome", "epochs smoothed", "epochs left")), ("study.along", ("setting", "epoch"))],
)
def test_epochs_are_sorted_as_numbers(name: str, sorted_by: tuple[str, ...]) -> None:
    _, made = table(name, folder=ROOT / "records")
    rows = pd.DataFrame(made.rows())
    *group, last = sorted_by
    assert rows[last].max() > 9
    assert rows.groupby(group, sort=False)[last].agg(lambda epochs: epochs.is_monotonic_increasing).all()


def test_an_interval_is_three_numbers_for_a_program_and_what_is_not_finite_is_none() -> None:
    made = Table(("of", "mean", "p"), [("a", Interval(np.array(1 / 3), np.array(-inf), np.array(2.0)), nan)])
    assert made.rows() == [{"of": "a", "mean": 1 / 3, "mean low": None, "mean high": 2.0, "p": None}]
    assert made.csv() == "of,mean,mean low,mean high,p\na,0.3333333333333333,,2.0,\n"
    assert made.text().splitlines()[1].split() == ["a", "0.333", "[-inf,", "2]", "nan"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--table", "study.drop"], "table = 'study.drop' is unknown; did you mean study.drops?"),
        (["--table", "nothing"], "table = 'nothing' is unknown; must be one of study.verdicts, study.comparisons, "),
        (["--table", "study.drops", "rates"], "--table study.drops prints one table; must be given without rates"),
        (["--table", "study.drops", "--check"], "--table study.drops prints one table; must be given without --check"),
        (["--csv"], "--csv prints a table; must be given with --table"),
        (["--table", "study.drops", "--csv", "--json"], "--csv and --json exclude each other; must be one of them"),
    ],
)
def test_a_table_that_can_not_be_printed_is_one_line(argv: list[str], says: str, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert f"tsla docs: {says}" in refusal(["docs", *argv])


def test_the_page_of_the_third_round_has_networks_that_are_not_tuned_once_they_have_run(source: Path) -> None:
    missing, _, *claims, _, _ = DOCUMENTS["study_third"](source)
    assert "natural images" not in missing
    assert all("CIFAR-100, ResNet-20 with GroupNorm" in claim for claim in claims[:-1])
    assert "`tsla-0.1-10` " in claims[3]


def test_no_document_needs_torch() -> None:
    code = "import sys, tsla.figures.documents; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own words


# --- what no record says today


@pytest.mark.parametrize(("ratio", "case"), [(float("inf"), "does not arrive"), (float("nan"), "neither arrives")])
def test_a_refuted_rate_and_runs_that_do_not_arrive(ratio: float, case: str, tmp_path: Path) -> None:
    put(tmp_path / "measured_rates.parquet", pd.concat([curve(), curve(problem="other", at_end_low=1.0)]))
    made = {"problem": "stall", "eps": 0.1, "delta": 0.1, "bias": 0.5, "ratio": ratio, "ratio_low": ratio, "ratio_high": ratio}
    put(tmp_path / "annealed.parquet", pd.DataFrame([{**made, "arm": arm, "against": against} for arm, against in CONTRASTS]))
    (text,) = DOCUMENTS["rates"](tmp_path)
    assert "| δ ≥ ε² | tsla | C8 | 3 | 2-fold | refuted on other |" in text
    assert f"| stall | 0.1 | 0.1 | 0.5 | {' | '.join([case] * len(CONTRASTS))} |" in text


def test_networks_that_are_not_measured_yet_and_intervals_without_an_end(tmp_path: Path) -> None:
    names = ("delta", "delta0", "beyond", "critical_batch_size_at_theta", "noise_scale", "delta_at_batch_size")
    interval = {name + end: value for name in names for end, value in (("", 0.25), ("_low", -0.001), ("_high", inf))}
    whole = {
        "layer": "",
        "s2": 8.0,
        "beta2": -1.0,
        "test_accuracy": 0.5,
        "mode": "evaluation mode, no dropout or BatchNorm layer",
        "version": "torch 2",
        "parameters": 10**7,
        "examples": 512,
    } | interval
    layers = [{"layer": name, "s2": s2, "beta2": 1.0} for name, s2 in (("a", 1.0), ("b", 4.0), ("c", 0.1), ("", 2.9))]
    about = {"network": "ResNet-18", "stage": "before"}
    rows = [about | {"statistics": "evaluation"} | row for row in (whole, *layers)] + [about | {"statistics": "training"} | whole]
    put(tmp_path / "known_architectures.parquet", pd.DataFrame(rows), {"configs": [CONFIGS[0]]})
    numbers, of_layers, coupled, made = DOCUMENTS["known_architectures"](tmp_path)
    for text, cells in ((numbers, 7), (of_layers, 2)):
        lines = [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]
        assert [line[0] for line in lines] == list(NETWORKS)
        assert {tuple(line[1:]) for line in lines if line[0] != "ResNet-18"} == {("not measured yet", *["-"] * cells)}
    assert "| ResNet-18 | before | 50.0 % | none | 0.250 [-0.00100, ∞] | 0.250 [-0.00100, ∞] | 25.0 [-0.100, ∞] |" in numbers
    assert (
        "| ResNet-18 | before | b 50 %, tokens and positions 36 %, a 12 % | - |" in of_layers
    )  # no share of a bias that is estimated as none
    cells = [*["0.250 [-0.00100, ∞]"] * 3, "25.0 [-0.100, ∞]", "128 [0, ∞]"]  # B = 32
    assert coupled.splitlines()[2:] == [f"| ResNet-18 | before | {' | '.join(cells)} |"]
    assert "| parameters, millions | ResNet-18 10.0 |" in made


def test_a_run_that_diverged_is_not_left_out(checkout: Path) -> None:
    found = records.read(path := checkout / "records" / "study.parquet")
    gone = (found.table["arm"] == "tsla-0.3-8") & (found.table["epoch"] == 12)
    put(path, found.table.assign(test_loss=found.table["test_loss"].mask(gone)), found.config)
    _, make = TABLES["study.epochs_left"]
    with pytest.raises(ValueError, match=r"^tsla-0\.3-8 diverged in "):
        make(path.parent)


def test_a_rule_that_is_better(tmp_path: Path) -> None:
    found = records.read(ROOT / "records" / "planner.parquet")
    better = found.table["regret"].where(found.table["kind"] == "naive", -1)
    put(tmp_path / "planner.parquet", found.table.assign(regret=better), found.config)
    (judged,) = DOCUMENTS["planner"](tmp_path)
    assert "| better on each |" in judged
    assert "| can't tell |" not in judged
