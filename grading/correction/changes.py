"""Changes of one place of a function, one of which may correct a mistake in it.

The changes are inverses of usual mistakes: a wrong operator, comparison, constant, name, index or
order of arguments, a part too many, and a part that is missing. A missing part is searched for
among the parts of the same function, as in "GenProg: A Generic Method for Automatic Software
Repair" (Le Goues et al., 2012).
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from grading.submissions.syntax import Function

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
"""Operators that replace each other. A power of large integers would not end."""

COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
"""Comparisons that replace each other."""

CONSTANTS = (0, 1, 2, -1)
"""Numbers that replace another number."""

INDICES = (0, 1, 2, 3, -1, -2, -3, -4)
"""Constant indices that replace another one."""

MOST_NAMES = 16
"""Number of names that replace another one."""

MOST_INDICES = 4
"""Number of elements of an array whose constant indices are inserted."""

MOST_PARTS = 20
"""Number of parts of a function that are inserted at another place: the nearest ones."""

LONGEST_TEXT = 70
"""Number of characters of a text of the code in a sentence."""

LARGEST_PART = 4
"""Number of nodes of a part that is inserted at another place."""

Alternative: TypeAlias = ast.expr


@dataclass(frozen=True)
class Part:
    """A part of a function, for insertion.

    Attributes:
        node: The part.
        lines: The lines in which it occurs.
    """

    node: ast.expr
    lines: list[int]


@dataclass
class Scope:
    """Names and parts that a change of a function may use.

    Attributes:
        names: The parameters and the local names.
        parameters: The parameters.
        called: The functions that the file calls.
        methods: The methods that the file calls without an argument.
        attributes: For the text of an expression, its attributes in the file.
        keywords: For the name of a called function, its keyword arguments in the file.
        parts: Small parts of the function, for insertion.
    """

    names: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    attributes: dict[str, list[str]] = field(default_factory=dict)
    keywords: dict[str, list[ast.keyword]] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)


def is_changeable(node: ast.expr) -> bool:
    """Return whether an expression may stand in a conditional expression."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    if isinstance(node, ast.Starred | ast.Slice | ast.JoinedStr | ast.FormattedValue):
        return False
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool | int | float)
    return not any(
        isinstance(each, ast.Yield | ast.YieldFrom | ast.Await | ast.NamedExpr | ast.Starred)
        or (isinstance(each, ast.Slice) and isinstance(node, ast.Tuple))
        for each in ast.walk(node)
    )


