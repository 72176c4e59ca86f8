"""The simulator's loop as it is usually written with each library, all replicas at once; each returns the last iterates, (replicas, d)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from tsla.empirics.simulation.oracles import Oracle
from tsla.theory.constants import Array

ETA, THETA = 0.05, 0.5
BETA, NU2, C = 0.3, 0.5, 0.2
ORACLE = Oracle(1.0, beta2=BETA**2, nu2=NU2, c=C)
ACROSS = math.sqrt(NU2 - C**2)  # ĝ - E ĝ = C ξ + ACROSS ξ', for σ = 1


def _gradient(problem: str, w: Any, library: ModuleType) -> Any:
    if problem == "sine_valley":
        return 2 * w + 3 * library.sin(2 * w)
    square = 1 + w * w
    return 2 * w / (square * square)


def _step(problem: str, w: Any, noise: Any, library: ModuleType) -> Any:
    """One step of label-smoothed SGD, from two normals a coordinate, (2, replicas, d)."""
    g = _gradient(problem, w, library)
    unit = 1 / math.sqrt(w.shape[1])
    norm = library.sqrt((g * g).sum(1))[:, None]
    one_hot = g + unit * noise[0]
    smoothed = g - BETA * g / norm.clip(ORACLE.width) + unit * (C * noise[0] + ACROSS * noise[1])
    return w - ETA * ((1 - THETA) * one_hot + THETA * smoothed)


def numpy_loop(problem: str, start: Array, replicas: int, steps: int, threads: int) -> Array:
    """NumPy, in one thread, which is all that it uses here."""
    rng, w = np.random.default_rng(0), np.tile(start, (replicas, 1))
    for _ in range(steps):
        w = _step(problem, w, rng.standard_normal((2, *w.shape)), np)
    return w


def torch_loop(problem: str, start: Array, replicas: int, steps: int, threads: int) -> Array:
    """PyTorch, eager, float64."""
    torch = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        generator, w = torch.Generator().manual_seed(0), torch.tensor(np.tile(start, (replicas, 1)))
        for _ in range(steps):
            w = _step(problem, w, torch.randn((2, *w.shape), generator=generator, dtype=torch.float64), torch)
        last: Array = w.numpy()
        return last
    finally:
        torch.set_num_threads(before)


def jax_loop(problem: str, start: Array, replicas: int, steps: int, threads: int) -> Array:
    """JAX, the whole loop compiled, float64; it takes the threads that it likes."""
    return np.asarray(_jax_kernel(problem)(np.tile(start, (replicas, 1)), steps))


@cache
def _jax_kernel(problem: str) -> Callable[[Array, int], Any]:
    jax, jnp = import_module("jax"), import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    def body(t: Any, w: Any) -> Any:
        noise = jax.random.normal(jax.random.fold_in(jax.random.key(0), t), (2, *w.shape), dtype=jnp.float64)
        return _step(problem, w, noise, jnp)

    return jax.jit(lambda w, steps: jax.lax.fori_loop(0, steps, body, w))


def numba_loop(problem: str, start: Array, replicas: int, steps: int, threads: int) -> Array:
    """numba, a parallel loop over the replicas with its own random numbers: not the same from run to run."""
    numba = import_module("numba")
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    w = np.tile(start, (replicas, 1))
    _numba_kernel(problem)(w, steps)
    return w


@cache
def _numba_kernel(problem: str) -> Callable[[Array, int], None]:
    numba = import_module("numba")
    eta, theta, beta, c, across, width, valley = ETA, THETA, BETA, C, ACROSS, ORACLE.width, problem == "sine_valley"

    def kernel(w: Array, steps: int) -> None:
        replicas, d = w.shape
        unit = 1 / math.sqrt(d)
        for r in numba.prange(replicas):
            g = np.empty(d)
            for _ in range(steps):
                norm2 = 0.0
                for i in range(d):
                    x = w[r, i]
                    g[i] = 2 * x + 3 * math.sin(2 * x) if valley else 2 * x / ((1 + x * x) * (1 + x * x))
                    norm2 += g[i] * g[i]
                pull = beta / max(math.sqrt(norm2), width)
                for i in range(d):
                    first, second = np.random.standard_normal(), np.random.standard_normal()  # noqa: NPY002 - numba's own, as is usual
                    one_hot = g[i] + unit * first
                    smoothed = g[i] - pull * g[i] + unit * (c * first + across * second)
                    w[r, i] -= eta * ((1 - theta) * one_hot + theta * smoothed)

    compiled: Callable[[Array, int], None] = numba.njit(parallel=True, fastmath=True)(kernel)
    return compiled
