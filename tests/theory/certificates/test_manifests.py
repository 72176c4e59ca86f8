"""What must not count as a claim that its steps make up, and that a function refuses what its claim does not allow, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import z3

from tests.theory.certificates.steps import MANIFESTS, STEPS
from tsla.theory.certificates.algebra.engine.axioms import LIPSCHITZ_INTEGRAL
from tsla.theory.certificates.algebra.engine.manifest import Cited, Function, Manifest
from tsla.theory.certificates.algebra.engine.obligation import Formula, Obligation, follows
from tsla.theory.certificates.algebra.engine.premises import Premise, premises
from tsla.theory.certificates.algebra.engine.steps import Induction, Inference
from tsla.theory.certificates.algebra.engine.symbols import F0, L, T, gap, gap_next, grad2, mu, s2, shat2, sigma2, theta
from tsla.theory.certificates.algebra.engine.table import INFERENCES, root
from tsla.theory.claims import ASSUMES
from tsla.theory.testing.planted import assert_rejects

x, y, z, n = z3.Reals("x y z n")


def step(name: str, hypotheses: dict[str, Formula], conclusion: Formula) -> Obligation:
    return Obligation(claim="C4", name=name, statement="", hypotheses=hypotheses, conclusion=conclusion, mutants={})


PRODUCT = step("product", {"σ² ≥ 0": sigma2 >= 0, "grad2 ≥ 0": grad2 >= 0}, sigma2 * grad2 >= 0)
SUM = step("sum", {"y": y == sigma2 + 1, "product": sigma2 * grad2 >= 0, "grad2 ≥ 0": grad2 >= 0}, y * grad2 >= 0)


def claim(**changes: Any) -> Manifest:
    """y‖∇F‖² ≥ 0 for y = σ²+1 by way of σ²‖∇F‖² ≥ 0, with some fields changed."""
    fields: dict[str, Any] = {
        "claim": "C4",
        "name": "made up",
        "statement": "",
        "premises": premises("sigma2 >= 0", "‖∇F‖² >= 0"),
        "definitions": {"y": y == sigma2 + 1},
        "steps": (PRODUCT, SUM),
        "conclusion": y * grad2 >= 0,
    }
    return Manifest(**(fields | changes))


def assuming(extra: Formula) -> tuple[Obligation, ...]:
    return PRODUCT, replace(SUM, hypotheses={**SUM.hypotheses, "extra": extra})


USED, _ = INFERENCES[LIPSCHITZ_INTEGRAL][0]
"""What the axiom uses beside the integral."""

COUNT = Induction(
    name="count",
    first=step("first", {"start": z3.And(n == 0, x == 0)}, x >= n),
    next_step=step("next", {"at n": x >= n, "one step": z >= x + 1}, z >= n + 1),
    invariant=x >= n,
    start={n: z3.RealVal(0), x: z3.RealVal(0)},
    next={n: n + 1, x: z},
    end={n: T},
)
ONE_MORE = step("one more", {"z": z == x + 1 + grad2, "grad2 ≥ 0": grad2 >= 0}, z >= x + 1)


def counting(run: Induction = COUNT) -> Manifest:
    return claim(premises=premises("‖∇F‖² >= 0"), definitions={"z": z == x + 1 + grad2}, steps=(ONE_MORE, run), conclusion=x >= T)


def test_what_composes() -> None:
    for manifest in (claim(), counting(), claim(steps=(Cited(claim()),))):
        assert manifest.flaw == ""
        assert manifest.survivors() == []
    certificate = claim().certificate()
    assert (certificate.name, certificate.guarantee) == ("C4, made up", "composite")
    assert (certificate.rejected, certificate.planted) == (6, 6)


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        (claim(steps=(SUM,)), "sum: nothing gives its hypothesis 'product', sigma2*grad2 >= 0"),
        (claim(steps=(PRODUCT,)), "made up: the steps do not give, y*grad2 >= 0"),
        (claim(steps=(SUM, PRODUCT)), "sum: nothing gives its hypothesis 'product'"),
        (claim(steps=assuming(2 * mu <= L)), "sum: nothing gives its hypothesis 'extra', 2*mu <= L"),
        (claim(steps=assuming(F0 >= 1)), "sum: nothing gives its hypothesis 'extra', F0 >= 1"),
        (claim(steps=assuming(sigma2 > 0)), "sum: nothing gives its hypothesis 'extra', sigma2 > 0"),
        (claim(steps=(replace(PRODUCT, conclusion=sigma2 * grad2 >= -1), SUM)), "sum: nothing gives its hypothesis 'product'"),
        (claim(premises=premises("sigma2 >= 0")), "product: nothing gives its hypothesis 'grad2 ≥ 0', grad2 >= 0"),
        (claim(steps=(replace(PRODUCT, conclusion=sigma2 * grad2 >= 1), SUM)), "product: it is false at"),
        (claim(premises=premises("sigma2 >= 0", "eta <= 1/L", "eta > 1/L")), "z3 finds nothing that meets its premises"),
        (claim(definitions={"y": y == sigma2 + 1, "x": x == 1 / z, "z": z == sigma2 - sigma2}), "z3 finds nothing that meets its premises"),
        (claim(conclusion=2 * sigma2 >= 0), "made up: the steps do not give, 2*sigma2 >= 0"),
        (claim(conclusion=z3.And(y * grad2 >= 0, grad2 >= 1)), "made up: the steps do not give, And(y*grad2 >= 0, grad2 >= 1)"),
        (claim(premises=(), steps=(Cited(claim()),)), "C4, made up: nothing gives its premise 'sigma2 >= 0', sigma2 >= 0"),
        (claim(definitions={}, steps=(Cited(claim(), {y: sigma2}),)), "C4, made up: nothing gives its premise 'y', sigma2 == sigma2 + 1"),
        (claim(steps=(Cited(claim(steps=(SUM,))),)), "C4, made up: sum: nothing gives its hypothesis 'product'"),
        (counting(replace(COUNT, next={n: n + 2, x: z})), "next: does not conclude its invariant, z >= n + 2"),
        (counting(replace(COUNT, invariant=x >= n + 1)), "next: nothing gives its hypothesis 'at n', x >= n"),
        (counting(replace(COUNT, start={n: z3.RealVal(1), x: z3.RealVal(0)})), "first: nothing gives its hypothesis 'start'"),
        (counting(replace(COUNT, end={})), "made up: the steps do not give, x >= T"),
        (claim(steps=(PRODUCT, Inference(LIPSCHITZ_INTEGRAL), SUM)), f"{LIPSCHITZ_INTEGRAL}: nothing gives, inner <= x*L*first2"),
        (claim(steps=(step("one", {}, USED), Inference(LIPSCHITZ_INTEGRAL))), f"{LIPSCHITZ_INTEGRAL}: nothing gives, C3, integral"),
    ],
)
def test_what_does_not_compose(wrong: Manifest, flaw: str) -> None:
    assert flaw in wrong.flaw
    assert not wrong.certificate().holds


def test_what_holds_at_the_end_of_a_run_does_not_hold_at_its_steps() -> None:
    again = replace(COUNT, name="again", next_step=replace(COUNT.next_step, hypotheses={**COUNT.next_step.hypotheses, "end": x >= T}))
    for run in (COUNT, Cited(counting()), Cited(replace(counting(), steps=(Cited(counting()),)))):
        assert "next: nothing gives its hypothesis 'end'" in replace(counting(), steps=(ONE_MORE, run, again)).flaw


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: claim(definitions={"of a constant": mu == L / 2}),
        lambda: claim(definitions={"of a constant, which z3 turns round": sigma2 == z3.RealVal(1)}),
        lambda: claim(premises=premises("√δ"), definitions={"what a law makes of a constant": root == z3.Real("half")}),
        lambda: claim(definitions={"no equation": y >= sigma2}),
        lambda: claim(definitions={"y": y == sigma2, "again": y == L}),
        lambda: claim(definitions={"by itself": y == y + 1}),
        lambda: claim(definitions={"y": y == z, "z": z == y + 1}),
        lambda: claim(premises=premises("theta <= 1"), settings={"what a premise is about": theta == 2 * mu / L}),
        lambda: Premise("2 mu <= L"),
        lambda: Premise("F0 > 0", {F0: x}),
        lambda: Premise("theta <= 1", {theta: mu}),
        lambda: Premise("theta <= 1", {theta: 2 * y}),
        lambda: Premise("A2: variance", {s2: grad2}),
        lambda: Premise("A3", {shat2: s2}),
        lambda: Premise("A4", {gap: x}),
        lambda: replace(COUNT, start={n: z3.RealVal(0)}),
        lambda: replace(COUNT, start={mu: L / 2}, next={mu: L / 2}),
        lambda: replace(COUNT, end={n: mu}),
        lambda: replace(COUNT, end={z: T}),
        lambda: claim(definitions={"a state": n == 0}, steps=(ONE_MORE, COUNT)),
    ],
)
def test_what_would_say_something_of_the_constants_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|cycle"):
        wrong()


def test_what_a_premise_is_of_is_moved_and_not_moved_back() -> None:
    assert Premise("F >= F*", {gap: y}).moved({gap: gap_next, y: z}).formula.eq(z >= 0)


BOUNDS = [manifest for manifest in MANIFESTS if manifest.name == "bound"]


@pytest.mark.parametrize("manifest", [pytest.param(manifest, id=manifest.claim) for manifest in BOUNDS])
def test_a_bound_assumes_what_its_claim_does(manifest: Manifest) -> None:
    names = [name.replace(" ", "") for premise in manifest.premises for name in premise.name.partition(":")[0].split(", ")]
    stated = {name for assumed in ASSUMES.values() for name in assumed}
    assert stated & {*names} == {*ASSUMES[manifest.claim]}


# --- what a function refuses

BASE = {"L": "4", "mu": "1", "sigma2": "1", "delta": "1/4", "F0": "2", "eta": "1/8", "T": "3", "eta1": "1/8", "T1": "2", "theta": "1/2"}
BASE |= {"m": "1/4", "tau": "2", "steepest": "1", "A": "1/2", "B": "1/2", "C": "1", "eps2": "7/4", "beta2": "1/2", "nu2": "1/4", "c": "1/4"}
INSIDE = {name: Fraction(value) for name, value in BASE.items()}
"""Numbers that every claim allows: 1/L = 1/4, c² < σ²ν², V = 2/5 at the paper's θ and κV = 8/5, ρ = 5/8."""
JUST = Fraction(1, 2**20)
LIMITS = {
    "mu": ["4"],
    "B": ["8/5", "3"],
    "m": ["1", "3"],
    "tau": ["1"],
    "steepest": ["2"],
    "eta": ["9/40", "1/4", "1/3", "1/2"],
    "eta1": ["1/4"],
    "theta": ["1"],
    "eps2": ["2/5", "8/5", "2"],
    "delta": ["7/8", "1"],
    "c": ["1/2", "-1/2"],
    "F0": ["1"],
}
"""Where a claim ends, beside 0."""


