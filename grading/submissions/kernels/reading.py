"""Static evaluation of the names and expressions of a submission."""

import ast
import builtins
import importlib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from grading.submissions.forbidden.source import Source
from grading.submissions.kernels.names import Binding, Scope, returns
from grading.submissions.kernels.values import (
    Choice,
    Class,
    Compiled,
    Constant,
    External,
    Formula,
    Identity,
    Module,
    Options,
    Plain,
    Record,
    Unknown,
    UnreadableError,
    Value,
    choice,
)
from grading.submissions.submission import Submission

COMPILERS = frozenset(
    f"numba.{home}{name}" for home in ("", "core.decorators.") for name in ("njit", "jit")
)
"""numba's decorators for the processor."""

CACHING = frozenset({"functools.lru_cache", "functools.cache"})
"""Decorators that return a function with the same results."""

MOST_STEPS = 20_000
"""Largest number of expressions and statements to evaluate; a source with more is unreadable."""

DEEPEST = 60
"""Deepest nesting of expressions and of names; beyond it a source counts as unreadable."""

TOO_COMPLEX = "the source is too complex"

LARGEST_BITS = 64
"""Largest integers in expressions that are evaluated, in bits: the results stay small."""

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}

NUMBERS = {
    f"{home.__name__}.{name}": float(getattr(home, name))
    for home in (math, np)
    for name in ("inf", "nan", "pi", "e")
}

SCALARS: dict[str, Callable[..., Any]] = {
    "builtins.float": float,
    "builtins.int": int,
    "builtins.bool": bool,
    "builtins.abs": abs,
    "builtins.max": max,
    "builtins.min": min,
    **{
        f"numpy.{name}": getattr(np, name)
        for name in ("int32", "int64", "uint32", "uint64", "float32", "float64", "intp")
    },
}
"""Functions that are evaluated if their arguments are constants."""


