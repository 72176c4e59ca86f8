"""A measurement in batches is that of the whole; what is read from it is the theory's; and no sentence says more than the intervals do."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import asdict, astuple, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tsla.empirics.advice.measure import Reading, reading
from tsla.empirics.advice.measure.advice import NEARLY_ALL
from tsla.empirics.advice.measure.table import below_1
from tsla.empirics.moments.estimators import MIN_GROUPS, Estimate
from tsla.empirics.moments.full_batch import gradient_moments, layer_moments
from tsla.empirics.moments.measure import Measurement, class_frequencies, draw, measure
from tsla.empirics.runs.progress import Progress
from tsla.empirics.smoothing.labels import Smoothing
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects

CLASSES = 3


def classifier() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, CLASSES)).double()


def examples(n: int = 24, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs that say something of their labels, but not all: gradients have means and variances."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    inputs = torch.randn(n, 2, generator=generator) + labels[:, None]
    return inputs.double(), labels


def teacher() -> nn.Module:
    torch.manual_seed(3)
    return nn.Linear(2, CLASSES).double()


def measured(smoothing: Smoothing = "uniform", n: int = 24, **options: Any) -> Measurement:
    """All of ``n`` examples, as the population."""
    return measure(classifier(), draw(*examples(n)), smoothing, population=n, **options)


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
    assert class_frequencies(classifier(), batches).tolist() == [0.5, 0.5, 0]


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


@pytest.mark.parametrize("wanted", [0, 3, 25, 2.5, True])
def test_what_can_not_be_drawn(wanted: int) -> None:
    with pytest.raises(ValueError, match=f"examples = {wanted!r} must be a whole number, at least 4 and at most 24"):
        draw(*examples(), examples=wanted)


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


@pytest.mark.parametrize(
    ("batches", "options", "message"),
    [
        ([], {}, "examples = 0 are too few"),
        (None, {"smoothing": torch.full((24, CLASSES), 1 / 3)}, "smoothing has 24 rows; .* the third part of its batch"),
        (iter([]), {"smoothing": "prior"}, "'prior' goes through all batches twice; give a DataLoader or a list"),
        (None, {"until": 0.0}, "until = 0 must be a finite number above 0"),
        (None, {"population": 10}, "population = 10 must be"),
        (None, {"smoothing": "mine"}, "smoothing = 'mine': must be 'uniform', 'prior'"),
        ([(torch.full((3, 2), torch.nan).double(), torch.zeros(3).long())], {}, "not finite"),
    ],
)
def test_refusals(batches: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(classifier(), draw(*examples()) if batches is None else batches, **options)


# --- what is read from it


@cache
def moments() -> Moments:
    return gradient_moments(classifier(), *examples())


def read(theta: float = 0.3, B: int = 4, **options: Any) -> Reading:
    return reading(measured(), theta=theta, batch_size=B, **options)


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    assert (estimate.low, estimate.high) == pytest.approx((estimate.estimate, estimate.estimate), rel=1e-9)
    return estimate.estimate


Read = Callable[[float, int], Reading]


def agrees_with_the_theory(read: Read) -> None:
    for theta, B in itertools.product((0.1, 0.3, 1.0), (1, 4, 64)):
        found, single = read(theta, B), moments()
        m = single.at_batch_size(B)
        expected = {
            **asdict(single),
            "ratio": m.second_moment(theta) / m.s2,
            "bias": theta**2 * m.beta2 / m.s2,
            "shrinking": m.shrunk.second_moment(theta) / m.s2,
            "beyond": m.beyond(theta) / m.s2,
            "delta": single.delta,
            "delta_at_batch_size": m.delta,
            "delta0": m.grad2 / single.s2,
            "theta_star": m.theta_star,
            "critical_batch_size": single.critical_batch_size(),
            "critical_batch_size_at_theta": single.critical_batch_size(theta),
            "noise_scale": single.s2 / m.grad2,
        }
        assert {name: value(getattr(found, name)) for name in expected} == pytest.approx(expected, rel=1e-9)
        assert value(found.bias) + value(found.noise) == pytest.approx(value(found.ratio), rel=1e-9)
        assert sum(layer.beyond for layer in found.layers) == pytest.approx(value(found.beyond), rel=1e-7)
        assert sum(layer.share_of_s2 for layer in found.layers) == pytest.approx(1, rel=1e-9)


def changed(found: Reading, name: str, by: float) -> Reading:
    at = getattr(found, name).estimate + by
    return replace(found, **{name: Estimate(at, at, at, 0.0)})


@pytest.mark.parametrize(
    "wrong",
    [
        lambda theta, B: read(theta, 1),  # of single examples
        lambda theta, B: replace(read(theta, B), theta_star=read(theta, 1).theta_star),
        lambda theta, B: changed(read(theta, B), "ratio", -(theta**2) * moments().beta2 * B / moments().s2),  # no bias
        lambda theta, B: changed(read(theta, B), "beyond", -2 * read(theta, B).beyond.estimate),  # of the other sign
        lambda theta, B: replace(read(theta, B), delta_at_batch_size=read(theta, B).delta),
    ],
)
def test_reading_is_that_of_the_theory(wrong: Read, rejects: Rejects) -> None:
    rejects(agrees_with_the_theory, right=read, wrong=wrong)


def test_the_ratio_is_that_of_all_batches_there_are() -> None:
    """Brute force: every batch of 2 of 5 examples, and how far its two directions are from ∇F."""
    model, (inputs, labels) = classifier(), examples(5)
    parameters = list(model.parameters())

    def gradient(x: Tensor, label: Tensor) -> np.ndarray:
        loss = -(label * model(x[None]).log_softmax(1)[0]).sum()
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]).numpy()

    g = np.array([gradient(x, torch.eye(CLASSES)[y].double()) for x, y in zip(inputs, labels, strict=True)])
    smooth = 0.6 * g + 0.4 * np.array([gradient(x, torch.full((CLASSES,), 1 / 3, dtype=torch.float64)) for x in inputs])

    def mean_square(rows: np.ndarray) -> float:
        batches = itertools.product(range(5), repeat=2)
        return float(np.mean([np.sum((rows[list(batch)].mean(0) - g.mean(0)) ** 2) for batch in batches]))

    found = reading(measured(n=5), theta=0.4, batch_size=2)
    assert value(found.ratio) == pytest.approx(mean_square(smooth) / mean_square(g), rel=1e-9)
    assert value(found.beyond) == pytest.approx((mean_square(smooth) - mean_square(0.6 * g)) / mean_square(g), rel=1e-9)


def test_with_a_step_size() -> None:
    found = read(0.3, 4, eta=0.05, L=10)
    assert value(found.theta_for_step) == pytest.approx(moments().at_batch_size(4).theta_for_step(0.5), rel=1e-9)
    assert value(found.critical_batch_size_for_step) == pytest.approx(moments().critical_batch_size(0.3, eta_L=0.5), rel=1e-9)
    assert found.setting.eta_L == 0.5
    assert read(0.3, 4, eta_L=0.5) == found
    assert (read().theta_for_step, read().critical_batch_size_for_step) == (None, None)
    assert value(read(eta_L=1).theta_for_step) == pytest.approx(value(read().theta_star))


def test_a_batch_size_is_a_whole_number() -> None:
    """What else of a setting is refused, the command line refuses as well."""
    with pytest.raises(ValueError, match=r"batch_size = 2\.5 must be a whole number, at least 1"):
        read(B=2.5)


def test_unbounded_ends_are_null_and_shown_as_such() -> None:
    noisy = measure(classifier(), draw(*examples(40)))
    large = replace(noisy.estimates.moments, beta2=-1.0, grad2=-1.0)
    found = reading(replace(noisy, estimates=replace(noisy.estimates, moments=large)))
    assert found.json()["noise_scale"] == {"value": None, "low": found.noise_scale.low, "high": None}
    shown = found.table()
    assert "unbounded  [" in shown
    assert "∞]" in shown
    assert "None" not in shown
    assert "inf" not in shown


def test_intervals_hold_what_is_true() -> None:
    """Of 40 draws of 96 examples, the interval of the headline must miss that of all 480 now and then at most."""
    inputs, labels = examples(480, seed=4)
    truth = value(reading(measure(classifier(), draw(inputs, labels), population=480)).beyond)
    held = 0
    for seed in range(40):
        part = reading(measure(classifier(), draw(inputs, labels, examples=96, seed=seed), population=480)).beyond
        assert part.low < part.estimate < part.high
        held += part.low <= truth <= part.high
    assert held >= 34  # of 40 at 95 %: fewer has a probability of 0.3 %


def test_the_table_says_it_all_and_the_advice_last() -> None:
    found = reading(measured(), theta=0.3, batch_size=4, eta_L=0.5)
    lines = str(found).splitlines()
    assert lines[-1] == found.json()["advice"] == found.advice
    assert all(len(line) <= 140 for line in lines[:-1])
    assert any(line.split()[:3] == ["‖∇F‖²", f"{moments().grad2:.4g}"][:3] for line in lines)
    assert "delta < 1 is" in "\n".join(lines)
    assert "theta°" in str(found)
    assert "theta°" not in str(reading(measured()))
    assert "[" not in "\n".join(lines[:-1])  # exact values have no intervals
    assert "[" in str(reading(measure(classifier(), draw(*examples(40)))))


def test_what_json_gets() -> None:
    found = read(eta_L=0.5)
    said = found.json()
    assert json.loads(json.dumps(said)) == said
    assert (said["theta"], said["batch_size"], said["eta_L"], said["exact"]) == (0.3, 4, 0.5, True)
    for within, names in (
        (said["moments"], MOMENTS),
        (said["second_moment"], ("ratio", "bias", "noise", "shrinking", "beyond")),
        (said, ("delta", "delta_at_batch_size", "delta0", "theta_star", "theta_for_step", "noise_scale")),
        (said, ("critical_batch_size", "critical_batch_size_at_theta", "critical_batch_size_for_step")),
    ):
        assert [within[name]["value"] for name in names] == [getattr(found, name).estimate for name in names]
    assert [row["layer"] for row in said["layers"]] == [layer.layer for layer in found.layers]


# --- advice


def estimate(value: float, half: float = 0.0) -> Estimate:
    return Estimate(value, value - half, value + half, half / 2)


@cache
def clear() -> Reading:
    """A clear case: smoothing lowers the variance, and more than a smaller step."""
    parts = {"s2": estimate(2, 0.1), "ratio": estimate(0.82, 0.01), "beyond": estimate(-0.05, 0.01), "delta": estimate(0.5, 0.1)}
    return replace(reading(measured()), **parts, groups=20, trusted=True, exact=False, silent=False)


LOWERS = "Smoothing at theta = 0.1 lowers the variance at batch size 16 by 0.18 [0.17, 0.19]"
EXACTLY = "Smoothing at theta = 0.1 lowers the variance at batch size 16 by 0.2"
OPEN_SHARE = "whether that is more than 10 % of it is open"
BRANCHES = {
    "few batches": ({"trusted": False, "groups": 7}, "The intervals rest on 7 batches, which is fewer than 16: measure more examples."),
    "no variance yet": ({"s2": estimate(1, 2)}, "No variance is established: measure more examples."),
    "no variance": ({"s2": estimate(0), "exact": True}, "No variance is established: nothing to lower."),
    "own": (
        {"silent": True},
        "Every smoothing-label gradient is 0, so that smoothing is a step 10 % smaller (C17), and nothing beyond: not for variance's sake.",
    ),
    "raises": (
        {"ratio": estimate(1.2, 0.1)},
        "Smoothing at theta = 0.1 raises the variance at batch size 16 by 0.2 [0.1, 0.3]: not for variance's sake.",
    ),
    "open": (
        {"ratio": estimate(0.95, 0.1), "delta": estimate(1, 0.1)},
        "Whether smoothing at theta = 0.1 lowers the variance is open (ratio 0.95 [0.85, 1.05]; delta < 1 is open): measure more examples.",
    ),
    "no change": (
        {"ratio": estimate(1), "beyond": estimate(0.19), "exact": True},
        "Smoothing at theta = 0.1 changes nothing: it leaves the variance as it is.",
    ),
    "less than a smaller step": (
        {"beyond": estimate(0.03, 0.02)},
        f"{LOWERS}, and a step 10 % smaller lowers it by 0.03 [0.01, 0.05] more: not for variance's sake.",
    ),
    "a smaller step does nearly all": (
        {"beyond": estimate(-0.005, 0.01)},
        f"{LOWERS}, all but at most 0.015 of which a step 10 % smaller does too: not for variance's sake.",
    ),
    "more than a smaller step": (
        {},
        f"{LOWERS}, 0.05 [0.04, 0.06] of which a step 10 % smaller does not: for variance's sake, smoothing does more than a smaller step.",
    ),
    "more, but how much": (
        {"beyond": estimate(-0.02, 0.01)},
        f"{LOWERS}, 0.02 [0.01, 0.03] of which a step 10 % smaller does not; {OPEN_SHARE}: measure more examples.",
    ),
    "whether more": (
        {"beyond": estimate(-0.02, 0.03)},
        f"{LOWERS}; whether that is more than a step 10 % smaller does is open (0.02 [-0.01, 0.05] more): measure more examples.",
    ),
    "exact": (
        {"exact": True, "ratio": estimate(0.8), "beyond": estimate(-0.1)},
        f"{EXACTLY}, 0.1 of which a step 10 % smaller does not: for variance's sake, smoothing does more than a smaller step.",
    ),
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_rule(branch: str) -> None:
    changes, sentence = BRANCHES[branch]
    assert replace(clear(), **changes).advice == sentence


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (Estimate(0.8, 0.7, 0.9, 0.05), "established"),
        (Estimate(0.8, 0.7, 1.0, 0.05), "open"),
        (Estimate(0.8, 0.7, np.inf, np.inf), "open"),
        (Estimate(1.2, 0.99, 1.4, 0.1), "open"),
        (Estimate(1.2, 1.0, 1.4, 0.1), "refuted"),
        (Estimate(np.inf, 3.0, np.inf, np.inf), "refuted"),
    ],
)
def test_verdicts(estimate: Estimate, verdict: str) -> None:
    assert below_1(estimate) == verdict
    assert below_1(estimate, trusted=False) == "open"


def random_reading(generator: np.random.Generator) -> Reading:
    """On a grid, so that intervals also end where a rule begins; exact values are points."""
    exact = bool(generator.random() < 0.3)

    def interval(low: int, high: int) -> Estimate:
        ends = np.sort(generator.integers(low, high, size=3, endpoint=True)) / 20
        return estimate(float(ends[1])) if exact else Estimate(ends[1], ends[0], ends[2], 0.1)

    return replace(
        clear(),
        s2=interval(-1, 10),
        ratio=interval(4, 26),
        beyond=interval(-6, 3),
        trusted=exact or bool(generator.random() < 0.8),
        exact=exact,
        silent=bool(generator.random() < 0.1),
    )


def says_no_more_than_the_intervals(advice: Callable[[Reading], str]) -> None:
    generator = np.random.default_rng(0)
    for found in (random_reading(generator) for _ in range(3000)):
        said, little, much = advice(found), NEARLY_ALL * (1 - found.ratio.high), NEARLY_ALL * (1 - found.ratio.low)
        settled = found.trusted and not found.silent and found.s2.low > 0
        premises = {
            "lowers the variance at": settled and found.ratio.high < 1,
            "raises the variance": settled and found.ratio.low > 1,
            "smaller lowers it": found.beyond.low > 0,
            "does more than a smaller step": found.beyond.high < 0 and found.beyond.high <= -much,
            "all but at most": found.beyond.low >= -little,
            "measure more": not found.exact,
        }
        for words, established in premises.items():
            assert established or words not in said, (words, said, found)
        assert said.endswith(".")
        assert ". " not in said


@pytest.mark.parametrize(
    "wrong",
    [
        lambda found: {"ratio": estimate(found.ratio.estimate), "beyond": estimate(found.beyond.estimate)},
        lambda found: {"trusted": True},
        lambda found: {"s2": estimate(1)},
        lambda found: {"ratio": replace(found.ratio, high=found.ratio.estimate)},
        lambda found: {"beyond": replace(found.beyond, high=found.beyond.estimate)},
    ],
)
def test_no_sentence_says_more_than_the_intervals(wrong: Callable[[Reading], dict[str, Any]], rejects: Rejects) -> None:
    rejects(says_no_more_than_the_intervals, right=lambda found: found.advice, wrong=lambda found: replace(found, **wrong(found)).advice)


def test_advice_of_real_measurements() -> None:
    assert "nothing beyond" in reading(measured("own")).advice
    assert "changes nothing" in reading(measure(classifier(), draw(*examples(), torch.eye(3)[examples()[1]]), population=24)).advice
    few = reading(measure(classifier(), draw(*examples())[:6]))
    assert "rest on 6 batches" in few.advice
    assert (few.json()["delta"]["below_1"], few.json()["delta_at_batch_size"]["below_1"]) == ("open", "open")
