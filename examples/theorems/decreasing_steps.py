"""SGD whose step size falls as 1/√t, and a random iterate drawn by the steps (Ghadimi and Lan, 2013, Theorem 2.1). Smooth, not convex."""

from tsla.theory.testing import Theorem, summed


def eta(k, t):
    """η_t."""
    return k.eta / (t + 1) ** 0.5


def weight(k, t):
    """What a step is worth: the probability of R = t is in this proportion."""
    return 2 * eta(k, t) - k.L * eta(k, t) ** 2


def bound(k, T):
    """(2F0 + Lσ² Σ η_t²) / Σ (2η_t - Lη_t²)."""
    return (2 * k.F0 + k.L * k.sigma2 * summed(lambda t: eta(k, t) ** 2, T)) / summed(lambda t: weight(k, t), T)


decreasing = Theorem(
    id="decreasing-steps",
    title="SGD with decreasing steps",
    statement="E‖∇F(w_R)‖² ≤ (2F0 + Lσ² Σ η_t²)/Σ(2η_t - Lη_t²), η_t = η/√(t+1), P(R = t) in proportion to 2η_t - Lη_t²",
    source="Ghadimi and Lan 2013",
    constants=[{"L": 3, "sigma2": 2, "F0": 0.5, "eta": 0.3}, {"L": 0.5, "sigma2": 0.8, "F0": 2, "eta": 1.5}],
    premises=lambda k: {"eta < 2/L": k.eta * k.L < 2},
    bound=bound,
    step=lambda k, w, g, state, t: (w - eta(k, t) * g, state),
    weights=weight,
)
