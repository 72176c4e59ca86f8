"""The steps of each claim make it up, and what a claim assumes is what its function refuses to do without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import z3

from tests.planted import Rejects
from tests.theory.certificates.steps import MANIFESTS
from tsla.theory.certificates.algebra.engine.manifest import WHOLE, Cited, Function, Induction, Inference, Manifest, alone
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, conclude, follows
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.symbols import F0, L, T, eta, grad2, mu, sigma2
from tsla.theory.claims import ASSUMES, CLAIMS

RIGHT = "as it is"
NAMED = [pytest.param(m, id=f"{m.claim}, {m.name}", marks=pytest.mark.claim(WHOLE[m.claim], "algebra", planted=True)) for m in MANIFESTS]


def test_every_claim_and_part_with_algebra_has_a_manifest() -> None:
    assert {m.claim for m in MANIFESTS} >= {f"C{i}" for i in range(1, 18)} | {part.id for claim in CLAIMS for part in claim.parts}
    names = [(m.claim, m.name) for m in MANIFESTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("manifest", NAMED)
def test_wrong_manifests_are_rejected(manifest: Manifest, rejects: Rejects) -> None:
    """Without a step, with a premise that the claim does not have, and with a step that concludes less."""
    versions = {name: steps for name, steps, _ in manifest.planted()}
    assert versions

    def composes(version: str) -> None:
        found = any(manifest.gaps(versions.get(version)))
        assert not found, f"{manifest.claim}, {manifest.name}: {version}"

    for version in versions:
        rejects(composes, right=RIGHT, wrong=version)
