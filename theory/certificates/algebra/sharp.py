"""C18: the variance lemma made sharp, the worst split of A3, the θ that is best against it, and what smoothing buys."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import z3

from tsla.theory import sharp as theory
from tsla.theory.certificates import Certificate
from tsla.theory.certificates.algebra import biased, sgd, variance_lemma
from tsla.theory.certificates.algebra.biased import bias2, noise
from tsla.theory.certificates.algebra.engine import axioms, formulas, recursions
from tsla.theory.certificates.algebra.engine.functions import of_constants, plan_of
from tsla.theory.certificates.algebra.engine.manifest import Cited, Manifest, alone, without
from tsla.theory.certificates.algebra.engine.obligation import Mutant, Obligation, certify, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.premises import (
    Premise,
    dev,
    dev_hat,
    error2,
    first2,
    inner,
    nu,
    premises,
    root,
    second2,
    sigma,
)
from tsla.theory.certificates.algebra.engine.recursions import S
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
    beta2,
    c,
    delta,
    eps2,
    eta,
    grad2,
    nu2,
    s2,
    shat2,
    sigma2,
    theta,
)

x, W = z3.Reals("x W")
"""ηL, and a bound on the floor."""
a, q, m = z3.Reals("a q m")
"""(1-θ)σ and θ√δσ, what g and ĝ may contribute; m = θn of a split of δσ² into b² and n², and ``bias2`` is θ²b²."""
ROOTS: Premises = {"σ ≥ 0": sigma >= 0, "√δ ≥ 0": root >= 0}
SIZES: Premises = {
    "σ": z3.And(sigma >= 0, sigma * sigma == sigma2),
    "√δ": z3.And(root >= 0, root * root == delta),
}
DEVIATIONS: Premises = {"s": z3.And(dev >= 0, dev * dev == s2), "ŝ": z3.And(dev_hat >= 0, dev_hat * dev_hat == shat2)}
SHORT: Premises = {"0 < ηL < 1": z3.And(x > 0, x < 1)}
SCALE: Premises = {"0 < ηL ≤ 1": z3.And(x > 0, x <= 1)}
SHARES: Premises = {"shares": z3.And(a >= 0, q >= 0)}
SPLIT: Premises = {"A3": z3.And(bias2 >= 0, m >= 0, bias2 + m * m <= q * q)}
true, smoothing = (1 - theta) * sigma, theta * root * sigma
SHARP = (true + smoothing) * (true + smoothing)
"""``smoothing.sharp``: U(θ)."""
OF_SPLIT = bias2 + x * (a + m) * (a + m)
OF_BIAS, ALL_NOISE = formulas.floors_of_splits(x, a, q)
WORST = formulas.worst_floor(x, a, q)
"""W; where ``xa = (1-x)q`` the two are the same."""
PARTS: Premises = {"x = ηL": x == eta * L, "a": a == true, "q": q == smoothing, "m": m == theta * nu}
ROOTS_OF_BOUNDS = ("delta >= 0", "sigma2 >= 0", "σ = √σ²", "√δ")
GAIN, LIFT = eta / 2, eta / 2 * W
SUM = "(η/2) Σ E‖∇F(w_i)‖² ≤ F(w_0) - E F(w_t) + t ηW/2"
y = x / (1 - x)
BEST_THETA, LEAST = y / (delta + y), sigma2 * delta * y / (delta + y)
"""θ° and W°."""
SHARE = eps2 / (2 * sigma2)
"""e."""
PLAN_SCALE = SHARE * delta / (delta - SHARE + SHARE * delta)
PLAN = 4 * L * F0 / eps2 * (1 + 1 / SHARE - 1 / delta)
KNOWN: Premises = {**SMOOTH, **NOISY, **START, **TARGET}
BETWEEN: Premises = {"eps2/(2 sigma2) <= delta": SHARE <= delta, "delta <= 1": delta <= 1}
ANNEALED, ANNEALED_FLOOR = x / (delta * (1 - x) + x), sigma2 * delta * x / (delta * (1 - x) + x)
"""θ° and W° again, at ``x = 1`` too."""
PLANNED = plan_of("C18", "lsr-sharp")


def certificates() -> Iterable[Certificate]:
    """Prove C18 without A4."""
    return certify(obligations(), manifests())


def obligations() -> tuple[Obligation, ...]:
    """The steps of C18 without A4; its exact form is in ``sharp_exact``."""
    return (
        _minkowski(),
        _below_bounds(),
        _lemma(),
        _lemma_attained(),
        _beside_lemma(),
        _at_paper_theta(),
        _covariance(),
        _split(),
        _noise(),
        _worst_split(),
        _worst_noise(),
        _worst(),
        _worst_split_attained(),
        _beside_lsr(),
        _one_step(),
        *_telescoping(),
        _mean(),
        _at_best_theta(),
        _best_theta(),
        _best_theta_where_all_is_noise(),
        _no_smoothing(),
        _gain(),
        _step_size(),
        _plan(),
        _along_smoothing_label(),
        _plan_small_delta(),
        _bought(),
    )


def manifests() -> tuple[Manifest, ...]:
    """The sharp lemma; one step at the worst split, the sum of many, C18, its best θ, its plans and what they buy."""
    shorter = ("L > 0", "eta > 0", "eta < 1/L")
    shares = {name: PARTS[name] for name in ("x = ηL", "a", "q")}
    strengths = ("theta >= 0", "theta <= 1")
    split = {"m": m == x * a / (1 - x), "bias2": bias2 == q * q - m * m}
    scale, root_of_delta = {"x = ηL": PARTS["x = ηL"]}, ("delta > 0", "√δ")
    annealed = ("L > 0", "eta > 0", "eta <= 1/L", "delta > 0", "delta <= 1", "sigma2 >= 0", "σ = √σ²", "√δ")
    at_largest_step = {"x = 1": x == 1, "a": PARTS["a"], "q": PARTS["q"], "W": W == WORST}
    between = ("L > 0", "sigma2 > 0", "F0 > 0", "eps > 0", *BETWEEN)
    return (
        lemma(),
        alone(_lemma_attained(), "sigma2 >= 0", "σ = √σ²", claim="C18-lemma"),
        alone(_beside_lemma(), claim="C18-lemma"),
        alone(_at_paper_theta(), *ROOTS_OF_BOUNDS, claim="C18-lemma"),
        step(),
        total(),
        bound(),
        alone(_worst_split_attained(), *shorter, *strengths, *ROOTS_OF_BOUNDS, definitions={**shares, **split}),
        alone(_beside_lsr(), *shorter, *strengths, *ROOTS_OF_BOUNDS, definitions=shares),
        alone(_at_best_theta(), *annealed, settings={"theta": theta == ANNEALED}, definitions={**shares, "W": W == WORST}),
        alone(_best_theta(), *shorter, *root_of_delta, definitions=scale),
        alone(_best_theta_where_all_is_noise(), *shorter, *strengths, *root_of_delta, "sigma2 >= 0", "delta <= 1", definitions=scale),
        alone(_no_smoothing(), *shorter, *strengths, *ROOTS_OF_BOUNDS, "delta >= 1", definitions=shares),
        alone(_gain(), *shorter, "sigma2 > 0", "delta > 0", definitions=scale),
        alone(_step_size(), *between, settings={"eta": eta == PLAN_SCALE / L}, definitions=scale),
        plan(),
        alone(_along_smoothing_label(), *ROOTS_OF_BOUNDS, settings={"θ = 1": theta == 1}, definitions=at_largest_step),
        small_delta(),
        large_delta(),
        alone(_bought(), *between),
    )


@cache
def lemma() -> Manifest:
    """C2's bound without what it loses."""
    return Manifest(
        claim="C18-lemma",
        name="lemma",
        statement="E‖g_LS-∇F‖² ≤ U(θ) = ((1-θ)σ + θ√δσ)² for 0 ≤ θ ≤ 1",
        premises=(*variance_lemma.SMOOTHED, *premises("s", "ŝ", *ROOTS_OF_BOUNDS)),
        steps=(_minkowski(), _below_bounds(), _lemma()),
        conclusion=error2 <= SHARP,
    )


