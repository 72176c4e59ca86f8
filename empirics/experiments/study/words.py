"""What was found at which settings, in words: a word of the plan, then the settings that it holds on, with seeds and power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tsla.empirics.experiments.study.findings import WORDS, Finding, power_shown
from tsla.empirics.experiments.study.scope import NAMES, network, noise, optimiser, schedule, shown
from tsla.empirics.experiments.study.settings import EPOCHS, Setting
from tsla.empirics.experiments.study.third import EVERY

Said = tuple[str, str, str]
"""What a group of settings shares, a word, and those of the group that it is said of."""
NOT_RUN = "not run"


def title(settings: Sequence[Setting]) -> str:
    """What a group of settings shares: such as "step decay of the step size, no wrong labels; 20 epochs, SGD with ..."."""
    return f"{schedule(settings)}, {noise(settings)}; {EPOCHS} epochs, {optimiser(settings)}"


def said(group: str, findings: Sequence[Finding], missing: Iterable[Setting] = (), *, name_noise: bool = False) -> list[Said]:
    """The settings of findings of one claim by their words, and those that are missing; ``name_noise``: each with its wrong labels."""
    times = Counter(one.setting for one in findings)
    by_word = {
        word: [(EVERY[one.setting], _how(one, several=times[one.setting] > 1)) for one in findings if one.word == word] for word in WORDS
    } | {NOT_RUN: [(setting, "") for setting in missing]}
    return [(group, word, _by_network(own, name_noise=name_noise)) for word, own in by_word.items() if own]


def _how(one: Finding, *, several: bool) -> str:
    """How well it was looked at; the arm, where a setting has several."""
    arm = [f"`{one.what.split()[0]}`"] if several else []
    edge = ["η at the edge of its grid"] if one.at_edge else []
    aside = [one.aside] if one.aside else []
    return f" ({', '.join((*arm, f'{len(one.differences)} seeds', f'power {power_shown(one.power)}', *edge, *aside))})"


def _by_network(settings: Sequence[tuple[Setting, str]], *, name_noise: bool) -> str:
    """Such as "MLP-64 (1,000 examples, batches of 16) on digits (60 seeds, power 1.00), MNIST (60 seeds, power 0.98); ..."."""
    networks: dict[str, list[str]] = {}
    for setting, how in settings:
        run = setting.fixed
        size = f"{shown(run['train_size'])} examples, batches of {run['batch_size']}"
        labels = f" with {noise([setting])}" if name_noise else ""
        networks.setdefault(f"{network(setting)} ({size})", []).append(f"{NAMES[setting.data]}{labels}{how}")
    return "; ".join(f"{one} on {', '.join(data)}" for one, data in networks.items())
