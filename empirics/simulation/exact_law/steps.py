"""A row of weights, carried through the stages by matrices of one step."""

from __future__ import annotations

import numpy as np

from tsla.empirics.simulation.exact_law.coordinates import Coordinate, Noise
from tsla.empirics.simulation.exact_law.mesh import Mesh
from tsla.empirics.simulation.legs import Rule
from tsla.theory.constants import Array


def propagated(mesh: Mesh, coordinate: Coordinate, noise: Noise, rules: list[Rule], marks: list[int]) -> tuple[Array, Array]:
    """The three expectations at the marks, (3, k), and what leaving the domain may have changed in them, (3, k).

    The row that is carried has the weights of the nodes, and behind them the weighted sum of ``E f'(w_s)²`` over the stage and the
    probability, summed over the steps, of being clamped to the domain.
    """
    slope, gap = coordinate.slope(mesh.nodes), coordinate.gap(mesh.nodes)
    square, n = slope**2, len(slope)
    row = np.concatenate([mesh.evaluation(np.array([coordinate.start]))[0], [0.0, 0.0]])
    values, clamped = np.zeros((3, len(marks))), np.zeros(len(marks))

    def note(step: int, weighed: float) -> None:
        if step in places:
            k = places[step]
            values[:, k] = row[:n] @ square, row[n] / weighed if weighed > 0 else 0.0, row[:n] @ gap
            clamped[k] = row[n + 1]

    places = {step: k for k, step in enumerate(marks)}
    note(0, 0.0)
    done = 0
    for rule in rules:
        row[n], weighed = 0, 0.0
        inside = sorted({step - done for step in marks if done < step < done + rule.steps} | {rule.steps})
        at = 0
        powers: list[Array] = []
        for t in inside:
            if rule.steady:
                powers = powers or [_step_matrix(mesh, slope, noise, rule.eta, rule.theta, 1.0)]
                row = _advance(row, powers, t - at)
                weighed = float(t)
            else:
                steps = np.arange(at, t, dtype=np.float64)
                weights = rule.weights_at(steps)
                for eta, weight in zip(rule.step_sizes(steps).tolist(), weights.tolist(), strict=True):
                    row = row @ _step_matrix(mesh, slope, noise, eta, rule.theta, weight)
                weighed += float(weights.sum())
            at = t
            note(done + t, weighed)
        done += rule.steps
    return values, np.abs(clamped) * np.array([square.max(), square.max(), gap.max()])[:, None]


def _step_matrix(mesh: Mesh, slope: Array, noise: Noise, eta: float, theta: float, weight: float) -> Array:
    """One step of the row of :func:`propagated`, from the right; shape (n+2, n+2)."""
    n = len(slope)
    mean = mesh.nodes - eta * (slope + theta * noise.offset(slope))
    deviation = eta * noise.deviation(theta)
    if noise.oracle.noise == "normal" and deviation > 0:
        weights = mesh.averages(mean, deviation)
        leaving = np.add(*mesh.beyond(mean, deviation))
    else:
        points = np.add.outer(noise.atoms(eta, theta), mean)
        weights = np.mean([mesh.evaluation(y) for y in points], axis=0)
        leaving = np.mean((points < mesh.edges[0]) | (points > mesh.edges[-1]), axis=0)
    matrix = np.zeros((n + 2, n + 2))
    matrix[:n, :n] = weights / weights.sum(axis=1, keepdims=True)  # else rounding errors of the total mass add up over the steps
    matrix[:n, n], matrix[:n, n + 1] = weight * slope**2, leaving
    matrix[n, n] = matrix[n + 1, n + 1] = 1
    return matrix


def _advance(row: Array, powers: list[Array], steps: int) -> Array:
    """``row A^steps``, where ``powers`` has ``A``, ``A²``, ``A⁴``, ..., and is filled as needed."""
    for bit in range(steps.bit_length()):
        if bit == len(powers):
            powers.append(powers[-1] @ powers[-1])
        if steps >> bit & 1:
            row = row @ powers[bit]
    return row
