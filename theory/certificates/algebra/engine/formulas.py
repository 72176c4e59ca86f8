"""What ``theory`` computes, in arithmetic that z3 can read: its functions check their arguments, and admit only numbers.

The tests compare each, as it stands in the obligations, with the function of ``theory`` that it is named after.
"""

from __future__ import annotations

from typing import Any

import z3

Term = Any
"""A real of z3."""


def smaller(a: Term, b: Term) -> Term:
    """``min(a, b)``."""
    return z3.If(a <= b, a, b)


def larger(a: Term, b: Term) -> Term:
    """``max(a, b)``."""
    return z3.If(a >= b, a, b)


def clipped(a: Term) -> Term:
    """``a`` clipped to [0, 1]."""
    return z3.If(a <= 0, z3.RealVal(0), z3.If(a >= 1, z3.RealVal(1), a))


def mix(true: Term, smoothing: Term, theta: Term) -> Term:
    """``smoothing.mix`` (C1)."""
    return (1 - theta) * true + theta * smoothing


def lemma(sigma2: Term, delta: Term, theta: Term) -> Term:
    """``smoothing.lemma``: V(θ) (C2)."""
    return (1 - theta) * sigma2 + theta * delta * sigma2


def paper_theta(delta: Term) -> Term:
    """``smoothing.paper_theta``."""
    return 1 / (1 + delta)


def paper_floor(sigma2: Term, delta: Term) -> Term:
    """``lsr.floor`` at the paper's θ: V = 2δσ²/(1+δ) (C2)."""
    return 2 * delta * sigma2 / (1 + delta)


def second_moment(s2: Term, shat2: Term, c: Term, theta: Term) -> Term:
    """``Moments.second_moment`` (C11), and ``Moments.noise`` (C12)."""
    return (1 - theta) * (1 - theta) * s2 + theta * theta * shat2 + 2 * theta * (1 - theta) * c


def best_theta(s2: Term, shat2: Term, c: Term) -> Term:
    """``Moments.theta_star`` before it is clipped (C11)."""
    return (s2 - c) / (s2 + shat2 - 2 * c)


def descent(F: Term, grad2: Term, error2: Term, eta: Term) -> Term:
    """``sgd.descent`` (C3)."""
    return F - eta / 2 * grad2 + eta / 2 * error2


def noise_step_size(L: Term, sigma2: Term, eps2: Term) -> Term:
    """``sgd.noise_step_size``; the comparison is written so that nothing is divided by σ² = 0."""
    return z3.If(2 * sigma2 <= eps2, z3.RealVal(1), eps2 / (2 * sigma2)) / L


def sgd_bound(F0: Term, eta: Term, T: Term, L: Term, sigma2: Term) -> Term:
    """``sgd.bound`` (C4)."""
    return 2 * F0 / (eta * T) + eta * L * sigma2


def lsr_bound(F0: Term, eta: Term, T: Term, V: Term) -> Term:
    """``lsr.bound`` (C5)."""
    return 2 * F0 / (eta * T) + V


def biased_bound(F0: Term, eta: Term, T: Term, L: Term, bias: Term, noise: Term) -> Term:
    """``biased.bound`` with ``bias = θ²β²`` and ``noise = N(θ)`` (C12)."""
    return 2 * F0 / (eta * T) + biased_floor(eta, L, bias, noise)


def floors_of_splits(x: Term, a: Term, q: Term) -> tuple[Term, Term]:
    """C18's floor at the worst split where ``xa <= (1-x)q``, and where all of q is noise; ``x = ηL``, ``a = (1-θ)σ``, ``q = θ√δσ``.

    The first is of ``x < 1``, and is written so that at ``x = 1`` nothing is divided by 0.
    """
    return q * q + a * a * x / z3.If(x < 1, 1 - x, z3.RealVal(1)), x * (a + q) * (a + q)


def worst_floor(x: Term, a: Term, q: Term) -> Term:
    """``sharp.floor``: W."""
    of_bias, all_noise = floors_of_splits(x, a, q)
    return z3.If(x * a < (1 - x) * q, of_bias, all_noise)


def biased_floor(eta: Term, L: Term, bias: Term, noise: Term) -> Term:
    """What T does not lower in ``biased.bound`` (C12)."""
    return bias + eta * L * noise


