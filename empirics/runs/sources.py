"""Which sources a result depends on: those of a module and of all that it imports, wherever in them, without what only readers see."""

from __future__ import annotations

import ast
import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@cache
def code(*modules: str) -> str:
    """12 hex digits of the sources that ``modules`` depend on: another docstring or comment leaves them, another number changes them."""
    return digest(*modules)


def digest(*modules: str, root: Path = ROOT) -> str:
    """What :func:`code` says, for a package ``tsla`` in the folder ``root``."""
    with _uncollected():
        sources = _closure(modules, root)
    return hashlib.sha256(repr([sources[name] for name in sorted(sources)]).encode()).hexdigest()[:12]


def closure(*modules: str, root: Path = ROOT) -> tuple[str, ...]:
    """The modules of ``tsla`` that ``modules`` import, themselves included, sorted. The front door, which computes nothing, is not one.

    Imports within functions count, those for type checkers alone don't. Where a package imports its own modules by name, such as problems
    and data sets, all of them count; and so do those of ``tsla.theory`` where it is looked through for methods.
    """
    return tuple(sorted(_closure(modules, root)))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Within this context no garbage is looked for: among so many nodes that takes longer than all the rest."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _closure(modules: tuple[str, ...], root: Path) -> dict[str, Any]:
    """What each module of the closure says."""
    found: dict[str, Any] = {}
    todo = [name for module in modules for name in _with_packages(module)]
    while todo:
        name = todo.pop()
        path = _path(name, root)
        if name in found or path is None:
            continue
        calls: list[ast.AST] = []
        found[name] = _said(ast.parse(path.read_bytes()), calls)
        todo += [package for module in _imported(calls, name, path, root) for package in _with_packages(module)]
    return found


def _with_packages(module: str) -> list[str]:
    """A module of ``tsla`` and the packages that Python imports before it; nothing for others."""
    first, *rest = module.split(".")
    return [".".join([first, *rest[: n + 1]]) for n in range(len(rest))] if first == "tsla" else []


def _path(module: str, root: Path) -> Path | None:
    """Its file; None for what is no module, such as a function that is imported from one."""
    base = root.joinpath(*module.split(".")[1:])
    return next((path for path in (base.with_name(f"{base.name}.py"), base / "__init__.py") if path.is_file()), None)


def _said(node: Any, calls: list[ast.AST]) -> Any:
    """A tree without the strings that stand alone, which are docstrings, and without places; comments are in no tree.

    What may import, but for type checkers alone, is added to ``calls``: trees are large, and one walk is fast enough.
    """
    if isinstance(node, list):
        return [_said(one, calls) for one in node if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
        calls.append(node)
    for_checkers = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return type(node).__name__, *[
        _said(getattr(node, name), [] if for_checkers and name == "body" else calls) for name in type(node)._fields
    ]


def _imported(calls: list[ast.AST], name: str, path: Path, root: Path) -> Iterator[str]:
    """What these nodes of the module ``name``, in the file ``path``, import."""
    for node in calls:
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(str(module), names):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Call(ast.Name("import_module"), [ast.Constant(str(module)), *_]):
                yield module
            case ast.Call(ast.Name("import_module"), [ast.JoinedStr([ast.FormattedValue(ast.Name("__name__")), *_]), *_]):
                folders = (file.relative_to(path.parent).with_suffix("").parts for file in path.parent.rglob("*.py"))
                yield from (".".join([name, *(part for part in parts if part != "__init__")]) for parts in folders)
            case ast.Call(ast.Name("import_module"), [ast.JoinedStr([ast.Constant(str(package)), *_]), *_]) if package.startswith("tsla."):
                files = root.joinpath(*package.split(".")[1:]).glob("*.py")
                yield from (f"{package}{file.stem}" for file in files if file.stem != "__init__")
