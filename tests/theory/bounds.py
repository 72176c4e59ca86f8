"""Every bound at some constants, with the claim that it stands on and what it assumes."""

from __future__ import annotations

from collections.abc import Callable

from tsla.theory import biased, lsr, sgd, sgd_pl, two_stage, worst_case
from tsla.theory.biased import SmoothingOracle
from tsla.theory.bound import Bound
from tsla.theory.constants import Constants

KNOWN = Constants(L=10, mu=1, sigma2=1, delta=0.001, F0=1)
ORACLE = SmoothingOracle(beta2=0.0005, nu2=0.0005)
RUN = {"eta": 0.05, "T": 10}

BOUNDS: list[tuple[Callable[[], Bound], str, str]] = [
    (lambda: sgd.bound(KNOWN, **RUN), "C4", "A1 A2"),
    (lambda: worst_case.sgd_bound(KNOWN, **RUN), "C16", "A1 A2"),
    (lambda: lsr.bound(KNOWN, **RUN), "C5", "A1 A2 A3"),
    (lambda: biased.bound(KNOWN, ORACLE, **RUN), "C12", "A1 A2 A3"),
    (lambda: biased.gap_bound(KNOWN, ORACLE, **RUN), "C12", "A1 A2 A3 A4"),
    (lambda: sgd_pl.last_iterate_bound(KNOWN, **RUN), "C15a", "A1 A2 A4"),
    (lambda: two_stage.stage_one(KNOWN, eta1=0.05, T1=10), "C7", "A1 A2 A3 A4"),
    (lambda: two_stage.bound(KNOWN, eta1=0.05, T1=10, eta2=0.05, T2=10), "C8", "A1 A2 A3 A4"),
]
