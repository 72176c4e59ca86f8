"""Certificates: machine proofs of the steps behind the bounds, exact worst cases, and enclosures of what is printed.

They need the extra ``certify``. Each module of the sub-packages has a function ``certificates() -> Iterable[Certificate]``; a module is
found by itself, run by ``tsla certify``, and its outcome is written to ``records/certificates.parquet``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The outcome of one check by machine.

    claim:      id in ``tsla.theory.claims``
    kind:       "algebra", "worst case" or "rounding", as in ``tsla.theory.claims.KINDS``
    name:       a short name of the obligation, unique in its claim
    statement:  what was checked, as a formula
    guarantee:  "identity", "inequality", "tight" (the worst case equals the bound), "upper" (it may be below) or "enclosure"
    holds:      whether it was proved, or found within its tolerance
    value, bound:  for worst cases, what the program returned and what the formula gives; else None
    rejected, planted:  how many wrong versions were refuted, by a counterexample or by a worst case beyond them, of how many
    axiom:      what the proof stands on that the machine did not prove; empty if nothing
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


def groups() -> tuple[str, ...]:
    """The modules that give certificates, as "algebra.descent" and the like, sorted. Imports none of them.

    What they share lies in packages of its own (``algebra.engine``), which give none.
    """
    kinds = sorted(package.name for package in pkgutil.iter_modules(__path__) if package.ispkg)
    modules = ((kind, module) for kind in kinds for module in pkgutil.iter_modules([f"{__path__[0]}/{kind}"]))
    return tuple(f"{kind}.{module.name}" for kind, module in modules if not module.ispkg)


def certify(group: str) -> Iterable[Certificate]:
    """Run the checks of one module. Raises ValueError for an unknown one."""
    if group not in groups():
        raise ValueError(f"group = {group!r} must be one of {', '.join(groups())}")
    found: Iterable[Certificate] = import_module(f"{__name__}.{group}").certificates()
    return found
