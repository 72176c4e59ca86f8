"""Python's functions and statements as JavaScript."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tsla.figures.page.translation.expressions import NOT_STATIC, Expressions, World
from tsla.figures.page.translation.names import assigned, parameters, written
from tsla.figures.page.translation.runtime import literal


def parsed(thing: Any) -> tuple[ast.stmt, str, int]:
    """The syntax of a function or class, its file, and how many lines of it stand before."""
    lines, first = inspect.getsourcelines(thing)
    return ast.parse(textwrap.dedent("".join(lines))).body[0], inspect.getsourcefile(thing) or "?", first - 1


class Syntax(Expressions):
    """The functions of one module; ``eager`` is what has to be there before the function is made."""

    def __init__(self, file: str, before: int, known: dict[str, Any], world: World) -> None:
        super().__init__(file, before, known, world)
        self.eager: set[str] = set()
        self.saved = 0

    # --- functions

    def function(self, node: ast.FunctionDef, without: Sequence[str] = ()) -> str:
        """``$.def(…)`` in its decorators, but for those that are called as in ``without``."""
        given = node.args
        text = f"$.def({self._signature(node.name, given)}, ({', '.join(parameters(given))}) => {self._body(node)})"
        for decorator in reversed(node.decorator_list):
            if not (isinstance(decorator, ast.Name) and decorator.id in without):
                text = f"{self._eagerly(decorator)}({text})"
        return text

    def _signature(self, name: str, given: ast.arguments) -> str:
        """As Python writes it, and the defaults."""
        if given.posonlyargs:
            raise self._refusal(given.posonlyargs[0], "a positional-only parameter")
        defaults = dict(zip([one.arg for one in given.args][::-1], given.defaults[::-1], strict=False))
        defaults |= {one.arg: default for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is not None}
        star = f"*{given.vararg.arg if given.vararg else ''}" if given.vararg or given.kwonlyargs else ""
        positional, named = ([one.arg for one in group] for group in (given.args, given.kwonlyargs))
        return signature(
            name,
            [*positional, star, *named, f"**{given.kwarg.arg}" if given.kwarg else ""],
            {n: self._eagerly(d) for n, d in defaults.items()},
        )

    def _eagerly(self, node: ast.expr) -> str:
        """An expression that is evaluated when the function is made."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name | ast.Attribute) and not isinstance(value := self._static(inner), types.ModuleType):
                self.eager.update([] if value is NOT_STATIC else [self.visit(inner)])
        return str(self.visit(node))

    def _body(self, node: ast.FunctionDef) -> str:
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        given, bound = {*parameters(node.args, plain=True)}, set(assigned(body))
        with self._scope(given | bound):
            declared = ", ".join(written(one) for one in sorted(bound - given))
            ends = "" if isinstance(body[-1], ast.Return | ast.Raise) else "\nreturn null;"
            return _braced((f"let {declared};\n" if declared else "") + self._block(body) + ends)

    def _block(self, statements: Iterable[ast.stmt]) -> str:
        return "\n".join(filter(None, map(self.visit, statements)))

    # --- statements

    def visit_FunctionDef(self, node: ast.FunctionDef) -> str:
        return f"{written(node.name)} = {self.function(node)};"

    def visit_Return(self, node: ast.Return) -> str:
        return "return null;" if node.value is None else f"return {self.visit(node.value)};"

    def visit_Expr(self, node: ast.Expr) -> str:
        return f"{self.visit(node.value)};"

    def visit_Pass(self, _node: ast.Pass) -> str:
        return ""

    def visit_Break(self, _node: ast.Break) -> str:
        return "break;"

    def visit_Continue(self, _node: ast.Continue) -> str:
        return "continue;"

    def visit_Assign(self, node: ast.Assign) -> str:
        if len(node.targets) > 1:
            raise self._refusal(node, "an assignment to several names")
        return self._assignment(node.targets[0], self.visit(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> str:
        return "" if node.value is None else self._assignment(node.target, self.visit(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> str:
        if not isinstance(node.target, ast.Name):
            raise self._refusal(node.target, "an augmented assignment to this")
        return f"{written(node.target.id)} = {self._operation(node, node.op, written(node.target.id), self.visit(node.value))};"

    def _assignment(self, target: ast.expr, value: str) -> str:
        if isinstance(target, ast.Subscript):
            return f"$.setAt({self.visit(target.value)}, {self.visit(target.slice)}, {value});"
        return f"{self._pattern(target)} = {value};"

    def visit_If(self, node: ast.If) -> str:
        otherwise = f" else {_braced(self._block(node.orelse))}" if node.orelse else ""
        return f"if ({self._truth(node.test)}) {_braced(self._block(node.body))}{otherwise}"

    def visit_For(self, node: ast.For) -> str:
        if node.orelse:
            raise self._refusal(node, "else after a loop")
        return f"for ({self._pattern(node.target)} of {self._listed(node.iter)}) {_braced(self._block(node.body))}"

    def visit_While(self, node: ast.While) -> str:
        if node.orelse:
            raise self._refusal(node, "else after a loop")
        return f"while ({self._truth(node.test)}) {_braced(self._block(node.body))}"

    def visit_With(self, node: ast.With) -> str:
        call = node.items[0].context_expr
        if len(node.items) > 1 or not isinstance(call, ast.Call) or self._static(call.func) is not np.errstate:
            raise self._refusal(node, "with something else than np.errstate")
        for one in call.keywords:
            if one.arg != "over" and not (isinstance(one.value, ast.Constant) and one.value.value == "ignore"):
                raise self._refusal(one.value, f"np.errstate({one.arg}=…) that ignores nothing")
        self.saved += 1
        before = f"$before{self.saved}"
        return (
            f"const {before} = $.errstate({self._arguments(call)});\n"
            f"try {_braced(self._block(node.body))} finally {_braced(f'$.restore({before});')}"
        )

    def visit_Try(self, node: ast.Try) -> str:
        if node.orelse or node.finalbody:
            raise self._refusal(node, "else or finally after try")
        cases = [self._handler(handler) for handler in node.handlers]
        return f"try {_braced(self._block(node.body))} catch ($error) {_braced(' else '.join([*cases, _braced('throw $error;')]))}"

    def _handler(self, node: ast.ExceptHandler) -> str:
        if node.type is None or node.name is not None:
            raise self._refusal(node, "except without a class, or with a name")
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        caught = " || ".join(f"$error instanceof {self.visit(kind)}" for kind in kinds)
        return f"if ({caught}) {_braced(self._block(node.body))}"

    def visit_Raise(self, node: ast.Raise) -> str:
        if not isinstance(node.exc, ast.Call):
            raise self._refusal(node, "raise of something else than a new error")
        arguments = ", ".join(map(self.visit, node.exc.args))
        return f"throw new ({self.visit(node.exc.func)})({arguments});"


def signature(name: str, parameters: Iterable[str], defaults: dict[str, str]) -> str:
    """The first two arguments of ``$.def`` and ``$.dataclass``."""
    given = ", ".join(f"{parameter}: {default}" for parameter, default in defaults.items())
    shown = f"{name}({', '.join(filter(None, parameters))})"
    return f"{literal(shown)}, {{{given}}}"


def _braced(text: str) -> str:
    return f"{{\n{textwrap.indent(text, '  ')}\n}}"