@cache
def step() -> Manifest:
    """One step of C12 where nothing is known of bias and noise but A3."""
    general, split = biased.step(), biased.split()
    of_oracle = ("beta2 >= 0", "nu2 >= 0", "c² <= σ²ν²")
    return Manifest(
        claim="C18",
        name="one step",
        statement=_one_step().statement,
        premises=(
            *(premise for premise in general.premises if premise.name not in of_oracle),
            *split.premises,
            *premises("A2: variance", "A3", "ν", *ROOTS_OF_BOUNDS),
            Premise("first square >= 0", {first2: beta2}),
            Premise("Cauchy-Schwarz", {inner: c, first2: s2, second2: nu2}),
        ),
        definitions={**general.definitions, **PARTS, "W": W == WORST},
        steps=(
            _covariance(),
            Cited(general),
            Cited(split),
            _split(),
            _noise(),
            _worst_split(),
            _worst_noise(),
            _worst(),
            _one_step(),
        ),
        conclusion=_one_step().conclusion,
    )


@cache
def total() -> Manifest:
    """C18 before it is divided by T."""
    return recursions.telescoped(step(), GAIN, LIFT, _telescoping(), SUM)


def bound() -> Manifest:
    """C18."""
    return recursions.averaged(total(), _mean(), of_constants("delta", theory.bound, eta="eta", T="T", theta="theta"))


