"""Every method whose bound gives a plan, by its name on the command line."""

from __future__ import annotations

from collections.abc import Callable

from tsla.theory import lsr, lsr_pl, sgd, sgd_pl, two_stage, worst_case
from tsla.theory.plan import Plan

METHODS: dict[str, Callable[..., Plan]] = {
    "sgd": sgd.steps,
    "sgd-exact": worst_case.sgd_steps,
    "lsr": lsr.steps,
    "tsla": two_stage.steps,
    "sgd-pl": sgd_pl.three_phase_steps,
    "sgd-pl-last": sgd_pl.last_iterate_steps,
    "sgd-two-step": sgd_pl.two_step_size_steps,
    "lsr-pl": lsr_pl.steps,
}
SMOOTHED = ("lsr", "tsla", "lsr-pl")
PLAIN = tuple(name for name in METHODS if name not in SMOOTHED)