def replacements(node: ast.expr, scope: Scope, callee: bool) -> Iterator[Alternative]:
    """Yield expressions that replace an expression.

    Args:
        node: The expression.
        scope: What they may use.
        callee: True if the expression is a function that is called.
    """
    match node:
        case ast.BinOp(left, op, right):
            for other in ARITHMETIC:
                if not isinstance(op, other):
                    yield ast.BinOp(left, other(), right)
            if not isinstance(op, ast.Add | ast.Mult):
                yield ast.BinOp(right, op, left)
            yield left
            yield right
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Compare(left, ops, rights):
            for i, comparison in enumerate(ops):
                for another in COMPARISONS:
                    if not isinstance(comparison, another):
                        changed = [*ops[:i], another(), *ops[i + 1 :]]
                        yield ast.Compare(left, changed, rights)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for i in range(len(values)):
                rest = [*values[:i], *values[i + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
            yield body
            yield orelse
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            numbers = (value + 1, value - 1, -value, *map(type(value), CONSTANTS))
            for number in dict.fromkeys(numbers):
                if number != value:
                    yield _number(number)
            for name in scope.names[:MOST_NAMES]:
                yield ast.Name(name, ast.Load())
        case ast.Name(name):
            for other_name in (scope.called if callee else scope.names)[:MOST_NAMES]:
                if other_name != name:
                    yield ast.parse(other_name, mode="eval").body
        case ast.Attribute(value, attr):
            for other_attr in scope.attributes.get(ast.unparse(value), ())[:MOST_NAMES]:
                if other_attr != attr:
                    yield ast.Attribute(value, other_attr, ast.Load())
        case ast.Subscript(value, index) if isinstance(value, ast.Name | ast.Attribute):
            if _constant(index) is not None:
                for number in INDICES:
                    if number != _constant(index):
                        yield ast.Subscript(value, _number(number), ast.Load())
        case ast.Call():
            yield from _of_call(node, scope)
        case ast.Tuple([first, second]) | ast.List([first, second]):
            yield type(node)([second, first], ast.Load())


def _of_call(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    func, args, keywords = node.func, node.args, node.keywords
    for i in range(len(args) - 1):
        for j in range(i + 1, len(args)):
            exchanged = list(args)
            exchanged[i], exchanged[j] = args[j], args[i]
            yield ast.Call(func, exchanged, keywords)
    for i in range(len(keywords)):
        yield ast.Call(func, args, [*keywords[:i], *keywords[i + 1 :]])
    if len(args) == 1 and not keywords:
        yield args[0]
    if isinstance(func, ast.Attribute) and not (args or keywords):
        yield func.value
    if isinstance(func, ast.Name) and func.id in ("range", "prange"):
        one = ast.Constant(1)
        first, stop = (args[0], args[1]) if len(args) > 1 else (ast.Constant(0), args[0])
        rest = args[2:]
        for start in (ast.Constant(0), one, ast.BinOp(first, ast.Add(), one)):
            yield ast.Call(func, [start, stop, *rest], [])
        for op in (ast.Add(), ast.Sub()):
            yield ast.Call(func, [first, ast.BinOp(stop, op, one), *rest], [])
        yield ast.Call(ast.Name("reversed", ast.Load()), [node], [])
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    present = {keyword.arg for keyword in keywords}
    for keyword in scope.keywords.get(name, ()):
        if keyword.arg not in present:
            yield ast.Call(func, args, [*keywords, keyword])


def insertions(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """Yield expressions that contain an expression and a part that may be missing.

    Args:
        node: The expression.
        scope: What they may use.
    """
    if isinstance(node, ast.Compare | ast.BoolOp):
        yield ast.UnaryOp(ast.Not(), node)
        return
    if not isinstance(node, ast.Name | ast.Constant | ast.Subscript | ast.Call | ast.Attribute):
        return
    yield ast.UnaryOp(ast.USub(), node)
    one, two = ast.Constant(1), ast.Constant(2)
    yield ast.BinOp(node, ast.Add(), one)
    yield ast.BinOp(node, ast.Sub(), one)
    yield ast.BinOp(one, ast.Sub(), node)
    yield ast.BinOp(node, ast.Mult(), two)
    yield ast.BinOp(node, ast.Div(), two)
    yield ast.BinOp(one, ast.Div(), node)
    for method in scope.methods:
        yield ast.Call(ast.Attribute(node, method, ast.Load()), [], [])
    for name in dict.fromkeys((*scope.parameters, *scope.called)):
        yield ast.Call(ast.parse(name, mode="eval").body, [node], [])
    for part in _nearest(scope.parts.values(), node.lineno):
        yield part
        for op in ARITHMETIC:
            yield ast.BinOp(node, op(), part)
        for swapped in (ast.Sub, ast.Div):
            yield ast.BinOp(part, swapped(), node)


def parts(function: Function, names: Sequence[str]) -> dict[str, Part]:
    """Return the names and the small parts of a function, by their texts.

    Args:
        function: The function.
        names: Its parameters and local names.
    """
    found = {name: Part(ast.Name(name, ast.Load()), [function.lineno]) for name in names}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in found:
            found[node.id].lines.append(node.lineno)
        if not isinstance(node, ast.Subscript | ast.Attribute | ast.Call):
            continue
        if isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        if sum(1 for each in islice(_nodes(node), LARGEST_PART + 1)) > LARGEST_PART:
            continue
        for each in _with_other_indices(node):
            found.setdefault(ast.unparse(each), Part(each, [])).lines.append(node.lineno)
    return found


def _with_other_indices(node: ast.expr) -> Iterator[ast.expr]:
    """Yield a part; for a constant index, the first elements of the same array, too."""
    yield node
    if isinstance(node, ast.Subscript) and _constant(node.slice) in range(MOST_INDICES):
        for index in range(MOST_INDICES):
            yield ast.Subscript(node.value, _number(index), ast.Load())


def _nearest(parts: Iterable[Part], line: int) -> list[ast.expr]:
    """Return the parts that occur nearest to a line."""
    ordered = sorted(parts, key=lambda part: min(abs(each - line) for each in part.lines))
    return [part.node for part in ordered[:MOST_PARTS]]


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    return (each for each in ast.walk(node) if isinstance(each, ast.expr))


def block_changes(block: Sequence[ast.stmt]) -> Iterator[tuple[int, str, list[ast.stmt]]]:
    """Yield blocks that differ from a block in one statement or in the order of two.

    Args:
        block: The statements.

    Yields:
        The index of the statement, the change as a clause that begins with "with" or "without",
        and the changed block.
    """
    for i, statement in enumerate(block):
        before, after = block[:i], block[i + 1 :]
        text = shown(statement)
        for changed in _of_statement(statement):
            words = f"with `{shown(changed[0])}` in place of `{text}`"
            yield i, words, [*before, *changed, *after]
        if isinstance(statement, ast.Return | ast.FunctionDef):
            continue
        yield i, f"without `{text}`", [*before, *after, ast.Pass()]
        if after and not isinstance(after[0], ast.FunctionDef):
            words = f"with `{shown(after[0])}` before `{text}`"
            yield i, words, [*before, after[0], statement, *after[1:]]
        if isinstance(statement, ast.For | ast.While):
            *body, last = statement.body
            if body:
                loop = _with_body(statement, body)
                words = f"with `{shown(last)}` after the loop, not in it"
                yield i, words, [*before, loop, last, *after]
            if after and not isinstance(after[0], ast.FunctionDef):
                loop = _with_body(statement, [*statement.body, after[0]])
                words = f"with `{shown(after[0])}` in the loop, not after it"
                yield i, words, [*before, loop, *after[1:]]


def shown(node: ast.AST) -> str:
    """Return the first line of the text of a node, shortened."""
    text = ast.unparse(node).partition("\n")[0]
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _of_statement(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    match statement:
        case ast.AugAssign(target, op, value):
            yield (ast.Assign([target], value, lineno=statement.lineno),)
            for other in ARITHMETIC[:4]:
                if not isinstance(op, other):
                    yield (ast.AugAssign(target, other(), value),)
        case ast.Assign([ast.Name() | ast.Subscript() as target], value):
            yield (ast.AugAssign(target, ast.Add(), value),)
        case ast.If(_, body, orelse):
            yield body
            if orelse:
                yield orelse


def _with_body(loop: ast.For | ast.While, body: list[ast.stmt]) -> ast.stmt:
    if isinstance(loop, ast.While):
        return ast.While(loop.test, body, loop.orelse)
    return ast.For(loop.target, loop.iter, body, loop.orelse, loop.type_comment)


def _constant(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int(value))):
            return -value
    return None


def _number(value: float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))
