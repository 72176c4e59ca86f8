"""Every interval and every test is in the table, with a rate that its record keeps; the wrong unit is rejected by the same check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsla.empirics.experiments.error_rates import examples, experiment, grid, replicas, seeds, sweeps
from tsla.empirics.experiments.error_rates.elsewhere import ELSEWHERE
from tsla.empirics.experiments.error_rates.laws import LAWS
from tsla.empirics.experiments.error_rates.rate import Rate
from tsla.empirics.experiments.error_rates.rates import RATES
from tsla.empirics.experiments.error_rates.trial import Trial
from tsla.empirics.experiments.study.findings import Finding, finding
from tsla.empirics.experiments.study.verdicts import PRIMARY
from tsla.empirics.runs import records
from tsla.theory.testing.planted import Rejects

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def record() -> pd.DataFrame:
    return records.read(ROOT / "records" / "error_rates.parquet").table


# --- whatever makes an interval or a p-value is in the table

RETURNED = re.compile(r"\b(Interval|IntervalOf|Estimates?|Need|Instruments)\b")
CRITICAL = {"ppf", "isf", "sf", "cdf", "quantile", "percentile", "proportion_ci", "binomtest", "ttest_1samp", "ttest_rel", "logsumexp"}
"""What gives the critical values of an interval or a test."""
METHODS = {"interval", "quantity", "refutes", "p_values"}
"""Of an object or a module."""
MAKERS = {
    **dict.fromkeys(("student_t", "paired", "paired_p_value", "holm", "share"), "empirics.statistics.intervals"),
    **dict.fromkeys(("p_values", "refutes"), "empirics.statistics.betting"),
    **dict.fromkeys(("need", "sd_interval"), "empirics.statistics.power"),
    **dict.fromkeys(("percentiles", "exponent"), "empirics.experiments.rates.samples"),
    **dict.fromkeys(("means", "interval"), "figures.intervals"),
    "clustered": "empirics.statistics.clusters",
}
"""Function that makes one -> its module: who calls it shows one."""


def sources() -> Mapping[str, str]:
    """Module below ``tsla`` -> its text."""
    paths = (path for name in ("theory", "empirics", "figures") for path in sorted((ROOT / name).rglob("*.py")))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8") for path in paths}


def making(modules: Mapping[str, str]) -> Iterator[str]:
    """The functions that return an interval, take a critical value, or call what makes one."""
    for module, text in modules.items():
        yield from _made(module, text)


@cache
def _made(module: str, text: str) -> list[str]:
    tree = ast.parse(text)
    known = {name for name, of in MAKERS.items() if of == module} | set(_imported(tree))
    return [f"{module}.{name}" for name, function in _functions(tree) if _makes(function, known)]


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if node.module == f"tsla.{MAKERS.get(alias.name)}")


def _functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.ClassDef)
        name = f"{within}{child.name}" if named else within
        if isinstance(child, ast.FunctionDef):
            yield name, child
        yield from _functions(child, f"{name}." if named else within)


def _makes(function: ast.FunctionDef, known: set[str]) -> bool:
    if function.returns is not None and RETURNED.search(ast.unparse(function.returns)):
        return True
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    attributes = {of.attr for of in calls if isinstance(of, ast.Attribute)}
    names = {of.id for of in calls if isinstance(of, ast.Name)}
    return not ((CRITICAL | METHODS).isdisjoint(attributes) and (CRITICAL | known).isdisjoint(names))


def all_are_in_the_table(modules: Iterable[tuple[str, str]]) -> None:
    named = {name for rate in RATES for name in rate.used_by} | set(ELSEWHERE)
    found = {name for name in making(dict(modules)) if not name.startswith("empirics.experiments.error_rates.")}
    simulated = {name for name in named if name.startswith("empirics.experiments.error_rates.")}
    assert found == named - simulated


def test_whatever_makes_an_interval_or_a_test_is_in_the_table(rejects: Rejects) -> None:
    right = tuple(sources().items())
    new = "from scipy import stats\n\ndef margin(n: int) -> float:\n    return float(stats.t.ppf(0.975, n - 1))\n"
    rejects(all_are_in_the_table, right=right, wrong=(*right, ("figures.gallery.new", new)))
    rejects(all_are_in_the_table, right=right, wrong=tuple(pair for pair in right if pair[0] != "figures.intervals"))


# --- the record


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate.level is not None], ids=lambda rate: f"{rate.simulation}, {rate.measure}")
def test_a_rate_keeps_its_level_and_with_the_wrong_unit_it_does_not(rate: Rate, record: pd.DataFrame, rejects: Rejects) -> None:
    def keeps(unit: str) -> None:
        assert rate.keeps(record, unit), rate.measured(record, unit)

    rejects(keeps, right="right", wrong="wrong")


def test_the_record_and_the_table_have_the_same_measures(record: pd.DataFrame) -> None:
    assert {(rate.simulation, rate.measure) for rate in RATES} == set(zip(record["simulation"], record["measure"], strict=True))
    assert set(experiment.SIMULATIONS) == set(experiment.BLOCKS) == set(LAWS) == {rate.simulation for rate in RATES}


# --- the simulations: a block of each, as the record has it, where it needs no other record

ALONE = {
    "planned seeds": seeds.planned,
    "regret": sweeps.regret,
    "runs": replicas.runs,
    "bets": replicas.bets,
    "branches": replicas.branches,
    "percentages": examples.percentages,
}


@pytest.mark.parametrize("name", ALONE)
def test_a_block_comes_out_as_the_record_has_it(name: str, record: pd.DataFrame) -> None:
    config = next(config for config in experiment.CONFIGS if config["simulation"] == name)
    found = experiment.run({**config, "blocks": 1})
    kept = record[(record["simulation"] == name) & (record["block"] == 0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[kept.columns], kept, check_dtype=False)


def family(n: int = 12, more: int = 0) -> list[Finding]:
    """Findings of all claims at the primary settings, with normal differences: n, and at each setting some ``more`` than before."""
    rng = np.random.default_rng(0)
    return [
        finding(claim, setting, "", rng.normal(size=n + more * i), (0.1,))
        for claim in ("E1", "E2", "E3", "E4", "E5")
        for i, setting in enumerate(PRIMARY)
    ]


def the_wrong_unit_has_the_same_draws(trial: Trial) -> None:
    """After trials of either unit, chance has gone on as far."""
    right, wrong = (np.random.default_rng(0) for _ in range(2))
    for _ in range(3):
        trial(right, False)
        trial(wrong, True)
    assert right.bit_generator.state == wrong.bit_generator.state


def study_of_unequal_seeds(_: Path) -> Trial:
    return seeds.of_family([seeds.Population.of(one) for one in family(more=1)])


@pytest.mark.parametrize("name", [*ALONE, "hit rates", "study"])
def test_the_wrong_unit_has_the_draws_of_the_right_one(name: str, rejects: Rejects) -> None:
    trial = ({**experiment.SIMULATIONS, "study": study_of_unequal_seeds})[name](ROOT)

    def drawn_again(rng: np.random.Generator, wrong: bool) -> Mapping[str, bool]:
        rng.random(int(wrong))
        return trial(rng, wrong)

    rejects(the_wrong_unit_has_the_same_draws, right=trial, wrong=drawn_again)


def alarms(trial: Trial, event: str, *, wrong: bool, trials: int = 30) -> int:
    return sum(trial(np.random.default_rng(seed), wrong)[event] for seed in range(trials))


def test_a_family_raises_few_alarms_and_with_the_wrong_unit_many() -> None:
    trial = seeds.of_family([seeds.Population.of(one) for one in family()])
    assert alarms(trial, "family", wrong=False) <= 6
    assert alarms(trial, "family", wrong=True) >= 15


def test_a_predictor_without_a_lead_is_not_called_supported() -> None:
    trial = grid.hit_rates(ROOT)
    assert alarms(trial, "supported, MLP", wrong=False, trials=5) <= 1
