"""Which sources a result depends on: those of a module and of all that it imports, wherever in them, without what only readers see."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def code(*modules: str) -> str:
    """12 hex digits of the sources that ``modules`` depend on: another docstring or comment leaves them, another number changes them."""
    return digest(*modules)


def digest(*modules: str, root: Path = ROOT) -> str:
    """What :func:`code` says, for a package ``tsla`` in the folder ``root``."""
    sources = _closure(modules, root)
    return hashlib.sha256("\n".join(ast.dump(_bare(sources[name])) for name in sorted(sources)).encode()).hexdigest()[:12]


def closure(*modules: str, root: Path = ROOT) -> tuple[str, ...]:
    """The modules of ``tsla`` that ``modules`` import, themselves included, sorted. The front door, which computes nothing, is not one.

    Imports within functions count, those for type checkers alone don't. Where a package imports its own modules by name, such as problems
    and data sets, all of them count.
    """
    return tuple(sorted(_closure(modules, root)))


def _closure(modules: tuple[str, ...], root: Path) -> dict[str, ast.Module]:
    found: dict[str, ast.Module] = {}
    todo = [name for module in modules for name in _with_packages(module)]
    while todo:
        name = todo.pop()
        path = _path(name, root)
        if name in found or path is None:
            continue
        found[name] = ast.parse(path.read_bytes())
        todo += [package for module in _imported(found[name], name, path) for package in _with_packages(module)]
    return found


def _with_packages(module: str) -> list[str]:
    """A module of ``tsla`` and the packages that Python imports before it; nothing for others."""
    first, *rest = module.split(".")
    return [".".join([first, *rest[: n + 1]]) for n in range(len(rest))] if first == "tsla" else []


def _path(module: str, root: Path) -> Path | None:
    """Its file; None for what is no module, such as a function that is imported from one."""
    base = root.joinpath(*module.split(".")[1:])
    return next((path for path in (base.with_name(f"{base.name}.py"), base / "__init__.py") if path.is_file()), None)


def _imported(tree: ast.AST, name: str, path: Path) -> Iterator[str]:
    for node in _nodes(tree):
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


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that are for type checkers alone."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        checked = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        todo += node.orelse if checked and isinstance(node, ast.If) else ast.iter_child_nodes(node)


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without strings that stand alone, which are docstrings; comments and places have no part in a tree's dump."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]  # type: ignore[attr-defined]
    return tree
