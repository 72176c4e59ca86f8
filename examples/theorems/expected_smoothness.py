"""SGD under expected smoothness (Gower et al., 2019): the noise grows with the gap and the gradient. Smooth, not convex.

The bound is Theorem 2 of Khaled and Richtárik (2020).
They bound the least of the ``E‖∇F(w_t)‖²`` by way of this mean, in which an iterate weighs (1 + Lη²A)^-t.
"""

from tsla.theory.testing import Theorem

expected_smoothness = Theorem(
    id="expected-smoothness",
    title="SGD under expected smoothness",
    statement="E‖∇F(w_R)‖² ≤ LCη + 2(1 + Lη²A)^T F0/(ηT) where E‖g‖² ≤ 2A(F-F*) + B‖∇F‖² + C; P(R = t) in proportion to (1 + Lη²A)^-t",
    source="Khaled and Richtárik 2020; Gower et al. 2019",
    constants=[
        {"L": 2, "F0": 1.5, "eta": 0.25, "A": 0.3, "B": 2, "C": 0.7},
        {"L": 0.5, "F0": 0.4, "eta": 1.8, "A": 0.02, "B": 1.1, "C": 2},
    ],
    premises=lambda k: {"eta <= 1/(LB)": k.eta * k.L * k.B <= 1, "A >= 0": k.A >= 0, "B >= 1": k.B >= 1, "C >= 0": k.C >= 0},
    variance=lambda k, gap, grad2: 2 * k.A * gap + (k.B - 1) * grad2 + k.C,
    bound=lambda k, T: k.L * k.C * k.eta + 2 * (1 + k.L * k.eta**2 * k.A) ** T * k.F0 / (k.eta * T),
    step=lambda k, w, g, state, t: (w - k.eta * g, state),
    units={"A": (1, 2), "B": (0, 0), "C": (2, 2)},
    weights=lambda k, t: (1 + k.L * k.eta**2 * k.A) ** -t,
)
