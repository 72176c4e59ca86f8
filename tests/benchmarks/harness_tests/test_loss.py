"""The benchmark's table and verdict, on ratios made up; and one short run, whose times say nothing."""

import pytest

from tests.benchmarks import loss
from tests.benchmarks.harness.timing import Spread


@pytest.mark.parametrize(("ratios", "verdict"), [((1.0, 1.05), "Met."), ((1.0, 1.051), "Not met.")])
def test_the_verdict_is_on_the_worst_median(ratios: tuple[float, ...], verdict: str) -> None:
    rows = [loss.Row((64, 10), 12.34, Spread(ratio, 0.9, 1.2, 7, 2)) for ratio in ratios]
    text = loss.table(rows, 9)
    assert text.endswith(f"Target: at most 1.05 times torch's own time. {verdict}\n")
    assert f"| 64 × 10 | 12.3 | {ratios[0]:.3f} (0.900 to 1.200) | 7, 2 |" in text


def test_it_shows_when_no_round_was_clean() -> None:
    assert loss.Row((64, 10), 12.34, Spread(1.0, 0.9, 1.2, 0, 9)).cells() == ("64 × 10", "12.3", "~1.000 (0.900 to 1.200)", "0, 9")


def test_a_short_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(loss, "SHAPES", ((4, 3),))
    assert loss.main(["--rounds", "2", "--seconds", "0.001"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| 4 × 3"))
    median = float(row.split("|")[3].split()[0].removeprefix("~"))
    assert 0 < median < 100
