"""The obligations and the manifests of all modules of algebra."""

from __future__ import annotations

from importlib import import_module

from tsla.theory.certificates import groups
from tsla.theory.certificates.algebra.engine.manifest import Manifest, steps_of
from tsla.theory.certificates.algebra.engine.obligation import Identity, Obligation

GROUPS = [group for group in groups() if group.startswith("algebra.")]
MODULES = [import_module(f"tsla.theory.certificates.{group}") for group in GROUPS]
STEPS: list[Obligation | Identity] = [step for module in MODULES for step in steps_of(module)]
MANIFESTS: list[Manifest] = [manifest for module in MODULES if hasattr(module, "manifests") for manifest in module.manifests()]
