"""Python's syntax as JavaScript. What is not known here is refused with its file and line, and never guessed."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import inspect
import json
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, get_args

import numpy as np

from tsla.figures.page.translation.runtime import ATTRIBUTES, FORMAT, KEYWORDS, KINDS, METHODS, NUMPY, PYTHON, UntranslatableError, literal
from tsla.theory import constants

OF_CHECKS = (constants.array_of, constants.is_numeric, constants.must_be_single, constants.must_go_together, constants.of_fitting_shapes)
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
WORDS = (
    "Infinity NaN undefined arguments case catch const debugger default delete do enum eval export extends function instanceof let "
    "new null package static super switch this throw true false typeof var void"
)
RESERVED = frozenset(WORDS.split())
NOT_STATIC = object()


class World(Protocol):
    """What a piece of syntax may speak of beside its own names."""

    def reference(self, value: Any) -> str:
        """The JavaScript that stands for ``value``. Raises UntranslatableError where nothing does."""

    def read(self, attribute: str, where: str) -> None:
        """Take note that an attribute of this name is read there."""

    def folds(self, function: Any) -> bool:
        """Whether a call of it is replaced by what it returns now."""


def parsed(thing: Any) -> tuple[ast.stmt, str, int]:
    """The syntax of a function or class, its file, and how many lines of it stand before."""
    lines, first = inspect.getsourcelines(thing)
    return ast.parse(textwrap.dedent("".join(lines))).body[0], inspect.getsourcefile(thing) or "?", first - 1


class Syntax(ast.NodeVisitor):
    """The functions of one module, whose names are in ``known``; ``eager`` is what has to be there before the function is made."""

    def __init__(self, file: str, before: int, known: dict[str, Any], world: World) -> None:
        self.file, self.before, self.known, self.world = file, before, known, world
        self.scopes: list[set[str]] = []
        self.eager: set[str] = set()
        self.saved = 0

    # --- functions

    def function(self, node: ast.FunctionDef, without: Sequence[str] = ()) -> str:
        """``$.def(…)`` in its decorators, but for those that are called as in ``without``."""
        given = node.args
        text = f"$.def({self._signature(node.name, given)}, ({', '.join(_parameter_names(given))}) => {self._body(node)})"
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
        parameters, assigned = {*_parameter_names(node.args, plain=True)}, set(_assigned(body))
        with self._scope(parameters | assigned):
            declared = ", ".join(_name(one) for one in sorted(assigned - parameters))
            ends = "" if isinstance(body[-1], ast.Return | ast.Raise) else "\nreturn null;"
            return _braced((f"let {declared};\n" if declared else "") + self._block(body) + ends)

    @contextmanager
    def _scope(self, names: set[str]) -> Iterator[None]:
        self.scopes.append(names)
        yield
        self.scopes.pop()

    def _block(self, statements: Iterable[ast.stmt]) -> str:
        return "\n".join(filter(None, map(self.visit, statements)))

    # --- statements

    def visit_FunctionDef(self, node: ast.FunctionDef) -> str:
        return f"{_name(node.name)} = {self.function(node)};"

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
        return f"{_name(node.target.id)} = {self._operation(node, node.op, _name(node.target.id), self.visit(node.value))};"

    def _assignment(self, target: ast.expr, value: str) -> str:
        if isinstance(target, ast.Subscript):
            return f"$.setAt({self.visit(target.value)}, {self.visit(target.slice)}, {value});"
        return f"{self._pattern(target)} = {value};"

    def _pattern(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return _name(target.id)
        if isinstance(target, ast.Tuple) and not any(isinstance(part, ast.Starred) for part in target.elts[:-1]):
            return f"[{', '.join(map(self._pattern, target.elts))}]"
        if isinstance(target, ast.Starred):
            return f"...{self._pattern(target.value)}"
        raise self._refusal(target, "an assignment to this")

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

    # --- names and what they stand for

    def visit_Name(self, node: ast.Name) -> str:
        if self._is_local(node.id):
            return _name(node.id)
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
        names = _parameter_names(node.args)
        if node.args.defaults or node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
            raise self._refusal(node, "a lambda with more than plain parameters")
        with self._scope({*_parameter_names(node.args, plain=True)}):
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
        with self._scope(set(_assigned([first.target]))):
            kept = "".join(f".filter(({pattern}) => {self._truth(test)})" for test in first.ifs)
            inner = self._comprehension(others, element) if others else element()
        return f"{values}{kept}.{'flatMap' if others else 'map'}(({pattern}) => {inner})"

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


def signature(name: str, parameters: Iterable[str], defaults: dict[str, str]) -> str:
    """The first two arguments of ``$.def`` and ``$.dataclass``."""
    given = ", ".join(f"{parameter}: {default}" for parameter, default in defaults.items())
    shown = f"{name}({', '.join(filter(None, parameters))})"
    return f"{literal(shown)}, {{{given}}}"


def _name(name: str) -> str:
    return f"{name}_" if name in RESERVED else name


def _parameter_names(given: ast.arguments, *, plain: bool = False) -> list[str]:
    """In the order in which ``$.def`` hands them over."""
    all_of_them = [*given.args, *filter(None, [given.vararg]), *given.kwonlyargs, *filter(None, [given.kwarg])]
    return [one.arg if plain else _name(one.arg) for one in all_of_them]


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that are bound in a function by these nodes, and not in what is nested in it."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp):
            yield from _assigned(ast.iter_child_nodes(node))


def _braced(text: str) -> str:
    return f"{{\n{textwrap.indent(text, '  ')}\n}}"
