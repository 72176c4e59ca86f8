"""The verdict on a claim follows from its evidence, and the file from the verdicts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tsla.figures import paper_checks
from tsla.figures.evidence import BY_SETTING, EVIDENCE, FAILING, NEAREST, PLAN, UNDECIDED, WORST, read, tightness, verdict
from tsla.figures.paper_checks import PAPER_CHECKS, cells, files, render, section, stale, write
from tsla.theory.claims import BY_ID, CLAIMS, Claim
from tsla.theory.testing.planted import Rejects

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
    assert "on ResNet classification" in training["E3"]


SETTINGS = [
    ("third", "step decay", "refuted", "MLP on digits"),
    ("third", "step decay", "open", "MLP on MNIST"),
    ("third", "constant", "supported", "MLP on digits"),
    ("second", "constant", "refuted", "MLP on digits"),
]


@pytest.mark.parametrize("claim", ["E1", "E2", "E3", "E4", "E5"])
def test_a_verdict_on_training_is_a_list_of_settings_by_group_and_word(claim: str) -> None:
    rows = [evidence(claim=claim, settings=SETTINGS)]
    assert verdict(rows) == BY_SETTING
    assert cells(BY_ID[claim], rows)["verdict"] == (
        "on these settings: third: *step decay*: **refuted**: MLP on digits; **open**: MLP on MNIST. "
        "*constant*: **supported**: MLP on digits. "
        "second: *constant*: **refuted**: MLP on digits"
    )
    assert (
        "On these settings of the third.\n\n- step decay\n  - **refuted** on MLP on digits\n  - **open** on MLP on MNIST\n"
        "- constant\n  - **supported** on MLP on digits\n\n"
        "On these settings of the second.\n\n- constant\n  - **refuted** on MLP on digits\n"
    ) in section(BY_ID[claim], rows)
    for bare in ({}, {"verdict": "refuted"}, {"settings": []}, {"settings": [("third", "step decay", "refuted", " ")]}):
        with pytest.raises(ValueError, match=f"settings of the verdict on {claim} are missing; each word must name those that"):
            render([evidence(claim=claim, **bare)])


def test_the_fixture_refuses_a_bare_verdict(request: pytest.FixtureRequest) -> None:
    """At once, in the test that reports it."""
    report = request.getfixturevalue("evidence")
    request.node.add_marker(pytest.mark.claim("E3", "measurement"))
    try:
        with pytest.raises(ValueError, match="settings of the verdict on E3 are missing"):
            report("TSLA is worse on all.", verdict="refuted")
    finally:
        request.node.own_markers.clear()  # this test is no evidence
    assert not list(request.node.iter_markers("claim"))


@pytest.mark.parametrize(
    "said", [{"finding": "no sentence."}, {"finding": "No sentence"}, {"finding": "Near to it.", "tightness": {"near": 1.0}}], ids=str
)
def test_the_fixture_refuses_what_the_page_can_not_show(said: dict[str, Any], request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError, match=r"is no sentence|must be in \('nearest instance', "):
        request.getfixturevalue("evidence")(**said)


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
        "found": "floor 0.18. ratio 0.97.",
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
    assert (row["verdict"], row["found"]) == (UNDECIDED, "It takes a proof of it.")


# --- the page


def table(text: str) -> list[list[str]]:
    """The cells of the table's lines, split at bars that are not escaped."""
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("|")]


def squeezed(text: str) -> str:
    """Without what breaks lines."""
    return re.sub(r"[\s>;]", "", text)


def test_the_page_says_who_wrote_it_and_has_an_overview_and_a_section_a_claim_in_their_order() -> None:
    text = render([evidence()])
    assert text.startswith("# Paper checks\n")
    assert "`tsla check` wrote this file" in text
    head, rule, *rows = table(text)
    assert set(rule) == {"---"}
    assert {len(row) for row in rows} == {len(head)}
    assert [row[1] for row in rows] == [claim.title for claim in CLAIMS]
    assert [row[2] for row in rows] == ["instances" if claim.id == "C5" else UNDECIDED for claim in CLAIMS]
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[-len(CLAIMS) :]
    for claim, own in zip(CLAIMS, sections, strict=True):
        assert own.startswith(f"{claim.id}: {claim.title}\n")
        assert f"Command: `tsla check {claim.id}`." in own
        assert squeezed(claim.statement) in squeezed(own)


def links_resolve(text: str) -> None:
    anchors = {paper_checks.anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    found = re.findall(r"\]\(#([^)]*)\)", text)
    assert len(found) == len(set(found)) == len(CLAIMS)
    assert set(found) <= anchors


def test_links_resolve(rejects: Rejects) -> None:
    text = render([])
    rejects(links_resolve, right=text, wrong=text.replace("## C7: ", "## "))


def is_readable(text: str) -> None:
    assert max(map(len, text.splitlines())) <= 160
    assert not [line for line in text.splitlines() if re.match(r" *([+*=<>≤≥] |- -)", line) and not line.startswith(("    ", "> "))]


def test_no_line_is_long(rejects: Rejects) -> None:
    """Of what is committed, and of sentences and settings as long as they may come."""
    text = (ROOT / PAPER_CHECKS).read_text(encoding="utf-8")
    rejects(is_readable, right=text, wrong=text.replace("\n", " ", 9))
    is_readable(
        section(
            BY_ID["E1"], [evidence(claim="E1", finding="A - b = c. " * 90, settings=[("round " * 60, "group " * 60, "open", "MLP " * 90)])]
        )
    )


def test_tightness_has_the_largest_of_each_place_and_headlines_leave_out_the_plan() -> None:
    rows = [
        evidence("Monte Carlo", tightness={PLAN: 0.00653}),
        evidence("Monte Carlo", tightness={PLAN: 0.005, NEAREST: 0.9712}),
        evidence("worst case", tightness={WORST: 0.5}),
    ]
    assert list(tightness(rows).items()) == [(NEAREST, 0.9712), (WORST, 0.5), (PLAN, 0.00653)]
    assert "nearest instance 0.971, worst case 0.500, own plan 0.00653." in section(CLAIM, rows)
    assert paper_checks.headline(rows) == "nearest instance at 0.971 of the bound"
    assert paper_checks.headline([*rows, evidence(headline="5 of 6")]) == "5 of 6"
    assert paper_checks.headline([evidence(tightness={PLAN: 0.5})]) == ""


def test_findings_are_listed_by_kind_with_their_tables_at_the_end() -> None:
    rows = [
        evidence("algebra", finding="One."),
        evidence("property", finding="Two."),
        evidence("property", finding="Three."),
        evidence("rounding"),
        evidence("measurement", finding="Four.", tables=[("Numbers:", [["a", "b|c"], ["1", "2"]])]),
    ]
    assert section(CLAIM, rows).endswith(
        "- algebra (1 test): One.\n- rounding (1 test)\n- property (2 tests):\n  - Two.\n  - Three.\n- measurement (1 test): Four.\n\n"
        "Numbers:\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n"
    )


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
    EVIDENCE.write_text(EVIDENCE.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.raises(ValueError, match=r"^records/evidence\.json is damaged: [^\n]*; `tsla check` makes it again$"):
        read()


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
