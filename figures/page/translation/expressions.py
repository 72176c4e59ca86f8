"""Python's expressions as JavaScript. What is not known here is refused with its file and line, and never guessed."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import inspect
import json
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, get_args

import numpy as np

from tsla.figures.page.translation.names import assigned, parameters, written
from tsla.figures.page.translation.runtime import ATTRIBUTES, FORMAT, KEYWORDS, KINDS, METHODS, NUMPY, PYTHON, UntranslatableError, literal
from tsla.theory import constants
from tsla.theory.representable import of_fitting_shapes

OF_CHECKS = (constants.array_of, constants.numeric, constants.must_be_single, constants.must_go_together, of_fitting_shapes)
LIBRARY = (functools.wraps, functools.partial, dataclasses.replace, dataclasses.asdict, constants.said, *OF_CHECKS)
OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.BitOr: "or",
    ast.BitAnd: "and",
    ast.USub: "neg",
    ast.Invert: "invert",
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
NOT_STATIC = object()


class World(Protocol):
    """What a piece of syntax may speak of beside its own names."""

    def reference(self, value: Any) -> str:
        """The JavaScript that stands for ``value``. Raises UntranslatableError where nothing does."""

    def read(self, attribute: str, where: str) -> None:
        """Take note that an attribute of this name is read there."""

    def folds(self, function: Any) -> bool:
        """Whether a call of it is replaced by what it returns now."""


class Expressions(ast.NodeVisitor):
    """Those of one module, whose names are in ``known``."""

    def __init__(self, file: str, before: int, known: dict[str, Any], world: World) -> None:
        self.file, self.before, self.known, self.world = file, before, known, world
        self.scopes: list[set[str]] = []

    @contextmanager
    def _scope(self, names: set[str]) -> Iterator[None]:
        self.scopes.append(names)
        yield
        self.scopes.pop()

    # --- names and what they stand for

    def visit_Name(self, node: ast.Name) -> str:
        if self._is_local(node.id):
            return written(node.id)
        value = self._static(node)
        if value is NOT_STATIC:
            raise self._refusal(node, f"the name {node.id}")
        return self._reference(node, value)

    def _reference(self, node: ast.expr, value: Any) -> str:
        name = getattr(value, "__name__", "")
        if name in PYTHON and (value in LIBRARY or getattr(builtins, name, None) is value):
            return f"$.{name}"
        try:
            return self.world.reference(value)
        except UntranslatableError as error:
            raise self._refusal(node, str(error)) from None

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self.scopes)

    def _static(self, node: ast.expr) -> Any:
        """What a name, a name in a module, or ``np.finfo(…)`` stands for now; NOT_STATIC where that is known only when it runs."""
        if isinstance(node, ast.Name) and not self._is_local(node.id):
            return self.known.get(node.id, getattr(builtins, node.id, NOT_STATIC))
        if isinstance(node, ast.Attribute):
            base = self._static(node.value)
            if isinstance(base, types.ModuleType | np.finfo):
                return getattr(base, node.attr)
        if isinstance(node, ast.Call) and self._static(node.func) is np.finfo:
            return np.finfo(self._static(node.args[0]))
        return NOT_STATIC

    def visit_Attribute(self, node: ast.Attribute) -> str:
        value, of = self._static(node), self._static(node.value)
        if of is np and not isinstance(value, float | bool | np.bool_):
            return literal(node.attr) if isinstance(value, type) else f"$np.{self._among(NUMPY, node.attr, node, f'np.{node.attr}')}"
        if value is not NOT_STATIC:
            return self._reference(node, value)
        if isinstance(of, type) and of.__module__ == "builtins":
            return f"$.{self._among(PYTHON, f'{of.__name__}_{node.attr}', node, f'{of.__name__}.{node.attr}')}"
        if isinstance(of, type) and not inspect.ismethod(getattr(of, node.attr)):
            raise self._refusal(node, f"{of.__name__}.{node.attr}, which is no class method")
        if node.attr in ATTRIBUTES:
            return f"$attributes.{node.attr}({self.visit(node.value)})"
        self.world.read(node.attr, self._place(node))
        return f"{self.visit(node.value)}.{node.attr}"

    def _among(self, known: frozenset[str], name: str, node: ast.AST, said: str) -> str:
        if name not in known:
            raise self._refusal(node, said)
        return name

    # --- calls

    def visit_Call(self, node: ast.Call) -> str:
        of, called = node.func, self._static(node.func)
        if called is not NOT_STATIC and self.world.folds(called):
            return self._reference(node, called())
        if called is isinstance:
            return f"$.isA({self.visit(node.args[0])}, {self._kinds(node.args[1])})"
        if isinstance(of, ast.Attribute) and called is NOT_STATIC:
            if self._static(of.value) is object and of.attr == "__setattr__":
                return f"$.set({self._arguments(node)})"
            if of.attr in METHODS:
                return f"$methods.{of.attr}({', '.join(filter(None, [self.visit(of.value), self._arguments(node, of.attr)]))})"
            return f"{self.visit(of)}({self._arguments(node)})"
        text = self.visit(of)
        if called is not NOT_STATIC:
            return f"{text}({self._arguments(node, text.partition('.')[2])})"
        self.world.read("__call__", self._place(node))
        return f"$.call({', '.join(filter(None, [text, self._arguments(node)]))})"

    def _arguments(self, node: ast.Call, of_runtime: str = "") -> str:
        """Those of a call; of a function of the runtime, only by names that it knows."""
        for one in node.keywords:
            if of_runtime and one.arg not in KEYWORDS.get(of_runtime, (one.arg,) if of_runtime == "replace" else ()):
                raise self._refusal(one.value, f"{of_runtime}({one.arg}=…)")
        given = [f"...{self._listed(one.value)}" if isinstance(one, ast.Starred) else self.visit(one) for one in node.args]
        named = [f"...{self.visit(one.value)}" if one.arg is None else f"{one.arg}: {self.visit(one.value)}" for one in node.keywords]
        return ", ".join([*given, *([f"$.named({{ {', '.join(named)} }})"] if named else [])])

    def _kinds(self, node: ast.expr) -> str:
        kinds = eval(compile(ast.Expression(node), self.file, "eval"), self.known)  # noqa: S307  # a union of classes in this very source
        names = [kind.__name__ for kind in get_args(kinds) or (kinds if isinstance(kinds, tuple) else (kinds,))]
        return json.dumps([self._among(KINDS, name, node, f"isinstance of {name}") for name in names])

    def visit_Lambda(self, node: ast.Lambda) -> str:
        names = parameters(node.args)
        if node.args.defaults or node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
            raise self._refusal(node, "a lambda with more than plain parameters")
        with self._scope({*parameters(node.args, plain=True)}):
            return f"(({', '.join(names)}) => {self.visit(node.body)})"

    # --- expressions

    def visit_Constant(self, node: ast.Constant) -> str:
        return self._reference(node, node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> str:
        parts = ['""', *map(self.visit, node.values)]  # the first makes a text of the whole
        return f"({' + '.join(parts)})"

    def visit_FormattedValue(self, node: ast.FormattedValue) -> str:
        value = self.visit(node.value)
        if node.conversion not in (-1, ord("r")):
            raise self._refusal(node, f"the conversion !{chr(node.conversion)}")
        parts = [] if node.format_spec is None else getattr(node.format_spec, "values", [node.format_spec])
        spec = "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in parts)
        if not FORMAT.fullmatch(spec):
            raise self._refusal(node, f"the format {spec}")
        return f"$.format({value if node.conversion == -1 else f'$.repr({value})'}, {literal(spec)})"

    def visit_Tuple(self, node: ast.Tuple | ast.List) -> str:
        parts = [f"...{self._listed(part.value)}" if isinstance(part, ast.Starred) else self.visit(part) for part in node.elts]
        return f"[{', '.join(parts)}]"

    visit_List = visit_Tuple

    def visit_Dict(self, node: ast.Dict) -> str:
        for key in node.keys:
            if isinstance(key, ast.Constant) and not isinstance(key.value, str):
                raise self._refusal(key, "a key that is no text")
        pairs = zip(node.keys, node.values, strict=True)
        parts = [f"...{self.visit(value)}" if key is None else f"[{self.visit(key)}]: {self.visit(value)}" for key, value in pairs]
        return f"({{ {', '.join(parts)} }})"

    def visit_BinOp(self, node: ast.BinOp) -> str:
        if isinstance(node.op, ast.Mult) and any(
            isinstance(side, ast.List | ast.Tuple | ast.JoinedStr) for side in (node.left, node.right)
        ):
            raise self._refusal(node, "a list or text times a number")
        return self._operation(node, node.op, self.visit(node.left), self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:
        if isinstance(node.op, ast.Not):
            return f"!{self._truth(node.operand)}"
        return self._operation(node, node.op, self.visit(node.operand))

    def _operation(self, node: ast.AST, operator: ast.AST, *operands: str) -> str:
        if type(operator) not in OPERATORS:
            raise self._refusal(node, f"the operator {type(operator).__name__}")
        return f"$.{OPERATORS[type(operator)]}({', '.join(operands)})"

    def visit_BoolOp(self, node: ast.BoolOp) -> str:
        operator = "both" if isinstance(node.op, ast.And) else "either"
        values = [str(self.visit(value)) for value in node.values]
        return functools.reduce(lambda left, right: f"$.{operator}({left}, () => {right})", values)

    def visit_Compare(self, node: ast.Compare) -> str:
        operands = [node.left, *node.comparators]
        pairs = [self._comparison(op, operands[i], operands[i + 1]) for i, op in enumerate(node.ops)]
        return functools.reduce(lambda left, right: f"$.both({left}, () => {right})", pairs)

    def _comparison(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> str:
        a, b = self.visit(left), self.visit(right)
        if isinstance(operator, ast.Is | ast.IsNot):
            return f"({a} {'===' if isinstance(operator, ast.Is) else '!=='} {b})"
        if isinstance(operator, ast.In | ast.NotIn):
            return f"{'!' if isinstance(operator, ast.NotIn) else ''}$.contains({b}, {a})"
        return self._operation(left, operator, a, b)

    def visit_IfExp(self, node: ast.IfExp) -> str:
        return f"({self._truth(node.test)} ? {self.visit(node.body)} : {self.visit(node.orelse)})"

    def visit_Subscript(self, node: ast.Subscript) -> str:
        return f"$.at({self.visit(node.value)}, {self.visit(node.slice)})"

    def visit_Slice(self, node: ast.Slice) -> str:
        if node.step is not None:
            raise self._refusal(node.step, "a slice with a step")
        start, stop = ("null" if end is None else self.visit(end) for end in (node.lower, node.upper))
        return f"$.slice({start}, {stop})"

    def visit_ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> str:
        return self._comprehension(node.generators, lambda: str(self.visit(node.elt)))

    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> str:
        return f"$.dictionary({self._comprehension(node.generators, lambda: f'[{self.visit(node.key)}, {self.visit(node.value)}]')})"

    def _comprehension(self, generators: list[ast.comprehension], element: Callable[[], str]) -> str:
        first, *others = generators
        values, pattern = self._listed(first.iter), self._pattern(first.target)
        with self._scope(set(assigned([first.target]))):
            kept = "".join(f".filter(({pattern}) => {self._truth(test)})" for test in first.ifs)
            inner = self._comprehension(others, element) if others else element()
        return f"{values}{kept}.{'flatMap' if others else 'map'}(({pattern}) => {inner})"

    def _pattern(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return written(target.id)
        if isinstance(target, ast.Tuple) and not any(isinstance(part, ast.Starred) for part in target.elts[:-1]):
            return f"[{', '.join(map(self._pattern, target.elts))}]"
        if isinstance(target, ast.Starred):
            return f"...{self._pattern(target.value)}"
        raise self._refusal(target, "an assignment to this")

    def _listed(self, node: ast.expr) -> str:
        return f"$.listed({self.visit(node)})"

    def _truth(self, node: ast.expr) -> str:
        return f"$.truth({self.visit(node)})"

    # --- what is not known

    def generic_visit(self, node: ast.AST) -> str:
        raise self._refusal(node, type(node).__name__)

    def _refusal(self, node: ast.AST, what: str) -> UntranslatableError:
        return UntranslatableError(f"{self._place(node)}: no JavaScript is known for {what}")

    def _place(self, node: ast.AST) -> str:
        return f"{self.file}, line {self.before + getattr(node, 'lineno', 0)}"
