"""C12 with C15b: three phases smoothed at one θ. Its error costs ``ηL σ3²`` where ``η >= η3``, and no more than ``ε²/2`` below.

In phase 2 the step size falls below η3 for the last 2κ steps. C15b does not need them, and they do no harm: that is a step of its own here.
"""

from __future__ import annotations

from functools import partial

import z3

from tsla.theory.certificates.algebra.biased import bias2, noise
from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Obligation, conclude, drop, suppose
from tsla.theory.certificates.algebra.engine.symbols import PL, SMOOTH, TARGET, L, T, beta2, eps2, eta, gap, gap_next, mu, nu2, sigma2

C12 = partial(Obligation, claim="C12")
kappa, error, scale, other, sigma3 = z3.Reals("kappa error scale other sigma3")
"""L/μ, θ²β² + ηL N(θ), η3 L, another ηL, and σ3²."""
SPLIT = {"squares": z3.And(bias2 >= 0, noise >= 0)}
SCALES = {"0 < η3L": scale > 0, "η3L <= 1": scale <= 1}
LEVEL = {"σ3²": sigma3 * scale == bias2 + scale * noise}
KNOWN = {**SMOOTH, **PL, **TARGET, "κ = L/μ": kappa == L / mu, "σ3² > 0": sigma3 > 0}
PHASE = 4 * kappa * sigma3 / eps2


def obligations() -> tuple[Obligation, ...]:
    """Their steps, as far as they are not those of C15b."""
    return (_cost(), _cost_below(), _below_plain(), _gain(), _last_step_size(), _before_the_last_steps(), _last_steps(), _third_phase())


def _cost() -> Obligation:
    return C12(
        name="three phases, cost",
        statement="θ²β² + ηL N(θ) ≤ ηL σ3² for η ≥ η3, where σ3² = (θ²β² + η3L N(θ))/(η3L)",
        hypotheses={**SPLIT, **SCALES, **LEVEL, "η >= η3": other >= scale},
        conclusion=bias2 + other * noise <= other * sigma3,
        mutants={
            "half of it": conclude(bias2 + other * noise <= other * sigma3 / 2),
            "for smaller η too": suppose("η >= η3", other > 0),
            "η3 for η": conclude(bias2 + other * noise <= scale * sigma3),
        },
    )


def _cost_below() -> Obligation:
    return C12(
        name="three phases, cost at small steps",
        statement="θ²β² + ηL N(θ) ≤ ε²/2 for η ≤ η3, where it is so at η3",
        hypotheses={**SPLIT, "M(η3) <= eps2/2": bias2 + scale * noise <= eps2 / 2, "η <= η3": other <= scale},
        conclusion=bias2 + other * noise <= eps2 / 2,
        mutants={
            "ε²/4": conclude(bias2 + other * noise <= eps2 / 4),
            "for larger η too": drop("η <= η3"),
            "any η3": drop("M(η3) <= eps2/2"),
        },
    )


def _below_plain() -> Obligation:
    """θ° is at least as good as θ = 0, where the floor is ηLσ²."""
    return C12(
        name="three phases, never worse",
        statement="σ3² ≤ σ²",
        hypotheses={**SPLIT, **SCALES, **LEVEL, "θ° is the minimiser": bias2 + scale * noise <= scale * sigma2},
        conclusion=sigma3 <= sigma2,
        mutants={"by half": conclude(sigma3 <= sigma2 / 2), "any θ": drop("θ° is the minimiser")},
    )


def _gain() -> Obligation:
    best = formulas.annealed_theta(sigma2, beta2, nu2, z3.RealVal(0), scale)
    floor = best * best * beta2 + scale * formulas.second_moment(sigma2, nu2, z3.RealVal(0), best)
    x = scale * sigma2
    return C12(
        name="three phases, gain",
        statement="σ3²/σ² = 1 - x/(β² + x(σ²+ν²)/σ²), x = η3Lσ², at c = 0",
        hypotheses={**SCALES, "moments": z3.And(sigma2 > 0, nu2 >= 0, beta2 >= 0)},
        conclusion=floor / (scale * sigma2) == 1 - x / (beta2 + x * (sigma2 + nu2) / sigma2),
        mutants={
            "without ν²": conclude(floor / (scale * sigma2) == 1 - x / (beta2 + x)),
            "half the gain": conclude(floor / (scale * sigma2) == 1 - x / (beta2 + x * (sigma2 + nu2) / sigma2) / 2),
            "x = η3L": conclude(floor / (scale * sigma2) == 1 - scale / (beta2 + scale * (sigma2 + nu2) / sigma2)),
        },
        guarantee="identity",
    )