class Reading:
    """Static evaluation of the sources of a submission; each file is parsed once.

    Args:
        submission: The submission.
    """

    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        self._steps = 0
        self._depth = 0
        self._open: list[tuple[Scope, Binding]] = []
        self.module = cache(self._module)

    def named(self, module: str, name: str) -> Value:
        """Return the value of a name of a module after all imports.

        Raises:
            UnreadableError: There is no such module or name.
        """
        scope = self.module(module)
        if scope is None:
            raise UnreadableError(f"there is no module {module}")
        value = self.lookup(name, scope)
        if value is None:
            raise UnreadableError(f"{module} has no {name}", scope.source.name)
        return value

    def lookup(self, name: str, scope: Scope, before: int | None = None) -> Value | None:
        """Return the value of a name.

        Args:
            name: The name.
            scope: The scope that uses the name.
            before: The number of bindings of that scope that have run; None for all.
        """
        found: list[Value] = []
        if name in scope.bound_elsewhere:
            found.append(Unknown(f"{name}, which another function assigns", scope.source.name))
        for binding in reversed(scope.bindings[:before]):
            if binding.name not in (name, "*"):
                continue
            value = self._bound(binding, scope, name)
            if value is None:
                continue
            found.append(value)
            if binding.certain:
                return choice(found)
        if name in scope.arguments:
            return choice([*found, scope.arguments[name]])
        if scope.parent is not None:
            is_global = name in scope.declared_global
            around = self.lookup(name, scope.global_scope if is_global else scope.parent)
            return choice([*found, *([around] if around is not None else [])])
        if not found and hasattr(builtins, name):
            return External(f"builtins.{name}")
        return choice(found)

    def call(
        self,
        function: Value,
        arguments: Sequence[Value],
        options: Mapping[str, Value],
        location: str,
    ) -> Value:
        """Return the result of a function, or one of several possible results."""
        unknown = Unknown("a call", location)
        match function:
            case Options():
                return self.call(
                    function.function,
                    (*function.arguments, *arguments),
                    {**function.options, **options},
                    location,
                )
            case External(dotted) if dotted in COMPILERS:
                return _compiled(function, arguments, options)
            case External(dotted):
                return _library(dotted, arguments, options) or unknown
            case Identity():
                return arguments[0] if arguments else unknown
            case Choice(values):
                each = [self.call(value, arguments, options, location) for value in values]
                return choice(each) or unknown
            case Class():
                return self._instance(function, arguments, options, location)
            case Plain():
                scope = self._scope_of_call(function, arguments, options)
                found: list[Value] = []
                for node, expression, certain in returns(function.node):
                    before = None if node is None else scope.position(node)
                    found.append(self.evaluate(expression, scope, before))
                    if certain:
                        break
                return choice(found) or Constant(None)
        return unknown

    def evaluate(self, node: ast.expr, scope: Scope, before: int | None = None) -> Value:
        """Return the value of an expression.

        Raises:
            UnreadableError: It is nested too deeply.
        """
        self._count_step(_location(node, scope))
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise UnreadableError(TOO_COMPLEX, _location(node, scope))
            return self._evaluate(node, scope, before) or Unknown(
                ast.unparse(node)[:60], _location(node, scope)
            )
        finally:
            self._depth -= 1

    def _count_step(self, location: str) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise UnreadableError(TOO_COMPLEX, location)

    def _evaluate(self, node: ast.expr, scope: Scope, before: int | None) -> Value | None:
        def value(inner: ast.expr) -> Value:
            return self.evaluate(inner, scope, before)

        match node:
            case ast.Constant():
                return Constant(node.value)
            case ast.Name():
                return self.lookup(node.id, scope, before)
            case ast.Attribute():
                return self._attribute(value(node.value), node.attr)
            case ast.Lambda():
                return Plain(node, scope)
            case ast.IfExp():
                return choice([value(node.body), value(node.orelse)])
            case ast.BoolOp():
                return choice([value(each) for each in node.values])
            case ast.NamedExpr():
                return value(node.value)
            case ast.Tuple() | ast.List():
                return Constant(tuple(map(value, node.elts)))
            case ast.Dict():
                return self._dictionary(node, value)
            case ast.UnaryOp() if type(node.op) in OPERATORS:
                return _folded(OPERATORS[type(node.op)], [value(node.operand)])
            case ast.BinOp() if type(node.op) in OPERATORS:
                return _folded(OPERATORS[type(node.op)], [value(node.left), value(node.right)])
            case ast.Call():
                return self._call(node, value, _location(node, scope))
        return None

    def _dictionary(self, node: ast.Dict, value: Callable[[ast.expr], Value]) -> Value | None:
        entries: dict[str, Value] = {}
        for key, each in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                entries[key.value] = value(each)
            elif key is None and isinstance(inner := value(each), Constant):
                entries.update(inner.value if isinstance(inner.value, dict) else {"**": inner})
            else:
                return None
        return Constant(entries)

    def _call(self, node: ast.Call, value: Callable[[ast.expr], Value], location: str) -> Value:
        arguments: list[Value] = []
        for each in node.args:
            if not isinstance(each, ast.Starred):
                arguments.append(value(each))
                continue
            inner = value(each.value)
            if isinstance(inner, Constant) and isinstance(inner.value, tuple):
                arguments += inner.value
            else:
                arguments.append(inner)
        options: dict[str, Value] = {}
        for keyword in node.keywords:
            inner = value(keyword.value)
            if keyword.arg is not None:
                options[keyword.arg] = inner
            elif isinstance(inner, Constant) and isinstance(inner.value, dict):
                options.update(inner.value)
            else:
                options["parallel"] = Unknown("options", location)
        return self.call(value(node.func), arguments, options, location)

    def _attribute(self, of: Value, name: str) -> Value | None:
        match of:
            case External(dotted):
                number = NUMBERS.get(f"{dotted}.{name}")
                return External(f"{dotted}.{name}") if number is None else Constant(number)
            case Module(module):
                scope = self.module(module)
                found = None if scope is None else self.lookup(name, scope)
                if found is None and self.module(f"{module}.{name}") is not None:
                    return Module(f"{module}.{name}")
                return found
            case Record():
                return of.attributes.get(name)
            case Compiled() if name == "py_func":
                return of.function
            case Formula():
                return of
            case Choice(values):
                each = [self._attribute(value, name) for value in values]
                return choice([value for value in each if value is not None])
            case Class():
                inner = Scope(of.scope.source, of.node.body, of.scope)
                return self.lookup(name, inner) if _binds(inner, name) else None
        return None

    def _bound(self, binding: Binding, scope: Scope, name: str) -> Value | None:
        """Return the value that a statement binds to a name; None if it does not bind the name."""
        key = (scope, binding)
        node, location = binding.node, _location(binding.node, scope)
        self._count_step(location)
        if any(scope is s and binding is b for s, b in self._open) or len(self._open) > DEEPEST:
            return Unknown(name, location)
        self._open.append(key)
        try:
            before = scope.position(node)
            match node:
                case ast.FunctionDef():
                    value: Value = Plain(node, scope)
                    for decorator in reversed(node.decorator_list):
                        function = self.evaluate(decorator, scope, before)
                        value = self.call(function, [value], {}, location)
                    return value
                case ast.ClassDef():
                    return Class(node, scope)
                case ast.Import():
                    return self._imported(node, name)
                case ast.ImportFrom():
                    return self._imported_from(node, scope, name)
            if binding.value is not None:
                return self.evaluate(binding.value, scope, before)
            return Unknown(name, location)
        finally:
            self._open.pop()

    def _imported(self, node: ast.Import, name: str) -> Value:
        for alias in node.names:
            if (alias.asname or alias.name.partition(".")[0]) == name:
                dotted = alias.name if alias.asname else alias.name.partition(".")[0]
                inside = self.module(dotted) is not None
                return Module(dotted) if inside else External(dotted)
        raise AssertionError(name)

    def _imported_from(self, node: ast.ImportFrom, scope: Scope, name: str) -> Value | None:
        origin = scope.source.origin(node)
        original = next((a.name for a in node.names if name == (a.asname or a.name)), name)
        module = self.module(origin)
        if module is None:
            star = all(alias.name == "*" for alias in node.names)
            return _external(origin, original) if star else External(f"{origin}.{original}")
        if module is scope:
            return None
        found = self.lookup(original, module) if _binds(module, original, "*") else None
        if found is None and self.module(f"{origin}.{original}") is not None:
            return Module(f"{origin}.{original}")
        return found

    def _scope_of_call(
        self, function: Plain, arguments: Sequence[Value], options: Mapping[str, Value]
    ) -> Scope:
        """Return the scope of a call, with its arguments bound to the parameters."""
        spec, scope = function.node.args, function.scope
        names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
        defaults = names[len(names) - len(spec.defaults) :]
        bound = {
            name: self.evaluate(node, scope)
            for name, node in zip(defaults, spec.defaults, strict=True)
        }
        for each, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if default is not None:
                bound[each.arg] = self.evaluate(default, scope)
        bound.update(zip(names, arguments, strict=False))
        named = {*names, *(each.arg for each in spec.kwonlyargs)}
        bound.update({name: value for name, value in options.items() if name in named})
        if spec.vararg is not None:
            bound[spec.vararg.arg] = Constant(tuple(arguments[len(names) :]))
        if spec.kwarg is not None:
            rest = {name: value for name, value in options.items() if name not in named}
            bound[spec.kwarg.arg] = Constant(rest)
        body = [] if isinstance(function.node, ast.Lambda) else function.node.body
        return Scope(scope.source, body, scope, bound)

    def _instance(
        self, of: Class, arguments: Sequence[Value], options: Mapping[str, Value], location: str
    ) -> Value:
        """Return an object with the attributes that `__init__` assigns."""
        record = Record(of)
        inner = Scope(of.scope.source, of.node.body, of.scope)
        init = self.lookup("__init__", inner) if _binds(inner, "__init__") else None
        if not isinstance(init, Plain) or isinstance(init.node, ast.Lambda):
            return Unknown("an object", location)
        scope = self._scope_of_call(init, [record, *arguments], options)
        for node in init.node.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Attribute) and isinstance(node, ast.Assign):
                    before = scope.position(node)
                    record.attributes[target.attr] = self.evaluate(node.value, scope, before)
        return record

    def _module(self, name: str) -> Scope | None:
        source = Source.of(self._submission, name)
        return None if source is None else Scope(source, source.tree.body)


