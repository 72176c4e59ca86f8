"""What made a result: versions, machine, the code and the commit that it is of, and the instructions that torch's kernels use."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tsla.empirics.runs import sources

LAYERS = ("theory", "empirics")
"""The folders of a checkout that records are made by."""
NETWORKS = ("timm", "torchvision", "transformers", "efficientnet-lite-pytorch")
LIBRARIES = ("tsla", "numpy", "scipy", "scikit-learn", "torch", "pandas", "Pillow", *NETWORKS)
PROVERS = ("z3-solver", "sympy", "PEPit", "cvxpy", "clarabel", "python-flint", "numba")  # and the compiler


@cache
def environment(*modules: str) -> dict[str, Any]:
    """Versions and machine, and the ``code`` of modules, where they are given. No date: the same run gives the same bytes."""
    return {
        "python": platform.python_version(),
        **{name: _version_if_installed(name) for name in (*LIBRARIES, *PROVERS)},
        **({"code": sources.code(*modules)} if modules else {}),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores, {_accelerators()}",
    }


def _version_if_installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


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


@cache
def commit() -> str | None:
    """The commit of the checkout that this code is in, when it was first asked for; None where the code is in none."""
    return commit_of(sources.ROOT.parent)


def commit_of(checkout: Path) -> str | None:
    """The commit that is checked out in a folder, with "+changes" where the sources there are others; None where it is no checkout."""
    if not (checkout / ".git").exists():  # what is installed may lie in somebody else's
        return None
    try:
        head, changes = (_git(checkout, *words) for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", *LAYERS)))
    except (OSError, subprocess.CalledProcessError):  # no git, or no commit yet
        return None
    return head + ("+changes" if changes else "")


def _git(checkout: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(checkout), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - our own words


def kernels() -> str | None:
    """The instructions that torch's kernels use here, such as "AVX512"; None where torch is not loaded."""
    torch = sys.modules.get("torch")
    return None if torch is None else str(torch.backends.cpu.get_cpu_capability())
