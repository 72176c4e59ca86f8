"""C18: the variance lemma made sharp, the worst split of A3, the θ that is best against it, and what smoothing buys."""

from __future__ import annotations

from collections.abc import Iterable

import z3

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.obligation import Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    NOISE,
    NOISY,
    ORACLE,
    SMOOTH,
    START,
    STEP,
    STRENGTH,
    TARGET,
    F,
    F_next,
    L,
    Premises,
    T,
    V,
    c,
    delta,
    eps2,
    eta,
    grad2,
    sigma2,
    theta,
)

sigma, root, x, W = z3.Reals("sigma root x W")
"""σ, √δ, ηL, and a bound on the floor."""
a, q, bias2, m = z3.Reals("a q bias2 m")
"""(1-θ)σ and θ√δσ, what g and ĝ may contribute; β² = θ²b² and m = θn of a split of δσ² into b² and n²."""
dev, dev_hat = z3.Reals("dev dev_hat")
"""Roots of E‖g-∇F‖² and E‖ĝ-∇F‖²."""
ROOTS: Premises = {"σ ≥ 0": sigma >= 0, "√δ ≥ 0": root >= 0}
SHORT: Premises = {"0 < ηL < 1": z3.And(x > 0, x < 1)}
SHARES: Premises = {"shares": z3.And(a >= 0, q >= 0)}
SPLIT: Premises = {"A3": z3.And(bias2 >= 0, m >= 0, bias2 + m * m <= q * q)}
FLOOR: Premises = {"W >= 0": W >= 0}
true, smoothing = (1 - theta) * sigma, theta * root * sigma
SHARP = (true + smoothing) * (true + smoothing)
"""``smoothing.sharp``: U(θ)."""
OF_SPLIT = bias2 + x * (a + m) * (a + m)
MOSTLY_BIAS = x * a <= (1 - x) * q
OF_BIAS, ALL_NOISE = q * q + a * a * x / (1 - x), x * (a + q) * (a + q)
WORST = z3.If(MOSTLY_BIAS, OF_BIAS, ALL_NOISE)
"""W."""
y = x / (1 - x)
BEST_THETA, LEAST = y / (delta + y), sigma2 * delta * y / (delta + y)
"""θ° and W°."""
SHARE = eps2 / (2 * sigma2)
"""e."""
PLAN_SCALE = SHARE * delta / (delta - SHARE + SHARE * delta)
PLAN = 4 * L * F0 / eps2 * (1 + 1 / SHARE - 1 / delta)
KNOWN: Premises = {**SMOOTH, **NOISY, **START, **TARGET}
BETWEEN: Premises = {"e ≤ δ ≤ 1": z3.And(SHARE <= delta, delta <= 1)}


