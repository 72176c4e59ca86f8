"""The instruments are those of the moments, and the sentence says no more than their intervals."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.empirics.moments.support import data, mlp
from tests.refusals import refusals
from tsla.empirics.moments.estimators import Estimates
from tsla.empirics.moments.estimators.groups import FROM_BASICS
from tsla.empirics.moments.estimators.spread import EXACT
from tsla.empirics.moments.live import NEARLY_ALL, Instruments, Live, drawn, instruments, sentence
from tsla.empirics.moments.monitor import MomentsMonitor
from tsla.empirics.statistics.intervals import IntervalOf
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

Ends = tuple[float, float, float]


MOMENTS = Moments(grad2=0.5, s2=4.0, shat2=0.51, c=0.5, beta2=0.01, nu2=0.5)


def are_those_of_the_theory(found: Callable[[Moments, float, int], Instruments]) -> None:
    for theta, B in ((0.1, 16), (1.0, 64)):
        m, known = MOMENTS.at_batch_size(B), found(MOMENTS, theta, B)
        expected = {
            "δ": m.delta,
            "variance": m.second_moment(theta) / m.s2,
            "  smaller step": ((1 - theta) ** 2 * m.s2 + theta**2 * m.grad2) / m.s2,
            "  less": m.beyond(theta) / m.s2,
            "B_c": MOMENTS.critical_batch_size(theta),
        }
        assert {name: of.estimate for name, of in known.items()} == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda moments, theta, B: instruments(moments, theta, 1),
        lambda moments, theta, B: instruments(replace(moments, grad2=0.0), theta, B),  # a control without bias
    ],
)
def test_instruments(wrong: Callable[[Moments, float, int], Instruments], rejects: Rejects) -> None:
    rejects(are_those_of_the_theory, right=instruments, wrong=wrong)


def says_no_more_than_the_intervals(said: Callable[[IntervalOf[float], IntervalOf[float]], str]) -> None:
    generator = np.random.default_rng(0)
    for _ in range(500):
        (low, value, high), (less, between, more) = np.sort(generator.normal(scale=0.2, size=(2, 3)))
        variance, beyond = IntervalOf(1 + value, 1 + low, 1 + high), IntervalOf(between, less, more)
        text = said(variance, beyond)
        assert ("lowers the variance now" in text and "Whether smoothing" not in text) == (high < 0)
        assert ("raises the variance" in text) == (low > 0)
        assert ("lowers it more" in text) == (high < 0 < less)
        assert ("does as well." in text) == (high < 0 and NEARLY_ALL * high <= less <= 0)
        assert "by more than" not in text or more < 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda variance, beyond: sentence(IntervalOf(*[variance.estimate] * 3), beyond, trusted=True),
        lambda variance, beyond: sentence(variance, IntervalOf(-beyond.estimate, -beyond.high, -beyond.low), trusted=True),
    ],
    ids=["no interval", "the other sign"],
)
def test_the_sentence(wrong: Callable[..., str], rejects: Rejects) -> None:
    rejects(says_no_more_than_the_intervals, right=lambda variance, beyond: sentence(variance, beyond, trusted=True), wrong=wrong)


@pytest.mark.parametrize(
    ("variance", "beyond", "says"),
    [
        ((0.5, 0.4, 1.0), (-0.3, -0.5, -0.1), "Whether smoothing lowers the variance now is open."),
        ((1.5, 1.0, 2.0), (-0.3, -0.5, -0.1), "Whether smoothing lowers the variance now is open."),
        ((0.5, 0.4, 0.6), (-0.3, -0.5, 0.0), "Smoothing lowers the variance now. Whether a smaller step does as well is open."),
        ((0.5, 0.4, 0.6), (0.3, 0.0, 0.5), "Smoothing lowers the variance now, but a smaller step does as well."),
    ],
)
def test_an_interval_that_ends_at_the_limit_establishes_nothing(variance: Ends, beyond: Ends, says: str) -> None:
    assert sentence(IntervalOf(*variance), IntervalOf(*beyond), trusted=True) == says


def test_a_critical_batch_size_of_0_is_none(tmp_path: Path) -> None:
    """Smoothing that adds bias and leaves the noise as it is helps in no batch."""
    Live(page=tmp_path / "live.html").update(0, replace(MOMENTS, c=4.0, nu2=4.0, shat2=4.01))
    assert "  B_c             none" in (tmp_path / "live.html").read_text(encoding="utf-8")


NOTHING = Moments(grad2=0.0, s2=0.0, shat2=0.0, c=0.0, beta2=0.0, nu2=0.0)


@pytest.mark.parametrize(
    ("moments", "says"),
    [
        (NOTHING, "There is no variance to lower."),
        (replace(NOTHING, shat2=1.0, nu2=1.0), "There is no variance to lower."),
        (Estimates(NOTHING, NOTHING, 16, EXACT, FROM_BASICS), "Whether smoothing lowers the variance now is open."),
        (replace(MOMENTS, s2=40.0), "Smoothing lowers the variance now, but a smaller step lowers it more."),
    ],
    ids=["nothing", "noise of smoothing alone", "nothing in those measured", "some"],
)
def test_without_variance_smoothing_lowers_and_raises_none(
    moments: Moments | Estimates, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Live().update(0, moments)
    assert capsys.readouterr().err == f"step 0: {says}\n"
    assert instruments(NOTHING, 0.1, 16)["δ"].estimate == 0


def test_history_is_drawn() -> None:
    assert drawn([0, 1, nan, 7, inf]) == "▁▂·█·"
    assert drawn([2.0, 2.0]) == "▁▁"


def test_a_monitor_shows_what_it_measures_and_measures_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a page; the rows are those of a monitor without a view."""
    page, rows = tmp_path / "live.html", []
    for live in (None, Live(theta=0.3, batch_size=8, page=page)):
        monitor = MomentsMonitor(mlp(), data(), every=2, examples=32, microbatch=2, live=live)
        for loss in (2.0, torch.tensor(1.5), 1.25):
            monitor.step(loss)
        rows.append([{name: value for name, value in row.items() if name != "seconds"} for row in monitor.rows])
    assert rows[0] == rows[1]
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["step 0", "step 2"]
    text = page.read_text(encoding="utf-8")
    assert all(len(line) <= 80 for line in text.split("<pre>")[1].splitlines())
    (loss,) = [line.split() for line in text.splitlines() if line.startswith("  loss")]
    assert loss == ["loss", "1.25", "█▁"]
    m = monitor.latest
    assert m is not None
    delta = m.interval(lambda m: m.at_batch_size(8).shat2, over=lambda m: m.at_batch_size(8).s2)
    assert f"δ of 8          {delta.estimate:.3g} [{delta.low:.3g}, {delta.high:.3g}]" in text
    assert "smoothed, theta = 0.3" in text


def test_a_view_that_fails_ends_nothing() -> None:
    monitor = MomentsMonitor(mlp(), data(), every=1, examples=32, live=True)
    with pytest.warns(UserWarning, match="MomentsMonitor shows nothing more: .*could not convert"):
        monitor.step("no number")  # type: ignore[arg-type]
    monitor.step("no number")  # type: ignore[arg-type]
    assert len(monitor.rows) == 2


def test_few_groups_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for microbatch, few in ((2, False), (3, True)):  # 16 groups of 32 examples, or 11
        MomentsMonitor(mlp(), data(), every=1, examples=32, microbatch=microbatch, live=True).step()
        assert (capsys.readouterr().err == "step 0: Too few examples were measured to say anything.\n") == few


test_refusals = refusals(
    operator.call,
    (lambda: MomentsMonitor(mlp(), data(), live=3), "live = 3 must be True, the path of a page, or a Live"),
    (lambda: MomentsMonitor(mlp(), data(), live="."), "live = .: that is a folder; must be a file"),
    (lambda: Live(theta=0), "theta = 0 must be"),
)
