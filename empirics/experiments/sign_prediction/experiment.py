"""One run of plain SGD, its snapshots, and the branches from each: what was predicted there beside what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tsla.empirics.assumptions.curvature import largest_curvature
from tsla.empirics.assumptions.network_risk import NetworkRisk
from tsla.empirics.data.datasets import Split
from tsla.empirics.experiments.sign_prediction.copies import Copies
from tsla.empirics.experiments.sign_prediction.predictions import OUTCOMES, Point, predictions
from tsla.empirics.moments.full_batch import gradient_products, moments_of
from tsla.empirics.statistics.intervals import paired
from tsla.empirics.training.configuration import TrainingConfig
from tsla.empirics.training.setup import initial_model, training_split
from tsla.empirics.training.sgd import plain_sgd
from tsla.theory.constants import Array

Config = Mapping[str, Any]
Row = dict[str, Any]


def run(config: Config) -> pd.DataFrame:
    """One row a snapshot, horizon and θ: the configuration, the point, the predictions there, and what the branches did.

    The configuration: ``phase``; ``seed``, ``model``, ``data``, ``label_noise``, ``train_size``, ``batch_size`` and ``eta``, which make the
    run; ``times``, where the snapshots are, as ηT after T steps; ``theta``, the strengths; ``replicas``; ``horizons``, after how many steps
    the branches are measured. Batches are B examples drawn independently, as the theory has it; the arms share them.

    snapshot, step:        which snapshot, and how many steps of plain SGD came before it
    diverged:              whether F was not below that of the initial weights; then nothing else is given
    grad2 ... nu2, alignment, F, L, eta_L:  moments of single examples, ``⟨G, Ĝ⟩``, F, and the largest curvature, unsmoothed
    floor_plain, ...:      what :mod:`tsla.empirics.experiments.sign_prediction.predictions` says
    plain_grad2, plain_F:  after K steps of plain SGD, means over the replicas; at an equilibrium they are about those of the snapshot
    grad2_plain, grad2_shrink, F_plain, F_shrink:  after K steps, smoothed less the rival, with the ends of the paired 95 % interval over
                           the replicas, ``_low`` and ``_high``; nan where a branch diverged
    """
    known = {name: config[name] for name in ("seed", "model", "data", "label_noise", "batch_size", "eta")}
    training = TrainingConfig(method="sgd", train_size=config["train_size"], measure_at=(), **known)
    split, model = training_split(training), initial_model(training)
    generator = torch.Generator().manual_seed(config["seed"])
    step, worst = 0, _loss(model, split)
    rows: list[Row] = []
    for snapshot, time in enumerate(config["times"]):
        ahead = round(time / config["eta"]) - step
        plain_sgd(model, split, _batches(config, ahead, 1, generator)[:, 0], eta=config["eta"])
        step += ahead
        diverged = not _loss(model, split) < worst
        here = {"phase": config["phase"], **known, "snapshot": snapshot, "step": step, "diverged": diverged}
        nothing = ({"K": K, "theta": theta} for K in config["horizons"] for theta in config["theta"])
        rows += [here | row for row in (nothing if diverged else _branch(model, split, config, generator))]
    return pd.DataFrame(rows)


def _batches(config: Config, steps: int, replicas: int, generator: torch.Generator) -> Tensor:
    return torch.randint(config["train_size"], (steps, replicas, config["batch_size"]), generator=generator)


def _loss(model: nn.Module, split: Split) -> float:
    """F where the model is."""
    return float(Copies(model, split).measure()[0])


def _branch(model: nn.Module, split: Split, config: Config, generator: torch.Generator) -> Iterator[Row]:
    """What is predicted where the model is, and what comes of it."""
    point, about = _point(model, split, config)
    said = {theta: predictions(point, theta) for theta in config["theta"]}
    for K, outcomes in _outcomes(model, split, config, generator):
        for theta in config["theta"]:
            yield {"K": K, "theta": theta} | about | said[theta] | _differences(outcomes, theta)


def _point(model: nn.Module, split: Split, config: Config) -> tuple[Point, Row]:
    """The point where the model is, and the same as columns."""
    products = gradient_products(model, split.train_inputs, split.train_labels, "uniform")
    moments = moments_of(products)
    alignment = float(sum((a.double() * b.double()).sum() for a, b in zip(products.G, products.G_hat, strict=True)))
    loss = NetworkRisk(model, split.train_inputs, split.train_labels, seed=0, microbatch=len(split.train_labels))
    value, gradient = loss.value_and_gradient()
    L = largest_curvature(loss.product, len(gradient), np.random.default_rng(config["seed"]))
    point = Point(moments, alignment, config["batch_size"], config["eta"] * L)
    return point, asdict(moments) | {"alignment": alignment, "F": value, "L": L, "eta_L": point.scale}


Arm = tuple[str, float]
Outcomes = Mapping[Arm, Mapping[str, Array]]
"""Of every arm, by its name and θ, each outcome of the replicas, ``(replicas,)``."""


def _rules(config: Config) -> dict[Arm, tuple[float, float]]:
    """(η, θ) of every arm: plain, and for each strength the smoothed one and the control with the smaller step (C17)."""
    eta = config["eta"]
    smoothed = {("smoothed", theta): (eta, theta) for theta in config["theta"]}
    return {("plain", 0.0): (eta, 0.0)} | smoothed | {("shrink", theta): (eta * (1 - theta), 0.0) for theta in config["theta"]}


def _outcomes(model: nn.Module, split: Split, config: Config, generator: torch.Generator) -> Iterator[tuple[int, Outcomes]]:
    rules, before = _rules(config), 0
    copies = Copies(model, split, rules.values(), config["replicas"])
    for K in config["horizons"]:
        copies.walk(_batches(config, K - before, config["replicas"], generator))
        F, grad2 = copies.measure()
        yield K, {arm: {"F": F[i].numpy(), "grad2": grad2[i].numpy()} for i, arm in enumerate(rules)}
        before = K


def _differences(outcomes: Outcomes, theta: float) -> Row:
    plain = outcomes["plain", 0.0]
    rivals = {"plain": plain, "shrink": outcomes["shrink", theta]}
    row: Row = {f"plain_{name}": float(plain[name].mean()) for name in OUTCOMES}
    for name in OUTCOMES:
        for rival, theirs in rivals.items():
            row |= _paired(f"{name}_{rival}", outcomes["smoothed", theta][name], theirs[name])
    return row


def _paired(name: str, ours: Array, theirs: Array) -> Row:
    names = (name, f"{name}_low", f"{name}_high")
    if not np.isfinite([ours, theirs]).all():
        return dict.fromkeys(names, float("nan"))
    found = paired(ours, theirs)
    return dict(zip(names, (float(found.estimate), float(found.low), float(found.high)), strict=True))
