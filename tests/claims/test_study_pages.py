"""What the README, the pages and the figures say of the study is what its runs are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import pytest

from tests.claims.support import study_sentences, third_sentences
from tests.claims.support.study_sentences import WORDS
from tests.claims.support.worlds import DECIDED, World, families, page, study, with_effect, world
from tests.conftest import ROOT
from tsla.empirics.experiments.study.findings import SUPPORTED
from tsla.empirics.experiments.study.scope import scope
from tsla.empirics.experiments.study.settings import PRIMARY, SETTINGS, Setting
from tsla.empirics.experiments.study.third_verdicts import PLANNED
from tsla.figures import documents
from tsla.figures.gallery import best_drop, forest
from tsla.theory.testing.planted import Rejects


def is_in_the_readme(make: Callable[[], World]) -> None:
    """Its sentences on the variance and on dropping, by the third round."""
    _, third = families(make)

    def percent(*parts: str) -> list[float]:
        means = [100 * float(one.differences.mean()) for one in third if one.claim == "E1" and all(part in one.setting for part in parts)]
        return sorted(means, key=abs)

    won = [one.setting for one in third if one.claim == "E3" and one.setting.startswith("mlp") and one.word == SUPPORTED]
    falls = [setting for setting in won if setting.endswith("step decay")]

    clean, *heads = (
        percent("mlp", " 0 % noise"),
        *(percent("efficientnet", labels, "step decay") for labels in (" 0 % noise", " 20 % noise")),
    )
    most = max(abs(mean) for mean in percent("mlp") if mean not in clean)
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"lowers the MLP's variance as much, to within {most:.1f} % of the plain variance." in readme
    assert f"more variance than that step does, by {clean[0]:.0f} to {clean[-1]:.0f} % of the plain variance." in readme
    without, twenty = (" and ".join(f"{-mean:.1f}" for mean in means) for means in heads)
    assert f"On the two heads it leaves less: by {without} % without wrong labels, and by {twenty} % with 20 %." in readme
    assert set(percent("efficientnet")) == {mean for means in heads for mean in means}  # with constant steps they are the same
    assert f"dropping was better at {WORDS[len(won) - len(falls)]} of nine settings of the MLP." in readme
    assert f"With a step size that falls it was better at {WORDS[len(falls)]} of nine, both with 40 % wrong labels." in readme
    assert all(" 40 % noise" in setting for setting in falls)


@pytest.mark.parametrize(("claim", "side"), [("E1", 1), ("E3", 1), ("E3", -1)])
def test_the_readme_says_what_was_found(claim: str, side: int, rejects: Rejects) -> None:
    rejects(is_in_the_readme, right=world, wrong=with_effect(claim, side))


def has_the_sentences(name: str, sentences: Iterable[str]) -> None:
    text = " ".join(page(name).split())
    for sentence in sentences:
        assert sentence in text


def is_said_in_prose(claim: str, make: Callable[[], World]) -> None:
    """Both pages say of the claim what the runs are."""
    second, third = families(make)
    has_the_sentences("study", study_sentences.SECOND[claim](study_sentences.of(second, claim), make().second))
    for row, sentences in third_sentences.THIRD.items():
        if row.split()[0] == claim:
            has_the_sentences("study_third", sentences(study_sentences.of(third, row), make().third))
    if claim in third_sentences.FINDINGS:
        has_the_sentences("findings", third_sentences.FINDINGS[claim](study_sentences.of(third, claim), make().third))


@pytest.mark.parametrize("claim", DECIDED)
def test_the_pages_say_what_was_found(claim: str, rejects: Rejects) -> None:
    rejects(partial(is_said_in_prose, claim), right=world, wrong=with_effect(claim, 1))


def test_the_pages_say_what_was_found_of_no_claim() -> None:
    _, moves = documents.table("study.last_epochs", folder=ROOT / "records")
    has_the_sentences("study", [*study_sentences.of_calibration(study()), *study_sentences.of_last_epochs(moves)])
    has_the_sentences("study_third", third_sentences.of_predictions(world().third))


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        *((said, [SETTINGS[name] for name in PRIMARY]) for said in (page("findings"), page("study"), forest.CAPTION)),
        (forest.CAPTION, list(PLANNED.values())),
        (best_drop.CAPTION, [SETTINGS[name] for name in best_drop.SETTINGS]),
    ],
    ids=["findings", "study", "forest", "forest of the third round", "best drop"],
)
def test_what_is_said_of_the_verdicts_names_their_settings(said: str, settings: list[Setting]) -> None:
    assert scope(settings) in " ".join(said.split())
