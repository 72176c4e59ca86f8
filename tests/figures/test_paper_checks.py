"""The verdict on a claim follows from its evidence, and the file from the verdicts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tsla.figures.paper_checks import EVIDENCE, FAILING, PAPER_CHECKS, UNDECIDED, cells, files, read, render, stale, verdict, write
from tsla.theory.claims import BY_ID, CLAIMS, Claim

CLAIM = BY_ID["C5"]


def evidence(kind: str = "property", *, claim: str = "C5", planted: bool = False, passed: bool = True, **said: object) -> dict[str, object]:
    return {"id": claim, "kind": kind, "planted": planted, "test": "tests/test_x.py::test_y", "passed": passed} | said


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], UNDECIDED),
        ([evidence()], "instances"),
        ([evidence("rounding"), evidence("Monte Carlo")], "instances"),
        ([evidence("rounding"), evidence("Monte Carlo"), evidence("measurement")], "supported"),
        ([evidence("algebra"), evidence("worst case")], "steps proved"),
        ([evidence("worst case"), evidence("composite"), evidence("algebra")], "proved"),
        ([evidence("worst case"), evidence()], "upper certificate"),
        ([evidence("measurement", verdict="supported")], "supported"),
        ([evidence(verdict="refuted")], "refuted"),
        ([evidence("composite"), evidence(verdict="refuted")], "refuted"),
        ([evidence(verdict="refuted"), evidence(verdict="refuted"), evidence(verdict="supported")], "refuted"),
        ([evidence(verdict="refuted"), evidence(verdict="not decided")], "not decided / refuted"),
        ([evidence(passed=False)], "**failing**"),
        ([evidence("algebra"), evidence(verdict="refuted"), evidence(passed=False)], "**failing**"),
    ],
)
def test_verdict(rows: list[dict[str, object]], expected: str) -> None:
    assert verdict(rows) == expected


def test_claims_about_training_are_those_of_the_study() -> None:
    training = {claim.id: claim.statement for claim in CLAIMS if claim.of_training}
    assert list(training) == ["E1", "E2", "E3", "E4", "E5"]
    assert all("on ResNet classification" in statement for statement in training.values())


SETTINGS = [
    ("third", "step decay", "refuted", "MLP on digits"),
    ("third", "step decay", "open", "MLP on MNIST"),
    ("third", "constant", "supported", "MLP on digits"),
    ("second", "constant", "refuted", "MLP on digits"),
]


@pytest.mark.parametrize("claim", ["E1", "E2", "E3", "E4", "E5"])
def test_a_verdict_on_training_is_a_list_of_settings_by_group_and_word(claim: str) -> None:
    assert verdict([evidence(claim=claim, settings=SETTINGS)]) == (
        "on these settings: third: *step decay*: **refuted**: MLP on digits; **open**: MLP on MNIST. "
        "*constant*: **supported**: MLP on digits. "
        "second: *constant*: **refuted**: MLP on digits"
    )
    for bare in ({}, {"verdict": "refuted"}, {"settings": []}, {"settings": [("third", "step decay", "refuted", " ")]}):
        with pytest.raises(ValueError, match=f"settings of the verdict on {claim} are missing; each word must name those that"):
            render([evidence(claim=claim, **bare)])


def test_the_fixture_refuses_a_bare_verdict(request: pytest.FixtureRequest) -> None:
    """At once, in the test that reports it."""
    report = request.getfixturevalue("evidence")
    request.node.add_marker(pytest.mark.claim("E3", "measurement"))
    try:
        with pytest.raises(ValueError, match="settings of the verdict on E3 are missing"):
            report("worse on all", verdict="refuted")
    finally:
        request.node.own_markers.clear()  # this test is no evidence
    assert not list(request.node.iter_markers("claim"))


def test_cells_of_a_claim() -> None:
    found = [
        evidence("property", finding="floor 0.18"),
        evidence("composite"),
        evidence("property", finding="floor 0.18"),
        evidence("Monte Carlo", finding="ratio 0.97"),
        evidence(planted=True),
        evidence("algebra", planted=True),
        evidence(claim="C4", finding="of another claim"),
    ]
    assert cells(CLAIM, found) == {
        "claim": f"C5 {CLAIM.title}",
        "statement": CLAIM.statement,
        "source": CLAIM.source,
        "verdict": "proved",
        "evidence": "Monte Carlo, composite, property",
        "found": "floor 0.18; ratio 0.97",
        "rejected": "2",
        "command": "`tsla check C5`",
    }


def test_planted_errors_that_were_rejected_are_counted_and_are_no_evidence() -> None:
    row = cells(CLAIM, [evidence("algebra", planted=True), evidence("worst case", planted=True, finding="rejected")])
    assert (row["verdict"], row["evidence"], row["rejected"]) == (UNDECIDED, "none", "2")
    assert "rejected" not in row["found"]
    row = cells(CLAIM, [evidence(), evidence(planted=True, passed=False), evidence(planted=True)])
    assert (row["rejected"], row["verdict"]) == ("1", FAILING)


def test_without_evidence_it_says_what_it_would_take() -> None:
    row = cells(Claim("C0", "a title", "a statement", "a source", missing="a proof of it"), [evidence()])
    assert (row["verdict"], row["found"]) == (UNDECIDED, "it takes a proof of it")


def table(text: str) -> list[list[str]]:
    """The cells of the table's lines, split at bars that are not escaped."""
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("|")]


