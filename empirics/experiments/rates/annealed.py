"""Smoothing annealed with the step size, beside TSLA and none, on the same noise (C12): who needs fewer samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tsla.empirics.experiments.rates.samples import MARKS, Config, Samples, instance_of, known, percentiles, plan_of, resamples
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.theory import smoothing
from tsla.theory.constants import Constants
from tsla.theory.methods import METHODS
from tsla.theory.plan import Stage

PIECE = 1.1
"""θ°(η) is held while a decaying η falls by this factor."""

CONTRASTS = (
    ("two-level dropped", "two-level none"),
    ("two-level annealed", "two-level dropped"),
    ("three-phase dropped", "three-phase none"),
    ("three-phase annealed", "three-phase none"),
    ("three-phase annealed", "three-phase dropped"),
    ("two-level dropped", "three-phase none"),
    ("three-phase annealed", "two-level dropped"),
    ("three-phase constant", "three-phase annealed"),
)
"""Who is compared with whom. "two-level dropped" is TSLA (C8), "three-phase none" PL-aware SGD (C15b)."""


def arms(constants: Constants, oracle: Oracle, eps: float) -> dict[str, tuple[Stage, ...]]:
    """Two schedules of step sizes, each without smoothing, with smoothing dropped after the first stage, and annealed; and C12's plan.

    two-level:    the step sizes and lengths of TSLA (C8)        three-phase:  those of PL-aware SGD (C15b)
    none:         ``θ = 0``        dropped:  ``θ = 1/(1+δ)`` in the first stage, then 0        annealed:  ``θ°(η_t)``
    constant:     one θ throughout, and shorter phases: ``tsla.theory.smoothed_pl``
    """
    schedules = {"two-level": METHODS["tsla"](constants, eps=eps).stages, "three-phase": METHODS["sgd-pl"](constants, eps=eps).stages}
    paper = smoothing.paper_theta(constants.need_delta("C8"))
    made = {}
    for name, stages in schedules.items():
        none = tuple(replace(stage, theta=np.zeros(())) for stage in stages)
        made[f"{name} none"] = none
        made[f"{name} dropped"] = (replace(stages[0], theta=paper), *none[1:])
        made[f"{name} annealed"] = tuple(piece for stage in stages for piece in _annealed(stage, constants, oracle))
    made["three-phase constant"] = plan_of("smoothed-pl", constants, oracle, eps).stages
    return made


def _annealed(stage: Stage, constants: Constants, oracle: Oracle) -> Iterable[Stage]:
    """The same step sizes with ``θ°(η_t)``, θ held over pieces in which η falls by at most PIECE."""
    done, steps = 0, int(stage.steps)
    while done < steps:
        decay = None if stage.decay_steps is None else float(stage.decay_steps) + done
        length = steps if decay is None else max(1, int((PIECE - 1) * decay))
        eta = float(stage.eta) if stage.decay_steps is None else float(stage.eta / (1 + done / stage.decay_steps))
        theta = np.asarray(known(oracle).moments(constants.sigma2).theta_for_step(np.minimum(eta * constants.L, 1.0)))
        length = min(length, steps - done)
        yield Stage(np.asarray(eta), theta, np.asarray(float(length)), None if decay is None else np.asarray(decay))
        done += length


def compare(config: Config) -> pd.DataFrame:
    """Samples until a single iterate's ``E‖∇F(w_t)‖² <= ε²`` of each arm, on the same noise: one row a contrast.

    The configuration: ``problem``, ``problem_options``, ``delta``, ``sigma2``, ``bias``, ``noise``, ``eps``, ``replicas``, ``seed``.
    ``ratio`` is samples of ``arm`` over those of ``against``, with its interval by the bootstrap over pairs of replicas. Arms run for at
    most ``horizon`` samples, four times those of the three phases; an infinite count says that this was not enough.
    """
    eps = config["eps"]
    problem, oracle, constants = instance_of({**config, "q": 0, "scale": config["delta"]}, eps)
    horizon = 4 * int(METHODS["sgd-pl"](constants, eps=eps).total)
    weights = resamples(config["replicas"], config["seed"])
    found: dict[str, Samples] = {}
    for name, stages in arms(constants, oracle, eps).items():
        marks = [step for step in np.unique(np.rint(np.geomspace(1, horizon, 3 * MARKS)).astype(int)) if step <= _total(stages)]
        how = {"replicas": config["replicas"], "seed": config["seed"], "compiled": config.get("compiled", False)}
        run = simulate(problem, oracle, _within(stages, horizon), checkpoints=marks, **how)
        found[name] = Samples.of(run.step, run.grad2, eps**2, weights)
    same = {name: config[name] for name in ("problem", "delta", "sigma2", "bias", "eps", "replicas", "seed")} | {"horizon": horizon}
    return pd.DataFrame([same | _contrast(found, arm, against) for arm, against in CONTRASTS])


def _total(stages: Iterable[Stage]) -> int:
    return int(sum(float(stage.steps) for stage in stages))


def _within(stages: Iterable[Stage], horizon: int) -> list[Stage]:
    """The first ``horizon`` steps of these stages."""
    cut, left = [], horizon
    for stage in stages:
        length = min(int(stage.steps), left)
        cut.append(replace(stage, steps=np.asarray(float(length))))
        left -= length
    return cut


def _contrast(found: Mapping[str, Samples], arm: str, against: str) -> dict[str, Any]:
    first, second = found[arm], found[against]
    with np.errstate(invalid="ignore"):  # neither arrives: nan, which is not told apart
        ratio = first.estimate / second.estimate
        ratios = first.resampled / second.resampled
    low, high = (np.nan, np.nan) if np.isnan(ratios).any() else percentiles(ratios)
    return {
        "arm": arm,
        "against": against,
        "arm_samples": first.estimate,
        "against_samples": second.estimate,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
    }
