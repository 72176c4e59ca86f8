"""The obligations of all modules of algebra."""

from __future__ import annotations

from importlib import import_module

from tsla.theory.certificates import groups
from tsla.theory.certificates.algebra.engine.obligation import Identity, Obligation

GROUPS = [group for group in groups() if group.startswith("algebra.")]
STEPS: list[Obligation | Identity] = [step for group in GROUPS for step in import_module(f"tsla.theory.certificates.{group}").obligations()]
