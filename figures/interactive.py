"""The one figure with a knob: how the verdict on smoothing turns with the batch size (C14, C17)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tsla.empirics.runs.records import Record
from tsla.theory.moments import MOMENTS, Moments

BATCH_SIZES = [2**k for k in range(10)]
THETA = np.linspace(0, 1, 41)
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")


def batch_size_knob(record: Record) -> go.Figure:
    """Variance ratio of the smoothed batch direction (lines) and of the shrinkage control (dots) against θ, a slider for B.

    Means over the seeds, along the path of plain SGD, a colour an epoch.
    """
    table = record.table
    means = table[table["method"] == "sgd"].dropna(subset="s2").groupby("epoch")[list(MOMENTS)].mean()
    figure = go.Figure()
    for B in BATCH_SIZES:
        for colour, (epoch, row) in zip(COLOURS, means.iterrows(), strict=False):
            exact, control = _ratios(row, B)
            for name, values, dash in ((f"epoch {epoch}", exact, "solid"), (f"epoch {epoch}, step (1-θ)η", control, "dot")):
                figure.add_scatter(x=THETA, y=values, name=name, line={"color": colour, "dash": dash}, visible=bool(BATCH_SIZES[0] == B))
    per_step = len(figure.data) // len(BATCH_SIZES)
    steps = [
        {"method": "update", "label": str(B), "args": [{"visible": [i // per_step == k for i in range(len(figure.data))]}]}
        for k, B in enumerate(BATCH_SIZES)
    ]
    figure.update_layout(
        sliders=[{"currentvalue": {"prefix": "batch size B = "}, "steps": steps}],
        template="simple_white",
        height=520,
        xaxis_title="smoothing strength θ",
        yaxis={"title": "second moment over plain SGD's", "range": [0, 2]},
    )
    return figure


def _ratios(row: pd.Series, B: int) -> tuple[np.ndarray, np.ndarray]:
    batch = Moments(*(row[name] for name in MOMENTS)).at_batch_size(B)
    exact, control = (np.asarray(of.second_moment(THETA) / batch.s2) for of in (batch, batch.shrunk))
    return exact, control
