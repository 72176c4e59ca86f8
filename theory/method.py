"""What the module of a bound says of it: all that lists bounds, plans and derivations is made of that (:mod:`tsla.theory.methods`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tsla.theory.bound import Bound
from tsla.theory.constants import Constants
from tsla.theory.derivation import Line
from tsla.theory.plan import Plan

ORACLE = ("beta2", "nu2", "c")
"""What a method needs beside :class:`Constants` where it tells bias from noise."""
GROWTH = ("A", "B", "C")
"""What it needs of noise that grows (A2′), where C stands in the place of ``sigma2``."""
NUMBERS = {"needs": "L mu sigma2 delta F0 beta2 nu2 A B C", "run": "eta T eta1 T1 eta2 T2 momentum clip steepest", "optional": "theta c"}
"""What there is to choose from, for which the command line has options."""


def nothing(*_given: Any, **_run: Any) -> NoReturn:
    """What stands for a bound, a derivation or a plan that a method doesn't have."""
    raise ValueError("the method has no such thing")


@dataclass(frozen=True, kw_only=True, eq=False)
class Method:
    """A bound with its derivation, the plan that it gives, or both. Names are given in one string, with spaces between.

    name:       on the command line, and ``method`` of what it returns
    claim:      id of its claim. Where ``tsla.theory.claims`` doesn't state it, ``title``, ``statement`` and ``source`` do
    needs:      constants without which it says nothing: fields of Constants, ``beta2 nu2`` of the oracle, ``A B C`` of noise that grows
    run:        step sizes and lengths that ``bound`` needs: ``eta T``, or ``eta1 T1 eta2 T2`` for two stages; ``momentum`` of a heavy ball;
                ``clip`` and ``steepest``, the largest ``‖∇F‖``, of clipping
    optional:   what ``bound`` can do without: ``theta``, ``c`` of the oracle
    bound:      ``(constants, *, run, optional) -> Bound``; oracle or growth follow the constants where they are needed. So do the other two
    why:        its derivation, with the same arguments; a bound must have one
    steps:      ``(constants, *, eps) -> Plan``
    within:     the method among whose bounds ``tsla bound`` has this one; ``name`` if empty
    switch:     an option of ``tsla bound`` that asks for this one, and its help
    excludes:   an option -> what is said where it is given beside those that ask for this one
    reach:      ``(constants, eps)``: the largest δ at which the bound gets to ε; for bounds with a floor
    too_large:  ``(constants, eps, samples)``: a δ at which the plan asks for more than so many samples, for a search to begin at; nan
                where there is none

    Raises ValueError for a number that there is no option for, for a bound without a derivation, and for neither bound nor plan.
    """

    name: str
    claim: str
    needs: str
    title: str = ""
    statement: str = ""
    source: str = "derived here"
    run: str = ""
    optional: str = ""
    bound: Callable[..., Bound] = nothing
    why: Callable[..., list[Line]] = nothing
    steps: Callable[..., Plan] = nothing
    within: str = ""
    switch: tuple[str, str] | None = None
    excludes: Mapping[str, str] = field(default_factory=dict)
    reach: Callable[[Constants, float], float] | None = None
    too_large: Callable[[Constants, float, float], float] | None = None

    def __post_init__(self) -> None:
        for where, known in NUMBERS.items():
            for name in getattr(self, where).split():
                if name not in known.split():
                    raise ValueError(f"{self.name} ({self.claim}): {where} has {name!r}; it can have {known}")
        if self.bounds != (self.why is not nothing):
            raise ValueError(f"{self.name} ({self.claim}): bound and why go together, so that every bound has its derivation")
        if not self.bounds and not self.plans:
            raise ValueError(f"{self.name} ({self.claim}): bound, steps or both must be given")

    def __call__(self, *given: Any, eps: Any) -> Plan:
        """The plan for ``eps``, from the constants, and from the oracle where it is needed."""
        return self.steps(*given, eps=eps)

    @property
    def bounds(self) -> bool:
        """Whether it has a bound."""
        return self.bound is not nothing

    @property
    def plans(self) -> bool:
        """Whether it has a plan."""
        return self.steps is not nothing

    @property
    def asks(self) -> tuple[str, ...]:
        """What has to be given of ``tsla bound`` for this one."""
        return (*self.needs.split(), *self.run.split(), *(() if self.switch is None else self.switch[:1]))

    @property
    def takes(self) -> tuple[str, ...]:
        """What can be given."""
        return (*self.asks, *self.optional.split())

    @property
    def splits(self) -> bool:
        """Whether it tells bias from noise, for which it needs an oracle."""
        return "beta2" in self.needs.split()

    @property
    def grows(self) -> bool:
        """Whether its noise may grow (A2′), of which it needs to know how."""
        return "A" in self.needs.split()

    @property
    def smooths(self) -> bool:
        """Whether it smooths labels."""
        return "delta" in self.needs.split() or self.splits

    @property
    def assumes(self) -> tuple[str, ...]:
        """Ids of its assumptions, which are those of the constants that it needs."""
        prime = "′" if self.grows else ""
        return ("A1", f"A2{prime}", *((f"A3{prime}",) if self.smooths else ()), *(("A4",) if "mu" in self.needs.split() else ()))
