"""The knob: each position of the slider shows the curves of one batch size, and they are those of the batch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from tsla.empirics.runs.records import Record
from tsla.figures.interactive import BATCH_SIZES, batch_size_knob
from tsla.theory.moments import Moments
from tsla.theory.testing.planted import Rejects

MOMENTS = [
    {"grad2": 0.5, "s2": 4.0, "shat2": 1.0, "c": 0.5, "beta2": 0.25, "nu2": 0.75},
    {"grad2": 0.7, "s2": 6.0, "shat2": 3.0, "c": -0.5, "beta2": 1.25, "nu2": 1.75},
]
EPOCHS = (0, 5)


def record() -> Record:
    """Two seeds around the moments of each epoch, an epoch without any, and another method that must not be seen."""
    rows = [
        {"method": method, "seed": seed, "epoch": epoch} | {name: value * (1 + 0.5 * seed) for name, value in moments.items()}
        for method, scale in (("sgd", 1), ("lsr", 7))
        for seed in (-1, 1)
        for epoch, moments in zip(EPOCHS, ({k: scale * v for k, v in m.items()} for m in MOMENTS), strict=True)
    ]
    return Record(pd.DataFrame([*rows, {"method": "sgd", "seed": 1, "epoch": 3}]), {}, {}, "")


@pytest.fixture(scope="module")
def knob() -> go.Figure:
    return batch_size_knob(record())


def visible(figure: go.Figure, step: int) -> list[go.Scatter]:
    (change,) = figure.layout.sliders[0].steps[step].args
    return [trace for trace, shown in zip(figure.data, change["visible"], strict=True) if shown]


def test_the_slider_goes_through_the_batch_sizes_from_the_first_and_every_trace_has_one_position(knob: go.Figure) -> None:
    assert [step.label for step in knob.layout.sliders[0].steps] == [str(B) for B in BATCH_SIZES]
    seen = [id(trace) for step in range(len(BATCH_SIZES)) for trace in visible(knob, step)]
    assert len(seen) == len(set(seen)) == len(knob.data)
    assert [trace.visible for trace in knob.data] == [trace in visible(knob, 0) for trace in knob.data]


def shows_the_moments_of_a_batch(times: int) -> None:
    figure = batch_size_knob(record())
    for step, B in enumerate(BATCH_SIZES):
        traces = {trace.name: trace for trace in visible(figure, step)}
        for epoch, moments in zip(EPOCHS, MOMENTS, strict=True):
            exact, control = traces[f"epoch {epoch}"], traces[f"epoch {epoch}, step (1-θ)η"]
            batch = Moments(**moments).at_batch_size(times * B)
            theta = np.asarray(exact.x)
            assert exact.y == pytest.approx([batch.second_moment(t) / batch.s2 for t in theta], rel=1e-12)
            assert control.y == pytest.approx((1 - theta) ** 2 + theta**2 * batch.grad2 / batch.s2, rel=1e-12)


def test_curves_are_those_of_the_mean_moments_at_that_batch_size(rejects: Rejects) -> None:
    rejects(shows_the_moments_of_a_batch, right=1, wrong=2)


def test_a_colour_an_epoch_dots_for_the_control_and_names_of_axes(knob: go.Figure) -> None:
    traces = {trace.name: trace for trace in visible(knob, 3)}
    assert set(traces) == {"epoch 0", "epoch 0, step (1-θ)η", "epoch 5", "epoch 5, step (1-θ)η"}
    assert traces["epoch 0"].line.color == traces["epoch 0, step (1-θ)η"].line.color != traces["epoch 5"].line.color
    assert (traces["epoch 0"].line.dash, traces["epoch 0, step (1-θ)η"].line.dash) == ("solid", "dot")
    assert "θ" in knob.layout.xaxis.title.text
    assert knob.layout.yaxis.title.text
