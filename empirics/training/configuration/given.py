"""A configuration from what a user gave: options, and TOML files whose names are those of the options."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Collection, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from tsla.empirics.runs.files import must_be_there
from tsla.empirics.training.configuration import FIELDS, TrainingConfig
from tsla.theory.constants import said

LARGEST = 2**20
"""Bytes of a TOML file: to read more takes minutes, and no configuration is so long."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """An option for each field, group by group."""
    for group, fields in groupby(FIELDS.values(), key=lambda field: field.group):
        section = parser.add_argument_group(group)
        for field in fields:
            section.add_argument(f"--{field.spelled}", **field.option)


def configuration(args: argparse.Namespace) -> TrainingConfig:
    """That of the options and, where they say nothing, of the file.

    One file serves all methods: what it says and this run has no use for is left out. Raises ValueError where nobody gives the method, for
    a value that must not be, and for an option without an effect.
    """
    options = {name: value for name, value in vars(args).items() if name in FIELDS}
    given = ({} if args.config is None else _file(args.config)) | options
    if "method" not in given:
        raise ValueError("the following arguments are required: --method")
    config = TrainingConfig(**given)
    config.refuse_without_effect(*options)
    return of_use(given)


def of_use(given: Mapping[str, Any]) -> TrainingConfig:
    """The configuration without what it has no use for. Raises ValueError for a value that must not be, whether it has a use or not."""
    config = TrainingConfig(**given)
    return TrainingConfig(**{name: value for name, value in given.items() if FIELDS[name].has_use(config)})


def _file(path: Path) -> dict[str, Any]:
    must_be_there("config", path, "a TOML file")
    try:
        table = toml(path)
    except ValueError as error:  # no TOML, or no text
        raise ValueError(f"config = {path} must be a TOML file: {error}") from error
    try:
        return by_name(table)
    except ValueError as error:
        raise ValueError(f"config = {path}: {error}") from None


def toml(path: Path) -> dict[str, Any]:
    """What a TOML file says. Raises ValueError for what is no TOML, no text, larger than LARGEST, or nested deeper than Python goes."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    try:
        return tomllib.loads(content.decode())
    except RecursionError:
        raise ValueError("its lists or tables are nested too deep") from None


def by_name(table: Mapping[str, Any], *, but: Collection[str] = ()) -> dict[str, Any]:
    """What a table of a file says, by the names of the fields. Raises ValueError for another name, and for those of ``but``."""
    fields = {field.spelled: name for name, field in FIELDS.items() if name not in but}
    for spelled, value in table.items():
        dashed = spelled.replace("_", "-")
        if spelled not in fields:
            right = f"must be spelled {dashed}" if dashed in fields else f"is unknown here; must be one of {', '.join(fields)}"
            raise ValueError(f"{spelled} = {said(value)} {right}")
    return {fields[spelled]: value for spelled, value in table.items()}
