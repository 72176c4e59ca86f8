"""C1: the gradient of a small network's cross-entropy at the smoothed label is the mixture of the gradients at both labels.

The gradients come from the loss alone, by complex steps: Im ℓ(w + ih e_j)/h is exact to rounding for h = 1e-30.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.claims.support.marks import properties
from tsla.theory import smoothing
from tsla.theory.constants import Array
from tsla.theory.testing.domain import costly, thetas
from tsla.theory.testing.planted import Rejects

FEATURES, HIDDEN, CLASSES = 2, 3, 3
Label = Callable[[Any], Any]  # of the weights: constant, or moving with the model


@dataclass(frozen=True, eq=False)
class Sample:
    """A network tanh-linear in its weights w, one input x with its one-hot label, and a smoothing label."""

    w: Array
    x: Array
    one_hot: Array
    smoothing_label: Array


def log_softmax(w: Any, x: Array) -> Any:
    inner, outer = w[: HIDDEN * FEATURES].reshape(HIDDEN, FEATURES), w[HIDDEN * FEATURES :].reshape(CLASSES, HIDDEN)
    scores = outer @ np.tanh(inner @ x)
    return scores - np.log(np.exp(scores).sum())


def gradient(sample: Sample, label: Label) -> Array:
    """∇_w of -Σ_k label_k log softmax(f(w; x))_k, one weight after the other."""
    moved = (sample.w + 1e-30j * direction for direction in np.eye(len(sample.w)))
    return np.array([(-(label(w) @ log_softmax(w, sample.x))).imag / 1e-30 for w in moved])


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    w, x = rng.normal(size=HIDDEN * FEATURES + CLASSES * HIDDEN), rng.normal(size=FEATURES)
    label = {
        "uniform": np.full(CLASSES, 1 / CLASSES),
        "class prior or teacher": rng.dirichlet(np.ones(CLASSES)),
        "the model's own prediction": np.exp(log_softmax(w, x)),
        "one-hot": np.eye(CLASSES)[rng.integers(CLASSES)],
    }
    kind = draw(st.sampled_from(sorted(label)))
    return Sample(w, x, np.eye(CLASSES)[rng.integers(CLASSES)], label[kind])


GradientAt = Callable[[Sample, Array], Array]


def at_fixed_label(sample: Sample, label: Array) -> Array:
    return gradient(sample, lambda _: label)


def is_the_smoothed_gradient(mix: Callable[..., Any], gradient_at: GradientAt = at_fixed_label) -> None:
    @costly(4)
    @given(samples(), thetas)
    def check(sample: Sample, theta: float) -> None:
        smoothed = sample.one_hot + theta * (sample.smoothing_label - sample.one_hot)
        mixed = mix(gradient_at(sample, sample.one_hot), gradient_at(sample, sample.smoothing_label), theta)
        assert mixed == pytest.approx(gradient_at(sample, smoothed), rel=1e-10, abs=1e-13)

    check()


@pytest.mark.claim("C1", "property")
@given(samples(), thetas)
def test_mixture_of_labels_is_a_label(sample: Sample, theta: float) -> None:
    label = smoothing.mix(sample.one_hot, sample.smoothing_label, theta)
    assert float(label.sum()) == pytest.approx(1, rel=1e-14)
    assert (label >= 0).all()


test_mixture = properties(
    "C1",
    smoothing.mix,
    {
        is_the_smoothed_gradient: [
            lambda true, smooth, theta: theta * true + (1 - theta) * smooth,
            lambda true, smooth, theta: true + theta * smooth,
            lambda true, smooth, theta: (1 - theta**2) * true + theta**2 * smooth,
            lambda true, smooth, theta: (1 - theta) * true - theta * smooth,  # a penalty in its place
        ]
    },
    found="The gradients of a network at the smoothed label equal the mixture to 10 digits.",
    headline="equal to 10 digits",
)


def through_a_temperature(sample: Sample, label: Array) -> Array:
    """A wrong premise: a label that is sharpened before it is used, in which the loss is no longer linear."""
    return at_fixed_label(sample, label**2 / (label**2).sum())


@pytest.mark.claim("C1", "property", planted=True)
def test_a_loss_that_is_not_linear_in_its_label_is_rejected(rejects: Rejects) -> None:
    rejects(lambda gradient_at: is_the_smoothed_gradient(smoothing.mix, gradient_at), right=at_fixed_label, wrong=through_a_temperature)


@pytest.mark.claim("C1", "property", planted=True)
def test_a_label_that_is_differentiated_too_is_rejected(rejects: Rejects) -> None:
    """ŷ may depend on the model, but as a constant: with the gradient also taken through ŷ = softmax, ĝ is another vector."""

    def check(own_prediction: Label) -> None:
        sample = Sample(np.linspace(-1, 1, 15), np.array([0.5, -1.0]), np.eye(CLASSES)[0], np.full(CLASSES, 1 / CLASSES))
        fixed = at_fixed_label(sample, np.exp(log_softmax(sample.w, sample.x)))
        assert gradient(sample, own_prediction) == pytest.approx(fixed, rel=1e-10, abs=1e-13)

    at = np.linspace(-1, 1, 15)

    def constant(_: Array) -> Array:
        return np.exp(log_softmax(at, np.array([0.5, -1.0])))

    def moving(w: Any) -> Any:
        return np.exp(log_softmax(w, np.array([0.5, -1.0])))

    rejects(check, right=constant, wrong=moving)
