"""The tables of ``docs/known_architectures.md``: networks before and after a short training.

What nobody has measured yet is said to be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd

from tsla.empirics.experiments.known_architectures.networks import IMAGES, NETWORKS, PRETRAINED, SENTENCES
from tsla.empirics.runs import records
from tsla.empirics.runs.records import Record
from tsla.figures import markdown
from tsla.figures.documents.table import three_digits

MISSING = "not measured yet"
TOP_LAYERS = 3
OWN = "tokens and positions"
"""What a network holds beside its layers, under no name: those of vision transformers."""
Row = Mapping[Any, Any]
Cells = tuple[str, ...]


def tables(folder: Path) -> tuple[str, ...]:
    """The numbers, the layers, training mode, and what made them."""
    record = records.of(folder, "known_architectures")
    of_network = record.table["examples"].notna()
    whole = record.table[of_network]
    fixed, coupled = (_rows(whole[whole["statistics"] == how]) for how in ("evaluation", "training"))
    of_layers = dict(iter(record.table[~of_network].groupby(["network", "stage"])))
    theta, B = (record.config["configs"][0][name] for name in ("theta", "batch_size"))
    return (
        markdown.table(
            ("network", "stage", "accuracy", "BatchNorm", "δ", "δ0", "difference, %", f"B_c({theta})", "s²/‖∇F‖²"),
            _lines(fixed, _numbers, cells=7),
        ),
        markdown.table(
            ("network", "stage", "most of s²", "most of β²"),
            _lines(fixed, lambda row: _layers(row, of_layers[row["network"], row["stage"]]), cells=2),
        ),
        markdown.table(
            ("network", "stage", "δ, fixed", "δ", "δ0", "difference, %", "B s²/‖∇F‖²"),
            [(*key, _interval(fixed[key], "delta_at_batch_size"), *_in_training_mode(row, B)) for key, row in coupled.items()],
        ),
        _made(record, whole),
    )


def _rows(table: pd.DataFrame) -> dict[tuple[str, str], Row]:
    """By network, in the order of NETWORKS, and stage."""
    found = {(row["network"], row["stage"]): row for row in table.to_dict("records")}
    return {key: found[key] for name in NETWORKS for key in found if key[0] == name}


def _lines(found: Mapping[tuple[str, str], Row], tell: Callable[[Row], Cells], *, cells: int) -> list[Cells]:
    lines: list[Cells] = []
    for name in NETWORKS:
        measured = [(*key, *tell(row)) for key, row in found.items() if key[0] == name]
        lines += measured or [(name, MISSING, *["-"] * cells)]
    return lines


def _numbers(row: Row) -> Cells:
    norm = "fixed" if "BatchNorm by" in row["mode"] else "none"
    parts = {"delta": 1, "delta0": 1, "beyond": 100, "critical_batch_size_at_theta": 1, "noise_scale": 1}
    return f"{100 * row['test_accuracy']:.1f} %", norm, *(_interval(row, name, factor) for name, factor in parts.items())


def _layers(row: Row, layers: pd.DataFrame) -> Cells:
    """The layers with the largest parts, and which parts."""
    return tuple(_largest(layers["layer"], layers[name] / row[name]) if row[name] > 0 else "-" for name in ("s2", "beta2"))


def _largest(names: pd.Series, shares: pd.Series) -> str:
    top = shares.sort_values(ascending=False).index[:TOP_LAYERS]
    return ", ".join(f"{names[i] or OWN} {100 * shares[i]:.0f} %" for i in top)


def _in_training_mode(row: Row, batch_size: int) -> Cells:
    """What is defined of batches; the noise scale in examples is B/δ0, whose ends are those of δ0, the other way round."""
    ends = {"scale": "delta0", "scale_low": "delta0_high", "scale_high": "delta0_low"}
    scale = {name: batch_size / row[end] if row[end] > 0 else inf for name, end in ends.items()}
    parts = {"delta_at_batch_size": 1, "delta0": 1, "beyond": 100, "scale": 1}
    return tuple(_interval({**row, **scale}, name, factor) for name, factor in parts.items())


def _interval(row: Row, name: str, factor: float = 1) -> str:
    value, low, high = (three_digits(factor * row[name + end]) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def _made(record: Record, whole: pd.DataFrame) -> str:
    """Sizes, seeds, versions and the machine, as the record has them."""
    about, config = record.environment, record.config["configs"][0]
    B = config["batch_size"]
    etas = {"images": IMAGES["eta"], "sentences": SENTENCES["eta"], "the network with weights": PRETRAINED["eta"]}
    sizes = whole.drop_duplicates("network").set_index("network")["parameters"]
    facts = {
        "measured": f"{config['examples']} training examples; in training mode {config['batches']} batches; θ = {config['theta']}, B = {B}",
        "accuracy": f"on {config['test_examples']:,} held-out examples",
        "training": f"{config['steps']} steps of AdamW on batches of {B}, weight decay {config['weight_decay']}, plain cross-entropy",
        "step size": ", ".join(f"{eta:g} for {kind}" for kind, eta in etas.items()),
        "seeds": ", ".join(map(str, record.seeds)),
        "parameters, millions": ", ".join(f"{name} {sizes[name] / 1e6:.1f}" for name in NETWORKS if name in sizes),
        "versions": ", ".join([f"Python {about['python']}", f"torch {about['torch']}", *sorted(set(whole["version"]))]),
        "machine": about["machine"],
    }
    return markdown.table(("what", "how"), list(facts.items()))
