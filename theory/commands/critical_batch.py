"""``tsla critical-batch``."""

from __future__ import annotations

import argparse

import numpy as np

from tsla.options import Parser
from tsla.theory.commands.answer import print_result
from tsla.theory.commands.options import add_numbers, example, moments
from tsla.theory.commands.swept import Answers, add_sweep, print_answers
from tsla.theory.constants import step_scale
from tsla.theory.text import Json, number

ABOUT = "the batch size below which smoothing helps (C14)"
DETAILS = (
    "B_c(θ) = ηL(σ²-N(θ))/(θ²β²), N(θ) = (1-θ)²σ² + θ²ν² + 2θ(1-θ)c (C14). Below it smoothing lowers the variance. With --L and "
    "--eta it is the bound that is lowered; without them ηL is 1."
)
EXAMPLE = f"critical-batch {example('sigma2 beta2 nu2')}"


def add(parser: Parser) -> None:
    """Its options."""
    add_numbers(parser, "sigma2 beta2 nu2", "c theta L eta", {"c": "0 if left out", "theta": "1 if left out"})
    add_sweep(parser)


def run(args: argparse.Namespace) -> None:
    """B_c of the variance, or of the bound at a step size."""
    theta = 1.0 if args.theta is None else args.theta
    if (args.L is None) != (args.eta is None):
        raise ValueError("L and eta go together: with both, the batch size for the bound at that step size; without, for the variance")
    eta_L = 1.0 if args.eta is None else step_scale(eta=args.eta, L=args.L, claim="C14")
    size = np.asarray(moments(args).critical_batch_size(theta, eta_L=eta_L))
    if args.sweep:
        sizes = {"critical_batch_size": np.where(size == -np.inf, 0.0, size)}  # 0: in no batch; "every" alone has no number
        why = dict.fromkeys(sizes, "beta2 = 0 sets no limit, and smoothing helps in every batch")
        print_answers(args, Answers(args.sweep, "the batch size below which smoothing helps   (C14)", sizes, why=why, says=_size))
        return
    print_result(args, lambda: as_json(float(size)), lambda: as_table(float(size), theta))


def _size(value: float) -> str:
    return "none" if value <= 0 else number(value) if np.isfinite(value) else "every"


def as_json(size: float) -> Json:
    """``{"critical_batch_size", "why"}``: the number, and null; or null, and why there is no limit.

    Where it is not positive smoothing helps at no size.
    """
    if np.isfinite(size):
        return {"critical_batch_size": size, "why": None}
    return {
        "critical_batch_size": None,
        "why": f"beta2 = 0: smoothing {'lowers' if size > 0 else 'raises'} the variance at every batch size",
    }


def as_table(size: float, theta: float) -> str:
    """One line."""
    if size <= 0:
        return f"at no batch size does smoothing at theta = {number(theta)} help   (C14)"
    limit = "every batch size (no bias)" if np.isinf(size) else f"batches below {number(size)}"
    return f"smoothing at theta = {number(theta)} helps for {limit}   (C14)"