def _last_step_size() -> Obligation:
    """η3 is 1/L, or the step size at which M(η3) = ε²/2."""
    last = formulas.smaller(z3.RealVal(1), eps2 / (2 * sigma3))
    return C12(
        name="three phases, last step size",
        statement="η3L = min(1, ε²/(2σ3²)): C15b at noise σ3² ends at η3",
        hypotheses={
            **SPLIT,
            **SCALES,
            **LEVEL,
            **TARGET,
            "σ3² > 0": sigma3 > 0,
            "the largest": z3.Or(
                z3.And(scale == 1, bias2 + scale * noise <= eps2 / 2),
                bias2 + scale * noise == eps2 / 2,
            ),
        },
        conclusion=scale == last,
        mutants={
            "not the largest": suppose("the largest", bias2 + scale * noise <= eps2 / 2),
            "ε²/σ3²": conclude(scale == formulas.smaller(z3.RealVal(1), eps2 / sigma3)),
            "σ² for σ3²": conclude(scale == formulas.smaller(z3.RealVal(1), eps2 / (2 * sigma2))),
        },
    )


def _before_the_last_steps() -> Obligation:
    """ηL = 2κ/(t+2κ) in phase 2; C15b's own recursion ends at t = 4κσ3²/ε² - 2κ."""
    t = z3.Real("t")
    return C12(
        name="three phases, before the last 2κ steps",
        statement="η_t ≥ η3 in phase 2 iff t ≤ 4κσ3²/ε² - 2κ, for η3 < 1/L",
        hypotheses={**KNOWN, "t >= 0": t >= 0, "η3L = ε²/(2σ3²)": scale == eps2 / (2 * sigma3), "η3L < 1": scale < 1},
        conclusion=(2 * kappa / (t + 2 * kappa) >= scale) == (t <= PHASE - 2 * kappa),
        mutants={
            "to the end": conclude(z3.Implies(t <= PHASE, 2 * kappa / (t + 2 * kappa) >= scale)),
            "for half of the phase": conclude((2 * kappa / (t + 2 * kappa) >= scale) == (t <= PHASE / 2)),
        },
    )


def _last_steps() -> Obligation:
    """The level e is ε²/2, or σ3² where η3 = 1/L and all of phase 2 is below it."""
    level = z3.Real("e")
    return C12(
        name="three phases, the last 2κ steps",
        statement="a gap ≤ e/μ stays so at every η ≤ 1/L whose error costs at most e",
        hypotheses={
            **KNOWN,
            "eta": z3.And(eta > 0, eta * L <= 1),
            "before": gap <= level / mu,
            "cost": error <= level,
            "e >= 0": level >= 0,
            "one step": gap_next <= (1 - eta * mu) * gap + eta * error / 2,
        },
        conclusion=gap_next <= level / mu,
        mutants={
            "it halves": conclude(gap_next <= level / (2 * mu)),
            "four times the cost": suppose("cost", error <= 4 * level),
            "from anywhere": drop("before"),
            "larger steps": suppose("eta", z3.And(eta > 0, eta * L <= 4)),
        },
        axiom=axioms.INDUCTION,
    )


def _third_phase() -> Obligation:
    """For ε² ≤ 2σ3² from the gap ε²/(2μ); else η3 = 1/L, from the gap σ3²/μ of phase 1."""
    first = z3.If(eps2 <= 2 * sigma3, gap <= eps2 / (2 * mu), gap <= sigma3 / mu)
    return C12(
        name="three phases, phase 3",
        statement="2 gap/(η3T) + θ²β² + η3L N(θ) ≤ ε² for T ≥ 4κσ3²/ε²",
        hypotheses={
            **KNOWN,
            **SPLIT,
            **LEVEL,
            "η3": scale == formulas.smaller(z3.RealVal(1), eps2 / (2 * sigma3)),
            "gap": first,
            "T": T >= PHASE,
        },
        conclusion=formulas.biased_bound(gap, scale / L, T, L, bias2, noise) <= eps2,
        mutants={
            "half the steps": suppose("T", T >= PHASE / 2),
            "a gap of ε²/μ": suppose("gap", gap <= eps2 / mu),
            "twice η3": suppose("η3", scale == 2 * formulas.smaller(z3.RealVal(1), eps2 / (2 * sigma3))),
            "bias not counted": suppose("σ3²", sigma3 == noise),
        },
    )
