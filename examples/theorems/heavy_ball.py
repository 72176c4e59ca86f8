"""Heavy ball on convex functions, without noise, and the mean of its iterates (Ghadimi, Feyzmahdavian and Johansson, 2015, Theorem 1)."""

from tsla.theory.testing import Theorem


def step(k, w, g, state, t):
    """``w - ηg + β(w - what w was before)``; the state is the iterate before."""
    before = w if state is None else state
    return w - k.eta * g + k.beta * (w - before), w


heavy_ball = Theorem(
    id="heavy-ball",
    title="heavy ball",
    statement="F(mean of w_0 … w_(T-1)) - F* ≤ (D2/(2T)) (βL/(1-β) + (1-β)/η), D2 = ‖w_0 - w*‖², for η ≤ (1-β)/L",
    source="Ghadimi, Feyzmahdavian and Johansson 2015",
    functions="convex",
    constants=[{"L": 3, "D2": 2, "eta": 0.15, "beta": 0.5}, {"L": 0.5, "D2": 3, "eta": 1.4, "beta": 0.3}],
    premises=lambda k: {"beta >= 0": k.beta >= 0, "beta < 1": k.beta < 1, "eta <= (1-beta)/L": k.eta * k.L <= 1 - k.beta},
    variance=lambda k, gap, grad2: 0,
    bound=lambda k, T: k.D2 / (2 * T) * (k.beta * k.L / (1 - k.beta) + (1 - k.beta) / k.eta),
    step=step,
    units={"beta": (0, 0)},
    measure="gap of the average",
)
