"""A record of ``tsla train`` on the page: its numbers are those that pandas reads, and what is damaged, hostile or another's is refused."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.empirics.runs.parts import flipped
from tests.figures.miniature_article import CANARY, HOSTILE
from tests.page.support import planted
from tsla import cli
from tsla.empirics.runs import records
from tsla.figures.page.calculator import moments
from tsla.theory.moments import MOMENTS
from tsla.theory.testing.planted import Rejects

TRAIN = "train --method tsla --drop 1 --model mlp --train-size 40 --epochs 3 --measure-at 0,1,3 --out"
Shown = tuple[str, str, str]
"""What is to be read on the page: its refusal, what it says of the last measurement, and what along the run."""
SHOWN = """() => ["refusal", "yours", "along"].map((id) => document.getElementById(id)).map(
  (part) => (part.checkVisibility() ? part.innerText : ""))"""
TAKEN = "() => document.getElementById('file').value === ''"
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "mine.parquet"
    assert cli.main([*TRAIN.split(), str(path)]) == 0
    return path


@pytest.fixture
def drop(opened: Callable[..., tuple[Any, list[str]]]) -> Callable[[Path, bytes], Shown]:
    """Drops a file on a page, which is opened once, and says what it shows; no text of the file may have become HTML."""
    pages: dict[Path, tuple[Any, list[str]]] = {}

    def dropped(article: Path, content: bytes) -> Shown:
        if article not in pages:
            pages[article] = opened(article)
        page, said = pages[article]
        page.locator("#file").set_input_files({"name": HOSTILE, "mimeType": "", "buffer": content})
        page.wait_for_function(TAKEN)
        assert said == []
        assert page.locator("#network img").count() == 0
        assert page.title() != CANARY
        refusal, yours, along = page.evaluate(SHOWN)
        assert bool(refusal) != bool(along), "a file is refused or shown"
        return refusal, yours, along

    return dropped


def test_its_numbers_are_those_that_pandas_reads(
    article: Path, drop: Callable[[Path, bytes], Shown], record: Path, tmp_path: Path, rejects: Rejects
) -> None:
    table = pd.read_parquet(record)
    found = moments({name: table[name].iloc[-1] for name in MOMENTS}, 16, 0.3)
    plain = table["s2"].iloc[-1] / 16
    left, step = (100 * found[name] / plain for name in ("second_moment", "shrunk"))
    of_row = [16, 0.3, found["delta"], found["critical_batch_size"], left, step, left - step]
    of_run = [table["train_loss"].iloc[0], 0, table["train_loss"].iloc[-1], 3]

    def agrees(page: Path) -> None:
        _, yours, along = drop(page, record.read_bytes())
        assert numbers_of(yours.partition("yours\t")[2].splitlines()[0]) == pytest.approx(of_row, rel=0.01)
        assert "Of 3 measurements in batches of 16" in along
        assert numbers_of(along.partition("The training loss of yours goes from ")[2].splitlines()[0]) == pytest.approx(of_run, rel=0.01)

    rejects(agrees, right=article, wrong=planted(article, tmp_path, ("row?.train_loss", "row?.test_loss")))


def numbers_of(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def with_another_number(path: Path) -> bytes:
    s2 = pd.read_parquet(path)["s2"].iloc[-1]
    return path.read_bytes().replace(struct.pack("<d", s2), struct.pack("<d", 2 * s2))


def written_anew(path: Path) -> bytes:
    """With another number and its own checksums of pages."""
    table = pq.read_table(path)
    frame = table.to_pandas()
    frame.loc[3, "s2"] *= 2
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, schema=table.schema), sink, compression="none", write_page_checksum=True)
    return bytes(sink.getvalue())


def said_anew(**about: Any) -> Callable[[Path], bytes]:
    """A sound record of the same numbers that says something else of itself."""

    def make(path: Path) -> bytes:
        found, copy = records.read(path), path.with_name("copy.parquet")
        given: dict[str, Any] = {"table": found.table, "config": found.config, "command": found.command, "compressed": False} | about
        records.write(copy, **given)
        return copy.read_bytes()

    return make


DAMAGED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "another number": (with_another_number, "is damaged: a page has another checksum; copy it again, or make it again"),
    "written anew": (written_anew, "is damaged: its table was changed; "),
    "another strength": (
        lambda path: path.read_bytes().replace(b'"theta": 0.3', b'"theta": 0.9'),
        "is damaged: what it says about itself was changed; ",
    ),
}
REFUSED = DAMAGED | {
    "cut": (lambda path: path.read_bytes()[:-1000], "is damaged: its end is missing; "),
    "empty": (lambda _: b"", "is no Parquet; must be a record of `tsla train --out`"),
    "a table alone": (lambda path: pq_bytes(pq.read_table(path).replace_schema_metadata({})), "carries no configuration; must be a "),
    "another command": (said_anew(command=f"tsla records {HOSTILE}"), f"is a record of `tsla records {HOSTILE}`; must be a record of "),
    "compressed": (
        said_anew(command="tsla train --eta 1", compressed=True),
        "is compressed, which browsers don't read; `tsla train --eta 1 --out NEW.parquet` makes it anew without",
    ),
}


def pq_bytes(table: pa.Table) -> bytes:
    pq.write_table(table, sink := pa.BufferOutputStream())
    return bytes(sink.getvalue())


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_record_of_a_run_is_refused_by_name(
    name: str, article: Path, drop: Callable[[Path, bytes], Shown], record: Path
) -> None:
    make, says = REFUSED[name]
    refusal, *_ = drop(article, make(record))
    assert refusal.startswith(f"{HOSTILE}: {says}")
    assert "\n" not in refusal


def test_a_damaged_record_is_refused_or_shown_as_it_was_written(
    article: Path, drop: Callable[[Path, bytes], Shown], record: Path, tmp_path: Path, rejects: Rejects
) -> None:
    """Bits that are turned and ends that are missing, all over the file."""
    content = record.read_bytes()
    step = len(content) // 40
    damaged = [make(record) for make, _ in DAMAGED.values()]
    damaged += [flipped(content, place, place % 8) for place in [*range(4, 1000, 40), *range(1000, len(content), step)]]
    cut = [content[:length] for length in range(0, len(content), 3 * step)]

    def is_never_shown_as_another(page: Path) -> None:
        whole = drop(page, content)
        assert whole[0] == ""
        for other in damaged:
            found = drop(page, other)
            assert found[0] or found == whole
        for other in cut:
            assert drop(page, other)[0]

    rejects(is_never_shown_as_another, right=article, wrong=planted(article, tmp_path, ("throw damaged(", "void (")))


def test_names_and_words_of_a_record_have_no_effect(article: Path, drop: Callable[[Path, bytes], Shown], record: Path) -> None:
    hostile = said_anew(
        table=records.read(record).table.assign(**{HOSTILE: HOSTILE, "ŝ": "ŝ 𝔼", "some": ["a", None, "b", "a"], "none": None})
    )
    assert drop(article, hostile(record)) == drop(article, record.read_bytes())
