"""A theorem's rule on the bundled problems: the constants that they are brought to, the rules that are followed, and the exact law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tsla.empirics.simulation import problems
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.simulate import simulate
from tsla.empirics.simulation.theorems import Instance, by_law, instances, measured, step_sizes
from tsla.theory.constants import Array
from tsla.theory.plan import Stage
from tsla.theory.testing import Theorem

SGD: dict[str, Any] = {
    "id": "sgd",
    "title": "",
    "statement": "",
    "source": "",
    "constants": [{"L": 3.0, "sigma2": 2.0, "F0": 0.5, "eta": 0.2}],
    "lengths": (1, 4),
    "bound": lambda k, T: 1.0,
    "step": lambda k, w, g, state, t: (w - k.eta * g, state),
}
PLAIN = Theorem(**SGD)
PULLED = Theorem(**{**SGD, "biased": True})
PL = Theorem(**{**SGD, "functions": "PL", "constants": [{"L": 3.0, "mu": 0.05, "sigma2": 2.0, "F0": 0.5, "eta": 0.2}]})
NEAR = Theorem(**{**SGD, "functions": "convex", "measure": "gap", "constants": [{"L": 3.0, "sigma2": 2.0, "D2": 0.5, "eta": 0.2}]})


def of(theorem: Theorem, name: str) -> Instance:
    return next(instance for instance in instances(theorem, theorem.settings[0]) if instance.problem.name == name)


@pytest.mark.parametrize("theorem", [PLAIN, PULLED, PL, NEAR], ids=["smooth", "biased", "PL", "convex"])
def test_instances_have_the_constants_of_the_theorem(theorem: Theorem) -> None:
    k = theorem.settings[0]
    found = list(instances(theorem, k))
    assert len(found) >= 4
    for instance in found:
        problem = instance.problem
        assert pytest.approx(k.L) == problem.L
        assert problem.minimiser is not None
        if hasattr(k, "F0"):
            assert float(problem.gap(problem.start)) == pytest.approx(k.F0)
        else:
            assert float(np.sum((problem.start - problem.minimiser) ** 2)) == pytest.approx(k.D2)
        if theorem is PL:
            assert problem.mu is not None
            assert problem.mu >= k.mu * (1 - 1e-12)
        assert problem.convex or theorem is not NEAR
        step = 1e-6 * np.ones(problem.dimension)  # the gradient is that of the scaled function
        rise = float(problem.value(problem.start + step) - problem.value(problem.start - step))
        assert rise == pytest.approx(float(2 * step @ problem.gradient(problem.start)), rel=1e-5)


@pytest.mark.parametrize("theorem", [PLAIN, PULLED], ids=["unbiased", "biased"])
def test_noise_is_all_that_the_theorem_allows(theorem: Theorem) -> None:
    """On the parabola, by the law: ``E(Lw)²`` after one step; and the runs have it in the mean."""
    instance = of(theorem, "stall")
    law = {one.T: one.mean for one in by_law(theorem, instance)}
    runs = {one.T: one.values for one in measured(theorem, instance)}
    assert set(law) == set(runs) == {1, 4}
    for T, exact in law.items():
        spread = 4 * runs[T].std() / np.sqrt(runs[T].size)
        assert runs[T].mean() == pytest.approx(exact, abs=spread + 1e-9)


def test_a_rule_of_sgd_is_sgd_and_others_have_no_step_sizes() -> None:
    k = PLAIN.settings[0]

    def falling(k: Any, w: Array, g: Array, state: Any, t: int) -> tuple[Array, Any]:
        return w - k.eta / (t + 1) * g, state

    def clipped(k: Any, w: Array, g: Array, state: Any, t: int) -> tuple[Array, Any]:
        return w - k.eta * np.minimum(1, 1 / np.linalg.norm(g, axis=-1, keepdims=True)) * g, state

    sizes = step_sizes(replace(PLAIN, step=falling), k, 3)
    assert sizes == pytest.approx([0.2, 0.1, 0.2 / 3])
    assert step_sizes(replace(PLAIN, step=clipped), k, 3) is None
    assert list(by_law(replace(PLAIN, step=clipped), of(PLAIN, "stall"))) == []


def test_any_rule_is_followed() -> None:
    problem, oracle = problems.get("quadratic"), Oracle(sigma2=1, beta2=0.5, bias="fixed")
    stages = [Stage(np.asarray(0.3), np.asarray(0.25), np.asarray(20.0))]
    plain = simulate(problem, oracle, stages, replicas=3, seed=1)
    seen: list[int] = []

    def step(w: Array, g: Array, state: Any, t: int) -> tuple[Array, Any]:
        seen.append(t)
        assert state == (None if t == 0 else t - 1)
        return w - 0.3 * g, t

    followed = simulate(problem, oracle, stages, replicas=3, seed=1, step=step)
    np.testing.assert_allclose(followed.grad2, plain.grad2, rtol=1e-12)
    np.testing.assert_allclose(followed.mean_grad2[1:], plain.mean_grad2[1:], rtol=1e-12)
    assert seen == list(range(20))
    with pytest.raises(ValueError, match="step must be None where compiled or state is given"):
        simulate(problem, oracle, stages, replicas=3, seed=1, step=step, compiled=True)


def test_the_gap_of_the_average() -> None:
    """Without noise on the parabola ``w_t = (1-ηL)^t w_0``, whose mean is a geometric sum."""
    theorem = replace(NEAR, measure="gap of the average", variance=lambda k, gap, grad2: 0)
    instance, x = of(theorem, "stall"), 1 - 0.2 * 3.0
    for one in measured(theorem, instance):
        mean = float(instance.problem.start[0]) * sum(x**t for t in range(one.T)) / one.T
        assert one.mean == pytest.approx(1.5 * mean**2)
    assert str(instance) == "stall (d = 1) without noise"


def test_a_run_that_diverges_has_no_value_from_there_on() -> None:
    wild = replace(PLAIN, lengths=(1, 2000), step=lambda k, w, g, state, t: (w - 3.0 * g, state))
    assert [one.T for one in measured(wild, of(wild, "stall"))] == [1]
