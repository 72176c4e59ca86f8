"""What the page says: sentences from small tables by hand whose numbers are all different, symbols, and derivations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.conftest import ROOT
from tsla import cli
from tsla.figures.page import answers
from tsla.figures.page.claims import Card, cards
from tsla.figures.page.symbols import MEANINGS, pieces
from tsla.theory.claims import CLAIMS
from tsla.theory.testing.planted import Rejects

GLOSSARY = ROOT / "docs" / "glossary.md"


def forest(claim: str, *lines: tuple[str, float, str]) -> pd.DataFrame:
    return pd.DataFrame([{"claim": claim, "setting": setting, "mean": mean, "word": word} for setting, mean, word in lines])


def never_dropped(*, accuracy: tuple[int, int], loss: tuple[int, int]) -> dict[str, object]:
    sides = ({"compared": 9, "better": better, "worse": worse} for better, worse in (accuracy, loss))
    return {"rows": [dict(zip(("accuracy", "test loss"), sides, strict=True))], "scope": {"clean": "", "noisy": ""}, "behind": {}}


FALLING, CONSTANT, CLEAN = "mlp, a, 40 % noise, momentum, step decay", "mlp, b, 40 % noise, momentum", ", 0 % noise, momentum"
ONE_OF_THREE = pd.concat([forest(claim, (FALLING, 1, "supported"), (CONSTANT, 1, "open"), (CONSTANT, 1, "open")) for claim in ("E1", "E3")])
MADE: dict[str, tuple[Callable[[Any], object], Any, Any, str]] = {  # right, wrong, what the right one says
    "fair_verdict": (
        answers.dropping_by_the_bounds,
        pd.DataFrame({"map": ["tsla", "tsla", "apart"], "ratio": [0.25, 0.75, 3]}),
        pd.DataFrame({"map": ["tsla", "tsla", "apart"], "ratio": [0.25, 1.75, 3]}),
        "asks for fewer samples at 2 of 2 pairs of δ and ε², without the steps that F0 costs.",
    ),
    "smoothing_buys": (
        answers.smoothing_by_the_bounds,
        pd.DataFrame({"panel": "samples", "parameter": [0.1, 0.1, 0.01], "x": [0.15, 0.3, 0.005], "value": [0.5, 0.6, 0.3]}),
        pd.DataFrame({"panel": "samples", "parameter": [0.1, 0.1, 0.01], "x": [0.15, 0.3, 0.005], "value": [0.5, 0.4, 0.3]}),
        "is at most 1.5 times",
    ),
    "accuracy": (
        answers.accuracy,
        never_dropped(accuracy=(5, 1), loss=(1, 2)),
        never_dropped(accuracy=(1, 5), loss=(1, 2)),
        "In training, smoothing helps accuracy. In the study smoothing to the end was more accurate than plain training at 5 of the 9",
    ),
    "variance": (
        answers.variance,
        forest("E1", (f"mlp, a{CLEAN}", -3, ""), (f"mlp, b{CLEAN}", -7, ""), (f"resnet8, a{CLEAN}", -90, ""), (CONSTANT, 1.2, "")),
        forest("E1", (f"mlp, a{CLEAN}", 3, ""), (f"mlp, b{CLEAN}", -7, ""), (f"resnet8, a{CLEAN}", -90, ""), (CONSTANT, 1.2, "")),
        "within 1.2 % of the MLP's plain variance. Without them smoothing leaves more than that step, by 3 to 7 % of the plain variance.",
    ),
    "dropping": (
        answers.dropping,
        forest("E3", (FALLING, 1, "supported"), (FALLING, 1, "refuted"), (CONSTANT, 1, "refuted")),
        forest("E3", (FALLING, 1, "supported"), (FALLING, 1, "refuted"), (CONSTANT, 1, "supported")),
        "at 1 of 2, with 40 % wrong labels. Of all 3 settings, ResNets and heads on a pretrained network among them, it was at 1.",
    ),
    "dropping with fewer wrong labels": (
        answers.dropping,
        forest("E3", (FALLING, 1, "supported"), ("mlp, a, 20 % noise, momentum, step decay", 1, "supported")),
        forest("E3", (FALLING, 1, "supported"), ("mlp, a, 20 % noise, momentum, step decay", 1, "open")),
        "With a step size that falls it was at 2 of 2. Of all 2 settings",
    ),
    "advice": (
        lambda never: list(dict(answers.advice({"forest": ONE_OF_THREE}.__getitem__, never)).values()),
        never_dropped(accuracy=(5, 1), loss=(1, 2)),
        never_dropped(accuracy=(1, 5), loss=(1, 2)),
        "['smooth to the end', \"don't smooth\", 'a smaller step does it', 'seldom worth it']",
    ),
    "studied": (
        answers.studied,
        pd.DataFrame({"setting": ["mlp, digits, 0 % noise", "resnet8, digits, 20 % noise", "mlp, fashion, 20 % noise"]}),
        pd.DataFrame({"setting": ["mlp, digits, 0 % noise", "mlp, fashion, 20 % noise"]}),
        "MLP-64 and ResNet-8, on digits and Fashion-MNIST",
    ),
    "shortest": (
        answers.shortest_plan,
        pd.DataFrame({"rivals": ["C9", "C15", "C15"], "fewest": ["tsla", "sgd-pl", "lsr-pl"]}),
        pd.DataFrame({"rivals": ["C9", "C15", "C15"], "fewest": ["tsla", "sgd-pl", "tsla"]}),
        "TSLA's plan is never the shortest",
    ),
    "smaller step": (
        answers.smaller_step,
        pd.DataFrame({"method": ["sgd", "sgd", "lsr"], "epoch": [0, 9, 9], "quantity": "beyond", "mean": [-0.1, 0.2, -0.3]}),
        pd.DataFrame({"method": ["sgd", "sgd", "lsr"], "epoch": [0, 9, 9], "quantity": "beyond", "mean": [0.1, -0.2, 0.3]}),
        "lowers the variance more",
    ),
    "early": (
        answers.early_speed,
        pd.concat([forest("E2", ("a", 0, "refuted"), ("b", 0, "refuted")), forest("E2 by accuracy", ("a", 0, "supported"))]),
        pd.concat([forest("E2", ("a", 0, "supported"), ("b", 0, "refuted")), forest("E2 by accuracy", ("a", 0, "supported"))]),
        "early training loss a faster start is supported at none of 2 settings and refuted at 2.",
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_a_sentence_says_what_its_numbers_say(name: str, rejects: Rejects) -> None:
    make, right, wrong, part = MADE[name]

    def says(of: str) -> None:
        found = make(right if of == "right" else wrong)
        text = f"{found.lead} {found.rest}" if isinstance(found, answers.Answer) else str(found)
        assert part in text

    rejects(says, right="right", wrong="wrong")


def are_in_the_glossary(meanings: tuple[tuple[str, str], ...]) -> None:
    rows = [line.strip("| ").split(" | ") for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    said = [(row[0], row[-1].strip("| ").replace("`", "")) for row in rows]
    for symbol, meaning in meanings:
        assert any(symbol in names and meaning in text for names, text in said), symbol


def test_symbols_mean_what_the_glossary_says(rejects: Rejects) -> None:
    rejects(are_in_the_glossary, right=tuple(MEANINGS.items()), wrong=(("θ", MEANINGS["δ"]),))


def test_pieces_make_up_the_statement_and_name_each_symbol_once() -> None:
    for claim in CLAIMS:
        found = pieces(claim.statement)
        assert "".join(piece.text for piece in found) == claim.statement
        symbols = [piece.text for piece in found if piece.meaning]
        assert len(symbols) == len(set(symbols))
    assert [piece.text for piece in pieces("ηL < F0, F*, LSR") if piece.meaning] == ["η", "L", "F0", "F*", "LSR"]


def bare_cards() -> list[Card]:
    """Without evidence."""
    certificates = pd.DataFrame(columns=["claim", "kind", "name", "statement", "guarantee"])
    tables = {"slack": pd.DataFrame(columns=["claim", "mean"]), "forest": pd.DataFrame({"claim": ["E1"], "word": [""]})}
    return cards([], certificates, tables.__getitem__)


def test_a_derivation_is_what_its_command_prints(capsys: pytest.CaptureFixture[str], rejects: Rejects) -> None:
    found = [derivation for card in bare_cards() for derivation in card.derivations]

    def prints_its_lines(without: str) -> None:
        for derivation in found:
            assert cli.main(derivation.command.replace(without, "").split()[1:]) == 0
            printed = " ".join(capsys.readouterr().out.split())
            assert all(" ".join(line.split()) in printed for line in derivation.lines)

    assert {"--sharp", "--exact", "--beta2", "--A", "--clip", "--momentum"} <= set(" ".join(one.command for one in found).split())
    rejects(prints_its_lines, right="nothing", wrong="--why")


CERTIFICATES = pd.DataFrame(
    [("C4", "algebra", "C4, for every T", "a <= b", "composite"), ("C4", "algebra", "a step", "c <= d", "inequality")],
    columns=["claim", "kind", "name", "statement", "guarantee"],
)
TABLES = {
    "slack": pd.DataFrame({"claim": ["C4", "C4", "C5"], "mean": [0.25, 0.5, 0.9]}),
    "forest": pd.DataFrame({"claim": ["E2", "E2 by accuracy", "E2", "E1"], "word": ["supported", "open", "refuted", "supported"]}),
}


def evidence_of_c4(kind: str, *, planted: bool = False, passed: bool = True, claim: str = "C4") -> dict[str, object]:
    return {"id": claim, "kind": kind, "planted": planted, "passed": passed, "finding": f"half of it is refuted by {kind}."}


@pytest.mark.parametrize("wrong", ["a planted error as evidence", "a certificate too many"])
def test_a_card_counts_what_there_is(wrong: str, rejects: Rejects) -> None:
    rows = [evidence_of_c4(kind) for kind in ("property", "property", "algebra", "composite")]
    errors = [evidence_of_c4("property", planted=True) for _ in range(3)]

    def counts(evidence: list[dict[str, object]], certificates: pd.DataFrame) -> None:
        found = {
            card.claim.id: card for card in cards([*evidence, evidence_of_c4("algebra", claim="C5")], certificates, TABLES.__getitem__)
        }
        one = found["C4"]
        assert (one.verdict, one.headline.number, one.rejected) == ("proved", "50 %", 3)
        assert list(one.chips) == [("composite", 1), ("algebra", 1), ("property", 2)]
        assert one.proofs == [("for every T", "a <= b")]
        assert one.findings == [f"a bound half as large is refuted by {kind}." for kind in ("property", "algebra", "composite")]
        assert (one.records, found["C5"].records, one.assumes) == (["certificates"], [], ["A1", "A2", "η ≤ 1/L"])
        assert (found["E2"].headline.number, found["E2"].chips) == ("1 of 3", [("supported", 1), ("open", 1), ("refuted", 1)])

    shown = [{**error, "planted": False} for error in errors]
    versions = {"a planted error as evidence": (shown, CERTIFICATES), "a certificate too many": (errors, CERTIFICATES.iloc[[0, 1, 1]])}

    def holds(given: Callable[[], tuple[list[dict[str, object]], pd.DataFrame]]) -> None:
        others, certificates = given()
        counts(rows + others, certificates)

    rejects(holds, right=lambda: (errors, CERTIFICATES), wrong=lambda: versions[wrong])
