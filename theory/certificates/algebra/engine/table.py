"""What the claims assume, as formulas: a closed table, from which alone a manifest takes its premises (``premises.py``).

``NUMBERS`` are about what a function of ``theory`` is given, so that it can refuse what does not meet them. ``ASSUMPTIONS`` say what
A1-A4 mean at a step of a run; no function can see whether they hold. ``AXIOMS`` hold always, and so do ``LAWS``, which are about numbers;
the proofs stand on both.
"""

from __future__ import annotations

from collections.abc import Mapping

import z3

from tsla.theory.certificates.algebra.engine import axioms, formulas
from tsla.theory.certificates.algebra.engine.obligation import Formula, symbols_of
from tsla.theory.certificates.algebra.engine.symbols import (
    F0,
    LONG,
    NOISE,
    NOISY,
    ORACLE,
    PL,
    SMOOTHING,
    START,
    STEP,
    STRENGTH,
    TARGET,
    F,
    F_next,
    L,
    Premises,
    T,
    batch,
    beta2,
    c,
    delta,
    eps2,
    eta,
    gap,
    gap_next,
    grad2,
    mu,
    nu2,
    s2,
    shat2,
    sigma2,
    start,
    t,
    theta,
)

A, B, C = z3.Reals("A B C")
"""Of A2′."""
WORLD = (L, mu, sigma2, delta, F0, eps2, A, B, C)
"""The constants of a claim: they are the same everywhere in it."""
slope, length2, error2 = z3.Reals("slope length2 error2")
"""⟨∇F, E d⟩, E‖d‖² and E‖d - ∇F‖² of a direction d."""
mean2 = z3.Real("mean2")
"""‖E d‖²."""
beta2_, sigma2_, nu2_, c_ = z3.Reals("beta2_ sigma2_ nu2_ c_")
"""The moments at a point, of which β², σ², ν² and c are bounds."""
power, contraction, logarithm, exponential, argument, s = z3.Reals("power contraction logarithm exponential argument s")
"""(1-ημ)^t, (1-ημ)^T, log A, e^-ημT and A, and the number t + 2L/μ, t from 0: of these only the laws are known."""
log_2, log_delta = z3.Reals("log_2 log_delta")
"""log 2 and log(1+1/δ), whose difference is the logarithm of 2δ/(1+δ)."""
y, yhat, u = z3.Reals("y1 y2 y3"), z3.Reals("yhat1 yhat2 yhat3"), z3.Reals("u1 u2 u3")
"""The true label, the smoothing label, and -log softmax(z), or its derivative by a parameter."""
sigma, bias, scale, larger = z3.Reals("sigma bias scale larger")
"""σ, the size of a constant bias, ηL, and that of another step size."""
inner, first2, second2, x, w = z3.Reals("inner first2 second2 x w")
"""An inner product and the squared lengths of its two vectors; a number; a point of one dimension."""
kept, kept_at_end, growth = z3.Reals("kept kept_at_end growth")
"""(1+a)^-t, (1+a)^-T, and a."""
m, vv, vv_next, along = z3.Reals("m vv vv_next along")
"""Of heavy ball: the momentum, ‖v‖² and E‖v⁺‖², and ⟨v, ∇F(w)⟩."""
tau, steepest, norm = z3.Reals("tau steepest norm")
"""Of clipping: the threshold, the largest ``‖∇F‖``, and ``‖∇F‖`` at w."""
length, distance, unit_along, excess = z3.Reals("length distance unit_along excess")
"""Of one sample: ‖g‖, ‖g - ∇F‖, ⟨g, ∇F⟩/‖g‖ and ‖clip(g) - g‖."""
off, mean_excess, clipped2 = z3.Reals("off mean_excess clipped2")
"""‖E clip(g) - ∇F‖, E‖clip(g) - g‖ and E‖clip(g) - ∇F‖²."""
APART = length * length - 2 * length * unit_along + norm * norm
SHORT_EXCESS = 4 * (tau - steepest) * excess <= distance * distance
NO_FARTHER = z3.If(length > tau, tau * tau - 2 * tau * unit_along + norm * norm, APART) <= APART
"""What is proved of each sample: clip(g) is near g, and no farther than g from ∇F."""
radical, radicand = z3.Reals("R radicand")
"""A root, and what it is of."""
root, nu, dev, dev_hat = z3.Reals("root nu dev dev_hat")
"""√δ; and at w the roots of E‖ĝ - Eĝ‖², E‖g - ∇F‖² and E‖ĝ - ∇F‖²."""