def around(name: str) -> list[Fraction]:
    """On, and just on both sides of, where a claim ends; steps are whole numbers."""
    width = 1 if name in ("T", "T1") else JUST
    return [limit + side * width for limit in map(Fraction, ["0", *LIMITS.get(name, [])]) for side in (-1, 0, 1)]


NO_NOISE = {name: Fraction(0) for name in ("c", "nu2", "sigma2")}
"""With which σ² and ν² may be 0 or less, and c² is no larger than their product."""
POINTS = [
    *(INSIDE | {name: value} for name in INSIDE for value in around(name)),
    *(INSIDE | NO_NOISE | {name: value} for name in ("nu2", "sigma2") for value in around(name)),
]


@cache
def met(formula: Formula) -> list[bool]:
    """At which points."""
    at = ([(z3.Real(name), z3.RealVal(value)) for name, value in point.items()] for point in POINTS)
    return [z3.is_true(z3.simplify(z3.substitute(formula, *values))) for values in at]


@cache
def accepted(function: Function) -> list[bool]:
    """At which points the function does not refuse."""

    def accepts(point: dict[str, Fraction]) -> bool:
        try:
            function(**{name: float(value) for name, value in point.items()})
        except ValueError:
            return False
        return True

    return [accepts(point) for point in POINTS]