def certificates() -> Iterable[Certificate]:
    """Prove C18 without A4."""
    return certify(obligations())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C18 without A4; its exact form is in ``sharp_exact``."""
    lift = eta / 2 * W
    return (
        _minkowski(),
        _lemma(),
        _lemma_attained(),
        _beside_lemma(),
        _at_paper_theta(),
        _worst_split(),
        _worst_noise(),
        _worst_split_attained(),
        _beside_lsr(),
        _one_step(),
        *recursions.telescoping("C18", eta / 2, lift, {**STEP, **FLOOR}, "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t ηW/2"),
        recursions.mean("C18", eta / 2, lift, {**STEP, **FLOOR}, formulas.lsr_bound(F0, eta, T, W), "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + W(θ, ηL)"),
        _best_theta(),
        _best_theta_where_all_is_noise(),
        _no_smoothing(),
        _gain(),
        _plan(),
        _plan_small_delta(),
        _bought(),
    )


def _minkowski() -> Obligation:
    moment = formulas.second_moment(dev * dev, dev_hat * dev_hat, c, theta)
    sum_of_roots = (1 - theta) * dev + theta * dev_hat
    return Obligation(
        claim="C18",
        name="Minkowski",
        statement="E‖g_LS-∇F‖² ≤ ((1-θ)s + θŝ)², s and ŝ the roots of E‖g-∇F‖² and E‖ĝ-∇F‖²",
        hypotheses={**STRENGTH, "Cauchy-Schwarz": c <= dev * dev_hat},
        conclusion=moment <= sum_of_roots * sum_of_roots,
        mutants={
            "without the covariance": conclude(moment <= (1 - theta) * (1 - theta) * dev * dev + theta * theta * dev_hat * dev_hat),
            "any covariance": drop("Cauchy-Schwarz"),
            "theta > 1": drop("theta <= 1"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _lemma() -> Obligation:
    sum_of_roots = (1 - theta) * dev + theta * dev_hat
    return Obligation(
        claim="C18",
        name="sharp lemma",
        statement="((1-θ)s + θŝ)² ≤ U(θ) = ((1-θ)σ + θ√δσ)²",
        hypotheses={**STRENGTH, "roots": z3.And(dev >= 0, dev_hat >= 0), "A2": dev <= sigma, "A3": dev_hat <= root * sigma},
        conclusion=sum_of_roots * sum_of_roots <= SHARP,
        mutants={
            "half of it": conclude(sum_of_roots * sum_of_roots <= SHARP / 2),
            "no A2": drop("A2"),
            "no A3": drop("A3"),
        },
    )


def _lemma_attained() -> Obligation:
    moment = formulas.second_moment(sigma2, root * root * sigma2, root * sigma2, theta)
    return Obligation(
        claim="C18",
        name="sharp lemma, attained",
        statement="an equality where ĝ-∇F = √δ(g-∇F) and E‖g-∇F‖² = σ², at every θ and δ",
        hypotheses={"σ²": sigma2 == sigma * sigma},
        conclusion=moment == SHARP,
        mutants={
            "V": conclude(moment == formulas.lemma(sigma2, root * root, theta)),
            "opposite deviations": conclude(moment == (true - smoothing) * (true - smoothing)),
        },
        guarantee="tight",
    )


def _beside_lemma() -> Obligation:
    between = formulas.lemma(sigma * sigma, root * root, theta) - SHARP
    return Obligation(
        claim="C18",
        name="beside the lemma",
        statement="V - U = θ(1-θ)(1-√δ)²σ²",
        hypotheses={},
        conclusion=between == theta * (1 - theta) * (1 - root) * (1 - root) * sigma * sigma,
        mutants={
            "(1-δ)²": conclude(between == theta * (1 - theta) * (1 - root * root) * (1 - root * root) * sigma * sigma),
            "nothing": conclude(between == 0),
        },
        guarantee="identity",
    )


def _at_paper_theta() -> Obligation:
    factor = (1 + root) * (1 + root) / (2 * (1 + root * root))
    paper = z3.substitute(SHARP, (theta, formulas.paper_theta(root * root)))
    lemma = formulas.paper_floor(sigma * sigma, root * root)
    return Obligation(
        claim="C18",
        name="at the paper's theta",
        statement="U(1/(1+δ)) = V(1/(1+δ))(1+√δ)²/(2(1+δ)), a factor between 1/2 and 1",
        hypotheses=ROOTS,
        conclusion=z3.And(paper == lemma * factor, 2 * factor >= 1, factor <= 1),
        mutants={
            "V": conclude(paper == lemma),
            "at least 2/3": conclude(3 * factor >= 2),
            "(1+δ)²": conclude(paper == lemma * (1 + root * root) * (1 + root * root) / 2),
        },
    )


def _worst_split() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, bias and noise",
        statement="β² + x(a + m)² ≤ q² + a²x/(1-x) for β² + m² ≤ q², x < 1",
        hypotheses={**SHORT, **SHARES, **SPLIT},
        conclusion=OF_SPLIT <= OF_BIAS,
        mutants={
            "x for x/(1-x)": conclude(OF_SPLIT <= q * q + a * a * x),
            "half the bias": conclude(OF_SPLIT <= OF_BIAS - q * q / 2),
            "any split": drop("A3"),
        },
    )


def _worst_noise() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, all noise",
        statement="β² + x(a + m)² ≤ x(a + q)² for β² + m² ≤ q² where xa ≥ (1-x)q; a + q = √U",
        hypotheses={**SHARES, **SPLIT, "0 < ηL ≤ 1": z3.And(x > 0, x <= 1), "xa ≥ (1-x)q": x * a >= (1 - x) * q},
        conclusion=OF_SPLIT <= ALL_NOISE,
        mutants={
            "half of it": conclude(OF_SPLIT <= ALL_NOISE / 2),
            "for all θ": drop("xa ≥ (1-x)q"),
            "any split": drop("A3"),
        },
    )


def _worst_split_attained() -> Obligation:
    """The other case is attained by ``b = 0``, which makes it an identity."""
    return Obligation(
        claim="C18",
        name="W, attained by a split",
        statement="at m = xa/(1-x), β² = q² - m² it is q² + a²x/(1-x), and β² ≥ 0 where xa ≤ (1-x)q",
        hypotheses={
            **SHORT,
            **SHARES,
            "xa ≤ (1-x)q": MOSTLY_BIAS,
            "m": m == x * a / (1 - x),
            "bias2": bias2 == q * q - m * m,
        },
        conclusion=z3.And(OF_SPLIT == OF_BIAS, bias2 >= 0),
        mutants={
            "all noise": suppose("m", m == q),
            "beyond the case": drop("xa ≤ (1-x)q"),
            "x U": conclude(OF_SPLIT == ALL_NOISE),
        },
        guarantee="tight",
    )


def _beside_lsr() -> Obligation:
    """The rest of it, ``U <= V``, is in ``beside the lemma``."""
    return Obligation(
        claim="C18",
        name="beside C5",
        statement="θ²δσ² ≤ W(θ, x) ≤ U(θ)",
        hypotheses={**SHORT, **SHARES},
        conclusion=z3.And(q * q <= WORST, WORST <= (a + q) * (a + q)),
        mutants={
            "at most xU": conclude(WORST <= ALL_NOISE),
            "at most half of U": conclude(WORST <= (a + q) * (a + q) / 2),
            "ηL > 1": suppose("0 < ηL < 1", x > 1),
        },
    )


def _one_step() -> Obligation:
    """C12's step, whatever the split is at this point of this history."""
    noise = z3.Real("noise")
    return Obligation(
        claim="C18",
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2)W",
        hypotheses={
            **STEP,
            "C12": F_next <= F - eta / 2 * grad2 + eta / 2 * bias2 + L * eta * eta * noise / 2,
            "W": formulas.biased_floor(eta, L, bias2, noise) <= W,
        },
        conclusion=F_next <= F - eta / 2 * grad2 + eta / 2 * W,
        mutants={
            "half of W": conclude(F_next <= F - eta / 2 * grad2 + eta / 4 * W),
            "any split": drop("W"),
            "twice the gain": conclude(F_next <= F - eta * grad2 + eta / 2 * W),
        },
        axiom=axioms.HISTORY,
    )


