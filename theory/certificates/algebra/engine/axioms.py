"""What the proofs stand on that z3 and sympy don't prove: each certificate names those that it uses."""

from __future__ import annotations

EXPECTATION = "E is linear and monotone"
HISTORY = f"{EXPECTATION}, and the mean over histories is the mean of the conditional means (tower rule)"
INDUCTION = "induction over the number of steps"
TELESCOPING = f"{INDUCTION}; {HISTORY}"
LIPSCHITZ_INTEGRAL = "F(v) - F(u) is the integral of ⟨∇F, v-u⟩ over the segment, and integrals are monotone"
EACH_SAMPLE = f"{EXPECTATION}: what holds of each sample holds in the mean"
CAUCHY_SCHWARZ = "⟨a, b⟩² ≤ ‖a‖²‖b‖²"
INFIMUM = "F ≥ F* everywhere"
EXPONENTIAL = "1-x ≤ e^-x, hence (1-x)^T ≤ e^-xT for 0 ≤ x ≤ 1; e^-x falls; e^(-log A) = 1/A"
LOGARITHM = "log x ≤ x-1; log rises; log xy = log x + log y"
FINITE_SUM = "a finite sum is linear, and the gradient too"
INDEPENDENCE = "E⟨a, b⟩ = 0 for independent a, b of which one has mean 0"
