"""C4, C5, C7, C8, C15 against what was measured on instances whose constants are exact: one-sided tests with a known error rate."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from tests.claims.support.marks import of_claims
from tests.conftest import ROOT
from tsla.empirics.runs import records
from tsla.empirics.statistics.betting import p_values
from tsla.figures.evidence import PLAN
from tsla.theory.testing.planted import Rejects

LEVEL = 0.001  # the probability that a true bound is refuted on any of its instances, by Bonferroni's inequality


def table(name: str) -> pd.DataFrame:
    return records.read(ROOT / "records" / f"{name}.parquet").table


def instances(claim: str) -> pd.DataFrame:
    """``measured`` and ``bound`` of each replica, labelled by ``instance``."""
    if claim not in ("C4", "C5"):
        return planned(claim)
    rows = table("rates")
    rows = rows[rows["claim"] == claim]
    return rows.assign(instance=rows["instance"] + rows["T"].astype(str), measured=rows["mean_grad2"])


def planned(claim: str) -> pd.DataFrame:
    """As :func:`instances`, of runs of the length that the claim's plan asks for."""
    rows = table("regimes")
    if claim == "C7":
        rows = rows.dropna(subset="gap_bound")
        return rows.assign(instance=rows["q"].astype(str) + " " + rows["eps"].astype(str), measured=rows["gap"], bound=rows["gap_bound"])
    rows = rows[rows["claim"] == claim]
    return rows.assign(instance=rows["q"].astype(str) + " " + rows["eps"].astype(str), measured=rows["mean_grad2"], bound=rows["eps"] ** 2)


def is_not_exceeded(claim: str, part: float = 1.0) -> None:
    """No mean over the replicas is above this part of its bound beyond what chance explains: p >= LEVEL / instances for each."""
    groups = instances(claim).groupby("instance")
    assert len(groups) >= 2
    p = [float(p_values(group["measured"].to_numpy(), part * group["bound"].iloc[0])) for _, group in groups]
    assert min(p) >= LEVEL / len(p)


CLAIMS = ("C4", "C5", "C7", "C8", "C15a", "C15b", "C15c")


@pytest.mark.parametrize("claim", of_claims(CLAIMS, "Monte Carlo"))
def test_no_instance_exceeds_the_bound(claim: str, evidence: Callable[..., None]) -> None:
    is_not_exceeded(claim)
    own = reached(planned(claim))
    text = f"Runs of the plan{f' of {claim}' if claim[-1] in 'abc' else ''} on {len(own)} instances come to {range_of(own)} of the bound."
    if claim in ("C4", "C5"):
        free = reached(instances(claim))
        text += (
            f" Runs of other lengths, with the step size that the bound asks for, come to {range_of(free)} of it on {len(free)} instances."
        )
    evidence(text, tightness={PLAN: own.max()})


def reached(rows: pd.DataFrame) -> pd.Series:
    """The part of the bound that the mean over the replicas is, by instance."""
    means = rows.groupby("instance")[["measured", "bound"]].mean()
    return means["measured"] / means["bound"]


def range_of(ratio: pd.Series) -> str:
    return f"{ratio.min():.2g} to {ratio.max():.3g}"


# How much smaller a bound is refuted depends on how near to it the instances come: C4 and C5 are attained, the others are not.
WRONG = {"C4": 1.1, "C5": 1.1, "C7": 500, "C8": 5, "C15a": 500, "C15b": 5, "C15c": 4}


@pytest.mark.parametrize("claim", of_claims(CLAIMS, "Monte Carlo", planted=True))
def test_a_smaller_bound_is_refuted(claim: str, rejects: Rejects) -> None:
    rejects(lambda part: is_not_exceeded(claim, part), right=1.0, wrong=1 / WRONG[claim])
