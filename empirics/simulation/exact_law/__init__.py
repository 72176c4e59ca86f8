"""The law of the iterates without Monte Carlo: ``E‖∇F(w_t)‖²`` and ``E[F(w_t)] - F*`` of one-dimensional and separable problems.

A step takes the coordinate x to ``m(x) + ζ``, ``m(x) = x - η(f'(x) + θ b(x))``, with noise ``ζ`` of variance ``η² N(θ)/d`` (N of C12). So
``E[φ(w_(t+1)) | w_t = x] = (Pφ)(x) = E φ(m(x) + ζ)``, and ``E φ(w_t)`` is ``P`` applied t times to φ, at the start. Functions are kept by
their values at 16 Gauss-Legendre nodes in each of some panels, which makes P a matrix: its rows are integrals of polynomials against a
normal density, or, for signs, values of polynomials at 2 or 4 points. What P acts on stays as smooth as the drift, however small η
is: the panels are as wide as the problem, not as the noise. A row of weights is carried from the start through the stages, by powers of
the matrix where ``η`` is constant, and so a stage of 10^5 steps costs what some hundred matrix products cost.
"""

from tsla.empirics.simulation.exact_law.law import Law, exact_law

__all__ = ["Law", "exact_law"]