def plan() -> Manifest:
    """C18 at the step size, the strength and the length of its plan."""
    found = bound()
    settings = {"theta": theta == SHARE / delta, "eta": eta == PLAN_SCALE / L, "T": T >= PLAN}
    return Manifest(
        claim="C18",
        name="plan",
        statement=_plan().statement,
        premises=(*without(found.premises, settings), *found.asks, *premises("sigma2 > 0", "eps > 0", *BETWEEN)),
        settings=settings,
        definitions=found.definitions,
        steps=(_plan(), Cited(found)),
        conclusion=S / T <= eps2,
        function=PLANNED,
    )


def small_delta() -> Manifest:
    """C18's plan where all of ``δσ²`` is within ``ε²/2``."""
    found = bound()
    settings = {"theta": theta == 1, "eta": eta == 1 / L, "T": T >= 4 * L * F0 / eps2}
    return Manifest(
        claim="C18",
        name="plan, small δ",
        statement=_plan_small_delta().statement,
        premises=(*without(found.premises, settings), *found.asks, *premises("eps > 0", "2 delta sigma2 <= eps2")),
        settings=settings,
        definitions=found.definitions,
        steps=(_plan_small_delta(), Cited(found)),
        conclusion=S / T <= eps2,
        function=PLANNED,
    )


def large_delta() -> Manifest:
    """C18's plan where no smoothing helps: that of C4."""
    plain = sgd.plan()
    return Manifest(
        claim="C18",
        name="plan, δ ≥ 1",
        statement=plain.statement,
        premises=(*plain.premises, *premises("delta >= 1")),
        settings=plain.settings,
        steps=(Cited(plain),),
        conclusion=plain.conclusion,
        function=PLANNED,
    )


def _telescoping() -> tuple[Obligation, Obligation]:
    return recursions.telescoping("C18", GAIN, LIFT, STEP, SUM)


def _mean() -> Obligation:
    return recursions.mean("C18", GAIN, LIFT, STEP, formulas.lsr_bound(F0, eta, T, W), "E‖∇F(w_R)‖² ≤ 2F0/(ηT) + W(θ, ηL)")


