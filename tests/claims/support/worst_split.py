"""C12 at its worst split of A3 into bias and noise, searched at 50 digits."""

from __future__ import annotations

from collections.abc import Callable

from tests.claims.support.recursions import Exact, exact, mp
from tsla.theory.constants import Constants


def largest(cost: Callable[[Exact], Exact], end: Exact) -> Exact:
    """Of a function with one peak between 0 and ``end``, by golden sections at 50 digits."""
    part, low, high = (mp.sqrt(5) - 1) / 2, mp.mpf(0), end
    left, right = high - part * (high - low), low + part * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(110):
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - part * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + part * (high - low)
            at_right = cost(right)
    return max(cost(mp.mpf(0)), at_left, at_right, cost(end))


def searched(k: Constants, eta: float, T: float, theta: float) -> tuple[Exact, Exact]:
    """C12's bound, and the root of the descent that drops nothing, each at its worst split of δσ² into b² = r²cos²φ and n² = r²sin²φ."""
    s2, F0, t, x = exact(k.sigma2), exact(k.F0), exact(theta), exact(eta) * exact(k.L)
    D, r = 2 * F0 / (exact(eta) * T), mp.sqrt(exact(k.delta) * s2)

    def of_c12(n: Exact) -> Exact:
        return D + t**2 * (r**2 - n**2) + x * ((1 - t) * mp.sqrt(s2) + t * n) ** 2

    def dropping_nothing(angle: Exact) -> Exact:
        beta, noise = t * r * mp.cos(angle), ((1 - t) * mp.sqrt(s2) + t * r * mp.sin(angle)) ** 2
        under = (1 - x) ** 2 * beta**2 + (2 - x) * (D + x * (beta**2 + noise))
        return (((1 - x) * beta + mp.sqrt(under)) / (2 - x)) ** 2

    return largest(of_c12, r), largest(dropping_nothing, mp.pi / 2)
