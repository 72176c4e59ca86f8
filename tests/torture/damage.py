"""Files that were cut, turned and overwritten. Each is refused in one line that names it, or is read as it was written.

What carries no checksum, such as a TOML file or a table that somebody else wrote, may be read as something else, and ends in no accident.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from tsla.empirics.advice.plan import rows
from tsla.empirics.data.datasets import _archives
from tsla.empirics.data.datasets import arrays as examples
from tsla.empirics.models import checkpoints, networks
from tsla.empirics.runs import arrays, records, tensors
from tsla.empirics.runs.resume import Codec, StateFile
from tsla.empirics.training.configuration.given import by_name, toml
from tsla.figures import evidence
from tsla.theory.moments import MOMENTS

NETWORK: Mapping[str, Any] = {"name": "mlp", "shape": (1, 4, 4), "classes": 3, "norm": "group"}
TABLE = pd.DataFrame({"epoch": range(9), "loss": np.linspace(1, 2, 9), "word": ["a", "b", None] * 3, **dict.fromkeys(MOMENTS, 0.5)})
OTHERS: tuple[bytes, ...] = (
    b"",
    b"\0" * 4096,
    b"PK\5\6" + b"\0" * 18,
    b"PAR1PAR1",
    b"\x80\x02K\x01.",
    b"[" * 100_000,
    b"a = " + b"[" * 100_000,
)
"""Files of other kinds, or none."""


@dataclass(frozen=True)
class Kind:
    """``write`` writes a file, and ``read`` says all that is read from one; ``checked``: it carries checksums."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    checked: bool = True


def bits(found: Any) -> object:
    """All of it, so that two of them are equal where every bit is."""
    if isinstance(found, torch.Tensor):
        found = found.numpy()
    if isinstance(found, np.ndarray):
        return str(found.dtype), found.shape, found.tobytes()
    if isinstance(found, pd.DataFrame):
        return repr([(name, str(column.dtype), column.tolist()) for name, column in found.items()])
    if isinstance(found, Mapping):
        return {name: bits(value) for name, value in found.items()}
    return [bits(value) for value in found] if isinstance(found, list | tuple) else repr(found)


def _write_state(codec: Codec, content: Any, path: Path) -> None:
    StateFile(path, "run", codec).save_if_due(lambda: {"w": content, "done": 3}, over=True)


def _read_checkpoint(path: Path) -> object:
    found = checkpoints.read(path)
    return bits([found.state, found.network, found.training])


def _read_record(path: Path) -> object:
    found = records.read(path)
    return bits({name: getattr(found, name) for name in found.__dataclass_fields__})


def _archive() -> bytes:
    """A tar archive of two files."""
    with tarfile.open(fileobj=(stream := io.BytesIO()), mode="w:gz") as archive:
        for name in ("data/one", "data/two"):
            info = tarfile.TarInfo(name)
            info.size = 999
            archive.addfile(info, io.BytesIO(name.encode() * 200))
    return stream.getvalue()


ARCHIVE = _archive()
EVIDENCE = json.dumps([{"id": "C1", "kind": "property", "planted": False, "test": "tests/a.py::b", "passed": True, "finding": "It holds."}])
_HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
SAFETENSORS = len(_HEADER).to_bytes(8, "little") + _HEADER + np.arange(6, dtype=np.float32).tobytes()


def described(path: Path, content: bytes) -> _archives.File:
    """A file whose checksum is known as that of a data set is: it should have this content."""
    return _archives.File(path.name, sha256(content).hexdigest(), "https://example.org")


def members(path: Path, content: bytes) -> list[tuple[str, bytes]]:
    """Of an archive, which should have this content."""
    return [*_archives.members(path.parent, described(path, content), lambda _: True)]


def _of_state(codec: Codec, content: Any) -> Kind:
    return Kind(partial(_write_state, codec, content), lambda path: bits(StateFile(path, "run", codec).load()))


