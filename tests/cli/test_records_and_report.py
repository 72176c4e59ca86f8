"""The command line: what it prints, in which form, and that bad input is one line that says what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from argparse import SUPPRESS
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.support import Bad, Refusal, Refused, Run, as_json, ends
from tests.figures.miniature import write_miniature_live, write_miniature_records
from tsla import cli
from tsla.empirics.experiments import live
from tsla.empirics.runs import records
from tsla.figures import gallery, paper_checks
from tsla.figures.evidence import EVIDENCE, Evidence
from tsla.figures.gallery import slack
from tsla.figures.page import article
from tsla.options import Parser
from tsla.theory.text import number

CONSOLE_SCRIPT = str(Path(sys.executable).with_name("tsla"))


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (ends(["--version"]), capsys.readouterr().out) == (0, f"tsla {project['version']}\n")


# --- refusals: those of the calculators are in test_theory

BAD = [
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "-1"}, ("eps = -1 ", "above 0")),
    Bad("simulate", {"problem": "stall", "method": "tsla", "eps": "0.5", "delta": "-1"}, ("delta = -1 ", "at least 0")),
    Bad("simulate", {"problem": "stall", "method": "lsr", "eps": "0.1"}, ("eps = 0.1", "out of reach for lsr", "floor is 0.18")),
    Bad("simulate", {"problem": "cosine", "method": "tsla", "eps": "0.5"}, ("has no mu (A4)", "tsla needs")),
    Bad("train", {"method": "sgd", "eta": "-1"}, ("eta = -1", "above 0")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "0.5", "seeds": "2.5"}, ("--seeds", "'2.5'", "not a whole number")),
    Bad("simulate", {"problem": "stall", "method": "adam", "eps": "0.5"}, ("--method", "'adam'", "sgd-two-step")),
    Bad("simulate", {"problem": "nowhere", "method": "sgd", "eps": "0.5"}, ("--problem: 'nowhere' is unknown", "cosine", "stall")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "0.5", "seed": "-1"}, ("seed = -1 ", "at least 0")),
    Bad("simulate", {"problem": "stall", "method": "sgd", "eps": "0.5", "seeds": "1"}, ("seeds = 1 ", "at least 2")),
    Bad("train", {"method": "sgd", "seed": "²"}, ("--seed", "'²' is not a whole number")),
    Bad("optimise", {}, ("COMMAND", "'optimise'", "bound", "report")),
    Bad("bond", {}, ("COMMAND", "'bond'", "did you mean bound?")),
    Bad("--bond", {}, ("unknown argument --bond", "allowed: --help --print-completion --version")),
    Bad("records rate", {}, ("'rate'", "digits, regimes, rates, stall, measured_rates, annealed, power_of_tests")),
    Bad("figures regime", {}, ("figure = 'regime' is unknown; did you mean regimes?",)),
    Bad("figures nothing", {}, ("figure = 'nothing' is unknown; must be one of best_drop, ", "variance_against_theta")),
    Bad("figures", {"format": "jpg"}, ("format = 'jpg'", "svg, png, pdf")),
    Bad("figures", {"records": "nowhere"}, ("records = nowhere", "no such folder")),
    Bad("power nowhere.parquet", {}, ("record = nowhere.parquet", "no such file")),
    Bad("envelope nowhere.parquet", {"eta": "0.1", "T": "1"}, ("record = nowhere.parquet", "no such file")),
    Bad("envelope records/digits.parquet", {"eta": "0.1", "T": "1"}, ("L is missing", "--curvature", "--L must be given")),
    Bad("envelope records/digits.parquet", {"eta": "0.1"}, ("required: --T",)),
    Bad("envelope records/digits.parquet", {"eta": "0.1", "T": "1", "where": "sgd"}, ("where = 'sgd' must be NAME=VALUE",)),
    Bad("simulate", {"problem": "stall", "method": "sgd"}, ("eps = None and T = None", "exactly one")),
    Bad("check C99", {}, ("'C99'", "C1, C2")),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input_is_refused_in_one_line_that_says_what_is_wrong(bad: Bad, refused: Refused) -> None:
    refused(bad)


# --- the console script


def script(command: str) -> tuple[int, str, str]:
    done = subprocess.run([CONSOLE_SCRIPT, *command.split()], check=False, capture_output=True, text=True)  # noqa: S603 - our own
    return done.returncode, done.stdout, done.stderr


def test_the_script_does_what_main_does(run: Run) -> None:
    answered = "steps tsla --L 10 --mu 1 --F0 1 --sigma2 1 --delta 0.1 --eps 0.1 --json"
    assert script(answered) == (0, run(answered), "")
    refused = "tsla bound sgd: eta = 0.2 is larger than 1/L = 0.1; C4 needs 0 < eta <= 1/L\n"
    assert script("bound sgd --L 10 --sigma2 1 --F0 1 --eta 0.2 --T 10") == (2, "", refused)


@pytest.mark.parametrize("command", ["check", "check C5", "report", "records", "records stall", "figures"])
def test_a_command_outside_a_checkout_says_so_before_it_does_anything(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Refusal
) -> None:
    monkeypatch.chdir(tmp_path)
    assert re.search("is not here; .*: call it in a checkout of the repository$", refusal(command.split()))
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_defaults_that_hold() -> None:
    told = []
    for modules in cli.COMMANDS.values():
        import_module(modules[-1]).add(parser := Parser())
        for action in (action for action in parser._actions if action.default != SUPPRESS):
            told += [(number, str(parser.get_default(action.dest))) for number in re.findall(r"\(default ([\d.]+)\)", action.help or "")]
    assert len(told) > 6
    assert all(said == true for said, true in told)


# --- runs


def test_simulate(run: Run) -> None:
    found = as_json(run("simulate --problem stall --method tsla --eps 0.5 --seeds 20 --seed 3 --json"))
    numbers = {"eps", "samples", "bound", "measured", "low", "high", "replicas", "seed"}
    assert set(found) == {"problem", "method", "claim", "assumptions", "violations", "verdict"} | numbers
    assert (found["samples"], found["bound"], found["replicas"], found["seed"]) == (28, 0.25, 20, 3)
    assert found["low"] < found["measured"] < found["high"]
    table = run("simulate --problem stall --method tsla --eps 0.5 --seeds 20 --seed 3")
    head, *lines = table.splitlines()
    assert head.startswith("tsla on stall: ")
    rows = dict(line.split(maxsplit=1) for line in lines)
    assert (
        " ".join(rows["measured"].split())
        == f"{number(found['measured'])} {number(found['low'])} to {number(found['high'])}, 95 % interval"
    )
    assert (rows["samples"].split()[0], rows["bound"].split()[0], rows["violations"]) == ("28", "0.25", "none")
    assert lines[-1] == f"  the bound: {found['verdict']}"
    assert found["verdict"] == "held"


def test_simulate_writes_its_checkpoints_and_what_holds_of_the_assumptions_there(run: Run, tmp_path: Path) -> None:
    run(f"simulate --problem sine_valley --method sgd --T 500 --seeds 20 --out {tmp_path / 'run.parquet'}")
    record = records.read(tmp_path / "run.parquet")
    assert record.config["T"] == 500
    assert {"step", "grad2", "gap", "mean_grad2", "L_power", "delta", "pl_ratio"} <= set(record.table)
    assert (record.table["step"].iloc[0], record.table["L_power"].max() <= 8 * (1 + 1e-6)) == (0, True)


def test_simulate_looks_at_the_assumptions_along_a_run_of_its_seed(run: Run, tmp_path: Path) -> None:
    for seed in (3, 4):
        run(f"simulate --problem sine_valley --method sgd --T 500 --seeds 2 --seed {seed} --out {tmp_path / str(seed)}")
    first, second = (records.read(tmp_path / str(seed)).table["pl_ratio"].dropna() for seed in (3, 4))
    assert first.iloc[0] == second.iloc[0]
    assert (first.iloc[1:] != second.iloc[1:]).all()


def test_power(run: Run, tmp_path: Path) -> None:
    rows = [{"method": m, "seed": s, "loss": s + (m == "b") * (0.5 + 0.1 * (-1) ** s)} for m in "ab" for s in range(6)]
    records.write(tmp_path / "pilot.parquet", pd.DataFrame(rows), {}, "")
    found = as_json(run(f"power {tmp_path / 'pilot.parquet'} --a b --b a --column loss --json"))
    assert found["level"] == 0.05
    assert "seeds" in str(found)


@pytest.mark.parametrize("start", ["--json --a b --b a --column loss --", "--a b --b a --column loss --json --"])
def test_options_end_where_it_is_said(start: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"method": m, "seed": s, "loss": s + (m == "b") * (0.5 + 0.1 * (-1) ** s)} for m in "ab" for s in range(6)]
    records.write(Path("-d.parquet"), pd.DataFrame(rows), {}, "")
    assert as_json(run(f"power {start} -d.parquet"))["pilot_seeds"] == 6


def test_a_switch_takes_no_value(refusal: Refusal) -> None:
    assert "unknown argument -x; allowed: --F0" in refusal(["bound", "sgd", "--L", "1", "--json", "-x"])


def test_envelope(run: Run, tmp_path: Path) -> None:
    """s² = 2(F-F*) + 3‖∇F‖² + 4 at batches of 2, on two runs of which one is kept; L is 5 at the steepest point."""
    gap, grad2 = np.array([2.0, 1.0, 0.5, 0.1]), np.array([0.1, 4.0, 1.0, 0.0])
    rows = {"seed": 0, "epoch": range(4), "eta": 0.5, "eta_L": [1.0, 2.5, 1.0, 0.5], "train_loss": gap, "grad2": grad2}
    kept = pd.DataFrame(rows | {"s2": 2 * (2 * gap + 3 * grad2 + 4)})
    records.write(tmp_path / "runs.parquet", pd.concat([kept, kept.assign(seed=1, s2=1e6)]), {}, "")
    command = f"envelope {tmp_path / 'runs.parquet'} --where seed=0 --batch-size 2 --eta 0.001 --T 100000"
    found = as_json(run(f"{command} --json"))
    assert (found["points"], found["L"], found["F0"], found["sigma2"]) == (4, 5, 2, pytest.approx(18))
    assert (2 * found["A"] * gap + found["B"] * grad2 + found["C"] >= (2 * gap + 3 * grad2 + 4) * (1 - 1e-12)).all()
    assert found["bound"]["total"] < found["constant"]["total"]
    table = run(command)
    assert all(
        words in " ".join(table.split())
        for words in ("at the 4 points that were measured", "(C20;", "(C16)", "It proves nothing of other weights")
    )


def test_figures_and_a_foreign_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: Refusal) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records").mkdir()
    assert "study_tuning.parquet does not exist; `tsla records study_tuning` makes it" in refusal(["figures"])
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "records" / "study_tuning.parquet")
    assert "study_tuning.parquet is not a record of tsla" in refusal(["figures"])


def test_figures_are_drawn_by_name_from_records_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """Outside a checkout too."""
    source = Path("records").resolve()
    monkeypatch.chdir(tmp_path)
    assert run(f"figures critical_batch --records {source} --out here --format png").split() == [
        "here/critical_batch.png",
        "here/critical_batch.csv",
    ]
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["critical_batch.csv", "critical_batch.png"]


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal(["figures", "--out", str(tmp_path / "file" / "figures")])


def blank_page(source: Path, fresh: Path, figures: Path, evidence: Sequence[Evidence], out: Path) -> Path:
    """In place of the article."""
    assert (fresh / "plans.parquet").exists()
    assert (figures / "live.svg").exists()
    out.write_text(f"{[row['passed'] for row in evidence]} of {source}", encoding="utf-8")
    return out


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes the current folder one with records and evidence. What is run, and the page, are stood in for; one figure is its gallery."""

    def make(*, passed: bool, current: bool) -> Path:
        monkeypatch.chdir(tmp_path)
        write_miniature_records(tmp_path / "records")
        paper_checks.write([{"id": "C5", "kind": "property", "planted": False, "test": "t", "passed": passed}])
        monkeypatch.setattr(gallery, "modules", lambda: {"slack": slack})
        monkeypatch.setattr(live, "run", write_miniature_live)
        monkeypatch.setattr(live, "check", lambda *_: current)
        monkeypatch.setattr(article, "write", blank_page)
        return tmp_path / "build" / "report" / "index.html"

    return make


