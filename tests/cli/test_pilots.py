"""What `tsla plan` takes for a pilot: rows of a run of one's own in Python and in files, and one line for whatever is wrong."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.cli.support import Refusal, Run
from tests.empirics.advice.plan.pilots import CONFIG, DIGITS, PLAN, rows
from tsla.empirics.advice.plan.pilot import pilot_of
from tsla.empirics.advice.plan.planned import plan
from tsla.empirics.advice.plan.predictions import crossing
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.runs import records
from tsla.theory.moments import MOMENTS


def watched(path: Path) -> MomentsMonitor:
    """A monitor of a network of one's own, and its rows in three files and as `tsla train --json` prints them."""
    torch.manual_seed(0)
    inputs, labels = torch.randn(60, 4), torch.randint(3, (60,))
    model = torch.nn.Linear(4, 3)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = MomentsMonitor(model, (inputs, labels), every=5, examples=60)
    for _ in range(20):
        monitor.step()
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    table = pd.DataFrame(monitor.rows)
    table.to_csv(path / "rows.csv")
    table.to_parquet(path / "rows.parquet")
    table.to_json(path / "rows.json", orient="records")
    (path / "printed.json").write_text(json.dumps({"config": {}, "rows": monitor.rows}), encoding="utf-8")
    return monitor


def test_rows_of_a_monitor_in_python_and_in_files(tmp_path: Path, run: Run) -> None:
    monitor = watched(tmp_path)
    options: dict[str, Any] = {"outcome": "test_loss", "theta": 0.1, "batch_size": 12, "steps": 40}
    found = plan(monitor, **options)
    assert [line["step"] for line in found.json()["predictions"]] == [0, 5, 10, 15]
    assert (found.json()["unit"], found.json()["steps"], found.json()["recommendation"]["drop"]) == ("step", 40, 20)
    for line, row in zip(found.json()["predictions"], monitor.rows, strict=True):
        assert line["delta"] == pytest.approx(row["delta"])
    assert "in the first 20 of 40 steps and then not" in " ".join(str(found).split())
    assert found._repr_html_() == f"<pre>{escape(str(found))}</pre>"
    for same in (monitor.rows, monitor.rows[::-1], pd.DataFrame(monitor.rows)):
        assert str(plan(same, **options)) == str(found)
    for index in ("step", ["step", "s2"]):
        assert str(plan(pd.DataFrame(monitor.rows).set_index(index, drop=False), **options)) == str(found)
    for name in ("rows.csv", "rows.parquet", "rows.json", "printed.json"):
        out = run(f"plan --pilot {tmp_path / name} --outcome test_loss --theta 0.1 --batch-size 12 --steps 40")
        assert out == f"{found}\n"
    assert plan(monitor, **options | {"steps": None}).json()["steps"] == 15  # as long as what was watched


def test_why_a_monitor_measured_nothing_is_said() -> None:
    row = {"step": 0, **dict.fromkeys(MOMENTS, np.nan), "reason": "ValueError: no labels"}
    with pytest.raises(ValueError, match="the pilot has no moments, since nothing could be measured: ValueError: no labels"):
        plan([row], outcome="grad2", theta=0.1, batch_size=8)


@pytest.mark.parametrize(("loss", "says"), [(np.nan, "in the rows of the pilot = nan must be a finite number"), ("x", ".* hold numbers")])
def test_rows_of_a_run_that_diverged(loss: object, says: str) -> None:
    row = {"step": 0, "train_loss": loss, "grad2": 0.1, "s2": 4.0, "shat2": 0.4, "c": 0.5, "beta2": 0.1, "nu2": 0.5}
    with pytest.raises(ValueError, match=f"train_loss {says}"):
        plan([row], outcome="grad2", theta=0.1, batch_size=8)
    assert plan([row | {"train_loss": 2}], outcome="grad2", theta=0.1, batch_size=8).json()["predictions"]


def test_estimates_where_no_moments_can_be_are_moved_to_where_they_can() -> None:
    """A squared bias below 0 is none, and without bias smoothing helps in every batch."""
    row = {"step": 0, "grad2": -0.1, "s2": 4.0, "shat2": 0.4, "c": 0.5, "beta2": -0.1, "nu2": 0.5}
    (line,) = plan([row], outcome="grad2", theta=0.1, batch_size=8).json()["predictions"]
    assert (line["critical_batch_size"], line["delta0"]) == (None, 0)


AT_ONE_TIME = {"grad2": 1.0, "s2": 4.0, "shat2": 0.4, "c": 0.5, "beta2": 0.5, "nu2": 0.5}


