"""All that derivations speak of, as numbers: on a parabola that starts at F0, along one axis, with noise of one size and random sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.theory.formulas import Symbols
from tsla.theory.method import Method

Noise = Callable[[float], float]
"""Of E‖∇F(w)‖² to the variance of the direction there."""


class Run(NamedTuple):
    """``w ← w - η(∇F + bias + noise)`` on ``F = (curvature/2)w²`` from ``w_0 = start``."""

    curvature: float
    start: float
    eta: float
    T: int
    bias: float
    noise: Noise

    def moments(self) -> Iterator[tuple[float, float]]:
        """E w and E w², before and after each step."""
        mean, square, kept = self.start, self.start**2, 1 - self.eta * self.curvature
        yield mean, square
        for _ in range(self.T):
            variance = self.noise(self.curvature**2 * square)
            square = kept**2 * square - 2 * self.eta * self.bias * kept * mean + self.eta**2 * (self.bias**2 + variance)
            mean = kept * mean - self.eta * self.bias
            yield mean, square


class Setting(NamedTuple):
    """The numbers of a call. ``given`` is what follows the constants: an oracle, growing noise, or nothing."""

    method: Method
    L: float
    mu: float
    sigma2: float
    delta: float
    F0: float
    curvature: float
    eta: float
    T: int
    theta: float
    given: Any
    run: dict[str, Any]

    @property
    def x(self) -> float:
        return self.eta * self.L

    @property
    def slope2(self) -> float:
        """‖∇F(w_0)‖²."""
        return 2 * self.curvature * self.F0


def symbols(method: Method, given_: tuple[Any, ...], run: dict[str, Any], curvature: float) -> Symbols:
    k, *others = given_
    L, mu, sigma2, F0 = (float(number) for number in (k.L, curvature if k.mu is None else k.mu, k.sigma2, k.F0))
    delta = 1.0 if k.delta is None else float(k.delta)
    eta, T = (run.get(one, run.get(other)) for one, other in (("eta", "eta1"), ("T", "T1")))
    at = Setting(method, L, mu, sigma2, delta, F0, curvature, eta, T, 0.0, next(iter(others), None), run)
    at = at._replace(theta=run["theta"] if run.get("theta") is not None else best_theta(at))
    own, bias, noise = SPOKEN_OF.get("C18" if at_worst(method) else method.claim, of_any)(at)
    return of_steps(at, bias, noise) | {"E‖∇F(w_R)‖²": measured(at, Run(curvature, (2 * F0 / curvature) ** 0.5, eta, T, bias, noise))} | own


def at_worst(method: Method) -> bool:
    """Whether it takes the worst split of A3 (C18)."""
    return method.smooths and method.name.endswith(("-sharp", "-exact"))


def best_theta(at: Setting) -> float:
    """Where it is left out."""
    if at.method.splits:
        return float(at.given.moments(at.sigma2).theta_for_step(at.x))
    if at_worst(at.method):
        return at.x / (at.delta * (1 - at.x) + at.x) if at.delta < 1 else 0.0
    return 1 / (1 + at.delta)


def measured(at: Setting, run: Run) -> float:
    """The mean of E‖∇F(w_t)‖² over the run, or over that of a second stage of plain SGD."""
    path = list(run.moments())
    if at.run.get("T2"):
        *_, (_, square) = path
        path = list(Run(at.curvature, square**0.5, at.run["eta2"], at.run["T2"], 0.0, lambda _: at.sigma2).moments())
    return at.curvature**2 * float(np.mean([square for _, square in path[:-1]]))


def of_steps(at: Setting, bias: float, noise: Noise) -> Symbols:
    """What the derivations of all methods have in common."""
    run = Run(at.curvature, (2 * at.F0 / at.curvature) ** 0.5, at.eta, at.T, bias, noise)
    path = list(run.moments())
    squares, (_, after) = [at.curvature**2 * square for _, square in path], path[1]
    t, slope, V = at.theta, at.slope2**0.5, at.sigma2 * (1 - at.theta + at.theta * at.delta)
    error2, smooths = noise(at.slope2), at.method.smooths
    g = slope + (0.0 if smooths else error2**0.5)
    kept = (1 - at.eta * at.mu) ** at.T
    return {
        **dict.fromkeys(("F(w)", "F - F*", "F", "F0"), at.F0),
        "F*": 0.0,
        "F(w⁺)": at.curvature / 2 * (after if smooths else (run.start - at.eta * g) ** 2),
        **dict.fromkeys(("E F(w⁺)", "E[F(w⁺) - F*]"), at.curvature / 2 * after),
        **dict.fromkeys(("E[F(w_T) - F*]", "E[F(w_T1) - F*]"), at.curvature / 2 * path[-1][1]),
        **dict.fromkeys(("‖∇F‖²", "‖∇F(w)‖²"), at.slope2),
        **{"‖∇F‖": slope, "⟨∇F, g⟩": slope * g, "‖g‖²": g**2, "⟨∇F, ∇F + θb̂⟩": slope * (slope + bias)},
        **{"‖∇F + θb̂‖²": (slope + bias) ** 2, "‖θb̂‖²": bias**2, "‖d - ∇F‖²": error2, "E‖g_LS - ∇F‖²": bias**2 + error2},
        **{"E‖g - ∇F‖²": at.sigma2, "E‖ĝ - ∇F‖²": at.delta * at.sigma2},
        **{"g_LS": (1 - t) * 2 + t * 3, "g": 2.0, "ĝ": 3.0},
        "E‖∇F(w_T)‖²": squares[-1],
        "Σ E‖∇F(w_t)‖²": sum(squares[:-1]),
        **dict.fromkeys(("Σ(1-ημ)^t", "Σ(1-η1 μ)^t"), (1 - kept) / (at.eta * at.mu)),
        **{"2⟨a, a+b⟩": 2 * 3 * (3 + 4), "‖a+b‖²": 49, "‖a‖²": 9, "‖b‖²": 16},
        **{"η": at.eta, "η1": at.eta, "T": at.T, "T1": at.T, "η2": at.run.get("eta2", 0.0), "T2": at.run.get("T2", 0)},
        **{"L": at.L, "μ": at.mu, "σ": at.sigma2**0.5, "δ": at.delta, "θ": t, "V(θ)": V, "V": V, "gap": kept * at.F0 + V / (2 * at.mu)},
    }


Own = tuple[Symbols, float, Noise]
"""What a claim speaks of alone, and the bias and the noise with which its bound is laid beside a run."""


def of_any(at: Setting) -> Own:
    noise = at.sigma2 * ((1 - at.theta) + at.theta * at.delta**0.5) ** 2 if at.method.smooths else at.sigma2
    return {}, 0.0, lambda _: noise


def of_split(at: Setting) -> Own:
    """C12. The bias lets the run fall short."""
    if not at.method.splits:
        return of_any(at)
    noise, beta = float(at.given.moments(at.sigma2).noise(at.theta)), float(at.given.beta2) ** 0.5
    return {"β": beta, "ν": float(at.given.nu2) ** 0.5, "c": float(at.given.c), "N(θ)": noise}, -at.theta * beta, lambda _: noise


def of_worst_split(at: Setting) -> Own:
    """C18: ``lost`` and ``shared`` are θb and θn."""
    x, sigma, t = at.x, at.sigma2**0.5, at.theta
    a, q = (1 - t) * sigma, t * at.delta**0.5 * sigma
    C = 2 * at.F0 / (at.eta * at.T) + x * (a**2 + q**2)
    R = (2 - x) * C * (1 - x) ** 2 + q**2 * (1 - x) ** 4 + ((2 - x) * x * a) ** 2
    A = ((2 - x) * C + 2 * q**2 * (1 - x) ** 2 + 2 * q * R**0.5) / (2 - x) ** 2
    shared = min(q, x * a / (1 - x))
    if at.method.name == "lsr-exact":
        shared = q * np.sin(np.arctan2(x * a, (1 - x) * A**0.5))
    lost, noise = (q**2 - shared**2) ** 0.5, (a + shared) ** 2
    b, n = (lost / t, shared / t) if t else (0.0, at.delta**0.5 * sigma)
    W = lost**2 + x * noise
    return (
        {
            **{"a": a, "q": q, "C": C, "R": R, "√R": R**0.5, "A": A, "√A": A**0.5, "√δ": at.delta**0.5, "x": x},
            **{"b": b, "n": n, "‖Eĝ - ∇F‖": b, "E‖ĝ - Eĝ‖²": n**2, "E⟨g - ∇F, ĝ - Eĝ⟩": sigma * n, "W(θ, ηL)": W, "W": W},
            "gap": (1 - at.eta * at.mu) ** at.T * at.F0 + W / (2 * at.mu),
        },
        -lost,
        lambda _: noise,
    )


def of_growth(at: Setting) -> Own:
    """C20: the noise is as large as A2′ allows, and the iterates have the weights of the bound."""
    A, B, rho = float(at.given.A), float(at.given.B), 1 - at.theta + at.theta * at.delta
    share, a = (rho, rho * A * at.eta) if at.method.smooths else (1.0, at.L * A * at.eta**2)

    def noise(slope2: float) -> float:
        return share * (A / at.curvature * slope2 + B * slope2 + at.sigma2)

    path = list(Run(at.curvature, (2 * at.F0 / at.curvature) ** 0.5, at.eta, at.T, 0.0, noise).moments())
    weights = (1 + a) ** -np.arange(at.T)
    random = float(weights @ [at.curvature**2 * square for _, square in path[:-1]] / weights.sum())
    own = {"A": A, "B": B, "C": at.sigma2, "ρ": rho, "a": a, "E‖g - ∇F‖²": noise(at.slope2) / share, "E‖∇F(w_R)‖²": random}
    return own, 0.0, noise


def of_momentum(at: Setting) -> Own:
    """C21: the run from rest, and one step from a velocity v."""
    m, bend, sigma, h = at.run["momentum"], at.curvature, at.sigma2**0.5, at.eta / (1 - at.run["momentum"])
    w = (2 * at.F0 / bend) ** 0.5
    turn = np.array([[1 - at.eta * bend, -at.eta * m], [bend, m]])
    both, squares = np.outer([w, 0], [w, 0]), []
    for _ in range(at.T):
        squares.append(bend**2 * both[0, 0])
        both = turn @ both @ turn.T + at.sigma2 * np.outer([-at.eta, 1], [-at.eta, 1])
    v = bend * w - 2 * sigma
    z, g = w - h * m * v, bend * w + sigma
    moved, turned = (turn @ [w, v] + sign * sigma * np.array([-at.eta, 1]) for sign in (1, -1))
    ends = [point - h * m * velocity for point, velocity in (moved, turned)]
    own = {
        **{"m": m, "h": h, "hT": h * at.T, "hL": h * at.L, "Lm": at.L * m, "hLm": h * at.L * m, "hmv": h * m * v, "mv": m * v, "hg": h * g},
        **{"w": w, "v": v, "z": z, "g": g, "v⁺": m * v + g, "z⁺": ends[0], "‖v‖": abs(v), "‖v‖²": v**2, "F(z)": bend / 2 * z**2},
        "E F(z⁺)": bend / 2 * float(np.mean(np.square(ends))),
        "E‖v⁺‖²": (moved[1] ** 2 + turned[1] ** 2) / 2,
        **{"⟨∇F(z), ∇F(w)⟩": bend**2 * z * w, "‖∇F(z) - ∇F(w)‖": bend * abs(z - w), "⟨v, ∇F(w)⟩": v * bend * w},
        "E‖∇F(w_R)‖²": float(np.mean(squares)),
    }
    return own, 0.0, lambda _: at.sigma2


def of_clipping(at: Setting) -> Own:
    """C22, of gradients that are shorter than τ; a and b of its inequality are such that it is an equality."""
    own = {"τ": at.run["clip"], "S": at.run["steepest"], "a": 4.0, "b": 2.0, "‖E clip(g) - ∇F‖": 0.0, "E‖clip(g) - ∇F‖²": at.sigma2}
    return own, 0.0, lambda _: at.sigma2


SPOKEN_OF: dict[str, Callable[[Setting], Own]] = {
    **{"C12": of_split, "C18": of_worst_split, "C19": of_split, "C20": of_growth, "C21": of_momentum, "C22": of_clipping}
}
