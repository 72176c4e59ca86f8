"""The arms of the study: what each changes in a training run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tsla.empirics.experiments.study import third
from tsla.empirics.experiments.study.settings import EPOCHS, Setting

Arm = Mapping[str, Any]
"""Fields of a :class:`~tsla.TrainingConfig`."""

DROPS = (1, 2, 3, 4, 6, 8, 10, 13, 16, 18)
FEWER_DROPS = (2, 4, 8, 13, 18)
FEWEST_DROPS = (4, 8, 16)
THETAS = (0.1, 0.3)


def _dropped(name: str, arm: Arm, drops: tuple[int, ...]) -> dict[str, Arm]:
    return {f"{name}-{drop}": {**arm, "drop": drop} for drop in drops}


def _family(theta: float, drops: tuple[int, ...]) -> dict[str, Arm]:
    smoothed = {f"lsr-{theta}": {"method": "lsr", "theta": theta}}
    return smoothed | _dropped(f"tsla-{theta}", {"method": "tsla", "theta": theta}, drops)


def _family_of(arm: str) -> str:
    """Such as "own-hard-tsla" of "own-hard-tsla-0.3-2"."""
    return re.sub(r"-[\d.]+(-\d+)?$", "", arm)


def _own_hard(theta: float, drops: tuple[int, ...]) -> dict[str, Arm]:
    own = {"theta": theta, "smoothing": "own-hard"}
    return {f"own-hard-{theta}": {**own, "method": "lsr"}} | _dropped(f"own-hard-tsla-{theta}", {**own, "method": "tsla"}, drops)


NONE: dict[str, Arm] = {"none": {"method": "sgd"}}
CONTROL: dict[str, Arm] = {"shrink-0.3": {"method": "shrink", "theta": 0.3}}
ALL: dict[str, Arm] = (
    NONE
    | CONTROL
    | {name: arm for theta in THETAS for name, arm in _family(theta, DROPS).items()}
    | _dropped("shrink-tsla-0.3", {"method": "shrink-tsla", "theta": 0.3}, FEWER_DROPS)
    | {"annealed": {"method": "annealed"}, "own-0.3": {"method": "lsr", "theta": 0.3, "smoothing": "own"}}
    | {f"adaptive-{theta}": {"method": "adaptive", "theta": theta} for theta in THETAS}
    | _own_hard(0.3, FEWER_DROPS)
)
COMPARED: dict[str, Arm] = NONE | _family(0.1, DROPS) | _family(0.3, DROPS) | _own_hard(0.3, FEWER_DROPS)
"""What E3 and E5 choose from."""
AFFORDABLE: dict[str, Arm] = NONE | CONTROL | _family(0.1, FEWEST_DROPS) | _family(0.3, FEWEST_DROPS) | _own_hard(0.3, FEWEST_DROPS)
"""For a network that takes a hundred times as long."""


def _by_family(arms: Mapping[str, Arm]) -> dict[str, dict[str, Arm]]:
    families: dict[str, dict[str, Arm]] = {}
    for name, arm in arms.items():
        families.setdefault(_family_of(name), {})[name] = arm
    return families


SEARCHED = _by_family(
    NONE | {name: arm for made in (_family, _own_hard) for theta in third.THETAS for name, arm in made(theta, third.DROPS).items()}
)
"""The families of the third round, which get equal budgets of tuning, each with its arms."""


def theta_of(arm: str) -> float:
    """The θ in the name of an arm; 0 for one that has none."""
    theta = re.search(r"-(0\.\d+)", arm)
    return float(theta[1]) if theta else 0.0


def measured_arms(setting: Setting) -> tuple[str, ...]:
    """The arms along whose paths the moments are measured."""
    return ("none", "lsr-0.1", "lsr-0.3", "shrink-0.3") if setting.small else ("none", "lsr-0.1")


def arms(setting: Setting) -> dict[str, Arm]:
    """The arms that are run in a setting, by name."""
    if setting.of_third_round:
        return {name: arm for family in SEARCHED.values() for name, arm in family.items()}
    if setting.decay != "constant":
        return COMPARED
    return ALL if setting.small else AFFORDABLE


def config(setting: Setting, arm: str, eta: float, seed: int, **more: Any) -> dict[str, Any]:
    """The fields of the :class:`~tsla.TrainingConfig` of one run, ``more`` of them as given."""
    return {**setting.fixed, "drop": EPOCHS, "measure_at": (), **arms(setting)[arm], "eta": eta, "seed": seed, **more}


def searched(setting: Setting) -> Iterator[tuple[list[tuple[str, float]], tuple[int, ...]]]:
    """Of each family: the cells (arm, step size) that it is tuned on, and the seeds, as many runs in all as every other family has.

    Where a family has more cells than the search takes, they are drawn at random, again until each θ is among them, since E4 compares at
    one θ: the same ones in all settings with these step sizes. Raises ValueError for a setting without a search.
    """
    if setting.search is None:
        raise ValueError(f"setting = {setting.name!r} has no search; must be one of the third round")
    for number, family in enumerate(SEARCHED.values()):
        cells = [(arm, eta) for arm in family for eta in setting.etas]
        if len(cells) > setting.search.cells:
            cells = _drawn(cells, setting.search.cells, np.random.default_rng((third.FIRST_TUNING, number)))
        first = setting.tuning_seeds[0]
        yield cells, tuple(range(first, first + setting.search.runs // len(cells)))


def _drawn(cells: Sequence[tuple[str, float]], count: int, rng: np.random.Generator) -> list[tuple[str, float]]:
    """So many of the cells, with each θ that there is."""
    found = [cells[place] for place in sorted(rng.choice(len(cells), count, replace=False))]
    thetas, theirs = ({theta_of(arm) for arm, _ in some} for some in (cells, found))
    return found if theirs == thetas else _drawn(cells, count, rng)
