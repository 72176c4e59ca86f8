"""Names: as JavaScript has them, those of parameters, and those that a piece of syntax binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

WORDS = (
    "Infinity NaN undefined arguments case catch const debugger default delete do enum eval export extends function instanceof let "
    "new null package static super switch this throw true false typeof var void"
)
RESERVED = frozenset(WORDS.split())


def written(name: str) -> str:
    """The name in JavaScript, whose own words it can't be."""
    return f"{name}_" if name in RESERVED else name


def parameters(given: ast.arguments, *, plain: bool = False) -> list[str]:
    """In the order in which ``$.def`` hands them over."""
    all_of_them = [*given.args, *filter(None, [given.vararg]), *given.kwonlyargs, *filter(None, [given.kwarg])]
    return [one.arg if plain else written(one.arg) for one in all_of_them]


def assigned(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that are bound in a function by these nodes, and not in what is nested in it."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp):
            yield from assigned(ast.iter_child_nodes(node))