def _compiled(
    function: External, arguments: Sequence[Value], options: Mapping[str, Value]
) -> Value:
    """Return the function that numba compiles; a decorator if the call has no function."""
    target = next((each for each in arguments if not isinstance(each, Constant)), None)
    if target is None:
        return Options(function, (), options)
    parallel = options.get("parallel") == Constant(True)
    inline = options.get("inline") == Constant("always")
    made: list[Value] = []
    for each in target.values if isinstance(target, Choice) else (target,):
        inner = each.function if isinstance(each, Compiled) else each
        compilable = isinstance(inner, Plain | Formula)
        made.append(Compiled(inner, parallel, inline) if compilable else inner)  # type: ignore[arg-type]
    return choice(made) or target


def _library(dotted: str, arguments: Sequence[Value], options: Mapping[str, Value]) -> Value | None:
    """Return the result of a library function that kernels are created with; else None."""
    if dotted == "functools.partial" and arguments:
        return Options(arguments[0], tuple(arguments[1:]), options)
    if dotted == "functools.wraps":
        return Identity()
    if dotted in CACHING:
        first = next((each for each in arguments if not isinstance(each, Constant)), None)
        return Identity() if first is None else first
    if dotted in {"functools.update_wrapper", "builtins.staticmethod"} and arguments:
        return arguments[0]
    if dotted == "typing.cast" and len(arguments) == 2:
        return arguments[1]
    if dotted == "builtins.dict" and not arguments:
        return Constant(dict(options))
    if dotted in SCALARS and not options:
        return _folded(SCALARS[dotted], arguments)
    return None


def _folded(function: Callable[..., Any], arguments: Sequence[Value]) -> Value | None:
    """Return the result of a function of constants; None if it cannot be evaluated."""
    values = [each.value for each in arguments if isinstance(each, Constant)]
    # An operator on a text, or on large integers, may need any amount of memory.
    one_text = len(values) == 1 and isinstance(values[0], str)
    if len(values) < len(arguments) or not (one_text or all(map(_is_small_number, values))):
        return None
    try:
        with np.errstate(all="ignore"):
            result = function(*values)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return Constant(result)


def _is_small_number(value: Any) -> bool:
    is_small = isinstance(value, int) and value.bit_length() <= LARGEST_BITS
    return is_small or isinstance(value, float)


def _external(module: str, name: str) -> Value | None:
    """Return a name that a star import may import from an installed library; else None."""
    if module in {"numpy", "numba", "math"} and hasattr(importlib.import_module(module), name):
        return External(f"{module}.{name}")
    return None


def _binds(scope: Scope, *names: str) -> bool:
    return any(binding.name in names for binding in scope.bindings)


def _location(node: ast.AST, scope: Scope) -> str:
    return f"{scope.source.name}:{getattr(node, 'lineno', 0)}"