@pytest.mark.parametrize(("passed", "current"), [(True, True), (False, True), (True, False)])
def test_the_report_is_written_whatever_it_says(
    passed: bool, current: bool, checkout: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A test that failed and a record that is not current end in exit code 1."""
    page = checkout(passed=passed, current=current)
    assert cli.main(["report"]) == 1 - (passed and current)
    assert capsys.readouterr().out == "build/report/index.html\n"
    assert page.read_text(encoding="utf-8") == f"[{passed}] of records"


def test_the_report_says_where_paper_checks_is_not_what_the_evidence_says(
    checkout: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout(passed=True, current=True)
    wanted = paper_checks.PAPER_CHECKS.read_text(encoding="utf-8")
    paper_checks.PAPER_CHECKS.write_text(wanted.replace("instances", "refuted"), encoding="utf-8")
    assert cli.main(["report"]) == 1
    assert "paper_checks.md did not say what records/evidence.json says; written anew" in capsys.readouterr().out
    assert paper_checks.PAPER_CHECKS.read_text(encoding="utf-8") == wanted


def test_the_page_alone_is_made_of_the_last_runs(checkout: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, refusal: Refusal) -> None:
    page = checkout(passed=True, current=True)
    assert "build/report/figures/slack.svg does not exist, of which --page is made; `tsla report` makes it" in refusal(["report", "--page"])
    assert not page.parent.exists()
    assert cli.main(["report"]) == 0
    page.unlink()
    monkeypatch.setattr(live, "run", lambda _: 1 / 0)
    assert cli.main(["report", "--page"]) == 0
    assert page.exists()


def test_the_report_of_ones_own_records(checkout: Callable[..., Path], refusal: Refusal, tmp_path: Path) -> None:
    page = checkout(passed=True, current=True)
    checks = paper_checks.PAPER_CHECKS.read_text(encoding="utf-8")
    (tmp_path / "records").rename(tmp_path / "mine")
    assert "records = nowhere: no such folder" in refusal(["report", "--records", "nowhere"])
    assert cli.main(["report", "--records", "mine"]) == 0
    assert page.read_text(encoding="utf-8") == "[True] of mine"
    assert paper_checks.PAPER_CHECKS.read_text(encoding="utf-8") == checks


def test_the_report_asks_for_the_evidence_before_it_runs_anything(checkout: Callable[..., Path], refusal: Refusal) -> None:
    page = checkout(passed=True, current=True)
    EVIDENCE.unlink()
    assert "records/evidence.json does not exist; `tsla check` makes it" in refusal(["report"])
    assert not page.parent.exists()