def _minkowski() -> Obligation:
    moment = formulas.second_moment(s2, shat2, c, theta)
    sum_of_roots = (1 - theta) * dev + theta * dev_hat
    return Obligation(
        claim="C18",
        name="Minkowski",
        statement="E‖g_LS-∇F‖² ≤ ((1-θ)s + θŝ)², s and ŝ the roots of E‖g-∇F‖² and E‖ĝ-∇F‖²",
        hypotheses={**STRENGTH, **DEVIATIONS, "Cauchy-Schwarz": c * c <= s2 * shat2},
        conclusion=moment <= sum_of_roots * sum_of_roots,
        mutants={
            "without the covariance": conclude(moment <= (1 - theta) * (1 - theta) * s2 + theta * theta * shat2),
            "any covariance": drop("Cauchy-Schwarz"),
            "theta > 1": drop("theta <= 1"),
        },
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _below_bounds() -> Obligation:
    return Obligation(
        claim="C18",
        name="roots of A2 and A3",
        statement="s ≤ σ and ŝ ≤ √δσ",
        hypotheses={**SIZES, **DEVIATIONS, "A2": s2 <= sigma2, "A3": shat2 <= delta * sigma2},
        conclusion=z3.And(dev <= sigma, dev_hat <= root * sigma),
        mutants={
            "half of it": conclude(z3.And(2 * dev <= sigma, dev_hat <= root * sigma)),
            "no A2": drop("A2"),
            "no A3": drop("A3"),
        },
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


def _covariance() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, covariance",
        statement="c² ≤ σ²n², n² = E‖ĝ-Eĝ‖²",
        hypotheses={"Cauchy-Schwarz": c * c <= s2 * nu2, "A2": s2 <= sigma2, "n² ≥ 0": nu2 >= 0},
        conclusion=c * c <= sigma2 * nu2,
        mutants={"half of it": conclude(2 * c * c <= sigma2 * nu2), "no A2": drop("A2")},
        axiom=axioms.CAUCHY_SCHWARZ,
    )


def _split() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, what A3 leaves",
        statement="θ²b² + (θn)² ≤ q², q = θ√δσ",
        hypotheses={
            **STRENGTH,
            **SIZES,
            "b² ≥ 0": beta2 >= 0,
            "n": z3.And(nu >= 0, nu * nu == nu2),
            "split": shat2 == beta2 + nu2,
            "A3": shat2 <= delta * sigma2,
            "parts": z3.And(bias2 == theta * theta * beta2, m == theta * nu, q == smoothing),
        },
        conclusion=SPLIT["A3"],
        mutants={
            "half of it": conclude(2 * (bias2 + m * m) <= q * q),
            "no A3": drop("A3"),
            "n not counted": drop("split"),
        },
    )


def _noise() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, noise",
        statement="N(θ) ≤ (a + θn)², a = (1-θ)σ",
        hypotheses={
            **STRENGTH,
            "σ": z3.And(sigma >= 0, sigma * sigma == sigma2),
            "n": z3.And(nu >= 0, nu * nu == nu2),
            "covariance": c * c <= sigma2 * nu2,
            "parts": z3.And(noise == formulas.second_moment(sigma2, nu2, c, theta), m == theta * nu, a == true),
        },
        conclusion=noise <= (a + m) * (a + m),
        mutants={
            "without the covariance": conclude(noise <= a * a + m * m),
            "any covariance": drop("covariance"),
            "theta > 1": drop("theta <= 1"),
        },
    )


def _worst_split() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, bias and noise",
        statement="β² + x(a + m)² ≤ q² + a²x/(1-x) for β² + m² ≤ q², x < 1",
        hypotheses={**SCALE, **SHARES, **SPLIT},
        conclusion=z3.Implies(x < 1, OF_SPLIT <= OF_BIAS),
        mutants={
            "x for x/(1-x)": conclude(z3.Implies(x < 1, OF_SPLIT <= q * q + a * a * x)),
            "half the bias": conclude(z3.Implies(x < 1, OF_SPLIT <= OF_BIAS - q * q / 2)),
            "any split": drop("A3"),
        },
    )


