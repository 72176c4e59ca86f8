"""The measurement of coverage: draws are sums of gradients, intervals that are too short are found, and the document has the numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tsla.empirics.experiments.interval_coverage import experiment, rules
from tsla.empirics.experiments.interval_coverage.populations import Population, as_batches, paired, some
from tsla.empirics.experiments.interval_coverage.rules import CHOSEN, MEASURED, Draws, Ends
from tsla.empirics.moments.estimators.groups import GroupSums
from tsla.empirics.runs import records
from tsla.theory.constants import Array
from tsla.theory.testing.planted import Rejects, assert_rejects

ROOT = Path(__file__).parents[3]
N, P = 300, 20


def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of a population whose mean gradients are small beside their noise."""
    noise = np.random.default_rng(0).normal(size=(2, N, P)) / np.sqrt(np.arange(1, P + 1))
    g, g_hat = noise[0] + 0.1, 0.5 * noise[0] + 0.7 * noise[1] + 0.05
    return torch.from_numpy(g), torch.from_numpy(g_hat)


def explicit(g: Array, g_hat: Array, *, groups: int, size: int, trial: int, seed: int, replacement: bool) -> GroupSums:
    """One draw, by adding up the vectors."""
    generator = np.random.default_rng([seed, trial])
    drawn = generator.integers(N, size=groups * size) if replacement else generator.permutation(N)[: groups * size]
    return sums_of(*(rows[drawn].reshape(groups, size, P) for rows in (g, g_hat)))


def sums_of(g: Array, g_hat: Array) -> GroupSums:
    """Of groups of vectors, ``(groups, size, P)`` each."""
    squares = np.stack([(a * b).sum((1, 2)) for a, b in ((g, g), (g_hat, g_hat), (g, g_hat))], axis=1)
    S, S_hat = g.sum(1), g_hat.sum(1)
    products = np.stack((S @ S.T, S_hat @ S_hat.T, (S @ S_hat.T + S_hat @ S.T) / 2))
    return GroupSums(np.full(len(g), float(g.shape[1])), squares, products)


@pytest.mark.parametrize("replacement", [True, False])
def test_draws_are_sums_of_gradients(replacement: bool) -> None:
    g, g_hat = vectors()
    how = {"groups": 6, "size": 4, "seed": 3, "replacement": replacement}
    found = Population.of(g, g_hat).draws(trials=5, **how)
    for trial in range(5):
        expected = explicit(g.numpy(), g_hat.numpy(), trial=trial, **how)
        np.testing.assert_allclose(found.squares[trial], expected.squares, rtol=1e-5)
        np.testing.assert_allclose(found.products[trial], expected.products, rtol=1e-5, atol=1e-4)


def test_fewer_groups_are_the_first_of_more_and_pairs_are_joined() -> None:
    population = Population.of(*vectors())
    how = {"trials": 3, "seed": 3, "replacement": True}
    whole = population.draws(groups=6, size=4, **how)
    for found, expected in (
        (some(whole, 4), population.draws(groups=4, size=4, **how)),
        (paired(whole), population.draws(groups=3, size=8, **how)),
    ):
        np.testing.assert_array_equal(found.sizes, expected.sizes)
        np.testing.assert_allclose(found.squares, expected.squares)
        np.testing.assert_allclose(found.products, expected.products, atol=1e-4)
    one = some(whole, 4, np.array([2]))
    np.testing.assert_array_equal(one.products[0], whole.products[2, :, :4, :4])


def test_the_truth_is_that_of_the_population() -> None:
    g, g_hat = vectors()
    pairs = ((g, g), (g_hat, g_hat), (g, g_hat))
    expected = [float((a * b).sum(1).mean()) for a, b in pairs] + [float(a.mean(0) @ b.mean(0)) for a, b in pairs]
    assert Population.of(g, g_hat).basics == pytest.approx(expected)


def a_batch_is_one_example(found: Callable[[GroupSums], GroupSums]) -> None:
    drawn = [vector.numpy()[:24].reshape(6, 4, P) for vector in vectors()]
    expected = sums_of(*(rows.mean(1, keepdims=True) for rows in drawn))
    for name in ("sizes", "squares", "products"):
        assert getattr(found(sums_of(*drawn)), name) == pytest.approx(getattr(expected, name), abs=1e-12)


def test_a_batch_is_one_example_whose_gradient_is_the_mean(rejects: Rejects) -> None:
    rejects(a_batch_is_one_example, right=as_batches, wrong=lambda sums: sums)


def test_the_truth_of_batches_is_the_mean_over_all_of_them() -> None:
    few = [vector[:30] for vector in vectors()]
    of_pairs = [((rows[:, None] + rows) / 2).reshape(-1, P) for rows in few]
    np.testing.assert_allclose(Population.of(*few).basics_of_batches(2), Population.of(*of_pairs).basics, rtol=1e-6)


# --- the rules


Rule = Callable[[str, Draws], Ends | None]


def covers(rule: Rule, *, groups: int = 16, size: int = 8, replacement: bool = True) -> None:
    """95 %, within four standard errors of 1,000 draws and what it costs that they are of 128 examples only."""
    population = Population.of(*vectors())
    sums = population.draws(groups=groups, size=size, trials=1000, seed=1, replacement=replacement)
    rows = pd.DataFrame(list(experiment._coverage(population.basics, Draws.of(sums, None if replacement else N), rule)))
    percent = 100 * rows["covered"] / rows["trials"]
    assert percent.between(91, 98.5).all(), dict(zip(rows["quantity"], percent, strict=True))
    assert (rows["covered"] + rows["too_low"] + rows["too_high"] == 1000).all()


