"""Every bound and every plan keeps its obligations, and a wrong one breaks that which is about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tsla.theory
from tests.theory.obligations import OF_BOUNDS, OF_PLANS, Check, obligations
from tests.theory.obligations import bounds as of_bounds
from tests.theory.obligations import plans as of_plans
from tests.theory.obligations.common import K, named, refusal
from tsla.theory import lsr, sgd, two_stage
from tsla.theory.bound import Bound
from tsla.theory.claims import CLAIMS
from tsla.theory.constants import Constants
from tsla.theory.derivation import Line
from tsla.theory.method import Method
from tsla.theory.methods import METHODS, bounds, declared, splitting
from tsla.theory.plan import Plan
from tsla.theory.representable import UnrepresentableError
from tsla.theory.testing.planted import tells_apart
from tsla.theory.testing.wrong import scaled, stage_changed

OWED = [(method, check) for method in declared() for check in obligations(method)]
STAGE_ONE = Method(
    name="tsla", claim="C7", needs="L mu sigma2 delta F0", run="eta1 T1", optional="theta", bound=two_stage.stage_one, why=two_stage.why
)
"""The bound of a stage, which is no method's own: it owes all but a derivation."""
DERIVED = (of_bounds.is_what_its_derivation_arrives_at, of_bounds.answers_on_the_command_line)
OWED += [(STAGE_ONE, check) for check in OF_BOUNDS if check not in DERIVED]


@pytest.mark.parametrize(("method", "check"), OWED, ids=lambda value: named(value) if isinstance(value, Method) else value.__name__)
def test_obligations(method: Method, check: Check) -> None:
    check(method)


# --- what there is


def test_methods_by_their_names() -> None:
    """Those of the paper and its baselines first, in the order of the tables; whatever there is beside them follows."""
    assert list(METHODS)[:8] == ["sgd", "sgd-exact", "lsr", "tsla", "sgd-pl", "sgd-pl-last", "sgd-two-step", "lsr-pl"]
    assert "smoothed-pl" in [method.name for method in splitting()]
    asked = {name: [method.claim for method in forms] for name, forms in bounds().items()}
    assert (
        asked.items()
        >= {"sgd": ["C4", "C16"], "lsr": ["C5", "C12", "C12", "C18", "C18", "C18"], "tsla": ["C8", "C18"], "sgd-pl-last": ["C15a"]}.items()
    )
    assert {name: method.smooths for name, method in METHODS.items()}.items() >= {"sgd-pl": False, "lsr": True, "lsr-pl": True}.items()


def test_claims_are_stated_once() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"bound": sgd.bound}, "new (C99): bound and why go together, so that every bound has its derivation"),
        ({"why": sgd.why, "steps": sgd.steps}, "new (C99): bound and why go together, so that every bound has its derivation"),
        ({}, "new (C99): bound, steps or both must be given"),
        ({"steps": sgd.steps, "run": "eta power"}, "new (C99): run has 'power'; it can have eta T eta1 T1 eta2 T2 momentum clip steepest"),
    ],
)
def test_methods_that_are_none(parts: dict[str, Any], message: str) -> None:
    assert refusal(lambda: Method(name="new", claim="C99", needs="L", **parts)) == message


