"""C12 and C14 against a network: whether their sign, from the moments at a snapshot, came true (docs/branches.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from tests.claims.support.marks import of_claims
from tests.conftest import ROOT
from tsla.empirics.experiments.sign_prediction import predictions
from tsla.empirics.experiments.sign_prediction.predictions import Point
from tsla.empirics.experiments.sign_prediction.verdicts import PRIMARY, decided, primary, where
from tsla.empirics.runs import records
from tsla.figures.documents import branches
from tsla.theory.constants import Array
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects

RECORDS = {network: records.read(ROOT / "records" / f"{name}.parquet") for network, name in branches.RECORDS.items()}
networks = pytest.mark.parametrize("network", branches.RECORDS)


Floor = Callable[[Point, float], Array]


def predicted_by(floor: Floor, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the primary horizon with the sign against plain SGD predicted anew, from the moments at each snapshot."""
    table = table[table["K"] == PRIMARY["K"]]
    points = table[~table["diverged"].astype(bool)].drop_duplicates([*SNAPSHOT, "theta"])
    said = pd.concat(with_sign(floor, rows) for _, rows in points.groupby("batch_size"))
    return table.drop(columns="floor_plain").merge(said, on=[*SNAPSHOT, "theta"], how="left")


def with_sign(floor: Floor, rows: pd.DataFrame) -> pd.DataFrame:
    """What is predicted at points of one batch size, all at once."""
    of = {name: rows[name].to_numpy() for name in (*MOMENTS, "alignment", "eta_L")}
    point = Point(Moments(*(of[name] for name in MOMENTS)), of["alignment"], int(rows["batch_size"].iloc[0]), of["eta_L"])
    return rows[[*SNAPSHOT, "theta"]].assign(floor_plain=floor(point, rows["theta"].to_numpy()) - floor(point, 0.0))


SNAPSHOT = ["seed", "label_noise", "batch_size", "eta", "snapshot"]


NAMES = {"MLP": "an MLP", "ResNet-8": "ResNet-8"}
DECIDED = {"MLP": "supported as a predictor", "ResNet-8": "not decided as a predictor"}


def came_true(network: str, floor: Floor) -> None:
    """The sign by this floor hits more than the better rule, by what docs/branches.md calls it: ResNet-8 has too few settings to tell."""
    row = primary(predicted_by(floor, RECORDS[network].table))
    assert row["above"] > 0
    assert decided(row) == DECIDED[network]


CAME_TRUE = {network: partial(came_true, network) for network in RECORDS}


@networks
@pytest.mark.parametrize("claim", of_claims(("C12", "C14"), "measurement"))
def test_the_sign_from_the_moments_came_true(network: str, claim: str, evidence: Callable[..., None]) -> None:
    """A hit rate decides about a predictor, not about a bound, which is proved: the verdict of the claim is left to its proof."""
    CAME_TRUE[network](predictions.floor)
    record = RECORDS[network]
    row = primary(record.table)
    hit, above = (f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]" for name in ("hit", "above"))
    evidence(
        f"In training {NAMES[network]}, C12 predicts from the moments at a snapshot whether smoothing lowers or raises ‖∇F‖² in the next "
        f"{PRIMARY['K']} steps. The sign of that is {decided(row)}: its hit rate is {hit}, which is {above} more than that of the better "
        f"rule that does not look at the moments. The intervals are of 95 % over {row['units']} settings: "
        f"{where(network, record.config['configs'])}.",
        **({"headline": f"sign hit at {row['hit']:.2f} on an MLP"} if (claim, network) == ("C14", "MLP") else {}),
    )


@networks
def test_the_predictions_are_those_of_the_recorded_moments(network: str) -> None:
    table = RECORDS[network].table
    anew = predicted_by(predictions.floor, table)
    both = anew.merge(table, on=[*SNAPSHOT, "theta", "K"], suffixes=("", " recorded"))
    assert len(both) == len(anew) > 0
    assert np.allclose(both["floor_plain"], both["floor_plain recorded"], rtol=1e-9, atol=0, equal_nan=True)


def without_bias(point: Point, theta: float) -> Array:
    """C12 as if ĝ had no bias."""
    return predictions.floor(replace(point, moments=replace(point.moments, beta2=0.0)), theta)


def of_single_examples(point: Point, theta: float) -> Array:
    """C14 as if each batch were one example."""
    return predictions.floor(replace(point, batch_size=1), theta)


WRONG = [("MLP", "C12", without_bias), ("MLP", "C14", of_single_examples)]
WRONG += [(n, c, lambda point, theta: -predictions.floor(point, theta)) for n in RECORDS for c in ("C12", "C14")]


@pytest.mark.parametrize(
    ("network", "wrong"), [pytest.param(n, wrong, marks=pytest.mark.claim(c, "measurement", planted=True)) for n, c, wrong in WRONG]
)
def test_planted_floors_are_rejected(network: str, wrong: Floor, rejects: Rejects) -> None:
    rejects(CAME_TRUE[network], right=predictions.floor, wrong=wrong)


@pytest.mark.parametrize("wrong", [without_bias, of_single_examples])
def test_the_signs_of_resnet8_do_not_tell_these_apart(wrong: Floor) -> None:
    """As docs/branches.md says: there the sign is that of s² - N(θ) alone."""
    table = RECORDS["ResNet-8"].table
    assert primary(predicted_by(wrong, table)) == primary(table)
