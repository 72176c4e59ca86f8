"""One-sided tests of "the mean is at most the bound" whose false-alarm rate is known, for samples that are independent and not negative.

Samples are independent, non-negative and of any law, however skewed, such as ``‖∇F(w_R)‖²`` of the replicas of a run. If their mean is at
most ``b``, then for every ``λ`` in [0, 1] the wealth ``Π (1 + λ (X_i/b - 1))`` of somebody who bets on larger values has an expectation
of at most 1, and so has its mean over some λ. By Markov's inequality it exceeds 1/p with probability at most p: its inverse is a p-value,
valid for every number of samples (Waudby-Smith and Ramdas, 2024). Student's t is not: on few samples with a long left tail it raises
false alarms many times too often (``tests/empirics/statistics/test_betting.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from tsla.empirics.statistics.intervals import holm
from tsla.theory.constants import Array, real

LEVEL = 0.001
# Parts of the wealth that are bet: the smallest suits excesses of a few per cent, the largest those by a factor.
BETS = np.geomspace(1 / 64, 0.95, 8)


def p_values(samples: ArrayLike, bound: ArrayLike) -> Array:
    """p-values of "the mean is at most ``bound``" for independent samples of any law on [0, ∞), valid for every number of them.

    Shapes: ``samples`` (..., n), ``bound`` broadcasts with (...), which is the shape of the result. Raises ValueError for a negative sample
    or a bound that is not above 0.
    """
    values, limit = real("samples", samples, at_least=0), real("bound", bound, above=0)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"samples has shape {values.shape}; a test needs (..., n) with n at least 1")
    excess = values / limit[..., None] - 1
    log_wealth = np.log1p(excess[..., None, :] * BETS[:, None]).sum(axis=-1)
    log_p = np.minimum(np.log(len(BETS)) - logsumexp(log_wealth, axis=-1), 0)
    return np.asarray(np.maximum(np.exp(log_p), np.finfo(float).tiny))  # a p-value of 0 would claim too much


def refutes(samples: ArrayLike, bound: ArrayLike, level: float = LEVEL) -> NDArray[np.bool_]:
    """Which of the bounds are refuted, such that a true one is refuted with probability at most ``level`` over all instances together.

    Shapes: ``samples`` (instances, n) or (n,), ``bound`` (instances,) or (), which is the shape of the result. Holm's step-down procedure
    on :func:`p_values`: it needs no independence of the instances.
    """
    p = p_values(samples, bound)
    return np.asarray(holm(p.ravel()) <= real("level", level, above=0, at_most=1)).reshape(p.shape)