@pytest.mark.parametrize(
    ("without", "refused"),
    [
        ("bound=nothing, why=nothing", True),
        ("steps=nothing", True),
        ("steps=nothing, needs='F0 sigma2 L'", True),  # in another order
        ("", True),
        (None, False),
    ],
)
def test_two_methods_of_one_name_are_refused(without: str | None, refused: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plans, or two bounds that the options can't tell apart. One that is imported elsewhere is still one."""
    again = "" if without is None else f"AGAIN = replace(METHOD, claim='C99', {without})\n"
    lines = "from dataclasses import replace\nfrom tsla.theory.method import nothing\nfrom tsla.theory.sgd import METHOD\n"
    (tmp_path / f"twice_{tmp_path.name}.py").write_text(lines + again, encoding="utf-8")
    monkeypatch.setattr(tsla.theory, "__path__", [*tsla.theory.__path__, str(tmp_path)])
    message = "there are two methods called 'sgd'; the second, of C99, needs a name of its own"
    assert refusal(declared) == (message if refused else "nothing was refused")


def test_what_a_method_does_not_have() -> None:
    assert refusal(lambda: METHODS["sgd-pl"].bound(K)) == "the method has no such thing"


# --- planted errors: a method with one part put in the place of the right one


def with_bound(method: Method, wrong: Callable[[Constants, Bound, Any], Any]) -> Method:
    """Its bound with its terms, or other fields, replaced by what ``wrong`` makes of constants, bound and run."""

    def bound(k: Constants, **run: Any) -> Bound:
        right = method.bound(k, **run)
        return replace(right, **wrong(k, right, run))

    return replace(method, bound=bound)


def with_stage(**changed: Any) -> Callable[..., Plan]:
    def steps(k: Constants, *, eps: Any) -> Plan:
        (stage,) = (plan := sgd.steps(k, eps=eps)).stages
        return replace(plan, stages=(replace(stage, **{name: change(k, stage, eps) for name, change in changed.items()}),))

    return steps


def longer_at_large_targets(k: Constants, *, eps: Any) -> Plan:
    return stage_changed(sgd.steps, 0, steps=2 if np.square(eps) > 2 * k.sigma2 else 1)(k, eps=eps)


def lenient(k: Constants, *, eta: Any, T: Any) -> Bound:
    return sgd.bound(k, eta=np.minimum(np.abs(np.asarray(eta, dtype=float)), 1 / k.L), T=T)


def of_the_first(k: Constants, *, eta: Any, T: Any) -> Bound:
    return sgd.bound(Constants(L=k.L, sigma2=np.max(k.sigma2), F0=k.F0), eta=eta, T=T)


def of_half_the_noise(k: Constants, **run: Any) -> list[Line]:
    return sgd.why(Constants(L=k.L, sigma2=k.sigma2 / 2, F0=k.F0), **run)


def with_its_numbers(k: Constants, **run: Any) -> list[Line]:
    first, *lines = sgd.why(k, **run)
    return [Line(f"{first}; F0 = {float(k.F0)}"), *lines]


def with_some_delta(k: Constants) -> Constants:
    return Constants(L=k.L, sigma2=k.sigma2, F0=k.F0, delta=1 if k.delta is None else k.delta)


def endless(k: Constants, *, eps: Any) -> Plan:
    try:
        return sgd.steps(k, eps=eps)
    except UnrepresentableError:
        return replace(sgd.steps(K, eps=1), reachable=np.False_)


SGD, LSR = sgd.METHOD, lsr.METHOD
WRONG: list[tuple[Check, Method]] = [
    (of_bounds.says_what_it_is, with_bound(SGD, lambda k, b, run: {"claim": "C5"})),
    (of_bounds.says_what_it_is, with_bound(SGD, lambda k, b, run: {"lowered_by": {"optimisation": "more steps T"}})),
    (of_bounds.says_what_it_is, with_bound(LSR, lambda k, b, run: {"assumes": ("A1", "A2")})),
    *(
        (of_bounds.is_lowered_by_what_it_says, with_bound(SGD, lambda k, b, run, said=said: {"lowered_by": {**b.lowered_by, **said}}))
        for said in (
            {"noise": "a larger eta"},
            {"noise": "a smaller batch"},
            {"optimisation": "neither T nor eta lowers it"},
            {"noise": "T"},
        )
    ),
    (of_bounds.is_a_sum_of_terms_that_are_not_negative, replace(SGD, bound=scaled(sgd.bound, noise=-1))),
    (of_bounds.scales_with_the_objective, replace(SGD, bound=scaled(sgd.bound, noise=lambda k, eta: k.L))),
    (of_bounds.is_monotone, with_bound(SGD, lambda k, b, run: {"terms": b.terms | {"noise": b.terms["noise"] * run["T"]}})),
    (of_bounds.is_above_a_quadratic, with_bound(SGD, lambda k, b, run: {"terms": {n: t / 4 for n, t in b.terms.items()}})),
    (of_bounds.refuses_what_is_outside_its_premises, replace(SGD, bound=lenient)),
    (of_bounds.needs_what_it_assumes, replace(LSR, bound=lambda k, **run: lsr.bound(with_some_delta(k), **run))),
    (of_plans.plans_with_what_it_assumes, replace(LSR, steps=lambda k, *, eps: lsr.steps(with_some_delta(k), eps=eps))),
    (of_bounds.is_finite_or_refused, with_bound(SGD, lambda k, b, run: {"terms": {"all": 0 * k.L}})),
    (of_bounds.gives_for_arrays_what_it_gives_for_their_elements, replace(SGD, bound=of_the_first)),
    (of_bounds.is_what_its_derivation_arrives_at, replace(SGD, why=of_half_the_noise)),
    (of_bounds.is_what_its_derivation_arrives_at, replace(SGD, why=with_its_numbers)),
    (of_bounds.answers_on_the_command_line, replace(SGD, why=of_half_the_noise)),
    (of_plans.plans_what_it_says, replace(SGD, claim="C5")),
    (of_plans.plans_what_it_says, replace(SGD, steps=with_stage(theta=lambda k, stage, eps: stage.theta + 0.5))),
    (of_plans.reaches_its_target_and_no_sooner, replace(SGD, steps=stage_changed(sgd.steps, 0, steps=0.5))),
    (of_plans.reaches_its_target_and_no_sooner, replace(SGD, steps=stage_changed(sgd.steps, 0, steps=2))),
    (of_plans.reaches_its_target_and_no_sooner, replace(SGD, steps=longer_at_large_targets)),
    (of_plans.reaches_its_target_and_no_sooner, replace(SGD, name="new", steps=stage_changed(sgd.steps, 0, steps=1.1))),
    (of_plans.reaches_its_target_and_no_sooner, replace(SGD, steps=stage_changed(sgd.steps, 0, eta=1 / 1.1))),
    (of_plans.has_whole_stages_within_the_premises, replace(SGD, steps=with_stage(steps=lambda k, stage, eps: stage.steps + 0.5))),
    (of_plans.has_whole_stages_within_the_premises, replace(SGD, steps=stage_changed(sgd.steps, 0, eta=2))),
    (of_plans.asks_for_more_the_finer_and_the_farther, replace(SGD, steps=with_stage(steps=lambda k, stage, eps: np.ceil(1e9 * eps)))),
    (of_plans.plans_scale_with_the_objective, replace(SGD, steps=with_stage(steps=lambda k, stage, eps: np.ceil(1e9 / eps)))),
    (of_plans.refuses_targets_outside_their_range, replace(SGD, steps=lambda k, *, eps: sgd.steps(k, eps=abs(float(eps)) or 1.0))),
    (of_plans.is_a_number_of_samples_or_refused, replace(SGD, steps=endless)),
    (of_plans.plans_for_arrays_what_it_plans_for_their_elements, replace(SGD, steps=lambda k, *, eps: sgd.steps(k, eps=np.min(eps)))),
    (of_plans.plans_on_the_command_line, replace(SGD, steps=stage_changed(sgd.steps, 0, steps=2))),
]


@pytest.mark.parametrize(("check", "wrong"), WRONG, ids=[f"{check.__name__} {i}" for i, (check, _) in enumerate(WRONG)])
def test_a_wrong_method_breaks_its_obligation(check: Check, wrong: Method) -> None:
    tells_apart(check, right=LSR if wrong.name == "lsr" else SGD, wrong=wrong)


def test_every_obligation_has_a_method_that_breaks_it() -> None:
    assert {check for check, _ in WRONG} == {*OF_BOUNDS, *OF_PLANS}
