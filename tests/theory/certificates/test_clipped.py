"""Clipped SGD: its programs beside a linear program over all laws of one step, and beside plain SGD where τ is infinite."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.optimize import linprog

from tests.claims.support.refusals import refuses
from tsla.theory import clipping
from tsla.theory.certificates.worst_case import clipped, scenario_tree
from tsla.theory.certificates.worst_case.clipped import Lengths, as_clipped
from tsla.theory.certificates.worst_case.engine.clipped_search import Branching, Clipped, search
from tsla.theory.certificates.worst_case.engine.program import Setting, halved_noise
from tsla.theory.constants import Constants
from tsla.theory.testing.planted import Rejects

FREE = clipped.FREE[0]


def least_fall(setting: Clipped, slope: float) -> float:
    """The least ``(F(w) - E F(w⁺))/η`` at ``‖∇F‖ = slope`` over all laws of g on a grid: of a part along ∇F, and of one across it.

    ``F(w⁺) = F(w) - η⟨∇F, c⟩ + (L/2)η²‖c‖²`` with ``c = clip(g)`` is the largest that A1 allows, for all outcomes at once.
    """
    along, across = (x.ravel() for x in np.meshgrid(np.linspace(-3, 4, 351), np.linspace(0, 3, 11)))
    length = np.hypot(along, across)
    factor = np.minimum(1, setting.clip / np.maximum(length, 1e-9))
    fall = slope * factor * along - setting.eta * setting.smoothness / 2 * (factor * length) ** 2
    variance = [(along - slope) ** 2 + across**2]
    laws = linprog(fall, A_eq=[np.ones_like(along), along], b_eq=[1, slope], A_ub=variance, b_ub=[float(setting.k.sigma2)])
    return float(laws.fun)


@cache
def searched(setting: Clipped) -> list[Branching]:
    return search(setting, clipped.STARTS)


def is_the_worst_of_all_laws(lengths: Lengths) -> None:
    """To 1 % of the gradient, at what the search found; and at other chances and factors nothing is worse."""
    found, most = np.sqrt(clipped.find(FREE, searched(FREE), lengths).lower), float(FREE.k.F0) / FREE.eta
    assert least_fall(FREE, 0.99 * found) < most < least_fall(FREE, 1.01 * found)
    for chance in (0.1, 0.3):
        for factor in (0.3, 0.6):
            assert not clipped.find(FREE, [Branching(chance, (factor, 1))], lengths).lower > (1.01 * found) ** 2


@pytest.mark.claim("C22", "worst case")
def test_no_law_of_one_step_is_worse(evidence: Callable[..., None]) -> None:
    is_the_worst_of_all_laws(as_clipped)
    slope = float(np.sqrt(clipped.find(FREE, searched(FREE)).lower))
    within = slope * float(clipping.progress(FREE.k.sigma2, FREE.clip, slope))
    assert within <= float(FREE.k.F0) / FREE.eta + FREE.eta * FREE.smoothness * FREE.clip**2 / 2
    evidence("Of one step without S no law of g is worse than the two outcomes that the search found, by a linear program over all laws.")


@pytest.mark.claim("C22", "worst case", planted=True)
def test_a_program_that_forgets_the_lengths_is_refuted(rejects: Rejects) -> None:
    rejects(is_the_worst_of_all_laws, right=as_clipped, wrong=lambda problem, g, clip, factor: None)


def is_plain_sgd(k: Constants) -> None:
    for T in (1, 2):
        unclipped = Clipped(k, 0.6, T, np.inf)
        assert clipped.find(unclipped, search(unclipped, 2)).lower == pytest.approx(
            scenario_tree.sgd_worst(Setting(scenario_tree.K2, 0.6, T)).upper, rel=1e-6
        )


@pytest.mark.claim("C22", "worst case")
def test_an_infinite_threshold(evidence: Callable[..., None]) -> None:
    is_plain_sgd(scenario_tree.K2)
    evidence("For τ → ∞ the search ends at the worst case of plain SGD (T ≤ 2).")


@pytest.mark.claim("C22", "worst case", planted=True)
def test_an_infinite_threshold_with_half_the_noise(rejects: Rejects) -> None:
    rejects(is_plain_sgd, right=scenario_tree.K2, wrong=halved_noise(scenario_tree.K2))


def test_a_search_that_finds_nothing() -> None:
    refuses(lambda: search(FREE, 0), f"starts = 0 led to no run of clipped SGD at {FREE}")