KINDS: Mapping[str, Kind] = {
    "checkpoint.pt": Kind(
        lambda path: checkpoints.write(path, networks.build(**NETWORK), network=NETWORK, training={"eta": 0.1}), _read_checkpoint
    ),
    "training.state": _of_state(tensors, torch.linspace(0, 1, 50)),
    "simulation.state": _of_state(arrays, np.linspace(0, 1, 50)),
    "record.parquet": Kind(lambda path: records.write(path, TABLE, {"eta": 0.1, "seed": 3}, "tsla records x", rows=[4, 5]), _read_record),
    "data.npz": Kind(
        lambda path: np.savez_compressed(path, inputs=np.ones((20, 3)), labels=np.arange(20)), lambda path: bits(examples(path))
    ),
    "config.toml": Kind(
        lambda path: path.write_text('method = "lsr"\nmeasure-at = [1, 2]\neta = 0.1\n'), lambda path: by_name(toml(path)), checked=False
    ),
    "archive.tar.gz": Kind(lambda path: path.write_bytes(ARCHIVE), lambda path: bits(members(path, ARCHIVE))),
    "evidence.json": Kind(lambda path: path.write_text(EVIDENCE, encoding="utf-8"), evidence.read, checked=False),
    "weights.safetensors": Kind(lambda path: path.write_bytes(SAFETENSORS), lambda path: bits(tensors.load(path)), checked=False),
    "rows.csv": Kind(lambda path: TABLE.to_csv(path), rows.rows_of, checked=False),
    "rows.json": Kind(lambda path: TABLE.to_json(path, orient="records"), rows.rows_of, checked=False),
}


def cut(content: bytes, draw: random.Random) -> bytes:
    """Its beginning, as a copy that was broken off leaves it."""
    return content[: draw.randrange(len(content))]


def turned(content: bytes, draw: random.Random) -> bytes:
    """With one bit turned."""
    place = draw.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]


def overwritten(content: bytes, draw: random.Random) -> bytes:
    """With some bytes that are others, or zeros, as a failing disk gives them."""
    place, count = draw.randrange(len(content)), draw.randrange(1, 64)
    return content[:place] + draw.choice([draw.randbytes(count), bytes(count)]) + content[place + count :]


def replaced(_: bytes, draw: random.Random) -> bytes:
    """Another file in its place."""
    return draw.choice(OTHERS)


def newer(content: bytes, draw: random.Random) -> bytes:
    """Of a version that nobody knows yet, with right checksums; of what is no archive, its first number is another."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return bytes([draw.randrange(256)]) + content[1:]
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(found := io.BytesIO(), "w") as other:
        for name in archive.namelist():
            held = archive.read(name)
            other.writestr(name, b"99\n" if name.endswith("version") else held.replace(b"\x93NUMPY\1", b"\x93NUMPY\x63", 1))
    return found.getvalue()


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, turned, turned, turned, overwritten, newer, replaced)


def tries(seed: int, n: int) -> Iterator[tuple[str, str | None]]:
    """Damaged files, each by its damage and its kind, and how it was taken."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        whole = {}
        for name, kind in KINDS.items():
            kind.write(path := Path(folder) / name)
            whole[name] = path.read_bytes(), kind.read(path)
        StateFile(Path(folder) / "another", "another run", tensors).save_if_due(lambda: {"w": torch.zeros(50), "done": 3}, over=True)
        others = [(Path(folder) / "another").read_bytes(), *(content for content, _ in whole.values())]
        for number in range(n):
            name = list(KINDS)[number % len(KINDS)]
            content, expected = whole[name]
            damage = draw.choice(DAMAGES)
            path = Path(folder) / name
            swapped = damage is replaced and draw.random() < 0.5
            path.write_bytes(draw.choice(others) if swapped else damage(content, draw))
            yield f"{'swapped' if swapped else damage.__name__} {name}", taken(KINDS[name], path, expected)


def taken(kind: Kind, path: Path, expected: object) -> str | None:
    """What is wrong with how the file is read; None where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = kind.read(path)
        except ValueError as error:
            said = str(error)
            return None if "\n" not in said and (not kind.checked or str(path) in said) else f"{path.name} is refused by {said!r}"
        except Exception as error:  # an accident, whatever it is
            return f"{path.name}: {type(error).__name__}: {error}"
    return f"{path.name} is read as something else" if kind.checked and found != expected else None
