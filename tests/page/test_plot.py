"""Numbers as a reader writes them, and axes: what every chart of the page stands on."""

from __future__ import annotations

from math import asinh

import pytest

from tests.page.conftest import Runs
from tsla.figures.page import article
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import Json

PLOT = (article.HERE / "plot.js").read_text(encoding="utf-8")
SHOWN = {
    0: "0", 0.123456: "0.123", -12.345: "-12.3", 999.6: "1000", 1234.5: "1,235", 9999999: "9,999,999", 1e7: "10⁷", -2.54e8: "-2.5·10⁸",
    0.001: "0.001", 0.00025: "2.5·10⁻⁴",
}  # fmt: skip
TICKS: list[tuple[Json, int, list[float]]] = [
    ({"domain": [0, 1.6]}, 5, [0, 0.5, 1, 1.5]),
    ({"domain": [-3.1, 3.1]}, 5, [-2, 0, 2]),
    ({"kind": "log", "domain": [1e-4, 1]}, 5, [1e-4, 1e-3, 1e-2, 0.1, 1]),
    ({"kind": "log", "domain": [1, 1e8]}, 5, [1, 100, 1e4, 1e6, 1e8]),
]


def has_numbers_and_axes(node: Runs, script: str) -> None:
    given = [*SHOWN]
    assert node(script, "(given) => given.map((one) => shown(one))", given) == [*SHOWN.values()]
    assert node(script, "(given) => given.map(([axis, most]) => ticks(axis, most))", [case[:2] for case in TICKS]) == [
        pytest.approx(marks) for *_, marks in TICKS
    ]
    axes = [{"domain": [0, 2]}, {"kind": "log", "domain": [1, 100]}, {"kind": "asinh", "domain": [-5, 5], "unit": 0.5}]
    at = node(script, "(axes) => axes.map((axis) => [...axis.domain, 1].map(scaled(axis, [100, 300])))", axes)
    assert at == [pytest.approx(places) for places in ([100, 300, 200], [100, 300, 100], [100, 300, 200 + 100 * asinh(2) / asinh(10)])]
    assert node(script, "(heights) => apart(heights, 10, 100)", [50, 52, 99, 98, 0]) == [50, 60, 100, 90, 0]


@pytest.mark.parametrize(
    "wrong",
    [("Math.max(digits - 2, 0)", "0"), ("(to(x / unit) - low)", "(to(x) - low)"), ("10 ** (first + i * step)", "10 ** (first + i)")],
)
def test_numbers_and_axes_are_as_a_reader_writes_them(node: Runs, wrong: tuple[str, str], rejects: Rejects) -> None:
    assert wrong[0] in PLOT
    rejects(lambda script: has_numbers_and_axes(node, script), right=PLOT, wrong=PLOT.replace(*wrong))
