"""Calls of the public names that work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

import tsla
from tests.torture.strange import K, N
from tsla.empirics.advice.measure import Setting
from tsla.empirics.moments.full_batch import layer_moments
from tsla.empirics.smoothing.loss import theta_from
from tsla.theory import clipping, complexity, inversion, lower_bound, moments, sgd, sgd_pl, smoothing, stall, variance
from tsla.theory.biased import SmoothingOracle
from tsla.theory.commands.options import EXAMPLES
from tsla.theory.growing_noise import Growth
from tsla.theory.method import Method
from tsla.theory.methods import declared
from tsla.theory.moments import MOMENTS, Moments

NEVER = re.compile(r"(?!)")
UNREACHABLE = re.compile(r"floor|stages|crossovers")
"""What a plan that does not get there has no number for."""
ANSWER = re.compile("answer")
"""Anything in an answer."""


@dataclass(frozen=True)
class Call:
    """A call that works.

    open:     where its answer may be no finite number, as it is documented
    warns:    what it may warn of, as it is documented
    through:  whether what is no finite number goes through, as through moments, which may be unknown
    """

    function: Callable[..., Any]
    given: Callable[[], dict[str, Any]]
    open: re.Pattern[str] = NEVER
    warns: re.Pattern[str] = NEVER
    through: bool = False


CONSTANTS = ("L", "mu", "sigma2", "delta", "F0")


def _constants(named: dict[str, Any]) -> tsla.Constants:
    """Those among the numbers, which are taken out."""
    given = {name: named.pop(name) for name in CONSTANTS if name in named}
    if "C" in named:
        given["sigma2"] = named.pop("C")
    return tsla.Constants(**given)


def _of_method(method: Method, function: Callable[..., Any], /, **named: Any) -> Any:
    """A function of the method, given the constants and what it needs beside them as numbers."""
    of = [_constants(named)]
    if method.splits:
        of.append(SmoothingOracle(**{name: named.pop(name) for name in ("beta2", "nu2", "c") if name in named}))  # type: ignore[arg-type]
    if method.grows:
        of.append(Growth(**{name: named.pop(name) for name in ("A", "B")}))  # type: ignore[arg-type]
    return function(*of, **named)


def _of_constants(function: Callable[..., Any], /, **named: Any) -> Any:
    return function(_constants(named), **named)


def _given(**arguments: Any) -> Callable[[], dict[str, Any]]:
    """Made anew for each call."""
    return lambda: deepcopy(arguments)


def _numbers(names: str, **others: Any) -> Callable[[], dict[str, Any]]:
    return _given(**{name: EXAMPLES[name] for name in names.split()}, **others)


def _of_methods() -> dict[str, Call]:
    """Bounds and plans, each with its own numbers."""
    found = {}
    for method in declared():
        if method.bounds:
            asked = f"{method.needs} {method.run} {method.optional}"
            found[f"bound {method.name} {method.claim}"] = Call(partial(_of_method, method, method.bound), _numbers(asked))
        if method.plans:
            found[f"plan {method.name}"] = Call(partial(_of_method, method, method.steps), _numbers(f"{method.needs} eps"), UNREACHABLE)
    return found


def _of_moments(name: str, **numbers: Any) -> Any:
    """An answer of the moments, by its name."""
    of = Moments(**{moment: numbers.pop(moment) for moment in MOMENTS})
    found = getattr(of, name)
    return found(**numbers) if numbers or callable(found) else found


MEASURED = {"grad2": 0.3, "s2": 1.0, "shat2": 0.55, "c": -0.1, "beta2": 0.05, "nu2": 0.5}

THEORY: Mapping[str, Call] = {
    **_of_methods(),
    "Constants": Call(tsla.Constants, _numbers("L sigma2 F0 delta mu")),
    "SmoothingOracle": Call(SmoothingOracle, _numbers("beta2 nu2 c")),
    "compare": Call(partial(_of_constants, tsla.compare), _numbers("L sigma2 F0 delta mu eps"), UNREACHABLE),
    "best_eps": Call(partial(_of_constants, inversion.best_eps), _numbers("L sigma2 F0 delta mu", budget=1e5, methods=["sgd", "tsla"])),
    "crossovers": Call(partial(_of_constants, inversion.crossovers), _numbers("L sigma2 F0 mu eps"), ANSWER),
    "from_bounds": Call(variance.from_bounds, _numbers("sigma2 delta theta")),
    "from_moments": Call(variance.from_moments, _numbers("s2 shat2 c grad2 theta")),
    "Moments.of": Call(Moments.of, _numbers("s2 shat2 c grad2")),
    **{
        f"Moments.{name}": Call(
            partial(_of_moments, name), _given(**MEASURED, **more), open=ANSWER if name == "delta" else NEVER, through=True
        )
        for name, more in {
            **{name: {"theta": 0.2} for name in ("bias", "noise", "second_moment", "lemma", "sharp", "gain", "excess", "beyond")},
            "floor": {"theta": 0.2, "eta_L": 0.5},
            **{name: {"eta_L": 0.5} for name in ("slope", "curvature", "theta_for_step")},
            "at_batch_size": {"B": 8},
            **{name: {} for name in ("delta", "theta_star", "clipped")},
        }.items()
    },
    "mix": Call(smoothing.mix, _given(true=np.eye(3)[0], smoothing=np.full(3, 1 / 3), theta=0.1)),
    "lemma": Call(smoothing.lemma, _numbers("sigma2 delta theta")),
    "sharp lemma": Call(smoothing.sharp, _numbers("sigma2 delta theta")),
    "paper_theta": Call(smoothing.paper_theta, _numbers("delta")),
    "lemma_theta": Call(smoothing.lemma_theta, _numbers("delta")),
    "settled": Call(stall.settled, _numbers("sigma2 delta theta")),
    "descent": Call(sgd.descent, _numbers("grad2 L eta", F=1.0, error2=0.1)),
    "smoothing_gain": Call(sgd_pl.smoothing_gain, _numbers("delta")),
    "lower bound": Call(partial(_of_constants, lower_bound.samples), _numbers("L sigma2 F0 delta eps")),
    "clipping bias": Call(clipping.bias2, _numbers("sigma2 clip steepest")),
    "clipping standstill": Call(clipping.standstill, _numbers("sigma2 clip")),
    "clipping progress": Call(clipping.progress, _numbers("sigma2 clip", slope=0.3)),
    "exponents": Call(complexity.exponents, _given(q=0.5), ANSWER),
    "possible": Call(moments.possible, _numbers("s2 shat2 c")),
}

# --- schedules


def _along(schedule: Callable[..., Any], **given: Any) -> Any:
    """A schedule made, looked at, and taken up again from its own state."""
    made = schedule(**given)
    ahead = made.values(4)
    for _ in range(3):
        made.step()
    other = schedule(**given)
    other.load_state_dict(made.state_dict())
    return ahead, other.theta


def _observed(schedule: Callable[..., Any], *, eta_L: Any, **given: Any) -> Any:
    moments = Moments(**{name: given.pop(name) for name in MOMENTS})
    made = schedule(**given)
    made.observe(moments, eta_L=eta_L)
    return made.theta


SCHEDULES: Mapping[str, Call] = {
    "Constant": Call(partial(_along, tsla.Constant), _given(theta=0.1)),
    "Linear": Call(partial(_along, tsla.Linear), _given(theta=0.1, end=5)),
    "Cosine": Call(partial(_along, tsla.Cosine), _given(theta=0.1, end=5)),
    "TwoStage": Call(partial(_along, tsla.TwoStage), _given(theta=0.1, drop=2)),
    "Adaptive": Call(partial(_observed, tsla.Adaptive), _given(**MEASURED, theta=0.1, batch_size=8, beyond="plain", eta_L=0.5)),
    "Annealed": Call(partial(_observed, tsla.Annealed), _given(**MEASURED, batch_size=8, most=0.5, eta_L=0.5)),
    "load_state_dict": Call(lambda state: tsla.Linear(0.1, 5).load_state_dict(state), _given(state={"elapsed": 3.0})),
}

# --- networks


def _examples() -> dict[str, Any]:
    return {"inputs": torch.linspace(-1, 1, N * 5).reshape(N, 5), "labels": torch.arange(N) % K}


def _network(**more: Any) -> dict[str, Any]:
    return {"model": nn.Linear(5, K)} | more


def _set() -> tuple[Any, ...]:
    return tuple(_examples().values())


def _predicted(**more: Any) -> dict[str, Any]:
    return _examples() | {"logits": torch.linspace(-1, 2, N * K).reshape(N, K)} | more


def _monitored(**given: Any) -> Any:
    monitor = tsla.MomentsMonitor(**given)
    for _ in range(3):
        monitor.step()
    return None if any(row["reason"] for row in monitor.rows) else monitor.rows


def _loss(*, logits: Any, labels: Any, inputs: Any, **given: Any) -> Any:
    loss = tsla.SmoothedCrossEntropy(**given)
    found = loss(logits, labels, inputs)
    loss.step()
    fresh = tsla.SmoothedCrossEntropy(**given)
    fresh.load_state_dict(loss.state_dict())
    return found, fresh.theta


def _reading(*, batches: Any, **given: Any) -> Any:
    return tsla.reading(tsla.measure(nn.Linear(5, K), batches), **given)


def _batches() -> list[Any]:
    inputs, labels = _set()
    return [(inputs[k : k + 2], labels[k : k + 2]) for k in range(0, 8, 2)]


MEASUREMENT = {"microbatch": 4, "batch_norm": None, "logits": None, "loss": None}
WARNINGS = re.compile(r"MomentsMonitor measured nothing|look like probabilities|are probabilities")
OF_LOSS = partial(Call, _loss, warns=WARNINGS, through=True)
ESTIMATES = re.compile("estimates")
NETWORKS: Mapping[str, Call] = {
    "gradient_moments": Call(tsla.gradient_moments, lambda: _network(**_examples(), smoothing="uniform", **MEASUREMENT), warns=WARNINGS),
    "layer_moments": Call(layer_moments, lambda: _network(**_examples(), smoothing="uniform", **MEASUREMENT), warns=WARNINGS),
    "measure": Call(
        tsla.measure,
        lambda: _network(batches=_batches(), smoothing="uniform", until=0.5, population=None, seed=0, **MEASUREMENT),
        ESTIMATES,
        WARNINGS,
    ),
    "measure a set": Call(tsla.measure, lambda: _network(batches=_set(), seed=0), ESTIMATES, WARNINGS),
    "monitor": Call(
        _monitored,
        lambda: _network(dataset=_set(), every=2, examples=8, smoothing="uniform", seed=0, microbatch=2, loss=None),
        ANSWER,
        WARNINGS,
    ),
    "SmoothedCrossEntropy": OF_LOSS(
        lambda: _predicted(distribution="uniform", schedule=0.1, reduction="mean", weight=None, ignore_index=-100)
    ),
    "loss of a mixture": OF_LOSS(
        lambda: _predicted(distribution={"own": 0.5, "prior": 0.5}, schedule=tsla.Constant(0.1), prior=torch.ones(K))
    ),
    "CrossEntropy": Call(
        tsla.CrossEntropy, _given(weight=[1.0, 2.0], weighting="label", ignore_index=-100, positions="mean", classes_at=None, binary=False)
    ),
    "theta_from": Call(theta_from, _given(strength=0.1, convention="others", classes=4)),
    "reading": Call(_reading, _given(batches=_batches(), theta=0.1, batch_size=16, eta_L=0.5, label_noise=None), ANSWER),
    "Setting": Call(Setting.of, _given(theta=0.1, batch_size=16, eta=0.1, L=2.0)),
    "Live": Call(tsla.Live, _given(theta=0.1, batch_size=16, unit="step")),
}

# --- runs


def _simulated(*, problem: str, dimension: Any, sigma2: Any, beta2: Any, nu2: Any, eta: Any, theta: Any, steps: Any, **given: Any) -> Any:
    of = tsla.problems.get(problem) if dimension is None else tsla.problems.get(problem, dimension=dimension)
    short = 20 if isinstance(steps, int | float | np.number) and 1e4 < steps < np.inf else steps
    stage = tsla.Stage(eta=eta, theta=theta, steps=short)
    return tsla.simulate(of, tsla.Oracle(sigma2=sigma2, beta2=beta2, nu2=nu2), [stage], **given)


def _pilot() -> pd.DataFrame:
    return pd.DataFrame({"epoch": range(5), **{name: np.linspace(value, 2 * value, 5) for name, value in MEASURED.items()}})


def _trained(**given: Any) -> Any:
    split, network = given.pop("split"), given.pop("network")
    given["epochs"] = 100 if isinstance(given["epochs"], int | np.integer) and given["epochs"] > 100 else given["epochs"]
    return [*tsla.train(tsla.TrainingConfig(**given), network, split=split)]


SMALL = {"method": "lsr", "model": "mlp", "epochs": 1, "train_size": 16, "test_size": 8, "batch_size": 8, "measure_at": (), "pool": 1}
CONFIG = tsla.TrainingConfig("tsla", drop=3, model="mlp", train_size=100, measure_at=(0, 3))
FIELDS = (  # that are exchanged for others
    "method seed epochs eta theta drop smoothing model batch_size momentum weight_decay warmup step_sizes"
    " train_size label_noise data threads measure_at precision device"
)
NOISE = {"sigma2": 1.0, "beta2": 0.1, "nu2": 0.1}
RUNS: Mapping[str, Call] = {
    "Oracle": Call(tsla.Oracle, _given(**NOISE, c=0.01, bias="fixed", noise="student", dof=5.0, variance="rising", knee=1.0)),
    "simulate": Call(
        _simulated,
        _given(
            problem="quadratic", dimension=None, **NOISE, eta=0.05, theta=0.1, steps=20, replicas=3, seed=0, checkpoints=[5, 20], threads=1
        ),
        re.compile("mean_grad2"),
    ),
    "plan": Call(
        tsla.plan,
        _given(pilot=_pilot(), outcome="test_loss", theta=0.1, batch_size=16, epochs=10, eta_L=0.5, method=None, seed=None),
        ANSWER,
    ),
    "TrainingConfig": Call(tsla.TrainingConfig, _given(**{name: getattr(CONFIG, name) for name in FIELDS.split()})),
    "train": Call(_trained, _given(**SMALL, seed=0, eta=0.1, theta=0.1, split=None, network=None), ANSWER),
}
CALLS: Mapping[str, Call] = {**THEORY, **SCHEDULES, **NETWORKS, **RUNS}
