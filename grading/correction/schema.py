"""A text that contains a file and all its changes, of which one at a time is in effect.

The technique is that of mutant schemata ("Mutation Analysis Using Mutant Schemata", Untch, Offutt
and Harrold, 1993): the file is imported once, and a number selects the change. Each changed
expression becomes `(original if selected.site != 7 else change)`, and each changed block an `if`
statement. Places are numbered from 1.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from grading.correction.changes import (
    Scope,
    block_changes,
    insertions,
    is_changeable,
    parts,
    replacements,
    shown,
)
from grading.submissions.syntax import Function

SELECTED, COUNT_STEP = "_selected", "_count_step"
"""Names in the changed file of the selection, and of the function that counts passes of loops."""

Role: TypeAlias = Literal["value", "base", "callee"]
"""Role of an expression in the one around it."""

IMPORT = f"from grading.driver.correction import selected as {SELECTED}, count_step as {COUNT_STEP}"


@dataclass(frozen=True)
class Edit:
    """A change of one place.

    Attributes:
        site: The number of the place.
        number: The number of the change at this place.
        line: The line of the place, from 1.
        function: The name of the function.
        file: The path of the file, relative to the submission.
        change: Returns the change as a clause that begins with "with" or "without".
    """

    site: int
    number: int
    line: int
    function: str
    file: str
    change: Callable[[], str]


class Schema:
    """Texts with changes of some files.

    Attributes:
        edits: All changes so far.

    Args:
        inserts: True for changes that insert a part, False for all others.
    """

    def __init__(self, inserts: bool) -> None:
        self.edits: list[Edit] = []
        self._inserts = inserts
        self._site = 0
        self._function = ""
        self._file = ""

    def text(self, file: str, tree: ast.Module, functions: Iterable[tuple[str, Function]]) -> str:
        """Return the text of a file with all changes of some functions.

        Args:
            file: The path of the file, relative to the submission.
            tree: Its syntax tree, which is changed.
            functions: The functions and their names.
        """
        self._file = file
        common = _of_file(tree)
        for name, function in functions:
            self._function = name
            self._body(function, common, [])
        first = 0
        while first < len(tree.body) and _is_header(tree.body[first]):
            first += 1
        tree.body[first:first] = ast.parse(IMPORT).body
        return ast.unparse(ast.fix_missing_locations(tree))

    def _body(self, function: Function, common: Scope, outer: Sequence[str]) -> None:
        parameters = [
            each.arg
            for each in (
                *function.args.posonlyargs,
                *function.args.args,
                *function.args.kwonlyargs,
                *filter(None, (function.args.vararg,)),
            )
        ]
        stored = [
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        names = list(dict.fromkeys((*parameters, *stored, *outer)))
        scope = Scope(
            names=[name for name in names if name != "self"],
            parameters=[name for name in (*parameters, *outer) if name != "self"],
            called=common.called,
            methods=common.methods,
            attributes=common.attributes,
            keywords=common.keywords,
            parts=parts(function, names),
        )
        first = ast.get_docstring(function, clean=False) is not None
        documentation, body = function.body[:first], function.body[first:]
        function.body = documentation + self._block(body, scope)

    def _block(self, block: list[ast.stmt], scope: Scope) -> list[ast.stmt]:
        if not block:
            return block
        # A declaration must not stand in both branches of an `if` statement.
        declares = any(isinstance(each, ast.Global | ast.Nonlocal) for each in block)
        changes = [] if self._inserts or declares else list(block_changes(block))
        site = self._new_site()
        for number, (i, words, _) in enumerate(changes):
            self._add(site, number, block[i], partial(str, words))
        original = [each for statement in block for each in self._statement(statement, scope)]
        if not changes:
            return original
        blocks = [changed for *_, changed in changes]
        return [ast.If(_differs(site), original, _chosen_block(blocks, 0))]

    def _statement(self, statement: ast.stmt, scope: Scope) -> list[ast.stmt]:
        if isinstance(statement, Function):
            self._body(statement, scope, scope.names)
            return [statement]
        if isinstance(statement, ast.ClassDef | ast.Import | ast.ImportFrom | ast.Match):
            return [statement]
        changed: dict[str, Any] = {}
        for name, value in ast.iter_fields(statement):
            if isinstance(value, ast.expr):
                changed[name] = self._expression(value, scope)
            elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
                changed[name] = [self._expression(each, scope) for each in value]
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                changed[name] = self._block(value, scope)
            else:
                changed[name] = value
        if isinstance(statement, ast.AnnAssign):
            changed["annotation"] = statement.annotation
        new = type(statement)(**changed)
        if isinstance(new, ast.For | ast.While):
            new.body.insert(0, ast.Expr(ast.Call(ast.Name(COUNT_STEP, ast.Load()), [], [])))
        return [new]

    def _expression(self, node: ast.expr, scope: Scope, role: Role = "value") -> ast.expr:
        """Return an expression with the changes of it and of its parts.

        Args:
            node: The expression.
            scope: What the changes may use.
            role: "callee" for a function that is called, and "base" for what is before an index or
                an attribute: nothing is inserted there.
        """
        changes: list[ast.expr] = []
        if is_changeable(node) and not self._inserts:
            changes = list(replacements(node, scope, role == "callee"))
        elif is_changeable(node) and role == "value":
            changes = list(insertions(node, scope))
        site = self._new_site()
        for number, new in enumerate(changes):
            self._add(site, number, node, partial(_in_place_of, new, node))
        inner = self._with_parts(node, scope)
        return ast.IfExp(_differs(site), inner, _chosen(changes, 0)) if changes else inner

    def _with_parts(self, node: ast.expr, scope: Scope) -> ast.expr:
        if isinstance(node, ast.Lambda | ast.JoinedStr | ast.NamedExpr):
            return node
        changed: dict[str, Any] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                role = _role(node, name)
                changed[name] = self._expression(value, scope, role)
            elif isinstance(value, list):
                changed[name] = [self._item(each, scope) for each in value]
            else:
                changed[name] = value
        return type(node)(**changed)

    def _item(self, item: object, scope: Scope) -> object:
        match item:
            case ast.expr():
                return self._expression(item, scope)
            case ast.keyword(arg, value):
                return ast.keyword(arg, self._expression(value, scope))
            case ast.comprehension(target, iterated, tests, is_async):
                inner = [self._expression(each, scope) for each in tests]
                return ast.comprehension(target, self._expression(iterated, scope), inner, is_async)
        return item

    def _new_site(self) -> int:
        self._site += 1
        return self._site

    def _add(self, site: int, number: int, node: ast.AST, change: Callable[[], str]) -> None:
        line = getattr(node, "lineno", 0)
        self.edits.append(Edit(site, number, line, self._function, self._file, change))


def _in_place_of(new: ast.expr, old: ast.expr) -> str:
    return f"with `{shown(new)}` in place of `{shown(old)}`"


def _role(node: ast.expr, field: str) -> Role:
    if field == "func":
        return "callee"
    return (
        "base" if field == "value" and isinstance(node, ast.Subscript | ast.Attribute) else "value"
    )


def _is_header(statement: ast.stmt) -> bool:
    """Return whether a statement has to stay at the beginning of a file."""
    match statement:
        case ast.ImportFrom("__future__"):
            return True
        case ast.Expr(ast.Constant(str())):
            return True
    return False


def _of_file(tree: ast.Module) -> Scope:
    """Return what changes of all functions of a file may use."""
    scope = Scope()
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(_, method), [], []):
                _append(scope.methods, method)
        if isinstance(node, ast.Call):
            func = node.func
            name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if isinstance(func, ast.Name) or _is_path(func):
                _append(scope.called, ast.unparse(func))
            known = scope.keywords.setdefault(name, [])
            texts = {ast.unparse(each) for each in known}
            known += [each for each in node.keywords if ast.unparse(each) not in texts]
        if isinstance(node, ast.Attribute):
            _append(scope.attributes.setdefault(ast.unparse(node.value), []), node.attr)
    return scope


def _is_path(node: ast.expr) -> bool:
    """Return whether an expression is a name with attributes, such as `functions.ReLU.apply`."""
    return isinstance(node, ast.Attribute) and (
        isinstance(node.value, ast.Name) or _is_path(node.value)
    )


def _append(items: list[str], item: str) -> None:
    if item not in items:
        items.append(item)


def _selected(name: str) -> ast.expr:
    return ast.Attribute(ast.Name(SELECTED, ast.Load()), name, ast.Load())


def _differs(site: int) -> ast.expr:
    return ast.Compare(_selected("site"), [ast.NotEq()], [ast.Constant(site)])


def _less(number: int) -> ast.expr:
    return ast.Compare(_selected("number"), [ast.Lt()], [ast.Constant(number)])


def _chosen(changes: Sequence[ast.expr], first: int) -> ast.expr:
    """Return the selected expression: a balanced tree, so that nesting stays small."""
    if len(changes) == 1:
        return changes[0]
    half = len(changes) // 2
    left, right = _chosen(changes[:half], first), _chosen(changes[half:], first + half)
    return ast.IfExp(_less(first + half), left, right)


def _chosen_block(blocks: Sequence[list[ast.stmt]], first: int) -> list[ast.stmt]:
    if len(blocks) == 1:
        return list(blocks[0])
    half = len(blocks) // 2
    left, right = _chosen_block(blocks[:half], first), _chosen_block(blocks[half:], first + half)
    return [ast.If(_less(first + half), left, right)]


def functions_in(tree: ast.AST) -> Iterator[Function]:
    """Yield the functions of a class, or the function itself."""
    if isinstance(tree, Function):
        yield tree
    elif isinstance(tree, ast.ClassDef):
        for each in tree.body:
            yield from functions_in(each)
