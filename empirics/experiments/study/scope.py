"""Where a verdict was found, in words that are made of the very configurations that were run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tsla.empirics.experiments.study.settings import Setting
from tsla.theory.text import listed

NAMES = {"mlp": "MLP-64", "resnet8": "ResNet-8", "fashion-mnist": "Fashion-MNIST", "mnist": "MNIST"}
"""Networks and data sets, as a reader calls them."""
Run = Mapping[str, Any]
"""What all runs of a setting share, as :attr:`Setting.fixed` has it."""


def scope(settings: Sequence[Setting], seen: Mapping[str, str] | None = None) -> str:
    """Networks with their data and wrong labels, then what their runs have in common: such as "MLP-64 on digits, 20 % wrong labels; ...".

    ``seen``: by network, how well it was looked at there.
    """
    runs: dict[str, list[Run]] = {}
    for setting in settings:
        runs.setdefault(setting.model, []).append(setting.fixed)
    added = {model: f" ({said})" for model, said in (seen or {}).items()}
    networks = [f"{NAMES[model]} on {_data(own)}{added.get(model, '')}" for model, own in runs.items()]
    return "; ".join((*networks, _common([run for own in runs.values() for run in own])))


def _data(runs: Sequence[Run]) -> str:
    """Data sets that had the same wrong labels together."""
    together: dict[str, list[str]] = {}
    for data in dict.fromkeys(run["data"] for run in runs):
        noise = listed(_shown(100 * run["label_noise"]) for run in runs if run["data"] == data)
        together.setdefault(noise, []).append(NAMES.get(data, data))
    return " and ".join(f"{listed(names)}, {noise} % wrong labels" for noise, names in together.items())


def _common(runs: Sequence[Run]) -> str:
    def all_of(field: str) -> str:
        return listed(_shown(run[field]) for run in runs)

    schedules = listed(
        "constant step size" if run["step_sizes"] == "constant" else f"{run['step_sizes']} decay of the step size" for run in runs
    )
    length = f"{all_of('train_size')} examples, {all_of('epochs')} epochs, batches of {all_of('batch_size')}"
    return f"{length}, SGD with momentum {all_of('momentum')} and weight decay {all_of('weight_decay')}, {schedules}"


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