def test_late_steps_beside_each_other_are_two() -> None:
    """A line from -2 at the one to -1 at the other is 0 at the next."""
    late = pilot_of([AT_ONE_TIME | {"step": 2**53 - before} for before in (4, 3)], theta=0.1, batch_size=8, steps=2**53)
    assert crossing(late, np.array([-2.0, -1.0])) == 2**53 - 2


@pytest.mark.parametrize("alignment", [0.0, 1.0])
def test_a_direction_without_signal_is_planned_with(alignment: float) -> None:
    row = AT_ONE_TIME | {"step": 0, "alignment": alignment}
    assert plan([row], outcome="grad2", theta=1.0, batch_size=8).json()["predictions"]


HEAD, ROW = "step,s2,shat2,grad2,c,beta2,nu2\n", "7,1,1,1,0,0.5,0.5\n"
MORE = HEAD.replace("\n", ",")
LISTED = '[{"s2": 1, "shat2": 1, "grad2": 1, "c": 0, "beta2": 0.5, "nu2": 0.5, "step": STEP}]'


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        ("a.csv", "step,s2,shat2\n1,2,3\n", "", "a.csv lacks grad2, c, beta2, nu2; must have a column of time and one for each of"),
        ("a.csv", "s2,shat2,grad2,c,beta2,nu2\n1,1,1,1,1,1\n", "", "a.csv lacks epoch or step"),
        ("a.json", "[]", "", "a.json: 0 rows; must be 1 at least. A MomentsMonitor has none in a short run, unless it is given every="),
        ("a.csv", "step,s2,shat2,grad2,c,beta2,nu2\n1,x,1,1,1,1,1\n", "", "column s2 must hold numbers"),
        ("a.json", "no rows", "", "a.json can't be read as .json: Expecting value"),
        ("a.json", "[3]", "", "rows is a list; must be a DataFrame, a list of dictionaries"),
        ("a.txt", "", "", "a.txt must be a record of `tsla train --out`, or a .csv, .parquet or .json file"),
        ("a.csv", "GOOD", "", "theta and batch_size must be given"),
        ("a.csv", "GOOD", "--theta 0.1", "batch_size must be given"),
        ("a.csv", "GOOD", "--theta 0.1 --batch-size 8 --epochs 3", "epochs = 3 has no use with rows that count steps; give steps"),
        ("a.csv", "GOOD", "--theta 0.1 --batch-size 8 --steps 3", "steps = 3 must be at least those of the pilot, 7"),
        ("a.csv", "GOOD", "--theta 0.1 --batch-size 8 --steps 0", "steps = 0 must be a whole number, at least 1"),
        ("a.csv", "GOOD", f"--theta 0.1 --batch-size 8 --steps {10**400}", "must be a whole number, at least 1"),
        ("a.csv", HEAD, "--theta 0.1 --batch-size 8", "0 rows; must be 1 at least"),
        ("a.csv", HEAD + ROW + ROW, "--theta 0.1 --batch-size 8", "step 7 is there twice in the rows of the pilot"),
        ("a.csv", HEAD + "0.5" + ROW[1:], "--theta 0.1 --batch-size 8", "step in the rows of the pilot = 0.5 must be a whole number"),
        ("a.csv", HEAD + ROW.replace("0.5", "inf"), "--theta 0.1 --batch-size 8", "beta2 is infinite in the rows of the pilot"),
        ("a.csv", f"{MORE}eta_L\n7,1,1,1,0,0.5,0.5,fast\n", "--theta 0.1 --batch-size 8", "column eta_L must hold numbers"),
        ("a.csv", f"{MORE}eta_L\n7,1,1,1,0,0.5,0.5,1e308\n8,1,1,1,0,0.5,0.5,1e308\n", "--theta 0.1 --batch-size 8", "eta_L = inf must be"),
        ("a.csv", f"{MORE}train_loss\n7,1,1,1,0,0.5,0.5,low\n", "--theta 0.1 --batch-size 8", "column train_loss must hold numbers"),
        ("a.json", LISTED.replace("STEP", "9" * 401), "--theta 0.1 --batch-size 8", "pilot = "),  # pandas 3.0 does not even read it
        ("a.json", LISTED.replace("STEP", '7, "alignment": {"a": 1}'), "--theta 0.1 --batch-size 8", "column alignment must hold numbers"),
        ("a.csv", "GOOD", "--theta 0.1 --batch-size 8 --method sgd", "method = 'sgd' has no use with rows that are no record"),
    ],
)
def test_files_that_lack_something(name: str, content: str, options: str, says: str, tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / name).write_text(HEAD + ROW if content == "GOOD" else content, encoding="utf-8")
    assert says in refusal(f"plan --pilot {tmp_path / name} --outcome test_loss {options}".split())


