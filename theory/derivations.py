"""The derivation of a bound, line by line, with the numbers of one call in it: to be followed with a pencil (``tsla bound … --why``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tsla.theory import lsr, smoothing
from tsla.theory.biased import SmoothingOracle
from tsla.theory.constants import Constants, UnrepresentableError
from tsla.theory.contraction import contraction, exact_product
from tsla.theory.products import product

Lines = list[str]


def _n(value: Any) -> str:
    number = float(value)
    if not math.isfinite(number):
        raise UnrepresentableError("a number of the derivation overflows float64 for these constants; rescale F")
    return f"{number:.6g}"


def sgd(k: Constants, *, eta: float, T: float) -> Lines:
    """C4."""
    lift = product(eta, eta, k.L, k.sigma2, over=(2,))
    start, noise = product(2, k.F0, over=(eta, T)), product(eta, k.L, k.sigma2)
    return [
        "A1 along w⁺ = w - ηg:  F(w⁺) <= F(w) - η⟨∇F, g⟩ + (L/2)η²‖g‖²",
        "A2, in expectation:  E F(w⁺) <= F(w) - η(1 - ηL/2)‖∇F‖² + (L/2)η²σ²",
        f"η <= 1/L, so 1 - ηL/2 >= 1/2; here ηL = {_n(eta)}·{_n(k.L)} = {_n(product(eta, k.L))}",
        f"noise can lift F in one step by at most (L/2)η²σ² = {_n(lift)}",
        f"summed over T = {_n(T)} steps, with F >= 0:  (η/2) Σ E‖∇F(w_t)‖² <= F0 + T(L/2)η²σ² = {_n(k.F0)} + {_n(product(T, lift))}",
        f"divided by ηT/2 = {_n(product(eta, T, over=(2,)))}:  E‖∇F(w_R)‖² <= 2F0/(ηT) + ηLσ² = {_n(start)} + {_n(noise)}",
    ]


def sgd_exact(k: Constants, *, eta: float, T: float) -> Lines:
    """C16."""
    scale, error = exact_product(np.asarray(eta), k.L)
    keep = (2 - scale) - error
    total = product(2, k.F0, over=(eta, T)) + product(eta, k.L, k.sigma2)
    return [
        "A1 and A2 along w⁺ = w - ηg:  E F(w⁺) <= F(w) - η(1 - ηL/2)‖∇F‖² + (L/2)η²σ²",
        f"nothing is given away: 2(1 - ηL/2) = 2 - ηL = {_n(keep)}, where C4 keeps only 1",
        f"summed over T = {_n(T)} steps and divided by ηT/2:  (2 - ηL) E‖∇F(w_R)‖² <= 2F0/(ηT) + ηLσ² = {_n(total)}",
        f"divided by 2 - ηL:  E‖∇F(w_R)‖² <= {_n(product(total, over=(keep,)))}",
    ]


def lsr_lemma(k: Constants, *, eta: float, T: float, theta: float | None) -> Lines:
    """C5."""
    delta = k.need_delta("C5")
    t = smoothing.paper_theta(delta) if theta is None else theta
    V = lsr.floor(k, theta)
    halves = (V / 2, V / 2) if theta is None else (product(1 - t, k.sigma2), product(t, delta, k.sigma2))  # 1 - 1/(1+δ) would cancel
    start, lifts = product(2, k.F0, over=(eta, T)), product(T, eta, V, over=(2,))
    chosen = "1/(1+δ), the paper's choice" if theta is None else "as given"
    return [
        f"C1:  g_LS = (1-θ)g + θĝ, θ = {_n(t)} ({chosen})",
        "convexity of ‖·‖² (C2):  E‖g_LS - ∇F‖² <= (1-θ)E‖g - ∇F‖² + θE‖ĝ - ∇F‖²",
        f"A2, A3:  <= V(θ) = (1-θ)σ² + θδσ² = {_n(halves[0])} + {_n(halves[1])} = {_n(V)}",
        f"one step along any direction d (C3, η <= 1/L; here ηL = {_n(product(eta, k.L))}):  F(w⁺) <= F(w) - (η/2)‖∇F‖² + (η/2)‖d - ∇F‖²",
        f"summed over T = {_n(T)} steps, with F >= 0:  (η/2) Σ E‖∇F(w_t)‖² <= F0 + T(η/2)V = {_n(k.F0)} + {_n(lifts)}",
        f"divided by ηT/2 = {_n(product(eta, T, over=(2,)))}:  E‖∇F(w_R)‖² <= 2F0/(ηT) + V(θ) = {_n(start)} + {_n(V)}",
        f"V does not depend on η or T: the bound never falls below {_n(V)} (C6)",
    ]


def lsr_biased(k: Constants, oracle: SmoothingOracle, *, eta: float, T: float, theta: float | None) -> Lines:
    """C12; with ``mu`` its form under A4."""
    found = oracle.moments(k.sigma2)
    t = found.theta_for_step(product(eta, k.L)) if theta is None else theta
    N, bias = found.noise(t), found.bias(t)
    noise = product(eta, k.L, N)
    floor = bias + noise
    lines = [
        f"C1:  g_LS = (1-θ)g + θĝ, θ = {_n(t)} ({'θ°(η), which minimises the floor below' if theta is None else 'as given'})",
        f"its mean is ∇F + θb̂, with ‖θb̂‖² <= θ²β² = {_n(bias)}",
        f"its variance about that mean is N(θ) = (1-θ)²σ² + θ²ν² + 2θ(1-θ)c = {_n(N)}",
        "A1, in expectation:  E F(w⁺) <= F - η⟨∇F, ∇F + θb̂⟩ + (L/2)η²(‖∇F + θb̂‖² + N(θ))",
        f"ηL = {_n(product(eta, k.L))} <= 1, and 2⟨a, a+b⟩ - ‖a+b‖² = ‖a‖² - ‖b‖²:  E F(w⁺) <= F - (η/2)‖∇F‖² + (η/2)(θ²β² + ηL N(θ))",
        f"what is left in each step, θ²β² + ηL N(θ) = {_n(bias)} + {_n(noise)} = {_n(floor)}",
    ]
    if k.mu is None:
        start = product(2, k.F0, over=(eta, T))
        return [*lines, f"summed over T = {_n(T)} steps:  E‖∇F(w_R)‖² <= 2F0/(ηT) + θ²β² + ηL N(θ) = {_n(start)} + {_n(floor)}"]
    kept = contraction(k.mu, np.asarray(eta), np.asarray(T))
    return [
        *lines,
        f"A4, 2μ(F - F*) <= ‖∇F‖², μ = {_n(k.mu)}:  E[F(w⁺) - F*] <= (1-ημ)(F - F*) + (η/2)·{_n(floor)}",
        f"over T = {_n(T)} steps (1-ημ)^T = {_n(kept)}, and Σ(1-ημ)^t <= 1/(ημ):",
        f"E[F(w_T) - F*] <= (1-ημ)^T F0 + (θ²β² + ηL N(θ))/(2μ) = {_n(product(kept, k.F0))} + {_n(product(floor, over=(2, k.mu)))}",
    ]


def tsla_two_stages(k: Constants, *, eta1: float, T1: float, eta2: float, T2: float, theta: float | None) -> Lines:
    """C7, then C8."""
    mu, delta = k.need_mu("C8"), k.need_delta("C8")
    t = smoothing.paper_theta(delta) if theta is None else theta
    V, kept = lsr.floor(k, theta), contraction(mu, np.asarray(eta1), np.asarray(T1))
    left, lifted = product(kept, k.F0), product(V, over=(2, mu))
    gap = left + lifted
    return [
        f"stage 1, smoothed with θ = {_n(t)}:  E‖g_LS - ∇F‖² <= V(θ) = (1-θ)σ² + θδσ² = {_n(V)} (C2)",
        f"C3 and A4, η1 L = {_n(product(eta1, k.L))} <= 1:  E[F(w⁺) - F*] <= (1-η1 μ)(F - F*) + (η1/2)V, 1 - η1 μ = {_n(1 - eta1 * mu)}",
        f"over T1 = {_n(T1)} steps (1-η1 μ)^T1 = {_n(kept)}, and Σ(1-η1 μ)^t <= 1/(η1 μ):",
        f"C7:  E[F(w_T1) - F*] <= (1-η1 μ)^T1 F0 + V/(2μ) = {_n(left)} + {_n(lifted)} = {_n(gap)}",
        f"stage 2, plain SGD from that gap (C4), η2 L = {_n(product(eta2, k.L))} <= 1:  E‖∇F(w_R)‖² <= 2·gap/(η2 T2) + η2 L σ²",
        f"η2 T2 = {_n(product(eta2, T2))}:  = {_n(product(2, gap, over=(eta2, T2)))} + {_n(product(eta2, k.L, k.sigma2))}",
    ]


DERIVATIONS: dict[str, Callable[..., Lines]] = {
    "C4": sgd,
    "C16": sgd_exact,
    "C5": lsr_lemma,
    "C12": lsr_biased,
    "C8": tsla_two_stages,
}
