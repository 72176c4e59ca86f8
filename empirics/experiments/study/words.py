"""What was found at which settings, in words: a word of the plan, then the settings that it holds on, with seeds and power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tsla.empirics.experiments.study.findings import WORDS, Finding, power_shown
from tsla.empirics.experiments.study.scope import NAMES, network, noise, optimiser, schedule, shown
from tsla.empirics.experiments.study.settings import EPOCHS, Setting
from tsla.empirics.experiments.study.third import EVERY

Said = tuple[str, str, str, str]
"""A round with what all its settings share, what a group of them shares, a word, and those of the group that it is said of."""
NOT_RUN = "planned and not run"
SURE = 0.95
"""A power of more is not told from others."""


def shared(settings: Sequence[Setting]) -> str:
    """Such as "20 epochs, SGD with momentum 0.9 and weight decay 0.0005, 1,000 examples and batches of 16 for MLP-64"."""
    networks: dict[str, list[str]] = {}
    for one in settings:
        names = networks.setdefault(f"{shown(one.fixed['train_size'])} examples and batches of {one.batch_size}", [])
        if network(one) not in names:
            names.append(network(one))
    sizes = (f"{size} for {' and '.join(names)}" for size, names in networks.items())
    return ", ".join((f"{EPOCHS} epochs", optimiser(settings), *sizes))


def title(settings: Sequence[Setting]) -> str:
    """What a group of settings shares: such as "step decay of the step size, no wrong labels"."""
    return f"{schedule(settings)}, {noise(settings)}"


def said(of_round: str, group: str, findings: Sequence[Finding], *, name_noise: bool = False) -> list[Said]:
    """The settings of findings of one claim by their words; ``name_noise``: each with its wrong labels."""
    times = Counter(one.setting for one in findings)
    by_word = {
        word: [(EVERY[one.setting], _how(one, several=times[one.setting] > 1)) for one in findings if one.word == word] for word in WORDS
    }
    return [(of_round, group, word, _listed(own, name_noise=name_noise)) for word, own in by_word.items() if own]


def not_run(of_round: str, groups: Iterable[Sequence[Setting]]) -> list[Said]:
    """One line for all settings that are planned and missing, each group with what it shares; none where none is."""
    lines = [f"{_listed([(one, '') for one in missing], name_noise=False)} ({title(missing)})" for missing in groups if missing]
    return [(of_round, "the rest of its plan", NOT_RUN, "; ".join(lines))] if lines else []


def _how(one: Finding, *, several: bool) -> str:
    """How well it was looked at; the arm, where a setting has several."""
    arm = [f"`{one.what.split()[0]}`"] if several else []
    power = f"power {power_shown(one.power)}" if one.power < SURE else f"power above {SURE}"
    edge = ["η at the edge of its grid"] if one.at_edge else []
    aside = [one.aside] if one.aside else []
    return f" ({', '.join((*arm, f'{len(one.differences)} seeds', power, *edge, *aside))})"


def _listed(settings: Sequence[tuple[Setting, str]], *, name_noise: bool) -> str:
    """Such as "MLP-64 on digits and MNIST (60 seeds, power above 0.95); ResNet-8 on digits (…)": those alike together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for setting, how in settings:
        labels = f" with {noise([setting])}" if name_noise else ""
        alike.setdefault((network(setting), how), []).append(f"{NAMES[setting.data]}{labels}")
    return "; ".join(f"{name} on {' and '.join(data)}{how}" for (name, how), data in alike.items())