# --- refusals


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("plan --outcome test_loss", "the following arguments are required: --pilot"),
        (f"{PLAN}", "the following arguments are required: --outcome"),
        ("plan --pilot nowhere.parquet --outcome test_loss", "pilot = nowhere.parquet: no such file"),
        (f"{PLAN} --outcome loss", "outcome = 'loss' must be one of train_loss, grad2, test_loss, test_accuracy"),
        (f"plan --pilot {DIGITS} --outcome test_loss", "method is missing: the record must be told which, of sgd, lsr, tsla, shrink"),
        (f"plan --pilot {DIGITS} --outcome test_loss --method sgd", "seed is missing: the record must be told which, of 0, 1, 2"),
        (f"plan --pilot {DIGITS} --outcome test_loss --method adam --seed 0", "method = 'adam' must be one of the record's: sgd"),
        (f"plan --pilot {DIGITS} --outcome test_loss --method sgd --seed 99", "seed = 99 must be one of the record's: 0, 1"),
        (f"{PLAN} --outcome test_loss --theta 0", "theta = 0 must be a finite number above 0 and at most 1"),
        (f"{PLAN} --outcome test_loss --batch-size 0", "batch_size = 0 must be a whole number, at least 1"),
        (f"{PLAN} --outcome test_loss --epochs 10", "epochs = 10 must be at least those of the pilot, 20"),
        (f"{PLAN} --outcome test_loss --eta-L -1", "eta_L = -1 must be a finite number above 0"),
        (f"{PLAN} --outcome test_loss --eta 0.1", "eta = 0.1 must come with a pilot that measured eta_L"),
        (f"plan --pilot {DIGITS.with_name('stall.parquet')} --outcome test_loss", "has no column seed; must be a record that `tsla train"),
        (f"{PLAN} --outcome test_loss --steps 10", "which counts epochs; give epochs"),
    ],
)
def test_bad_input_is_one_line(argv: str, says: str, refusal: Refusal) -> None:
    assert says in refusal(argv.split())


def test_files_that_are_no_pilots(tmp_path: Path, refusal: Refusal) -> None:
    plain = rows((0, 5), {}, epochs=5)
    pd.DataFrame(plain).to_parquet(tmp_path / "stranger.parquet")
    (tmp_path / "text.parquet").write_text("no table\nat all", encoding="utf-8")
    records.write(tmp_path / "unmeasured.parquet", plain.assign(s2=np.nan), CONFIG, "")
    records.write(tmp_path / "interpolated.parquet", plain.assign(s2=plain["s2"].where(plain["epoch"] < 5, 0.0)), CONFIG, "")
    records.write(tmp_path / "diverged.parquet", plain.assign(train_loss=np.inf), CONFIG, "")
    records.write(tmp_path / "grid.parquet", pd.concat([plain, plain]), {"configs": [CONFIG, CONFIG | {"eta": 0.5}]}, "")
    records.write(tmp_path / "other.parquet", plain, {"name": "other"}, "")
    others = {"list": [1], "none": [None], "words": [CONFIG | {"method": []}], "seeds": [CONFIG | {"seed": "one"}]}
    for name, configs in others.items():
        records.write(tmp_path / f"{name}.parquet", plain, {"configs": configs}, "")
    short = {name: value for name, value in CONFIG.items() if name not in ("theta", "epochs")}
    records.write(tmp_path / "short.parquet", plain, short, "")
    for name, value in (("s2", "low"), ("eta_L", pd.Timestamp(0))):
        records.write(tmp_path / f"{name}.parquet", plain.assign(**{name: value}), CONFIG, "")
    for name, says in {
        "stranger": "theta and batch_size must be given",
        "text": "text.parquet can't be read as .parquet",
        "unmeasured": "the pilot has no moments; must have them at one epoch at least",
        "interpolated": "s2 must be above 0, but is not at epoch 5 of the pilot",
        "diverged": "the run of sgd, seed 0, diverged",
        "grid": "the pilot's record has 2 runs of method sgd and seed 0; must have one, as each file in runs/ of a sweep has",
        **dict.fromkeys(("other", "short", *others), "the pilot's record is of something else than training"),
        **{name: f"{name}.parquet: column {name} must hold numbers" for name in ("s2", "eta_L")},
    }.items():
        assert says in refusal(["plan", "--pilot", str(tmp_path / f"{name}.parquet"), "--outcome", "test_loss"])