def annealed_theta(sigma2: Term, beta2: Term, nu2: Term, c: Term, scale: Term) -> Term:
    """``Moments.theta_for_step`` before it is clipped, with ``scale = ηL`` (C12)."""
    return scale * (sigma2 - c) / curvature(sigma2, beta2, nu2, c, scale)


def curvature(sigma2: Term, beta2: Term, nu2: Term, c: Term, scale: Term) -> Term:
    """Half of the second derivative of ``Moments.floor`` by θ, with ``scale = ηL`` (C12)."""
    return beta2 + scale * (sigma2 + nu2 - 2 * c)


def worst_case_bound(F0: Term, eta: Term, T: Term, L: Term, sigma2: Term) -> Term:
    """``worst_case.sgd_bound`` (C16)."""
    return sgd_bound(F0, eta, T, L, sigma2) / (2 - eta * L)


def momentum_bound(F0: Term, h: Term, T: Term, L: Term, sigma2: Term, m: Term) -> Term:
    """``momentum.bound`` with ``h = η/(1-m)`` (C21)."""
    return (2 * F0 / (h * T) + h * L * (1 + m) * sigma2) / (2 - h * L * (1 + m) / (1 - m))


def clipping_bias2(sigma2: Term, tau: Term, S: Term) -> Term:
    """``clipping.bias2``, and at ``S = 0`` ``clipping.standstill`` (C22)."""
    return sigma2 * sigma2 / (16 * (tau - S) * (tau - S))


def clipped_bound(F0: Term, eta: Term, T: Term, L: Term, sigma2: Term, tau: Term, S: Term) -> Term:
    """``clipping.bound`` (C22)."""
    return biased_bound(F0, eta, T, L, clipping_bias2(sigma2, tau, S), sigma2)


def growing_noise(A: Term, B: Term, C: Term, gap: Term, grad2: Term) -> Term:
    """The right-hand side of A2′ (C20)."""
    return 2 * A * gap + B * grad2 + C


def weighted_bound(F0: Term, eta: Term, weight: Term, rho: Term, C: Term, left: Term) -> Term:
    """``growing_noise.sgd_bound`` at ``rho = ηL``, ``left = 2 - ηL(1+B)``, and ``lsr_bound`` at ``left = 1 - ρB`` (C20).

    ``weight`` is what the weights of the iterates add up to.
    """
    return (2 * F0 / (eta * weight) + rho * C) / left


def gap_bound(F0: Term, contraction: Term, mu: Term, V: Term) -> Term:
    """``two_stage.stage_one`` with ``contraction = (1-η1 μ)^T1`` (C7)."""
    return contraction * F0 + V / (2 * mu)


def gradient_of_gap(L: Term, gap: Term) -> Term:
    """``last_iterate.bound`` and ``split_bound``, from the gap that is left (C19)."""
    return 2 * L * gap


def last_iterate_bound(F0: Term, contraction: Term, eta: Term, L: Term, mu: Term, sigma2: Term) -> Term:
    """``sgd_pl.last_iterate_bound`` with ``contraction = (1-ημ)^T`` (C15a)."""
    return 2 * L * contraction * F0 + eta * L * L * sigma2 / mu


def delta_of_batch(sigma2: Term, beta2: Term, nu2: Term, B: Term) -> Term:
    """``Moments.delta`` at a batch size (C14)."""
    return (B * beta2 + nu2) / sigma2


def critical_batch_size(sigma2: Term, noise: Term, beta2: Term, theta: Term) -> Term:
    """``Moments.critical_batch_size`` with ``noise = N(θ)`` (C14)."""
    return (sigma2 - noise) / (theta * theta * beta2)


def shrunk_second_moment(s2: Term, grad2: Term, theta: Term) -> Term:
    """``Moments.second_moment`` of the ``shrunk`` ones (C17)."""
    return (1 - theta) * (1 - theta) * s2 + theta * theta * grad2


def beyond(shat2: Term, c: Term, grad2: Term, theta: Term) -> Term:
    """``Moments.beyond`` (C17)."""
    return theta * theta * (shat2 - grad2) + 2 * theta * (1 - theta) * c