def in_fours_and_twelves(name: str, draws: Draws) -> Ends:
    starts = np.arange(16) * 2 - np.arange(16) % 2  # of 32 groups of 4, alternately one and three
    squares = np.add.reduceat(draws.sums.squares, starts, axis=1)
    products = np.add.reduceat(np.add.reduceat(draws.sums.products, starts, axis=2), starts, axis=3)
    return rules.shifted(name, Draws.of(GroupSums(np.tile([4.0, 12.0], 8), squares, products)))


def as_if_independent(name: str, draws: Draws) -> Ends:
    """Without the finite population."""
    return rules.shifted(name, Draws.of(draws.sums))


def test_the_intervals_of_unequal_groups_cover() -> None:
    covers(in_fours_and_twelves, groups=32, size=4)


@pytest.mark.parametrize(("wrong", "replacement"), [(rules.bootstrap, True), (as_if_independent, False)])
def test_the_intervals_cover_and_shorter_ones_do_not(wrong: Rule, replacement: bool, rejects: Rejects) -> None:
    rejects(partial(covers, replacement=replacement), right=rules.shifted, wrong=wrong)


def test_rules_differ_from_the_chosen_one_by_what_they_say() -> None:
    population = Population.of(*vectors())
    draws = Draws.of(population.draws(groups=16, size=8, trials=50, seed=1, replacement=True))
    form = rules.FORMS["grad2"][0]
    (low, high), (plain_low, plain_high) = rules.shifted("grad2", draws), rules.unshifted("grad2", draws)
    np.testing.assert_allclose((plain_low + plain_high) / 2, draws.basics @ form)
    np.testing.assert_allclose(low - plain_low, high - plain_high)
    np.testing.assert_allclose(low - plain_low, draws.spread.shift(form))
    np.testing.assert_allclose(rules.jackknife("grad2", draws), (plain_low, plain_high))
    normal_low, normal_high = rules.normal("grad2", draws)
    np.testing.assert_allclose((normal_high - normal_low) / (plain_high - plain_low), 1.959964 / draws.spread.t, rtol=1e-6)
    assert (np.abs(rules.with_skewness("s2", draws)[0] - rules.shifted("s2", draws)[0]) > 0).all()
    assert rules.log_jackknife("c", draws) is None
    assert rules.unbiased_variance("delta", draws) is None


# --- the record


def test_a_small_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "UNTIL_TRIALS", 3)
    monkeypatch.setattr(experiment, "UNTIL_GROUPS", 18)
    table = experiment.run({**experiment.CONFIGS[0], "network": "MLP", "epoch": 1, "population": 600, "trials": 4})
    drawn = ("sketch of 16384", "sketch of 1024", "until 0.05", "until 0.1", "batch of 1", "batch of 16")
    assert set(table["rule"]) == {*rules.RULES, *drawn}
    assert (table["covered"] + table["too_low"] + table["too_high"] == table["trials"]).all()
    until = table[table["rule"] == "until 0.05"]
    assert until["examples"].between(16 * 64, 18 * 64).all()
    assert len(table[(table["rule"] == CHOSEN) & (table["examples"] == 512)]) == 4 * len(MEASURED)


def is_as_documented(record: pd.DataFrame) -> None:
    """What the document says in words."""
    percent = 100 * record["covered"] / record["trials"]
    chosen, many = record["rule"] == CHOSEN, record["examples"] == 512
    assert percent[chosen & many].between(93, 97).all()
    assert percent[chosen & (record["examples"] == 256)].between(91, 97).all()
    assert percent[chosen & (record["examples"] == 128)].between(89.9, 99.5).all()
    tails = chosen & (record["examples"] <= 256) & (percent < 93) & record["quantity"].isin(["s2", "second_moment"])
    assert set(record["network"][tails]) == {"ResNet"}
    assert (record["kurtosis"][tails] > 50).all()
    batches = {key: percent[rows.index] for key, rows in record[record["rule"].str.startswith("batch")].groupby(["groups", "rule"])}
    assert batches[256, "batch of 16"].between(92, 97.5).all()
    assert batches[64, "batch of 16"].between(92.5, 97).all()
    few = batches[64, "batch of 1"].groupby([record["network"], record["epoch"], record["quantity"]]).first()
    assert few["ResNet", 25][["s2", "grad2"]].between(86.5, 88.4).all()
    often_unbounded = chosen & (percent > 97)
    assert (record["unbounded"][often_unbounded] > 0.6).all()
    pooled = record[record["rule"].isin(["until 0.05", "until 0.1"])].groupby(["rule", "quantity"])[["covered", "trials"]].sum()
    assert (100 * pooled["covered"] / pooled["trials"]).between(94, 96).all()


def test_the_document_says_what_the_record_says() -> None:
    record = records.read(ROOT / "records" / "coverage.parquet").table
    is_as_documented(record)
    assert_rejects(is_as_documented, record.assign(rule=record["rule"].replace({"unshifted": CHOSEN, CHOSEN: "unshifted"})))
