"""Sentences as numbers of words: of the right source, by words of the training part alone, from the archive that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.empirics.data.making import sentences_archive
from tsla.empirics.data.datasets._archives import File
from tsla.empirics.data.sentences import PADDING, SOURCES, UNKNOWN, sentences

TEXTS = {source: [f"{source} says: {source}{i}, it's É" for i in range(5)] for source in SOURCES}
"""Of seven words: the first is the source's, the fourth the sentence's own, and the others are in all of them."""


@pytest.fixture
def archive(tmp_path: Path) -> File:
    return sentences_archive(tmp_path, TEXTS)


def test_words_are_numbered_by_how_frequent_they_are_in_the_training_part(tmp_path: Path, archive: File) -> None:
    split = sentences(tmp_path, words=100, length=9, seed=0, archive=archive)
    assert (split.train_inputs.shape, split.test_inputs.shape, split.classes) == ((16, 9), (4, 9), 4)
    assert split.train_inputs[:, [4, 2, 5, 1, 6]].unique(dim=0).tolist() == [[2, 3, 4, 5, 6]]  # in alphabetical order
    assert (split.train_inputs[:, 7:] == PADDING).all()
    for inputs, labels in ((split.train_inputs, split.train_labels), (split.test_inputs, split.test_labels)):
        assert inputs.dtype == labels.dtype == torch.int64
        assert len({(int(k), int(first)) for k, first in zip(labels, inputs[:, 0], strict=True)}) == len(set(labels.tolist()))
    assert (split.test_inputs[:, 3] == UNKNOWN).all()  # a word of no sentence for training
    assert (split.train_inputs != UNKNOWN).all()


def test_rare_words_are_unknown_and_long_sentences_are_cut(tmp_path: Path, archive: File) -> None:
    split = sentences(tmp_path, words=7, length=5, seed=0, archive=archive)
    assert split.train_inputs.shape == (16, 5)
    assert (split.train_inputs[:, 0] == UNKNOWN).all()
    assert split.train_inputs[:, [4, 2, 1]].unique(dim=0).tolist() == [[2, 3, 5]]


def test_the_seed_chooses(tmp_path: Path, archive: File) -> None:
    one, same, other = (sentences(tmp_path, words=30, length=9, seed=seed, archive=archive).train_labels for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_flipped_byte_is_refused(tmp_path: Path, archive: File) -> None:
    content = bytearray((tmp_path / archive.name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / archive.name).write_bytes(content)
    with pytest.raises(ValueError, match=f"has the SHA-256 [0-9a-f]+; must be {archive.sha256}"):
        sentences(tmp_path, words=30, length=9, seed=0, archive=archive)


@pytest.mark.parametrize(
    ("texts", "others", "says"),
    [
        ({"tweets": ["a"]}, {}, "cannot be read: 'hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt'"),
        (TEXTS, {"../evil": b""}, "leads out of the folder"),
    ],
)
def test_another_content_is_refused(texts: dict[str, list[str]], others: dict[str, bytes], says: str, tmp_path: Path) -> None:
    wrong = sentences_archive(tmp_path, texts, **others)
    with pytest.raises(ValueError, match=says):
        sentences(tmp_path, words=30, length=9, seed=0, archive=wrong)


@pytest.mark.parametrize(("argument", "value"), [("words", 2), ("length", 0)])
def test_numbers_outside_the_ranges_are_refused(argument: str, value: int, tmp_path: Path, archive: File) -> None:
    with pytest.raises(ValueError, match=f"{argument} = {value} "):
        sentences(tmp_path, **({"words": 30, "length": 9, "seed": 0} | {argument: value}), archive=archive)