def _worst_noise() -> Obligation:
    return Obligation(
        claim="C18",
        name="W, all noise",
        statement="β² + x(a + m)² ≤ x(a + q)² for β² + m² ≤ q² where xa ≥ (1-x)q; a + q = √U",
        hypotheses={**SCALE, **SHARES, **SPLIT},
        conclusion=z3.Implies(x * a >= (1 - x) * q, OF_SPLIT <= ALL_NOISE),
        mutants={
            "half of it": conclude(z3.Implies(x * a >= (1 - x) * q, OF_SPLIT <= ALL_NOISE / 2)),
            "for all θ": conclude(OF_SPLIT <= ALL_NOISE),
            "any split": drop("A3"),
        },
    )


def _worst() -> Obligation:
    return Obligation(
        claim="C18",
        name="W",
        statement="θ²b² + ηL N(θ) ≤ W(θ, ηL) for every split",
        hypotheses={
            **SCALE,
            **SHARES,
            "x = ηL": x == eta * L,
            "noise": noise <= (a + m) * (a + m),
            "bias and noise": _worst_split().conclusion,
            "all noise": _worst_noise().conclusion,
            "W": W == WORST,
        },
        conclusion=formulas.biased_floor(eta, L, bias2, noise) <= W,
        mutants={
            "half of it": conclude(2 * formulas.biased_floor(eta, L, bias2, noise) <= W),
            "all noise": suppose("W", W == ALL_NOISE),
            "any noise": drop("noise"),
            "any split": drop("bias and noise"),
        },
    )