def _best_theta() -> Obligation:
    value = theta * theta * delta * sigma2 + (1 - theta) * (1 - theta) * sigma2 * y
    square = (delta + y) * (theta - BEST_THETA) * (theta - BEST_THETA) * sigma2
    return Obligation(
        claim="C18",
        name="θ°, completed square",
        statement="σ²(θ²δ + (1-θ)²y) = σ²δy/(δ+y) + (δ+y)(θ-θ°)²σ², θ° = y/(δ+y), y = x/(1-x); x(1-θ°) ≤ (1-x)θ°√δ iff δ ≤ 1",
        hypotheses={**SHORT, "√δ > 0": root > 0, "δ": delta == root * root},
        conclusion=z3.And(value == LEAST + square, (x * (1 - BEST_THETA) <= (1 - x) * BEST_THETA * root) == (delta <= 1)),
        mutants={
            "half the square": conclude(value == LEAST + square / 2),
            "iff δ ≤ 2": conclude((x * (1 - BEST_THETA) <= (1 - x) * BEST_THETA * root) == (delta <= 2)),
            "x for y": conclude(z3.substitute(value, (theta, x / (delta + x))) == LEAST),
        },
    )


def _best_theta_where_all_is_noise() -> Obligation:
    """Where the other case of W holds, ``θ ≤ y/(√δ+y)``: U falls with θ, and so it is least at that end."""
    return Obligation(
        claim="C18",
        name="θ°, where all is noise",
        statement="x U(θ) ≥ σ²δy/(δ+y) for δ ≤ 1",
        hypotheses={
            **SHORT,
            **STRENGTH,
            **NOISE,
            "√δ > 0": root > 0,
            "δ": delta == root * root,
            "δ ≤ 1": root <= 1,
            "x(1-θ) ≥ (1-x)θ√δ": x * (1 - theta) >= (1 - x) * theta * root,
        },
        conclusion=x * (1 - theta + theta * root) * (1 - theta + theta * root) * sigma2 >= LEAST,
        mutants={
            "twice of it": conclude(x * (1 - theta + theta * root) * (1 - theta + theta * root) * sigma2 >= 2 * LEAST),
            "no more than it": conclude(x * (1 - theta + theta * root) * (1 - theta + theta * root) * sigma2 <= LEAST),
            "xσ²": conclude(x * (1 - theta + theta * root) * (1 - theta + theta * root) >= x),
        },
    )


