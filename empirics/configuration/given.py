"""A configuration from what a user gave: options, and a file."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsla.empirics.configuration.command_line import ALL
from tsla.empirics.configuration.config import DROPPING, TrainingConfig, kinds
from tsla.empirics.runs.files import must_be_there


def given_fields(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of the configuration that the options give, and else the file. Raises ValueError where nobody gives the method."""
    known = kinds(TrainingConfig)
    given = {} if args.config is None else _file(args.config, known)
    given |= {name: value for name, value in vars(args).items() if name in known}
    if "method" not in given:
        raise ValueError("the following arguments are required: --method")
    if "drop" in vars(args) and given["method"] not in DROPPING:
        raise ValueError(f"drop = {args.drop} has no use with --method {given['method']}; it goes with {' or '.join(DROPPING)}")
    return {name: None if value == ALL else value for name, value in given.items()}


def _file(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a TOML file says; its names are those of the options."""
    must_be_there("config", path, "a TOML file")
    try:
        found = {name.replace("-", "_"): value for name, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}
    except ValueError as error:  # no TOML, or no text
        raise ValueError(f"config = {path} must be a TOML file: {error}") from error
    for name in found:
        if name not in known:
            raise ValueError(f"config = {path}: unknown name {name}; must be one of {', '.join(known)}")
    return found
