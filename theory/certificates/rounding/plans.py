"""The whole numbers of steps that plans ask for are the ceilings of the real numbers that the claims state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tsla.theory.certificates import Certificate
from tsla.theory.certificates.rounding.engine.balls import Ball, Values, exactly, paper_floor, to_half_an_ulp
from tsla.theory.certificates.rounding.engine.outcome import enclosure
from tsla.theory.certificates.rounding.engine.settings import Numbers, constants, sample
from tsla.theory.methods import METHODS

LARGEST = 1e13  # above it a relative 4e-15, the slack of the ceiling, is a matter of whole steps


def _last_step_size(v: Values) -> Ball:
    return exactly(1.0).min(v["eps"] ** 2 / (2 * v["sigma2"])) / v["L"]


def _c4(v: Values) -> list[Ball]:
    return [4 * v["F0"] / (_last_step_size(v) * v["eps"] ** 2)]


def _c5(v: Values) -> list[Ball]:
    target2 = v["eps"] ** 2
    return [2 * v["L"] * v["F0"] / (target2 / 2).min(target2 - paper_floor(v))]


def _lsr_pl(v: Values) -> list[Ball]:
    floor, kappa = paper_floor(v), v["L"] / v["mu"]
    return [kappa * (2 * v["mu"] * v["F0"] / floor).log(), 2 * kappa * floor / (v["eps"] ** 2 - floor)]


def _c15c(v: Values) -> list[Ball]:
    burn_in = v["L"] / v["mu"] * (2 * v["mu"] * v["F0"] / v["sigma2"]).log()
    return [burn_in, 4 * v["sigma2"] / (v["mu"] * _last_step_size(v) * v["eps"] ** 2)]


def _c8(v: Values) -> list[Ball]:
    burn_in = v["L"] / v["mu"] * (v["mu"] * v["F0"] * (1 + v["delta"]) / (v["delta"] * v["sigma2"])).log()
    return [burn_in, 8 * v["delta"] * v["sigma2"] / (v["mu"] * _last_step_size(v) * v["eps"] ** 2)]


def _c15a(v: Values) -> list[Ball]:
    eta = (1 / v["L"]).min(v["mu"] * v["eps"] ** 2 / (2 * v["L"] ** 2 * v["sigma2"]))
    return [(4 * v["L"] * v["F0"] / v["eps"] ** 2).log() / (eta * v["mu"])]


def _c15b(v: Values) -> list[Ball]:
    kappa = v["L"] / v["mu"]
    phase = 4 * kappa * v["sigma2"] / v["eps"] ** 2
    return [kappa * (2 * v["mu"] * v["F0"] / v["sigma2"]).log(), phase, phase]


def _c16(v: Values) -> list[Ball]:
    return [2 * v["L"] * v["F0"] * (v["eps"] ** 2 + v["sigma2"]) / v["eps"] ** 4]


def _c18(v: Values) -> list[Ball]:
    target2, delta = v["eps"] ** 2, v["delta"].min(exactly(1.0))
    e = target2 / (2 * v["sigma2"])
    return [4 * v["L"] * v["F0"] / target2 * (1 + (1 / e - 1 / delta).max(exactly(0.0)))]


def _c18_exact(v: Values) -> list[Ball]:
    target2 = v["eps"] ** 2
    return [2 * v["L"] * v["F0"] / (target2 - v["delta"] * v["sigma2"]).max(target2**2 / (target2 + v["sigma2"]))]


def _c19(v: Values) -> list[Ball]:
    kappa = v["L"] / v["mu"]
    return [kappa * (2 * v["L"] * v["F0"] / (v["eps"] ** 2 - kappa * paper_floor(v))).log()]


STEPS: dict[str, tuple[str, Callable[[Values], list[Ball]]]] = {
    "C4": ("sgd", _c4),
    "C5": ("lsr", _c5),
    "C8": ("tsla", _c8),
    "C15a": ("sgd-pl-last", _c15a),
    "C15b": ("sgd-pl", _c15b),
    "C15c": ("sgd-two-step", _c15c),
    "C15, LSR alone": ("lsr-pl", _lsr_pl),
    "C16": ("sgd-exact", _c16),
    "C18": ("lsr-sharp", _c18),
    "C18, exact": ("lsr-exact", _c18_exact),
    "C19": ("lsr-pl-last", _c19),
}


def certificates() -> Iterator[Certificate]:
    """For each plan, its stages."""
    for name, (method, formula) in STEPS.items():
        outcomes = [_stages(method, formula, n) for n in sample(seed=2)]
        held, rejected = zip(*outcomes, strict=True)
        statement = f"the steps of {method} are the ceilings of the real numbers of {name}, at {len(outcomes)} settings"
        yield enclosure(f"{name}: steps", statement, held, any(rejected))


def _stages(method: str, formula: Callable[[Values], list[Ball]], n: Numbers) -> tuple[bool, bool]:
    """Whether each stage has a number of steps that the constants, taken to half an ulp, allow; and whether one more is told from it."""
    eps = (n["sigma2"] * 10 ** (-4 * n["theta"])) ** 0.5
    plan = METHODS[method](constants(n), eps=eps)
    if not plan.reachable:
        return True, False
    real = formula({key: to_half_an_ulp(value) for key, value in (n | {"eps": eps}).items()})
    pairs = [(int(stage.steps), ball) for stage, ball in zip(plan.stages, real, strict=True) if stage.steps < LARGEST]
    return all(_is_ceiling(count, ball) for count, ball in pairs), any(not _is_ceiling(count + 1, ball) for count, ball in pairs)


def _is_ceiling(count: int, ball: Ball) -> bool:
    """``count`` is ``max(0, ⌈x⌉)`` for some x of the ball."""
    if count == 0:
        return not bool(ball > 0)
    return not bool(ball > count) and not bool(ball <= count - 1)
