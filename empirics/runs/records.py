"""Records: tables in Parquet that carry what made them, and digests of every number in them.

A record names its configuration, its seeds, the command that makes it again, the commit of the checkout that it was made in, versions and
machine. It has a digest of each part, which are the rows of one configuration, one of the whole table, and one of all that it says about
itself. Nothing is read that is not as it was written.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tsla.empirics.runs import provenance
from tsla.empirics.runs.errors import first_line
from tsla.empirics.runs.files import must_be_a_path, must_be_there, replacing

LOG = logging.getLogger(__name__)
KEY = b"tsla"
FOLDER = Path("records")
"""Where the commands keep the records, below the folder that they are called in."""
LIVE = Path("build/live")
"""Where ``tsla report`` leaves what it ran itself."""
INSTEAD = "make it again, or get it again"
FIELDS = ("config", "environment", "command")
"""What every record says about itself, by whatever version it was written."""


def folder(given: Path | None) -> Path:
    """The folder with records: FOLDER, where no other one is ``given``. Raises ValueError where there is no such folder."""
    found = given or FOLDER
    must_be_a_path("records", found)
    if not found.is_dir():
        raise ValueError(f"records = {found}: no such folder; must be one with records, such as those that `tsla records` makes")
    return found


@dataclass(frozen=True)
class Record:
    """A table and what it takes to make it again: ``config`` holds every number that went in.

    commit:  of the checkout that wrote it, with "+changes" where its sources were no commit's; None outside a checkout
    kernels: those that torch took, such as "AVX512"; None where it took no part
    seeds:   those in ``config``, sorted
    rows:    how many rows each part has, in the order of the table
    An older version wrote none of the four.
    """

    table: pd.DataFrame
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    command: str
    commit: str | None = None
    kernels: str | None = None
    seeds: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def hash(self) -> str:
        """The first 12 hex digits of the SHA-256 of ``config``: the identity of the experiment."""
        return config_hash(self.config)


def config_hash(config: Mapping[str, Any]) -> str:
    """12 hex digits that identify a configuration, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def seeds(config: Any) -> list[int]:
    """All that is called seed or seeds in a configuration, and in those within it; sorted."""
    return sorted(set(_seeds(config)))


def _seeds(config: Any) -> Iterator[int]:
    if isinstance(config, Mapping):
        for name, value in config.items():
            yield from [value] if name == "seed" else value if name == "seeds" and isinstance(value, Sequence) else _seeds(value)
    elif isinstance(config, list | tuple):
        for one in config:
            yield from _seeds(one)


def write(
    path: Path,
    table: pd.DataFrame,
    config: Mapping[str, Any],
    command: str,
    *,
    modules: Sequence[str] = (),
    rows: Sequence[int] | None = None,
    compressed: bool = True,
) -> None:
    """Write a record to ``path``: of what the functions of ``modules`` made, in parts of so many ``rows``, by default one.

    ``compressed`` with zstd, which no browser reads; a table of a hundred rows is hardly smaller for it.
    """
    made = {"environment": provenance.environment(*modules), "commit": provenance.commit(), "kernels": provenance.kernels()}
    about = {"config": config, "command": command, **made}
    parts = [len(table)] if rows is None else rows
    write_arrow(path, pa.Table.from_pandas(table, preserve_index=False), about, parts, compressed=compressed)


def write_arrow(path: Path, table: pa.Table, about: Mapping[str, Any], rows: Sequence[int], *, compressed: bool = True) -> None:
    """Write what a record says ``about`` itself, with its seeds and digests."""
    parts = [{"rows": count, "sha256": digest} for count, digest in zip(rows, _digests(table, rows), strict=True)]
    about = {**about, "seeds": seeds(about["config"]), "parts": parts, "table": _digest(table)}
    head = json.dumps(about | {"sha256": _sha256(about)}, sort_keys=True).encode()
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: head})
    with replacing(path) as temporary, temporary.open("wb") as file:  # opened here, for Arrow takes no name that is no UTF-8
        pq.write_table(table, file, compression="zstd" if compressed else "none", write_page_checksum=True, write_statistics=False)


def _digest(table: pa.Table) -> str:
    """Of the whole: names, types and values of its columns, and what pandas is to make of them. Quick enough for every reading."""
    digest = hashlib.sha256((table.schema.metadata or {}).get(b"pandas", b""))
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(json.dumps([field.name, str(field.type), len(column)]).encode())
        for numbers in _numbers(column.combine_chunks()):
            digest.update(np.ascontiguousarray(numbers).data)
    return digest.hexdigest()


def _numbers(values: pa.Array) -> Iterator[NDArray[Any]]:
    """Which values are missing, and the others to the last bit: words as the number that each has in a list of them, and the list."""
    yield values.is_null().to_numpy(zero_copy_only=False)
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)):
        words = values.dictionary_encode()
        yield np.frombuffer(json.dumps(words.dictionary.to_pylist(), default=str).encode(), dtype=np.uint8)
        values = words.indices
    yield values.fill_null(False if pa.types.is_boolean(values.type) else 0).to_numpy(zero_copy_only=False)