def _no_smoothing() -> Obligation:
    """``a + q = σ((1-θ) + θ√δ)`` is at least σ."""
    return Obligation(
        claim="C18",
        name="no smoothing from δ = 1 on",
        statement="W(θ, x) ≥ xσ² for δ ≥ 1: θ = 0 is best",
        hypotheses={**SHORT, **SHARES, "δ ≥ 1": a + q >= sigma, "σ ≥ 0": sigma >= 0},
        conclusion=WORST >= x * sigma * sigma,
        mutants={
            "any δ": drop("δ ≥ 1"),
            "half": suppose("δ ≥ 1", 2 * (a + q) >= sigma),
            "σ²": conclude(WORST >= sigma * sigma),
        },
    )


def _gain() -> Obligation:
    return Obligation(
        claim="C18",
        name="gain",
        statement="W° = σ²δy/(δ+y) < xσ² iff δ < 1",
        hypotheses={**SHORT, **NOISY, "delta > 0": delta > 0},
        conclusion=(LEAST < x * sigma2) == (delta < 1),
        mutants={
            "iff δ < 2": conclude((LEAST < x * sigma2) == (delta < 2)),
            "iff δ ≤ 1": conclude((LEAST < x * sigma2) == (delta <= 1)),
            "no noise": suppose("sigma2 > 0", sigma2 >= 0),
        },
    )


def _plan() -> Obligation:
    least = sigma2 * delta * x / (delta * (1 - x) + x)
    return Obligation(
        claim="C18",
        name="plan",
        statement="ηL = eδ/(δ-e+eδ), T ≥ (4LF0/ε²)(1 + 1/e - 1/δ) give ≤ ε², e = ε²/(2σ²) ≤ δ ≤ 1; there θ° = e/δ and W° = ε²/2",
        hypotheses={**KNOWN, **BETWEEN, "x": x == PLAN_SCALE, "eta": eta == x / L, "T": T >= PLAN, "V": V == least},
        conclusion=z3.And(formulas.lsr_bound(F0, eta, T, V) <= eps2, x / (delta * (1 - x) + x) == SHARE / delta, 2 * V == eps2, x <= 1),
        mutants={
            "half the steps": suppose("T", T >= PLAN / 2),
            "twice the step size": suppose("x", x == 2 * PLAN_SCALE),
            "one step size lost": suppose("x", x == SHARE),
            "without 1/δ": conclude(x == 1 / (1 + 1 / SHARE)),
        },
    )


def _plan_small_delta() -> Obligation:
    return Obligation(
        claim="C18",
        name="plan, small δ",
        statement="θ = 1, η = 1/L, T ≥ 4LF0/ε² give ≤ ε² for δ ≤ e, where W(1, 1) = δσ²",
        hypotheses={**KNOWN, **ORACLE, "δ ≤ e": delta <= SHARE, "T": T >= 4 * L * F0 / eps2},
        conclusion=formulas.lsr_bound(F0, 1 / L, T, delta * sigma2) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= 2 * L * F0 / eps2),
            "δ ≤ 2e": suppose("δ ≤ e", delta <= 2 * SHARE),
            "any δ": drop("δ ≤ e"),
        },
    )


def _bought() -> Obligation:
    plain = 4 * F0 / (formulas.noise_step_size(L, sigma2, eps2) * eps2)
    bought = 4 * L * F0 / eps2 * (1 / delta - 1)
    return Obligation(
        claim="C18",
        name="what smoothing buys",
        statement="C4's plan less C18's is (4LF0/ε²)(1/δ - 1), a share e(1/δ - 1) of it, for e ≤ δ ≤ 1",
        hypotheses={**KNOWN, **BETWEEN},
        conclusion=z3.And(plain - PLAN == bought, bought == plain * SHARE * (1 / delta - 1)),
        mutants={
            "1/δ": conclude(plain - PLAN == 4 * L * F0 / eps2 / delta),
            "a share 1/δ - 1": conclude(bought == plain * (1 / delta - 1)),
            "smaller δ too": suppose("e ≤ δ ≤ 1", z3.And(delta > 0, 2 * SHARE >= 5)),
        },
        guarantee="identity",
    )
