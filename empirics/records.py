"""Records: tables in Parquet that carry their configuration, seeds, versions, machine and the command that makes them again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tsla import empirics, theory
from tsla.empirics.files import replacing

KEY = b"tsla"
FOLDER = Path("records")
"""Where the commands keep the records, below the folder that they are called in."""
LIBRARIES = ("tsla", "numpy", "scipy", "scikit-learn", "torch")
PROVERS = ("z3-solver", "sympy", "PEPit", "cvxpy", "clarabel", "python-flint", "numba")  # and the compiler


@dataclass(frozen=True)
class Record:
    """A table and what it takes to make it again: ``config`` holds every number that went in, seeds included."""

    table: pd.DataFrame
    config: Mapping[str, Any]
    environment: Mapping[str, Any]
    command: str

    @property
    def hash(self) -> str:
        """The first 12 hex digits of the SHA-256 of ``config``: the identity of the experiment."""
        return config_hash(self.config)


def config_hash(config: Mapping[str, Any]) -> str:
    """12 hex digits that identify a configuration, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


@cache
def environment() -> dict[str, Any]:
    """Versions and machine. No date: the same run on the same machine gives the same bytes."""
    return {
        "python": platform.python_version(),
        **{name: _version_if_installed(name) for name in (*LIBRARIES, *PROVERS)},
        "code": _code_hash(),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores, {_accelerators()}",
    }


def _version_if_installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _code_hash() -> str:
    """12 hex digits of the sources that a record depends on: a record of other code is not mistaken for one of this."""
    digest = hashlib.sha256()
    for layer in (theory, empirics):
        for source in sorted(Path(layer.__path__[0]).rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def _accelerators() -> str:
    """The cards that the driver names; whether a run used one stands in its configuration."""
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    models = [
        line.split(":", 1)[1].strip()
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("Model:")
    ]
    return ", ".join(models) or "no GPU"


def write(path: Path, table: pd.DataFrame, config: Mapping[str, Any], command: str) -> None:
    """Write a record to ``path``."""
    about = {"config": config, "environment": environment(), "command": command}
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), KEY: json.dumps(about, sort_keys=True).encode()})
    with replacing(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


def read(path: Path, *, name: str = "record") -> Record:
    """The record at ``path``. Raises ValueError, calling the file by ``name``, where it is not one of ours."""
    where = f"{name} = {path} is not a record of tsla"
    try:
        arrow = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{where}: {str(error).splitlines()[0]}") from error
    about = (arrow.schema.metadata or {}).get(KEY)
    if about is None:
        raise ValueError(f"{where}: it carries no configuration; `tsla records` writes records")
    fields = json.loads(about)
    return Record(arrow.to_pandas(), fields["config"], fields["environment"], fields["command"])


def is_done(path: Path, config: Mapping[str, Any]) -> bool:
    """Whether ``path`` holds a record of this very configuration, made with these versions on this machine."""
    try:
        about = json.loads(pq.read_schema(path).metadata[KEY])
    except (FileNotFoundError, KeyError, TypeError, pa.ArrowInvalid):  # no file, or not one of ours
        return False
    normal = json.loads(json.dumps(config))  # tuples become lists, as in the file
    return bool(about["config"] == normal and about["environment"] == environment())
