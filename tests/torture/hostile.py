"""Files that mean harm: pickles that run code, archives that lead elsewhere, unpack without end or lie, and TOML of every kind.

Each is refused in one line, or has no effect. What would have run leaves a canary, a folder, that must not be there; nor may anything else
be that was not.
"""

from __future__ import annotations

import gzip
import io
import pickle
import random
import string
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.torture.commands import ill_end
from tests.torture.damage import DAMAGES, described, members
from tsla.empirics.advice.plan import rows
from tsla.empirics.data.datasets import _archives
from tsla.empirics.data.datasets import arrays as examples
from tsla.empirics.models import checkpoints
from tsla.empirics.runs import arrays, records, tensors
from tsla.empirics.runs.resume import StateFile
from tsla.empirics.training.configuration import FIELDS
from tsla.empirics.training.sweeps.file import TABLES

Draw = random.Random
CANARY = "canary"


# --- pickles


class _Reduced:
    """What ``pickle`` writes for it is a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


PICKLES: Mapping[str, Callable[[str], bytes]] = {
    "global": lambda canary: f"cos\nmkdir\n(S'{canary}'\ntR.".encode(),
    "instance": lambda canary: f"(S'{canary}'\nios\nmkdir\n.".encode(),
    "object": lambda canary: f"(cos\nmkdir\nS'{canary}'\no.".encode(),
    "posix": lambda canary: f"cposix\nmkdir\n(S'{canary}'\ntR.".encode(),
    "python 2": lambda canary: f'c__builtin__\neval\n(S\'__import__("os").mkdir("{canary}")\'\ntR.'.encode(),
    "getattr": lambda canary: f"c__builtin__\ngetattr\n(cos\nsystem\nS'__call__'\ntR(S'mkdir {canary}'\ntR.".encode(),
    "build": lambda canary: f"cnumpy\nndarray\n(I0\ntRcos\nmkdir\n(S'{canary}'\ntRb.".encode(),
    "dtype": lambda canary: f"cnumpy\ndtype\n(cos\nmkdir\n(S'{canary}'\ntRtR.".encode(),
    **{f"protocol {n}": lambda canary, n=n: pickle.dumps(_Reduced(exec, f"import os; os.mkdir({canary!r})"), n) for n in range(6)},
    "nested": lambda canary: pickle.dumps({"state_dict": {"w": _Reduced(exec, f"import os; os.mkdir({canary!r})")}}),
    "torch": lambda canary: pickle.dumps(_Reduced(torch.load, canary)),
}


def _plain(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _in_checkpoint(content: bytes, path: Path) -> None:
    """A file of torch.save whose pickle is another."""
    torch.save({"w": torch.zeros(2)}, path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, other in held.items():
            archive.writestr(name, content if name.endswith("data.pkl") else other)


def _in_arrays(content: bytes, path: Path) -> None:
    """A file of numpy.savez with an array of objects."""
    np.lib.format.write_array_header_1_0(header := io.BytesIO(), {"descr": "|O", "fortran_order": False, "shape": (2,)})
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("inputs.npy", "labels.npy"):
            archive.writestr(name, header.getvalue() + content)


def _in_archive(content: bytes, path: Path) -> None:
    """A tar archive with a batch of CIFAR."""
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("cifar/batch")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


def _batch(path: Path) -> object:
    return {name: _archives.unpickled(content, name) for name, content in members(path, path.read_bytes())}


def _state(codec: Any, path: Path) -> object:
    return StateFile(path, "run", codec).load()


PLACES: tuple[tuple[Callable[[bytes, Path], None], str, Callable[[Path], object]], ...] = (
    (_plain, "checkpoint.pt", checkpoints.read),
    (_plain, "training.state", partial(_state, tensors)),
    (_plain, "simulation.state", partial(_state, arrays)),
    (_plain, "weights.safetensors", checkpoints.read),
    (_plain, "record.parquet", records.read),
    (_plain, "rows.json", rows.rows_of),
    (_in_checkpoint, "checkpoint.pt", checkpoints.read),
    (_in_checkpoint, "training.state", partial(_state, tensors)),
    (_in_arrays, "simulation.state", partial(_state, arrays)),
    (_in_arrays, "data.npz", examples),
    (_in_archive, "cifar.tar.gz", _batch),
)
"""How a pickle gets into a file, what that is called, and who reads it."""


def _of_pickle(draw: Draw, folder: Path) -> tuple[str, Callable[[], object]]:
    """A pickle in some file, in half of the tries damaged beforehand."""
    kind = draw.choice([*PICKLES])
    content = PICKLES[kind](str(folder / CANARY))
    if draw.random() < 0.5:
        content = draw.choice(DAMAGES[:-1])(content, draw)
    place, name, read = draw.choice(PLACES)
    place(content, folder / name)
    return f"pickle in {name}", lambda: read(folder / name)


# --- archives

NAMES = (
    *("../evil", "a/../../evil", "/evil", "//evil", "./../evil", "~/evil", "C:\\evil", "..\\evil"),
    *("a\0b", "x" * 300, "", ".", "..", "ok"),
)
TYPES = (
    *(tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE),
    *(b"g", b"x", b"S"),
)
MANY = 2**40


def _of_tar(draw: Draw, folder: Path) -> tuple[str, Callable[[], object]]:
    """Members that lead elsewhere, are links or devices, are there twice, or say that they are larger than they are."""
    stream = io.BytesIO()
    for _ in range(draw.randint(1, 3)):
        info = tarfile.TarInfo(draw.choice(NAMES))
        info.type, info.linkname, info.size = draw.choice(TYPES), draw.choice(NAMES), draw.choice((0, 5, 5, MANY))
        stream.write(info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape"))
        stream.write(b"12345".ljust(512, b"\0"))
    stream.write(bytes(1024))
    content = stream.getvalue()
    (path := folder / "x.tar").write_bytes(draw.choice((content, gzip.compress(content, mtime=0))))
    return "tar", lambda: members(path, path.read_bytes())


def _of_zip(draw: Draw, folder: Path) -> tuple[str, Callable[[], object]]:
    """Arrays under names that lead elsewhere, in an archive that unpacks to far more than it is, or says something else than it has."""
    np.save(array := io.BytesIO(), np.zeros(9, dtype=np.int64))
    with zipfile.ZipFile(folder / "data.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("inputs.npy", "labels.npy", draw.choice(NAMES) or "x"):
            size = draw.choice((0, 0, 10**6))
            archive.writestr(name.replace("\0", "0"), array.getvalue() + bytes(size))
        one = draw.choice(archive.filelist)
        if draw.random() < 0.5:
            one.file_size = draw.choice((0, 1, 2**31, MANY))
        if draw.random() < 0.3:
            archive.filelist *= draw.choice((2, 50))
        if draw.random() < 0.2:
            one.CRC ^= 1
    reader = draw.choice((examples, arrays.load, checkpoints.read))
    return "zip", lambda: reader(folder / "data.npz")


@cache
def _zeros() -> bytes:
    """A megabyte."""
    return gzip.compress(bytes(2**20), mtime=0)


def _of_gz(draw: Draw, folder: Path) -> tuple[str, Callable[[], object]]:
    """What unpacks to a thousand times its size, and to more than is taken where it is there often enough."""
    (path := folder / "x.gz").write_bytes(_zeros() * draw.choice((1, 3, 100)))
    return "gz", lambda: _archives.unpacked(folder, described(path, path.read_bytes()))


# --- TOML

WORDS = ("lsr", "sgd", "mlp", "uniform", "digits", "all", "nan", "../x", "", "ü", "\\u0000", "a b", "x" * 400)


def _value(draw: Draw, depth: int = 3) -> str:
    """Any value, as TOML has it."""
    kinds: tuple[Callable[[], str], ...] = (
        lambda: draw.choice(("0", "-1", "1", "16", "1e400", "nan", "-inf", "1_0", "0x10", "9" * 30, "-0.0", "5e-324", "0.1", "1.0")),
        lambda: draw.choice(("true", "false", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z")),
        lambda: f'"{draw.choice(WORDS)}"',
        lambda: f"[{', '.join(_value(draw, depth - 1) for _ in range(draw.randint(0, 4)))}]" if depth else "[]",
        lambda: f"{{ {_key(draw)} = {_value(draw, depth - 1)} }}" if depth else "{}",
        lambda: draw.choice(("", "[", '"', "'''", "{", "\0", "\udcff", "# x", "= 1")),
    )
    return draw.choice(kinds)()


def _key(draw: Draw) -> str:
    known = [field.spelled for field in FIELDS.values()]
    others = [*TABLES, *FIELDS, "first", "count", "''", '"a b"', "a.b", "x" * 300, "ü", draw.choice(string.printable)]
    return draw.choice(known if draw.random() < 0.8 else others)


def _lines(draw: Draw, most: int) -> str:
    return "".join(f"{_key(draw)} = {_value(draw)}\n" for _ in range(draw.randint(0, most)))


def _toml(draw: Draw) -> bytes:
    """A file that begins as one of a sweep does, or as one of options."""
    name, seeds = draw.choice(('name = "a"', f"name = {_value(draw)}", "")), draw.choice(("seeds = [0]", f"seeds = {_value(draw)}", ""))
    parts = (
        *(name, seeds, _lines(draw, 1)),
        *(f"[fixed]\n{_lines(draw, 4)}", f"[grid]\n{_lines(draw, 3)}", f"[{_key(draw)}]\n"),
        _lines(draw, 4),
    )
    chosen = [part for part in parts if draw.random() < 0.7]
    return "\n".join(chosen).encode(errors="surrogateescape")


def _of_toml(draw: Draw, folder: Path) -> tuple[str, Callable[[], object]]:
    """A file of a sweep or of options, of which nothing is run, whatever it says; now and then one of 100 MB."""
    path = folder / "file.toml"
    path.write_bytes(_toml(draw))
    if draw.random() < 0.02:
        with path.open("r+b") as file:
            file.truncate(100 * 10**6)
    words = draw.choice((["sweep", "file.toml", "--jobs", "0"], ["train", "--config", "file.toml", "--out", "/dev/null"]))
    return f"TOML for {words[0]}", partial(_commanded, words, path)


def _commanded(words: list[str], path: Path) -> None:
    with chdir(path.parent):
        if wrong := ill_end(words):
            raise AssertionError(f"{wrong}: {path.read_bytes()[:2000]!r}")


# --- tries

KINDS: tuple[Callable[[Draw, Path], tuple[str, Callable[[], object]]], ...] = (
    *[_of_pickle] * 2,
    *(_of_tar, _of_zip, _of_gz),
    *[_of_toml] * 2,
)


def tries(seed: int, n: int) -> Iterator[tuple[str, str | None]]:
    """Hostile files, each by its kind, and the harm that it did."""
    draw = Draw(seed)
    for _ in range(n):
        with tempfile.TemporaryDirectory() as outer:
            folder = Path(outer) / "folder"
            folder.mkdir()
            kind, read = draw.choice(KINDS)(draw, folder)
            yield f"hostile {kind}", harm(read, Path(outer))


def harm(read: Callable[[], object], outer: Path) -> str | None:
    """What reading a file did beyond refusing it in one line, or reading it; None where that was nothing."""
    before = {path: path.stat().st_mtime_ns for path in outer.rglob("*")}
    try:
        read()
        wrong = None
    except ValueError as error:
        wrong = None if "\n" not in str(error) else f"is refused by {str(error)!r}"
    except Exception as error:  # an accident, whatever it is
        wrong = f"{type(error).__name__}: {error}"
    found = {path: path.stat().st_mtime_ns for path in outer.rglob("*")}
    changed = sorted(str(path.relative_to(outer)) for path in {*before, *found} if before.get(path) != found.get(path))
    return f"{', '.join(changed)} was written" if changed else wrong
