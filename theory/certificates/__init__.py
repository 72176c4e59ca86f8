"""Certificates: machine proofs of the steps behind the bounds, exact worst cases, and enclosures of what is printed.

They need the extra ``certify``. Each module of the sub-packages has a function ``certificates() -> Iterable[Certificate]``, or, in
``algebra``, what it proves: ``manifests()`` and their steps. A module is found by itself, run by ``tsla certify``, and its outcome is
written to ``records/certificates.parquet``. A check that fails is a row there like any other, with the reason.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from tsla.theory.constants import must_be_one_of


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The outcome of one check by machine.

    claim:      id in ``tsla.theory.claims``; empty where a module broke down before it could say
    kind:       "algebra", "worst case" or "rounding", as in ``tsla.theory.claims.KINDS``
    name:       a short name of the obligation, unique in its claim
    statement:  what was checked, as a formula
    guarantee:  "identity", "inequality", "tight" (the worst case equals the bound), "upper" (it may be below), "lower" (it may be above),
                "enclosure", or "composite" (what the claim says follows from its steps)
    holds:      whether it was proved, or found within its tolerance
    value, bound:  for worst cases, what the program returned and what the formula gives; else None
    rejected, planted:  how many wrong versions were refuted, by a counterexample, by a worst case beyond them or as they don't compose,
                of how many
    axiom:      what the proof stands on that the machine did not prove; empty if nothing
    reason:     why it does not hold, or why a wrong version was not refuted; empty if neither. Older records have no such column
    """

    claim: str
    kind: str
    name: str
    statement: str
    guarantee: str
    holds: bool
    value: float | None = None
    bound: float | None = None
    rejected: int = 0
    planted: int = 0
    axiom: str = ""
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether it does not hold, or a wrong version survived it."""
        return not self.holds or self.rejected < self.planted


def because(*reasons: str) -> str:
    """Those that are not empty, as one ``reason``."""
    return "; ".join(filter(None, reasons))


def groups() -> tuple[str, ...]:
    """The modules that give certificates, as "algebra.descent" and the like, sorted. Imports none of them.

    What they share lies in packages of its own (``algebra.engine``), which give none.
    """
    kinds = sorted(package.name for package in pkgutil.iter_modules(__path__) if package.ispkg)
    modules = ((kind, module) for kind in kinds for module in pkgutil.iter_modules([f"{__path__[0]}/{kind}"]))
    return tuple(f"{kind}.{module.name}" for kind, module in modules if not module.ispkg)


def certify(group: str) -> Iterator[Certificate]:
    """Run the checks of one module. An error in one of them ends the module, and is the last of its rows.

    Raises ValueError for an unknown module, and where the extra ``certify`` is not installed.
    """
    must_be_one_of("group", group, groups())
    try:
        module = import_module(f"{__name__}.{group}")
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} must be installed first: pip install 'tsla[certify]'") from error
    return _outcomes(group, module)


def _outcomes(group: str, module: ModuleType) -> Iterator[Certificate]:
    try:
        if hasattr(module, "certificates"):
            yield from module.certificates()
        else:
            from tsla.theory.certificates.algebra.engine.manifest import steps_of  # which imports this package

            yield from (part.certificate() for part in (*steps_of(module), *getattr(module, "manifests", tuple)()))
    except Exception as error:  # of any kind: it is an outcome, and those of the other modules must not be lost for it
        yield Certificate(
            claim="",
            kind=group.partition(".")[0].replace("_", " "),
            name=group,
            statement=f"the certificates of {group} that are not listed",
            guarantee="none",
            holds=False,
            reason=outcome_of(error),
        )


def outcome_of(error: Exception) -> str:
    """An error as a ``reason``: its kind, and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
