"""What the benchmark of the simulator says, and one run from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import simulate
from tests.benchmarks.harness import timing
from tests.benchmarks.simulate import Row, Setting

SETTING = Setting("sine_valley", 10, 2)


def rows(**seconds: float) -> list[Row]:
    return [Row(SETTING, name, calls=[timing.Call(seconds[name], 0.0)] if name in seconds else []) for name in simulate.CONTESTANTS]


def ends(lines: list[str]) -> list[str]:
    return [line.rsplit(": ", 1)[1] for line in lines]


def test_targets() -> None:
    assert ends(simulate.verdicts(rows(numbers=1.0, general=2.0, compiled=0.66, loop=67.0))) == ["holds"] * 3
    assert ends(simulate.verdicts(rows(numbers=1.0, general=2.1, compiled=0.67, loop=66.0))) == ["does not hold"] * 3
    assert all("not measured" in line for line in simulate.verdicts(rows(numbers=1.0)))


def test_another_law_is_seen_and_the_same_is_not() -> None:
    rng = np.random.default_rng(0)
    reference, same = rng.normal(1, 1, (2, 1000))
    assert simulate.disagreement(same, reference) == ""
    assert simulate.disagreement(None, reference) == ""
    assert simulate.disagreement(same + 0.4, reference).startswith("another law: mean ‖∇F‖² 1.")


@pytest.mark.parametrize("problem", ["sine_valley", "geman_mcclure"])
@pytest.mark.parametrize("name", ["compiled", "loop", "numpy", "numba", "torch", "jax"])
def test_contestants_run_the_same_law(problem: str, name: str) -> None:
    setting = Setting(problem, 10, 2, replicas=400)
    try:
        found = simulate.CONTESTANTS[name](setting, 40)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    general = simulate.CONTESTANTS["general"](setting, 40)
    assert simulate.disagreement(found, general) == ""
    assert simulate.disagreement(found, simulate.CONTESTANTS["general"](setting, 4)) != ""


def test_one_run_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(simulate, "CASES", (("geman_mcclure", 3),))
    names = ("numbers", "general", "loop", "compiled")
    monkeypatch.setattr(simulate, "CONTESTANTS", {name: simulate.CONTESTANTS[name] for name in names})
    assert simulate.main(["--rounds", "2", "--seconds", "0.01", "--replicas", "60", "--threads", "1", "--out", str(tmp_path)]) == 0
    content = json.loads((tmp_path / "simulate.json").read_text(encoding="utf-8"))
    for row in content["rows"]:
        assert len(row["calls"]) == 2 or row["problem"] == "numba is not installed"
    assert content["rows"][0]["ratio"]["median"] == 1
    assert (tmp_path / "simulate.md").read_text(encoding="utf-8").count("geman_mcclure") == 4 + 3
    assert "rate of general over numbers: " in capsys.readouterr().out
