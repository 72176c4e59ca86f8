"""What is read from a measurement is the theory's, in the text and as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from html import escape
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.empirics.moments.classified import CLASSES, classifier, examples, measured
from tsla.empirics.advice.measure import Reading, reading, study
from tsla.empirics.moments.estimators import Estimate
from tsla.empirics.moments.full_batch import gradient_moments
from tsla.empirics.moments.measure import draw, measure
from tsla.theory.moments import MOMENTS, Moments
from tsla.theory.testing.planted import Rejects
from tsla.theory.text import WIDTH, number


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
    with pytest.raises(ValueError, match=r"measurement is a Moments; must be what tsla\.measure gives"):
        reading(measured().estimates.moments)  # type: ignore[arg-type]


def test_unbounded_ends_are_null_and_shown_as_such() -> None:
    noisy = measure(classifier(), draw(*examples(40)))
    large = replace(noisy.estimates.moments, beta2=-1.0, grad2=-1.0)
    found = reading(replace(noisy, estimates=replace(noisy.estimates, moments=large)))
    assert found.json()["noise_scale"] == {"value": None, "low": found.noise_scale.low, "high": None}
    shown = found.table()
    assert "∞  [" in shown
    assert "∞]" in shown
    assert "None" not in shown
    assert "inf" not in shown


def test_intervals_hold_what_is_true() -> None:
    """Of 40 draws of 96 examples in 16 batches, the interval of the headline must miss that of all 480 now and then at most."""
    inputs, labels = examples(480, seed=4)
    truth = value(reading(measure(classifier(), draw(inputs, labels), population=480)).beyond)
    held = 0
    for seed in range(40):
        rows = torch.randperm(480, generator=torch.Generator().manual_seed(seed))[:96].chunk(16)
        part = reading(measure(classifier(), [(inputs[batch], labels[batch]) for batch in rows], population=480)).beyond
        assert part.low < part.estimate < part.high
        held += part.low <= truth <= part.high
    assert held >= 34  # of 40 at 95 %: fewer has a probability of 0.3 %


def test_the_text_has_the_answer_first_and_fits_a_terminal() -> None:
    found = reading(measured(), theta=0.3, batch_size=4, eta_L=0.5)
    lines = str(found).splitlines()
    assert found.json()["advice"] == found.advice
    assert found.advice.startswith(lines[0].removesuffix("."))
    assert lines[1] == "This says nothing of test accuracy or test loss."
    assert all(len(line) <= WIDTH for line in lines)
    assert any(line.split()[:2] == ["‖∇F‖²", f"{moments().grad2:.4g}"] for line in lines)
    assert "theta°" in str(found)
    assert "theta°" not in str(reading(measured()))
    assert "[" not in str(found)  # exact values have no intervals
    assert "[" in str(reading(measure(classifier(), draw(*examples(40)))))
    assert ["one draw of" in str(replace(found, mode=mode)) for mode in ("dropout off", "dropout on")] == [False, True]
    assert found._repr_html_() == f"<pre>{escape(str(found))}</pre>"


def test_a_square_below_0_is_explained() -> None:
    said = "came out below 0 is small beside its noise"
    below = [changed(read(), name, -2 * getattr(read(), name).estimate) for name in ("grad2", "shat2", "beta2")]
    assert [said in str(found) for found in (read(), *below)] == [False, True, True, True]


def test_layers_that_are_not_shown_are_added_up() -> None:
    found = reading(measured())
    many = replace(found, layers=tuple(replace(found.layers[0], layer=f"l{i}", share_of_s2=0.05, beyond=(-0.1) ** i) for i in range(20)))
    (rest,) = [line for line in str(many).splitlines() if "the other" in line]
    assert rest.split() == ["the", "other", "15", "75.0", "%", number(sum((-0.1) ** i for i in range(5, 20)))]


def test_the_study_is_summed_up_by_both_outcomes(rejects: Rejects) -> None:
    def counts(said: Callable[[dict[str, Any]], str]) -> None:
        rows = [
            {name: {"compared": 3, "better": better, "worse": worse} for name, better, worse in (("accuracy", k, 0), ("test loss", 0, k))}
            for k in (1, 2)
        ]
        text = said({"rows": rows, "scope": {"noisy": ""}, "behind": {"noisy": {"settings": 4, "scope": "a net"}}})
        assert "more accurate than plain training at 3 of the 6 settings with wrong labels where both were run." in text
        assert "It was less accurate at none. At 4 more it was behind in tuning and was not run (a net)." in text
        assert text.endswith("Its test loss was lower at none of 6 and higher at 3.")

    rejects(counts, right=study.sentence, wrong=lambda found: study.sentence(found | {"rows": found["rows"][:1] * 2}))


@pytest.mark.parametrize(("label_noise", "wrong"), [(None, {"0 %", "20, 40 %"}), (0, {"0 %"}), (0.1, {"20, 40 %"})])
def test_the_study_is_shown_for_labels_of_the_same_kind(label_noise: float | None, wrong: set[str]) -> None:
    text = str(reading(measured(), label_noise=label_noise))
    assert {amount for amount in ("0 %", "20, 40 %") if f"\n  {amount} " in text} == wrong


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
