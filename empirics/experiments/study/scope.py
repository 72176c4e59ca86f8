"""Where a verdict was found, in words that are made of the very configurations that were run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tsla.empirics.experiments.study.settings import Setting
from tsla.theory.text import listed

NAMES = {"digits": "digits", "fashion": "Fashion-MNIST", "mnist": "MNIST", "cifar-100": "CIFAR-100"}
NETWORKS = {"mlp": "MLP-64", "resnet8": "ResNet-8", "resnet20": "ResNet-20", "efficientnet-lite0": "EfficientNet-Lite0"}
"""Data sets and networks, as a reader calls them."""
NORMS = {"group": "GroupNorm", "batch": "BatchNorm"}
WITH_HEAD = {"linear": "frozen ImageNet weights and a linear head", "hidden": "frozen ImageNet weights and a head with 128 hidden units"}


def scope(settings: Sequence[Setting]) -> str:
    """Networks with their data and wrong labels, then what their runs share: such as "MLP-64 on digits, 20 % wrong labels; ..."."""
    of: dict[str, list[Setting]] = {}
    for setting in settings:
        of.setdefault(network(setting), []).append(setting)
    networks = [f"{name} on {_data(own)}" for name, own in of.items()]
    length = f"{_all(settings, 'train_size')} examples, {_all(settings, 'epochs')} epochs, batches of {_all(settings, 'batch_size')}"
    return "; ".join((*networks, f"{length}, {optimiser(settings)}, {schedule(settings)}"))


def network(setting: Setting) -> str:
    """Such as "ResNet-20 with BatchNorm"; GroupNorm goes without saying where a network of the study has no other."""
    name = NETWORKS[setting.model]
    if setting.head:
        return f"{name} with {WITH_HEAD[setting.head]}"
    return f"{name} with {NORMS[setting.norm]}" if setting.model == "resnet20" else name


def noise(settings: Iterable[Setting]) -> str:
    """Such as "20 and 40 % wrong labels"."""
    amounts = list(dict.fromkeys(setting.label_noise for setting in settings))
    return "no wrong labels" if amounts == [0] else f"{listed(shown(100 * amount) for amount in amounts)} % wrong labels"


def optimiser(settings: Sequence[Setting]) -> str:
    """Such as "SGD with momentum 0.9 and weight decay 0.0005"."""
    return f"SGD with momentum {_all(settings, 'momentum')} and weight decay {_all(settings, 'weight_decay')}"


def schedule(settings: Iterable[Setting]) -> str:
    """Such as "step decay of the step size"."""
    return listed("constant step size" if of.decay == "constant" else f"{of.decay} decay of the step size" for of in settings)


def shown(value: float) -> str:
    """A number of a configuration."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _data(settings: Sequence[Setting]) -> str:
    """Data sets that had the same wrong labels together."""
    together: dict[str, list[str]] = {}
    for data in dict.fromkeys(setting.data for setting in settings):
        together.setdefault(noise(setting for setting in settings if setting.data == data), []).append(NAMES[data])
    return " and ".join(f"{listed(names)}, {labels}" for labels, names in together.items())


def _all(settings: Sequence[Setting], field: str) -> str:
    return listed(shown(setting.fixed[field]) for setting in settings)
