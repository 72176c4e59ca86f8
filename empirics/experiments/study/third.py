"""The settings of the third round: the optimiser of the paper, with a step size that falls by steps and with one that does not."""

from __future__ import annotations

from tsla.empirics.experiments.study.settings import DECAYED, HEADS, SETTINGS, SMALL_DATA, Search, Setting

FIRST_TUNING, FIRST_CONFIRMING = 200, 300
THETAS = (0.05, 0.1, 0.2, 0.3, 0.5)
DROPS = (5, 9, 10, 11, 13, 15, 16, 18)
"""Before, at, after and between the decays of the step size, at epochs 10 and 15."""
PREDICTED = ("none", "lsr-0.1", "tsla-0.1-5", "tsla-0.1-10", "tsla-0.1-15")
"""The arms that C12's predictions are about, at the step size of ``none``."""
MEASURED_ARMS = ("none", "lsr-0.1")
"""The arms along whose paths moments are measured."""
PATH_EPOCHS = (0, 1, 2, 3, 5, 9, 10, 12, 15, 18, 20)


def _etas(least: float, count: int) -> tuple[float, ...]:
    """From the least one on by factors of the root of 2."""
    return tuple(float(f"{least * 2 ** (k / 2):.4g}") for k in range(count))


def _seeds(count: int) -> tuple[int, ...]:
    return tuple(range(FIRST_CONFIRMING, FIRST_CONFIRMING + count))


def _setting(data: str, noise: float, decay: str, **more: object) -> Setting:
    optimiser = {"momentum": 0.9, "weight_decay": 5e-4, "decay": decay, "last": 3, "tuning_seeds": (FIRST_TUNING,)}
    return Setting(data, noise, primary=noise == 0 and decay == "step", **optimiser, **more)  # type: ignore[arg-type]


SMALL = {"etas": _etas(0.0025, 15), "search": Search(120, 40), "seeds": _seeds(60)}
RESIDUAL = {"model": "resnet8", "etas": _etas(0.02, 8), "search": Search(24, 12), "seeds": _seeds(16)}
HEAD = {
    "model": "efficientnet-lite0",
    "batch_size": 64,
    "train_size": 5000,
    "etas": _etas(0.014, 10),
    "search": Search(40, 20),
    "seeds": _seeds(24),
}
BESIDE = ((0.0, "constant"), (0.2, "step"))
"""Noise and schedules that stand beside clean labels and step decay, where a run is dearer than with the MLP."""

PARTS: dict[str, tuple[Setting, ...]] = {
    "mlp": tuple(
        _setting(data, noise, decay, **SMALL) for decay in ("step", "constant") for noise in (0.0, 0.2, 0.4) for data in SMALL_DATA
    ),
    "heads": tuple(_setting("cifar-100", 0.0, "step", head=head, **HEAD) for head in HEADS),
    "heads_beside": tuple(_setting("cifar-100", noise, decay, head=head, **HEAD) for noise, decay in BESIDE for head in HEADS),
    "resnet8": tuple(_setting(data, 0.0, "step", **RESIDUAL) for data in SMALL_DATA),
    "resnet8_beside": tuple(_setting("digits", noise, decay, **RESIDUAL) for noise, decay in BESIDE),
}
"""The settings whose step sizes are tuned. Each part has records of its own, by the functions below."""
SCRATCH = "study_scratch"
"""The record of the networks whose step size is not tuned: a row a run and epoch, with moments."""
SCRATCH_SETTINGS = tuple(
    _setting("cifar-100", 0.0, "step", model="resnet20", norm=norm, batch_size=64, train_size=10_000, seeds=_seeds(count))
    for norm, count in (("group", 4), ("batch", 2))
)
SCRATCH_ARMS, SCRATCH_ETA, SCRATCH_MEASURED = ("none", "lsr-0.1", "tsla-0.1-10", "tsla-0.1-15"), 0.1, 512
"""What is run there, at which step size, and on how many examples moments are measured."""
EVERY = SETTINGS | DECAYED | {setting.name: setting for part in (*PARTS.values(), SCRATCH_SETTINGS) for setting in part}


def tuning_of(part: str) -> str:
    """The record of a part's tuning: a row a run."""
    return f"study_{part}_tuning"


def runs_of(part: str) -> str:
    """The record of its confirmatory runs: a row a run and epoch."""
    return f"study_{part}"


def paths_of(part: str) -> str:
    """The same with moments, along a few arms."""
    return f"study_{part}_paths"