def seen(manifest: Manifest) -> tuple[Formula, ...]:
    return tuple(premise.formula for premise in (*manifest.premises, *manifest.asks) if premise.seen)


def refuses_what_is_not_allowed(function: Function, cases: list[tuple[Formula, ...]]) -> None:
    """Of a function that several manifests speak of, each has a case."""
    allowed = [
        any(here) for here in zip(*([all(each) for each in zip(*map(met, formulas), strict=True)] for formulas in cases), strict=True)
    ]
    for point, may, does in zip(POINTS, allowed, accepted(function), strict=True):
        assert may == does, point


COMPUTED: dict[Function, list[Manifest]] = defaultdict(list)
for manifest in MANIFESTS:
    if manifest.function is not None:
        COMPUTED[manifest.function].append(manifest)


@pytest.mark.parametrize("function", [pytest.param(function, id=f"{of[0].claim}, {of[0].name}") for function, of in COMPUTED.items()])
def test_premises_are_what_the_function_asks_for(function: Function) -> None:
    cases = [seen(manifest) for manifest in COMPUTED[function]]
    refuses_what_is_not_allowed(function, cases)
    for extra in (2 * mu <= L, F0 >= 1):
        assert_rejects(lambda wrong: refuses_what_is_not_allowed(function, wrong), [(*formulas, extra) for formulas in cases])
    for i, formula in enumerate(cases[0]):
        others = (*cases[0][:i], *cases[0][i + 1 :])
        if len(cases) == 1 and not follows(others, formula):
            assert_rejects(lambda wrong: refuses_what_is_not_allowed(function, wrong), [others])


def test_every_bound_and_plan_is_compared() -> None:
    assert len(COMPUTED) == 30


NOT_PUT_TOGETHER = {
    ("C12", "three phases"),
    ("C18", "exact"),
    ("C18", "verdict"),
    ("C18", "mixing"),
    ("C18", "A4, larger steps"),
    ("C20", "attained"),
}
"""The smoothed three phases; C18's exact form and what it decides, which its statement does not contain; an instance of C20."""


def test_every_other_step_is_in_a_manifest() -> None:
    used = {(step.claim, step.name) for manifest in MANIFESTS for step in manifest.obligations()}
    left_out = {(step.claim, step.name) for step in STEPS} - used
    found = {entry: [name for claim, name in left_out if claim == entry[0] and name.startswith(entry[1])] for entry in NOT_PUT_TOGETHER}
    assert all(found.values())
    assert sum(map(len, found.values())) == len(left_out)
