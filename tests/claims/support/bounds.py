"""The bounds of the paper as the relations take them: functions of (constants, eta, T, theta)."""

from __future__ import annotations

from tsla.theory import lsr, sgd, two_stage
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants


def sgd_bound(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return sgd.bound(k, eta=eta, T=T)


def lsr_bound(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return lsr.bound(k, eta=eta, T=T, theta=theta)


def stage_one_bound(k: Constants, eta: float, T: float, theta: float | None) -> Bound:
    return two_stage.stage_one(k, eta1=eta, T1=T, theta=theta)
