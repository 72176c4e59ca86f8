"""The algebra of each claim is proved, and every wrong version of a step gets a counterexample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from tests.claims.support.marks import of_claims
from tests.theory.certificates.committed import TO_CERTIFY, assert_recorded, outcomes, recorded
from tests.theory.certificates.steps import GROUPS, MANIFESTS, STEPS
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine.manifest import WHOLE
from tsla.theory.certificates.algebra.engine.obligation import Identity, Mutant, Obligation
from tsla.theory.claims import BY_ID
from tsla.theory.testing.planted import Rejects

CLAIMS = sorted({step.claim for step in STEPS}, key=list(BY_ID).index)
COMPOSED = sorted({WHOLE[manifest.claim] for manifest in MANIFESTS}, key=list(BY_ID).index)


def all_of(claim: str, *, composed: bool) -> list[Certificate]:
    found = (certificate for group in GROUPS for certificate in outcomes(group) if certificate.claim == claim)
    return [certificate for certificate in found if (certificate.guarantee == "composite") == composed]


def test_claims() -> None:
    assert set(CLAIMS) >= TO_CERTIFY


def test_names_are_unique_in_a_claim() -> None:
    names = [(step.claim, step.name) for step in STEPS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("group", GROUPS)
def test_group(group: str) -> None:
    for certificate in outcomes(group):
        assert certificate.guarantee in ("identity", "inequality", "tight", "composite")
        assert certificate.holds, certificate
        assert certificate.rejected == certificate.planted >= (1 if certificate.guarantee == "composite" else 2), certificate
        assert certificate.reason == ""
    assert_recorded(outcomes(group))


def test_the_record_has_no_other_steps() -> None:
    assert recorded("algebra") == {(step.claim, step.name) for step in STEPS} | {
        (WHOLE[m.claim], f"{m.claim}, {m.name}") for m in MANIFESTS
    }


@pytest.mark.parametrize("claim", of_claims(CLAIMS, "algebra"))
def test_claim(claim: str, evidence: Callable[..., None]) -> None:
    proved = all_of(claim, composed=False)
    assert proved
    assert all(certificate.holds for certificate in proved)
    evidence(f"The algebra of {len(proved)} step{'s' * (len(proved) > 1)} is proved.")


@pytest.mark.parametrize("claim", of_claims(COMPOSED, "composite"))
def test_the_claim_follows_from_its_steps(claim: str, evidence: Callable[..., None]) -> None:
    composites = all_of(claim, composed=True)
    assert all(certificate.holds for certificate in composites)
    stated = {claim, *(part.id for part in BY_ID[claim].parts)}
    assert {certificate.name.partition(",")[0] for certificate in composites} >= stated
    evidence(f"The claim follows from its proved steps, in {len(composites)} composition{'s' * (len(composites) > 1)}.")


@pytest.mark.parametrize("claim", of_claims(COMPOSED, "composite", planted=True))
def test_what_does_not_compose_is_rejected(claim: str, certified: Callable[[Certificate], None]) -> None:
    """Without a step, with a premise that the claim does not have, and with a step that concludes less."""
    for certificate in all_of(claim, composed=True):
        certified(certificate)


UNCHANGED = "unchanged"


@cache
def has_no_counterexample(step: Obligation | Identity) -> Callable[[str], None]:
    """A check of the step's mutants by name, and of a mutant that is the step itself."""
    itself = Mutant() if isinstance(step, Obligation) else step.right
    tried = replace(step, mutants={**step.mutants, UNCHANGED: itself})

    def check(mutant: str) -> None:
        found = tried.rejects(mutant)  # by a name: pytest would write out all the formulas of a step whose assertion fails
        assert not found, f"{step.claim} {step.name}: {mutant}"

    return check


@pytest.mark.parametrize(
    ("step", "mutant"),
    [
        pytest.param(step, mutant, id=f"{step.claim}-{i}-{j}", marks=pytest.mark.claim(step.claim, "algebra", planted=True))
        for i, step in enumerate(STEPS)
        for j, mutant in enumerate(step.mutants)
    ],
)
def test_wrong_steps_are_rejected(step: Obligation | Identity, mutant: str, rejects: Rejects) -> None:
    rejects(has_no_counterexample(step), right=UNCHANGED, wrong=mutant)
