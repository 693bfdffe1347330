"""Small changes of the syntax of a function, each with a sentence that a tutor would write."""

import ast
import copy
import inspect
import io
import itertools
import textwrap
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
}
"""Each operator of arithmetic, and the one that replaces it."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
"""Each comparison, and those that replace it."""

STEP = "count_step"
"""Name of the function that each pass of a loop and each call of the function calls."""

MOST_DIMENSIONS = 4
"""Number of dimensions up to which a constant index is replaced by another one."""

Names = Mapping[str, tuple[str, ...]]
"""For each name in a function, those that could stand in its place."""

Setter = Callable[[Any], None]
"""Replaces a node in its parent."""


@dataclass(frozen=True)
class Change:
    """A change of a function.

    Attributes:
        place: The place of the change: "the loop over the columns of the kernel".
        words: What the change does, as a clause.
    """

    place: str
    words: str

    @property
    def cause(self) -> str:
        """The change as a likely cause, see `grading.diagnosis.mistakes.Mistake`."""
        return f"Look at {self.place}: {self.words}."


def changes(function: FunctionType) -> Iterator[tuple[Change, CodeType]]:
    """Yield the changes of a function, each with the code that defines the changed function.

    A comment at the end of a line names the place of all changes in this line; in a line without
    one, the place is that of the surrounding statement, and at last the function itself. The code
    calls `STEP` in each pass of a loop, because a changed loop may never end.
    """
    text = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(text)
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    names = _names(definition)
    _without_documentation(definition)
    _count_steps(definition)
    places = dict(_comments(text))
    for change in _of_body(definition, f"`{function.__name__.rstrip('_')}`", places, names):
        ast.fix_missing_locations(tree)
        try:
            code = compile(tree, function.__code__.co_filename, "exec")
        except (SyntaxError, ValueError):
            continue  # The change has no valid syntax.
        yield change, code


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a text with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")


def _names(definition: ast.FunctionDef) -> Names:
    """Return the names that are exchangeable: parameters of one type, sizes, and indices.

    A size is a local name for an element of a shape. An index is a local name that a loop counts,
    or that is computed.
    """
    groups: dict[str, list[str]] = {}
    for each in definition.args.args:
        kind = "" if each.annotation is None else ast.unparse(each.annotation)
        groups.setdefault(kind, []).append(each.arg)
    for node in ast.walk(definition):
        match node:
            case ast.For(target):
                groups.setdefault("index", []).extend(_named(target))
            case ast.Assign([target], value):
                group = groups.setdefault("size" if _is_of_shape(value) else "index", [])
                if not isinstance(value, ast.Constant | ast.Subscript) or _is_of_shape(value):
                    group.extend(_named(target))
    return {
        name: tuple(other for other in dict.fromkeys(group) if other != name)
        for group in groups.values()
        for name in group
    }


def _named(target: ast.expr) -> list[str]:
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return [part.id for part in parts if isinstance(part, ast.Name) and part.id != "_"]


def _is_of_shape(value: ast.expr) -> bool:
    match value:
        case ast.Name(name) | ast.Subscript(ast.Name(name)) | ast.Attribute(_, name):
            return name.endswith("shape")
        case ast.Tuple([first, *_]):
            return _is_of_shape(first)
    return False


def _without_documentation(definition: ast.FunctionDef) -> None:
    """Remove the docstring and the annotations, which no change concerns."""
    if ast.get_docstring(definition) is not None:
        del definition.body[0]
    definition.returns = None
    for each in definition.args.args:
        each.annotation = None


def _count_steps(definition: ast.FunctionDef) -> None:
    for node in list(ast.walk(definition)):
        if isinstance(node, ast.For | ast.While | ast.FunctionDef):
            call = ast.Expr(ast.Call(ast.Name(STEP, ast.Load()), [], []))
            node.body.insert(0, ast.copy_location(call, node))


def _is_step(node: ast.AST) -> bool:
    match node:
        case ast.Expr(ast.Call(ast.Name(name), [], [])):
            return name == STEP
    return False


def _of_body(
    node: ast.AST, place: str, places: Mapping[int, str], names: Names
) -> Iterator[Change]:
    """Apply each change of the parts of a node in turn, and yield it while it is applied."""
    for part, replace in _parts(node):
        if _is_step(part) or isinstance(part, ast.arguments):
            continue
        here = places.get(getattr(part, "lineno", 0), place)
        for words, new in _replacements(part, names):
            replace(new)
            yield Change(here, words)
            replace(part)
        if isinstance(part, ast.Subscript) and _is_indexed(part):
            yield from _of_name(part, here, names)
        else:
            yield from _of_body(part, here, places, names)


def _of_name(part: ast.Subscript, place: str, names: Names) -> Iterator[Change]:
    """Replace the name of an indexed array."""
    old = part.value
    for words, new in _replacements(old, names):
        assert isinstance(new, ast.expr)
        part.value = new
        yield Change(place, words)
        part.value = old


def _parts(node: ast.AST) -> Iterator[tuple[ast.AST, Setter]]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield value, partial(setattr, node, name)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield item, partial(value.__setitem__, i)


def _is_indexed(node: ast.AST) -> bool:
    """Return whether a node is a name with a constant index, such as a stride."""
    match node:
        case ast.Subscript(ast.Name(), slice, ast.Load()):
            return _constant(slice) is not None
    return False


def _constant(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(int(value)):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int(value))):
            return -value
    return None


def _replacements(node: ast.AST, names: Names) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.expr):
        yield from _of_expression(node, names)
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node, names)


def _of_statement(node: ast.stmt, names: Names) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Assign):
        yield from _renamed(node, names)
    match node:
        case ast.AugAssign(target, _, value):
            yield "you overwrite the value instead of changing it", ast.Assign([target], value)
            yield "it is never updated", ast.Pass()
        case ast.Assign() | ast.Expr():
            yield "it is missing", ast.Pass()
        case ast.If(test, body, []):
            yield f"the condition `{_text(test)}` is missing", ast.If(ast.Constant(True), body, [])


def _renamed(node: ast.Assign, names: Names) -> Iterator[tuple[str, ast.AST]]:
    """Replace a name that the value of an assignment contains several times, in all its places."""
    used = Counter(each.id for each in ast.walk(node.value) if isinstance(each, ast.Name))
    for name, count in used.items():
        for other in names.get(name, ()) if count > 1 else ():
            value = copy.deepcopy(node.value)
            for each in ast.walk(value):
                if isinstance(each, ast.Name) and each.id == name:
                    each.id = other
            yield f"`{other}` stands in place of `{name}`", ast.Assign(node.targets, value)


def _of_expression(node: ast.expr, names: Names) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.BinOp(left, op, right):
            yield from _of_operation(left, op, right)
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            sign = "the sign" if isinstance(node.op, ast.USub) else "`not`"
            yield f"{sign} of `{_text(operand)}` is missing", operand
        case ast.Compare(left, [op], [right]):
            for other in COMPARISONS.get(type(op), ()):
                new = ast.Compare(left, [other()], [right])
                yield f"you test `{_text(new)}`. Test `{_text(node)}`", new
        case ast.Compare(left, [first, second], [middle, right]):
            lower = ast.Compare(left, [first], [middle])
            upper = ast.Compare(middle, [second], [right])
            yield f"the condition `{_text(lower)}` is missing", upper
            yield f"the condition `{_text(upper)}` is missing", lower
            pairs = [(other(), second) for other in COMPARISONS.get(type(first), ())]
            pairs += [(first, other()) for other in COMPARISONS.get(type(second), ())]
            for pair in pairs:
                new = ast.Compare(left, list(pair), [middle, right])
                yield f"you test `{_text(new)}`. Test `{_text(node)}`", new
        case ast.BoolOp(op, values):
            other_op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "`and` and `or` are exchanged", ast.BoolOp(other_op, values)
            for i, value in enumerate(values):
                rest = [*values[:i], *values[i + 1 :]]
                kept = rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
                yield f"the condition `{_text(value)}` is missing", kept
        case ast.IfExp(test, body, orelse):
            yield "the two cases are exchanged", ast.IfExp(test, orelse, body)
            yield f"`{_text(body)}` stands in both cases", body
            yield f"`{_text(orelse)}` stands in both cases", orelse
        case ast.Constant(bool(value)):
            yield f"`{not value}` stands in place of `{value}`", ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            for number in dict.fromkeys((value + 1, value - 1, type(value)(0), -value)):
                if number != value:
                    yield f"{number} stands in place of {value}", ast.Constant(number)
        case ast.Call():
            yield from _of_call(node)
        case ast.Tuple([first, second], ast.Load()):
            yield "the two values are exchanged", ast.Tuple([second, first], ast.Load())
        case ast.Tuple([first, second], ast.Store()):
            yield "the two values are exchanged", ast.Tuple([second, first], ast.Store())
        case ast.Name(name, ast.Load()):
            for other_name in names.get(name, ()):
                words = f"`{other_name}` stands in place of `{name}`"
                yield words, ast.Name(other_name, ast.Load())
        case ast.Subscript(ast.Name(name), index, ast.Load()) if _constant(index) is not None:
            dim = _constant(index)
            assert dim is not None
            first_index = -MOST_DIMENSIONS if dim < 0 else 0
            for other_index in range(first_index, first_index + MOST_DIMENSIONS):
                if other_index != dim:
                    new_slice = ast.Constant(other_index)
                    new_part = ast.Subscript(ast.Name(name, ast.Load()), new_slice, ast.Load())
                    yield f"`{name}[{other_index}]` stands in place of `{name}[{dim}]`", new_part


def _of_operation(
    left: ast.expr, op: ast.operator, right: ast.expr
) -> Iterator[tuple[str, ast.AST]]:
    whole = _text(ast.BinOp(left, op, right))
    if type(op) in ARITHMETIC:
        new = ast.BinOp(left, ARITHMETIC[type(op)](), right)
        yield f"you compute `{_text(new)}`. Compute `{whole}`", new
    if not isinstance(op, ast.Add | ast.Mult):
        new = ast.BinOp(right, op, left)
        yield f"the operands are exchanged: you compute `{_text(new)}`. Compute `{whole}`", new
    noun = "factor" if isinstance(op, ast.Mult) else "term" if isinstance(op, ast.Add) else "part"
    yield f"the {noun} `{_text(right)}` is missing in `{whole}`", left
    yield f"the {noun} `{_text(left)}` is missing in `{whole}`", right


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Call(ast.Name("range"), [stop]):
            one = ast.Constant(1)
            shorter = ast.Call(node.func, [ast.BinOp(stop, ast.Sub(), one)], [])
            yield "it ends one too early", shorter
            yield "it begins one too late", ast.Call(node.func, [one, stop], [])
            longer = ast.Call(node.func, [ast.BinOp(stop, ast.Add(), one)], [])
            yield "it ends one too late", longer
        case ast.Call(func, [first, second, *more], keywords):
            words = f"the first two arguments of `{_text(func)}` are exchanged"
            yield words, ast.Call(func, [second, first, *more], keywords)
            for i, (left, right) in enumerate(itertools.pairwise(more)):
                others = [*more[:i], right, left, *more[i + 2 :]]
                words = f"the arguments `{_text(left)}` and `{_text(right)}` are exchanged"
                yield words, ast.Call(func, [first, second, *others], keywords)
            if more:
                words = f"the arguments `{_text(second)}` and `{_text(more[0])}` are exchanged"
                yield words, ast.Call(func, [first, more[0], second, *more[1:]], keywords)
        case ast.Call(func, [first], []):
            yield f"`{_text(func)}` is not applied", first
    for i, keyword in enumerate(node.keywords):
        kept = [*node.keywords[:i], *node.keywords[i + 1 :]]
        yield f"the argument `{keyword.arg}` is missing", ast.Call(node.func, node.args, kept)


def _text(node: ast.AST) -> str:
    return ast.unparse(node)