def _digests(table: pa.Table, rows: Sequence[int]) -> Iterator[str]:
    """Of each part: names, types and values of its columns, whatever the format of the file."""
    start = 0
    for count in rows:
        part = table.slice(start, count)
        yield _sha256([(field.name, str(field.type), column.to_pylist()) for field, column in zip(part.schema, part.columns, strict=True)])
        start += count


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def read(path: Path, *, name: str = "record") -> Record:
    """The record at ``path``. Raises ValueError, calling the file by ``name``, where there is none, or one not ours or not as written.

    An older version wrote digests of the parts alone, or none.
    """
    must_be_there(name, path, "a record such as `tsla train --out` writes")
    table, about = _content(path, name)
    if wrong := _wrong(table, about):
        raise ValueError(f"{name} = {path} is damaged: {wrong}; {INSTEAD}")
    fields = {field: about[field] for field in FIELDS}
    rows = tuple(part["rows"] for part in about.get("parts", ()))
    try:
        frame = table.to_pandas()
    except Exception as error:  # whatever another shape of what pandas says about the columns leads to
        raise ValueError(f"{name} = {path} is not a record of tsla: pandas does not read its columns") from error
    return Record(
        frame,
        **fields,
        commit=about.get("commit"),
        kernels=about.get("kernels"),
        seeds=tuple(about.get("seeds", ())),
        rows=rows,
    )


def of(folder: Path, name: str) -> Record:
    """The record of an experiment in a folder. Raises ValueError where it is not there, or as :func:`read`."""
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise ValueError(f"{path} does not exist; `tsla records {name}` makes it")
    return read(path)


def _content(path: Path, name: str) -> tuple[pa.Table, dict[str, Any]]:
    where, content = f"{name} = {path}", path.read_bytes()
    try:
        longest = max(len(content), 1)  # of a text in it; by default 100 MB, less than what is said of 120,000 runs
        table = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True, thrift_string_size_limit=longest).read()
    except Exception as error:  # whatever broken bytes lead to
        said = first_line(error)
        what = f"is damaged: {said}; {INSTEAD}" if content.startswith(b"PAR1") else f"is not a record of tsla: {said}"
        raise ValueError(f"{where} {what}") from error
    about = (table.schema.metadata or {}).get(KEY)
    if about is None:
        raise ValueError(f"{where} is not a record of tsla: it carries no configuration; `tsla records` writes records")
    found = _said(about)
    if found is None:
        raise ValueError(f"{where} is not a record of tsla: what it says about itself is not what `tsla records` writes")
    return table, found


def _said(about: bytes) -> dict[str, Any] | None:
    """What a record says about itself; None where that has another shape."""
    try:
        found = json.loads(about)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(found.get(name), dict) for name in ("config", "environment")):
        return None
    parts, seeds = found.get("parts", []), found.get("seeds", [])
    shaped = all(isinstance(part, dict) and isinstance(part.get("rows"), int) for part in parts) if isinstance(parts, list) else False
    return found if shaped and isinstance(seeds, list) and isinstance(found.get("command"), str) else None


def _wrong(table: pa.Table, about: Mapping[str, Any]) -> str:
    """What is not as its digests say, in a few words; empty where all is, or where there are none."""
    if not {"parts", "sha256"} & about.keys():
        return ""
    if about.get("sha256") != _sha256({name: value for name, value in about.items() if name != "sha256"}):
        return "what it says about itself was changed after it was written"
    parts = about.get("parts", [])
    if sum(part["rows"] for part in parts) != len(table):
        return f"it has {len(table):,} rows; {sum(part['rows'] for part in parts):,} were written"
    if about.get("table") == _digest(table):
        return ""
    found = _digests(table, [part["rows"] for part in parts])
    wrong = [number for number, (part, digest) in enumerate(zip(parts, found, strict=True), start=1) if part["sha256"] != digest]
    if wrong:
        return f"part {wrong[0]} of {len(parts)} was changed after it was written"
    return "how its columns are to be read was changed after it was written" if "table" in about else ""


def is_done(path: Path, config: Mapping[str, Any], *, modules: Sequence[str] = (), but: Collection[str] = ()) -> bool:
    """Whether ``path`` holds a record of this very configuration, made by this code of ``modules`` with these versions on this machine.

    ``but``: names in the record's configuration that are not looked at. A line on standard error says where the record is damaged, or none.
    """
    if not path.exists():
        return False
    try:
        record = read(path)
    except ValueError as error:
        LOG.warning("%s", error)
        return False
    normal = json.loads(json.dumps(config))  # tuples become lists, as in the file
    found = {name: value for name, value in record.config.items() if name not in but}
    return bool(found == normal and record.environment == provenance.environment(*modules))
