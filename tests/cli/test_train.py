"""``tsla train``: options, a file of options, where it says that it runs, and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.cli.support import Refusal, Run, as_json
from tsla import cli
from tsla.empirics.models import checkpoints, networks
from tsla.empirics.runs import records
from tsla.empirics.training import processes
from tsla.empirics.training.configuration import TrainingConfig

SHORT = "--epochs 1 --train-size 40 --model mlp"
FILE = """
method = "lsr"
epochs = 2
eta = 1
train-size = 40
label-noise = 0.5
model = "mlp"
measure-at = [2]
augment = true
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(FILE, encoding="utf-8")
    return tmp_path / "run.toml"


def test_options_win_over_the_file_and_the_command_needs_no_file(file: Path, run: Run) -> None:
    run(f"train --config {file} --method tsla --eta 0.05 --no-augment --out first.parquet")
    record = records.read(Path("first.parquet"))
    asked = {"method": "tsla", "epochs": 2, "eta": 0.05, "drop": 1, "label_noise": 0.5, "measure_at": [2], "augment": False}
    assert {name: record.config[name] for name in asked} == asked
    assert "run.toml" not in record.command
    assert len(run(f"{record.command.removeprefix('tsla ')} --out again.parquet").splitlines()) == 1 + 4 + 1 + 4  # two blocks
    assert Path("again.parquet").read_bytes() == Path("first.parquet").read_bytes()


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("method = 'lsr'\nmeasure_at = [0]", "", "config = run.toml: measure_at = [0] must be spelled measure-at"),
        ("methud = 'lsr'", "", "config = run.toml: methud = 'lsr' is unknown here; must be one of method, seed, epochs"),
        ("method = 'lsr'\nepochs = 2.5", "", "epochs = 2.5 must be a whole number"),
        ("method = 'lsr'\nsmoothing = ['own']", "", "smoothing = ['own'] must be text"),
        ("method = lsr", "", "config = run.toml must be a TOML file"),
        ("epochs = 2", "", "the following arguments are required: --method"),
        ("method = 'sgd'", "--theta 0.1", "theta = 0.1 has no use with --method sgd; it goes with lsr, tsla, adaptive, shrink"),
        ("method = 'lsr'", "--augment --no-augment", "--augment and --no-augment exclude each other; must be one of them"),
        ("method = 'lsr'", "--no-compile --compile", "--no-compile and --compile exclude each other; must be one of them"),
        ("method = 'lsr'", "--config nowhere.toml", "--config is given twice; must be given once"),
        ("method = 'lsr'\nmeasure-at = []", "--live", "live has no use where no moments are measured"),
        ("method = 'lsr'", "--live .", "live = .: that is a folder; must be a file"),
        ("method = 'lsr'", "--watch --state run.state", "state = run.state must be left out with --watch"),
        ("method = 'lsr'", "--measure-at 0,x", "'x' is not a whole number"),
        ("method = 'lsr'", "--train-size some", "'some' is not a whole number"),
    ],
)
def test_refusals(content: str, options: str, says: str, refusal: Refusal) -> None:
    Path("run.toml").write_text(content, encoding="utf-8")
    assert says in refusal(f"train --config run.toml {options}".split())
    assert [path.name for path in Path().iterdir()] == ["run.toml"]


def test_a_configuration_that_is_not_there(refusal: Refusal) -> None:
    assert "config = nowhere.toml: no such file" in refusal(["train", "--config", "nowhere.toml"])


def test_a_state_of_another_run_is_one_line_as_well(tmp_path: Path, refusal: Refusal) -> None:
    torch.save({"identity": "another"}, tmp_path / "state")
    assert "it is another's" in refusal(f"train --method sgd {SHORT} --state {tmp_path / 'state'}".split())


def test_one_json_object_has_configuration_and_rows(tmp_path: Path, run: Run) -> None:
    out = run(f"train --method sgd {SHORT} --measure-at 1 --json --out {tmp_path / 'run.parquet'}")
    found, record = as_json(out), records.read(tmp_path / "run.parquet")
    assert found["config"] == record.config
    assert [row["s2"] is None for row in found["rows"]] == [True, False]
    assert pd.DataFrame(found["rows"]).equals(record.table)
    short = SHORT.replace("40", "16")
    overflowing = as_json(run(f"train --method sgd {short} --measure-at 1 --json --eta 3e19"))
    assert [row["s2"] for row in overflowing["rows"]] == [None, None]


def test_it_says_where_it_runs_and_how_far_it_is_and_writes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(f"train --method lsr {SHORT} --device cpu --precision bf16 --threads 2".split()) == 0
    said = capsys.readouterr().err
    assert "train: cpu (2 threads), bf16, 1 process\n" in said
    assert list(file.parent.iterdir()) == [file]
    for word in ("train: 2/2", "loss ", "test accuracy ", "step size 0.1", "theta 0.3", "delta "):
        assert word in said.splitlines()[-1]


def test_a_run_that_is_watched_or_has_a_state_trains_the_same(tmp_path: Path, run: Run) -> None:
    for name, option in (("plain", ""), ("watched", "--watch"), ("kept", f"--state {tmp_path / 'state'}")):
        run(f"train --method tsla {SHORT} {option} --out {tmp_path / name}.parquet")
    plain, watched, kept = (records.read(tmp_path / f"{name}.parquet").table for name in ("plain", "watched", "kept"))
    pd.testing.assert_frame_equal(plain, kept, check_exact=True)
    assert not (tmp_path / "state").exists()
    assert (plain["train_loss"] == watched["train_loss"]).all()
    assert {"L_power", "eta_L", "pl_ratio"} <= set(watched) - set(plain)


def test_a_run_that_is_shown_live_trains_the_same(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    plain = run(f"train --method lsr {SHORT}")
    assert cli.main(f"train --method lsr {SHORT} --live {tmp_path / 'live.html'}".split()) == 0
    out, err = capsys.readouterr()
    assert out == plain
    assert [line.split(":")[0] for line in err.splitlines()] == ["train", "epoch 0", "epoch 1"]
    assert "<pre>epoch 1\n" in (tmp_path / "live.html").read_text(encoding="utf-8")


def test_the_checkpoint_builds_its_network(tmp_path: Path, run: Run) -> None:
    run(f"train --method sgd --epochs 1 --train-size 16 --measure-at 1 --norm batch --checkpoint {tmp_path / 'run.pt'}")
    found = checkpoints.read(tmp_path / "run.pt")
    assert found.network == {"name": "resnet8", "shape": (1, 8, 8), "classes": 10, "norm": "batch"}
    assert found.training is not None
    assert TrainingConfig.of_flat(found.training).norm == "batch"
    model, inputs = checkpoints.build(found), torch.rand(2, 1, 8, 8)
    expected = networks.build("resnet8", shape=(1, 8, 8), classes=10, norm="batch")
    expected.load_state_dict(dict(found.state))
    assert torch.equal(model.eval()(inputs), expected.eval()(inputs))


def test_only_the_first_process_speaks_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processes, "rank", lambda: 1)
    assert cli.main(f"train --method sgd {SHORT} --out {tmp_path / 'run.parquet'} --checkpoint {tmp_path / 'run.pt'}".split()) == 0
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
