"""A measurement in batches is that of the whole."""

from __future__ import annotations

import re
from dataclasses import asdict, astuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.empirics.moments.classified import CLASSES, classifier, examples, measured
from tests.refusals import refusals
from tsla.empirics.moments.estimators import MIN_GROUPS
from tsla.empirics.moments.full_batch import gradient_moments, layer_moments
from tsla.empirics.moments.measure import Measurement, class_frequencies, draw, measure
from tsla.empirics.runs.progress import Progress
from tsla.empirics.smoothing.cross_entropy import CrossEntropy
from tsla.empirics.smoothing.labels import Smoothing


def teacher() -> nn.Module:
    torch.manual_seed(3)
    return nn.Linear(2, CLASSES).double()


# --- batches and the whole


def are_of_all(found: Measurement, smoothing: Smoothing) -> None:
    expected = gradient_moments(classifier(), *examples(), smoothing)
    assert asdict(found.estimates.moments) == pytest.approx(asdict(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("smoothing", ["uniform", "prior", "own", "own-hard", teacher(), torch.tensor([0.5, 0.2, 0.3])])
def test_all_batches_together_are_the_whole(smoothing: Smoothing) -> None:
    found = measured(smoothing)
    assert found.exact
    are_of_all(found, smoothing)
    layers = layer_moments(classifier(), *examples(), smoothing)
    assert found.layers.keys() == layers.keys() == {"0", "2"}
    for name, moments in layers.items():
        assert asdict(found.layers[name]) == pytest.approx(asdict(moments), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("population", [None, 100])
def test_layers_add_up_where_a_part_was_drawn_too(population: int | None) -> None:
    found = measure(classifier(), draw(*examples(24)), population=population)
    assert not found.exact
    sums = np.sum([astuple(moments) for moments in found.layers.values()], axis=0)
    assert sums == pytest.approx(np.array(astuple(found.estimates.moments)), rel=1e-9)


def test_a_data_loader_and_any_iterable() -> None:
    found = measure(classifier(), DataLoader(TensorDataset(*examples()), batch_size=4), "prior", population=24)
    are_of_all(found, "prior")
    assert (found.examples, found.estimates.groups) == (24, 6)
    assert "24 of 24 examples" in repr(found)
    assert repr(found.estimates) in repr(found)
    assert f"delta  {found.estimates.delta}" in repr(found)
    assert max(map(len, repr(found).splitlines())) <= 80
    assert measure(classifier(), iter(draw(*examples())), population=24).estimates.moments == measured().estimates.moments


def test_a_set_is_drawn_from_as_draw_does() -> None:
    inputs, labels = examples(200)
    expected = measure(classifier(), draw(inputs, labels, seed=3), population=200, until=0.5, seed=3)
    for dataset in ((inputs, labels), TensorDataset(inputs, labels)):
        found = measure(classifier(), dataset, until=0.5, seed=3)
        assert (found.examples, found.population) == (expected.examples, 200)
        assert found.examples < 200
        assert found.estimates.moments == expected.estimates.moments
    are_of_all(measure(classifier(), examples(), "prior"), "prior")


def test_a_label_for_each_example_comes_with_its_batch() -> None:
    labels = torch.softmax(torch.randn(24, CLASSES, generator=torch.Generator().manual_seed(5)).double(), 1)
    are_of_all(measure(classifier(), draw(*examples(), labels, seed=7), population=24), labels)


def test_prior_is_that_of_all_batches_though_the_first_lacks_a_class() -> None:
    batches = [(torch.zeros(2, 2).double(), torch.tensor([0, 0])), (torch.zeros(4, 2).double(), torch.tensor([0, 1, 1, 1]))]
    assert class_frequencies(classifier(), batches, CrossEntropy()).tolist() == [0.5, 0.5, 0]


def test_silence_is_that_of_every_example() -> None:
    assert measured("own").silent
    assert measured(classifier()).silent  # a teacher that predicts the same
    assert not measured("own-hard").silent


# --- how much is drawn


def test_a_draw_is_at_random_without_replacement_in_nearly_equal_batches() -> None:
    inputs, labels = torch.arange(1000.0)[:, None], torch.arange(1000)
    batches = draw(inputs, labels, examples=500, seed=1)
    rows = torch.cat([y for _, y in batches])
    assert torch.equal(rows.float(), torch.cat([x for x, _ in batches])[:, 0])
    assert len(set(rows.tolist())) == len(rows) == 500
    assert rows.tolist() != sorted(rows.tolist())
    assert {len(y) for _, y in batches} == {15, 16}
    assert len(batches) == 2 * MIN_GROUPS
    assert not torch.equal(rows, torch.cat([y for _, y in draw(inputs, labels, examples=500, seed=2)]))
    assert max(len(y) for _, y in draw(inputs.repeat(3, 1), labels.repeat(3))) == 32


test_what_can_not_be_drawn = refusals(
    lambda wanted: draw(*examples(), examples=wanted),
    *((wanted, f"examples = {wanted!r} must be a whole number, at least 4 and at most 24") for wanted in (0, 3, 25, 2.5, True)),
)


def test_until_stops_as_soon_as_both_are_known_and_not_before_the_intervals_can_be_trusted() -> None:
    batches = draw(*examples(2000))
    loose = measure(classifier(), batches, until=1e6, population=2000)
    assert loose.estimates.groups == MIN_GROUPS
    tight = measure(classifier(), batches, until=0.05, population=2000)
    assert MIN_GROUPS < tight.estimates.groups < len(batches)
    assert tight.estimates.precise(0.05)
    one_less = measure(classifier(), batches[: tight.estimates.groups - 1], population=2000)
    assert not one_less.estimates.precise(0.05)


def test_progress_is_told_of_each_batch(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("measure", total=24) as progress:
        measured(progress=progress)
    assert re.fullmatch(r"(measure: .*\n)*measure: 24/24, \d+ s, about 0 s left \(24 examples\)\n", capsys.readouterr().err)


def test_each_batch_meets_randomness_of_its_own_and_the_seed_decides_it() -> None:
    model, x = nn.Sequential(nn.Linear(2, 64), nn.Dropout(0.5), nn.Linear(64, CLASSES)), torch.ones(2, 2)
    batches, before = [(x, torch.zeros(2).long())] * 6, torch.get_rng_state()
    found = measure(model, batches)
    assert torch.equal(torch.get_rng_state(), before)
    assert asdict(measure(model, batches).estimates.moments) == asdict(found.estimates.moments)
    assert asdict(measure(model, batches, seed=1).estimates.moments) != asdict(found.estimates.moments)
    assert measure(model.eval(), batches).estimates.moments.s2 == pytest.approx(0, abs=1e-6)
    once = gradient_moments(model.train(), x.repeat(6, 1), torch.zeros(12).long())
    assert found.estimates.moments.s2 == pytest.approx(once.s2, rel=1)  # of the masks, which are not the same in all batches
    assert found.estimates.interval(lambda m: m.grad2).standard_error > 1e-3


test_refusals = refusals(
    lambda batches, options: measure(classifier(), draw(*examples()) if batches is None else batches, **options),
    ([], {}, "batches have 0 examples in all; must be at least 2"),
    (None, {"smoothing": torch.full((24, CLASSES), 1 / 3)}, "smoothing has 24 rows; .* the third part of its batch"),
    (iter([]), {"smoothing": "prior"}, "'prior' goes through all batches twice; give a DataLoader or a list"),
    (None, {"until": 0.0}, "until = 0 must be a finite number above 0"),
    (None, {"population": 10}, "population = 10 must be"),
    (None, {"smoothing": "mine"}, "smoothing = 'mine': must be 'uniform', 'prior'"),
    ([(torch.full((3, 2), torch.nan).double(), torch.zeros(3).long())], {}, "not finite"),
)