def test_the_file_says_who_wrote_it_and_has_a_row_a_claim_in_their_order() -> None:
    text = render([evidence()])
    assert text.startswith("# Paper checks\n")
    assert "Written by `tsla check`" in text
    assert text.endswith("|\n")
    head, rule, *rows = table(text)
    assert head == list(cells(CLAIM, []))
    assert set(rule) == {"---"}
    assert [row[0] for row in rows] == [f"{claim.id} {claim.title}" for claim in CLAIMS]
    assert [row[3] for row in rows] == ["instances" if claim.id == "C5" else UNDECIDED for claim in CLAIMS]


def test_bars_are_escaped() -> None:
    text = render([evidence(finding="|a| <= b | c")])
    assert {len(row) for row in table(text)} == {8}
    assert r"\|a\| <= b \| c" in text


# --- the record of the evidence


FOUND = [evidence(finding="0.97 ≤ 1"), evidence("algebra", claim="C1"), evidence(planted=True, passed=False)]


def test_evidence_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"^records/evidence\.json does not exist; `tsla check` makes it$"):
        read()
    assert write(FOUND) == [EVIDENCE, PAPER_CHECKS]
    found = read()
    assert len(found) == len(FOUND)
    assert all(row in found for row in FOUND)
    assert render(read()) == PAPER_CHECKS.read_text(encoding="utf-8")


def test_the_record_has_a_line_a_row_and_the_same_bytes_in_any_order() -> None:
    text = files(FOUND)[EVIDENCE]
    assert len(text.splitlines()) == len(FOUND) + 2
    assert files(FOUND[::-1])[EVIDENCE] == text
    assert render(FOUND) == render(iter(FOUND)) != render(FOUND[1:])


@pytest.mark.parametrize("file", [EVIDENCE, PAPER_CHECKS])
def test_a_file_that_says_something_else_is_stale(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert stale(FOUND, tmp_path) == ["evidence.json", "paper_checks.md"]  # neither is there
    write(FOUND)
    assert stale(FOUND, tmp_path) == []
    file.write_text(file.read_text(encoding="utf-8").replace("0.97", "0.96"), encoding="utf-8")
    assert stale(FOUND, tmp_path) == [file.name]


def test_the_two_committed_files_agree() -> None:
    assert stale(read(ROOT / EVIDENCE), ROOT) == []