def _worst_split_attained() -> Obligation:
    """The other case is attained by ``b = 0``, which makes it an identity."""
    attained = z3.And(OF_SPLIT == OF_BIAS, bias2 >= 0)
    return Obligation(
        claim="C18",
        name="W, attained by a split",
        statement="at m = xa/(1-x), β² = q² - m² it is q² + a²x/(1-x), and β² ≥ 0 where xa ≤ (1-x)q",
        hypotheses={
            **SHORT,
            **SHARES,
            "m": m == x * a / (1 - x),
            "bias2": bias2 == q * q - m * m,
        },
        conclusion=z3.Implies(x * a <= (1 - x) * q, attained),
        mutants={
            "all noise": suppose("m", m == q),
            "beyond the case": conclude(attained),
            "x U": conclude(z3.Implies(x * a <= (1 - x) * q, OF_SPLIT == ALL_NOISE)),
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
    return Obligation(
        claim="C18",
        name="one step",
        statement="E F(w⁺) ≤ F(w) - (η/2)‖∇F‖² + (η/2)W",
        hypotheses={
            **STEP,
            "C12": biased.step().conclusion,
            "W": formulas.biased_floor(eta, L, bias2, noise) <= W,
        },
        conclusion=F_next <= F - GAIN * grad2 + LIFT,
        mutants={
            "half of W": conclude(F_next <= F - eta / 2 * grad2 + eta / 4 * W),
            "any split": drop("W"),
            "twice the gain": conclude(F_next <= F - eta * grad2 + eta / 2 * W),
        },
        axiom=axioms.HISTORY,
    )


def _at_best_theta() -> Obligation:
    return Obligation(
        claim="C18",
        name="W at θ°",
        statement="W(θ°, x) = σ²δx/(δ(1-x)+x) at θ° = x/(δ(1-x)+x) for δ ≤ 1, which is σ²δy/(δ+y) at y/(δ+y), y = x/(1-x)",
        hypotheses={
            **SCALE,
            **SIZES,
            "0 < δ ≤ 1": z3.And(delta > 0, delta <= 1),
            "θ°": theta == ANNEALED,
            "a": a == true,
            "q": q == smoothing,
            "W": W == WORST,
        },
        conclusion=W == ANNEALED_FLOOR,
        mutants={
            "half of it": conclude(2 * W == ANNEALED_FLOOR),
            "x for y": suppose("θ°", theta == x / (delta + x)),
            "δ > 1": suppose("0 < δ ≤ 1", delta > 1),
        },
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
    all_noise = x * (1 - theta) >= (1 - x) * theta * root
    floor = x * (1 - theta + theta * root) * (1 - theta + theta * root) * sigma2
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
        },
        conclusion=z3.Implies(all_noise, floor >= LEAST),
        mutants={
            "twice of it": conclude(z3.Implies(all_noise, floor >= 2 * LEAST)),
            "no more than it": conclude(z3.Implies(all_noise, floor <= LEAST)),
            "xσ²": conclude(z3.Implies(all_noise, floor >= x * sigma2)),
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


def _step_size() -> Obligation:
    return Obligation(
        claim="C18",
        name="plan, step size",
        statement="ηL = eδ/(δ-e+eδ) is within (0, 1] and has θ° = e/δ for e = ε²/(2σ²) ≤ δ ≤ 1",
        hypotheses={**KNOWN, **BETWEEN, "eta": eta == PLAN_SCALE / L, "x = ηL": x == eta * L},
        conclusion=z3.And(x > 0, x <= 1, eta > 0, eta * L <= 1, SHARE / delta == ANNEALED),
        mutants={
            "twice the step size": suppose("eta", eta == 2 * PLAN_SCALE / L),
            "θ° = e": conclude(ANNEALED == SHARE),
            "smaller δ too": drop("eps2/(2 sigma2) <= delta"),
        },
    )


def _along_smoothing_label() -> Obligation:
    return Obligation(
        claim="C18",
        name="W at θ = 1",
        statement="W(1, 1) = δσ²",
        hypotheses={**SIZES, "x = 1": x == 1, "θ = 1": theta == 1, "a": a == true, "q": q == smoothing, "W": W == WORST},
        conclusion=W == delta * sigma2,
        mutants={
            "half of it": conclude(2 * W == delta * sigma2),
            "any θ": suppose("θ = 1", z3.And(theta >= 0, theta <= 1)),
        },
        guarantee="identity",
    )


def _plan() -> Obligation:
    return Obligation(
        claim="C18",
        name="plan",
        statement="ηL = eδ/(δ-e+eδ), T ≥ (4LF0/ε²)(1 + 1/e - 1/δ) give ≤ ε², e = ε²/(2σ²) ≤ δ ≤ 1; there θ° = e/δ and W° = ε²/2",
        hypotheses={
            **KNOWN,
            **BETWEEN,
            "eta": eta == PLAN_SCALE / L,
            "x = ηL": x == eta * L,
            "T": T >= PLAN,
            "W": W == ANNEALED_FLOOR,
        },
        conclusion=z3.And(formulas.lsr_bound(F0, eta, T, W) <= eps2, 2 * W == eps2, T > 0),
        mutants={
            "half the steps": suppose("T", T >= PLAN / 2),
            "twice the step size": suppose("eta", eta == 2 * PLAN_SCALE / L),
            "C4's step size": suppose("eta", eta == SHARE / L),
        },
    )


def _plan_small_delta() -> Obligation:
    return Obligation(
        claim="C18",
        name="plan, small δ",
        statement="θ = 1, η = 1/L, T ≥ 4LF0/ε² give ≤ ε² for δ ≤ e, where W(1, 1) = δσ²",
        hypotheses={
            **SMOOTH,
            **NOISE,
            **START,
            **TARGET,
            **ORACLE,
            "δ ≤ e": 2 * delta * sigma2 <= eps2,
            "eta": eta == 1 / L,
            "T": T >= 4 * L * F0 / eps2,
            "W": W == delta * sigma2,
        },
        conclusion=formulas.lsr_bound(F0, eta, T, W) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= 2 * L * F0 / eps2),
            "δ ≤ 2e": suppose("δ ≤ e", delta * sigma2 <= eps2),
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
            "smaller δ too": Mutant(hypotheses={"eps2/(2 sigma2) <= delta": z3.And(delta > 0, 2 * SHARE >= 5), "delta <= 1": None}),
        },
        guarantee="identity",
    )
