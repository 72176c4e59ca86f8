"""A bound's own plan, run: what was planned, what the theorem speaks of, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.refusals import refusals
from tsla.empirics.simulation import problems
from tsla.empirics.simulation.legs import default_checkpoints
from tsla.empirics.simulation.oracles import Oracle
from tsla.empirics.simulation.planned import Planned, beside_bound, planned, verdict


def test_beside_a_bound() -> None:
    what, marks = planned("stall", "tsla", eps=0.5, sigma2=1.0, delta=0.1), []
    result, checkpoints = beside_bound(what, replicas=40, seed=3, progress=lambda done, total: marks.append((done, total)))
    assert checkpoints["step"].tolist() == [done for done, _ in marks] == sorted(default_checkpoints(what.plan.stages))
    assert checkpoints["mean_grad2"].iloc[-1] == pytest.approx(result["measured"])
    assert (checkpoints["gap_low"] <= checkpoints["gap"]).all()
    assert {name: result[name] for name in ("problem", "method", "claim", "samples", "bound", "replicas", "seed")} == {
        "problem": "stall",
        "method": "tsla",
        "claim": "C8",
        "samples": 2 + 26,
        "bound": 0.25,
        "replicas": 40,
        "seed": 3,
    }
    assert 0 < result["low"] < result["measured"] < result["high"] < result["bound"]
    assert result["verdict"] == "held"


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.1, 0.5, "held"), (0.1, 0.4, "held"), (0.4, 0.6, "open"), (0.5, 0.6, "open"), (0.51, 0.6, "exceeded")]
)
def test_a_verdict_is_that_of_the_whole_interval(low: float, high: float, said: str) -> None:
    assert verdict(low, high, 0.5) == said


def test_a_budget_in_place_of_a_target() -> None:
    what = planned("sine_valley", "sgd", eps=None, budget=5000, sigma2=1.0, delta=0.1)
    assert 4990 <= int(what.plan.total) <= 5000
    again = planned("sine_valley", "sgd", eps=what.eps * 0.999, sigma2=1.0, delta=0.1)
    assert int(again.plan.total) > 5000


@pytest.mark.parametrize(("method", "by"), [("sgd-pl-last", "grad2"), ("sgd-pl", "mean_grad2")])
def test_what_the_theorem_speaks_of(method: str, by: str) -> None:
    """A bound on the last iterate is measured there, the others at a random iterate, which is nan before the last stage."""
    what = Planned.of(problems.get("stall"), Oracle(sigma2=1.0), method, eps=0.5)
    run, measured = what.run(replicas=4, seed=7)
    np.testing.assert_array_equal(measured, getattr(run, by))
    assert (run.grad2[-1] != run.mean_grad2[-1]).all()


test_what_can_not_be_planned = refusals(
    lambda changes: planned(**{"problem": "stall", "method": "tsla", "eps": 0.5, "sigma2": 1.0, "delta": 0.1} | changes),
    ({"problem": "nowhere"}, "problem = 'nowhere' must be one of .*stall"),
    ({"problem": "cosine"}, r"problem = cosine has no mu \(A4\), which tsla needs; must be one of quadratic, "),
    ({"method": "lsr", "eps": 0.1}, r"eps = 0.1 is out of reach for lsr: .*; the floor is 0.18"),
    ({"delta": -0.1}, "delta = -0.1 must"),
    ({"sigma2": 0.0}, "sigma2 = 0 must"),
    ({"eps": 0.0}, "eps = 0 must"),
    ({"eps": 1e-3}, r"eps = 0.001: the plan of tsla has [^ ]+ steps; at most 1e\+12 can be run"),
    ({"eps": None, "budget": 10**18}, r"T = 1000000000000000000: the plan of tsla has 1e\+18 steps; at most 1e\+12 can be run"),
    ({"eps": None}, "eps = None and T = None: exactly one of them must be given"),
    ({"budget": 100}, "eps = 0.5 and T = 100: exactly one of them must be given"),
)


def test_more_replicas_than_fit_the_memory_are_refused_before_it_is_asked_for() -> None:
    what = planned("stall", "tsla", eps=0.5, sigma2=1.0, delta=0.1)
    with pytest.raises(ValueError, match=r"^seeds = 10{12} needs .* GiB of memory, and there are .*; must be at most [1-9]\d*$"):
        beside_bound(what, replicas=10**12, seed=0)


def test_the_table_beside_a_bound_has_what_the_replicas_have_in_the_mean() -> None:
    what = planned("stall", "tsla", eps=0.5, sigma2=1.0, delta=0.1)
    _, checkpoints = beside_bound(what, replicas=10, seed=3)
    run, _ = what.run(replicas=10, seed=3)
    for name in ("gap", "grad2"):
        assert checkpoints[name].to_numpy() == pytest.approx(getattr(run, name).mean(axis=1))
