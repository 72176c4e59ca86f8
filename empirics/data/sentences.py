"""Sentences of four sources, as numbers of words: which source is one from? (Hutto and Gilbert, 2014).

They are those that people rated for VADER: of reviews of products, of reviews of films, of editorials, and tweets. They come inside the
source distribution of vaderSentiment (MIT License), in an archive of their own. The ratings are not used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsla.empirics.data.datasets._archives import File, contents, reading, within
from tsla.empirics.data.datasets._split import Split
from tsla.theory.constants import whole

ARCHIVE = File(
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    "`pip download --no-deps --no-binary :all: vaderSentiment==3.3.2`",
)
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
SOURCES = ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets", "tweets")
"""In the order of the labels."""
PADDING, UNKNOWN = 0, 1
"""What stands after the last word of a sentence, and for a word that is not among the most frequent ones."""
WORD = re.compile(r"[a-z0-9']+|[^\sa-z0-9']")
"""A word, or a sign that is none."""


def sentences(folder: Path | None, *, words: int, length: int, seed: int, archive: File = ARCHIVE) -> Split:
    """Inputs ``(n, length)``, int64 below ``words``, and labels ``(n,)``, their sources; a random 4 of 5 are for training.

    words:   how many numbers there are: PADDING, UNKNOWN, and the most frequent words of the training part
    length:  of a sentence, in words: longer ones are cut, and shorter ones end in PADDING

    The same seed gives the same choice. Raises ValueError outside the ranges, and where the archive is missing, broken or another one.
    """
    whole("words", words, at_least=3)
    whole("length", length, at_least=1)
    read = _read(folder, archive)
    labels = np.repeat(np.arange(len(read)), [len(of_source) for of_source in read])
    texts = [WORD.findall(text.lower()) for of_source in read for text in of_source]
    order = np.random.default_rng(seed).permutation(len(texts))
    train, test = np.split(order, [len(order) * 4 // 5])
    numbers = _numbers((texts[i] for i in train), words)
    inputs = [_encoded([texts[i] for i in part], numbers, length) for part in (train, test)]
    return Split(inputs[0], torch.from_numpy(labels[train]), inputs[1], torch.from_numpy(labels[test]), len(SOURCES))


def _read(folder: Path | None, archive: File) -> list[list[str]]:
    """The texts of each source: a line of its file is a number, a rating and a text, with tabs between."""
    (inner,) = contents(folder, archive, [INNER]).values()
    names = [f"hutto_ICWSM_2014/{source}_GroundTruth.txt" for source in SOURCES]
    where = f"{archive.name}: {INNER}"
    found = dict(within(inner, where, set(names).__contains__))
    with reading(where):  # films are in Latin-1, in which all bytes are letters
        return [[line.split("\t")[2] for line in found[name].decode("latin-1").split("\r\n") if line] for name in names]


def _numbers(texts: Iterable[Sequence[str]], words: int) -> dict[str, int]:
    """The most frequent words, the first of the alphabet first where they are as frequent, numbered from UNKNOWN on."""
    counts = Counter(word for text in texts for word in text)
    kept = sorted(counts, key=lambda word: (-counts[word], word))[: words - UNKNOWN - 1]
    return {word: number for number, word in enumerate(kept, UNKNOWN + 1)}


def _encoded(texts: Sequence[Sequence[str]], numbers: dict[str, int], length: int) -> Tensor:
    found = torch.full((len(texts), length), PADDING)
    for row, text in zip(found, texts, strict=True):
        known = [numbers.get(word, UNKNOWN) for word in text[:length]]
        row[: len(known)] = torch.tensor(known)
    return found