NUMBERS: Premises = {
    **STEP,
    **PL,
    **NOISE,
    **NOISY,
    **ORACLE,
    **SMOOTHING,
    **STRENGTH,
    **START,
    **LONG,
    **TARGET,
    "T >= 0": T >= 0,
    "T >= 1": T >= 1,
    "theta > 0": theta > 0,
    "eta < 1/L": eta * L < 1,
    "N(theta) > 0": formulas.second_moment(sigma2, nu2, c, theta) > 0,
    "eta < 2/L": eta * L < 2,
    "eta > 1/L": eta * L > 1,
    "w != 0": w != 0,
    "0 < x < 2": z3.And(x > 0, x < 2),
    "x(eps2+sigma2) < 2 eps2": x * (eps2 + sigma2) < 2 * eps2,
    "V <= eps2/2": formulas.paper_floor(sigma2, delta) <= eps2 / 2,
    "κV < eps2": L / mu * formulas.paper_floor(sigma2, delta) < eps2,
    "κ(θ²β² + ηL N(θ)) < eps2": L / mu * formulas.biased_floor(eta, L, theta * theta * beta2, formulas.second_moment(sigma2, nu2, c, theta))
    < eps2,
    "κW(θ, ηL) < eps2": L / mu * formulas.worst_floor(eta * L, (1 - theta) * sigma, theta * root * sigma) < eps2,
    "V < eps2": formulas.paper_floor(sigma2, delta) < eps2,
    "delta <= eps2/(4 sigma2)": delta <= eps2 / (4 * sigma2),
    "delta <= mu eps2/(4 L sigma2)": 4 * L * delta * sigma2 <= mu * eps2,
    "theta < 1": theta < 1,
    "delta < 1": delta < 1,
    "delta <= 1": delta <= 1,
    "delta sigma2 < eps2": delta * sigma2 < eps2,
    "delta sigma2 >= eps2": delta * sigma2 >= eps2,
    "B > 0": batch > 0,
    "beta2 >= 0": beta2 >= 0,
    "beta2 > 0": beta2 > 0,
    "nu2 >= 0": nu2 >= 0,
    "c² <= σ²ν²": c * c <= sigma2 * nu2,
    "c < σ²": c < sigma2,
    "c <= σ²": c <= sigma2,
    "c >= 0": c >= 0,
    "s2 > 0": s2 > 0,
    "ŝ² >= ‖∇F‖²": shat2 >= grad2,
    "g differs from ĝ": s2 + shat2 - 2 * c > 0,
    "g is ĝ": s2 + shat2 - 2 * c == 0,
    "small θ": theta * (sigma2 + nu2 - 2 * c) <= sigma2 - c,
    "B_c >= 0": formulas.critical_batch_size(sigma2, formulas.second_moment(sigma2, nu2, c, theta), beta2, theta) >= 0,
    "ηL > 0": scale > 0,
    "ηL <= 1": scale <= 1,
    "ηL = 1": scale == 1,
    "η <= η′": scale <= larger,
    "the floor is not flat": formulas.curvature(sigma2, beta2, nu2, c, scale) > 0,
    "the floor at η′ is not flat": formulas.curvature(sigma2, beta2, nu2, c, larger) > 0,
    "V(theta) < eps2": formulas.lemma(sigma2, delta, theta) < eps2,
    "eps2 <= 2 sigma2": eps2 <= 2 * sigma2,
    "eps2 > 2 sigma2": eps2 > 2 * sigma2,
    "delta > 1": delta > 1,
    "V != eps2": formulas.paper_floor(sigma2, delta) != eps2,
    "delta < eps2/(eps2+sigma2)": delta * (eps2 + sigma2) < eps2,
    "delta >= eps2/(eps2+sigma2)": delta * (eps2 + sigma2) >= eps2,
    "2 delta sigma2 < eps2": 2 * delta * sigma2 < eps2,
    "2 delta sigma2 <= eps2": 2 * delta * sigma2 <= eps2,
    "eps2/(2 sigma2) <= delta": eps2 / (2 * sigma2) <= delta,
    "delta >= 1": delta >= 1,
    "V > eps2 - eps2²/(4 sigma2)": 4 * sigma2 * (eps2 - formulas.paper_floor(sigma2, delta)) < eps2 * eps2,
    "t >= 0": t >= 0,
    "m >= 0": m >= 0,
    "m < 1": m < 1,
    "m = 0": m == 0,
    "eta < 2(1-m)²/(L(1+m))": eta * L * (1 + m) < 2 * (1 - m) * (1 - m),
    "S >= 0": steepest >= 0,
    "S < τ": steepest < tau,
    "τ > 0": tau > 0,
    "σ <= 2τ": sigma2 <= 4 * tau * tau,
    "A >= 0": A >= 0,
    "B >= 0": B >= 0,
    "B = 0": B == 0,
    "C >= 0": C >= 0,
    "eta < 2/(L(1+B))": eta * L * (1 + B) < 2,
    "rho B < 1": formulas.lemma(z3.RealVal(1), delta, theta) * B < 1,
}
ASSUMPTIONS: Premises = {
    "A1: Lipschitz gradient": second2 <= L * L * x * x * first2,
    "A1: quadratic bound": F_next <= F - eta * slope + L / 2 * eta * eta * length2,
    "A2: E g = ∇F": slope == grad2,
    "A2: variance": s2 <= sigma2,
    "A2: E g = ∇F, along the gradient elsewhere": slope == grad2 + inner,
    "A2: norm of a mean": off <= mean_excess,
    "A2: square of the velocity": vv_next == m * m * vv + 2 * m * along + grad2 + s2,
    "A3": shat2 <= delta * sigma2,
    "A3: bias of g_LS": mean2 - 2 * slope + grad2 <= theta * theta * beta2,
    "A2, A3: noise of g_LS": length2 - mean2 <= formulas.second_moment(sigma2, nu2, c, theta),
    "A2: moments below their bounds": sigma2_ <= sigma2,
    "A3: moments below their bounds": z3.And(beta2_ <= beta2, nu2_ <= nu2, c_ <= c),
    "A4": 2 * mu * gap <= grad2,
    "‖∇F‖ <= S": norm <= steepest,
    "A2′: E g = ∇F": slope == grad2,
    "A2′: variance": s2 <= formulas.growing_noise(A, B, C, gap, grad2),
    "A3′": shat2 <= delta * formulas.growing_noise(A, B, C, gap, grad2),
}
AXIOMS: Premises = {
    "‖∇F‖² >= 0": grad2 >= 0,
    "E‖d‖² >= 0": length2 >= 0,
    "first square >= 0": first2 >= 0,
    "second square >= 0": second2 >= 0,
    "Cauchy-Schwarz": inner * inner <= first2 * second2,
    "x >= 0": x >= 0,
    "ν": z3.And(nu >= 0, nu * nu == nu2, nu2 >= 0),
    "s": z3.And(dev >= 0, dev * dev == s2),
    "ŝ": z3.And(dev_hat >= 0, dev_hat * dev_hat == shat2),
    "‖∇F‖": z3.And(norm >= 0, norm * norm == grad2),
    "‖g - ∇F‖ >= 0": distance >= 0,
    "triangle inequality": length <= norm + distance,
    "Cauchy-Schwarz along g": unit_along <= norm,
    "‖E d - ∇F‖": z3.And(off >= 0, off * off == mean2 - 2 * slope + grad2),
    "about the mean": length2 - mean2 <= clipped2,
    "mean of the samples": z3.And(4 * (tau - steepest) * mean_excess <= s2, clipped2 <= s2),
    "square of a difference": error2 == length2 - 2 * slope + grad2,
    "second moment of g_LS": error2 == formulas.second_moment(s2, shat2, c, theta),
    "square of a sum": error2 == first2 + 2 * inner + second2,
    "independent": inner == 0,
    "F >= F*": gap >= 0,
    "F(w_0) - F* <= F0": start <= F0,
    "second moment is σ²": second2 == sigma2,
}
LABELS: Premises = {
    "y is a distribution": z3.And(*(a >= 0 for a in y), z3.Sum(y) == 1),
    "ŷ is a distribution": z3.And(*(a >= 0 for a in yhat), z3.Sum(yhat) == 1),
    "-log softmax >= 0": z3.And(*(a >= 0 for a in u)),
}
STALL: Premises = {
    "σ": z3.And(sigma >= 0, sigma * sigma == sigma2),
    "√δσ": z3.And(bias >= 0, bias * bias == delta * sigma2),
    "w > 0": slope > 0,
}
LAWS: Premises = {
    "σ = √σ²": z3.Implies(sigma2 >= 0, z3.And(sigma >= 0, sigma * sigma == sigma2)),
    "√δ": z3.Implies(delta >= 0, z3.And(root >= 0, root * root == delta)),
    "√": z3.Implies(radicand >= 0, z3.And(radical >= 0, radical * radical == radicand)),
    "log x <= x-1": log_2 - log_delta <= (delta - 1) / (1 + delta),
    "(1+a)^-t > 0": z3.Implies(growth >= 0, kept > 0),
    "(1+a)^-T > 0": z3.Implies(growth >= 0, kept_at_end > 0),
    "s >= 2L/μ": s * mu >= 2 * L,
    "(1-ημ)^t >= 0": z3.Implies(eta * mu <= 1, power >= 0),
    "(1-x)^T >= 0": z3.Implies(eta * mu <= 1, contraction >= 0),
    "(1-x)^T <= e^-xT": z3.Implies(z3.And(eta * mu <= 1, T >= 0), contraction <= exponential),
    "e^-x falls from 1": z3.Implies(eta * mu * T >= 0, exponential <= 1),
    "e^-x <= 1/A from x = log A on": z3.Implies(z3.And(argument > 0, eta * mu * T >= logarithm), exponential * argument <= 1),
}
INFERENCES: Mapping[str, tuple[tuple[Formula, ...], str]] = {
    axioms.LIPSCHITZ_INTEGRAL: ((inner <= x * L * first2, z3.Bool("C3, integral")), "A1: quadratic bound"),
    axioms.EACH_SAMPLE: ((SHORT_EXCESS, NO_FARTHER), "mean of the samples"),
}
"""What a named axiom makes of conclusions, and which entry of the table that is."""
ALSO = {
    F: (gap,),
    F_next: (gap_next,),
    gap: (gap_next,),
    slope: (grad2,),
    length2: (grad2,),
    s2: (error2,),
    error2: (s2, shat2),
    first2: (s2, beta2, vv),
    second2: (shat2, nu2, grad2),
    inner: (c, along),
}
"""What else of the table a symbol of it may stand for: F - F* for F, the gradient for a direction, moments for squares and products."""
FOR_EVERY = {"A1: quadratic bound": eta, "A1: Lipschitz gradient": x, "second moment of g_LS": theta} | dict.fromkeys(
    ("A3: bias of g_LS", "A2, A3: noise of g_LS"), theta
)
"""A1 is used along steps of every size, and C11 at every strength."""
FREE_IN_LAWS = (eta, T, argument, radicand, growth)
"""What the laws hold for whatever it is. The other symbols of a law are what it makes of these and of the claim's constants."""
TABLE: Premises = NUMBERS | ASSUMPTIONS | AXIOMS | LABELS | STALL | LAWS
SYMBOLS = tuple({symbol.get_id(): symbol for formula in (ASSUMPTIONS | AXIOMS).values() for symbol in symbols_of(formula)}.values())
"""Those by which assumptions and axioms speak of a run."""
