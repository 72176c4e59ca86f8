"""What is run, what is said of it, and one run from end to end."""

import json
import os
from pathlib import Path

import pytest
import torch

from tests.benchmarks import moments
from tests.benchmarks.harness import networks, peers, report, timing
from tests.benchmarks.harness.competitor import MEMORY_KEPT, Contestant, Setting, memory_of_one_call
from tests.benchmarks.harness.report import HEADLINE, Case, Report, Row
from tsla.empirics.moments.full_batch import gradient_moments


def _row(name: str, seconds: float, *, case: Case | None = None, memory: int = 100) -> Row:
    return Row(case or Case(*HEADLINE), name, memory=memory, calls=[timing.Call(seconds, 0.0)])


def _report(*rows: Row) -> Report:
    for case in {row.case for row in rows}:
        report.relate([row for row in rows if row.case == case])
    return Report({}, list(rows))


def test_options_say_which_cases_are_run() -> None:
    cases = moments.cases_of(moments.parse([]))
    assert [case.batch for case in cases if case.network == "resnet18"] == [64, 64, 64, 8, 256]
    assert cases[0].contestants == ("floor", "tsla", "loop", "torch.func", "opacus", "backpack", "torchjd")
    assert [case.variant for case in cases[1:4]] == ["channels_last", "memory kept", ""]
    assert (cases[-1].network, cases[-1].batch) == moments.TEXT
    assert len(cases) == 15
    quick = moments.cases_of(moments.parse(["--quick"]))
    assert [(case.network, case.batch, case.variant) for case in quick] == [(*HEADLINE, ""), (*HEADLINE, "memory kept")]
    cases = moments.cases_of(moments.parse(["--device", "cuda"]))
    assert cases[0].contestants == tuple(peers.CONTESTANTS)
    assert cases[2].variant == "bf16"
    cases = moments.cases_of(moments.parse(["--networks", "small-cnn", "--batches", "8", "--contestants", "torchjd"]))
    assert cases == [Case("small-cnn", 8, contestants=("floor", "torchjd"))]


def test_targets() -> None:
    rows = [_row("floor", 1.0), _row("tsla", 1.1, memory=120), _row("loop", 3.0), _row("torch.func", 4.0), _row("opacus", 3.3)]
    assert [line.rsplit(": ", 1)[1] for line in _report(*rows).verdicts()[:5]] == ["holds"] * 5
    other = Case("small-cnn", 8)
    rows = [_row("floor", 1.0), _row("tsla", 1.2, memory=140), _row("torch.func", 3.0), _row("opacus", 9.0)]
    slower = [_row("floor", 1.0, case=other), _row("tsla", 2.0, case=other), _row("loop", 1.9, case=other)]
    verdicts = _report(*rows, *slower).verdicts()
    assert [line.rsplit(": ", 1)[1] for line in verdicts[:5]] == ["does not hold"] * 5
    assert [line.split(": ")[1].partition(" cases")[0] for line in verdicts[5:]] == ["0 of 2", "1 of 1", "1 of 2"]
    assert all("not measured" in line for line in Report({}).verdicts()[:5])


def test_the_grid_has_a_row_a_case_beside_the_best_peer() -> None:
    other = Case("small-cnn", 8)
    rows = [_row("floor", 1.0), _row("tsla", 1.2, memory=140), _row("torch.func", 6.0), _row("opacus", 3.0), _row("loop", 9.0)]
    alone = [_row("floor", 2.0, case=other), _row("tsla", 2.0, case=other)]
    _, _, first, second = (line.strip("| ").split(" | ") for line in _report(*rows, *alone).grid().splitlines())
    assert first == ["resnet18, batch 64", "1.20", "opacus", "2.50", "7.50", "1.40"]
    assert [cell.strip() for cell in " | ".join(second).split("|")] == ["small-cnn, batch 8", "1.00", "", "", "", "1.00"]


def test_a_library_that_is_missing_or_refuses_is_a_line_of_the_table() -> None:
    assert moments.reason(ModuleNotFoundError("No module named 'opacus'", name="opacus")) == "opacus is not installed"
    row = Row(Case("vit-tiny", 8), "backpack", problem=moments.reason(RuntimeError("a | b\nand more")))
    assert row.cells()[:3] == ("vit-tiny, batch 8", "backpack", "RuntimeError: a | b")


def test_one_run_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "memory_of_one_call", lambda *_: 2**20)  # a process of its own takes seconds
    options = ["--networks", "small-cnn", "--batches", "4", "--contestants", "tsla", "--rounds", "2", "--out", str(tmp_path)]
    assert moments.main(options) == 0
    content = json.loads((tmp_path / "moments.json").read_text(encoding="utf-8"))
    assert [(row["contestant"], row["problem"], len(row["calls"])) for row in content["rows"]] == [("floor", "", 2), ("tsla", "", 2)]
    assert content["precision"]["small-cnn"]["norms, worst"] < 1e-4
    assert "| small-cnn, batch 4 | tsla |" in (tmp_path / "moments.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moments.json", "moments.md"]


def test_memory_is_that_of_a_fresh_process() -> None:
    found = memory_of_one_call(Setting("small-cnn", 8, "", "cpu", seed=0), "floor", peers.CONTESTANTS["floor"][0].label)
    assert 2**20 < (found or 0) < 2**28


def test_a_contestant_runs_in_a_process_of_its_own_with_the_memory_of_its_variant() -> None:
    before = dict(os.environ)
    with Contestant(Setting("small-cnn", 4, "memory kept", "cpu", seed=0), "tsla") as contestant:
        way, found = contestant.prepare()
        environment = contestant._pool.submit(os.getenv, "MALLOC_TRIM_THRESHOLD_").result()
        threads = contestant._pool.submit(torch.get_num_threads).result()
        assert contestant.seconds() > 0
    assert (way, environment, dict(os.environ)) == (peers.CONTESTANTS["tsla"][0].label, MEMORY_KEPT["MALLOC_TRIM_THRESHOLD_"], before)
    assert threads == torch.get_num_threads()
    model, inputs, labels = networks.build("small-cnn", 4, 0)
    assert found is not None
    assert found.s2 == pytest.approx(gradient_moments(model, inputs, labels).s2, rel=1e-5)
